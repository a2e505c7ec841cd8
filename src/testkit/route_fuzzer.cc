#include "testkit/route_fuzzer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "schema/json.h"

namespace strongroom::testkit {
namespace {

using engine::Route;
using engine::Verb;
using schema::Field;
using schema::Kind;

constexpr std::string_view kMarker = "canary-5e1b07";
constexpr std::size_t kKeptTrace = 30;

std::uint64_t seed_of(std::string_view tape) {
  std::uint64_t h = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : tape) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

std::string in_quotes(std::string_view text) {
  SecretText out;
  json::append_quoted(out, text);
  return std::string(view(out));
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string_view method(Verb v) {
  static constexpr std::string_view names[] = {"GET", "LIST", "POST", "PATCH", "DELETE", "SCAN"};
  return names[static_cast<std::size_t>(v)];
}

// Who somebody is must be readable in the log, and so must paths of mounts (remount's from and to) and what a
// mount was told to show.
bool shown_on_purpose(std::string_view name) {
  static constexpr std::string_view names[] = {"policies",       "meta", "metadata", "display_name",
                                               "token_policies", "from", "to"};
  return std::ranges::find(names, name) != std::end(names) || name.starts_with("audit_non_hmac");
}

std::string cut(std::string_view text, std::size_t most) {
  return std::string(text.substr(0, most)) + (text.size() > most ? "..." : "");
}

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = {"",
                                               " ",
                                               "x",
                                               "thing",
                                               "default",
                                               "root",
                                               "kv",
                                               "secret",
                                               "secret/",
                                               "*",
                                               "+",
                                               "../x",
                                               "/",
                                               "//",
                                               "a/b/c",
                                               "true",
                                               "1",
                                               "-1",
                                               "1h",
                                               "-5s",
                                               "9999999999h",
                                               "1.5",
                                               "1e3",
                                               "0x10",
                                               "null",
                                               "\n",
                                               "\t\r",
                                               "\"",
                                               "\\",
                                               "%",
                                               "%s%n",
                                               "{{x}}",
                                               "${x}",
                                               "ключ",
                                               "日本語",
                                               "\xf0\x9f\x98\x80",
                                               "e\xcc\x81",
                                               "user_agent",
                                               "sha2-256",
                                               "base64",
                                               "hex",
                                               "platform",
                                               "service",
                                               "batch",
                                               "unauth",
                                               "hidden",
                                               "10.0.0.0/8",
                                               "::1/128",
                                               "10.0.0.0/33",
                                               "path \"x\" { capabilities = [\"read\"] }",
                                               "path \"x\" {",
                                               "2027-01-01T00:00:00Z",
                                               "2027-13-01T00:00:00Z",
                                               "AAAA",
                                               "=",
                                               "AA==",
                                               "hvs.x",
                                               "s.x",
                                               "[]",
                                               "{}",
                                               "file",
                                               "/tmp",
                                               "stdout"};
  return all;
}
const std::vector<std::string>& json_values() {
  static const std::vector<std::string> all = {"null",
                                               "true",
                                               "false",
                                               "0",
                                               "-0",
                                               "-1",
                                               "1",
                                               "2",
                                               "3",
                                               "10",
                                               "60",
                                               "3600",
                                               "1.5",
                                               "1e400",
                                               "1e3",
                                               "9223372036854775807",
                                               "-9223372036854775808",
                                               "18446744073709551616",
                                               "4294967296",
                                               "65536",
                                               "\"\"",
                                               "\" \"",
                                               "\"\\u0000\"",
                                               "\"\\ud800\"",
                                               "\"\\ud83d\\ude00\"",
                                               "[]",
                                               "{}",
                                               "[null]",
                                               "[[[]]]",
                                               "[\"\"]",
                                               "[1]",
                                               "[-1,0,99999999999]",
                                               "{\"\":\"\"}",
                                               "{\"a\":null}",
                                               "{\"a\":{\"b\":[]}}",
                                               "{\"a\":1,\"a\":2}",
                                               "\"a,b\"",
                                               "[\"a\",\"b\"]"};
  return all;
}

}  // namespace

RouteFuzzer::RouteFuzzer(std::string_view tape) : tape_(tape), dice_(seed_of(tape)) {}

std::string RouteFuzzer::tape_of(std::uint64_t seed) {
  std::string tape;
  put_u64(tape, SeededRandom(seed).next());
  return tape;
}

std::uint64_t RouteFuzzer::below(std::uint64_t n) {
  if (at_ < tape_.size()) return static_cast<unsigned char>(tape_[at_++]) % n;
  return dice_.below(n);
}

void RouteFuzzer::complain(const std::string& what) {
  if (!wrong_.empty()) return;
  wrong_ = what + "\n";
  for (const auto& line : trace_) wrong_ += "  " + line + "\n";
}

void RouteFuzzer::set_up() {
  polite_ = one_in(2);
  TestServer::Options options;
  options.seed = dice_.next();
  // On the simulated disk what is stored can be searched; it takes longer.
  options.storage = one_in(8) ? TestServer::Storage::simulated : TestServer::Storage::memory;
  options.shares = one_in(4) ? 3 : 1;
  options.threshold = options.shares == 3 ? 2 : 1;
  server_ = TestServer::ready(options);
  const bool gate_open = one_in(2);
  if (gate_open) server_->gate = core::Request::Gate::open;
  no_token_ = engine::open | (gate_open ? engine::shut | engine::by_listener : 0u);
  tables_ = server_->tables();
  server_->policy("nothing", "");
  server_->policy("some",
                  "path \"secret/*\" { capabilities = [\"create\",\"read\",\"update\",\"list\"] }\n"
                  "path \"sys/*\" { capabilities = [\"read\",\"update\",\"sudo\"] }\n"
                  "path \"auth/token/+\" { capabilities = [\"read\",\"update\"] }");
  server_->policy("edges",
                  "path \"secret/data/*\" { capabilities = [\"create\",\"read\",\"update\",\"patch\"]\n"
                  "  min_wrapping_ttl = \"1s\" max_wrapping_ttl = \"1h\" }\n"
                  "path \"kv/*\" { capabilities = [\"create\",\"read\",\"update\",\"list\"]\n"
                  "  required_parameters = [\"x\"] allowed_parameters = { \"*\" = [] } }\n"
                  "path \"sys/policies/*\" { capabilities = [\"deny\"] }\n"
                  "path \"cubbyhole/*\" { capabilities = [\"read\",\"create\",\"list\"] }");
  server_->root("POST", "secret/data/thing", R"({"data":{"a":"b"}})");
  server_->root("POST", "kv/thing", R"({"a":"b"})");
  powerless_ = server_->token_with(R"(["nothing"])", R"("no_default_policy":true)");
  tokens_ = {server_->root_token(),
             server_->root_token(),
             server_->root_token(),
             server_->root_token(),
             powerless_,
             server_->token_with(R"(["some"])"),
             server_->token_with(R"(["edges"])"),
             server_->token_with(R"(["default"])"),
             server_->token_with(R"(["some"])", R"("num_uses":3)"),
             server_->token_with(R"(["some"])", R"("ttl":"2s")"),
             "",
             "hvs.unknown",
             "hvs." + std::string(300, 'A'),
             "\xff\xfe"};
  names_ = {"thing", "some/thing", "secret", "kv", "default", "some", "nothing", "new", "token", "sys"};
  words_ = texts();
  for (const auto& share : server_->shares()) words_.push_back(share);
}

std::string RouteFuzzer::segment() {
  if (polite_ && !one_in(10)) return escaped(any(names_));
  switch (below(12)) {
    case 0:
      return escaped(any(words_));
    case 1:
      return std::string(one_in(2) ? 400 : 401, 'n');
    case 2:
      return "%00";
    case 3:
      return "%2e%2e";
    case 4:
      return std::to_string(dice_.next());
    case 5:
      return escaped(any(words_)) + "/" + escaped(any(names_)) + "/";
    default:
      return escaped(any(names_));
  }
}

std::string RouteFuzzer::path(const std::string& mount, std::string_view pattern) {
  std::string out = one_in(40) ? segment() + "/" : mount;
  while (!pattern.empty()) {
    const auto open = std::min(pattern.find('{'), pattern.size());
    out += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    out += segment();
    pattern.remove_prefix(pattern.find('}') + 1);
  }
  if (one_in(40)) out += "/";
  if (one_in(60)) out += "/" + segment();
  return out;
}

std::string RouteFuzzer::text() {
  if (one_in(30)) return std::string(1 + below(4) * 20'000, 'h');
  return any(words_);
}

std::string RouteFuzzer::nasty() { return one_in(3) ? in_quotes(text()) : any(json_values()); }

std::string RouteFuzzer::value(const schema::Codec& codec, std::string_view name, bool may_mark, int depth) {
  if (one_in(polite_ ? 60 : 8)) return nasty();
  if (depth > 4) return "null";
  const auto some_text = [&] { return may_mark && one_in(3) ? in_quotes(kMarker) : in_quotes(text()); };
  const bool token = name.find("token") != name.npos && one_in(2);
  switch (codec.kind) {
    case Kind::text:
    case Kind::secret:
      if (token) return in_quotes(any(tokens_));
      if (name.find("policy") != name.npos && one_in(2))
        return in_quotes("path \"" + any(names_) + "/*\" { capabilities = [\"read\"] }");
      if (name == "type" && one_in(2)) return one_in(2) ? "\"kv\"" : "\"kv-v2\"";
      return one_in(4) ? in_quotes(any(names_)) : some_text();
    case Kind::boolean:
      return one_in(2) ? "true" : "false";
    case Kind::integer:
      return std::to_string(static_cast<std::int64_t>(below(12)) - 2);
    case Kind::duration:
      return one_in(2) ? std::to_string(below(4000)) : in_quotes(std::to_string(below(90)) + "m");
    case Kind::time:
      return "\"2027-02-0" + std::to_string(below(10)) + "T00:00:00Z\"";
    case Kind::list:
    case Kind::comma_list: {
      std::string out = "[";
      for (auto n = below(4); n > 0; --n) {
        if (out.size() > 1) out += ',';
        out += codec.item != nullptr ? value(*codec.item, name, may_mark, depth + 1)
               : one_in(2)           ? in_quotes(any(names_))
                                     : some_text();
      }
      return out + "]";
    }
    case Kind::map: {
      std::string out = "{";
      for (auto n = below(4); n > 0; --n)
        out += (out.size() > 1 ? "," : "") + in_quotes(one_in(3) ? any(texts()) : "m" + std::to_string(n)) +
               ":" + value(*codec.item, name, may_mark, depth + 1);
      return out + "}";
    }
    case Kind::record:
      return "{" + members(codec.fields(), may_mark, depth + 1) + "}";
    case Kind::any:
      return "{\"m1\":" + some_text() + ",\"m2\":{\"m3\":[" + some_text() + "," + any(json_values()) + "]}}";
  }
  return "null";
}

std::string RouteFuzzer::members(std::span<const Field> fields, bool may_mark, int depth) {
  std::string out;
  const auto add = [&](std::string_view name, const std::string& json) {
    if (!out.empty()) out += ',';
    out += in_quotes(name) + ":" + json;
  };
  const auto density = 1 + below(4);
  for (const Field& f : fields) {
    const bool wanted = (f.flags & schema::required) != 0 ? !one_in(10) : one_in(density);
    if (!wanted || ((f.flags & schema::in_path) != 0 && !one_in(20))) continue;
    const bool secret =
        may_mark && (f.flags & (schema::plain | schema::in_path)) == 0 && !shown_on_purpose(f.name);
    if ((f.flags & schema::whole_body) != 0) {
      add("m1", secret && one_in(2) ? in_quotes(kMarker) : nasty());
      add("m2", nasty());
      continue;
    }
    std::string name(f.name);
    if (one_in(30)) name[0] = static_cast<char>(name[0] - 'a' + 'A');
    add(name, value(*f.codec, f.name, secret, depth));
    if (one_in(50)) add(name, nasty());
  }
  if (one_in(10)) add("unknown_field", nasty());
  return out;
}

std::string RouteFuzzer::query(std::span<const Field> fields) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view v) {
    out += (out.empty() ? "?" : "&") + std::string(name) + "=" + escaped(v);
  };
  for (const Field& f : fields)
    if (one_in(3)) add(f.name, one_in(2) ? std::to_string(static_cast<std::int64_t>(below(9)) - 2) : text());
  if (one_in(8)) add(one_in(2) ? "list" : "scan", any({"true", "false", "1", "x", ""}));
  if (one_in(20)) add("help", "1");
  if (one_in(30)) out += one_in(2) ? "?a=%zz" : "&&=&%ff=1";
  return out;
}

Ask RouteFuzzer::request() {
  const auto& table = tables_[below(tables_.size())];
  route_ = &table.routes[below(table.routes.size())];
  Ask a;
  a.method = method(route_->verb);
  a.target = path(table.mount, route_->pattern);
  if (one_in(12))
    a.method = any(
        {"GET", "LIST", "POST", "PUT", "PATCH", "DELETE", "SCAN", "HEAD", "OPTIONS", "HELP", "TRACE", "x"});
  a.token = polite_ && !one_in(5) ? server_->root_token() : any(tokens_);
  const bool body = a.method == "POST" || a.method == "PUT" || a.method == "PATCH";
  if (body || one_in(20)) {
    a.body = "{" + members(route_->in->fields(), true, 0) + "}";
    switch (below(40)) {
      case 0:
        a.body.resize(below(a.body.size() + 1));
        break;
      case 1:
        a.body = nasty();
        break;
      case 2:
        a.body = std::string(below(300), '[') + "1";
        break;
      case 3:
        a.body.clear();
        break;
      case 4:
        a.body += "x";
        break;
      default:
        break;
    }
  }
  if (!body || one_in(10)) a.target += query(route_->in->fields());
  if (one_in(6)) a.wrap_ttl = any({"60", "5m", "1s", "0", "-1", "x", "99999999999h", "1.5s", ""});
  if (one_in(25)) a.name_space = any({"root", "root/", "ns", "ns/", "../x", "ключ", "a/b/c"});
  if (one_in(30)) a.authorization = "Bearer " + a.token, a.token.clear();
  if (one_in(15))
    a.content_type = any({"application/json", "application/merge-patch+json", "text/plain", "x",
                          "application/x-www-form-urlencoded"});
  return a;
}

// Tokens, accessors and ids of replies come back in later requests.
void RouteFuzzer::learn(const Answer& a) {
  if (!a.ok()) return;
  const auto keep = [&](std::vector<std::string>& into, std::string s) {
    if (s.empty() || s.size() > 300) return;
    if (into.size() < 60)
      into.push_back(std::move(s));
    else
      into[20 + below(40)] = std::move(s);
  };
  keep(tokens_, a.text("auth/client_token"));
  keep(tokens_, a.text("wrap_info/token"));
  for (const auto* name :
       {"auth/accessor", "data/accessor", "wrap_info/accessor", "data/nonce", "nonce", "data/otp", "otp",
        "data/migration_id", "data/keys/0", "data/encoded_token", "encoded_token", "data/verification_nonce"})
    keep(words_, a.text(name));
}

void RouteFuzzer::judge(const Ask& ask, const Answer& a) {
  if (a.status == 500) complain("an internal error: " + a.body);
  if (a.status < 200 || a.status > 599) complain(fmt::format("no status: {}", a.status));
  if (!a.body.empty() && a.body.front() == '{' && !json::Doc::parse(a.body))
    complain("the reply is no JSON: " + a.body);
  if (!a.ok() && a.status != 404 && a.body.find(kMarker) != a.body.npos)
    complain("an error text quotes what was sent: " + a.body);
  if (a.ok() && (ask.token == powerless_ || ask.token.empty()) && ask.authorization.empty() &&
      ask.method != "HELP" && ask.target.find("help=") == ask.target.npos) {
    // What the front door makes of the path is its own matter; an open route anywhere on it will do.
    const auto target = ask.target.substr(0, ask.target.find('?'));
    const bool open = std::ranges::any_of(tables_, [&](const TestServer::Table& t) {
      return target.starts_with(t.mount) && std::ranges::any_of(t.routes, [&](const Route& r) {
               return (r.flags & no_token_) != 0 &&
                      engine::serves(r, std::string_view(target).substr(t.mount.size()));
             });
    });
    if (!open && !ask.token.empty() && target.starts_with("sys/wrapping/unwrap")) return;
    if (!open) complain("a token without policies was served: " + cut(a.body, 300));
  }
}

void RouteFuzzer::step() {
  if (one_in(12)) {
    server_->clock.advance(Seconds(below(2) == 0 ? 1 : 3600));
    server_->core().tick();
  }
  const auto ask = request();
  // Without its root token a run has nothing left to try.
  if (ask.token == server_->root_token() && ask.target.find("auth/token/revoke") == 0 && !one_in(20)) return;
  ++requests_;
  trace_.push_back(fmt::format("{} {} token={} ns={} wrap={} type={} body={}", ask.method,
                               cut(ask.target, 300), cut(ask.token, 40), ask.name_space, ask.wrap_ttl,
                               ask.content_type, cut(ask.body, 600)));
  if (trace_.size() > kKeptTrace) trace_.pop_front();
  const auto a = server_->send(ask);
  trace_.back() += fmt::format(" -> {}", a.status);
  served_ += a.ok();
  judge(ask, a);
  learn(a);
  if (server_->core().sealed()) server_->unseal();
}

void RouteFuzzer::final_checks() {
  if (server_->call("GET", "sys/health").status == 0) complain("the server does not answer any more");
  for (const auto& line : server_->log_lines.lines()) {
    if (line.find("a request failed") != line.npos || line.find("an exception") != line.npos)
      complain("the server's log: " + line);
    for (const auto secret : {kMarker, std::string_view(server_->root_token())})
      if (line.find(secret) != line.npos) complain("a secret in the server's log: " + line);
  }
  if (!server_->core().sealed())
    for (const auto& r : server_->records()) {
      const auto bytes = audit::encode(r.record);
      for (const auto secret : {kMarker, std::string_view(server_->root_token())})
        if (const auto found = bytes.find(secret); found != bytes.npos)
          complain(fmt::format("a secret in the audit log: {} {} request {} response {}", r.record.operation,
                               cut(r.record.path, 300), r.record.request.find(secret),
                               r.record.response.find(secret)));
    }
  server_->stop();
  for (const auto& file : server_->disk.list("")) {
    const auto bytes = server_->disk.read(file);
    if (bytes && bytes->find(kMarker) != bytes->npos) complain("a secret on the disk: " + file);
  }
}

std::string RouteFuzzer::run() {
  set_up();
  for (auto left = 30 + below(60); left > 0 && wrong_.empty(); --left) step();
  if (wrong_.empty()) final_checks();
  server_.reset();
  return wrong_;
}

}  // namespace strongroom::testkit
