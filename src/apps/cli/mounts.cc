#include "apps/cli/mounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "apps/cli/interrupt.h"

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

// In the client library's order.
SecretText mounts_json(json::Node mounts) {
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
  return out;
}

void write_list(json::Writer& w, const Flags& f, std::string_view flag, std::string_view name) {
  if (!f.given(flag)) return;
  w.key(name);
  w.begin_array();
  for (const std::string_view v : f.texts(flag)) w.string(v);
  w.end_array();
}

std::string_view name_of(Mounts kind) { return kind == Mounts::auth ? "auth method" : "secrets engine"; }

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
  if (const auto v = f.text("token-type")) w.key("token_type"), w.string(*v);
  if (const auto v = f.text("listing-visibility")) w.key("listing_visibility"), w.string(*v);
  write_list(w, f, "audit-non-hmac-request-keys", "audit_non_hmac_request_keys");
  write_list(w, f, "audit-non-hmac-response-keys", "audit_non_hmac_response_keys");
  write_list(w, f, "passthrough-request-headers", "passthrough_request_headers");
  write_list(w, f, "allowed-response-headers", "allowed_response_headers");
  constexpr std::string_view lockout[] = {"user-lockout-threshold", "user-lockout-duration",
                                          "user-lockout-counter-reset-duration", "user-lockout-disable"};
  if (std::none_of(std::begin(lockout), std::end(lockout), [&](std::string_view n) { return f.given(n); }))
    return;
  w.key("user_lockout_config");
  w.begin_object();
  if (const auto v = f.number(lockout[0])) w.key("lockout_threshold"), w.string(fmt::format("{}", *v));
  if (const auto v = f.duration(lockout[1])) w.key("lockout_duration"), w.string(*v);
  if (const auto v = f.duration(lockout[2])) w.key("lockout_counter_reset_duration"), w.string(*v);
  if (const auto v = f.choice(lockout[3])) w.key("lockout_disable"), w.boolean(*v);
  w.end_object();
}

}  // namespace

// Vault API: POST /sys/mounts/:path, POST /sys/auth/:path.
Result<int> enable_mount(Session& s, Mounts kind) {
  const bool auth = kind == Mounts::auth;
  const Flags& f = s.flags;
  std::string type(trimmed(s.arg(0)));
  if (type == "plugin") type = f.text("plugin-name").value_or("");
  const std::string path = clean_path(f.text("path").value_or(type));
  const auto version = f.text("plugin-version");
  const auto write_version = [&](json::Writer& w) {
    if (version) w.key("plugin_version"), w.string(*version);
  };
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("type"), w.string(type);
  w.key("description"), w.string(f.text("description").value_or(""));
  w.key("config");
  w.begin_object();
  write_tunables(w, f);
  if (auth) write_version(w);
  if (const auto v = auth ? std::nullopt : f.choice("force-no-cache")) w.key("force_no_cache"), w.boolean(*v);
  w.end_object();
  w.key("local"), w.boolean(f.on("local"));
  w.key("seal_wrap"), w.boolean(f.on("seal-wrap"));
  w.key("external_entropy_access"), w.boolean(f.on("external-entropy-access"));
  if (!auth) write_version(w);
  if (f.given("options") || f.given("version"))
    write_options(w, f);
  else if (auth)
    w.key("options"), w.null();
  w.end_object();
  SR_LET([[maybe_unused]] const Answer a,
         s.demand(
             {.method = "POST", .path = (auth ? "sys/auth/" : "sys/mounts/") + path, .body = std::move(body)},
             auth ? fmt::format("Error enabling {} auth", type) : "Error enabling"));
  s.console.line(auth ? fmt::format("Success! Enabled {} auth method{}{} at: {}/", type,
                                    version ? " version " : "", version.value_or(""), path)
                      : fmt::format("Success! Enabled the {} secrets engine at: {}/", type, path));
  return 0;
}

// Vault API: DELETE /sys/mounts/:path, DELETE /sys/auth/:path.
Result<int> disable_mount(Session& s, Mounts kind) {
  const std::string path = clean_path(s.arg(0));
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "DELETE", .path = (kind == Mounts::auth ? "sys/auth/" : "sys/mounts/") + path},
                  fmt::format("Error disabling {} at {}/", name_of(kind), path)));
  s.console.line(fmt::format("Success! Disabled the {} (if it existed) at: {}/", name_of(kind), path));
  return 0;
}

// Vault API: POST /sys/mounts/:path/tune, POST /sys/mounts/auth/:path/tune.
Result<int> tune_mount(Session& s, Mounts kind) {
  const std::string path = clean_path(s.arg(0));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  write_tunables(w, s.flags);
  if (const auto v = s.flags.text("description")) w.key("description"), w.string(*v);
  if (const auto v = s.flags.text("plugin-version")) w.key("plugin_version"), w.string(*v);
  write_options(w, s.flags);
  w.end_object();
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "POST",
                   .path = fmt::format("sys/mounts/{}{}/tune", kind == Mounts::auth ? "auth/" : "", path),
                   .body = std::move(body)},
                  fmt::format("Error tuning {} {}/", name_of(kind), path)));
  s.console.line(fmt::format("Success! Tuned the {} at: {}/", name_of(kind), path));
  return 0;
}

Result<int> list_mounts(Session& s, Mounts kind) {
  const bool auth = kind == Mounts::auth;
  SR_LET(const Answer a,
         s.demand({.method = "GET", .path = auth ? "sys/auth" : "sys/mounts"},
                  auth ? "Error listing enabled authentications" : "Error listing secrets engines"));
  const json::Node mounts = a.data().is_object() ? a.data() : a.body();
  if (s.format() != Format::table) {
    s.print_json(view(mounts_json(mounts)));
    return 0;
  }
  if (!s.flags.on("detailed")) {
    Table t = auth ? Table{"Path", "Type", "Accessor", "Description", "Version"}
                   : Table{"Path", "Type", "Accessor", "Description"};
    for (const json::Node m : sorted(mounts)) {
      if (!m.is_object()) continue;
      const auto type = member_text(m, "type"), accessor = member_text(m, "accessor"),
                 description = member_text(m, "description");
      if (auth)
        t.add({m.key(), type, accessor, description, member_text(m, "plugin_version")});
      else
        t.add({m.key(), type, accessor, description});
    }
    s.print_text(t.text());
    return 0;
  }
  Table t{"Path",
          "Plugin",
          "Accessor",
          "Default TTL",
          "Max TTL",
          auth ? "Token Type" : "Force No Cache",
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
           without_ttl ? "n/a" : ttl_text(config, "max_lease_ttl"),
           auth ? member_text(config, "token_type") : yes(config, "force_no_cache"),
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

// Vault API: POST /sys/remount {from, to} -> {migration_id}; GET /sys/remount/status/:migration_id.
Result<int> move_mount(Session& s, Mounts kind) {
  const std::string_view what = name_of(kind);
  const auto slashed = [](std::string_view typed) {
    std::string path(trimmed(typed));
    if (!path.ends_with('/')) path.push_back('/');
    return path;
  };
  const std::string from = slashed(s.arg(0)), to = slashed(s.arg(1));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("from"), w.string(from);
  w.key("to"), w.string(to);
  w.end_object();
  SR_LET(const Answer started, s.demand({.method = "POST", .path = "sys/remount", .body = std::move(body)},
                                        fmt::format("Error moving {} {} to {}", what, from, to)));
  const std::string id(member_text(started.payload(), "migration_id"));
  const std::string of = fmt::format("{} {} to {}, with migration ID {}", what, from, to, id);
  s.console.line("Started moving " + of);
  const Interrupt interrupt;
  // A move takes a moment, or long when much is to be revoked: ask often at first.
  for (Nanoseconds pause = std::chrono::milliseconds(50);;
       pause = std::min<Nanoseconds>(pause * 2, Seconds(10))) {
    SR_LET(const Answer a,
           s.demand({.method = "GET", .path = "sys/remount/status/" + id},
                    fmt::format("Error checking migration status of {} {} to {}", what, from, to)));
    const auto status = member_text(member(a.payload(), "migration_info"), "status");
    if (status == "success") {
      s.console.line("Success! Finished moving " + of);
      return 0;
    }
    if (status == "failure") {
      s.console.error_line("Failure! Error encountered moving " + of + "\nThe server's log tells why.");
      return 2;
    }
    if (interrupt.seen()) {
      s.console.error_line(fmt::format(
          "The server goes on moving it. Ask how far it is: strongroom read sys/remount/status/{}", id));
      return 1;
    }
    s.console.line("Waiting for terminal status in migration of " + of);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace strongroom::apps::cli
