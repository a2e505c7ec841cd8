// MemoryStore: the whole store in this process, gone with it. For -dev and for tests.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>

#include "store/snapshot_tree.h"
#include "store/store.h"

namespace strongroom::store {

class MemoryStore final : public Store {
 public:
  Result<std::unique_ptr<Snapshot>> snapshot() override;
  Status apply(const Group&, std::uint64_t epoch) override;
  Result<std::uint64_t> lead() override;
  Status reopen() override { return {}; }
  Traits traits() const noexcept override { return {}; }

 private:
  std::mutex mutex_;  // what is published; the writer changes its own copy outside
  SnapshotTree tree_;
  Revision revision_ = 0;
  std::uint64_t epoch_ = 0;
};

// What every backend checks before it writes: revisions dense, keys 1 to 480 bytes.
Status check_group(const Group&, Revision newest);

}  // namespace strongroom::store
