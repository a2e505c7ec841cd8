// The operator's view over the wire: what it tells, whom, and that nothing of what the server keeps is in it.
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <thread>

#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

constexpr const char* kMarker = "canary-5b1e07";

Answer opened(TestServer& server, std::string target) {
  Ask ask;
  ask.target = std::move(target);
  ask.gate = core::Request::Gate::open;
  return server.send(std::move(ask));
}

std::string line_of(const std::string& text, const std::string& start) {
  const auto at = text.find("\n" + start);
  if (at == text.npos) return {};
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

// Everything that carries the marker: names of mounts, paths, policies, tokens' names, values.
void use(TestServer& server) {
  const std::string marker = kMarker;
  server.root("POST", "sys/mounts/" + marker, R"({"type":"kv","options":{"version":"2"}})");
  server.root("POST", marker + "/data/" + marker, R"({"data":{"p":")" + marker + R"("}})");
  server.root("GET", marker + "/data/" + marker);
  server.root("GET", "nothing/" + marker);
  server.policy(marker, "path \"" + marker + "/*\" { capabilities = [\"read\"] }");
  const auto token = server.token_with("[\"" + marker + "\"]", "\"display_name\":\"" + marker + "\"");
  server.call("GET", marker + "/data/" + marker, "", token);
  server.call("GET", marker + "/data/" + marker, "", "hvs." + marker);
  server.call("GET", "sys/mounts", "", token);
}

TEST(Metrics, CountWhatWasAskedByOperationTypeAndOutcome) {
  const auto server = TestServer::ready();
  use(*server);
  const auto a = server->root("GET", "sys/metrics?format=prometheus");
  ASSERT_EQ(a.status, 200);
  EXPECT_EQ(line_of(a.body, "strongroom_unsealed"), "strongroom_unsealed 1");
  EXPECT_EQ(line_of(a.body, R"(strongroom_requests_total{operation="read",mount_type="kv",outcome="ok"})"),
            R"(strongroom_requests_total{operation="read",mount_type="kv",outcome="ok"} 2)");
  EXPECT_EQ(
      line_of(a.body,
              R"(strongroom_requests_total{operation="read",mount_type="kv",outcome="unauthenticated"})"),
      R"(strongroom_requests_total{operation="read",mount_type="kv",outcome="unauthenticated"} 1)");
  EXPECT_EQ(
      line_of(a.body, R"(strongroom_requests_total{operation="read",mount_type="none",outcome="not_found"})"),
      R"(strongroom_requests_total{operation="read",mount_type="none",outcome="not_found"} 1)");
  EXPECT_EQ(line_of(a.body, "vault_core_unsealed{").back(), '1');
  EXPECT_NE(line_of(a.body, R"(strongroom_request_duration_seconds_count{operation="read",mount_type="kv"})"),
            "");
}

// No label ever comes from a request, so no request can add a series.
TEST(Metrics, NoRequestAddsASeries) {
  const auto server = TestServer::ready();
  use(*server);
  server->root("GET", "sys/metrics?format=prometheus");
  const auto series = [&] {
    std::set<std::string> names;
    const auto text = server->root("GET", "sys/metrics?format=prometheus").body;
    std::size_t at = 0;
    while (at < text.size()) {
      const auto line = text.substr(at, text.find('\n', at) - at);
      names.insert(line.substr(0, line.rfind(' ')));
      at += line.size() + 1;
    }
    return names;
  };
  const auto before = series();
  for (int i = 0; i < 50; ++i) {
    const auto name = "more-" + std::to_string(i);
    server->root("POST", "sys/mounts/" + name, R"({"type":"kv","options":{"version":"2"}})");
    server->root("POST", name + "/data/" + name, R"({"data":{"a":1}})");
    server->root("GET", name + "/data/" + name);
    server->root("GET", "nothing/" + name);
  }
  EXPECT_EQ(series(), before);
}

TEST(Metrics, TokensAreCountedFromTheFirstToTheLast) {
  const auto server = TestServer::ready();
  const auto value = [&](const std::string& name) {
    const auto line = line_of(server->root("GET", "sys/metrics?format=prometheus").body, name);
    return std::strtoull(line.substr(line.rfind(' ') + 1).c_str(), nullptr, 10);
  };
  const auto created = value(R"(strongroom_tokens_created_total{kind="issued"})");
  const auto revoked = value("strongroom_tokens_revoked_total");
  const auto one = server->token_with(R"(["default"])");
  server->token_with(R"(["default"])", R"("ttl":"1m")");
  EXPECT_EQ(value(R"(strongroom_tokens_created_total{kind="issued"})"), created + 2);
  server->call("POST", "auth/token/renew-self", "{}", one);
  EXPECT_EQ(value(R"(strongroom_tokens_created_total{kind="issued"})"), created + 2) << "a renewal";
  server->root("POST", "auth/token/revoke", R"({"token":")" + one + R"("})");
  EXPECT_EQ(value("strongroom_tokens_revoked_total"), revoked + 1);
  server->clock.advance(std::chrono::minutes(2));
  server->core().tick();
  EXPECT_EQ(value("strongroom_tokens_expired_total"), 1u);
  EXPECT_EQ(value("strongroom_tokens_revoked_total"), revoked + 1);
}

TEST(Metrics, TheFormatIsPrometheusOrJson) {
  const auto server = TestServer::ready();
  const auto json = server->root("GET", "sys/metrics");
  EXPECT_EQ(json.status, 200);
  EXPECT_TRUE(json.find("Gauges/0/Name")) << json.body;
  EXPECT_TRUE(json.find("Counters/0/Count")) << json.body;
  EXPECT_TRUE(json.find("Samples/0/Labels")) << json.body;
  const auto odd = server->root("GET", "sys/metrics?format=odd");
  EXPECT_EQ(odd.status, 400);
  EXPECT_EQ(odd.body, "metric response format \"odd\" unknown");
  EXPECT_EQ(server->root("GET", "sys/metrics?format=%3Cscript%3E").body, "metric response format unknown");
}

TEST(Metrics, OnlyWhatTheListenerOpensNeedsNoToken) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->call("GET", "sys/metrics").status, 403);
  EXPECT_EQ(server->call("GET", "sys/in-flight-req").status, 403);
  const auto before = server->records().size();
  EXPECT_EQ(opened(*server, "sys/metrics").status, 200);
  EXPECT_EQ(opened(*server, "sys/in-flight-req").status, 200);
  EXPECT_EQ(server->records().size(), before + 1) << "as health, it is not on record";
  // The listener opens paths; which they can be is the routes' matter.
  EXPECT_EQ(opened(*server, "sys/mounts").status, 403);
  EXPECT_EQ(opened(*server, "sys/config/state/sanitized").status, 403);
  EXPECT_EQ(opened(*server, "secret/data/a").status, 403);
}

TEST(Metrics, SealedTheyTellSoWhereTheListenerOpensThem) {
  const auto server = TestServer::ready();
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  EXPECT_EQ(server->root("GET", "sys/metrics").status, 503);
  const auto a = opened(*server, "sys/metrics?format=prometheus");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(line_of(a.body, "strongroom_unsealed"), "strongroom_unsealed 0");
  EXPECT_EQ(line_of(a.body, "vault_core_unsealed{"), "vault_core_unsealed{cluster=\"\"} 0");
}

TEST(Observation, SummariesHaveQuantilesOfTheLastTenSeconds) {
  const auto server = TestServer::ready();
  const auto median = [&] {
    const auto a = server->root("GET", "sys/metrics?format=prometheus");
    return line_of(a.body, "vault_core_handle_request{quantile=\"0.5\"}");
  };
  server->root("GET", "sys/mounts");
  EXPECT_EQ(median().find("NaN"), std::string::npos) << median();
  for (int second = 0; second < 20; ++second) server->core().tick();
  EXPECT_EQ(median(), "vault_core_handle_request{quantile=\"0.5\"} NaN");
}

// What the server keeps, and who uses it, is in no reply of the operator's view.
TEST(Observation, NoNameAndNoValueIsInAnyReply) {
  const auto server = TestServer::ready();
  use(*server);
  for (const auto* target :
       {"sys/metrics", "sys/metrics?format=prometheus", "sys/host-info", "sys/in-flight-req", "sys/ha-status",
        "sys/config/state/sanitized", "sys/loggers", "sys/plugins/catalog", "sys/internal/counters/tokens"}) {
    const auto a = server->root("GET", target);
    EXPECT_EQ(a.status, 200) << target << a.body;
    EXPECT_EQ(a.body.find(kMarker), a.body.npos) << target;
    EXPECT_EQ(a.body.find(server->root_token()), a.body.npos) << target;
    for (const auto& share : server->shares()) EXPECT_EQ(a.body.find(share), a.body.npos) << target;
  }
  EXPECT_EQ(server->root("LIST", "sys/version-history").body.find(kMarker), std::string::npos);
}

TEST(Observation, ARequestInFlightIsShownUntilItIsAnswered) {
  const auto server = TestServer::ready();
  const auto a = server->root("GET", "sys/in-flight-req");
  EXPECT_EQ(a.status, 200);
  EXPECT_NE(a.body.find(R"("request_path":"/v1/sys/in-flight-req")"), a.body.npos) << a.body;
  EXPECT_NE(a.body.find(R"("client_remote_address":"10.1.2.3:4711")"), a.body.npos) << a.body;
  // It ends after its answer was handed over, on the thread that did so.
  while (!server->core().in_flight().empty()) std::this_thread::yield();
}

TEST(Observation, ALongPathIsCutBetweenCharacters) {
  const auto server = TestServer::ready();
  const auto seen_of = [&](std::string path) {
    Ask ask;
    ask.target = std::move(path);
    ask.token = server->root_token();
    std::vector<core::Traffic::InFlight> seen;
    std::promise<void> heard;
    // Until the answer has been taken it is in flight.
    server->submit(std::move(ask), [&](const Answer&) {
      seen = server->core().in_flight();
      heard.set_value();
    });
    heard.get_future().wait();
    return seen.empty() ? std::string() : seen.back().path;
  };
  const auto cut = seen_of("secret/data/" + std::string(200, 'x'));
  EXPECT_EQ(cut.size(), 128u);
  EXPECT_TRUE(cut.starts_with("secret/data/xxx"));
  std::string accents = "secret/data/x";
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  const auto whole = seen_of(accents);
  EXPECT_EQ(whole.size(), 127u);
  EXPECT_TRUE(valid_utf8(whole));
}

TEST(Observation, EveryVersionThatOpenedTheStoreIsKnown) {
  const auto server = TestServer::ready();
  const auto first = server->root("LIST", "sys/version-history");
  EXPECT_EQ(first.texts("data/keys"), std::vector<std::string>{"0.1.0"});
  server->clock.advance(std::chrono::hours(1));
  ASSERT_TRUE(server->restart());
  server->unseal();
  const auto again = server->root("LIST", "sys/version-history");
  EXPECT_EQ(again.find("data/key_info"), first.find("data/key_info")) << "written once";
  EXPECT_EQ(server->root("GET", "sys/version-history").status, 405);
}

TEST(Observation, NothingCanBeRegistered) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->root("GET", "sys/plugins/catalog/secret/kv").text("data/builtin"), "true");
  EXPECT_EQ(server->root("GET", "sys/plugins/catalog/secret/none").status, 404);
  const auto a = server->root("POST", "sys/plugins/catalog/secret/mine", R"({"command":"x","sha256":"aa"})");
  EXPECT_EQ(a.status, 400);
  EXPECT_NE(a.error().find("no outside program is run"), std::string::npos);
  EXPECT_EQ(server->root("DELETE", "sys/plugins/catalog/secret/kv").status, 400);
}

TEST(Observation, ALoggersLevelHoldsUntilItIsReset) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->root("GET", "sys/loggers").text("data/core"), "trace");
  ASSERT_EQ(server->root("POST", "sys/loggers/core", R"({"level":"error"})").status, 204);
  const auto before = server->log_lines.lines().size();
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);  // says "sealed" at info
  EXPECT_EQ(server->log_lines.lines().size(), before);
  server->unseal();
  ASSERT_EQ(server->root("DELETE", "sys/loggers/core").status, 204);
  EXPECT_EQ(server->root("GET", "sys/loggers/core").text("data/core"), "trace");
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  EXPECT_GT(server->log_lines.lines().size(), before);
}

std::string taken(Feed& feed) {
  SecretText out;
  std::ignore = feed.take(out, ~std::size_t{0});
  return std::string(view(out));
}
bool over(Feed& feed) {
  SecretText out;
  return feed.take(out, ~std::size_t{0}) == Feed::State::over;
}

TEST(Monitor, FollowsTheLogFromALevelOn) {
  const auto server = TestServer::ready();
  const auto all = server->root("GET", "sys/monitor?log_level=DEBUG&log_format=json");
  ASSERT_EQ(all.status, 200) << all.body;
  ASSERT_NE(all.feed, nullptr);
  const auto errors = server->root("GET", "sys/monitor?log_level=error");
  ASSERT_EQ(errors.status, 200);
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);  // says "sealed" at info
  EXPECT_NE(taken(*all.feed).find(R"("@message":"sealed")"), std::string::npos);
  EXPECT_EQ(taken(*errors.feed), "");
}

TEST(Monitor, EndsWhenTheServerSeals) {
  const auto server = TestServer::ready();
  const auto a = server->root("GET", "sys/monitor");
  server->core().tick();
  EXPECT_FALSE(over(*a.feed));
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  server->core().tick();
  EXPECT_TRUE(over(*a.feed));
}

TEST(Monitor, EndsWithItsToken) {
  const auto server = TestServer::ready();
  server->policy("watch", R"(path "sys/monitor" { capabilities = ["read"] })");
  const auto token = server->token_with(R"(["watch"])", R"("ttl":"1h")");
  const auto revoked = server->token_with(R"(["watch"])");
  const auto a = server->call("GET", "sys/monitor", {}, token);
  const auto b = server->call("GET", "sys/monitor", {}, revoked);
  ASSERT_EQ(a.status, 200) << a.body;
  ASSERT_EQ(b.status, 200) << b.body;
  ASSERT_EQ(server->call("POST", "auth/token/revoke-self", {}, revoked).status, 204);
  server->core().tick();
  EXPECT_FALSE(over(*a.feed));
  EXPECT_TRUE(over(*b.feed));
  server->clock.advance(Seconds(3601));
  server->core().tick();
  EXPECT_TRUE(over(*a.feed));
}

TEST(Monitor, IsForThoseWhoMayAndRefusesWhatItDoesNotKnow) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->call("GET", "sys/monitor", {}, server->token_with(R"(["default"])")).status, 403);
  EXPECT_EQ(server->root("GET", "sys/monitor?log_level=loud").error(), "unknown log level");
  EXPECT_EQ(server->root("GET", "sys/monitor?log_level=off").error(), "unknown log level");
  EXPECT_EQ(server->root("GET", "sys/monitor?log_format=xml").error(), "unknown log format");
  Ask wrapped;
  wrapped.target = "sys/monitor";
  wrapped.token = server->root_token();
  wrapped.wrap_ttl = "60";
  const auto a = server->send(std::move(wrapped));
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(a.feed, nullptr);
}

TEST(CrossOrigin, IsPublishedWithTheCommitAndFoundAgainAfterARestart) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->core().cross_origin(), nullptr);
  ASSERT_EQ(server->root("POST", "sys/config/cors", R"({"allowed_origins":"https://a.example"})").status,
            204);
  ASSERT_NE(server->core().cross_origin(), nullptr);
  EXPECT_EQ(server->core().cross_origin()->origins, std::vector<std::string>{"https://a.example"});
  ASSERT_TRUE(server->restart());
  EXPECT_EQ(server->core().cross_origin(), nullptr) << "sealed, nothing is known";
  server->unseal();
  ASSERT_NE(server->core().cross_origin(), nullptr);
  ASSERT_EQ(server->root("DELETE", "sys/config/cors").status, 204);
  EXPECT_EQ(server->core().cross_origin(), nullptr);
}

TEST(CrossOrigin, CredentialsForEveryPageAreRefused) {
  const auto server = TestServer::ready();
  const auto a =
      server->root("POST", "sys/config/cors", R"({"allowed_origins":"*","allow_credentials":true})");
  EXPECT_EQ(a.status, 400);
  EXPECT_EQ(
      server->root("POST", "sys/config/cors", R"({"allowed_origins":["*","https://a.example"]})").status,
      400);
  EXPECT_EQ(
      server->root("POST", "sys/config/cors", "{\"allowed_origins\":\"https://a.example\\r\\nX: y\"}").status,
      400);
  EXPECT_EQ(server->core().cross_origin(), nullptr);
}

TEST(CrossOrigin, NeedsSudo) {
  const auto server = TestServer::ready();
  server->policy("cors", "path \"sys/config/cors\" { capabilities = [\"read\", \"update\"] }");
  const auto token = server->token_with(R"(["cors"])");
  EXPECT_EQ(server->call("GET", "sys/config/cors", "", token).status, 403);
  EXPECT_EQ(server->call("POST", "sys/config/cors", R"({"allowed_origins":"*"})", token).status, 403);
}

TEST(UiHeaders, AreKeptWithoutRegardToCase) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->root("PUT", "sys/config/ui/headers/X-Mine", R"({"values":["a","b"]})").status, 200);
  EXPECT_EQ(server->root("GET", "sys/config/ui/headers/x-mine").text("data/value"), "a");
  EXPECT_EQ(server->root("GET", "sys/config/ui/headers/x-mine?multivalue=true").texts("data/values").size(),
            2u);
  EXPECT_EQ(server->root("PUT", "sys/config/ui/headers/X-Vault-Mine", R"({"values":["a"]})").status, 400);
  EXPECT_EQ(
      server->root("PUT", "sys/config/ui/headers/X-Mine", "{\"values\":[\"a\\r\\nSet-Cookie: x\"]}").status,
      400);
  EXPECT_EQ(server->root("DELETE", "sys/config/ui/headers/X-MINE").status, 204);
  EXPECT_EQ(server->root("LIST", "sys/config/ui/headers").status, 404);
}

}  // namespace
}  // namespace strongroom::testkit
