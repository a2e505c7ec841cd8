#include "store/fault_store.h"

#include "base/bytes.h"
#include "store/memory_store.h"

namespace strongroom::store {
namespace {

constexpr std::size_t kHead = 12;

// FNV-1a with a final mix: enough to notice a torn frame.
std::uint64_t checksum(std::string_view bytes) noexcept {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : bytes) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdU;
  return h ^ h >> 33;
}

std::string frame(const Group& group, std::uint64_t epoch) {
  std::string body;
  put_u64(body, epoch);
  put_u64(body, group.first);
  put_u64(body, group.last);
  for (const Write& write : group.writes) {
    put_u32(body, static_cast<std::uint32_t>(write.key.size()));
    put_u32(body, write.value ? static_cast<std::uint32_t>(write.value->size()) : UINT32_MAX);
    body += write.key;
    if (write.value) body += *write.value;
  }
  std::string out;
  put_u32(out, static_cast<std::uint32_t>(body.size()));
  put_u64(out, checksum(body));
  return out + body;
}

void apply_to(SnapshotTree& tree, std::string_view writes) {
  while (!writes.empty()) {
    const auto key_size = static_cast<std::size_t>(get_be(writes.substr(0, 4)));
    const auto value_size = static_cast<std::uint32_t>(get_be(writes.substr(4, 4)));
    const std::string_view key = writes.substr(8, key_size);
    writes.remove_prefix(8 + key_size);
    if (value_size == UINT32_MAX) {
      tree.erase(key);
    } else {
      tree.put(key, writes.substr(0, value_size));
      writes.remove_prefix(value_size);
    }
  }
}

}  // namespace

Result<std::unique_ptr<FaultStore>> FaultStore::open(SimDisk& disk, std::string file) {
  std::unique_ptr<FaultStore> store(new FaultStore(disk, std::move(file)));
  if (!disk.exists(store->file_)) {
    SR_TRY(disk.create(store->file_));
    SR_TRY(disk.sync_directory());
  }
  SR_TRY(store->load());
  return store;
}

Status FaultStore::load() {
  SR_LET(const std::string log, disk_.read(file_));
  SnapshotTree tree;
  Revision revision = 0;
  std::uint64_t epoch = 0;
  std::size_t at = 0;
  std::size_t last_frame = 0;
  while (log.size() - at >= kHead) {
    const std::string_view rest = std::string_view(log).substr(at);
    const auto size = static_cast<std::size_t>(get_be(rest.substr(0, 4)));
    if (size < 24 || rest.size() - kHead < size) break;
    const std::string_view body = rest.substr(kHead, size);
    if (get_be(rest.substr(4, 8)) != checksum(body)) break;
    epoch = get_be(body.substr(0, 8));
    const Revision first = get_be(body.substr(8, 8));
    const Revision last = get_be(body.substr(16, 8));
    if (last >= first) revision = last;
    apply_to(tree, body.substr(24));
    last_frame = at;
    at += kHead + size;
  }
  // What was read may be in the cache only, and what follows may be half a frame: the last frame is written
  // again, the rest cut off, and one sync makes that the truth.
  if (at > last_frame) {
    SR_TRY(disk_.pwrite(file_, last_frame, std::string_view(log).substr(last_frame, at - last_frame)));
  }
  SR_TRY(disk_.truncate(file_, at));
  SR_TRY(disk_.fsync(file_));
  const std::lock_guard lock(mutex_);
  tree_ = std::move(tree);
  revision_ = revision;
  epoch_ = epoch;
  end_ = at;
  failed_ = false;
  return {};
}

Result<std::unique_ptr<Snapshot>> FaultStore::snapshot() {
  const std::lock_guard lock(mutex_);
  if (disk_.crashed()) return fail(Code::unavailable, "the disk has lost power");
  return std::make_unique<TreeSnapshot>(tree_, revision_);
}

Status FaultStore::write(const Group& group, std::uint64_t epoch) {
  const std::string bytes = frame(group, epoch);
  if (group.space == Group::Space::ordinary && disk_.room() < bytes.size() + kReserve) {
    return fail(Code::no_space, "the disk is full");
  }
  if (const Status written = disk_.pwrite(file_, end_, bytes); !written) {
    if (written.error().code == Code::no_space) return fail(Code::no_space, "the disk is full");
    failed_ = true;
    return fail(Code::outcome_unknown, "a write failed", written.error().message);
  }
  if (const Status synced = disk_.fsync(file_); !synced) {
    failed_ = true;
    return fail(Code::outcome_unknown, "a sync failed", synced.error().message);
  }
  end_ += bytes.size();
  return {};
}

Status FaultStore::apply(const Group& group, std::uint64_t epoch) {
  if (failed_) return fail(Code::outcome_unknown, "the store must be reopened");
  if (epoch == 0 || epoch != epoch_) return fail(Code::fenced, "another epoch leads this store");
  SR_TRY(check_group(group, revision_));
  const Unknown outcome = next_.exchange(Unknown::none);
  if (outcome == Unknown::dropped) {
    failed_ = true;
    return fail(Code::outcome_unknown, "told to fail before the write");
  }
  SR_TRY(write(group, epoch));
  if (outcome == Unknown::applied) {
    failed_ = true;
    return fail(Code::outcome_unknown, "told to fail after the write");
  }
  SnapshotTree next = tree_;
  next.new_edition();
  for (const Write& w : group.writes) {
    if (w.value) {
      next.put(w.key, *w.value);
    } else {
      next.erase(w.key);
    }
  }
  const std::lock_guard lock(mutex_);
  tree_ = std::move(next);
  if (group.last >= group.first) revision_ = group.last;
  return {};
}

Result<std::uint64_t> FaultStore::lead() {
  if (failed_) return fail(Code::outcome_unknown, "the store must be reopened");
  Group nothing;
  nothing.first = revision_ + 1;
  nothing.last = revision_;
  nothing.space = Group::Space::reserve;
  SR_TRY(write(nothing, epoch_ + 1));
  return ++epoch_;
}

Status FaultStore::reopen() { return load(); }

void FaultStore::next_outcome(Unknown outcome) { next_ = outcome; }

}  // namespace strongroom::store
