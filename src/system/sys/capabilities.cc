// What a token may do: sys/capabilities*, and the mounts a caller can see: sys/internal/ui/mounts.
#include <fmt/format.h>

#include <algorithm>

#include "base/path.h"
#include "system/sys/mounts.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
constexpr std::size_t kMostPaths = 1000;
}  // namespace

struct Sys::Ask {
  std::optional<Secret> token;
  std::optional<std::string> accessor;
  schema::CommaList path, paths;
  static constexpr auto fields() {
    return std::array{field<&Ask::token>("token", "The token to ask about."),
                      field<&Ask::accessor>("accessor", "Its accessor."),
                      field<&Ask::path>("path", "Old name of paths.", kPlain | schema::deprecated),
                      field<&Ask::paths>("paths", "Paths to ask about.", kPlain)};
  }
};

using Map = std::map<std::string, std::vector<std::string>>;

Result<Map> Sys::answer(Prompt& p, const Ask& in, const std::vector<std::string>& policies) const {
  const auto& paths = in.paths.items.empty() ? in.path.items : in.paths.items;
  if (paths.empty()) return bad("paths must be supplied");
  if (paths.size() > kMostPaths) return bad("paths: at most 1000");
  SR_LET(const auto acl, parts_.permissions.acl_of(p.txn, policies));
  p.aside.frame = engine::Frame::merged;
  Map out;
  for (const auto& path : paths) {
    std::string_view bare = path;
    while (bare.starts_with('/')) bare.remove_prefix(1);
    SR_TRY(Path::from_text(bare));
    out[path] = acl->capabilities(bare);
  }
  if (paths.size() == 1) out["capabilities"] = out[paths.front()];
  return out;
}

Result<Map> Sys::capabilities(Prompt& p, const Ask& in) const {
  if (!in.token || in.token->empty()) return bad("missing token");
  SR_LET(const auto record, parts_.tokens.find(p.txn, in.token->reveal_text(Reveal::to_cipher), p.now));
  if (!record) return bad("1 error occurred:\n\t* invalid token\n\n");
  return answer(p, in, record->policies);
}
Result<Map> Sys::capabilities_self(Prompt& p, const Ask& in) const {
  const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
  return answer(p, in, policies);
}
Result<Map> Sys::capabilities_accessor(Prompt& p, const Ask& in) const {
  if (!in.accessor || in.accessor->empty()) return bad("missing accessor");
  SR_LET(const auto record, parts_.tokens.find_by_accessor(p.txn, *in.accessor, p.now));
  if (!record) return bad("1 error occurred:\n\t* invalid accessor\n\n");
  return answer(p, in, record->policies);
}

struct Sys::UiMounts {
  std::map<std::string, MountJson> secret, auth;
  static constexpr auto fields() {
    return std::array{field<&UiMounts::secret>("secret", "Secrets engines the caller can see."),
                      field<&UiMounts::auth>("auth", "Auth methods the caller can see.")};
  }
};
// A mount's own members, and where it is.
struct Sys::UiMount : Sys::MountJson {
  std::string path;
  static constexpr auto fields() {
    constexpr auto own = MountJson::fields();
    std::array<schema::Field, own.size() + 1> all{};
    std::copy(own.begin(), own.end(), all.begin());
    all.back() = field<&UiMount::path>("path", "Where it is.", kPlain);
    return all;
  }
};

Result<Sys::UiMounts> Sys::ui_mounts(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  std::shared_ptr<const identity::Acl> acl;
  if (p.caller.known()) {
    const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
    SR_LET(acl, parts_.permissions.acl_of(p.txn, policies));
  }
  p.aside.for_anybody = acl == nullptr;
  UiMounts out;
  for (const auto& [path, m] : router->all()) {
    const bool seen =
        m->entry.listing_visibility == "unauth" || (acl && (acl->is_root() || acl->reaches(path)));
    if (!seen) continue;
    if (m->view.clazz == engine::Class::auth)
      out.auth.emplace(path.substr(5), json_of(*m));
    else
      out.secret.emplace(path, json_of(*m));
  }
  return out;
}

Result<Sys::UiMount> Sys::ui_mount(Prompt& p, const At& in) const {
  // The same words whether there is no mount, or no right to see it.
  const auto refused = [] {
    return fail(
        Code::permission_denied,
        "preflight capability check returned 403, please ensure client's policies grant access to this path");
  };
  if (!p.caller.known()) return refused();
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  auto path = in.path;
  if (!path.ends_with('/')) path += '/';
  const auto* m = router->find(path);
  const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
  SR_LET(const auto acl, parts_.permissions.acl_of(p.txn, policies));
  if (m == nullptr || (!acl->is_root() && !acl->reaches(m->entry.path))) return refused();
  return UiMount{{json_of(*m)}, m->entry.path};
}

namespace {
constexpr std::array kRoutes{
    route<&Sys::capabilities>(Verb::write, "capabilities", "What a token may do", engine::guarded,
                              "query-token-capabilities"),
    route<&Sys::capabilities_self>(Verb::write, "capabilities-self", "What the caller may do",
                                   engine::guarded, "query-token-self-capabilities"),
    route<&Sys::capabilities_accessor>(Verb::write, "capabilities-accessor",
                                       "What the token of an accessor may do", engine::guarded,
                                       "query-token-accessor-capabilities"),
    route<&Sys::ui_mounts>(Verb::read, "internal/ui/mounts", "Mounts the caller can see", engine::open,
                           "internal-ui-list-enabled-visible-mounts"),
    route<&Sys::ui_mount>(Verb::read, "internal/ui/mounts/{path...}", "The mount of a path", engine::open,
                          "internal-ui-read-mount-information"),
};
}  // namespace
std::span<const engine::Route> capability_routes() { return kRoutes; }

}  // namespace strongroom::system::sys
