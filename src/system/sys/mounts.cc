// Enabling, listing, tuning and disabling secrets engines: sys/mounts; listing auth methods: sys/auth.
#include "system/sys/mounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/path.h"
#include "base/time.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;

// "1h", 3600, "system" or "": nothing stands for the server's own.
Result<Seconds> lease_ttl(std::string_view name, std::string_view wish) {
  if (wish.empty() || wish == "system") return Seconds{};
  const auto d = parse_duration(wish);
  if (!d) return bad(fmt::format("{}: must be a duration such as 3600 or \"1h\"", name));
  if (d->count() < 0) return bad(fmt::format("{}: must not be negative", name));
  return std::chrono::duration_cast<Seconds>(*d);
}

Status check_visibility(const std::optional<std::string>& v) {
  if (v && !v->empty() && *v != "unauth" && *v != "hidden")
    return bad("listing_visibility: must be \"unauth\", \"hidden\" or empty");
  return {};
}
}  // namespace

struct Sys::Enable {
  struct Config {
    std::optional<std::string> default_lease_ttl, max_lease_ttl, listing_visibility, token_type,
        plugin_version;
    std::optional<bool> force_no_cache;
    schema::CommaList audit_non_hmac_request_keys, audit_non_hmac_response_keys, passthrough_request_headers,
        allowed_response_headers;
    static constexpr auto fields() {
      return std::array{
          field<&Config::default_lease_ttl>("default_lease_ttl", "Default TTL, for example 1h."),
          field<&Config::max_lease_ttl>("max_lease_ttl", "Largest TTL."),
          field<&Config::force_no_cache>("force_no_cache", "Kept for old clients; has no effect."),
          field<&Config::listing_visibility>("listing_visibility", "unauth shows the mount to everybody."),
          field<&Config::token_type>("token_type", "Only for auth methods."),
          field<&Config::plugin_version>("plugin_version", "Engines are built in: must be empty."),
          field<&Config::audit_non_hmac_request_keys>("audit_non_hmac_request_keys",
                                                      "Request fields the audit log shows."),
          field<&Config::audit_non_hmac_response_keys>("audit_non_hmac_response_keys",
                                                       "Reply fields the audit log shows."),
          field<&Config::passthrough_request_headers>(
              "passthrough_request_headers", "Kept and shown; no engine built so far reads headers."),
          field<&Config::allowed_response_headers>("allowed_response_headers",
                                                   "Kept and shown; no engine built so far sets headers.")};
    }
  };
  std::string path, type, description;
  Config config;
  std::optional<std::map<std::string, std::string>> options;
  bool local = false, seal_wrap = false, external_entropy_access = false;
  std::optional<std::string> plugin_name, plugin_version;
  static constexpr auto fields() {
    return std::array{
        field<&Enable::path>("path", "Where to mount it.", schema::in_path | kPlain),
        field<&Enable::type>("type", "Kind of engine, for example kv."),
        field<&Enable::description>("description", "What it is for."),
        field<&Enable::config>("config", "How it is tuned."),
        field<&Enable::options>("options", "Options of the engine, for example {\"version\": \"2\"}."),
        field<&Enable::local>("local", "Kept for old clients; has no effect."),
        field<&Enable::seal_wrap>("seal_wrap", "Kept for old clients; everything is encrypted."),
        field<&Enable::external_entropy_access>("external_entropy_access", "Not supported by this version."),
        field<&Enable::plugin_name>("plugin_name", "Engines are built in: must be empty or the type."),
        field<&Enable::plugin_version>("plugin_version", "Engines are built in: must be empty.")};
  }
};

struct Sys::Tune {
  std::string path;
  std::optional<std::string> default_lease_ttl, max_lease_ttl, description, listing_visibility, token_type,
      plugin_version;
  std::optional<std::map<std::string, std::string>> options;
  std::optional<schema::CommaList> audit_non_hmac_request_keys, audit_non_hmac_response_keys,
      passthrough_request_headers, allowed_response_headers;
  static constexpr auto fields() {
    return std::array{
        field<&Tune::path>("path", "Where the engine is mounted.", schema::in_path | kPlain),
        field<&Tune::default_lease_ttl>("default_lease_ttl", "Default TTL; \"system\": the server's."),
        field<&Tune::max_lease_ttl>("max_lease_ttl", "Largest TTL; \"system\": the server's."),
        field<&Tune::description>("description", "What it is for."),
        field<&Tune::listing_visibility>("listing_visibility", "unauth shows the mount to everybody."),
        field<&Tune::token_type>("token_type", "Only for auth methods."),
        field<&Tune::plugin_version>("plugin_version", "Engines are built in: must be empty."),
        field<&Tune::options>("options", "Options of the engine."),
        field<&Tune::audit_non_hmac_request_keys>("audit_non_hmac_request_keys",
                                                  "Request fields the audit log shows."),
        field<&Tune::audit_non_hmac_response_keys>("audit_non_hmac_response_keys",
                                                   "Reply fields the audit log shows."),
        field<&Tune::passthrough_request_headers>("passthrough_request_headers",
                                                  "Kept and shown; no engine built so far reads headers."),
        field<&Tune::allowed_response_headers>("allowed_response_headers",
                                               "Kept and shown; no engine built so far sets headers.")};
  }
};

struct Sys::Tuned {
  std::optional<std::vector<std::string>> allowed_response_headers, audit_non_hmac_request_keys,
      audit_non_hmac_response_keys;
  Seconds default_lease_ttl{};
  std::string description;
  bool force_no_cache = false;
  std::optional<std::string> listing_visibility;
  Seconds max_lease_ttl{};
  std::optional<std::map<std::string, std::string>> options;
  std::optional<std::vector<std::string>> passthrough_request_headers;
  std::optional<std::string> token_type;
  static constexpr auto fields() {
    constexpr auto theirs = schema::omit_empty;
    constexpr auto omit = schema::omit_empty | kPlain;
    return std::array{
        field<&Tuned::allowed_response_headers>(
            "allowed_response_headers", "Kept and shown; no engine built so far sets headers.", theirs),
        field<&Tuned::audit_non_hmac_request_keys>("audit_non_hmac_request_keys",
                                                   "Request fields the audit log shows.", theirs),
        field<&Tuned::audit_non_hmac_response_keys>("audit_non_hmac_response_keys",
                                                    "Reply fields the audit log shows.", theirs),
        field<&Tuned::default_lease_ttl>("default_lease_ttl", "Default TTL in force, in seconds."),
        field<&Tuned::description>("description", "What it is for."),
        field<&Tuned::force_no_cache>("force_no_cache", "Kept for old clients."),
        field<&Tuned::listing_visibility>("listing_visibility", "Who sees the mount.", omit),
        field<&Tuned::max_lease_ttl>("max_lease_ttl", "Largest TTL in force, in seconds."),
        field<&Tuned::options>("options", "Options of the engine.", schema::omit_empty),
        field<&Tuned::passthrough_request_headers>(
            "passthrough_request_headers", "Kept and shown; no engine built so far reads headers.", theirs),
        field<&Tuned::token_type>("token_type", "Kind of tokens.", omit)};
  }
};

namespace {
std::optional<std::vector<std::string>> unless_empty(const std::vector<std::string>& v) {
  return v.empty() ? std::optional<std::vector<std::string>>() : std::optional(v);
}
std::optional<std::string> unless_empty(const std::string& v) {
  return v.empty() ? std::optional<std::string>() : std::optional(v);
}
}  // namespace

Sys::MountJson Sys::json_of(const core::Mounted& m) const {
  const auto& e = m.entry;
  MountJson j;
  j.accessor = e.accessor;
  j.config.allowed_response_headers = unless_empty(e.allowed_response_headers);
  j.config.audit_non_hmac_request_keys = unless_empty(e.audit_non_hmac_request_keys);
  j.config.audit_non_hmac_response_keys = unless_empty(e.audit_non_hmac_response_keys);
  j.config.default_lease_ttl = e.default_lease_ttl;
  j.config.max_lease_ttl = e.max_lease_ttl;
  j.config.force_no_cache = e.force_no_cache;
  j.config.listing_visibility = unless_empty(e.listing_visibility);
  j.config.passthrough_request_headers = unless_empty(e.passthrough_request_headers);
  if (m.view.clazz == engine::Class::auth) j.config.token_type = "default-service";
  j.description = e.description;
  j.local = e.local;
  if (e.has_options) j.options = e.options;
  j.running_plugin_version = "v" + parts_.version + "+builtin";
  j.seal_wrap = e.seal_wrap;
  j.type = e.type;
  j.uuid = e.uuid;
  return j;
}

Result<std::map<std::string, Sys::MountJson>> Sys::list_mounts(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  std::map<std::string, MountJson> out;
  for (const auto& [path, m] : router->all())
    if (m->view.clazz == engine::Class::secret) out.emplace(path, json_of(*m));
  return out;
}
Result<std::map<std::string, Sys::MountJson>> Sys::list_auth(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  std::map<std::string, MountJson> out;
  for (const auto& [path, m] : router->all())
    if (m->view.clazz == engine::Class::auth) out.emplace(path.substr(5), json_of(*m));
  return out;
}

Result<Sys::MountJson> Sys::read_mount(Prompt& p, const At& in) const {
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto path = core::as_mount_path(in.path);
  const auto* m = router->exact(path);
  if (m == nullptr || m->view.clazz == engine::Class::auth)
    return bad(fmt::format("No secret engine mount at {}", path));
  p.aside.frame = engine::Frame::merged;
  return json_of(*m);
}

Result<schema::Empty> Sys::enable(Prompt& p, const Enable& in) const {
  core::MountEntry e;
  e.path = core::as_mount_path(in.path);
  SR_LET([[maybe_unused]] const auto canonical, Path::from_text(e.path));
  if (e.path == "/") return bad("path: must not be empty");
  for (const std::string_view taken : {"audit/", "auth/", "sys/", "cubbyhole/", "identity/"})
    if (e.path.starts_with(taken)) return bad(fmt::format("cannot mount \"{}\"", e.path));
  if (in.type.empty()) return bad("backend type must be specified as a string");
  e.type = in.type;
  if (e.type == "plugin") return bad("plugin_name must be provided for plugin backend");
  for (const std::string_view single : {"system", "identity", "cubbyhole", "token"})
    if (e.type == single) return bad(fmt::format("mount type of \"{}\" is not mountable", single));
  if ((in.plugin_version && !in.plugin_version->empty()) ||
      (in.config.plugin_version && !in.config.plugin_version->empty()))
    return bad("plugin_version: engines are built in and have no versions to choose");
  if (in.plugin_name && !in.plugin_name->empty() && *in.plugin_name != in.type)
    return bad("plugin_name: engines are built in; give type alone");
  if (in.external_entropy_access) return bad("external_entropy_access: is not supported by this version");
  if (in.config.token_type && !in.config.token_type->empty())
    return bad("token_type: only auth methods have it");
  e.options = in.options.value_or(std::map<std::string, std::string>());
  e.has_options = in.options.has_value();
  if (e.type == "kv-v1" || e.type == "kv-v2" || e.type == "generic") {
    e.options["version"] = e.type == "kv-v2" ? "2" : "1";
    e.type = "kv";
  }
  if (std::ranges::find(parts_.mountable, e.type) == parts_.mountable.end())
    return bad("type: plugin not found in the catalog; built in: kv");
  SR_TRY(parts_.options(e.type, e.options));
  e.has_options |= !e.options.empty();
  SR_LET(e.default_lease_ttl, lease_ttl("default_lease_ttl", in.config.default_lease_ttl.value_or("")));
  SR_LET(e.max_lease_ttl, lease_ttl("max_lease_ttl", in.config.max_lease_ttl.value_or("")));
  if (e.max_lease_ttl.count() != 0 && e.default_lease_ttl > e.max_lease_ttl)
    return bad("given default lease TTL greater than given max lease TTL");
  SR_TRY(check_visibility(in.config.listing_visibility));
  e.listing_visibility = in.config.listing_visibility.value_or("");
  e.description = in.description;
  e.force_no_cache = in.config.force_no_cache.value_or(false);
  e.local = in.local;
  e.seal_wrap = in.seal_wrap;
  e.audit_non_hmac_request_keys = in.config.audit_non_hmac_request_keys.items;
  e.audit_non_hmac_response_keys = in.config.audit_non_hmac_response_keys.items;
  e.passthrough_request_headers = in.config.passthrough_request_headers.items;
  e.allowed_response_headers = in.config.allowed_response_headers.items;
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  for (const auto& [path, m] : router->all())
    if (m->view.clazz == engine::Class::secret && (e.path.starts_with(path) || path.starts_with(e.path)))
      return bad(fmt::format("path is already in use at {}", path));
  SR_TRY(parts_.mounts.enable(p.txn, std::move(e)));
  return schema::Empty{};
}

Result<schema::Empty> Sys::disable(Prompt& p, const At& in) const {
  if (in.path.empty()) return fail(Code::not_found, engine::kUnsupportedPath);
  const auto path = core::as_mount_path(in.path);
  for (const std::string_view fixed : {"audit/", "auth/", "sys/", "cubbyhole/", "identity/"})
    if (path.starts_with(fixed)) return bad(fmt::format("cannot unmount \"{}\"", path));
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto* m = router->exact(path);
  if (m != nullptr) SR_TRY(parts_.mounts.disable(p.txn, *m));
  return schema::Empty{};
}

// Auth methods are mounts below auth/.
Result<Sys::MountJson> Sys::read_auth(Prompt& p, const At& in) const {
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto path = core::as_mount_path(in.path);
  const auto* m = router->exact("auth/" + path);
  if (m == nullptr) return bad(fmt::format("No auth engine at {}", path));
  p.aside.frame = engine::Frame::merged;
  return json_of(*m);
}
Result<schema::Empty> Sys::enable_auth(Prompt&, const Enable& in) const {
  if (in.type.empty()) return bad("backend type must be specified as a string");
  if (in.type == "token") return bad("token credential backend cannot be instantiated");
  return bad("type: plugin not found in the catalog; built in: token, which is always enabled");
}
Result<schema::Empty> Sys::disable_auth(Prompt& p, const At& in) const {
  const auto path = core::as_mount_path(in.path);
  if (path == "token/") return bad("token credential backend cannot be disabled");
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto* m = router->exact("auth/" + path);
  if (m != nullptr) SR_TRY(parts_.mounts.disable(p.txn, *m));
  return schema::Empty{};
}

Result<Sys::Tuned> Sys::read_tune(Prompt& p, const At& in) const {
  return tuned(p, core::as_mount_path(in.path));
}
Result<Sys::Tuned> Sys::read_auth_tune(Prompt& p, const At& in) const {
  return tuned(p, "auth/" + core::as_mount_path(in.path));
}
Result<Sys::Tuned> Sys::tuned(Prompt& p, const std::string& path) const {
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto* m = router->exact(path);
  if (m == nullptr) return bad(fmt::format("cannot fetch sysview for path \"{}\"", path));
  p.aside.frame = engine::Frame::merged;
  const auto& e = m->entry;
  Tuned t;
  t.allowed_response_headers = unless_empty(e.allowed_response_headers);
  t.audit_non_hmac_request_keys = unless_empty(e.audit_non_hmac_request_keys);
  t.audit_non_hmac_response_keys = unless_empty(e.audit_non_hmac_response_keys);
  t.passthrough_request_headers = unless_empty(e.passthrough_request_headers);
  t.default_lease_ttl = m->view.default_lease_ttl;
  t.max_lease_ttl = m->view.max_lease_ttl;
  t.description = e.description;
  t.force_no_cache = e.force_no_cache;
  t.listing_visibility = unless_empty(e.listing_visibility);
  if (e.has_options) t.options = e.options;
  if (m->view.clazz == engine::Class::auth) t.token_type = "default-service";
  return t;
}

Result<schema::Empty> Sys::tune(Prompt& p, const Tune& in) const {
  return tune_at(p, in, core::as_mount_path(in.path));
}
Result<schema::Empty> Sys::tune_auth(Prompt& p, const Tune& in) const {
  return tune_at(p, in, "auth/" + core::as_mount_path(in.path));
}
Result<schema::Empty> Sys::tune_at(Prompt& p, const Tune& in, const std::string& path) const {
  SR_LET(const auto router, parts_.mounts.router(p.txn));
  const auto* m = router->exact(path);
  if (m == nullptr) return bad(fmt::format("tune of path \"{}\" failed: no mount entry found", path));
  const bool is_auth = m->view.clazz == engine::Class::auth;
  if (in.token_type && !in.token_type->empty())
    return bad(!is_auth                ? "'token_type' can only be modified on auth mounts"
               : path == "auth/token/" ? "'token_type' cannot be set for 'token' or 'ns_token' auth mounts"
                                       : "token_type: is not supported by this version");
  // Of what is always there only what the log shows may change; of auth/token the lifetimes, too.
  if (m->entry.number == 0) {
    if (in.options) return bad(fmt::format("cannot tune parameter options of {}", path));
    if (!is_auth && (in.default_lease_ttl || in.max_lease_ttl || in.description || in.listing_visibility ||
                     in.passthrough_request_headers || in.allowed_response_headers))
      return bad(fmt::format(
          "only audit_non_hmac_request_keys and audit_non_hmac_response_keys of {} can be tuned", path));
  }
  if (in.plugin_version && !in.plugin_version->empty())
    return bad("plugin_version: engines are built in and have no versions to choose");
  auto e = m->entry;
  if (in.default_lease_ttl) {
    SR_LET(e.default_lease_ttl, lease_ttl("default_lease_ttl", *in.default_lease_ttl));
  }
  if (in.max_lease_ttl) {
    SR_LET(e.max_lease_ttl, lease_ttl("max_lease_ttl", *in.max_lease_ttl));
  }
  if (e.max_lease_ttl.count() != 0 && e.default_lease_ttl > e.max_lease_ttl)
    return bad(fmt::format("backend max lease TTL of {} would be less than backend default lease TTL of {}",
                           e.max_lease_ttl.count(), e.default_lease_ttl.count()));
  SR_TRY(check_visibility(in.listing_visibility));
  if (in.listing_visibility) e.listing_visibility = *in.listing_visibility;
  if (in.description) e.description = *in.description;
  if (in.options) {
    auto options = e.options;
    for (const auto& [k, v] : *in.options) options[k] = v;
    if (options.contains("version") && options["version"] != "1" && options["version"] != "2")
      return bad("options: version must be \"1\" or \"2\"");
    if (options["version"] != e.options["version"]) {
      if (e.options["version"] == "2") return bad("cannot downgrade mount from version 2");
      // Records of version 1 read as version 1 of a secret: nothing is rewritten, nothing is unavailable.
      p.aside.warnings.emplace_back(
          "Upgraded mount from version 1 to version 2. Requests must use the paths of version 2 from now "
          "on.");
    }
    SR_TRY(parts_.options(e.type, options));
    e.options = std::move(options);
    e.has_options = true;
  }
  if (in.audit_non_hmac_request_keys) e.audit_non_hmac_request_keys = in.audit_non_hmac_request_keys->items;
  if (in.audit_non_hmac_response_keys)
    e.audit_non_hmac_response_keys = in.audit_non_hmac_response_keys->items;
  if (in.passthrough_request_headers) e.passthrough_request_headers = in.passthrough_request_headers->items;
  if (in.allowed_response_headers) e.allowed_response_headers = in.allowed_response_headers->items;
  SR_TRY(parts_.mounts.change(p.txn, e));
  return schema::Empty{};
}

namespace {
constexpr std::array kRoutes{
    route<&Sys::list_mounts>(Verb::read, "mounts", "List secrets engines", engine::guarded,
                             "mounts-list-secrets-engines"),
    route<&Sys::read_tune>(Verb::read, "mounts/{path...}/tune", "Show how an engine is tuned",
                           engine::guarded, "mounts-read-tuning-information"),
    route<&Sys::tune>(Verb::write, "mounts/{path...}/tune", "Tune an engine", engine::guarded,
                      "mounts-tune-configuration-parameters"),
    route<&Sys::read_mount>(Verb::read, "mounts/{path...}", "Show a secrets engine", engine::slashes,
                            "mounts-read-configuration"),
    route<&Sys::enable>(Verb::write, "mounts/{path...}", "Enable a secrets engine", engine::guarded,
                        "mounts-enable-secrets-engine"),
    route<&Sys::disable>(Verb::erase, "mounts/{path...}", "Disable a secrets engine and erase its data",
                         engine::slashes, "mounts-disable-secrets-engine"),
    route<&Sys::list_auth>(Verb::read, "auth", "List auth methods", engine::sudo,
                           "auth-list-enabled-methods"),
    route<&Sys::read_auth_tune>(Verb::read, "auth/{path...}/tune", "Show how an auth method is tuned",
                                engine::sudo, "auth-read-tuning-information"),
    route<&Sys::tune_auth>(Verb::write, "auth/{path...}/tune", "Tune an auth method", engine::sudo,
                           "auth-tune-configuration-parameters"),
    route<&Sys::read_auth>(Verb::read, "auth/{path...}", "Show an auth method",
                           engine::sudo | engine::slashes, "auth-read-configuration"),
    route<&Sys::enable_auth>(Verb::write, "auth/{path...}", "Enable an auth method", engine::sudo,
                             "auth-enable-method"),
    route<&Sys::disable_auth>(Verb::erase, "auth/{path...}", "Disable an auth method",
                              engine::sudo | engine::slashes, "auth-disable-method"),
};
}  // namespace
std::span<const engine::Route> mount_routes() { return kRoutes; }

}  // namespace strongroom::system::sys
