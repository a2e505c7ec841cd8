#include "engines/kv/payload.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace strongroom::engines::kv {
namespace {

// An object's members by name; of equal names the last counts, at the place of the first.
class Members {
 public:
  explicit Members(const json::Node& object) {
    list_.reserve(object.size());
    index_.reserve(object.size());
    for (const json::Node m : object) {
      const auto [at, fresh] = index_.try_emplace(m.key(), list_.size());
      if (fresh)
        list_.push_back(m);
      else
        list_[at->second] = m;
    }
  }
  const json::Node* find(std::string_view name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? nullptr : &list_[at->second];
  }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<json::Node> list_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

// Depth is bounded by the reader's limit on nesting.
void merge(const json::Node* target, const json::Node& patch, json::Writer& out) {
  if (!patch.is_object()) {
    out.raw(patch.source());
    return;
  }
  const Members changes(patch);
  const Members before(target != nullptr && target->is_object() ? *target : json::Node());
  out.begin_object();
  for (const auto& m : before) {
    const auto* change = changes.find(m.key());
    if (change != nullptr && change->is_null()) continue;
    out.key(m.key());
    if (change == nullptr)
      out.raw(m.source());
    else
      merge(&m, *change, out);
  }
  for (const auto& change : changes) {
    if (change.is_null() || before.find(change.key()) != nullptr) continue;
    out.key(change.key());
    merge(nullptr, change, out);
  }
  out.end_object();
}

void skeleton(const json::Node& object, std::size_t left, json::Writer& out) {
  out.begin_object();
  for (const auto& m : Members(object)) {
    out.key(m.key());
    if (m.is_object() && m.size() != 0 && left != 1)
      skeleton(m, left == 0 ? 0 : left - 1, out);
    else
      out.null();
  }
  out.end_object();
}
}  // namespace

SecretText merge_patch(const json::Node& target, const json::Node& patch) {
  SecretText out;
  out.reserve(target.source().size() + patch.source().size());
  json::Writer writer(out);
  merge(&target, patch, writer);
  return out;
}

SecretText subkeys(const json::Node& object, std::size_t depth) {
  SecretText out;
  json::Writer writer(out);
  if (object.is_object())
    skeleton(object, depth, writer);
  else
    writer.null();
  return out;
}

}  // namespace strongroom::engines::kv
