// Behaviours of sys and auth/token that span the core: policies with check-and-set, mounts and their errors,
// capabilities, use limits, redaction by a mount's wish, housekeeping.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "store/tables.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

class System : public testing::Test {
 protected:
  Answer as(const std::string& token, const std::string& method, const std::string& target,
            const std::string& body = {}) {
    return server_->call(method, target, body, token);
  }
  Answer policy(const std::string& name, const std::string& more = {}) {
    return server_->root("POST", "sys/policies/acl/" + name,
                         R"({"policy":"path \"a\" { capabilities = [\"read\"] }")" + more + "}");
  }
  std::size_t keys_of(std::string_view first) {
    std::size_t n = 0;
    const auto snapshot = *server_->store().snapshot();
    EXPECT_TRUE(snapshot->scan(first, store::after_prefix(first),
                               [&](std::string_view, std::string_view) { return ++n != 0; }));
    return n;
  }
  std::unique_ptr<TestServer> server_ = TestServer::ready();
};

TEST_F(System, PoliciesAreWrittenUnderCheckAndSet) {
  EXPECT_EQ(policy("p", R"(,"cas":1)").status, 400) << "there is none";
  EXPECT_EQ(policy("p", R"(,"cas":0)").status, 204);
  EXPECT_EQ(policy("p", R"(,"cas":0)").status, 400) << "there is one";
  EXPECT_EQ(policy("p", R"(,"cas":1)").status, 204);
  EXPECT_EQ(server_->root("GET", "sys/policies/acl/p").text("data/version"), "2");
  EXPECT_EQ(policy("p").status, 204) << "nobody asked for cas";
  EXPECT_EQ(policy("p", R"(,"cas_required":true)").status, 204);
  EXPECT_EQ(policy("p").status, 400) << "now it is asked for";
  EXPECT_EQ(policy("P", R"(,"cas":4)").status, 204) << "names fold";
  EXPECT_EQ(server_->root("GET", "sys/policies/acl/p").text("data/version"), "5");
}

TEST_F(System, TheDefaultPolicyStaysAndRootIsNobodysToWrite) {
  EXPECT_EQ(server_->root("DELETE", "sys/policies/acl/default").status, 400);
  EXPECT_EQ(policy("root").status, 400);
  EXPECT_EQ(policy("response-wrapping").status, 400);
  EXPECT_EQ(server_->root("DELETE", "sys/policies/acl/nonesuch").status, 204);
  EXPECT_EQ(server_->root("GET", "sys/policies/acl/nonesuch").status, 404);
  const auto names = server_->root("LIST", "sys/policies/acl").texts("data/keys");
  EXPECT_EQ(names, (std::vector<std::string>{"default", "root"}));
}

TEST_F(System, MountsSayWhatIsWrong) {
  const std::pair<std::string, std::string> refused[] = {
      {"secret", R"({"type":"kv"})"},
      {"secret/deeper", R"({"type":"kv"})"},
      {"sys/x", R"({"type":"kv"})"},
      {"auth/x", R"({"type":"kv"})"},
      {"cubbyhole", R"({"type":"kv"})"},
      {"new", R"({})"},
      {"new", R"({"type":"nonesuch"})"},
      {"new", R"({"type":"system"})"},
      {"new", R"({"type":"kv","options":{"version":"3"}})"},
      {"new", R"({"type":"kv","config":{"default_lease_ttl":"2h","max_lease_ttl":"1h"}})"},
      {"new", R"({"type":"kv","config":{"default_lease_ttl":"soon"}})"},
      {"new", R"({"type":"kv","config":{"listing_visibility":"all"}})"},
      {"new", R"({"type":"kv","config":{"plugin_version":"v1"}})"}};
  for (const auto& [path, body] : refused) {
    const auto a = server_->root("POST", "sys/mounts/" + path, body);
    EXPECT_EQ(a.status, 400) << path << " " << body << " " << a.body;
    EXPECT_FALSE(a.error().empty());
  }
  EXPECT_EQ(server_->root("DELETE", "sys/mounts/sys").status, 400);
  EXPECT_EQ(server_->root("DELETE", "sys/mounts/auth/token").status, 400);
  EXPECT_EQ(server_->root("DELETE", "sys/mounts/nonesuch").status, 204);
  EXPECT_EQ(server_->root("POST", "sys/mounts/nonesuch/tune", R"({"description":"x"})").status, 400);
  EXPECT_EQ(server_->root("POST", "sys/mounts/sys/tune", R"({"description":"x"})").status, 400);
}

TEST_F(System, TwoMountsMadeAtOnceOverlapNever) {
  // Each enables in its own transaction; whoever comes second is told.
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      if (server_->root("POST", "sys/mounts/same", R"({"type":"kv"})").ok()) ++made;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(made, 1);
}

TEST_F(System, AnUnmountedEnginesDataIsGoneAndItsPathIsFree) {
  for (int i = 0; i < 30; ++i)
    server_->root("POST", fmt::format("secret/data/x/{}", i), R"({"data":{"v":"old"}})");
  const auto mount = store::table_key(store::kFirstMount);
  EXPECT_GT(keys_of(mount), 30u);
  EXPECT_EQ(server_->root("DELETE", "sys/mounts/secret").status, 204);
  EXPECT_EQ(server_->root("GET", "secret/data/x/1").status, 404);
  server_->core().tick();
  EXPECT_EQ(keys_of(mount), 0u);
  EXPECT_EQ(keys_of(store::table_key(store::Table::directory) + mount), 0u);
  EXPECT_EQ(server_->root("POST", "sys/mounts/secret", R"({"type":"kv","options":{"version":"2"}})").status,
            204);
  EXPECT_EQ(server_->root("GET", "secret/data/x/1").status, 404) << "the old data does not come back";
  EXPECT_EQ(server_->root("LIST", "secret/metadata").status, 404);
  EXPECT_TRUE(server_->core().verify_store()->verified);
}

TEST_F(System, ErasingAnUnmountedEngineGoesOnAfterACrash) {
  for (int i = 0; i < 10; ++i)
    server_->root("POST", fmt::format("secret/data/x/{}", i), R"({"data":{"v":"old"}})");
  EXPECT_EQ(server_->root("DELETE", "sys/mounts/secret").status, 204);
  server_->crash(3);
  ASSERT_TRUE(server_->start());
  ASSERT_EQ(server_->unseal().status, 200);
  EXPECT_EQ(server_->root("GET", "secret/data/x/1").status, 404);
  server_->core().tick();
  EXPECT_EQ(keys_of(store::table_key(store::kFirstMount)), 0u);
  EXPECT_TRUE(server_->core().verify_store()->verified);
}

TEST_F(System, CapabilitiesAreWhatRequestsThenMeet) {
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["read","update"] }
                          path "secret/data/b" { capabilities = ["deny"] }
                          path "secret/metadata/*" { capabilities = ["list"] })");
  const auto token = server_->token_with(R"(["p"])");
  const auto self = as(token, "POST", "sys/capabilities-self",
                       R"({"paths":["secret/data/a","secret/data/b","secret/data/c","secret/metadata/x"]})");
  EXPECT_EQ(self.texts("data/secret\x2f"
                       "data"),
            std::vector<std::string>{})
      << "keys hold slashes";
  EXPECT_NE(self.body.find(R"("secret/data/a":["read","update"])"), std::string::npos) << self.body;
  EXPECT_NE(self.body.find(R"("secret/data/b":["deny"])"), std::string::npos);
  EXPECT_NE(self.body.find(R"("secret/data/c":["deny"])"), std::string::npos);
  EXPECT_NE(self.body.find(R"("secret/metadata/x":["list"])"), std::string::npos);
  const auto other = server_->root("POST", "sys/capabilities",
                                   fmt::format(R"({{"token":"{}","paths":["secret/data/a"]}})", token));
  EXPECT_EQ(other.texts("data/capabilities"), (std::vector<std::string>{"read", "update"}));
  const auto accessor = as(token, "GET", "auth/token/lookup-self").text("data/accessor");
  const auto by = server_->root("POST", "sys/capabilities-accessor",
                                fmt::format(R"({{"accessor":"{}","paths":["secret/data/a"]}})", accessor));
  EXPECT_EQ(by.texts("data/capabilities"), (std::vector<std::string>{"read", "update"}));
  EXPECT_EQ(server_->root("POST", "sys/capabilities-self", R"({"paths":["secret/data/a"]})")
                .texts("data/capabilities"),
            std::vector<std::string>{"root"});
  EXPECT_EQ(server_->root("POST", "sys/capabilities", R"({"token":"hvs.none","paths":["x"]})").status, 400);
  EXPECT_EQ(server_->root("POST", "sys/capabilities-self", R"({"paths":["../x"]})").status, 400);
}

TEST_F(System, AnAnswerThatIsTooLongForTheLoopIsReadOnceMoreAndCountsOnce) {
  server_->policy("large", R"(path "secret/data/large" { capabilities = ["create", "read"] })");
  const auto token = server_->token_with(R"(["large"])", R"("num_uses":3)");
  std::string body = R"({"data":{"v":[0)";
  for (int i = 0; i < 9000; ++i) body += ",0";
  body += R"(],"text":")" + std::string(100'000, 'x') + "\"}}";
  ASSERT_EQ(server_->call("POST", "secret/data/large", body, token).status, 200);
  const auto got = server_->call("GET", "secret/data/large", "", token);
  ASSERT_EQ(got.status, 200);
  EXPECT_EQ(got.text("data/data/text").size(), 100'000u);
  const auto records = server_->records();
  EXPECT_EQ(std::ranges::count_if(records, [&](const auto& r) { return r.record.request_id == got.id; }), 1);
  EXPECT_EQ(server_->call("GET", "secret/data/large", "", token).status, 200);
  EXPECT_EQ(server_->call("GET", "secret/data/large", "", token).status, 403);
}

TEST_F(System, WhatIsLongIsDoneByAWorkerAndWhatIsShortIsNot) {
  const auto jobs_for = [&](const std::string& method, const std::string& target,
                            const std::string& body = {}) {
    const std::size_t before = server_->worker_jobs();
    const auto answer = server_->root(method, target, body);
    EXPECT_TRUE(answer.ok()) << answer.body.substr(0, 200);
    return server_->worker_jobs() - before;
  };
  const auto text = [](std::size_t bytes) {
    const std::string half(bytes / 2, 'x');
    return R"({"data":{"a":")" + half + R"(","b":")" + half + "\"}}";
  };
  const auto list = [](std::size_t values) {
    std::string body = R"({"data":{"a":[0)";
    for (std::size_t i = 1; i < values; ++i) body += ",0";
    return body + "]}}";
  };
  EXPECT_EQ(jobs_for("POST", "secret/data/text", text(1'000)), 0u);
  EXPECT_EQ(jobs_for("GET", "secret/data/text"), 0u);
  EXPECT_EQ(jobs_for("POST", "secret/data/text", text(100'000)), 0u);
  EXPECT_EQ(jobs_for("GET", "secret/data/text"), 1u) << "much to hash for the record";
  EXPECT_EQ(jobs_for("POST", "kv/text", text(1'000'000)), 0u);
  EXPECT_EQ(jobs_for("POST", "kv/text", text(1'100'000)), 1u) << "much to read";
  EXPECT_EQ(jobs_for("POST", "secret/data/list", list(4'000)), 0u);
  EXPECT_EQ(jobs_for("POST", "secret/data/list", list(4'200)), 1u) << "many values";
}

TEST_F(System, AUseIsSpentByDenialsAndErrorsToo) {
  server_->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["read","create","update"] })");
  const auto token = server_->token_with(R"(["p"])", R"("num_uses":4)");
  EXPECT_EQ(as(token, "GET", "secret/data/other").status, 403);
  EXPECT_EQ(as(token, "POST", "secret/data/a", R"({"data":{},"options":{"cas":77}})").status, 400);
  EXPECT_EQ(as(token, "GET", "secret/data/a?version=abc").status, 400);
  EXPECT_EQ(as(token, "GET", "secret/data/a").status, 200);
  EXPECT_EQ(as(token, "GET", "secret/data/a").status, 403) << "all four are spent";
  EXPECT_EQ(server_->root("GET", "secret/data/a").text("data/metadata/version"), "1");
}

TEST_F(System, ATokenWithLimitedUsesMakesNoChildren) {
  const auto token = server_->token_with(R"(["root"])", R"("num_uses":5)");
  EXPECT_EQ(as(token, "POST", "auth/token/create", "{}").status, 400);
}

TEST_F(System, ChildrenHaveAtMostTheirParentsPolicies) {
  server_->policy("maker", R"(path "auth/token/create" { capabilities = ["update"] })");
  server_->policy("other", R"(path "secret/*" { capabilities = ["read"] })");
  const auto token = server_->token_with(R"(["maker"])");
  EXPECT_EQ(as(token, "POST", "auth/token/create", R"({"policies":["other"]})").status, 400);
  EXPECT_EQ(as(token, "POST", "auth/token/create", R"({"policies":["root"]})").status, 400);
  EXPECT_EQ(as(token, "POST", "auth/token/create", R"({"policies":["maker"],"no_parent":true})").status, 400);
  EXPECT_EQ(as(token, "POST", "auth/token/create", R"({"id":"chosen","policies":["maker"]})").status, 400);
  EXPECT_EQ(as(token, "POST", "auth/token/create-orphan", R"({"policies":["maker"]})").status, 403);
  const auto child = as(token, "POST", "auth/token/create", "{}");
  EXPECT_EQ(child.texts("auth/policies"), (std::vector<std::string>{"default", "maker"}));
}

TEST_F(System, ARevokedTokensChildrenAreRevokedWithIt) {
  const auto parent = server_->token_with(R"(["root"])");
  const auto child = as(parent, "POST", "auth/token/create", "{}").text("auth/client_token");
  const auto orphan = as(parent, "POST", "auth/token/create-orphan", "{}").text("auth/client_token");
  EXPECT_EQ(as(parent, "POST", "auth/token/revoke-self").status, 204);
  EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").status, 403);
  EXPECT_EQ(as(orphan, "GET", "auth/token/lookup-self").status, 200);
  const auto before = keys_of(store::table_key(store::Table::token));
  server_->core().tick();
  EXPECT_EQ(keys_of(store::table_key(store::Table::token)), before - 1);
}

TEST_F(System, ExpiredTokensAreErasedAndThatIsRecorded) {
  const auto token = server_->token_with(R"(["default"])", R"("ttl":"60s")");
  EXPECT_EQ(as(token, "GET", "auth/token/lookup-self").status, 200);
  server_->clock.advance(Seconds(61));
  EXPECT_EQ(as(token, "GET", "auth/token/lookup-self").status, 403);
  server_->core().tick();
  bool recorded = false;
  for (const auto& r : server_->records())
    recorded |= r.record.what == audit::What::server && r.record.operation == "expire" && r.record.count == 1;
  EXPECT_TRUE(recorded);
}

TEST_F(System, KeysThatAMountNamesStayReadableInTheLog) {
  EXPECT_EQ(
      server_
          ->root("POST", "sys/mounts/kv/tune",
                 R"({"audit_non_hmac_request_keys":["owner"],"audit_non_hmac_response_keys":["owner"]})")
          .status,
      204);
  server_->root("POST", "kv/a", R"({"owner":"blue-team-4711","p":"hidden-4712"})");
  server_->root("GET", "kv/a");
  std::size_t readable = 0;
  for (const auto& r : server_->records()) {
    const auto bytes = audit::encode(r.record);
    EXPECT_EQ(bytes.find("hidden-4712"), std::string::npos);
    readable += bytes.find("blue-team-4711") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(readable, 2u);
}

TEST_F(System, NoMountsKeysShowACredentialInTheLog) {
  const auto* all = R"({"audit_non_hmac_request_keys":["token","id","otp","display_name"],
                        "audit_non_hmac_response_keys":["token","id","otp","display_name"]})";
  ASSERT_EQ(server_->root("POST", "sys/auth/token/tune", all).status, 204);
  ASSERT_EQ(server_->root("POST", "sys/mounts/sys/tune", all).status, 204);
  const auto token =
      server_->root("POST", "auth/token/create", R"({"id":"chosen-4713","display_name":"shown-4714"})")
          .text("auth/client_token");
  const auto body = "{\"token\":\"" + token + "\"}";
  ASSERT_EQ(server_->root("POST", "auth/token/lookup", body).status, 200);
  ASSERT_EQ(server_->root("POST", "sys/capabilities", R"({"path":"a",)" + body.substr(1)).status, 200);
  const auto otp = server_->root("PUT", "sys/generate-root-token/attempt", "{}").text("data/otp");
  ASSERT_FALSE(otp.empty());
  bool shown = false;
  for (const auto& r : server_->records()) {
    const auto bytes = audit::encode(r.record);
    EXPECT_EQ(bytes.find(token), std::string::npos) << r.record.path;
    EXPECT_EQ(bytes.find(otp), std::string::npos) << r.record.path;
    shown |= bytes.find("shown-4714") != std::string::npos;
  }
  EXPECT_TRUE(shown) << "what is no credential is shown as before";
}

TEST_F(System, WhatThereIsNotIsToldToThosePermittedOnly) {
  server_->policy("p", R"(path "nowhere/*" { capabilities = ["read"] })");
  const auto token = server_->token_with(R"(["p"])");
  EXPECT_EQ(as(token, "GET", "nowhere/x").status, 404);
  EXPECT_EQ(as(token, "GET", "elsewhere/x").status, 403);
  EXPECT_EQ(as("", "GET", "nowhere/x").status, 403);
  EXPECT_EQ(server_->root("POST", "sys/health").status, 405);
  EXPECT_EQ(server_->root("DELETE", "auth/token/create").status, 405);
}

TEST_F(System, AWrongShareUnsealsNothingAndTheRightOneStillDoes) {
  ASSERT_EQ(server_->root("PUT", "sys/seal").status, 204);
  EXPECT_EQ(server_->call("PUT", "sys/unseal", fmt::format(R"({{"key":"{:064x}"}})", 7)).status, 400);
  EXPECT_TRUE(server_->core().sealed());
  EXPECT_EQ(server_->call("PUT", "sys/unseal", R"({"key":"zz"})").status, 400);
  EXPECT_EQ(server_->call("PUT", "sys/unseal", "{}").status, 400);
  EXPECT_EQ(server_->unseal().status, 200);
  EXPECT_EQ(server_->root("GET", "sys/mounts").status, 200);
}

TEST(SystemShamir, ThresholdSharesUnsealAndProgressIsShown) {
  TestServer::Options options;
  options.shares = 5;
  options.threshold = 3;
  TestServer server(options);
  ASSERT_TRUE(server.start());
  ASSERT_EQ(server.init().status, 200);
  ASSERT_EQ(server.shares().size(), 5u);
  const auto give = [&](std::size_t i) {
    return server.call("PUT", "sys/unseal", "{\"key\":\"" + server.shares()[i] + "\"}");
  };
  EXPECT_EQ(give(4).text("progress"), "1");
  EXPECT_EQ(give(4).text("progress"), "1") << "the same again does not count";
  EXPECT_EQ(server.call("GET", "sys/seal-status").text("progress"), "1");
  EXPECT_EQ(give(1).text("progress"), "2");
  EXPECT_EQ(server.call("PUT", "sys/unseal", R"({"reset":true})").text("progress"), "0");
  give(0);
  give(2);
  EXPECT_EQ(give(3).text("sealed"), "false");
  EXPECT_EQ(server.init().status, 400) << "initialised already";
}

TEST(SystemTime, AWallClockThatIsSetBackBringsNoExpiredTokenBackAfterARestart) {
  auto server = TestServer::ready();
  const auto token = server->token_with(R"(["default"])", R"("ttl":"60s")");
  server->clock.advance(Seconds(61));
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403);
  ASSERT_TRUE(server->restart());
  ASSERT_EQ(server->unseal().status, 200);
  server->clock.step_wall(Seconds(-3600));
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403);
}

// The record went with the use of the token, and that lost a race.
TEST(Sealing, HasItsRecordThoughOthersUseUpTheSameToken) {
  auto server = TestServer::ready();
  server->policy("op", R"(path "*" { capabilities = ["read","update","sudo"] })");
  constexpr int kRounds = 8;
  for (int round = 0; round < kRounds; ++round) {
    const auto token = server->token_with(R"(["op"])", R"("num_uses":100000)");
    std::vector<std::thread> crowd;
    for (int i = 0; i < 3; ++i)
      crowd.emplace_back([&] {
        while (server->call("GET", "auth/token/lookup-self", {}, token).ok()) {
        }
      });
    EXPECT_EQ(server->call("PUT", "sys/seal", {}, token).status, 204);
    for (auto& t : crowd) t.join();
    ASSERT_EQ(server->unseal().status, 200);
  }
  int seals = 0;
  for (const auto& r : server->records()) seals += r.record.path == "sys/seal" ? 1 : 0;
  EXPECT_EQ(seals, kRounds);
}

// Server time followed the wall clock back while the process ran.
TEST(SystemTime, AWallClockThatIsSetBackBringsNoExpiredTokenBackWhileTheServerRuns) {
  auto server = TestServer::ready();
  const auto token = server->token_with(R"(["default"])", R"("ttl":"60s")");
  server->clock.advance(Seconds(61));
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403);
  server->clock.step_wall(Seconds(-3600));
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403);
}

// Somebody set the clock far ahead and back again: nothing ended until it had caught up.
TEST(SystemTime, GoesOnAtItsPaceWhenTheWallClockWasSetBack) {
  auto server = TestServer::ready();
  server->clock.step_wall(std::chrono::hours(24 * 3650));
  ASSERT_TRUE(server->restart());
  ASSERT_EQ(server->unseal().status, 200);
  server->clock.step_wall(-std::chrono::hours(24 * 3650));
  for (int life = 0; life < 2; ++life) {
    const auto token = server->token_with(R"(["default"])", R"("type":"batch","ttl":"60s")");
    server->clock.advance(Seconds(59));
    EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 200) << life;
    server->clock.advance(Seconds(2));
    EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403) << life;
    server->core().tick();
    ASSERT_TRUE(server->restart());
    ASSERT_EQ(server->unseal().status, 200);
    EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403) << life;
  }
}

}  // namespace
}  // namespace strongroom::testkit
