// What no caller may get past: the whole server in process.
#include <gtest/gtest.h>

#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

TEST(Permission, AChildEndsWithItsParentEvenBeforeTheSweep) {
  auto server = TestServer::ready();
  server->policy("maker", R"(path "auth/token/create" { capabilities = ["update"] })");
  const auto parent = server->token_with(R"(["maker"])", R"("ttl":"1h")");
  const auto child =
      server->call("POST", "auth/token/create", R"({"ttl":"30m"})", parent).text("auth/client_token");
  ASSERT_EQ(server->call("GET", "auth/token/lookup-self", "", child).status, 200);
  // A renewal may bring the end nearer than the expiry queue knows.
  ASSERT_EQ(server->call("POST", "auth/token/renew-self", R"({"increment":"10s"})", parent).status, 200);
  server->clock.advance(Seconds(11));
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", "", parent).status, 403);
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", "", child).status, 403);
}

TEST(Permission, TheCaseOfAPolicysNameIsNoWayAroundARule) {
  auto server = TestServer::ready();
  server->policy("admin", R"(path "a" { capabilities = ["read"] })");
  server->policy("editor", R"(
    path "sys/policies/acl/*"     { capabilities = ["create", "read", "update", "delete"] }
    path "sys/policies/acl/admin" { capabilities = ["deny"] }
    path "sys/policy/*"           { capabilities = ["create", "read", "update", "delete"] }
    path "sys/policy/admin"       { capabilities = ["deny"] })");
  const auto token = server->token_with(R"(["editor"])");
  const std::string body = R"({"policy":"path \"*\" { capabilities = [\"sudo\"] }"})";
  for (const std::string at : {"sys/policies/acl/", "sys/policy/"}) {
    EXPECT_EQ(server->call("PUT", at + "Other", body, token).status, 204);
    for (const std::string name : {"admin", "ADMIN", "Admin"}) {
      EXPECT_EQ(server->call("GET", at + name, "", token).status, 403) << at << name;
      EXPECT_EQ(server->call("PUT", at + name, body, token).status, 403) << at << name;
      EXPECT_EQ(server->call("DELETE", at + name, "", token).status, 403) << at << name;
    }
  }
  EXPECT_EQ(server->root("GET", "sys/policies/acl/ADMIN").status, 200);
}

TEST(Permission, AChildHasNothingItsParentLacksNotEvenDefault) {
  auto server = TestServer::ready();
  server->policy("maker", R"(path "auth/token/create" { capabilities = ["update"] })");
  const auto parent = server->token_with(R"(["maker"])", R"("no_default_policy":true)");
  EXPECT_EQ(server->call("POST", "auth/token/create", R"({"policies":["default","maker"]})", parent).status,
            400);
  const auto child = server->call("POST", "auth/token/create", "{}", parent);
  EXPECT_EQ(child.texts("auth/policies"), std::vector<std::string>{"maker"});
}

TEST(Permission, SpaceAroundAPolicysNameIsNotPartOfIt) {
  auto server = TestServer::ready();
  const auto made = server->root("POST", "auth/token/create", R"({"policies":["\troot\n"]})");
  EXPECT_EQ(made.texts("auth/policies"), std::vector<std::string>{"root"});
}

TEST(Permission, ANameWithALineEndIsNotTwoPolicies) {
  auto server = TestServer::ready();
  server->policy("a", R"(path "secret/data/x" { capabilities = ["read"] })");
  server->policy("b", R"(path "secret/data/y" { capabilities = ["read"] })");
  ASSERT_EQ(server->root("POST", "secret/data/y", R"({"data":{"p":"one"}})").status, 200);
  const auto both = server->token_with(R"(["a","b"])", R"("no_default_policy":true)");
  EXPECT_EQ(server->call("GET", "secret/data/y", "", both).status, 200);
  const auto odd = server->token_with(R"(["a\nb"])", R"("no_default_policy":true)");
  EXPECT_EQ(server->call("GET", "secret/data/y", "", odd).status, 403);
}

TEST(Policies, AChangeOfAPartKeepsTheRestAndMindsItsVersion) {
  auto server = TestServer::ready();
  server->policy("team/a", R"(path "x" { capabilities = ["read"] })");
  EXPECT_EQ(server->root("PATCH", "sys/policies/acl/team/a", R"({"cas_required":true})").status, 204);
  const auto read = server->root("GET", "sys/policies/acl/team/a");
  EXPECT_EQ(read.text("data/policy"), R"(path "x" { capabilities = ["read"] })");
  EXPECT_EQ(read.text("data/cas_required"), "true");
  EXPECT_EQ(server->root("PATCH", "sys/policies/acl/team/a", R"({"cas":1,"cas_required":false})").status,
            400);
  EXPECT_EQ(server->root("PATCH", "sys/policies/acl/none", R"({"cas_required":true})").status, 400);
}

TEST(Policies, AreListedByFolder) {
  auto server = TestServer::ready();
  for (const auto* name : {"team/a", "team/sub/b", "teamx"})
    server->policy(name, R"(path "x" { capabilities = ["read"] })");
  const std::vector<std::string> both{"team/a", "team/sub/b"};
  EXPECT_EQ(server->root("LIST", "sys/policies/acl/team").texts("data/keys"), both);
  EXPECT_EQ(server->root("LIST", "sys/policies/acl/team/").texts("data/keys"), both);
  EXPECT_EQ(server->root("LIST", "sys/policy/team").texts("keys"), both);
  EXPECT_EQ(server->root("LIST", "sys/policies/acl/te").status, 404);
}

}  // namespace
}  // namespace strongroom::testkit
