#include "store/window.h"

#include <algorithm>

#include "store/tables.h"

namespace strongroom::store {

Window::Window(std::size_t revisions, Revision newest)
    : revisions_(revisions), newest_(newest), floor_(newest), slots_(kSlots, 0) {}

std::size_t Window::Keys::lower_bound(std::string_view key) const noexcept {
  std::size_t low = 0;
  std::size_t high = ends.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (at(middle) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Status Window::check(const Transaction& txn) const {
  if (txn.reads.empty()) return {};
  if (txn.snapshot < floor_) return fail(Code::conflict, "the request took too long; try again");
  if (txn.snapshot >= newest_ && forming_.empty()) return {};
  for (const Read& read : txn.reads) {
    if (written_since(txn.snapshot, read))
      return fail(Code::conflict, "another request changed what this one read");
  }
  return {};
}

bool Window::written_since(Revision snapshot, const Read& read) const {
  const bool point = read.last.empty();
  if (point && slots_[slot(read.first)] <= snapshot) return false;
  for (auto group = groups_.rbegin(); group != groups_.rend() && group->last > snapshot; ++group) {
    const std::size_t i = group->lower_bound(read.first);
    if (i == group->ends.size()) continue;
    const std::string_view found = group->at(i);
    if (point ? found == read.first : found < read.last) return true;
  }
  return std::any_of(forming_.begin(), forming_.end(), [&](std::string_view key) {
    return point ? key == read.first : key >= read.first && key < read.last;
  });
}

void Window::note(const Transaction& txn) {
  for (const Put& put : txn.puts) {
    forming_.push_back(put.key);
    // Above every snapshot there is; settle() lowers nothing, so it stays a safe bound.
    Revision& newest = slots_[slot(put.key)];
    newest = std::max(newest, newest_ + 1);
  }
}

void Window::settle(Revision last, const std::vector<Write>& writes) {
  forming_.clear();
  newest_ = last;
  Keys keys;
  if (groups_.size() > 1 && groups_.front().last + revisions_ <= last) {
    floor_ = groups_.front().last;
    keys = std::move(groups_.front());  // its buffers serve again
    groups_.pop_front();
    keys.bytes.clear();
    keys.ends.clear();
  }
  while (groups_.size() > 1 && groups_.front().last + revisions_ <= last) {
    floor_ = groups_.front().last;
    groups_.pop_front();
  }
  keys.last = last;
  static const Key outbox = table_key(Table::outbox);
  for (const Write& write : writes) {
    if (write.key.starts_with(outbox)) continue;  // no request reads it
    keys.bytes += write.key;
    keys.ends.push_back(static_cast<std::uint32_t>(keys.bytes.size()));
    slots_[slot(write.key)] = last;
  }
  groups_.push_back(std::move(keys));
}

}  // namespace strongroom::store
