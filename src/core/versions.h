// Which versions of the server have opened this store: a setting for each, written at the first unseal.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/env.h"
#include "core/texts.h"
#include "store/txn.h"

namespace strongroom::core {

struct VersionRun {
  std::string version;
  WallTime first_run{};
};

inline std::string version_key(std::string_view version) {
  return setting("version/") + std::string(version);
}

// The oldest first.
inline Result<std::vector<VersionRun>> versions(store::Txn& txn) {
  std::vector<VersionRun> out;
  const auto prefix = version_key("");
  SR_TRY(txn.scan(prefix, store::after_prefix(prefix), [&](std::string_view key, const SecretText& value) {
    if (value.size() == 8)
      out.push_back({std::string(key.substr(prefix.size())),
                     WallTime(Nanoseconds(static_cast<std::int64_t>(get_be(view(value)))))});
    return true;
  }));
  std::ranges::stable_sort(out, {}, &VersionRun::first_run);
  return out;
}

// Joins the transaction of an unseal.
inline Status note_version(store::Txn& txn, std::string_view version, WallTime now) {
  if (version.empty()) return {};
  SR_LET(const auto known, txn.get(version_key(version)));
  if (known) return {};
  std::string text;
  put_u64(text, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  txn.put(version_key(version), SecretText(text));
  return {};
}

}  // namespace strongroom::core
