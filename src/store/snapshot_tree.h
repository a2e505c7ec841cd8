// SnapshotTree: an ordered map whose copies are snapshots. Stores that keep their state in memory are built
// on it: a snapshot is one pointer and later writes never touch what it sees.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.h"

namespace strongroom::store {

// A treap with shared nodes; a write copies the path to its key unless this edition already owns it. Copying
// the object is O(1). One writer; any number of threads may read copies.
class SnapshotTree {
 public:
  std::optional<std::string_view> find(std::string_view key) const noexcept;  // lives as long as any copy
  // False when `visit` ended it.
  bool scan(std::string_view first, std::string_view last, const Snapshot::Visit& visit) const {
    return scan(root_.get(), first, last, visit);
  }
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  // Call before the first write after a copy was handed out: nodes written so far are never changed again.
  void new_edition() noexcept { ++edition_; }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Entry {
    Key key;
    std::string value;
    std::uint64_t priority = 0;
  };
  struct Node;
  using Ref = std::shared_ptr<Node>;
  struct Node {
    std::shared_ptr<const Entry> entry;
    Ref left;
    Ref right;
    std::uint64_t edition = 0;
  };

  static bool scan(const Node*, std::string_view first, std::string_view last, const Snapshot::Visit&);
  void own(Ref&) const;  // copies a node of an older edition
  void put(Ref&, const std::shared_ptr<const Entry>&);
  void erase(Ref&, std::string_view key);
  Ref join(Ref left, Ref right) const;

  Ref root_;
  std::uint64_t edition_ = 1;
  std::size_t size_ = 0;
};

class TreeSnapshot final : public Snapshot {
 public:
  TreeSnapshot(SnapshotTree tree, Revision revision) : tree_(std::move(tree)), revision_(revision) {}
  Revision revision() const noexcept override { return revision_; }
  Result<std::optional<std::string_view>> get(std::string_view key) const override { return tree_.find(key); }
  Status scan(std::string_view first, std::string_view last, const Visit& visit) const override {
    static_cast<void>(tree_.scan(first, last, visit));
    return {};
  }

 private:
  const SnapshotTree tree_;
  const Revision revision_;
};

}  // namespace strongroom::store
