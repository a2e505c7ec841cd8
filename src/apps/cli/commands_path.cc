// read, write, list, delete, patch: any path of the API.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {

namespace {

// A column for each member that the server tells of a key, in order of their names.
void print_detailed(Session& s, const std::vector<std::string_view>& names, json::Node info) {
  std::vector<std::string_view> columns{"Keys"};
  std::vector<std::string_view> seen;
  for (const std::string_view name : names)
    for (const json::Node n : member(info, name))
      if (std::find(seen.begin(), seen.end(), n.key()) == seen.end()) seen.push_back(n.key());
  std::sort(seen.begin(), seen.end());
  columns.insert(columns.end(), seen.begin(), seen.end());
  Table t(columns);
  for (const std::string_view name : names) {
    std::vector<SecretText> row{secret_text(name)};
    const json::Node of = member(info, name);
    for (const std::string_view column : seen) {
      const auto cell = of.find(column);
      const auto seconds = cell && is_duration_name(column) ? cell->integer() : std::nullopt;
      row.push_back(!cell ? SecretText{} : seconds ? secret_text(human_duration(*seconds)) : go_text(*cell));
    }
    t.add(row);
  }
  s.print_text(t.text());
}

}  // namespace

int print_list(Session& s, const Answer& a) {
  const bool detailed =
      s.flags.choice("detailed").value_or(is_true(s.console.setting("DETAILED").value_or("")));
  const json::Node keys = member(a.data(), "keys");
  if (s.format() != Format::table && detailed) return s.print(a);
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, keys);
    s.print_json(view(out));
    return 0;
  }
  s.console.err(warnings_text(a.body()));
  std::vector<std::string_view> names;
  for (const json::Node n : keys) names.push_back(n.text());
  std::sort(names.begin(), names.end());
  const json::Node info = member(a.data(), "key_info");
  if (detailed && info.is_object() && info.size() != 0) {
    print_detailed(s, names, info);
    return 0;
  }
  Table t{"Keys"};
  for (const std::string_view name : names) t.add({name});
  s.print_text(t.text());
  return 0;
}

Result<int> list_at(Session& s, const std::string& path, std::string_view method) {
  client::Request r{.method = std::string(method), .path = path};
  if (const auto after = s.flags.text("after")) r.query.emplace_back("after", *after);
  if (const auto limit = s.flags.number("limit"); limit && *limit > 0)
    r.query.emplace_back("limit", fmt::format("{}", *limit));
  SR_LET(const auto found,
         s.look(std::move(r), fmt::format("Error {} {}", method == "SCAN" ? "scanning" : "listing", path)));
  const json::Node keys = found ? member(found->data(), "keys") : json::Node{};
  if (keys.is_array() && keys.size() != 0) return print_list(s, *found);
  if (s.format() != Format::table) {
    s.print_json("{}");
    return 2;
  }
  // A path that is none to list may say which one is meant; as bao does, that is no failure.
  if (const std::string warnings = found ? warnings_text(found->body()) : ""; !warnings.empty()) {
    s.console.err(warnings);
    return 0;
  }
  if (!found || !found->data().is_object()) return s.nothing_at(path);
  s.console.error_line(fmt::format("No entries found at {}", path));
  return 2;
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
    return s.nothing_at(path);
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
  client::Request r{.method = std::string(method), .path = path, .body = data->json()};
  if (path == "sys/wrapping/wrap") r.wrap_ttl = "5m";  // what it is for; as Vault's client does
  SR_LET(const Answer a, s.ask(std::move(r), fmt::format("Error writing data to {}", path)));
  if (a.status == 404 && !a.data().is_object() && method == "PATCH" &&
      member(a.body(), "errors").size() == 0) {
    return s.nothing_at(path);
  }
  if (!a.ok()) return s.refusal(a, fmt::format("Error writing data to {}", path));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table && !s.field()) s.console.line("Success! Data written to: " + path);
  return 0;
}

Result<int> write(Session& s) { return send_data(s, "PUT"); }
Result<int> patch(Session& s) { return send_data(s, "PATCH"); }
Result<int> list(Session& s) { return list_at(s, clean_path(s.arg(0))); }
Result<int> scan(Session& s) { return list_at(s, clean_path(s.arg(0)), "SCAN"); }

// Vault API: PUT /sys/wrapping/unwrap. Without a token of its own the wrapping token itself asks.
Result<int> unwrap(Session& s) {
  SecretText wrapping;
  if (!s.args().empty()) {
    SR_LET(wrapping, s.secret_argument(s.arg(0), "A wrapping token", ""));
  }
  SR_LET(client::Api * api, s.api());
  SecretText body;
  if (!wrapping.empty() && api->options().token.empty()) {
    api->set_token(secret_text(view(wrapping)));
  } else if (!wrapping.empty() && wrapping != api->options().token) {
    json::Writer w(body);
    w.begin_object();
    w.key("token"), w.string(view(wrapping));
    w.end_object();
  }
  SR_LET(const Answer a, s.ask({.method = "PUT", .path = "sys/wrapping/unwrap", .body = std::move(body)},
                               "Error unwrapping"));
  const bool nothing_there =
      a.status == 404 && (a.data().is_object() || member(a.body(), "warnings").size() != 0);
  if (!a.ok() && !nothing_there) return s.refusal(a, "Error unwrapping");
  if (!a.has_body()) {
    if (s.format() == Format::table)
      s.console.line("Successfully unwrapped. There was no data in the wrapped secret.");
    return 0;
  }
  if (!s.field() && member(a.data(), "keys").is_array()) return print_list(s, a);
  return s.print(a);
}

// Vault API: GET /:path?help=1 -> {help, see_also, openapi}.
Result<int> path_help(Session& s) {
  client::Request r{.method = "GET", .path = clean_path(s.arg(0))};
  r.query.emplace_back("help", "1");
  SR_LET(const Answer a, s.demand(std::move(r), "Error retrieving help"));
  const json::Node answer = member(a.body(), "help").is_null() ? a.payload() : a.body();
  if (s.format() == Format::json) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, member(answer, "openapi"));
    s.print_text(out);
    s.console.out("\n");
    return 0;
  }
  s.console.line(member_text(answer, "help"));
  return 0;
}

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
constexpr Flag kList[] = {
    {"after", Takes::text, "Begin after this key."},
    {"limit", Takes::number, "At most so many keys."},
    {"detailed", Takes::nothing, "Show what the server knows of each key.", "DETAILED"}};

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
    {"scan", "PATH", "List any path with all that is below it",
     "Like list, through all folders; the policy must grant \"scan\".", "strongroom scan secret/metadata",
     kHttp | kFormat, kList, 1, 1, &scan},
    {"unwrap",
     "[TOKEN]",
     "Open a wrapped reply",
     "TOKEN is the wrapping token that a command with -wrap-ttl printed; it opens once. - reads it from "
     "standard input. Without TOKEN the token that asks is taken for the wrapping token.",
     "strongroom unwrap - < wrapping.txt\nSTRONGROOM_TOKEN=$(cat wrapping.txt) strongroom unwrap",
     kAll,
     {},
     0,
     1,
     &unwrap},
    {"path-help",
     "PATH",
     "Explain any path of the API",
     "-format=json prints its OpenAPI description.",
     "strongroom path-help sys/mounts",
     kHttp | kFormat,
     {},
     1,
     1,
     &path_help},
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
