#include "system/sys/plugins.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/texts.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;

struct Detail {
  bool builtin = true;
  std::string deprecation_status = "supported", name, type, version;
  static constexpr auto fields() {
    return std::array{field<&Detail::builtin>("builtin", "Always true."),
                      field<&Detail::deprecation_status>("deprecation_status", "supported.", kPlain),
                      field<&Detail::name>("name", "Type to mount.", kPlain),
                      field<&Detail::type>("type", "secret, auth or database.", kPlain),
                      field<&Detail::version>("version", "The server's version.", kPlain)};
  }
};
}  // namespace

struct Plugins::Catalog {
  std::vector<std::string> auth, database, secret;
  std::vector<Detail> detailed;
  static constexpr auto fields() {
    return std::array{field<&Catalog::auth>("auth", "Auth methods that can be mounted.", kPlain),
                      field<&Catalog::database>("database", "Kinds of databases that can be served.", kPlain),
                      field<&Catalog::detailed>("detailed", "The same with version and state.", kPlain),
                      field<&Catalog::secret>("secret", "Secrets engines that can be mounted.", kPlain)};
  }
};
struct Plugins::Kind {
  std::string type;
  static constexpr auto fields() {
    return std::array{field<&Kind::type>("type", "secret, auth or database.", schema::in_path | kPlain)};
  }
};
struct Plugins::Names {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{field<&Names::keys>("keys", "What is built in of this type.", kPlain)};
  }
};
struct Plugins::At {
  std::string type, name;
  static constexpr auto fields() {
    return std::array{field<&At::type>("type", "secret, auth or database.", schema::in_path | kPlain),
                      field<&At::name>("name", "Which one.", schema::in_path | kPlain)};
  }
};
struct Plugins::Plugin {
  std::optional<std::vector<std::string>> args;
  bool builtin = true;
  std::string command;
  bool declarative = false;
  std::string deprecation_status = "supported", name;
  bool oci = false;
  std::string sha256, version;
  static constexpr auto fields() {
    return std::array{field<&Plugin::args>("args", "Always null: engines are built in.", kPlain),
                      field<&Plugin::builtin>("builtin", "Always true."),
                      field<&Plugin::command>("command", "Always empty: engines are built in.", kPlain),
                      field<&Plugin::declarative>("declarative", "Always false."),
                      field<&Plugin::deprecation_status>("deprecation_status", "supported.", kPlain),
                      field<&Plugin::name>("name", "Type to mount.", kPlain),
                      field<&Plugin::oci>("oci", "Always false: engines are built in."),
                      field<&Plugin::sha256>("sha256", "Always empty: engines are built in.", kPlain),
                      field<&Plugin::version>("version", "The server's version.", kPlain)};
  }
};
struct Plugins::Registration {
  std::string type, name;
  std::optional<std::string> command, sha256, sha_256, version;
  std::optional<std::vector<std::string>> args, env;
  static constexpr auto fields() {
    return std::array{
        field<&Registration::type>("type", "secret, auth or database.", schema::in_path | kPlain),
        field<&Registration::name>("name", "Which one.", schema::in_path | kPlain),
        field<&Registration::command>("command", "Not supported: engines are built in."),
        field<&Registration::sha256>("sha256", "Not supported: engines are built in."),
        field<&Registration::sha_256>("sha_256", "Not supported: engines are built in."),
        field<&Registration::version>("version", "Not supported: engines are built in."),
        field<&Registration::args>("args", "Not supported: engines are built in."),
        field<&Registration::env>("env", "Not supported: engines are built in.")};
  }
};
struct Plugins::Reload {
  std::string plugin, scope;
  schema::CommaList mounts;
  static constexpr auto fields() {
    return std::array{field<&Reload::plugin>("plugin", "A type that is built in: every mount of it."),
                      field<&Reload::scope>("scope", "Kept for old clients; there is one node."),
                      field<&Reload::mounts>("mounts", "Paths of mounts, in place of a type.")};
  }
};
struct Plugins::Reloaded {
  std::string reload_id;
  static constexpr auto fields() {
    return std::array{field<&Reloaded::reload_id>("reload_id", "Names the reload.", kPlain)};
  }
};

const std::vector<std::string>* Plugins::of(std::string_view kind) const {
  static const std::vector<std::string> none;
  if (kind == "secret") return &built_.secret;
  if (kind == "auth") return &built_.auth;
  if (kind == "database") return &none;
  return nullptr;
}

Result<Plugins::Catalog> Plugins::catalog(Prompt&, const schema::Empty&) const {
  Catalog out;
  out.auth = built_.auth;
  out.secret = built_.secret;
  for (const auto& [kind, names] : {std::pair{"auth", &built_.auth}, std::pair{"secret", &built_.secret}})
    for (const auto& n : *names) out.detailed.push_back({true, "supported", n, kind, version_});
  return out;
}

Result<std::optional<Plugins::Names>> Plugins::list(Prompt&, const Kind& in) const {
  const auto* names = of(in.type);
  if (names == nullptr) return fail(Code::unsupported, engine::kUnsupportedOperation);
  if (names->empty()) return std::nullopt;
  return Names{*names};
}

Result<std::optional<Plugins::Plugin>> Plugins::read(Prompt&, const At& in) const {
  const auto* names = of(in.type);
  if (names == nullptr || std::ranges::find(*names, in.name) == names->end()) return std::nullopt;
  Plugin out;
  out.name = in.name;
  out.version = version_;
  return out;
}

Result<schema::Empty> Plugins::refuse(Prompt&, const Registration&) const {
  return fail(Code::invalid_argument,
              "plugins: no outside program is run, so nothing can be registered or removed; what is built in "
              "is listed by sys/plugins/catalog");
}

Result<Plugins::Reloaded> Plugins::reload(Prompt& p, const Reload& in) const {
  const auto bad = [](const char* text) { return fail(Code::invalid_argument, text); };
  if (in.plugin.empty() && in.mounts.items.empty()) return bad("plugin or mounts must be provided");
  if (!in.plugin.empty() && !in.mounts.items.empty()) return bad("plugin and mounts cannot be set together");
  if (!in.plugin.empty()) {
    const auto known = [&](const std::vector<std::string>& names) {
      return std::ranges::find(names, in.plugin) != names.end();
    };
    if (!known(built_.secret) && !known(built_.auth))
      return bad("plugin: no plugin of this name is built in");
  }
  SR_LET(const auto router, mounts_.router(p.txn));
  for (auto path : in.mounts.items) {
    if (!path.ends_with('/')) path += '/';
    if (router->exact(path) == nullptr)
      return bad("1 error occurred:\n\t* cannot fetch mount entry: mounts names no mount\n\n");
  }
  // Engines keep no state beside the store: the next request reads it anew.
  return Reloaded{core::uuid(p.random)};
}

namespace {
using P = Plugins;
constexpr std::array kRoutes{
    route<&P::catalog>(Verb::read, "plugins/catalog", "What is built in", engine::guarded,
                       "plugins-catalog-list-plugins"),
    route<&P::list>(Verb::list, "plugins/catalog/{type}", "What is built in of one type", engine::sudo,
                    "plugins-catalog-list-plugins-with-type"),
    route<&P::read>(Verb::read, "plugins/catalog/{type}/{name}", "One of what is built in", engine::sudo,
                    "plugins-catalog-read-plugin-configuration-with-type"),
    route<&P::refuse>(Verb::write, "plugins/catalog/{type}/{name}", "Refused: no outside program is run",
                      engine::sudo, "plugins-catalog-register-plugin-with-type"),
    route<&P::refuse>(Verb::erase, "plugins/catalog/{type}/{name}", "Refused: what is built in stays",
                      engine::sudo, "plugins-catalog-remove-plugin-with-type"),
    route<&P::reload>(Verb::write, "plugins/reload/backend", "Reload an engine; done at once",
                      engine::guarded, "plugins-reload-backends"),
};
}  // namespace
std::span<const engine::Route> Plugins::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
