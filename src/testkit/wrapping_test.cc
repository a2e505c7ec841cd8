// Response wrapping and cubbyholes, as clients meet them and as attackers would like them.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "store/tables.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

Answer wrapped(TestServer& server, const std::string& method, const std::string& target,
               const std::string& body = {}, const std::string& ttl = "60", const std::string& token = {}) {
  Ask ask;
  ask.method = method;
  ask.target = target;
  ask.body = body;
  ask.wrap_ttl = ttl;
  ask.token = token.empty() ? server.root_token() : token;
  return server.send(std::move(ask));
}
std::string wrap(TestServer& server, const std::string& body = R"({"a":"canary-inside"})") {
  return wrapped(server, "POST", "sys/wrapping/wrap", body).text("wrap_info/token");
}
Answer unwrap(TestServer& server, const std::string& wrapping) {
  return server.root("POST", "sys/wrapping/unwrap", R"({"token":")" + wrapping + R"("})");
}

TEST(Wrapping, GivesWhatWasWrappedOnce) {
  const auto server = TestServer::ready();
  const auto made = wrapped(*server, "POST", "sys/wrapping/wrap", R"({"n":1.10,"a":"b"})", "2m");
  ASSERT_EQ(made.status, 200);
  EXPECT_EQ(made.text("request_id"), "");
  EXPECT_EQ(made.find("wrap_info/ttl"), "120");
  EXPECT_EQ(made.body.find("1.10"), std::string::npos);
  const auto token = made.text("wrap_info/token");
  const auto first = unwrap(*server, token);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.find("data"), R"({"n":1.10,"a":"b"})");
  const auto second = unwrap(*server, token);
  EXPECT_EQ(second.status, 400);
  EXPECT_EQ(second.error(), "wrapping token is not valid or does not exist");
}

TEST(Wrapping, EndsWithItsTime) {
  const auto server = TestServer::ready();
  const auto token = wrap(*server);
  server->clock.advance(Seconds(61));
  EXPECT_EQ(unwrap(*server, token).status, 400);
}

TEST(Wrapping, OutlivesARestart) {
  const auto server = TestServer::ready();
  const auto token = wrap(*server);
  server->crash(7);
  ASSERT_TRUE(server->start());
  server->unseal();
  EXPECT_EQ(unwrap(*server, token).status, 200);
}

// P6, A12: many redeem at once, one succeeds.
TEST(Wrapping, P6_OneOfManyWhoUnwrapAtOnceSucceeds) {
  const auto server = TestServer::ready();
  for (int round = 0; round < 50; ++round) {
    const auto token = wrap(*server);
    std::atomic<int> good = 0;
    std::vector<std::thread> crowd;
    for (int i = 0; i < 8; ++i)
      crowd.emplace_back([&, i] {
        // Half give it in the body, half are it.
        const auto a =
            i % 2 == 0 ? unwrap(*server, token) : server->call("POST", "sys/wrapping/unwrap", {}, token);
        if (a.ok()) ++good;
      });
    for (auto& t : crowd) t.join();
    ASSERT_EQ(good, 1) << "round " << round;
  }
}

TEST(Wrapping, KeepsNeitherRepliesNorTokensInTheOpen) {
  const auto server = TestServer::ready();
  const auto made = wrapped(*server, "POST", "auth/token/create", R"({"policies":["default"]})");
  EXPECT_FALSE(made.find("auth/client_token"));
  EXPECT_FALSE(made.text("wrap_info/wrapped_accessor").empty());
  EXPECT_NE(made.text("wrap_info/wrapped_accessor"), made.text("wrap_info/accessor"));
  const auto inner = unwrap(*server, made.text("wrap_info/token")).text("auth/client_token");
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, inner).status, 200);
}

TEST(Wrapping, WrapsNoRefusalAndNothingEmpty) {
  const auto server = TestServer::ready();
  EXPECT_EQ(wrapped(*server, "GET", "secret/data/none").status, 404);
  EXPECT_EQ(wrapped(*server, "DELETE", "secret/data/none").status, 204);
  EXPECT_EQ(wrapped(*server, "GET", "sys/health").find("initialized"), "true");
  EXPECT_EQ(wrapped(*server, "GET", "sys/mounts").find("secret/"), std::nullopt);
  EXPECT_EQ(wrapped(*server, "GET", "sys/mounts", {}, "-5").status, 400);
  EXPECT_EQ(wrapped(*server, "GET", "sys/mounts", {}, "x").status, 400);
  EXPECT_EQ(server->root("POST", "sys/wrapping/wrap", R"({"a":1})").status, 400);
}

// G03: nobody without a token makes the store keep anything.
TEST(Wrapping, G03_StrangersWrapNothing) {
  const auto server = TestServer::ready();
  const auto before = (*server->store().snapshot())->revision();
  for (const auto* target : {"sys/internal/ui/mounts", "sys/health", "sys/seal-status", "sys/leader"}) {
    Ask ask;
    ask.target = target;
    ask.wrap_ttl = "60";
    const auto a = server->send(std::move(ask));
    EXPECT_TRUE(a.ok()) << target;
    EXPECT_FALSE(a.find("wrap_info/token")) << target;
  }
  EXPECT_EQ((*server->store().snapshot())->revision(), before);
}

TEST(Wrapping, ATokenOfItsOwnUnwrapsAndDoesNothingElse) {
  const auto server = TestServer::ready();
  const auto token = wrap(*server);
  EXPECT_EQ(server->call("GET", "sys/wrapping/lookup", {}, token).text("data/creation_path"),
            "sys/wrapping/wrap");
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, token).status, 403);
  EXPECT_EQ(unwrap(*server, token).status, 400) << "the attempt used it up";
  const auto other = wrap(*server);
  EXPECT_EQ(server->call("POST", "sys/wrapping/unwrap", {}, other).status, 200);
  EXPECT_EQ(unwrap(*server, server->root_token()).status, 400);
  EXPECT_EQ(server->call("POST", "sys/wrapping/unwrap", {}, server->root_token()).status, 400);
}

TEST(Wrapping, RewrapKeepsThePathAndEndsTheOldToken) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/x", R"({"data":{"k":"v"}})");
  const auto old = wrapped(*server, "GET", "secret/data/x").text("wrap_info/token");
  const auto fresh = server->root("POST", "sys/wrapping/rewrap", R"({"token":")" + old + R"("})");
  EXPECT_EQ(fresh.text("wrap_info/creation_path"), "secret/data/x");
  EXPECT_EQ(unwrap(*server, old).status, 400);
  EXPECT_EQ(unwrap(*server, fresh.text("wrap_info/token")).text("data/data/k"), "v");
}

TEST(Wrapping, PolicyMayDemandIt) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/x", R"({"data":{"k":"v"}})");
  server->policy(
      "must",
      R"(path "secret/data/x" { capabilities=["read"] min_wrapping_ttl="10s" max_wrapping_ttl="1m" })");
  const auto token = server->token_with(R"(["must"])");
  EXPECT_EQ(server->call("GET", "secret/data/x", {}, token).status, 403);
  EXPECT_EQ(wrapped(*server, "GET", "secret/data/x", {}, "5", token).status, 403);
  EXPECT_EQ(wrapped(*server, "GET", "secret/data/x", {}, "61", token).status, 403);
  EXPECT_EQ(wrapped(*server, "GET", "secret/data/x", {}, "30", token).status, 200);
}

TEST(Wrapping, NothingOfItIsLeftWhenItsTokenIsGone) {
  const auto server = TestServer::ready();
  const auto keys = [&] {
    std::size_t n = 0;
    auto snapshot = server->store().snapshot();
    const auto table = store::table_key(store::Table::cubbyhole);
    EXPECT_TRUE((*snapshot)->scan(table, store::after_prefix(table), [&](auto, auto) {
      ++n;
      return true;
    }));
    return n;
  };
  const auto expiring = wrap(*server);
  const auto revoked = wrapped(*server, "GET", "sys/mounts").text("wrap_info/accessor");
  const auto owner = server->token_with(R"(["default"])");
  EXPECT_EQ(server->call("POST", "cubbyhole/a/b", R"({"k":1})", owner).status, 204);
  EXPECT_EQ(keys(), 3u);
  server->root("POST", "auth/token/revoke-accessor", R"({"accessor":")" + revoked + R"("})");
  server->root("POST", "auth/token/revoke", R"({"token":")" + owner + R"("})");
  server->clock.advance(Seconds(61));
  server->core().tick();
  EXPECT_EQ(keys(), 0u);
}

std::string wrapped_in_jwt(TestServer& server) {
  Ask ask;
  ask.method = "POST";
  ask.target = "sys/wrapping/wrap";
  ask.body = R"({"a":"b"})";
  ask.wrap_ttl = "60";
  ask.wrap_format = "jwt";
  ask.token = server.root_token();
  return server.send(ask).text("wrap_info/token");
}

TEST(Wrapping, AJwtHoldsTheTokenAndOnlyOursCount) {
  const auto server = TestServer::ready();
  const auto jwt = wrapped_in_jwt(*server);
  ASSERT_EQ(std::ranges::count(jwt, '.'), 2);
  EXPECT_EQ(server->root("POST", "sys/wrapping/lookup", R"({"token":")" + jwt + R"("})").status, 200);
  // Not the last letters: some of their bits do not count.
  for (std::size_t at = 0; at + 4 < jwt.size(); at += 7) {
    auto forged = jwt;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(unwrap(*server, forged).status, 400) << at;
  }
  for (const auto* bad : {"eyJ", "eyJ.", "eyJ..", "eyJ.e30.", "eyJhbGciOiJub25lIn0.e30.AAAA"})
    EXPECT_EQ(unwrap(*server, bad).status, 400) << bad;
  EXPECT_EQ(unwrap(*server, jwt).text("data/a"), "b");
  EXPECT_EQ(unwrap(*server, jwt).status, 400);
}

TEST(Wrapping, WhoHasOnlyAJwtUnwrapsWithIt) {
  const auto server = TestServer::ready();
  const auto jwt = wrapped_in_jwt(*server);
  EXPECT_EQ(server->call("GET", "sys/wrapping/lookup", {}, jwt).status, 200);
  // Nowhere else is it a token.
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, jwt).status, 403);
  EXPECT_EQ(server->call("GET", "cubbyhole/response", {}, jwt).status, 403);
  auto forged = jwt;
  forged[jwt.size() / 2] = forged[jwt.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(server->call("POST", "sys/wrapping/unwrap", {}, forged).status, 403);
  EXPECT_EQ(server->call("POST", "sys/wrapping/unwrap", {}, jwt).text("data/a"), "b");
  EXPECT_EQ(server->call("POST", "sys/wrapping/unwrap", {}, jwt).status, 403);
}

TEST(Wrapping, WhatIsUnwrappedLeavesWrappedWhenThatIsAskedFor) {
  const auto server = TestServer::ready();
  const auto token = wrap(*server);
  Ask ask;
  ask.method = "POST";
  ask.target = "sys/wrapping/unwrap";
  ask.body = R"({"token":")" + token + R"("})";
  ask.wrap_ttl = "30";
  ask.token = server->root_token();
  const auto again = server->send(ask);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body.find("canary-inside"), std::string::npos);
  EXPECT_EQ(again.text("wrap_info/creation_path"), "sys/wrapping/unwrap");
  EXPECT_EQ(again.find("wrap_info/ttl"), "30");
  EXPECT_EQ(unwrap(*server, token).status, 400);
  EXPECT_NE(unwrap(*server, again.text("wrap_info/token")).body.find("canary-inside"), std::string::npos);
}

TEST(Cubbyhole, BelongsToItsTokenAlone) {
  const auto server = TestServer::ready();
  const auto a = server->token_with(R"(["default"])");
  const auto b = server->token_with(R"(["default"])");
  EXPECT_EQ(server->call("POST", "cubbyhole/x", R"({"k":12345678901234567890123})", a).status, 204);
  EXPECT_EQ(server->call("GET", "cubbyhole/x", {}, a).find("data/k"), "12345678901234567890123");
  EXPECT_EQ(server->call("GET", "cubbyhole/x", {}, b).status, 404);
  EXPECT_EQ(server->root("GET", "cubbyhole/x").status, 404);
  EXPECT_EQ(server->root("LIST", "cubbyhole/").status, 404);
  EXPECT_EQ(server->call("LIST", "cubbyhole/", {}, a).texts("data/keys"), std::vector<std::string>{"x"});
}

TEST(Cubbyhole, HoldsAThousandRecords) {
  const auto server = TestServer::ready();
  const auto a = server->token_with(R"(["default"])");
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(server->call("POST", "cubbyhole/d/" + std::to_string(i), R"({"k":1})", a).status, 204);
  EXPECT_EQ(server->call("POST", "cubbyhole/one-more", R"({"k":1})", a).status, 400);
  EXPECT_EQ(server->call("POST", "cubbyhole/d/7", R"({"k":2})", a).status, 204)
      << "overwriting is no new record";
  EXPECT_EQ(server->call("LIST", "cubbyhole/d", {}, a).texts("data/keys").size(), 1000u);
}

// P7: what is wrapped is in no log.
TEST(Wrapping, TheLogHasMacsOfWhatIsWrapped) {
  const auto server = TestServer::ready();
  const auto token = wrap(*server);
  unwrap(*server, token);
  for (const auto& r : server->records()) {
    const auto bytes = audit::encode(r.record);
    EXPECT_EQ(bytes.find("canary-inside"), std::string::npos);
    EXPECT_EQ(bytes.find(token), std::string::npos);
  }
}

}  // namespace
}  // namespace strongroom::testkit
