#include "secret/object.h"

#include <algorithm>

namespace strongroom::secret {
namespace {
std::uint32_t versions_to_keep(const Rules& rules, const Metadata& m) {
  const auto most = std::max(rules.max_versions, m.max_versions);
  return most == 0 ? kDefaultVersions : most;
}
// The shorter of the two, where both are set.
Seconds delete_after(const Rules& rules, const Metadata& m) {
  if (rules.delete_after.count() == 0) return m.delete_after;
  if (m.delete_after.count() == 0) return rules.delete_after;
  return std::min(rules.delete_after, m.delete_after);
}
}  // namespace

Result<std::optional<Opened>> read(engine::Storage& storage, const engine::Node& node, Seq seq,
                                   WallTime now) {
  SR_LET(auto record, storage.get(node, {}));
  if (!record) return std::nullopt;
  if (is_plain(view(*record))) {
    if (seq > 1) return std::nullopt;
    SR_LET(auto plain, decode_plain(*std::move(record)));
    return Opened{{1, plain.written, {}, false}, {}, State::live, std::move(plain.payload)};
  }
  SR_LET(auto found, glance(view(*record), seq));
  if (!found) return std::nullopt;
  Opened out{found->version, std::move(found->custom), found->version.state(now), {}};
  if (out.state != State::live) return out;
  SR_LET(auto payload, storage.get(node, payload_suffix(out.version.seq)));
  if (!payload) return fail(Code::corrupt, "secret: the payload of a live version is missing");
  out.payload = *std::move(payload);
  return out;
}

Result<Object> Object::open(engine::Storage& storage, engine::Node node) {
  Object o(storage, std::move(node));
  SR_LET(auto record, storage.get(o.node_, {}));
  if (!record) return o;
  if (is_plain(view(*record))) {
    SR_LET(auto plain, decode_plain(*std::move(record)));
    o.metadata_.current = o.metadata_.oldest = 1;
    o.metadata_.created = o.metadata_.updated = plain.written;
    o.metadata_.versions.push_back({1, plain.written, {}, false});
    o.carried_ = std::move(plain.payload);
    o.exists_ = true;
    return o;
  }
  SR_LET(o.metadata_, decode_metadata(view(*record)));
  o.exists_ = true;
  return o;
}

Result<SecretText> Object::payload(Seq seq) {
  if (carried_ && seq == 1) return *carried_;
  SR_LET(auto payload, storage_->get(node_, payload_suffix(seq)));
  if (!payload) return fail(Code::corrupt, "secret: the payload of a live version is missing");
  return *std::move(payload);
}

const Version& Object::add(const Rules& rules, WallTime now, SecretText payload) {
  auto& m = metadata_;
  if (!exists_ && m.created == WallTime{}) m.created = now;
  m.updated = now;
  Version v{m.current + 1, now, {}, false};
  if (const auto after = delete_after(rules, m); after.count() != 0) v.deletion = now + after;
  m.current = v.seq;
  m.versions.push_back(v);
  storage_->put(node_, payload_suffix(v.seq), std::move(payload));
  // As Vault counts: the larger of the two limits holds, and `oldest` moves once that many have been written.
  const auto keep = versions_to_keep(rules, m);
  if (m.current - m.oldest >= keep) {
    m.oldest = m.current - keep + 1;
    const auto kept = std::ranges::lower_bound(m.versions, m.oldest, {}, &Version::seq);
    for (auto it = m.versions.begin(); it != kept; ++it)
      if (!it->destroyed) storage_->erase(node_, payload_suffix(it->seq));
    m.versions.erase(m.versions.begin(), kept);
  }
  return m.versions.back();
}

bool Object::soft_delete(std::span<const Seq> seqs, WallTime now) {
  bool changed = false;
  for (const Seq seq : seqs)
    if (auto* v = metadata_.find(seq); v != nullptr && v->state(now) == State::live) {
      v->deletion = now;
      changed = true;
    }
  return changed;
}
bool Object::undelete(std::span<const Seq> seqs) {
  bool changed = false;
  for (const Seq seq : seqs)
    if (auto* v = metadata_.find(seq); v != nullptr && !v->destroyed && v->deletion != WallTime{}) {
      v->deletion = {};
      changed = true;
    }
  return changed;
}
bool Object::destroy(std::span<const Seq> seqs) {
  bool changed = false;
  for (const Seq seq : seqs)
    if (auto* v = metadata_.find(seq); v != nullptr && !v->destroyed) {
      v->destroyed = true;
      storage_->erase(node_, payload_suffix(seq));
      changed = true;
    }
  return changed;
}

void Object::save() {
  if (carried_) {
    if (const auto* first = metadata_.find(1); first != nullptr && !first->destroyed)
      storage_->put(node_, payload_suffix(1), *std::move(carried_));
    carried_.reset();
  }
  storage_->put(node_, {}, encode(metadata_));
  if (!exists_) storage_->list_as(node_, engine::Storage::Listed::yes);
  exists_ = true;
}
void Object::remove() {
  if (!exists_) return;
  for (const auto& v : metadata_.versions)
    if (!v.destroyed) storage_->erase(node_, payload_suffix(v.seq));
  storage_->erase(node_, {});
  storage_->list_as(node_, engine::Storage::Listed::no);
  metadata_ = {};
  carried_.reset();
  exists_ = false;
}

}  // namespace strongroom::secret
