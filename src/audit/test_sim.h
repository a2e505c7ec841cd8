// The audit log's directory on a disk that loses power (store/sim_disk.h).
#pragma once
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "audit/disk.h"
#include "store/sim_disk.h"

namespace strongroom::audit::test {

class SimDirectory final : public Disk {
  using Path = std::shared_ptr<std::string>;
  class File final : public DiskFile {
   public:
    File(store::SimDisk& disk, Path path) : disk_(disk), path_(std::move(path)) {}
    Result<std::string> read(std::uint64_t offset, std::size_t most) const override {
      return disk_.read(*path_, offset, most);
    }
    Status write(std::uint64_t offset, std::string_view s) override {
      return disk_.pwrite(*path_, offset, s);
    }
    Status sync() override { return disk_.fsync(*path_); }
    Status truncate(std::uint64_t size) override { return disk_.truncate(*path_, size); }
    Result<std::uint64_t> size() const override { return disk_.size(*path_); }

   private:
    store::SimDisk& disk_;
    Path path_;  // follows renames, as a descriptor does
  };

 public:
  explicit SimDirectory(store::SimDisk& disk) : disk_(disk) {}
  Result<std::unique_ptr<DiskFile>> open(std::string_view name, Mode mode) override {
    if (!disk_.exists(name)) {
      if (disk_.crashed()) return fail(Code::unavailable, "the disk has lost power");
      if (mode != Mode::create) return fail(Code::not_found, "no such file");
      SR_TRY(disk_.create(name));
    }
    paths_.push_back(std::make_shared<std::string>(name));
    return std::make_unique<File>(disk_, paths_.back());
  }
  Result<std::vector<std::string>> names() const override {
    if (disk_.crashed()) return fail(Code::unavailable, "the disk has lost power");
    return disk_.list("");
  }
  Status rename(std::string_view from, std::string_view to) override {
    SR_TRY(disk_.rename(from, to));
    for (const Path& p : paths_)
      if (*p == from) *p = to;
    return {};
  }
  Status remove(std::string_view name) override { return disk_.remove(name); }
  Status sync_names() override { return disk_.sync_directory(); }
  std::uint64_t free_bytes() const noexcept override { return free_; }
  void set_free(std::uint64_t bytes) { free_ = bytes; }

 private:
  store::SimDisk& disk_;
  std::vector<Path> paths_;
  std::atomic<std::uint64_t> free_{UINT64_MAX};
};

inline std::uint64_t seeds(std::uint64_t usual) {
  const char* asked = std::getenv("SR_SEEDS");
  return asked != nullptr ? std::strtoull(asked, nullptr, 10) : usual;
}

}  // namespace strongroom::audit::test
