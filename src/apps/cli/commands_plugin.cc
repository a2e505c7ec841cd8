// plugin: what the server can mount. It has no plugins of others: to register or to reload one is asked of
// the server all the same, and its answer is shown.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

constexpr std::string_view kTypes[] = {"auth", "database", "secret", "kms"};

constexpr Shape kDetails[] = {{"type"},
                              {"name"},
                              {"version", Shape::text, Shape::present},
                              {"builtin", Shape::truth},
                              {"deprecation_status", Shape::text, Shape::present}};
constexpr Shape kInfo[] = {{"args", Shape::list},
                           {"builtin", Shape::truth},
                           {"command"},
                           {"deprecation_status"},
                           {"name"},
                           {"sha256"},
                           {"version"}};

// Code::not_found ends with exit code 2, as a wrong type does with Vault.
Result<std::string> type_of(std::string_view typed) {
  std::string type(trimmed(typed));
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
    return fail(
        Code::not_found,
        fmt::format("\"{}\" is not a supported plugin type. Use auth, database, secret or kms", type));
  return type;
}

// "[TYPE] NAME": the path of a plugin in the catalog.
struct Named {
  std::string path, name;
};
Result<Named> named(Session& s) {
  Named n;
  n.name = trimmed(s.args().back());
  n.path = "sys/plugins/catalog/";
  if (s.args().size() == 2) {
    SR_LET(const std::string type, type_of(s.arg(0)));
    n.path += type + "/";
  }
  n.path += n.name;
  return n;
}

Result<int> list(Session& s) {
  std::string type;
  if (!s.args().empty() && !trimmed(s.arg(0)).empty()) {
    SR_LET(type, type_of(s.arg(0)));
  }
  SR_LET(const Answer a,
         s.demand({.method = "GET", .path = "sys/plugins/catalog"}, "Error listing available plugins"));
  std::vector<json::Node> details;
  for (const json::Node d : member(a.data(), "detailed"))
    if (type.empty() || member_text(d, "type") == type) details.push_back(d);
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    std::vector<std::string_view> keys{"details"};
    for (const std::string_view t : kTypes)
      if (type.empty() ? !member(a.data(), t).is_null() : t == type) keys.push_back(t);
    std::sort(keys.begin(), keys.end());
    for (const std::string_view key : keys) {
      w.key(key);
      if (key != "details") {
        append_sorted(w, member(a.data(), key));
        continue;
      }
      if (details.empty()) {
        w.null();
        continue;
      }
      w.begin_array();
      for (const json::Node& d : details) w.raw(view(shaped(d, kDetails)));
      w.end_array();
    }
    w.end_object();
    s.print_json(view(out));
    return 0;
  }
  const bool detailed = s.flags.on("detailed");
  Table t = detailed       ? Table{"Name", "Type", "Version", "Deprecation Status"}
            : type.empty() ? Table{"Name", "Type", "Version"}
                           : Table{"Name", "Version"};
  for (const json::Node& d : details) {
    const auto name = member_text(d, "name"), of = member_text(d, "type"),
               version = member_text(d, "version");
    if (detailed)
      t.add({name, of, version, member_text(d, "deprecation_status")});
    else if (type.empty())
      t.add({name, of, version});
    else
      t.add({name, version});
  }
  s.print_text(t.text());
  return 0;
}

Result<int> describe(Session& s) {
  SR_LET(const Named n, named(s));
  client::Request r{.method = "GET", .path = n.path};
  if (const auto v = s.flags.text("version")) r.query.emplace_back("version", *v);
  const std::string doing = fmt::format("Error reading plugin named {}", n.name);
  SR_LET(const Answer found, s.ask(std::move(r), doing));
  if (!found.ok() && found.status != 404) return s.refusal(found, doing);
  if (!found.data().is_object()) {
    s.console.error_line(fmt::format(
        "No value found for plugin \"{}\"\nstrongroom plugin list shows which there are.", n.name));
    return 2;
  }
  const SecretText data = shaped(found.data(), kInfo);
  SR_LET(const json::Doc doc, json::Doc::parse(view(data), reply_limits()));
  if (s.field()) return s.print_field(doc.root(), *s.field());
  if (s.format() != Format::table) {
    s.print_json(view(data));
    return 0;
  }
  Table t{"Key", "Value"};
  for (const json::Node m : doc.root()) t.add({m.key(), m.is_null() ? "[]" : view(go_text(m))});
  s.print_text(t.text());
  return 0;
}

Result<int> enroll(Session& s) {
  if (s.flags.text("sha256").value_or("").empty())
    return fail(Code::invalid_argument, "SHA256 is required for all plugins, please provide -sha256");
  SR_LET(const Named n, named(s));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("args");
  w.begin_array();
  for (const std::string_view a : s.flags.texts("args")) w.string(a);
  w.end_array();
  w.key("command"), w.string(s.flags.text("command").value_or(n.name));
  w.key("sha256"), w.string(*s.flags.text("sha256"));
  if (const auto v = s.flags.text("version")) w.key("version"), w.string(*v);
  if (s.flags.on("oci")) w.key("oci"), w.boolean(true);
  w.end_object();
  SR_LET([[maybe_unused]] const Answer a, s.demand({.method = "PUT", .path = n.path, .body = std::move(body)},
                                                   fmt::format("Error registering plugin {}", n.name)));
  s.console.line("Success! Registered plugin: " + n.name);
  return 0;
}

Result<int> strike(Session& s) {
  SR_LET(const Named n, named(s));
  client::Request r{.method = "DELETE", .path = n.path};
  if (const auto v = s.flags.text("version")) r.query.emplace_back("version", *v);
  SR_LET([[maybe_unused]] const Answer a,
         s.demand(std::move(r), fmt::format("Error deregistering plugin named {}", n.name)));
  s.console.line("Success! Deregistered plugin (if it was registered): " + n.name);
  return 0;
}

Result<int> reload(Session& s) {
  const auto plugin = s.flags.text("plugin").value_or("");
  const auto mounts = s.flags.texts("mounts");
  if (plugin.empty() && mounts.empty())
    return fail(Code::invalid_argument, "Not enough arguments (expected 1, got 0): give -plugin or -mounts");
  if (!plugin.empty() && !mounts.empty())
    return fail(Code::invalid_argument,
                "Too many arguments (expected 1, got 2): give -plugin or -mounts, not both");
  const auto scope = s.flags.text("scope").value_or("");
  if (!scope.empty() && scope != "global")
    return fail(Code::invalid_argument, fmt::format("Invalid reload scope: {}", scope));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  std::string listed;
  if (mounts.empty()) {
    w.key("plugin"), w.string(plugin);
  } else {
    w.key("mounts");
    w.begin_array();
    for (const std::string_view m : mounts) {
      w.string(m);
      listed += fmt::format("{}{}", listed.empty() ? "" : " ", m);
    }
    w.end_array();
  }
  if (!scope.empty()) w.key("scope"), w.string(scope);
  w.end_object();
  SR_LET(const Answer a,
         s.demand({.method = "PUT", .path = "sys/plugins/reload/backend", .body = std::move(body)},
                  "Error reloading plugin/mounts"));
  // The id is for asking how far the servers of a cluster are.
  const auto id = scope.empty() ? std::string_view{} : member_text(a.payload(), "reload_id");
  s.console.line(
      fmt::format("Success! {} {}{}", id.empty() ? "Reloaded" : "Reloading",
                  mounts.empty() ? fmt::format("plugin: {}", plugin) : fmt::format("mounts: [{}]", listed),
                  id.empty() ? "" : fmt::format(", reload_id: {}", id)));
  return 0;
}

constexpr Flag kList[] = {{"detailed", Takes::nothing, "Show whether each is to be removed some day, too."}};
constexpr Flag kVersion[] = {{"version", Takes::text, "Its version."}};
constexpr Flag kRegister[] = {{"sha256", Takes::text, "SHA-256 of the program, in hexadecimal."},
                              {"command", Takes::text, "The program's name. Default: the plugin's name."},
                              {"args", Takes::texts, "An argument of the program. May be repeated."},
                              {"version", Takes::text, "Its version."},
                              {"oci", Takes::nothing, "The plugin is a container image."}};
constexpr Flag kReload[] = {{"plugin", Takes::text, "Reload all mounts of this plugin."},
                            {"mounts", Takes::texts, "Reload this mount. May be repeated."},
                            {"scope", Takes::text, "global: on all servers of the cluster."}};

constexpr Command kCommands[] = {
    {"plugin list", "[TYPE]", "List what can be mounted", "TYPE is auth, database, secret or kms.",
     "strongroom plugin list secret\nstrongroom plugin list -detailed", kHttp | kFormat, kList, 0, 1, &list},
    {"plugin info", "[TYPE] NAME", "Show one of what can be mounted", "", "strongroom plugin info secret kv",
     kHttp | kFormat | kField, kVersion, 1, 2, &describe},
    {"plugin register", "[TYPE] NAME", "Register a plugin with the server",
     "Strongroom has all its engines built in and refuses; this is for other servers.",
     "strongroom plugin register -sha256=d3f0a8be secret my-engine", kHttp, kRegister, 1, 2, &enroll},
    {"plugin deregister", "[TYPE] NAME", "Remove a plugin from the server's catalog",
     "Strongroom has all its engines built in and refuses; this is for other servers.",
     "strongroom plugin deregister secret my-engine", kHttp, kVersion, 1, 2, &strike},
    {"plugin reload", "", "Start a plugin anew",
     "Strongroom has all its engines built in: there is nothing to start anew, and it answers at once.",
     "strongroom plugin reload -plugin=my-engine", kHttp, kReload, 0, 0, &reload},
};

}  // namespace

std::span<const Command> plugin_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
