// auth/token in a whole server: batch and periodic tokens, roles, addresses, orphans.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/tables.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

class TokenArea : public testing::Test {
 protected:
  Answer as(const std::string& token, const std::string& method, const std::string& target,
            const std::string& body = {}) {
    return server_->call(method, target, body, token);
  }
  Answer from(const std::string& address, const std::string& token,
              const std::string& target = "auth/token/lookup-self") {
    Ask ask;
    ask.target = target;
    ask.token = token;
    ask.address = address;
    return server_->send(std::move(ask));
  }
  std::string made(const std::string& body, const std::string& parent = {},
                   const std::string& target = "auth/token/create") {
    const auto a = as(parent.empty() ? server_->root_token() : parent, "POST", target, body);
    EXPECT_EQ(a.status, 200) << a.body;
    return a.text("auth/client_token");
  }
  void role(const std::string& name, const std::string& body) {
    EXPECT_EQ(server_->root("POST", "auth/token/roles/" + name, body).status, 204);
  }
  bool works(const std::string& token) { return as(token, "GET", "auth/token/lookup-self").status == 200; }
  std::uint64_t revision() { return (*server_->store().snapshot())->revision(); }
  std::unique_ptr<TestServer> server_ = TestServer::ready();
};

TEST_F(TokenArea, ABatchTokenIsNotStoredAndMayWhatItsPoliciesSay) {
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["create","read","update"] })");
  const auto before = revision();
  const auto token = made(R"({"type":"batch","policies":["p"],"ttl":"1h"})");
  EXPECT_EQ(revision(), before) << "creating one wrote";
  EXPECT_EQ(as(token, "POST", "secret/data/a", R"({"data":{"v":"1"}})").status, 200);
  EXPECT_EQ(as(token, "GET", "secret/data/a").text("data/data/v"), "1");
  EXPECT_EQ(as(token, "GET", "secret/data/b").status, 403);
  EXPECT_EQ(
      as(token, "POST", "sys/capabilities-self", R"({"path":"secret/data/a"})").texts("data/capabilities"),
      (std::vector<std::string>{"create", "read", "update"}));
  const auto shown = as(token, "GET", "auth/token/lookup-self");
  EXPECT_EQ(shown.text("data/id"), token);
  EXPECT_EQ(shown.text("data/accessor"), "");
  EXPECT_EQ(shown.text("data/type"), "batch");
  EXPECT_EQ(shown.text("data/renewable"), "false");
  EXPECT_EQ(server_->root("POST", "auth/token/lookup", "{\"token\":\"" + token + "\"}").text("data/type"),
            "batch");
  ASSERT_TRUE(server_->restart());
  server_->unseal();
  EXPECT_TRUE(works(token)) << "nobody remembers it, it does";
  server_->clock.advance(Seconds(3600));
  EXPECT_FALSE(works(token));
}

TEST_F(TokenArea, ABatchTokenCannotDoWhatNeedsARecord) {
  server_->policy("all", R"(path "*" { capabilities = ["create","read","update","delete","list","sudo"] })");
  const auto token = made(R"({"type":"batch","policies":["all"]})");
  const auto before = revision();
  const auto self = "{\"token\":\"" + token + "\"}";
  EXPECT_EQ(as(token, "POST", "auth/token/create", "{}").error(), "batch tokens cannot create more tokens");
  EXPECT_EQ(as(token, "POST", "auth/token/renew-self").error(), "batch tokens cannot be renewed");
  EXPECT_EQ(as(token, "POST", "auth/token/revoke-self").error(), "batch tokens cannot be revoked");
  for (const auto* how : {"renew", "revoke", "revoke-orphan"})
    EXPECT_EQ(server_->root("POST", std::string("auth/token/") + how, self).status, 400) << how;
  EXPECT_FALSE(as(token, "POST", "cubbyhole/a", R"({"v":"1"})").ok());
  EXPECT_FALSE(as(token, "GET", "cubbyhole/a").ok());
  EXPECT_EQ(revision(), before);
  EXPECT_TRUE(works(token));
}

TEST_F(TokenArea, HasAtMostAThousandPoliciesEachOnceAndInOrder) {
  std::string names;
  for (int i = 999; i >= 0; --i) names += fmt::format("{}\"p{:03}\"", names.empty() ? "" : ",", i);
  const auto made =
      server_->root("POST", "auth/token/create", R"({"no_default_policy":true,"policies":[)" + names + "]}");
  const auto policies = made.texts("auth/policies");
  ASSERT_EQ(policies.size(), 1000u);
  EXPECT_EQ(policies.front(), "p000");
  EXPECT_EQ(policies.back(), "p999");
  EXPECT_EQ(server_->root("POST", "auth/token/create", R"({"policies":["b"," A","a","B "]})")
                .texts("auth/policies"),
            (std::vector<std::string>{"a", "b", "default"}));
  // Whoever may create tokens sends what they like: it costs the server little.
  EXPECT_EQ(server_->root("POST", "auth/token/create", R"({"policies":["one-more",)" + names + "]}").error(),
            "policies: at most 1000 names");
}

TEST_F(TokenArea, ARolesLimitsAreNotEscapedByAskingForABatchToken) {
  role("uses", R"({"token_num_uses":2})");
  role("life", R"({"token_explicit_max_ttl":"60s","token_type":"default-batch"})");
  role("period", R"({"token_period":"2m"})");
  EXPECT_EQ(server_->root("POST", "auth/token/create/uses", R"({"type":"batch"})").status, 400);
  for (const auto& [name, lives] : {std::pair{"life", 60}, std::pair{"period", 120}}) {
    const auto made = server_->root("POST", std::string("auth/token/create/") + name,
                                    R"({"type":"batch","policies":["default"],"ttl":"1h"})");
    EXPECT_EQ(made.text("auth/token_type"), "batch");
    EXPECT_EQ(made.text("auth/lease_duration"), std::to_string(lives)) << name;
    const auto token = made.text("auth/client_token");
    EXPECT_TRUE(works(token));
    server_->clock.advance(Seconds(lives));
    EXPECT_FALSE(works(token)) << name;
  }
}

TEST_F(TokenArea, AChildIsBoundToTheAddressesOfItsParent) {
  server_->policy("maker", R"(path "auth/token/*" { capabilities = ["create","update","read","sudo"] })");
  role("bound", R"({"token_bound_cidrs":["10.1.0.0/16"]})");
  role("other", R"({"token_bound_cidrs":["192.168.0.0/16"]})");
  const auto parent = made(R"({"policies":["maker"]})", {}, "auth/token/create/bound");
  for (const auto* body : {R"({})", R"({"type":"batch"})", R"({"policies":["default"],"ttl":"1h"})"}) {
    const auto child = made(body, parent);
    EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").texts("data/bound_cidrs"),
              std::vector<std::string>{"10.1.0.0/16"})
        << body;
    EXPECT_EQ(from("10.1.9.9", child).status, 200) << body;
    EXPECT_EQ(from("10.2.0.1", child).status, 403) << body;
  }
  // Who may make an orphan, or use a role, says where it may be used.
  EXPECT_EQ(from("10.2.0.1", made("{}", parent, "auth/token/create-orphan")).status, 200);
  EXPECT_EQ(from("192.168.0.1", made("{}", parent, "auth/token/create/other")).status, 200);
}

TEST_F(TokenArea, ABatchTokenDiesWhenItsParentIsRevoked) {
  server_->policy("p", R"(path "auth/token/create" { capabilities = ["update"] })");
  for (const auto* how : {"revoke", "revoke-orphan"}) {
    const auto parent = made(R"({"policies":["p"]})");
    const auto token = made(R"({"type":"batch"})", parent);
    EXPECT_TRUE(works(token));
    EXPECT_EQ(
        server_->root("POST", std::string("auth/token/") + how, "{\"token\":\"" + parent + "\"}").status,
        204);
    EXPECT_FALSE(works(token)) << how;
  }
}

TEST_F(TokenArea, TheLogSaysWhichKindOfTokenAskedAndWasMade) {
  const auto token = made(R"({"type":"batch","policies":["default"]})");
  works(token);
  bool issued = false, asked = false;
  for (const auto& r : server_->records()) {
    if (r.record.issued && r.record.issued->token_type == "batch") {
      issued = true;
      EXPECT_FALSE(r.record.issued->accessor);
    }
    if (r.record.actor && r.record.actor->token_type == "batch") {
      asked = true;
      EXPECT_FALSE(r.record.actor->accessor);
      EXPECT_TRUE(r.record.actor->client_token);
    }
  }
  EXPECT_TRUE(issued && asked);
}

TEST_F(TokenArea, APeriodicTokenLivesAsLongAsItIsRenewed) {
  const auto token = made(R"({"policies":["default"],"period":"10m"})");
  for (int i = 0; i < 5000; i += 1 + i / 4) {
    server_->clock.advance(Seconds(599));
    ASSERT_EQ(as(token, "POST", "auth/token/renew-self", R"({"increment":"9h"})").text("auth/lease_duration"),
              "600");
  }
  server_->clock.advance(Seconds(600));
  EXPECT_FALSE(works(token));
}

TEST_F(TokenArea, ThePeriodOfARoleIsReadAnewAtEachRenewal) {
  role("r", R"({"token_period":"10m","allowed_policies":["default"]})");
  const auto token = made("{}", {}, "auth/token/create/r");
  const auto renewed = [&] { return as(token, "POST", "auth/token/renew-self").text("auth/lease_duration"); };
  EXPECT_EQ(renewed(), "600");
  role("r", R"({"token_period":"5m"})");
  EXPECT_EQ(renewed(), "300");
  EXPECT_EQ(server_->root("DELETE", "auth/token/roles/r").status, 204);
  const auto refused = as(token, "POST", "auth/token/renew-self");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.error().find("could not be found, not renewing"), std::string::npos);
  EXPECT_TRUE(works(token)) << "it lives on to its end";
  server_->clock.advance(Seconds(300));
  EXPECT_FALSE(works(token));
}

// The peer takes the limit from the role as it is at renewal: raising or deleting it there freed the token.
TEST_F(TokenArea, TheLimitATokenWasMadeWithHoldsWhateverItsRoleSaysLater) {
  role("r", R"({"token_explicit_max_ttl":"60s","allowed_policies":["default"]})");
  const auto token = made(R"({"ttl":"30s"})", {}, "auth/token/create/r");
  EXPECT_EQ(as(token, "GET", "auth/token/lookup-self").text("data/explicit_max_ttl"), "60");
  role("r", R"({"token_explicit_max_ttl":"0"})");
  EXPECT_EQ(as(token, "POST", "auth/token/renew-self", R"({"increment":"1h"})").text("auth/lease_duration"),
            "60");
  server_->clock.advance(Seconds(60));
  EXPECT_FALSE(works(token));
}

TEST_F(TokenArea, ARoleAndARequestShareTheLesserOfTheirLimits) {
  role("r", R"({"token_explicit_max_ttl":"1h","token_num_uses":5,"allowed_policies":["default"]})");
  const auto both =
      server_->root("POST", "auth/token/create/r", R"({"explicit_max_ttl":"30m","num_uses":2,"ttl":"10m"})");
  EXPECT_EQ(both.text("auth/num_uses"), "2");
  EXPECT_EQ(
      both.texts("warnings"),
      (std::vector<std::string>{"Explicit max TTL specified both during creation call and in role; using "
                                "the lesser value of 1800 seconds"}));
  EXPECT_EQ(server_->root("POST", "auth/token/create/r", R"({"num_uses":9})").text("auth/num_uses"), "5");
}

TEST_F(TokenArea, ATokenBoundToAddressesWorksFromThereAlone) {
  role(
      "r",
      R"({"token_bound_cidrs":"10.9.0.0/16,2001:db8::/64","allowed_policies":["default"],"token_num_uses":3})");
  const auto token = made("{}", {}, "auth/token/create/r");
  for (int i = 0; i < 5; ++i)
    for (const auto* address : {"10.1.2.3", "", "2001:db8:0:1::1", "::ffff:10.1.2.3"})
      EXPECT_EQ(from(address, token).status, 403) << address;
  EXPECT_EQ(from("10.9.255.1", token).text("data/num_uses"), "2") << "refusals elsewhere used it up";
  EXPECT_EQ(from("2001:db8::7", token).status, 200);
  EXPECT_EQ(from("::ffff:10.9.0.1", token).text("data/num_uses"), "-1");
  role("b", R"({"token_bound_cidrs":"10.9.0.0/16","token_type":"batch","orphan":true,"renewable":false})");
  const auto batch = made(R"({"policies":["default"]})", {}, "auth/token/create/b");
  EXPECT_EQ(from("10.1.2.3", batch).status, 403);
  EXPECT_EQ(from("10.9.2.3", batch).texts("data/bound_cidrs"), std::vector<std::string>{"10.9.0.0/16"});
}

TEST_F(TokenArea, OnlyTokensThatEndAreBoundToAddresses) {
  role("r", R"({"token_bound_cidrs":"192.0.2.0/24"})");
  const auto eternal = made(R"({"policies":["root"]})", {}, "auth/token/create/r");
  EXPECT_TRUE(works(eternal));
  const auto ending = made(R"({"policies":["root"],"ttl":"1h"})", {}, "auth/token/create/r");
  EXPECT_FALSE(works(ending));
}

TEST_F(TokenArea, RolesAreListedInPages) {
  EXPECT_EQ(server_->root("LIST", "auth/token/roles").status, 404);
  for (const auto* n : {"c", "a", "d", "b"}) role(n, "{}");
  EXPECT_EQ(server_->root("LIST", "auth/token/roles").texts("data/keys"),
            (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(server_->root("LIST", "auth/token/roles?after=a&limit=2").texts("data/keys"),
            (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(server_->root("LIST", "auth/token/roles?after=d").status, 404);
  EXPECT_EQ(server_->root("POST", "auth/token/roles/-x", "{}").status, 400);
}

TEST_F(TokenArea, TheOldNamesOfARolesFieldsAreTakenAndShown) {
  role("r", R"({"period":"10m","explicit_max_ttl":"1h","bound_cidrs":["127.0.0.1"]})");
  auto shown = server_->root("GET", "auth/token/roles/r");
  EXPECT_EQ(shown.text("data/period"), "600");
  EXPECT_EQ(shown.text("data/token_period"), "600");
  EXPECT_EQ(shown.text("data/explicit_max_ttl"), "3600");
  EXPECT_EQ(shown.texts("data/bound_cidrs"), std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(shown.texts("data/token_bound_cidrs"), std::vector<std::string>{"127.0.0.1"});
  role("r", R"({"token_period":"5m","period":"9m"})");
  shown = server_->root("GET", "auth/token/roles/r");
  EXPECT_EQ(shown.text("data/period"), "0");
  EXPECT_EQ(shown.text("data/token_period"), "300");
  EXPECT_EQ(shown.text("data/token_explicit_max_ttl"), "3600") << "the rest stays";
}

TEST_F(TokenArea, ARoleIsCreatedOrUpdatedAsThePolicySays) {
  server_->policy("c", R"(path "auth/token/roles/*" { capabilities = ["create"] })");
  const auto creator = server_->token_with(R"(["c"])");
  EXPECT_EQ(as(creator, "POST", "auth/token/roles/r", "{}").status, 204);
  EXPECT_EQ(as(creator, "POST", "auth/token/roles/r", "{}").status, 403);
}

TEST_F(TokenArea, ARoleNamedInABodyMeansNothing) {
  role("r", R"({"allowed_policies":["strong"]})");
  server_->policy("p", R"(path "auth/token/create" { capabilities = ["update"] })");
  const auto token = server_->token_with(R"(["p"])");
  EXPECT_EQ(as(token, "POST", "auth/token/create", R"({"role_name":"r","policies":["strong"]})").status, 400);
  EXPECT_EQ(as(token, "POST", "auth/token/create/r", R"({"policies":["strong"]})").status, 403);
}

TEST_F(TokenArea, RevokeOrphanNeedsSudoAndLeavesOrphans) {
  server_->policy("p", R"(path "auth/token/*" { capabilities = ["create","update","read"] })");
  const auto parent = made(R"({"policies":["p"]})");
  const auto child = made(R"({"policies":["default"]})", parent);
  const auto body = "{\"token\":\"" + parent + "\"}";
  EXPECT_EQ(as(parent, "POST", "auth/token/revoke-orphan", body).status, 403);
  EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").text("data/orphan"), "false");
  const auto before = revision();
  EXPECT_EQ(server_->root("POST", "auth/token/revoke-orphan", body).status, 204);
  EXPECT_EQ(revision(), before + 1) << "one commit";
  EXPECT_FALSE(works(parent));
  EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").text("data/orphan"), "true");
  EXPECT_EQ(as(child, "POST", "auth/token/renew-self").text("auth/orphan"), "true");
  EXPECT_EQ(server_->root("POST", "auth/token/revoke-orphan", body).error(), "token to revoke not found");
  server_->core().tick();
  server_->crash(3);
  ASSERT_TRUE(server_->start());
  server_->unseal();
  EXPECT_FALSE(works(parent));
  EXPECT_TRUE(works(child));
}

TEST_F(TokenArea, RenewingByAccessorDoesNotShowTheToken) {
  const auto a = server_->root("POST", "auth/token/create", R"({"policies":["default"],"ttl":"1h"})");
  const auto renewed =
      server_->root("POST", "auth/token/renew-accessor",
                    "{\"accessor\":\"" + a.text("auth/accessor") + "\",\"increment\":\"20m\"}");
  EXPECT_EQ(renewed.text("auth/client_token"), "");
  EXPECT_EQ(renewed.text("auth/lease_duration"), "1200");
  EXPECT_EQ(renewed.body.find(a.text("auth/client_token")), std::string::npos);
}

TEST_F(TokenArea, TidyRunsInTheBackground) {
  for (int i = 0; i < 10; ++i) made(R"({"policies":["default"],"ttl":"10s"})");
  const auto a = server_->root("POST", "auth/token/tidy");
  EXPECT_EQ(a.status, 202);
  EXPECT_EQ(a.texts("warnings").size(), 1u);
  server_->core().tick();
  EXPECT_FALSE(server_->core().tokens().tidy_from()) << "not done";
}

// What a token costs on disk beside the store's own overhead: the issue's limit is 700 bytes in all.
TEST_F(TokenArea, ATokenTakesFewBytes) {
  const auto size = [&] {
    std::size_t bytes = 0;
    const auto snapshot = *server_->store().snapshot();
    for (const auto table : {store::Table::token, store::Table::token_index, store::Table::expiry}) {
      const auto first = store::table_key(table);
      EXPECT_TRUE(
          snapshot->scan(first, store::after_prefix(first), [&](std::string_view k, std::string_view v) {
            bytes += k.size() + v.size();
            return true;
          }));
    }
    return bytes;
  };
  const auto before = size();
  for (int i = 0; i < 100; ++i) made(R"({"policies":["default"],"ttl":"1h"})");
  EXPECT_LT((size() - before) / 100, 450u);
}

}  // namespace
}  // namespace strongroom::testkit
