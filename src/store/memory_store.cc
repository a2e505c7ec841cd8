#include "store/memory_store.h"

#include "store/tables.h"

namespace strongroom::store {

Status check_group(const Group& group, Revision newest) {
  const bool housekeeping = group.first == group.last + 1;
  if (!housekeeping && (group.first != newest + 1 || group.last < group.first)) {
    return fail(Code::internal, "the group does not follow the newest revision");
  }
  for (const Write& write : group.writes) {
    if (write.key.empty() || write.key.size() > kMostKey) {
      return fail(Code::invalid_argument, "a store key has 1 to 480 bytes");
    }
  }
  return {};
}

Result<std::unique_ptr<Snapshot>> MemoryStore::snapshot() {
  const std::lock_guard lock(mutex_);
  return std::make_unique<TreeSnapshot>(tree_, revision_);
}

Status MemoryStore::apply(const Group& group, std::uint64_t epoch) {
  std::unique_lock lock(mutex_);
  if (epoch == 0 || epoch != epoch_) return fail(Code::fenced, "another epoch leads this store");
  SR_TRY(check_group(group, revision_));
  SnapshotTree next = tree_;
  lock.unlock();
  next.new_edition();
  for (const Write& write : group.writes) {
    if (write.value) {
      next.put(write.key, *write.value);
    } else {
      next.erase(write.key);
    }
  }
  lock.lock();
  if (epoch != epoch_) return fail(Code::fenced, "another epoch leads this store");
  std::swap(tree_, next);
  if (group.last >= group.first) revision_ = group.last;
  lock.unlock();  // before the old tree dies
  return {};
}

Result<std::uint64_t> MemoryStore::lead() {
  const std::lock_guard lock(mutex_);
  return ++epoch_;
}

}  // namespace strongroom::store
