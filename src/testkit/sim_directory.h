// The audit log's directory on a disk that loses power. Shares that disk with the store, so that one power
// cut hits both at once.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "audit/disk.h"
#include "store/sim_disk.h"

namespace strongroom::testkit {

// Any thread. The disk must outlive it; names on it begin with "audit/".
class SimDirectory final : public audit::Disk {
 public:
  explicit SimDirectory(store::SimDisk& disk) : disk_(disk), open_(std::make_shared<Open>()) {}
  Result<std::unique_ptr<audit::DiskFile>> open(std::string_view name, Mode) override;
  Result<std::vector<std::string>> names() const override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override { return disk_.remove(full(name)); }
  Status sync_names() override { return disk_.sync_directory(); }
  std::uint64_t free_bytes() const noexcept override { return disk_.room(); }

 private:
  // Paths of open files: a rename moves them along, as a descriptor would.
  struct Open {
    std::mutex mutex;
    std::vector<std::weak_ptr<std::string>> paths;  // under mutex
  };
  class File;
  static std::string full(std::string_view name) { return "audit/" + std::string(name); }

  store::SimDisk& disk_;
  const std::shared_ptr<Open> open_;
};

}  // namespace strongroom::testkit
