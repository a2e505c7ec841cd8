// Version 2: metadata of secrets, listings, and the settings of the mount.
#include <algorithm>

#include "base/time.h"
#include "engines/kv/steps.h"

namespace strongroom::engines::kv {
namespace {
constexpr std::size_t kMostCustom = 64;
constexpr std::size_t kMostName = 128;
constexpr std::size_t kMostValue = 512;

std::unexpected<Error> bad_custom(const char* rule) {
  return fail(Code::invalid_argument, std::string("custom_metadata: ") + rule);
}
Status check_custom(const secret::Custom& custom) {
  if (custom.size() > kMostCustom) return bad_custom("must have at most 64 names");
  for (const auto& [name, value] : custom) {
    if (name.empty() || name.size() > kMostName) return bad_custom("each name must have 1 to 128 bytes");
    if (value.empty() || value.size() > kMostValue) return bad_custom("each value must have 1 to 512 bytes");
    if (!printable(name) || !printable(value))
      return bad_custom("names and values must hold printable characters only");
  }
  return {};
}

Status check_metadata_cas(const MetadataWrite& in, const secret::Rules& rules, const secret::Metadata& m) {
  if (in.metadata_cas.said == schema::Edit<std::int64_t>::Said::null)
    return fail(Code::invalid_argument, "metadata_cas: must be a whole number");
  if (!in.metadata_cas.given()) {
    if (rules.metadata_cas_required || m.metadata_cas_required)
      return fail(Code::invalid_argument, "metadata check-and-set parameter required for this call");
    return {};
  }
  if (in.metadata_cas.value < 0 || static_cast<std::uint64_t>(in.metadata_cas.value) != m.edition)
    return fail(Code::conflict, "metadata check-and-set parameter does not match the current version");
  return {};
}

void warn_of_mandate(engine::Prompt& p, const schema::Edit<bool>& said, bool mandated,
                     std::string_view name) {
  if (said.given() && !said.value && mandated)
    p.aside.warnings.push_back(
        "\"" + std::string(name) +
        "\" is false, but the settings of the mount demand it. The value has no effect.");
}

enum class CustomMode : std::uint8_t { replace, merge };

Result<schema::Empty> write(engine::Prompt& p, const MetadataWrite& in, secret::Object& object,
                            CustomMode mode) {
  SR_TRY(check({in.max_versions, in.delete_version_after}));
  SR_LET(const auto mount_rules, rules(p.storage));
  auto& m = object.edit();
  SR_TRY(check_metadata_cas(in, mount_rules, m));
  if (in.max_versions.given()) m.max_versions = static_cast<std::uint32_t>(in.max_versions.value);
  if (in.cas_required.given()) m.cas_required = in.cas_required.value;
  if (in.delete_version_after.given()) m.delete_after = in.delete_version_after.value;
  if (in.metadata_cas_required.given()) m.metadata_cas_required = in.metadata_cas_required.value;
  if (in.custom_metadata.given()) {
    const bool merging =
        mode == CustomMode::merge && in.custom_metadata.said == schema::Edit<CustomEdit>::Said::value;
    if (!merging) m.custom.clear();
    for (const auto& [name, value] : in.custom_metadata.value) {
      if (value || !merging)
        m.custom[name] = value.value_or(std::string());
      else
        m.custom.erase(name);
    }
    SR_TRY(check_custom(m.custom));
  }
  warn_of_mandate(p, in.cas_required, mount_rules.cas_required, "cas_required");
  warn_of_mandate(p, in.metadata_cas_required, mount_rules.metadata_cas_required, "metadata_cas_required");
  if (!object.exists()) m.created = p.now;
  m.updated = p.now;
  ++m.edition;
  object.save();
  return schema::Empty{};
}
}  // namespace

Result<std::optional<MetadataGiven>> Kv::read_metadata(engine::Prompt& p, const PathOnly& in) const {
  if (!names_secret(in.path)) return std::nullopt;
  SR_LET(const auto object, open(p.storage, in.path));
  if (!object.exists()) return std::nullopt;
  return given(object.metadata());
}

Result<schema::Empty> Kv::write_metadata(engine::Prompt& p, const MetadataWrite& in) const {
  SR_TRY(must_name_secret(in.path));
  if (!in.changes_something()) return schema::Empty{};
  SR_LET(auto object, open(p.storage, in.path));
  return write(p, in, object, CustomMode::replace);
}

Result<schema::Empty> Kv::patch_metadata(engine::Prompt& p, const MetadataWrite& in) const {
  if (!names_secret(in.path)) {
    p.aside.frame = engine::Frame::empty_missing;
    return schema::Empty{};
  }
  SR_LET(auto object, open(p.storage, in.path));
  if (!object.exists()) {
    p.aside.frame = engine::Frame::empty_missing;
    return schema::Empty{};
  }
  if (!in.changes_something()) return schema::Empty{};
  return write(p, in, object, CustomMode::merge);
}

Result<schema::Empty> Kv::erase_metadata(engine::Prompt& p, const PathOnly& in) const {
  if (!names_secret(in.path)) return schema::Empty{};
  SR_LET(auto object, open(p.storage, in.path));
  object.remove();
  return schema::Empty{};
}

Result<std::optional<ListGiven>> Kv::list_metadata(engine::Prompt& p, const ListAsked& in) const {
  SR_LET(auto found, names(p.storage, in.path, in.after, in.limit));
  if (found.keys.names.empty()) return std::nullopt;
  return found;
}

Result<std::optional<DetailedGiven>> Kv::list_detailed(engine::Blocking& p, const ListAsked& in) const {
  SR_LET(auto found, names(p.storage, in.path, in.after, in.limit));
  if (found.keys.names.empty()) return std::nullopt;
  DetailedGiven out;
  std::string dir = in.path;
  if (!dir.empty() && !dir.ends_with('/')) dir += '/';
  std::size_t seen = 0;
  for (const auto& name : found.keys.names) {
    auto& [shown, metadata] = out.key_info.by_name.emplace_back(std::string(view(name)), std::nullopt);
    if (shown.ends_with('/')) continue;
    if (++seen % 256 == 0) SR_TRY(p.deadline.check());
    SR_LET(const auto object, open(p.storage, dir + shown));
    if (object.exists()) metadata = given(object.metadata());
  }
  out.keys = std::move(found.keys);
  return out;
}

Result<ScanGiven> Kv::scan_metadata(engine::Blocking& p, const ListAsked& in) const {
  ScanGiven out;
  SR_LET(auto found, names_below(p, in.path, in.after, in.limit));
  if (!found.names.empty()) out.keys = std::move(found);
  return out;
}

Result<DetailedScanGiven> Kv::scan_detailed(engine::Blocking& p, const ListAsked& in) const {
  DetailedScanGiven out;
  SR_LET(auto found, names_below(p, in.path, in.after, in.limit));
  if (found.names.empty()) return out;
  std::string dir = in.path;
  if (!dir.empty() && !dir.ends_with('/')) dir += '/';
  auto& notes = out.key_info.emplace();
  std::size_t seen = 0;
  for (const auto& name : found.names) {
    auto& [shown, metadata] = notes.by_name.emplace_back(std::string(view(name)), std::nullopt);
    if (++seen % 256 == 0) SR_TRY(p.deadline.check());
    SR_LET(const auto object, open(p.storage, dir + shown));
    if (object.exists()) metadata = given(object.metadata());
  }
  out.keys = std::move(found);
  return out;
}

Result<ConfigGiven> Kv::read_config(engine::Prompt& p, const schema::Empty&) const {
  SR_LET(const auto r, rules(p.storage));
  return ConfigGiven{r.cas_required, go_duration(r.delete_after), r.max_versions, r.metadata_cas_required};
}

Result<schema::Empty> Kv::write_config(engine::Prompt& p, const ConfigWrite& in) const {
  if (!in.changes_something()) return schema::Empty{};
  SR_TRY(check({in.max_versions, in.delete_version_after}));
  SR_LET(auto r, rules(p.storage));
  if (in.max_versions.given()) r.max_versions = static_cast<std::uint32_t>(in.max_versions.value);
  if (in.cas_required.given()) r.cas_required = in.cas_required.value;
  if (in.delete_version_after.given()) r.delete_after = in.delete_version_after.value;
  if (in.metadata_cas_required.given()) r.metadata_cas_required = in.metadata_cas_required.value;
  SR_LET(const auto node, p.storage.node(kSettings, "config"));
  p.storage.put(node, {}, secret::encode(r));
  return schema::Empty{};
}

}  // namespace strongroom::engines::kv
