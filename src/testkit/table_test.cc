// Tests generated from the route tables of sys, token and both versions of KV: what must hold for every route
// and every field, the ones that are added tomorrow included.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "engine/openapi.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

using engine::Route;
using engine::Verb;
using schema::Field;
using schema::Kind;

constexpr std::string_view kMarker = "canary-7f3a9c";

std::string method(Verb v) {
  switch (v) {
    case Verb::read:
      return "GET";
    case Verb::list:
      return "LIST";
    case Verb::write:
      return "POST";
    case Verb::patch:
      return "PATCH";
    case Verb::erase:
      return "DELETE";
    case Verb::scan:
      return "SCAN";
  }
  return {};
}

// "mounts/{path...}/tune" with something for each capture.
std::string path_of(const std::string& mount, std::string_view pattern) {
  std::string out = mount;
  while (!pattern.empty()) {
    const auto open = std::min(pattern.find('{'), pattern.size());
    out += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    out += pattern.substr(0, pattern.find('}')).ends_with("...") ? "some/thing" : "thing";
    pattern.remove_prefix(pattern.find('}') + 1);
  }
  return out;
}

bool takes_body(Verb v) { return v == Verb::write || v == Verb::patch; }

struct Case {
  std::string mount;
  const Route* route;
  std::string target;
  std::string label() const { return method(route->verb) + " " + target; }
  bool has(unsigned flag) const { return (route->flags & flag) != 0; }
};

std::vector<Case> cases(const TestServer& server) {
  std::vector<Case> out;
  for (const auto& table : server.tables())
    for (const auto& route : table.routes)
      out.push_back({table.mount, &route, path_of(table.mount, route.pattern)});
  return out;
}

// Every place that a request can be sent to, once.
std::map<std::string, std::string> places(const TestServer& server) {
  std::map<std::string, std::string> out;  // target: mount
  for (const auto& c : cases(server)) out.emplace(c.target, c.mount);
  return out;
}

void each_field(const schema::Codec& codec, int depth, const std::function<void(const Field&)>& visit) {
  if (depth > 6) return;
  if (codec.item != nullptr) each_field(*codec.item, depth + 1, visit);
  for (const Field& f : codec.fields()) {
    visit(f);
    each_field(*f.codec, depth + 1, visit);
  }
}

Ask asking(const Case& c, const std::string& name, const std::string& value, const std::string& token) {
  Ask a;
  a.method = method(c.route->verb);
  a.target = c.target;
  a.token = token;
  if (takes_body(c.route->verb)) {
    a.body = "{\"" + name + "\":" + value + "}";
  } else {
    std::string escaped;
    for (const char ch : value) escaped += fmt::format("%{:02x}", static_cast<unsigned char>(ch));
    a.target += "?" + name + "=" + escaped;
  }
  return a;
}

TEST(Table, NamesEveryMountOfTheServer) {
  const auto server = TestServer::ready();
  const auto snapshot = *server->store().snapshot();
  store::Txn txn(*snapshot, server->barrier());
  const auto router = server->core().router(txn);
  ASSERT_TRUE(router);
  std::set<std::string> mounted;
  for (const auto& [path, m] : (*router)->all()) mounted.insert(path);
  std::set<std::string> listed;
  for (const auto& t : server->tables()) listed.insert(t.mount);
  EXPECT_EQ(mounted, listed) << "TestServer::tables() must name every engine";
}

// Elsewhere a request may run again, and what cannot be undone would be done again.
TEST(Table, WhatCannotBeUndoneRunsOnWorkersAlone) {
  const auto server = TestServer::ready();
  std::size_t acting = 0;
  for (const auto& c : cases(*server)) {
    if ((c.route->flags & engine::acts) == 0) continue;
    ++acting;
    EXPECT_TRUE(c.route->blocking) << c.label();
  }
  EXPECT_GT(acting, 10u);
}

TEST(Table, EveryRouteHasASummaryAndEveryFieldHelpAndASnakeCaseName) {
  const auto server = TestServer::ready();
  std::size_t routes = 0;
  std::size_t fields = 0;
  for (const auto& c : cases(*server)) {
    ++routes;
    EXPECT_FALSE(c.route->summary.empty()) << c.label();
    EXPECT_FALSE(c.route->summary.ends_with('.')) << c.label();
    for (const auto* codec : {c.route->in, c.route->out})
      each_field(*codec, 0, [&](const Field& f) {
        ++fields;
        EXPECT_FALSE(f.help.empty()) << c.label() << " " << f.name;
        EXPECT_TRUE(f.help.ends_with('.')) << c.label() << " " << f.name << ": " << f.help;
        EXPECT_EQ(f.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), f.name.npos)
            << c.label() << " " << f.name;
        EXPECT_FALSE(f.name.empty() || (f.name[0] >= '0' && f.name[0] <= '9')) << c.label() << " " << f.name;
      });
    for (const Field& f : c.route->in->fields()) {
      const bool captured = c.route->pattern.find("{" + std::string(f.name)) != std::string_view::npos;
      if (captured) {
        EXPECT_NE(f.flags & schema::in_path, 0) << c.label() << " " << f.name;
      }
    }
  }
  RecordProperty("routes", static_cast<int>(routes));
  RecordProperty("fields", static_cast<int>(fields));
  EXPECT_GT(routes, 60u);
}

TEST(Table, EveryPathHasHelpForEveryToken) {
  const auto server = TestServer::ready();
  server->policy("nothing", "");
  const auto token = server->token_with(R"(["nothing"])", R"("no_default_policy":true)");
  for (const auto& c : cases(*server)) {
    const auto a = server->call("GET", c.target + "?help=1", "", token);
    EXPECT_EQ(a.status, 200) << c.label() << " " << a.body;
    // The mount itself tells what it is for and which paths it has.
    if (c.target == c.mount) {
      EXPECT_TRUE(a.text("help").starts_with("## DESCRIPTION\n\n")) << c.label();
      EXPECT_FALSE(a.text("help").starts_with("## DESCRIPTION\n\n\n")) << c.label() << ": about() is empty";
    } else if (!c.has(engine::unlisted)) {
      EXPECT_NE(a.text("help").find(method(c.route->verb)), std::string::npos) << c.label() << a.text("help");
      EXPECT_FALSE(a.text("openapi/paths").empty()) << c.label();
    }
  }
}

TEST(Table, EveryMountTellsWhatItIsFor) {
  const auto server = TestServer::ready();
  for (const auto& table : server->tables()) {
    const auto help = server->root("GET", table.mount + "?help=1").text("help");
    EXPECT_TRUE(help.starts_with("## DESCRIPTION\n\n")) << table.mount << help;
    EXPECT_FALSE(help.starts_with("## DESCRIPTION\n\n\n")) << table.mount << ": about() is empty";
  }
}

TEST(Table, EveryRouteIsInTheOpenApiDocumentAndEveryFieldOfItIsDescribed) {
  const auto server = TestServer::ready();
  const auto a = server->root("GET", "sys/internal/specs/openapi");
  const auto doc = json::Doc::parse(a.body);
  ASSERT_TRUE(doc) << a.body.substr(0, 200);
  const auto paths = *doc->root().find("paths");
  for (const auto& c : cases(*server)) {
    if (c.has(engine::unlisted)) continue;
    const auto path = "/" + c.mount + engine::openapi_path(c.route->pattern);
    const auto item = paths.find(path);
    ASSERT_TRUE(item) << c.label() << " " << path;
    static constexpr std::string_view methods[] = {"get", "get", "post", "patch", "delete", "get"};
    EXPECT_TRUE(item->find(methods[static_cast<std::size_t>(c.route->verb)])) << c.label() << " " << path;
  }
  std::set<std::string> ids;
  const std::function<void(const json::Node&, const std::string&)> look = [&](const json::Node& n,
                                                                              const std::string& at) {
    if (n.is_array())
      for (const json::Node e : n) look(e, at + "[]");
    if (!n.is_object()) return;
    if (const auto id = n.find("operationId")) {
      EXPECT_TRUE(ids.insert(std::string(id->text())).second) << id->text() << " twice";
    }
    for (const json::Node e : n) {
      const auto inside = at + "/" + std::string(e.key());
      if (at.ends_with("/properties")) {
        EXPECT_TRUE(e.find("type") && e.find("description")) << inside;
      }
      look(e, inside);
    }
  };
  look(doc->root(), "");
  EXPECT_GT(ids.size(), 50u);
}

TEST(Table, AVerbThatIsNotServedIs405) {
  const auto server = TestServer::ready();
  std::size_t tried = 0;
  for (const auto& [target, mount] : places(*server)) {
    std::set<Verb> served;
    const auto inside = std::string_view(target).substr(mount.size());
    for (const auto& table : server->tables())
      if (table.mount == mount)
        for (const auto& r : table.routes)
          // A listing's path ends in a slash on the way to the route.
          if (engine::serves(
                  r, r.verb == Verb::list || r.verb == Verb::scan ? std::string(inside) + "/" : inside))
            served.insert(r.verb);
    for (const auto verb : {Verb::read, Verb::list, Verb::write, Verb::patch, Verb::erase, Verb::scan}) {
      if (served.contains(verb)) continue;
      ++tried;
      const auto a = server->root(method(verb), target, takes_body(verb) ? "{}" : "");
      // A listing below a path that only other verbs know is a path that nobody knows.
      const bool list = verb == Verb::list || verb == Verb::scan;
      EXPECT_TRUE(a.status == 405 || (list && a.status == 404))
          << method(verb) << " " << target << " " << a.status;
    }
    for (const auto* odd : {"TRACE", "CONNECT", "FOO", "HEAD"})
      if (target != "sys/health") {
        EXPECT_EQ(server->root(odd, target).status, 405) << odd << " " << target;
      }
  }
  RecordProperty("requests", static_cast<int>(tried));
  EXPECT_GT(tried, 100u);
}

std::string all_but(std::set<std::string_view> without) {
  std::string out;
  for (const std::string_view c : {"create", "read", "update", "patch", "delete", "list", "scan", "sudo"})
    if (!without.contains(c)) out += (out.empty() ? "\"" : ",\"") + std::string(c) + "\"";
  return out;
}
std::set<std::string_view> needed(Verb v) {
  switch (v) {
    case Verb::read:
      return {"read"};
    case Verb::list:
      return {"list"};
    case Verb::scan:
      return {"scan"};
    case Verb::write:
      return {"create", "update"};
    case Verb::patch:
      return {"patch"};
    case Verb::erase:
      return {"delete"};
  }
  return {};
}

// P3: every guarded route under every role. Nobody gets by with less than what the route asks for, and with
// exactly that everybody does.
TEST(Table, P3_EveryRouteAsksForItsCapabilityAndNothingElse) {
  const auto server = TestServer::ready();
  // What answers 403 to one who is permitted, for reasons of its own.
  const auto own_refusal = [](const Case& c) {
    return c.target.starts_with("sys/wrapping/") || c.target.starts_with("sys/internal/ui/mounts");
  };
  std::size_t cells = 0;
  for (const auto& c : cases(*server)) {
    if (c.has(engine::open) || c.has(engine::shut)) continue;
    const auto verb = c.route->verb;
    const auto path =
        c.target + ((verb == Verb::list || verb == Verb::scan) && !c.target.ends_with('/') ? "/" : "");
    const auto as = [&](const std::string& rules) {
      ++cells;
      server->policy("role", rules);
      const auto token = server->token_with(R"(["role"])", R"("no_default_policy":true)");
      const auto a = server->call(method(verb), c.target, takes_body(verb) ? "{}" : "", token);
      while (server->core().sealed()) server->unseal();
      return a;
    };
    const auto rule = [](const std::string& where, const std::string& capabilities) {
      return "path \"" + where + "\" { capabilities = [" + capabilities + "] }\n";
    };
    EXPECT_EQ(as(rule("*", all_but({})) + rule(path, "\"deny\"")).status, 403) << c.label() << " deny";
    EXPECT_EQ(as(rule(path, all_but(needed(verb)))).status, 403) << c.label() << " every other capability";
    EXPECT_EQ(as(rule(path + "x", all_but({}))).status, 403) << c.label() << " another path";
    if (c.has(engine::sudo)) {
      EXPECT_EQ(as(rule(path, all_but({"sudo"}))).status, 403) << c.label() << " without sudo";
    }
    std::string exact = c.has(engine::sudo) ? "\"sudo\"" : "";
    for (const auto n : needed(verb)) exact += (exact.empty() ? "\"" : ",\"") + std::string(n) + "\"";
    const auto a = as(rule(path, exact));
    if (!own_refusal(c)) {
      EXPECT_NE(a.status, 403) << c.label() << " with exactly what it needs " << a.body;
    }
    EXPECT_NE(a.status, 500) << c.label() << " " << a.body;
  }
  RecordProperty("cells", static_cast<int>(cells));
}

// A31: whatever answers without a token is written down here, and nothing else does.
TEST(Table, WithoutATokenEverythingIsRefusedButAFrozenList) {
  const std::set<std::string> open = {"GET sys/init",
                                      "POST sys/init",
                                      "GET sys/seal-status",
                                      "POST sys/unseal",
                                      "GET sys/health",
                                      "GET sys/internal/audit/key",
                                      "GET sys/internal/specs/openapi",
                                      "POST sys/internal/specs/openapi",
                                      "GET sys/leader",
                                      "GET sys/replication/status",
                                      "POST sys/decode-token",
                                      "GET sys/wrapping/lookup",
                                      "POST sys/wrapping/lookup",
                                      "GET sys/internal/ui/mounts",
                                      "GET sys/internal/ui/mounts/some/thing"};
  const auto server = TestServer::ready();
  std::set<std::string> found;
  for (const auto& c : cases(*server)) {
    if (c.has(engine::open)) {
      found.insert(c.label());
      continue;
    }
    const bool closed = c.has(engine::shut);
    for (const auto* token :
         {"", "hvs.unknown", "s.unknown", "hvs.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
      const auto a =
          server->call(method(c.route->verb), c.target, takes_body(c.route->verb) ? "{}" : "", token);
      EXPECT_EQ(a.status, closed ? 405 : 403) << c.label() << " " << a.body;
      EXPECT_EQ(a.error(), closed ? "unsupported operation" : "permission denied") << c.label();
    }
  }
  EXPECT_EQ(found, open);
}

TEST(Table, ATokenWithoutPoliciesMayNothing) {
  const auto server = TestServer::ready();
  server->policy("nothing", "");
  const auto token = server->token_with(R"(["nothing"])", R"("no_default_policy":true)");
  ASSERT_FALSE(token.empty());
  const auto before = (*server->store().snapshot())->revision();
  for (const auto& c : cases(*server)) {
    if (c.has(engine::open)) continue;
    const auto a =
        server->call(method(c.route->verb), c.target, takes_body(c.route->verb) ? "{}" : "", token);
    EXPECT_EQ(a.status, c.has(engine::shut) ? 405 : 403) << c.label() << " " << a.body;
  }
  EXPECT_EQ((*server->store().snapshot())->revision(), before) << "a refusal changed something";
}

TEST(Table, SealedEverythingIsUnavailableAndNothingIsRecorded) {
  const auto server = TestServer::ready();
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  const auto size = server->log().size();
  for (const auto& c : cases(*server)) {
    if (c.has(engine::sealed_ok)) continue;
    if (c.label() == "POST sys/seal") {
      EXPECT_EQ(server->call("POST", c.target).status, 204) << "it is sealed";
      continue;
    }
    for (const auto& token : {std::string(), server->root_token()}) {
      const auto a =
          server->call(method(c.route->verb), c.target, takes_body(c.route->verb) ? "{}" : "", token);
      EXPECT_EQ(a.status, 503) << c.label() << " " << a.body;
      EXPECT_EQ(a.error(), "Vault is sealed") << c.label();
    }
  }
  EXPECT_EQ(server->log().size(), size);
}

std::vector<std::string> wrong_values(Kind kind) {
  switch (kind) {
    case Kind::text:
      return {"{}", "[]", "[1]", R"({"a":1})"};
    case Kind::secret:
      return {"{}", "[]", "5", "true"};
    case Kind::boolean:
      return {"{}", "[]", R"("maybe")", "7", "1.5"};
    case Kind::integer:
      return {"{}", "[]", R"("x")", "1.5", "true", "99999999999999999999", "1e3"};
    case Kind::duration:
      return {"{}", "[]", R"("x")", "true", R"("1 fortnight")"};
    case Kind::time:
      return {"{}", "[]", "5", R"("yesterday")"};
    case Kind::comma_list:
      return {"{}", "[{}]", "[[]]"};
    case Kind::list:
      return {"[{}]", "[[]]", "{}"};
    case Kind::map:
      return {"[]", R"("x")", "5", "true"};
    case Kind::record:
      return {"[]", R"("x")", "5", "true"};
    case Kind::any:
      return {};
  }
  return {};
}

// Wrong values of a field, and of every field inside it.
void each_wrong(const schema::Codec& codec, int depth, const std::function<void(const std::string&)>& visit) {
  for (const auto& value : wrong_values(codec.kind)) visit(value);
  if (depth > 4) return;
  if (codec.kind == Kind::record)
    for (const Field& f : codec.fields())
      each_wrong(*f.codec, depth + 1,
                 [&](const std::string& value) { visit("{\"" + std::string(f.name) + "\":" + value + "}"); });
  if (codec.kind == Kind::map)
    each_wrong(*codec.item, depth + 1, [&](const std::string& value) { visit("{\"k\":" + value + "}"); });
  if (codec.kind == Kind::list && codec.item->kind == Kind::record)
    each_wrong(*codec.item, depth + 1, [&](const std::string& value) { visit("[" + value + "]"); });
}

TEST(Table, AWrongTypeIsTheCallersMistakeInEveryField) {
  const auto server = TestServer::ready();
  server->gate = core::Request::Gate::open;
  std::size_t tried = 0;
  for (const auto& c : cases(*server)) {
    if (!takes_body(c.route->verb)) continue;
    for (const Field& f : c.route->in->fields()) {
      if ((f.flags & schema::in_path) != 0) continue;
      each_wrong(*f.codec, 0, [&](const std::string& value) {
        ++tried;
        const auto a = server->send(asking(c, std::string(f.name), value, server->root_token()));
        EXPECT_EQ(a.status, 400) << c.label() << " " << f.name << "=" << value << " " << a.body;
        EXPECT_FALSE(a.error().empty()) << c.label() << " " << f.name << "=" << value;
      });
    }
  }
  RecordProperty("requests", static_cast<int>(tried));
  EXPECT_GT(tried, 200u);
}

// Boundary values of every kind in every field, of the wrong kind too: an answer, never a 500, and the server
// is there afterwards.
TEST(Table, NoValueOfAnyFieldEndsInAnInternalError) {
  const std::vector<std::string> values = {"null",
                                           "true",
                                           "false",
                                           "0",
                                           "-1",
                                           "1",
                                           "1.5",
                                           "1e400",
                                           "-0",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "18446744073709551616",
                                           "\"\"",
                                           "\" \"",
                                           "\"x\"",
                                           "\"\\u0000\"",
                                           "\"\\ud83d\\ude00\"",
                                           "\"-5s\"",
                                           "\"9999999999h\"",
                                           "\"../x\"",
                                           "\"*\"",
                                           "[]",
                                           "{}",
                                           "[null]",
                                           "[[[]]]",
                                           "[\"\"]",
                                           "[-1,0,99999999999]",
                                           "{\"\":\"\"}",
                                           "{\"a\":null}",
                                           "{\"a\":{\"b\":[]}}",
                                           "\"" + std::string(5000, 'x') + "\""};
  const auto server = TestServer::ready();
  server->gate = core::Request::Gate::open;
  std::size_t tried = 0;
  for (const auto& c : cases(*server))
    for (const Field& f : c.route->in->fields()) {
      if ((f.flags & schema::in_path) != 0) continue;
      for (const auto& value : values) {
        ++tried;
        const auto a = server->send(asking(c, std::string(f.name), value, server->root_token()));
        EXPECT_NE(a.status, 500) << c.label() << " " << f.name << "=" << value.substr(0, 60) << " " << a.body;
        EXPECT_NE(a.status, 0);
      }
    }
  RecordProperty("requests", static_cast<int>(tried));
  EXPECT_EQ(server->call("GET", "sys/health").status, 200);
  EXPECT_EQ(server->root("GET", "sys/mounts").status, 200);
}

// A value that carries the marker and fits the kind.
std::string marked(const schema::Codec& codec) {
  const auto text = "\"" + std::string(kMarker) + "\"";
  switch (codec.kind) {
    case Kind::list:
    case Kind::comma_list:
      return "[" + text + "]";
    case Kind::map:
      return "{\"k\":" + text + "}";
    case Kind::any:
      return "{\"k\":" + text + ",\"n\":{\"l\":[" + text + ",1]}}";
    case Kind::record: {
      std::string out = "{";
      for (const Field& f : codec.fields()) {
        if ((f.flags & schema::plain) != 0) continue;
        if (out.size() > 1) out += ",";
        out += "\"" + std::string(f.name) + "\":" + marked(*f.codec);
      }
      return out + "}";
    }
    default:
      return text;
  }
}

// D01, D02, D04, P7: in the log only as a MAC, in the server's own log and in error texts not at all.
TEST(Table, NoValueReachesTheAuditLogTheServerLogOrAnErrorText) {
  const auto server = TestServer::ready();
  server->gate = core::Request::Gate::open;
  const std::string marker(kMarker);
  // Who somebody is must be readable: Vault's log shows these of every token, and so does ours.
  const std::set<std::string_view> identity = {"policies", "meta", "display_name"};
  std::size_t tried = 0;
  const auto send = [&](Ask a, const std::string& label) {
    ++tried;
    const auto answer = server->send(std::move(a));
    if (!answer.ok()) {
      EXPECT_EQ(answer.body.find(marker), std::string::npos) << label << " " << answer.body;
    }
    EXPECT_NE(answer.status, 500) << label;
  };
  for (const auto& c : cases(*server)) {
    std::string all = "{\"unknown_field\":{\"x\":[\"" + marker + "\"]}";
    for (const Field& f : c.route->in->fields()) {
      if ((f.flags & (schema::in_path | schema::plain)) != 0 || identity.contains(f.name)) continue;
      all += ",\"" + std::string(f.name) + "\":" + marked(*f.codec);
      for (const auto& value : {marked(*f.codec), "\"" + marker + "\"", "[\"" + marker + "\"]",
                                "{\"" + std::string("k") + "\":\"" + marker + "\"}"})
        send(asking(c, std::string(f.name), value, server->root_token()),
             c.label() + " " + std::string(f.name));
    }
    all += "}";
    Ask whole;
    whole.method = method(c.route->verb);
    whole.target = c.target;
    whole.token = server->root_token();
    if (takes_body(c.route->verb)) whole.body = all;
    // A sealed or revoked server would end the test.
    if (c.target == "sys/seal" || c.target == "auth/token/revoke-self") continue;
    send(whole, c.label());
    whole.token = "hvs." + marker;
    send(whole, c.label() + " as nobody");
    whole.token = server->root_token();
    if (takes_body(c.route->verb)) {
      whole.body = "{\"a\":\"" + marker + "\",}";
      send(whole, c.label() + " malformed");
      whole.body = "\"" + marker + "\"";
      send(whole, c.label() + " no object");
    }
    whole.body.clear();
    whole.wrap_ttl = marker;
    send(whole, c.label() + " wrap");
    whole.wrap_ttl.clear();
    whole.authorization = "Bearer " + marker;
    whole.token.clear();
    send(whole, c.label() + " bearer");
  }
  // What was stored is read back and lists: replies are redacted too.
  for (const auto& c : cases(*server))
    if (c.route->verb == Verb::read || c.route->verb == Verb::list)
      server->root(method(c.route->verb), c.target);
  server->root("POST", "secret/data/some/thing",
               "{\"data\":{\"p\":\"" + marker + "\",\"n\":[{\"deep\":\"" + marker + "\"}]}}");
  EXPECT_NE(server->root("GET", "secret/data/some/thing").body.find(marker), std::string::npos);
  server->root("POST", "kv/some/thing", "{\"p\":\"" + marker + "\"}");
  EXPECT_NE(server->root("GET", "kv/some/thing").body.find(marker), std::string::npos);

  const auto records = server->records();
  EXPECT_GT(records.size(), tried / 3);
  for (const auto& r : records) {
    const auto bytes = audit::encode(r.record);
    EXPECT_EQ(bytes.find(marker), std::string::npos)
        << r.record.operation << " " << r.record.path << " " << r.record.error << " at " << bytes.find(marker)
        << " request " << r.record.request.find(marker) << " response " << r.record.response.find(marker)
        << " issued " << (r.record.issued ? r.record.issued->display_name : "") << " warnings "
        << testing::PrintToString(r.record.warnings);
    EXPECT_EQ(bytes.find(server->root_token()), std::string::npos) << "a token in the clear";
  }
  EXPECT_FALSE(server->log_lines.mentions(marker));
  for (const auto& line : server->log_lines.lines()) EXPECT_EQ(line.find("hvs."), std::string::npos) << line;
  // And nothing of it is on the disk.
  for (const auto& file : server->disk.list("")) {
    const auto bytes = server->disk.read(file);
    EXPECT_EQ(bytes->find(marker), std::string::npos) << file;
    EXPECT_EQ(bytes->find("some/thing"), std::string::npos) << file << ": a name in the clear";
  }
  RecordProperty("requests", static_cast<int>(tried));
}

}  // namespace
}  // namespace strongroom::testkit
