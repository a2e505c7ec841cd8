#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/vault/vault.h"

namespace strongroom::wire::vault {
namespace {

constexpr std::string_view kRoot = "/v1/";

// application/x-www-form-urlencoded, one name or value; nothing on bad escapes.
bool append_decoded(std::string& out, std::string_view in) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '+') {
      out.push_back(' ');
    } else if (in[i] != '%') {
      out.push_back(in[i]);
    } else {
      const auto byte = i + 2 < in.size() ? from_hex(in.substr(i + 1, 2)) : std::nullopt;
      if (!byte) return false;
      out.push_back(static_cast<char>((*byte)[0]));
      i += 2;
    }
  }
  return true;
}

constexpr std::size_t kMostQuery = 64;

// Fills query_text and query; a text on error.
const char* parse_query(std::string_view raw, core::Call& call) {
  struct Span {
    std::size_t name, name_size, value, value_size;
  };
  std::vector<Span> spans;
  while (!raw.empty()) {
    const auto end = std::min(raw.find('&'), raw.size());
    const auto piece = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (piece.empty()) continue;
    if (spans.size() == kMostQuery) return "query: too many parameters";
    const auto equals = std::min(piece.find('='), piece.size());
    Span s{call.query_text.size(), 0, 0, 0};
    if (!append_decoded(call.query_text, piece.substr(0, equals)))
      return "query: a percent sign must start an escape";
    s.name_size = call.query_text.size() - s.name;
    s.value = call.query_text.size();
    if (equals < piece.size() && !append_decoded(call.query_text, piece.substr(equals + 1)))
      return "query: a percent sign must start an escape";
    s.value_size = call.query_text.size() - s.value;
    spans.push_back(s);
  }
  if (!valid_utf8(call.query_text)) return "query: must be valid UTF-8";
  const std::string_view text = call.query_text;
  for (const auto& s : spans)
    call.query.emplace_back(text.substr(s.name, s.name_size), text.substr(s.value, s.value_size));
  return nullptr;
}

std::string_view media_type(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type;
}

std::optional<engine::Verb> verb_of(std::string_view method) {
  using engine::Verb;
  static constexpr std::array<std::pair<std::string_view, Verb>, 8> verbs{{{"GET", Verb::read},
                                                                           {"POST", Verb::write},
                                                                           {"PUT", Verb::write},
                                                                           {"DELETE", Verb::erase},
                                                                           {"LIST", Verb::list},
                                                                           {"SCAN", Verb::scan},
                                                                           {"PATCH", Verb::patch},
                                                                           {"HEAD", Verb::read}}};
  for (const auto& [name, verb] : verbs)
    if (name == method) return verb;
  return std::nullopt;
}

// The whole address may stand in a request line, as for a proxy (RFC 9112 section 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    if (!std::ranges::equal(target.substr(0, scheme.size()), scheme, same)) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    return target.starts_with('/') ? target : std::string_view("/");
  }
  return target;
}

// A person may have come here; a program gets what Vault says.
Outbound outside_the_api(std::string_view path) {
  if (path == "/robots.txt") {
    Outbound out;
    out.content_type = "text/plain; charset=utf-8";
    out.body = "User-agent: *\nDisallow: /\n";
    return out;
  }
  if (path == "/" || path == "/ui" || path.starts_with("/ui/"))
    return refusal(404, "there is no web interface; the API is below /v1/");
  return refusal(404, "");
}

}  // namespace

Outbound refusal(int status, std::string_view text) {
  Outbound out;
  out.status = status;
  if (text.empty()) {
    out.body = "{\"errors\":[]}\n";
  } else {
    out.body = "{\"errors\":[";
    json::append_quoted(out.body, text);
    out.body += "]}\n";
  }
  return out;
}

std::variant<std::unique_ptr<core::Request>, Outbound> decode(Inbound in, Random& random) {
  in.target = origin_form(in.target);
  const auto question = std::min(in.target.find('?'), in.target.size());
  const auto raw_path = in.target.substr(0, question);
  const auto raw_query = in.target.substr(std::min(question + 1, in.target.size()));
  if (auto cleaned = Path::redirect_target(raw_path); cleaned.starts_with(kRoot)) {
    // Only a path of the API goes back: nothing that a browser could take for another host.
    Outbound out;
    out.status = 307;
    if (question < in.target.size()) cleaned += in.target.substr(question);
    out.headers.emplace_back("Location", std::move(cleaned));
    return out;
  }
  if (raw_path == "/v1/sys") {  // as Vault's router does for the one folder it knows by name
    Outbound out;
    out.status = 307;
    out.headers.emplace_back("Location", "/v1/sys/");
    return out;
  }
  if (!raw_path.starts_with(kRoot)) return outside_the_api(raw_path);
  auto path = Path::from_url(raw_path.substr(kRoot.size()));
  if (!path) return refusal(400, path.error().message);
  const bool asks_help = in.method == "HELP";
  const auto verb = asks_help ? std::optional(engine::Verb::read) : verb_of(in.method);
  if (in.method == "OPTIONS") return refusal(400, "OPTIONS: needs the Origin of a page, and CORS turned on");
  if (!verb || (in.method == "HEAD" && path->text() != "sys/health")) return refusal(405, "");

  auto request = std::make_unique<core::Request>();
  auto& call = request->call;
  call.path = *std::move(path);
  call.verb = *verb;
  random.fill(call.id);
  call.id[6] = (call.id[6] & std::byte{0x0f}) | std::byte{0x40};  // UUID version 4, RFC 9562
  call.id[8] = (call.id[8] & std::byte{0x3f}) | std::byte{0x80};
  call.help = asks_help;
  if (const char* bad = parse_query(raw_query, call)) return refusal(400, bad);

  for (const auto& [name, value] : call.query) {
    if (name == "help" && !value.empty()) call.help = true;
    if ((name != "list" && name != "scan") || *verb != engine::Verb::read) continue;
    const auto asked = parse_bool(value);
    if (!asked) return refusal(400, "");
    if (!*asked) continue;
    const auto wanted = name == "list" ? engine::Verb::list : engine::Verb::scan;
    if (call.verb != engine::Verb::read && call.verb != wanted)
      return refusal(400, "list, scan: only one of them can be true");
    call.verb = wanted;
  }
  std::erase_if(call.query, [](const auto& q) { return q.first == "list" || q.first == "scan"; });
  if (call.help) {
    call.verb = engine::Verb::read;
    call.query.clear();
  }
  if (call.verb == engine::Verb::list || call.verb == engine::Verb::scan) call.path = call.path.as_folder();
  // A write takes its parameters from the body alone.
  if (call.verb == engine::Verb::write || call.verb == engine::Verb::patch) call.query.clear();

  if (!in.wrap_ttl.empty()) {
    const auto ttl = parse_duration(in.wrap_ttl);
    if (!ttl || ttl->count() < 0)
      return refusal(400, "X-Vault-Wrap-TTL: must be a duration such as 60 or \"5m\"");
    // Counted in whole seconds everywhere; a fraction is a second.
    call.wrap_ttl = std::chrono::ceil<Seconds>(*ttl);
    call.wrap_as_jwt = in.wrap_format == "jwt";
  }
  request->envelope = &envelope;
  call.namespace_path = in.name_space;
  if (!in.token.empty())
    request->credential.token = in.token;
  else if (in.authorization.starts_with("Bearer "))
    request->credential.token = in.authorization.substr(7);

  const bool takes_body = call.verb == engine::Verb::write || call.verb == engine::Verb::patch;
  if (call.verb == engine::Verb::patch) {
    const auto type = media_type(in.content_type);
    if (type.empty() || type.find('/') == std::string_view::npos)
      return refusal(400, "Content-Type: PATCH needs application/merge-patch+json");
    if (type != "application/merge-patch+json")
      return refusal(415, "PATCH requires Content-Type of application/merge-patch+json");
  }
  if (takes_body && !in.body.empty()) {
    if (media_type(in.content_type) == "application/x-www-form-urlencoded" && !in.body.starts_with('{') &&
        !in.body.starts_with('['))
      return refusal(400, "body: forms are not supported, send JSON");
    call.body = std::move(in.body);
    auto doc = json::Doc::parse(view(call.body), in.json);
    if (!doc) return refusal(400, doc.error().message);
    if (!doc->root().is_object() && !doc->root().is_null())
      return refusal(400, "body: must be a JSON object");
    call.json.emplace(*std::move(doc));
  }
  return request;
}

}  // namespace strongroom::wire::vault
