// FaultStore: a durable store over a SimDisk, for tests of everything above it when power fails, syncs fail,
// disks fill and outcomes stay unknown. A log of checksummed groups, replayed at start. Never in the product.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "store/sim_disk.h"
#include "store/snapshot_tree.h"
#include "store/store.h"

namespace strongroom::store {

// One file: frames of length (4) ‖ checksum (8) ‖ body, body = epoch ‖ first ‖ last ‖ writes. A frame that
// does not verify ends the log, and is cut off. Ordinary groups leave kReserve of the disk to those that
// erase.
class FaultStore final : public Store {
 public:
  // The disk must outlive it. Opens what is there, after SimDisk::restart() as a new process would.
  static Result<std::unique_ptr<FaultStore>> open(SimDisk&, std::string file = "store/log");

  Result<std::unique_ptr<Snapshot>> snapshot() override;
  Status apply(const Group&, std::uint64_t epoch) override;
  Result<std::uint64_t> lead() override;
  Status reopen() override;
  Traits traits() const noexcept override { return {}; }
  static constexpr std::uint64_t kReserve = 16 * 1024;

  // The next apply() answers outcome_unknown though nothing failed below: with the group there, or not.
  enum class Unknown : std::uint8_t { none, applied, dropped };
  void next_outcome(Unknown);

 private:
  FaultStore(SimDisk& disk, std::string file) : disk_(disk), file_(std::move(file)) {}
  Status load();
  Status write(const Group&, std::uint64_t epoch);  // durable, then published

  SimDisk& disk_;
  const std::string file_;
  std::mutex mutex_;  // what is published
  SnapshotTree tree_;
  Revision revision_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t end_ = 0;  // of the good part of the log
  bool failed_ = false;
  std::atomic<Unknown> next_ = Unknown::none;
};

}  // namespace strongroom::store
