#include "store/snapshot_tree.h"

namespace strongroom::store {
namespace {

// A fixed function of the key, so the shape depends on the keys alone.
std::uint64_t priority_of(std::string_view key) noexcept {
  std::uint64_t x = std::hash<std::string_view>{}(key);
  x ^= x >> 32;
  x *= 0x9e3779b97f4a7c15U;
  return x ^ x >> 29;
}

}  // namespace

std::optional<std::string_view> SnapshotTree::find(std::string_view key) const noexcept {
  const Node* node = root_.get();
  while (node != nullptr) {
    const int order = key.compare(node->entry->key);
    if (order == 0) return node->entry->value;
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return std::nullopt;
}

bool SnapshotTree::scan(const Node* node, std::string_view first, std::string_view last,
                        const Snapshot::Visit& visit) {
  if (node == nullptr) return true;
  const std::string_view key = node->entry->key;
  if (key >= first) {
    if (!scan(node->left.get(), first, last, visit)) return false;
    if (key < last && !visit(key, node->entry->value)) return false;
  }
  return key >= last || scan(node->right.get(), first, last, visit);
}

void SnapshotTree::own(Ref& node) const {
  if (node->edition == edition_) return;
  node = std::make_shared<Node>(*node);
  node->edition = edition_;
}

void SnapshotTree::put(std::string_view key, std::string_view value) {
  if (!find(key)) ++size_;
  put(root_, std::make_shared<const Entry>(Entry{Key(key), std::string(value), priority_of(key)}));
}

void SnapshotTree::put(Ref& node, const std::shared_ptr<const Entry>& entry) {
  if (node == nullptr) {
    node = std::make_shared<Node>(Node{entry, nullptr, nullptr, edition_});
    return;
  }
  own(node);
  const int order = entry->key.compare(node->entry->key);
  if (order == 0) {
    node->entry = entry;
    return;
  }
  Ref& side = order < 0 ? node->left : node->right;
  put(side, entry);
  if (side->entry->priority <= node->entry->priority) return;
  // Rotates the child up; both belong to this edition.
  Ref child = std::move(side);
  if (order < 0) {
    node->left = std::move(child->right);
    child->right = std::move(node);
  } else {
    node->right = std::move(child->left);
    child->left = std::move(node);
  }
  node = std::move(child);
}

void SnapshotTree::erase(std::string_view key) {
  if (!find(key)) return;
  --size_;
  erase(root_, key);
}

void SnapshotTree::erase(Ref& node, std::string_view key) {
  const int order = key.compare(node->entry->key);
  if (order == 0) {
    node = join(node->left, node->right);
    return;
  }
  own(node);
  erase(order < 0 ? node->left : node->right, key);
}

SnapshotTree::Ref SnapshotTree::join(Ref left, Ref right) const {
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  if (left->entry->priority > right->entry->priority) {
    own(left);
    left->right = join(std::move(left->right), std::move(right));
    return left;
  }
  own(right);
  right->left = join(std::move(left), std::move(right->left));
  return right;
}

}  // namespace strongroom::store
