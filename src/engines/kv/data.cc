// Version 2: the data of secrets and their versions.
#include "engines/kv/payload.h"
#include "engines/kv/steps.h"

namespace strongroom::engines::kv {
namespace {
constexpr std::size_t kMostPayload = 32u << 20;  // what a request may bring, a merge may not exceed

Status check_cas(const WriteOptions& options, const secret::Rules& rules, const secret::Metadata& m) {
  if (options.cas.said == schema::Edit<std::int64_t>::Said::null)
    return fail(Code::invalid_argument, "options.cas: must be a whole number");
  if (!options.cas.given()) {
    if (rules.cas_required || m.cas_required)
      return fail(Code::invalid_argument, "check-and-set parameter required for this call");
    return {};
  }
  if (options.cas.value < 0 || static_cast<secret::Seq>(options.cas.value) != m.current)
    return fail(Code::conflict, "check-and-set parameter did not match the current version");
  return {};
}

Status check_data(const schema::RawJson& data) {
  if (data.node.is_object() || data.node.is_null()) return {};
  return fail(Code::invalid_argument, "data: must be an object");
}

using Change = bool (*)(secret::Object&, std::span<const secret::Seq>, WallTime);

Result<schema::Empty> change(engine::Prompt& p, const VersionsAsked& in, Change change_versions) {
  if (in.versions.seqs.empty())
    return fail(Code::invalid_argument, "versions: must name at least one version");
  SR_TRY(must_name_secret(in.path));
  SR_LET(auto object, open(p.storage, in.path));
  if (object.exists() && change_versions(object, in.versions.seqs, p.now)) object.save();
  return schema::Empty{};
}
}  // namespace

Result<std::optional<DataGiven>> Kv::read_data(engine::Prompt& p, const DataRead& in) const {
  if (!names_secret(in.path)) return std::nullopt;
  const auto seq = std::max<std::int64_t>(in.version.value_or(0), 0);
  SR_LET(const auto node, p.storage.node(kSecrets, in.path));
  SR_LET(auto opened, secret::read(p.storage, node, static_cast<secret::Seq>(seq), p.now));
  if (!opened) return std::nullopt;
  if (opened->state != secret::State::live) p.aside.frame = engine::Frame::missing;
  return DataGiven{{std::move(opened->payload)}, given(opened->version, std::move(opened->custom))};
}

Result<VersionGiven> Kv::write_data(engine::Prompt& p, const DataWrite& in) const {
  SR_TRY(must_name_secret(in.path));
  SR_TRY(check_data(in.data));
  SR_LET(auto object, open(p.storage, in.path));
  SR_LET(const auto mount_rules, rules(p.storage));
  SR_TRY(check_cas(in.options, mount_rules, object.metadata()));
  const auto version = object.add(mount_rules, p.now, SecretText(in.data.node.source()));
  object.save();
  return given(version, object.metadata().custom);
}

Result<std::optional<VersionGiven>> Kv::patch_data(engine::Prompt& p, const DataPatch& in) const {
  SR_TRY(check_data(in.data));
  if (!names_secret(in.path)) {
    p.aside.frame = engine::Frame::empty_missing;
    return std::nullopt;
  }
  SR_LET(auto object, open(p.storage, in.path));
  const auto* newest = object.current();
  if (newest == nullptr) {
    p.aside.frame = engine::Frame::empty_missing;
    return std::nullopt;
  }
  SR_LET(const auto mount_rules, rules(p.storage));
  SR_TRY(check_cas(in.options, mount_rules, object.metadata()));
  if (newest->state(p.now) != secret::State::live) {
    p.aside.frame = engine::Frame::missing;
    return given(*newest, object.metadata().custom);
  }
  SR_LET(auto before, object.payload(newest->seq));
  if (!in.data.node.is_null()) {  // null changes nothing
    SR_LET(const auto doc, json::Doc::parse(view(before), json::Limits::of_our_own()));
    auto merged = merge_patch(doc.root(), in.data.node);
    if (merged.size() > kMostPayload)
      return fail(Code::too_large, "data: the merged secret must be at most 33554432 bytes");
    if (!json::Doc::parse(view(merged)))
      return fail(Code::too_large,
                  "data: the merged secret would have more members than one request may bring");
    before = std::move(merged);
  }
  const auto version = object.add(mount_rules, p.now, std::move(before));
  object.save();
  return given(version, object.metadata().custom);
}

Result<schema::Empty> Kv::delete_newest(engine::Prompt& p, const PathOnly& in) const {
  if (!names_secret(in.path)) return schema::Empty{};
  SR_LET(auto object, open(p.storage, in.path));
  if (const auto newest = object.metadata().current; object.soft_delete({&newest, 1}, p.now)) object.save();
  return schema::Empty{};
}

Result<schema::Empty> Kv::delete_versions(engine::Prompt& p, const VersionsAsked& in) const {
  return change(p, in, [](secret::Object& o, std::span<const secret::Seq> seqs, WallTime now) {
    return o.soft_delete(seqs, now);
  });
}
Result<schema::Empty> Kv::undelete_versions(engine::Prompt& p, const VersionsAsked& in) const {
  return change(
      p, in, [](secret::Object& o, std::span<const secret::Seq> seqs, WallTime) { return o.undelete(seqs); });
}
Result<schema::Empty> Kv::destroy_versions(engine::Prompt& p, const VersionsAsked& in) const {
  return change(
      p, in, [](secret::Object& o, std::span<const secret::Seq> seqs, WallTime) { return o.destroy(seqs); });
}

Result<std::optional<SubkeysGiven>> Kv::read_subkeys(engine::Prompt& p, const SubkeysAsked& in) const {
  if (in.depth < 0) return fail(Code::invalid_argument, "depth: must be 0 or more");
  SR_LET(auto found, read_data(p, {in.path, in.version}));
  if (!found) return std::nullopt;
  SubkeysGiven out{std::move(found->metadata), {}};
  if (p.aside.frame != engine::Frame::missing) {
    SR_LET(const auto doc, json::Doc::parse(view(found->data.bytes), json::Limits::of_our_own()));
    out.subkeys.bytes = subkeys(doc.root(), static_cast<std::size_t>(in.depth));
  }
  return out;
}

}  // namespace strongroom::engines::kv
