// What several handlers of KV share.
#pragma once
#include "engines/kv/kv.h"

namespace strongroom::engines::kv {

constexpr std::uint8_t kSecrets = 0;   // space of the secrets
constexpr std::uint8_t kSettings = 1;  // space of the mount's own settings

// A folder is no secret: nothing is read or erased there, and nothing can be written.
inline bool names_secret(std::string_view path) noexcept { return !path.empty() && !path.ends_with('/'); }
Status must_name_secret(std::string_view path);

Result<secret::Object> open(engine::Storage&, std::string_view path);
Result<secret::Rules> rules(engine::Storage&);
Result<ListGiven> names(engine::Storage&, std::string_view folder, std::string_view after,
                        std::int64_t limit);
// Names of all secrets below a folder, relative to it, in byte order. Walks every folder: for workers.
Result<Names> names_below(const engine::Prompt&, std::string_view folder, std::string_view after,
                          std::int64_t limit);

VersionGiven given(const secret::Version&, secret::Custom);
MetadataGiven given(const secret::Metadata&);

// Values that settings of a secret and of a mount have in common.
struct Settings {
  const schema::Edit<std::int64_t>& max_versions;
  const schema::Edit<Seconds>& delete_version_after;
};
Status check(const Settings&);

}  // namespace strongroom::engines::kv
