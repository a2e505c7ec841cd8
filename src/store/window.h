// Window: which keys the last transactions wrote, so that a transaction that read one of them before loses.
// The committer's alone.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "store/txn.h"

namespace strongroom::store {

// Two layers. A table of slots by key hash holds the newest revision of any key that falls there: a slot not
// newer than the snapshot proves that the key was not written since. Otherwise the sorted keys of each group
// since the snapshot tell exactly. Snapshots lie between groups, so a group has one revision, its last.
class Window {
 public:
  explicit Window(std::size_t revisions, Revision newest);

  // Code::conflict when something that `txn` read was written after its snapshot: by a group within the
  // window or by a transaction noted for the group being formed. A snapshot older than the window counts as
  // lost.
  Status check(const Transaction& txn) const;
  // `txn` joins the group being formed; its puts must stay in place until settle() or forget().
  void note(const Transaction& txn);
  // The group is durable: `writes` sorted by key.
  void settle(Revision last, const std::vector<Write>& writes);
  void forget() { forming_.clear(); }

 private:
  struct Keys {
    Revision last = 0;
    std::string bytes;
    std::vector<std::uint32_t> ends;
    std::string_view at(std::size_t i) const noexcept {
      const std::size_t begin = i == 0 ? 0 : ends[i - 1];
      return std::string_view(bytes).substr(begin, ends[i] - begin);
    }
    std::size_t lower_bound(std::string_view key) const noexcept;
  };
  static constexpr std::size_t kSlots = 1 << 14;

  static std::size_t slot(std::string_view key) noexcept {
    return std::hash<std::string_view>{}(key) % kSlots;
  }
  bool written_since(Revision snapshot, const Read&) const;

  std::size_t revisions_;
  Revision newest_;
  Revision floor_;  // snapshots below it are lost
  std::vector<Revision> slots_;
  std::deque<Keys> groups_;
  std::vector<std::string_view> forming_;
};

}  // namespace strongroom::store
