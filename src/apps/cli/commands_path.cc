// read, write, list, delete, patch: any path of the API.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {

Result<int> list_at(Session& s, const std::string& path) {
  client::Request r{.method = "LIST", .path = path};
  if (const auto after = s.flags.text("after")) r.query.emplace_back("after", *after);
  if (const auto limit = s.flags.number("limit"); limit && *limit > 0)
    r.query.emplace_back("limit", fmt::format("{}", *limit));
  SR_LET(const auto found, s.look(std::move(r), fmt::format("Error listing {}", path)));
  if (found && member(found->body(), "wrap_info").is_object()) return s.print(*found);
  const json::Node keys = found ? member(found->data(), "keys") : json::Node{};
  const bool detailed = s.flags.choice("detailed").value_or(false);
  if (!keys.is_array() || keys.size() == 0) {
    if (s.format() != Format::table) {
      s.print_json("{}");
      return 2;
    }
    s.console.error_line(
        fmt::format("No {} found at {}", found && found->data().is_object() ? "entries" : "value", path));
    return 2;
  }
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, detailed ? found->data() : keys);
    s.print_json(view(out));
    return 0;
  }
  s.console.err(warnings_text(found->body()));
  std::vector<std::string_view> names;
  for (const json::Node n : keys) names.push_back(n.text());
  std::sort(names.begin(), names.end());
  const json::Node info = member(found->data(), "key_info");
  if (detailed && info.is_object()) {
    Table t{"Keys", "Details"};
    for (const std::string_view name : names) t.add({name, view(go_text(member(info, name)))});
    s.print_text(t.text());
    return 0;
  }
  Table t{"Keys"};
  for (const std::string_view name : names) t.add({name});
  s.print_text(t.text());
  return 0;
}

namespace {

// Whether a key's name says that its value is one to hide.
bool sounds_secret(std::string_view key) {
  for (const std::string_view word : {"pass", "secret", "token", "private", "credential", "pin"})
    if (key.find(word) != std::string_view::npos) return !key.ends_with("_ttl") && !key.starts_with("token_");
  return key == "key" || key == "bindpass";
}

Result<int> read(Session& s) {
  const std::string path = clean_path(s.arg(0));
  client::Request r{.method = "GET", .path = path};
  for (const std::string_view argument : s.args().subspan(1)) {
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(Code::invalid_argument,
                  "Failed to parse K=V data: after the path come query parameters KEY=VALUE");
    r.query.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
  }
  SR_LET(const auto found, s.look(std::move(r), fmt::format("Error reading {}", path)));
  if (!found || !found->has_body()) {
    s.console.error_line("No value found at " + path);
    return 2;
  }
  return s.print(*found);
}

Result<int> send_data(Session& s, std::string_view method) {
  const bool force = s.flags.on("force");
  if (s.args().size() == 1 && !force) return fail(Code::invalid_argument, "Must supply data or use -force");
  auto data = KeyValues::read(s.args().subspan(1), s.omitted(), s.console);
  if (!data) return fail(Code::invalid_argument, "Failed to parse K=V data: " + data.error().message);
  for (const std::string& key : data->typed())
    if (sounds_secret(key)) {
      s.warn_typed(fmt::format("The value of \"{}\"", key));
      break;
    }
  const std::string path = clean_path(s.arg(0));
  SR_LET(const Answer a, s.ask({.method = std::string(method), .path = path, .body = data->json()},
                               fmt::format("Error writing data to {}", path)));
  if (a.status == 404 && !a.data().is_object() && method == "PATCH" &&
      member(a.body(), "errors").size() == 0) {
    s.console.error_line("No value found at " + path);
    return 2;
  }
  if (!a.ok()) return s.refusal(a, fmt::format("Error writing data to {}", path));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table && !s.field()) s.console.line("Success! Data written to: " + path);
  return 0;
}

Result<int> write(Session& s) { return send_data(s, "PUT"); }
Result<int> patch(Session& s) { return send_data(s, "PATCH"); }
Result<int> list(Session& s) { return list_at(s, clean_path(s.arg(0))); }

Result<int> remove(Session& s) {
  const std::string path = clean_path(s.arg(0));
  client::Request r{.method = "DELETE", .path = path};
  for (const std::string_view argument : s.args().subspan(1)) {
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(Code::invalid_argument,
                  "Failed to parse K=V data: after the path come query parameters KEY=VALUE");
    r.query.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
  }
  SR_LET(const Answer a, s.demand(std::move(r), fmt::format("Error deleting {}", path)));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table && !s.field())
    s.console.line("Success! Data deleted (if it existed) at: " + path);
  return 0;
}

constexpr Flag kForce[] = {
    {"force", Takes::nothing, "Write without data, where the path wants none.", {}, "f"}};
constexpr Flag kList[] = {{"after", Takes::text, "Begin after this key."},
                          {"limit", Takes::number, "At most so many keys."},
                          {"detailed", Takes::nothing, "Show what the server knows of each key."}};

constexpr unsigned kAll = kHttp | kFormat | kField;
constexpr Command kCommands[] = {
    {"read",
     "PATH [KEY=VALUE...]",
     "Read any path",
     "KEY=VALUE arguments become query parameters. -format=raw prints the reply's body as it came.",
     "strongroom read secret/data/app\nstrongroom read -format=json secret/data/app version=1",
     kAll,
     {},
     1,
     kAny,
     &read},
    {"write", "PATH KEY=VALUE...", "Write any path",
     "Values as in kv put: KEY=@FILE, KEY=- for standard input, @FILE.json for a whole object.",
     "strongroom write auth/token/create policies=default ttl=1h\nstrongroom write secret/data/api "
     "@data.json",
     kAll, kForce, 1, kAny, &write},
    {"list", "PATH", "List any path that can be listed", "",
     "strongroom list secret/metadata\nstrongroom list -limit=2 secret/metadata", kHttp | kFormat, kList, 1,
     1, &list},
    {"delete",
     "PATH",
     "Delete any path",
     "",
     "strongroom delete secret/data/app",
     kAll,
     {},
     1,
     kAny,
     &remove},
    {"patch", "PATH KEY=VALUE...", "Change some fields at any path that can be patched",
     "Sends the fields as a JSON merge patch.", "strongroom patch secret/data/app @patch.json", kAll, kForce,
     1, kAny, &patch},
};

}  // namespace

std::span<const Command> path_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
