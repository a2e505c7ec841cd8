// kv: the key/value engine, versions 1 and 2. Which of them a mount is, the server is asked first.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

struct Place {
  std::string mount;  // "secret/"
  std::string rest;   // below the mount
  bool versioned = false;

  // The API path, with "data", "metadata" ... between for version 2.
  std::string api(std::string_view part) const {
    if (!versioned) return clean_path(mount + rest);
    return clean_path(fmt::format("{}{}/{}", mount, part, rest));
  }
};

// Vault API: GET /sys/internal/ui/mounts/:path. 404 is a server without that path: version 1.
Result<Place> locate(Session& s, std::string_view argument) {
  const std::string path = clean_path(argument);
  const auto given = s.flags.text("mount");
  const std::string asked = given ? clean_path(*given) : path;
  SR_LET(const Answer a, s.ask_first({.method = "GET", .path = "sys/internal/ui/mounts/" + asked}, ""));
  Place p;
  if (a.status == 404) {
    if (given) p.mount = asked + "/";
    p.rest = path;
    return p;
  }
  if (!a.ok()) return s.refusal(a, "");
  const json::Node mount = a.data();
  p.versioned = member_text(member(mount, "options"), "version") == "2";
  if (given) {
    p.mount = asked + "/";
    p.rest = path;
    return p;
  }
  p.mount = member_text(mount, "path");
  if (!p.mount.ends_with('/')) p.mount.push_back('/');
  if ((path + "/") == p.mount)
    p.rest = "";
  else if (path.starts_with(p.mount))
    p.rest = path.substr(p.mount.size());
  else
    p.rest = path;
  return p;
}

std::unexpected<Error> only_versioned(std::string_view what) {
  return fail(Code::unsupported, fmt::format("{} not supported on KV Version 1", what));
}

// ["1","2"] of -versions=1,2 or repeated flags.
Result<SecretText> versions_body(Session& s) {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("versions");
  w.begin_array();
  for (std::string_view list : s.flags.texts("versions")) {
    while (!list.empty()) {
      const auto comma = list.find(',');
      const std::string_view one = trimmed(list.substr(0, comma));
      if (one.empty() || one.find_first_not_of("0123456789") != std::string_view::npos)
        return fail(Code::invalid_argument, "-versions takes version numbers, for example -versions=1,2");
      w.string(one);
      list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
  }
  w.end_array();
  w.end_object();
  return out;
}

void print_path(Session& s, std::string_view title, std::string_view path) {
  s.console.line(heading(title, path.size()));
  s.console.line(path);
  s.console.line("");
}

int print_metadata(Session& s, const Place& p, std::string_view path, const Answer& a) {
  if (s.field() || s.format() != Format::table || !p.versioned) return s.print(a);
  s.console.err(warnings_text(a.body()));
  print_path(s, "Secret Path", path);
  s.console.line(heading("Metadata", table_width(a.data())));
  s.print_text(data_table(a.data()));
  return 0;
}

Result<int> get(Session& s) {
  SR_LET(const Place p, locate(s, s.arg(0)));
  const std::string path = p.api("data");
  client::Request r{.method = "GET", .path = path};
  if (const auto v = s.flags.number("version"); v && *v > 0) {
    if (!p.versioned) return only_versioned("Version");
    r.query.emplace_back("version", fmt::format("{}", *v));
  }
  SR_LET(const auto found, s.look(std::move(r), fmt::format("Error reading {}", path)));
  if (!found) return s.nothing_at(path);
  const json::Node body = found->body();
  const json::Node data = p.versioned ? member(found->data(), "data") : found->data();
  // "data" alone is all of them, unless a key has that name.
  if (s.field() == "data" && p.versioned && data.is_object() && !data.find("data"))
    return s.print_field(found->data(), "data");
  if (s.field() && p.versioned && data.is_object()) return s.print_field(data, *s.field());
  if (s.field() && p.versioned) return fail(Code::not_found, "No data found at " + path);
  if (s.field() || s.format() != Format::table || member(body, "wrap_info").is_object())
    return s.print(*found);
  s.console.err(warnings_text(body));
  if (p.versioned) print_path(s, "Secret Path", path);
  if (const json::Node metadata = member(found->data(), "metadata"); p.versioned && metadata.is_object()) {
    s.console.line(heading("Metadata", table_width(metadata)));
    s.print_text(data_table(metadata));
    s.console.line("");
  }
  if (data.is_object()) {
    s.console.line(heading("Data", table_width(data)));
    s.print_text(data_table(data));
  }
  return 0;
}

void warn_about(Session& s, const KeyValues& data) {
  if (!data.typed().empty()) s.warn_typed(fmt::format("The value of \"{}\"", data.typed().front()));
}

SecretText wrapped_body(const KeyValues& data, std::optional<std::int64_t> cas) {
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("data"), w.raw(view(data.json()));
  w.key("options");
  w.begin_object();
  if (cas) w.key("cas"), w.integer(*cas);
  w.end_object();
  w.end_object();
  return body;
}

Result<int> report_write(Session& s, const Place& p, const std::string& path, const Answer& a) {
  if (!a.has_body()) {
    if (s.format() == Format::table) s.console.line("Success! Data written to: " + path);
    return 0;
  }
  return print_metadata(s, p, path, a);
}

Result<int> put(Session& s) {
  auto data = KeyValues::read(s.args().subspan(1), s.omitted(), s.console);
  if (!data) return fail(Code::invalid_argument, "Failed to parse K=V data: " + data.error().message);
  if (s.args().size() == 1)
    return fail(Code::invalid_argument,
                "Must supply data: KEY=VALUE, KEY=@FILE, KEY=-, or only KEY for a prompt");
  warn_about(s, *data);
  SR_LET(const Place p, locate(s, s.arg(0)));
  const std::string path = p.api("data");
  auto cas = s.flags.number("cas");
  if (cas && *cas < 0) cas.reset();
  if (cas && !p.versioned) return only_versioned("Check-And-Set");
  SR_LET(
      const Answer a,
      s.demand({.method = "PUT", .path = path, .body = p.versioned ? wrapped_body(*data, cas) : data->json()},
               fmt::format("Error writing data to {}", path)));
  return report_write(s, p, path, a);
}

// Reads the newest version, changes it here, writes it back if nobody else has written since.
Result<Answer> read_then_write(Session& s, const std::string& path, const KeyValues& changes) {
  SR_LET(const auto found,
         s.look({.method = "GET", .path = path}, fmt::format("Error doing pre-read at {}", path)));
  const json::Node now = found ? member(found->data(), "data") : json::Node{};
  if (!now.is_object()) return fail(Code::not_found, "No value found at " + path);
  const auto version = member_number(member(found->data(), "metadata"), "version");
  KeyValues merged;
  for (const json::Node n : now) merged.set(n.key(), secret_text(n.is_null() ? "null" : n.source()));
  const SecretText text = changes.json();
  SR_LET(const json::Doc doc, json::Doc::parse(view(text), reply_limits()));
  for (const json::Node n : doc.root()) {
    if (n.is_null())
      merged.drop(n.key());
    else
      merged.set(n.key(), secret_text(n.source()));
  }
  return s.demand({.method = "PUT", .path = path, .body = wrapped_body(merged, version)},
                  fmt::format("Error writing data to {}", path));
}

Result<int> patch(Session& s) {
  auto data = KeyValues::read(s.args().subspan(1), s.omitted(), s.console);
  if (!data) return fail(Code::invalid_argument, "Failed to parse K=V data: " + data.error().message);
  for (const std::string_view key : s.flags.texts("remove-data")) data->set(key, secret_text("null"));
  if (data->empty())
    return fail(Code::invalid_argument, "Must supply data: KEY=VALUE, KEY=@FILE, KEY=-, or -remove-data=KEY");
  const std::string_view method = s.flags.text("method").value_or("");
  if (!method.empty() && method != "patch" && method != "rw")
    return fail(Code::invalid_argument, "-method takes patch or rw");
  warn_about(s, *data);
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) {
    s.console.error_line(
        "K/V engine mount must be version 2 for patch support\nWrite the whole secret with kv put");
    return 2;
  }
  const std::string path = p.api("data");
  if (method != "rw") {
    auto cas = s.flags.number("cas");
    if (cas && *cas <= 0) cas.reset();
    SR_LET(const Answer a, s.ask({.method = "PATCH", .path = path, .body = wrapped_body(*data, cas)},
                                 fmt::format("Error writing data to {}", path)));
    if (a.status == 404) return s.nothing_at(path);
    if (a.ok()) return report_write(s, p, path, a);
    if (method == "patch" || (a.status != 403 && a.status != 405))
      return s.refusal(a, fmt::format("Error writing data to {}", path));
    s.console.error_line(
        "The server or the policy does not allow PATCH here; reading, changing and writing instead. "
        "-method=rw does so at once.");
  }
  SR_LET(const Answer a, read_then_write(s, path, *data));
  return report_write(s, p, path, a);
}

Result<int> list_by(Session& s, std::string_view method) {
  if (s.args().empty() && !s.flags.given("mount"))
    return fail(Code::invalid_argument, "Not enough arguments (expected 1, got 0)");
  SR_LET(const Place p, locate(s, s.args().empty() ? "" : s.arg(0)));
  const bool detailed = p.versioned && s.flags.on("detailed") && method == "LIST";
  return list_at(s, p.api(detailed ? "detailed-metadata" : "metadata"), method);
}
Result<int> list(Session& s) { return list_by(s, "LIST"); }
Result<int> scan(Session& s) { return list_by(s, "SCAN"); }

Result<int> remove(Session& s) {
  SR_LET(const Place p, locate(s, s.arg(0)));
  const std::string path = p.api("data");
  const std::string doing = fmt::format("Error deleting {}", path);
  if (s.flags.given("versions")) {
    if (!p.versioned) return only_versioned("Deleting versions");
    SR_LET(SecretText body, versions_body(s));
    SR_LET(const Answer a,
           s.demand({.method = "PUT", .path = p.api("delete"), .body = std::move(body)}, doing));
    if (a.has_body()) s.console.err(warnings_text(a.body()));
  } else {
    SR_LET(const Answer a, s.demand({.method = "DELETE", .path = path}, doing));
    if (a.has_body()) return s.print(a);
  }
  if (s.format() == Format::table) s.console.line("Success! Data deleted (if it existed) at: " + path);
  return 0;
}

Result<int> write_versions(Session& s, std::string_view part, std::string_view title) {
  if (!s.flags.given("versions"))
    return fail(
        Code::invalid_argument,
        fmt::format("No versions provided, use the \"-versions\" flag to specify the version to {}.", part));
  SR_LET(SecretText body, versions_body(s));
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) return only_versioned(title);
  const std::string path = p.api(part);
  SR_LET(const Answer a, s.demand({.method = "PUT", .path = path, .body = std::move(body)},
                                  fmt::format("Error writing data to {}", path)));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table) s.console.line("Success! Data written to: " + path);
  return 0;
}

Result<int> undelete(Session& s) { return write_versions(s, "undelete", "Undelete"); }
Result<int> destroy(Session& s) { return write_versions(s, "destroy", "Destroy"); }

Result<int> rollback(Session& s) {
  const auto version = s.flags.number("version");
  if (!version || *version <= 0)
    return fail(Code::invalid_argument, "Version must be specified: -version=N, above 0");
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) {
    s.console.error_line("K/V engine mount must be version 2 for rollback support");
    return 2;
  }
  const std::string path = p.api("data");
  SR_LET(const auto newest,
         s.look({.method = "GET", .path = path}, fmt::format("Error doing pre-read at {}", path)));
  if (!newest) return s.nothing_at(path);
  const auto current = member_number(member(newest->data(), "metadata"), "version");
  client::Request r{.method = "GET", .path = path};
  r.query.emplace_back("version", fmt::format("{}", *version));
  SR_LET(const auto old, s.look(std::move(r), fmt::format("Error doing pre-read at {}", path)));
  const json::Node data = old ? member(old->data(), "data") : json::Node{};
  if (!data.is_object())
    return fail(Code::not_found, fmt::format("Version {} of {} is deleted, destroyed or was never there; kv "
                                             "metadata get shows which there are",
                                             *version, path));
  KeyValues values;
  for (const json::Node n : data) values.set(n.key(), secret_text(n.is_null() ? "null" : n.source()));
  SR_LET(const Answer a, s.demand({.method = "PUT", .path = path, .body = wrapped_body(values, current)},
                                  fmt::format("Error writing data to {}", path)));
  return s.print(a);
}

Result<int> metadata_get(Session& s) {
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) return only_versioned("Metadata");
  const std::string path = p.api("metadata");
  SR_LET(const auto found, s.look({.method = "GET", .path = path}, fmt::format("Error reading {}", path)));
  if (!found) return s.nothing_at(path);
  if (s.field() || s.format() != Format::table) return s.print(*found);
  const json::Node data = found->data();
  SecretText flat;
  json::Writer w(flat);
  w.begin_object();
  for (const json::Node n : data)
    if (n.key() != "versions") w.key(n.key()), append_sorted(w, n);
  w.end_object();
  SR_LET(const json::Doc doc, json::Doc::parse(view(flat), reply_limits()));
  s.console.err(warnings_text(found->body()));
  print_path(s, "Metadata Path", path);
  s.console.line(heading("Metadata", table_width(doc.root())));
  s.print_text(data_table(doc.root()));
  const auto number = [](const json::Node& n) {
    std::uint64_t v = 0;
    std::from_chars(n.key().data(), n.key().data() + n.key().size(), v);
    return v;
  };
  std::vector<json::Node> versions = sorted(member(data, "versions"));
  std::stable_sort(versions.begin(), versions.end(),
                   [&](const json::Node& a, const json::Node& b) { return number(a) < number(b); });
  for (const json::Node& v : versions) {
    s.console.line("");
    s.console.line(heading(fmt::format("Version {}", v.key()), table_width(v)));
    s.print_text(data_table(v));
  }
  return 0;
}

SecretText metadata_body(Session& s, std::string_view method) {
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  if (const auto v = s.flags.number("max-versions"); v && *v >= 0) w.key("max_versions"), w.integer(*v);
  if (const auto v = s.flags.choice("cas-required")) w.key("cas_required"), w.boolean(*v);
  if (const auto v = s.flags.seconds("delete-version-after"); v && *v >= 0)
    w.key("delete_version_after"), w.string(*s.flags.duration("delete-version-after"));
  if (s.flags.given("custom-metadata") || s.flags.given("remove-custom-metadata") || method == "PATCH") {
    w.key("custom_metadata");
    w.begin_object();
    for (const auto& [k, v] : s.flags.pairs("custom-metadata")) w.key(k), w.string(v);
    for (const std::string_view k : s.flags.texts("remove-custom-metadata")) w.key(k), w.null();
    w.end_object();
  }
  w.end_object();
  return body;
}

Result<int> write_metadata(Session& s, std::string_view method) {
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) return only_versioned("Metadata");
  const std::string path = p.api("metadata");
  SR_LET(const Answer a,
         s.demand({.method = std::string(method), .path = path, .body = metadata_body(s, method)},
                  fmt::format("Error writing data to {}", path)));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table) s.console.line("Success! Data written to: " + path);
  return 0;
}

Result<int> metadata_put(Session& s) { return write_metadata(s, "PUT"); }
Result<int> metadata_patch(Session& s) { return write_metadata(s, "PATCH"); }

Result<int> metadata_delete(Session& s) {
  SR_LET(const Place p, locate(s, s.arg(0)));
  if (!p.versioned) return only_versioned("Metadata");
  const std::string path = p.api("metadata");
  SR_LET(const Answer a,
         s.demand({.method = "DELETE", .path = path}, fmt::format("Error deleting {}", path)));
  if (a.has_body()) return s.print(a);
  if (s.format() == Format::table) s.console.line("Success! Data deleted (if it existed) at: " + path);
  return 0;
}

Result<int> enable_versioning(Session& s) {
  const std::string mount = clean_path(s.arg(0));
  SR_LET([[maybe_unused]] const Answer a, s.demand({.method = "POST",
                                                    .path = fmt::format("sys/mounts/{}/tune", mount),
                                                    .body = secret_text(R"({"options":{"version":"2"}})")},
                                                   fmt::format("Error tuning secrets engine {}/", mount)));
  s.console.line(fmt::format("Success! Tuned the secrets engine at: {}/", mount));
  return 0;
}

constexpr Flag kVersion[] = {{"version", Takes::number, "Read this version instead of the newest."}};
constexpr Flag kCas[] = {
    {"cas", Takes::number, "Write only if the newest version is this one; 0: only if there is none."}};
constexpr Flag kPatch[] = {{"cas", Takes::number, "Write only if the newest version is this one."},
                           {"method", Takes::text,
                            "patch: one PATCH request; rw: read, change, write. Default: patch, then rw "
                            "where PATCH is not allowed."},
                           {"remove-data", Takes::texts, "Remove this key. May be repeated."}};
constexpr Flag kList[] = {{"after", Takes::text, "Begin after this key."},
                          {"limit", Takes::number, "At most so many keys."},
                          {"detailed", Takes::nothing, "Show the versions and times of each secret too."}};
constexpr Flag kScan[] = {kList[0], kList[1]};
constexpr Flag kVersions[] = {{"versions", Takes::texts, "Version numbers, with commas between."}};
constexpr Flag kRollback[] = {{"version", Takes::number, "The version to make current again."}};
constexpr Flag kMetadata[] = {
    {"max-versions", Takes::number, "Keep at most so many versions."},
    {"cas-required", Takes::nothing, "Every write must name the version it replaces."},
    {"delete-version-after", Takes::duration, "Delete each version so long after it was written."},
    {"custom-metadata", Takes::pairs, "A note KEY=VALUE on the secret. May be repeated."}};
constexpr Flag kMetadataPatch[] = {
    kMetadata[0],
    kMetadata[1],
    kMetadata[2],
    kMetadata[3],
    {"remove-custom-metadata", Takes::texts, "Remove the note of this key. May be repeated."}};

constexpr unsigned kOne = kHttp | kFormat | kMount;
constexpr Command kCommands[] = {
    {"kv get", "PATH", "Read a secret", "Of a deleted version only the metadata is shown.",
     "strongroom kv get secret/app\nstrongroom kv get -mount=secret -field=password app", kOne | kField,
     kVersion, 1, 1, &get},
    {"kv put", "PATH KEY=VALUE...", "Write a new version of a secret",
     "A KEY alone asks for its value without showing it; KEY=- reads it from standard input, KEY=@FILE from "
     "a file; - or @FILE.json "
     "is a whole JSON object. All keys of the secret are replaced: to change some, use kv patch.",
     "printf %s \"$PASSWORD\" | strongroom kv put secret/app user=ann password=-\nstrongroom kv put "
     "-mount=secret app @app.json",
     kOne | kField, kCas, 1, kAny, &put},
    {"kv patch", "PATH KEY=VALUE...", "Change some keys of a secret",
     "Writes a new version in which only the keys that are named differ.",
     "printf %s \"$PASSWORD\" | strongroom kv patch secret/app password=-\nstrongroom kv patch "
     "-remove-data=user secret/app",
     kOne | kField, kPatch, 1, kAny, &patch},
    {"kv list", "PATH", "List the secrets of a folder", "Names that end in / are folders.",
     "strongroom kv list secret/\nstrongroom kv list -mount=secret -limit=10", kOne, kList, 0, 1, &list},
    {"kv scan", "PATH", "List the secrets of a folder and of all folders below it",
     "The policy must grant \"scan\".", "strongroom kv scan secret/", kOne, kScan, 0, 1, &scan},
    {"kv delete", "PATH", "Delete the newest version, or some versions",
     "Deleted versions can be brought back with kv undelete.",
     "strongroom kv delete secret/app\nstrongroom kv delete -versions=1 secret/app", kOne, kVersions, 1, 1,
     &remove},
    {"kv undelete", "PATH", "Bring deleted versions back", "",
     "strongroom kv undelete -versions=1 secret/app", kOne, kVersions, 1, 1, &undelete},
    {"kv destroy", "PATH", "Remove the data of versions for ever", "",
     "strongroom kv destroy -versions=1 secret/app", kOne, kVersions, 1, 1, &destroy},
    {"kv rollback", "PATH", "Write an older version as the newest", "",
     "strongroom kv rollback -version=1 secret/app", kOne, kRollback, 1, 1, &rollback},
    {"kv enable-versioning",
     "MOUNT",
     "Turn a version 1 engine into version 2",
     "",
     "strongroom kv enable-versioning kv1",
     kHttp,
     {},
     1,
     1,
     &enable_versioning},
    {"kv metadata get",
     "PATH",
     "Show the versions and settings of a secret",
     "",
     "strongroom kv metadata get secret/app",
     kOne | kField,
     {},
     1,
     1,
     &metadata_get},
    {"kv metadata put", "PATH", "Set the settings of a secret", "Custom metadata is replaced as a whole.",
     "strongroom kv metadata put -max-versions=5 -custom-metadata=owner=ann secret/app", kOne, kMetadata, 1,
     1, &metadata_put},
    {"kv metadata patch", "PATH", "Change some settings of a secret", "",
     "strongroom kv metadata patch -custom-metadata=owner=bob secret/app", kOne, kMetadataPatch, 1, 1,
     &metadata_patch},
    {"kv metadata delete",
     "PATH",
     "Remove a secret with all its versions",
     "",
     "strongroom kv metadata delete secret/app",
     kOne,
     {},
     1,
     1,
     &metadata_delete},
};

}  // namespace

std::span<const Command> kv_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
