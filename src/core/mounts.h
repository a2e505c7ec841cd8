// The mount table: entries in the store, one per mount, and the router compiled from them. A router is
// immutable and belongs to one revision of the table's epoch key; a request uses it only if its own snapshot
// has that revision.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "core/audit_settings.h"
#include "engine/engine.h"
#include "store/txn.h"

namespace strongroom::core {

struct MountEntry {
  std::uint32_t number = 0;  // from the key
  std::string path;          // with a trailing slash
  std::string type;
  std::string accessor;
  std::string uuid;
  std::string description;
  std::map<std::string, std::string> options;
  bool has_options = false;     // null otherwise
  Seconds default_lease_ttl{};  // zero: the server's
  Seconds max_lease_ttl{};
  bool force_no_cache = false;
  bool local = false;
  bool seal_wrap = false;
  std::string listing_visibility;
  std::vector<std::string> audit_non_hmac_request_keys;
  std::vector<std::string> audit_non_hmac_response_keys;
  std::vector<std::string> passthrough_request_headers;
  std::vector<std::string> allowed_response_headers;
  std::string wrapped_keys;  // barrier's
  bool deleting = false;     // unmounted; its range is being erased
};

SecretText pack(const MountEntry&);
Result<MountEntry> unpack_mount(std::uint32_t number, std::string_view stored);
// As mounts are keyed: no slash in front, one at the end.
std::string as_mount_path(std::string_view typed);
std::string mount_key(std::uint32_t number);
// Where the tuning of a fixed mount is kept, which has no number.
std::string fixed_mount_key(std::string_view path);
std::string mount_epoch_key();  // every change of the table writes it

// One mount as the pipeline needs it.
struct Mounted {
  MountEntry entry;
  engine::MountView view;
  const engine::Engine* engine = nullptr;
  std::span<const engine::Route> routes;
};

class Router {
 public:
  // `fixed`: what is always there (sys/, auth/token/); `engines`: by type.
  using Engines = std::map<std::string, const engine::Engine*, std::less<>>;
  static Result<std::shared_ptr<const Router>> load(store::Txn&, const std::vector<Mounted>& fixed,
                                                    const Engines&, Seconds default_ttl, Seconds max_ttl);
  // The mount whose path is the longest prefix; null when none fits.
  const Mounted* find(std::string_view path) const noexcept;
  const Mounted* exact(std::string_view mount_path) const noexcept;
  const std::map<std::string, std::unique_ptr<Mounted>, std::less<>>& all() const noexcept {
    return by_path_;
  }
  store::Revision epoch() const noexcept { return epoch_; }
  // Request headers that audit records show.
  std::span<const AuditedHeader> audited_headers() const noexcept { return audited_headers_; }

 private:
  std::map<std::string, std::unique_ptr<Mounted>, std::less<>> by_path_;
  store::Revision epoch_ = 0;
  std::vector<AuditedHeader> audited_headers_;
};

}  // namespace strongroom::core
