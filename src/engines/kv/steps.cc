#include "engines/kv/steps.h"

#include <fmt/format.h>

#include "base/time.h"

namespace strongroom::engines::kv {
namespace {
constexpr std::int64_t kMostVersions = 100'000;
constexpr Seconds kLongestLife = std::chrono::hours{876'000};  // a hundred years: times stay in range

std::optional<secret::Custom> or_null(secret::Custom custom) {
  if (custom.empty()) return std::nullopt;
  return custom;
}
std::int64_t number(std::uint64_t v) { return static_cast<std::int64_t>(v); }

// Depth first: since a folder's name ends in a slash, that is byte order of the whole names.
struct Walk {
  engine::Storage& storage;
  const std::string& top;
  std::string_view after;
  std::size_t most;  // 0: all
  const engine::Deadline& deadline;
  Names out = {};

  bool full() const { return most != 0 && out.names.size() == most; }
  Status below(const SecretText& inner) {
    constexpr std::size_t kPage = 1000;
    SecretText last;
    for (bool more = true; more && !full();) {
      SR_TRY(deadline.check());
      SR_LET(auto page, storage.list(kSecrets, top + std::string(view(inner)), view(last), kPage));
      more = page.more && !page.names.empty();
      if (more) last = page.names.back();
      for (auto& name : page.names) {
        if (full()) return {};
        SecretText whole = inner;
        whole.append(view(name));
        if (whole.ends_with('/')) {
          if (view(whole) > after || after.starts_with(view(whole))) SR_TRY(below(whole));
        } else if (view(whole) > after) {
          out.names.push_back(std::move(whole));
        }
      }
    }
    return {};
  }
};
}  // namespace

Status must_name_secret(std::string_view path) {
  if (path.empty()) return fail(Code::invalid_argument, "missing path");
  if (path.ends_with('/')) return fail(Code::invalid_argument, "cannot write to a path ending in '/'");
  return {};
}

Result<secret::Object> open(engine::Storage& storage, std::string_view path) {
  SR_LET(auto node, storage.node(kSecrets, path));
  return secret::Object::open(storage, std::move(node));
}

Result<secret::Rules> rules(engine::Storage& storage) {
  SR_LET(const auto node, storage.node(kSettings, "config"));
  SR_LET(const auto record, storage.get(node, {}));
  if (!record) return secret::Rules{};
  return secret::decode_rules(view(*record));
}

Result<ListGiven> names(engine::Storage& storage, std::string_view folder, std::string_view after,
                        std::int64_t limit) {
  std::string dir(folder);
  if (!dir.empty() && !dir.ends_with('/')) dir += '/';
  SR_LET(auto page,
         storage.list(kSecrets, dir, after, limit > 0 ? static_cast<std::size_t>(limit) : std::size_t{0}));
  return ListGiven{{std::move(page.names)}};
}

Result<Names> names_below(const engine::Prompt& p, std::string_view folder, std::string_view after,
                          std::int64_t limit) {
  std::string top(folder);
  if (!top.empty() && !top.ends_with('/')) top += '/';
  Walk walk{p.storage, top, after, limit > 0 ? static_cast<std::size_t>(limit) : std::size_t{0}, p.deadline};
  SR_TRY(walk.below({}));
  return std::move(walk.out);
}

VersionGiven given(const secret::Version& v, secret::Custom custom) {
  return {{v.created}, or_null(std::move(custom)), {v.deletion}, v.destroyed, number(v.seq)};
}

MetadataGiven given(const secret::Metadata& m) {
  MetadataGiven out;
  out.cas_required = m.cas_required;
  out.created_time = {m.created};
  out.current_metadata_version = number(m.edition);
  out.current_version = number(m.current);
  out.custom_metadata = or_null(m.custom);
  out.delete_version_after = go_duration(m.delete_after);
  out.max_versions = m.max_versions;
  out.metadata_cas_required = m.metadata_cas_required;
  out.oldest_version = number(m.oldest);
  out.updated_time = {m.updated};
  for (const auto& v : m.versions)
    out.versions.emplace(std::to_string(v.seq), VersionLine{{v.created}, {v.deletion}, v.destroyed});
  return out;
}

Status check(const Settings& s) {
  if (const auto v = s.max_versions.value; v < 0 || v > kMostVersions)
    return fail(Code::invalid_argument, fmt::format("max_versions: must be 0 to {}", kMostVersions));
  if (const auto v = s.delete_version_after.value; v.count() < 0 || v > kLongestLife)
    return fail(Code::invalid_argument, "delete_version_after: must be 0 to 876000h, and not negative");
  return {};
}

}  // namespace strongroom::engines::kv
