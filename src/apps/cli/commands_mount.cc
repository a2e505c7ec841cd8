// secrets: the table of secrets engines.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

std::string ttl_text(json::Node config, std::string_view name) {
  const auto v = member_number(config, name).value_or(0);
  return v == 0 ? "system" : fmt::format("{}", v);
}

// In the client library's order: the three that are always there, then what is set.
void write_config(json::Writer& w, json::Node config) {
  constexpr std::string_view first[] = {"default_lease_ttl", "max_lease_ttl", "force_no_cache"};
  w.begin_object();
  for (const std::string_view name : first)
    if (const auto n = config.find(name)) w.key(name), append_sorted(w, *n);
  for (const json::Node n : sorted(config))
    if (std::find(std::begin(first), std::end(first), n.key()) == std::end(first))
      w.key(n.key()), append_sorted(w, n);
  w.end_object();
}

Result<int> list(Session& s) {
  SR_LET(const Answer a, s.demand({.method = "GET", .path = "sys/mounts"}, "Error listing secrets engines"));
  const json::Node mounts = a.data().is_object() ? a.data() : a.body();
  if (s.format() != Format::table) {
    constexpr std::string_view kOrder[] = {"uuid",
                                           "type",
                                           "description",
                                           "accessor",
                                           "config",
                                           "options",
                                           "local",
                                           "seal_wrap",
                                           "external_entropy_access",
                                           "plugin_version",
                                           "running_plugin_version",
                                           "running_sha256",
                                           "deprecation_status"};
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    for (const json::Node m : sorted(mounts)) {
      if (!m.is_object()) continue;
      w.key(m.key());
      w.begin_object();
      for (const std::string_view name : kOrder) {
        const json::Node n = member(m, name);
        if (n.is_null() && !m.find(name)) {
          if (name != "deprecation_status") continue;
          w.key(name), w.string("");
          continue;
        }
        w.key(name);
        if (name == "config")
          write_config(w, n);
        else
          append_sorted(w, n);
      }
      w.end_object();
    }
    w.end_object();
    s.print_json(view(out));
    return 0;
  }
  if (!s.flags.on("detailed")) {
    Table t{"Path", "Type", "Accessor", "Description"};
    for (const json::Node m : sorted(mounts))
      if (m.is_object())
        t.add({m.key(), member_text(m, "type"), member_text(m, "accessor"), member_text(m, "description")});
    s.print_text(t.text());
    return 0;
  }
  Table t{"Path",
          "Plugin",
          "Accessor",
          "Default TTL",
          "Max TTL",
          "Force No Cache",
          "Replication",
          "Seal Wrap",
          "External Entropy Access",
          "Options",
          "Description",
          "UUID",
          "Version",
          "Running Version",
          "Running SHA256",
          "Deprecation Status"};
  const auto yes = [](json::Node m, std::string_view name) {
    return member_truth(m, name) ? "true" : "false";
  };
  for (const json::Node m : sorted(mounts)) {
    if (!m.is_object()) continue;
    const json::Node config = member(m, "config");
    const std::string_view type = member_text(m, "type");
    const bool without_ttl =
        type == "system" || type == "cubbyhole" || type == "ns_system" || type == "ns_cubbyhole";
    const json::Node options = member(m, "options");
    t.add({m.key(), type, member_text(m, "accessor"),
           without_ttl ? "n/a" : ttl_text(config, "default_lease_ttl"),
           without_ttl ? "n/a" : ttl_text(config, "max_lease_ttl"), yes(config, "force_no_cache"),
           member_truth(m, "local") ? "local" : "replicated", yes(m, "seal_wrap"),
           yes(m, "external_entropy_access"),
           options.is_null() ? std::string_view("map[]") : view(go_text(options)),
           member_text(m, "description"), member_text(m, "uuid"), member_text(m, "plugin_version"),
           member_text(m, "running_plugin_version"), member_text(m, "running_sha256"),
           member_text(m, "deprecation_status")});
  }
  s.print_text(t.text());
  return 0;
}

void write_list(json::Writer& w, const Flags& f, std::string_view flag, std::string_view name) {
  if (!f.given(flag)) return;
  w.key(name);
  w.begin_array();
  for (const std::string_view v : f.texts(flag)) w.string(v);
  w.end_array();
}

void write_options(json::Writer& w, const Flags& f) {
  const auto version = f.number("version");
  if (!version && !f.given("options")) return;
  w.key("options");
  w.begin_object();
  for (const auto& [k, v] : f.pairs("options")) w.key(k), w.string(v);
  if (version) w.key("version"), w.string(fmt::format("{}", *version));
  w.end_object();
}

void write_tunables(json::Writer& w, const Flags& f) {
  if (const auto v = f.duration("default-lease-ttl")) w.key("default_lease_ttl"), w.string(*v);
  if (const auto v = f.duration("max-lease-ttl")) w.key("max_lease_ttl"), w.string(*v);
  if (const auto v = f.text("listing-visibility")) w.key("listing_visibility"), w.string(*v);
  write_list(w, f, "audit-non-hmac-request-keys", "audit_non_hmac_request_keys");
  write_list(w, f, "audit-non-hmac-response-keys", "audit_non_hmac_response_keys");
  write_list(w, f, "passthrough-request-headers", "passthrough_request_headers");
  write_list(w, f, "allowed-response-headers", "allowed_response_headers");
}

Result<int> enable(Session& s) {
  const Flags& f = s.flags;
  const std::string type(trimmed(s.arg(0)));
  const std::string path = clean_path(f.text("path").value_or(type));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("type"), w.string(type);
  w.key("description"), w.string(f.text("description").value_or(""));
  w.key("config");
  w.begin_object();
  write_tunables(w, f);
  if (const auto v = f.choice("force-no-cache")) w.key("force_no_cache"), w.boolean(*v);
  w.end_object();
  w.key("local"), w.boolean(f.on("local"));
  w.key("seal_wrap"), w.boolean(f.on("seal-wrap"));
  w.key("external_entropy_access"), w.boolean(f.on("external-entropy-access"));
  if (const auto v = f.text("plugin-version")) w.key("plugin_version"), w.string(*v);
  write_options(w, f);
  w.end_object();
  SR_LET(
      [[maybe_unused]] const Answer a,
      s.demand({.method = "POST", .path = "sys/mounts/" + path, .body = std::move(body)}, "Error enabling"));
  s.console.line(fmt::format("Success! Enabled the {} secrets engine at: {}/", type, path));
  return 0;
}

Result<int> disable(Session& s) {
  const std::string path = clean_path(s.arg(0));
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "DELETE", .path = "sys/mounts/" + path},
                  fmt::format("Error disabling secrets engine at {}/", path)));
  s.console.line(fmt::format("Success! Disabled the secrets engine (if it existed) at: {}/", path));
  return 0;
}

Result<int> tune(Session& s) {
  const std::string path = clean_path(s.arg(0));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  write_tunables(w, s.flags);
  if (const auto v = s.flags.text("description")) w.key("description"), w.string(*v);
  if (const auto v = s.flags.text("plugin-version")) w.key("plugin_version"), w.string(*v);
  write_options(w, s.flags);
  w.end_object();
  SR_LET(
      [[maybe_unused]] const Answer a,
      s.demand({.method = "POST", .path = fmt::format("sys/mounts/{}/tune", path), .body = std::move(body)},
               fmt::format("Error tuning secrets engine {}/", path)));
  s.console.line(fmt::format("Success! Tuned the secrets engine at: {}/", path));
  return 0;
}

constexpr Flag kList[] = {{"detailed", Takes::nothing, "Show lifetimes, options and versions too."}};
#define SR_TUNE_FLAGS                                                                   \
  {"description", Takes::text, "What the engine is for."},                              \
      {"default-lease-ttl", Takes::duration, "How long leases live."},                  \
      {"max-lease-ttl", Takes::duration, "How long leases live at most."},              \
      {"options", Takes::pairs, "An option KEY=VALUE of the engine. May be repeated."}, \
      {"version", Takes::number, "The engine's version: 1 or 2 for kv."},               \
      {"plugin-version", Takes::text, "The plug-in's version."},                        \
      {"listing-visibility", Takes::text,                                               \
       "Whether the mount is listed to those without a token: unauth or hidden."},      \
      {"audit-non-hmac-request-keys", Takes::texts,                                     \
       "A request field the audit log shows in the clear. May be repeated."},           \
      {"audit-non-hmac-response-keys", Takes::texts,                                    \
       "A reply field the audit log shows in the clear. May be repeated."},             \
      {"passthrough-request-headers", Takes::texts,                                     \
       "A request header the engine gets to see. May be repeated."},                    \
      {"allowed-response-headers", Takes::texts, "A reply header the engine may set. May be repeated."}
constexpr Flag kTune[] = {SR_TUNE_FLAGS};
constexpr Flag kEnable[] = {
    {"path", Takes::text, "Where to mount it. Default: the type's name."},
    SR_TUNE_FLAGS,
    {"local", Takes::nothing, "Not replicated."},
    {"seal-wrap", Takes::nothing, "Wrap critical values by the seal too."},
    {"external-entropy-access", Takes::nothing, "Let it use the seal's random numbers."},
    {"force-no-cache", Takes::nothing, "Do not cache its reads."}};
#undef SR_TUNE_FLAGS

constexpr Command kCommands[] = {
    {"secrets list", "", "List the secrets engines", "",
     "strongroom secrets list\nstrongroom secrets list -detailed", kHttp | kFormat, kList, 0, 0, &list},
    {"secrets enable", "TYPE", "Mount a secrets engine", "",
     "strongroom secrets enable -path=team -version=2 kv", kHttp, kEnable, 1, 1, &enable},
    {"secrets tune", "PATH", "Change a mount's settings", "Only what is named changes.",
     "strongroom secrets tune -description=\"secrets of the team\" team", kHttp, kTune, 1, 1, &tune},
    {"secrets disable",
     "PATH",
     "Unmount an engine and delete its data",
     "What was stored there is gone for ever.",
     "strongroom secrets disable team",
     kHttp,
     {},
     1,
     1,
     &disable},
};

}  // namespace

std::span<const Command> mount_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
