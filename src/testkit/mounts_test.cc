// Moving mounts, tuning what is always mounted, and recursive listings: the whole server.
#include <gtest/gtest.h>

#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

TEST(Remount, MovesAMountWithAllItHoldsInOneCommit) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/a/b", R"({"data":{"k":"v"}})");
  const auto moved = server->root("POST", "sys/remount", R"({"from":"secret","to":"team/secret"})");
  ASSERT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(server->root("GET", "team/secret/data/a/b").text("data/data/k"), "v");
  EXPECT_EQ(server->root("LIST", "team/secret/metadata/a").texts("data/keys"), std::vector<std::string>{"b"});
  EXPECT_EQ(server->root("GET", "secret/data/a/b").status, 404);
  const auto status = server->root("GET", "sys/remount/status/" + moved.text("data/migration_id"));
  EXPECT_EQ(status.text("data/migration_info/status"), "success");
  EXPECT_EQ(status.text("data/migration_info/target_mount"), "team/secret/");
  server->crash(3);
  ASSERT_TRUE(server->start());
  server->unseal();
  EXPECT_EQ(server->root("GET", "team/secret/data/a/b").text("data/data/k"), "v");
}

TEST(Remount, NeedsRightsAtBothEnds) {
  const auto server = TestServer::ready();
  const auto tried = [&](const char* policy) {
    server->policy("mover", policy);
    return server
        ->call("POST", "sys/remount", R"({"from":"secret","to":"open"})", server->token_with(R"(["mover"])"))
        .status;
  };
  EXPECT_EQ(tried(R"(path "sys/remount" { capabilities=["update"] })"), 403);
  EXPECT_EQ(tried(R"(path "sys/remount" { capabilities=["update","sudo"] })"), 403);
  EXPECT_EQ(tried(R"(path "sys/remount" { capabilities=["update","sudo"] }
                     path "sys/mounts/secret" { capabilities=["delete"] })"),
            403);
  EXPECT_EQ(tried(R"(path "sys/remount" { capabilities=["update","sudo"] }
                     path "sys/mounts/open" { capabilities=["create","update"] })"),
            403);
  EXPECT_EQ(tried(R"(path "sys/remount" { capabilities=["update","sudo"] }
                     path "sys/mounts/secret" { capabilities=["delete"] }
                     path "sys/mounts/open" { capabilities=["update"] })"),
            200);
}

TEST(Remount, RefusesWhatCannotMove) {
  const auto server = TestServer::ready();
  for (const auto* body :
       {R"({"from":"sys","to":"x"})", R"({"from":"secret","to":"sys/x"})",
        R"({"from":"auth/token","to":"auth/x"})", R"({"from":"secret","to":"auth/x"})",
        R"({"from":"secret","to":"kv"})", R"({"from":"secret","to":"secret/x"})",
        R"({"from":"none","to":"x"})", R"({"from":"secret"})", R"({"from":"secret","to":"a/../b"})",
        R"({"from":"secret","to":""})", R"({"from":"cubbyhole","to":"c"})"}) {
    const auto a = server->root("POST", "sys/remount", body);
    EXPECT_EQ(a.status, 400) << body << a.body;
  }
  EXPECT_EQ(server->root("GET", "sys/mounts/secret").status, 200);
}

TEST(Tune, WhatIsAlwaysMountedKeepsItsTuningOverARestart) {
  const auto server = TestServer::ready();
  EXPECT_EQ(server->root("POST", "sys/auth/token/tune", R"({"max_lease_ttl":"2h","default_lease_ttl":"1h"})")
                .status,
            204);
  EXPECT_EQ(
      server->root("POST", "auth/token/create", R"({"policies":["default"]})").find("auth/lease_duration"),
      "3600");
  server->crash(4);
  ASSERT_TRUE(server->start());
  server->unseal();
  EXPECT_EQ(
      server->root("POST", "auth/token/create", R"({"policies":["default"]})").find("auth/lease_duration"),
      "3600");
  EXPECT_EQ(server->root("GET", "sys/auth/token/tune").find("data/max_lease_ttl"), "7200");
  EXPECT_EQ(server->root("POST", "sys/mounts/sys/tune", R"({"description":"x"})").status, 400);
  EXPECT_EQ(server->root("POST", "sys/mounts/sys/tune", R"({"audit_non_hmac_request_keys":"path"})").status,
            204);
}

// D01: found by the fuzzer of whole requests.
TEST(Tune, WhatSomebodyWroteIsHashedInTheLogWhenItIsRead) {
  const auto server = TestServer::ready();
  const std::string canary = "canary-4f81";
  const auto list = "\"" + canary + "\"";
  ASSERT_EQ(
      server
          ->root("POST", "sys/mounts/kv/tune",
                 R"({"description":)" + list + R"(,"allowed_response_headers":[)" + list +
                     R"(],"passthrough_request_headers":[)" + list + R"(],"audit_non_hmac_request_keys":[)" +
                     list + R"(],"audit_non_hmac_response_keys":[)" + list + "]}")
          .status,
      204);
  for (const auto* path : {"sys/mounts", "sys/mounts/kv", "sys/mounts/kv/tune", "sys/internal/ui/mounts"})
    EXPECT_NE(server->root("GET", path).body.find(canary), std::string::npos) << path;
  for (const auto& r : server->records())
    EXPECT_EQ(audit::encode(r.record).find(canary), std::string::npos)
        << r.record.operation << " " << r.record.path;
}

TEST(Scan, NamesAllBelowAFolderInOrder) {
  const auto server = TestServer::ready();
  for (const auto* path : {"a", "a-b", "a/b/c", "a/b/d", "a/x", "z/z"})
    ASSERT_EQ(server->root("POST", std::string("secret/data/") + path, R"({"data":{"k":"v"}})").status, 200);
  const std::vector<std::string> all{"a", "a-b", "a/b/c", "a/b/d", "a/x", "z/z"};
  EXPECT_EQ(server->root("SCAN", "secret/metadata/").texts("data/keys"), all);
  EXPECT_EQ(server->root("GET", "secret/metadata?scan=true").texts("data/keys"), all);
  EXPECT_EQ(server->root("SCAN", "secret/metadata/a").texts("data/keys"),
            (std::vector<std::string>{"b/c", "b/d", "x"}));
  // Pages come to the whole, wherever they are cut.
  for (const auto* limit : {"1", "2", "3"}) {
    std::vector<std::string> joined;
    std::string after;
    for (;;) {
      const auto page =
          server->root("SCAN", "secret/metadata/?limit=" + std::string(limit) + "&after=" + after)
              .texts("data/keys");
      if (page.empty()) break;
      joined.insert(joined.end(), page.begin(), page.end());
      after = page.back();
    }
    EXPECT_EQ(joined, all) << limit;
  }
  EXPECT_EQ(server->root("SCAN", "secret/metadata/none").status, 200);
  EXPECT_EQ(server->root("SCAN", "secret/detailed-metadata/a").find("data/key_info/x/current_version"), "1");
}

TEST(Scan, NeedsItsOwnCapability) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/a/b", R"({"data":{"k":"v"}})");
  server->policy("lister", R"(path "secret/metadata/*" { capabilities=["list","read"] })");
  const auto token = server->token_with(R"(["lister"])");
  EXPECT_EQ(server->call("SCAN", "secret/metadata/", {}, token).status, 403);
  EXPECT_EQ(server->call("GET", "secret/metadata/?scan=true", {}, token).status, 403);
  EXPECT_EQ(server->root("GET", "secret/metadata/?scan=true&list=true").status, 400);
  server->policy("lister", R"(path "secret/metadata/*" { capabilities=["scan"] })");
  EXPECT_EQ(server->call("SCAN", "secret/metadata/", {}, token).status, 200);
  EXPECT_EQ(server->call("LIST", "secret/metadata/", {}, token).status, 403);
}

}  // namespace
}  // namespace strongroom::testkit
