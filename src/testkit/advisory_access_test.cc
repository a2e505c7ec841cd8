// Published vulnerabilities of our peers in authentication, authorisation and policy, as tests of the whole
// server. The row of docs/security-catalogue.md is in the name.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "base/path.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

class AdvisoryAccess : public testing::Test {
 protected:
  Answer as(const std::string& token, const std::string& method, const std::string& target,
            const std::string& body = {}) {
    return server_->call(method, target, body, token);
  }
  std::string capabilities(const std::string& token, const std::string& path) {
    return as(token, "POST", "sys/capabilities-self", "{\"paths\":[\"" + path + "\"]}")
        .text("data/capabilities");
  }
  std::uint64_t revision() { return (*server_->store().snapshot())->revision(); }
  std::unique_ptr<TestServer> server_ = TestServer::ready();
};

const char* const kRoots[] = {"root",        "ROOT",       "Root",         "rOOt",         " root",
                              "root ",       "\\troot",    "root\\n",      "ｒｏｏｔ",     "ro\\u200bot",
                              "root\\u0000", "r\\u00f6ot", "root,default", "default,root", "/root",
                              "root/",       "./root"};

TEST_F(AdvisoryAccess, B01_NoSpellingOfRootMakesARootToken) {
  server_->policy("operator", R"(path "auth/token/*" { capabilities = ["create","update","sudo"] }
                                 path "sys/policies/acl/*" { capabilities = ["create","read","update","delete"] })");
  const auto token = server_->token_with(R"(["operator"])");
  for (const auto* root : kRoots)
    for (const std::string& path :
         {std::string("auth/token/create"), std::string("auth/token/create-orphan")})
      for (const auto& policies : {fmt::format("[\"{}\"]", root), fmt::format("\"{}\"", root),
                                   fmt::format("[\"default\",\"{}\"]", root)}) {
        const auto made = as(token, "POST", path, "{\"policies\":" + policies + "}");
        if (!made.ok()) continue;
        const auto child = made.text("auth/client_token");
        for (const auto& name : made.texts("auth/policies")) EXPECT_NE(name, "root") << policies;
        EXPECT_EQ(as(child, "GET", "sys/mounts").status, 403) << policies;
        EXPECT_EQ(as(child, "PUT", "sys/seal").status, 403) << policies;
        EXPECT_NE(capabilities(child, "sys/seal"), R"(["root"])") << policies;
      }
}

TEST_F(AdvisoryAccess, B01_APolicyNamedRootInAnySpellingIsNotWritten) {
  for (const auto* name : {"root", "ROOT", "Root", "rOoT", "%20root", "root%20"}) {
    EXPECT_FALSE(server_
                     ->root("POST", std::string("sys/policies/acl/") + name,
                            R"({"policy":"path \"a\" { capabilities = [\"read\"] }"})")
                     .ok())
        << name;
    EXPECT_FALSE(server_->root("DELETE", std::string("sys/policies/acl/") + name).ok()) << name;
  }
}

TEST_F(AdvisoryAccess, B02_AWriteThatFailsChangesNoEffectivePolicy) {
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["read"] })");
  const auto token = server_->token_with(R"(["p"])");
  server_->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  const auto before = revision();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        server_
            ->root("POST", "sys/policies/acl/p", R"({"policy":"path \"*\" { capabilities = [\"root\"] }"})")
            .status,
        400);
    EXPECT_EQ(server_->root("POST", "sys/policies/acl/p", R"({"policy":"path \"*\" {"})").status, 400);
    EXPECT_EQ(server_
                  ->root("POST", "sys/policies/acl/p",
                         R"({"policy":"path \"*\" { capabilities = [\"read\"] }","cas":77})")
                  .status,
              400);
    EXPECT_EQ(as(token, "GET", "secret/data/a").status, 200);
    EXPECT_EQ(as(token, "GET", "secret/data/b").status, 403);
  }
  EXPECT_EQ(revision(), before);
}

TEST_F(AdvisoryAccess, B04_APolicyChangeHoldsFromTheNextRequestOn) {
  server_->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  server_->policy("p", R"(path "secret/data/*" { capabilities = ["read"] })");
  const auto token = server_->token_with(R"(["p"])");
  EXPECT_EQ(as(token, "GET", "secret/data/a").status, 200);
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["deny"] })");
  EXPECT_EQ(as(token, "GET", "secret/data/a").status, 403);
  EXPECT_EQ(server_->root("DELETE", "sys/policies/acl/p").status, 204);
  EXPECT_EQ(as(token, "GET", "secret/data/a").status, 403);
}

TEST_F(AdvisoryAccess, B06_PathTricksNeverLeaveThePolicysFolder) {
  server_->root("POST", "secret/data/victim", R"({"data":{"v":"mine"}})");
  server_->policy("p",
                  R"(path "secret/data/a/b/*" { capabilities = ["create","read","update","delete","list"] }
                          path "secret/metadata/a/b/*" { capabilities = ["create","read","update","delete","list"] })");
  const auto token = server_->token_with(R"(["p"])");
  const char* const tricks[] = {"../../victim",
                                "%2e%2e/%2e%2e/victim",
                                "..%2f..%2fvictim",
                                "%252e%252e/%252e%252e/victim",
                                "..%252f..%252fvictim",
                                "./../../victim",
                                "x/../../../victim",
                                "..\\..\\victim",
                                "..%5c..%5cvictim",
                                "..;/..;/victim",
                                "%2e%2e%00/victim",
                                "%c0%ae%c0%ae/%c0%ae%c0%ae/victim",
                                "%u002e%u002e/victim",
                                "//..//..//victim",
                                "%2e%2e%2f%2e%2e%2fvictim",
                                ".%2e/.%2e/victim"};
  for (const auto* area : {"data", "metadata", "destroy", "delete", "undelete"})
    for (const auto* trick : tricks)
      for (const auto* method : {"GET", "DELETE", "LIST", "POST", "PATCH"}) {
        const auto a =
            as(token, method, fmt::format("secret/{}/a/b/{}", area, trick),
               std::string_view(method) == "POST" ? R"({"data":{"v":"theirs"},"versions":[1]})" : "");
        EXPECT_EQ(a.body.find("mine"), std::string::npos) << method << " " << area << " " << trick;
        EXPECT_NE(a.status, 500) << method << " " << trick;
      }
  EXPECT_EQ(server_->root("GET", "secret/data/victim").text("data/data/v"), "mine");
}

// Whatever is admitted is stored under the very bytes that the policy saw.
TEST_F(AdvisoryAccess, B06_PolicyAndStorageSeeTheSameBytes) {
  server_->policy("p", R"(path "kv/in/*" { capabilities = ["create","read","update","delete","list"] })");
  const auto token = server_->token_with(R"(["p"])");
  server_->root("POST", "kv/out", R"({"v":"outside"})");
  std::mt19937_64 dice(20260101);
  const std::string_view pieces[] = {"in", "out", "/",  "/",   ".", "..", "%2e", "%2f", "%25", "%", "a",
                                     "//", "%00", "\\", "%5c", ";", "*",  "+",   " ",   "%20", "~", "%c3%a9"};
  std::size_t admitted = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string raw = "in/";
    for (auto n = dice() % 8; n > 0; --n) raw += pieces[dice() % std::size(pieces)];
    const auto written = as(token, "POST", "kv/" + raw, fmt::format("{{\"v\":\"{}\"}}", i));
    EXPECT_NE(written.status, 500) << raw;
    if (!written.ok()) continue;
    ++admitted;
    const auto path = Path::from_url("kv/" + raw);
    ASSERT_TRUE(path) << raw;
    EXPECT_TRUE(path->text().starts_with("kv/in/")) << raw;
    EXPECT_EQ(server_->root("GET", "kv/" + raw).text("data/v"), std::to_string(i)) << raw;
  }
  EXPECT_GT(admitted, 200u);
  EXPECT_EQ(server_->root("GET", "kv/out").text("data/v"), "outside");
}

TEST_F(AdvisoryAccess, B07_ADenyBelowAFolderHoldsForEverySpellingOfAListing) {
  server_->root("POST", "secret/data/private/x", R"({"data":{}})");
  server_->root("POST", "secret/data/public/x", R"({"data":{}})");
  server_->policy("p", R"(path "secret/metadata/*" { capabilities = ["list"] }
                          path "secret/metadata/private/*" { capabilities = ["deny"] })");
  const auto token = server_->token_with(R"(["p"])");
  for (const auto& [method, target] :
       {std::pair{"LIST", "secret/metadata/private"}, std::pair{"LIST", "secret/metadata/private/"},
        std::pair{"GET", "secret/metadata/private?list=true"},
        std::pair{"GET", "secret/metadata/private/?list=true"},
        std::pair{"GET", "secret/metadata/private?list=1"}, std::pair{"LIST", "secret/metadata/%70rivate"}})
    EXPECT_EQ(as(token, method, target).status, 403) << method << " " << target;
  EXPECT_EQ(as(token, "LIST", "secret/metadata/public").status, 200);
  EXPECT_EQ(as(token, "LIST", "secret/metadata/").status, 200);
}

TEST_F(AdvisoryAccess, B09_ADenyCannotBeEvadedByCase) {
  server_->root("POST", "secret/data/app", R"({"data":{"v":"hidden"}})");
  server_->policy("p", R"(path "secret/data/*" { capabilities = ["read"] }
                          path "secret/data/app" { capabilities = ["deny"] }
                          path "sys/policies/acl/*" { capabilities = ["read"] }
                          path "sys/policies/acl/p" { capabilities = ["deny"] })");
  const auto token = server_->token_with(R"(["p"])");
  EXPECT_EQ(as(token, "GET", "secret/data/app").status, 403);
  for (const auto* spelling : {"APP", "App", "aPp", "ap%50"}) {
    const auto a = as(token, "GET", std::string("secret/data/") + spelling);
    EXPECT_EQ(a.status, 404) << "names of secrets differ in case: another secret";
    EXPECT_EQ(a.body.find("hidden"), std::string::npos);
  }
  EXPECT_EQ(as(token, "GET", "Secret/data/app").status, 403);
  EXPECT_EQ(as(token, "GET", "sys/policies/acl/p").status, 403);
  // Policy names fold: another spelling is the same policy, so the deny must hold for it.
  const auto folded = as(token, "GET", "sys/policies/acl/P");
  EXPECT_EQ(folded.body.find("capabilities"), std::string::npos) << folded.body;
}

// What is mounted is named with a slash at the end and without: a policy that names it once means both.
TEST_F(AdvisoryAccess, B07_ADenyOfAMountHoldsWithASlashAtItsEnd) {
  for (const auto* path : {"kept", "gone", "shut", "free", "slash"})
    ASSERT_EQ(server_->root("POST", std::string("sys/mounts/") + path, R"({"type":"kv"})").status, 204);
  server_->policy("p", R"(path "sys/mounts/*" { capabilities = ["read","delete"] }
                          path "sys/mounts/kept" { capabilities = ["deny"] }
                          path "sys/mounts/gone" { capabilities = ["read"] }
                          path "sys/mounts/shut" { capabilities = ["deny"] }
                          path "sys/mounts/slash/" { capabilities = ["deny"] }
                          path "sys/mounts/free/*" { capabilities = ["deny"] }
                          path "sys/mounts/shut/" { capabilities = ["read"] })");
  const auto token = server_->token_with(R"(["p"])");
  for (const auto* path : {"kept", "kept/", "slash", "slash/"}) {
    EXPECT_EQ(as(token, "GET", std::string("sys/mounts/") + path).status, 403) << path;
    EXPECT_EQ(as(token, "DELETE", std::string("sys/mounts/") + path).status, 403) << path;
  }
  EXPECT_EQ(as(token, "GET", "sys/mounts/gone/").status, 200);
  EXPECT_EQ(as(token, "DELETE", "sys/mounts/gone/").status, 403) << "the closest rule does not grant it";
  EXPECT_EQ(as(token, "GET", "sys/mounts/shut/").status, 200) << "a rule for this very path";
  EXPECT_EQ(as(token, "GET", "sys/mounts/free/").status, 403) << "as the rule for what is below says";
  EXPECT_EQ(as(token, "GET", "sys/mounts/free").status, 200);
  EXPECT_EQ(as(token, "DELETE", "sys/mounts/free").status, 204);
}

TEST_F(AdvisoryAccess, B10_ADeniedPolicyIsNotHadInAnySpelling) {
  server_->policy("admin", R"(path "sys/mounts" { capabilities = ["read"] })");
  server_->policy(
      "p",
      R"(path "auth/token/create" { capabilities = ["create","update","sudo"] denied_parameters = { "policies" = ["admin"] } })");
  const auto token = server_->token_with(R"(["p"])");
  for (const auto* policies :
       {R"(["admin"])", R"(["Admin"])", R"(["ADMIN"])", R"([" admin"])", R"(["admin "])", R"("admin")",
        R"(["x","admin"])", R"("x,admin")", R"(["\u0061dmin"])", R"("Admin")"})
    for (const auto& body :
         {fmt::format(R"({{"policies":{}}})", policies), fmt::format(R"({{"Policies":{}}})", policies),
          fmt::format(R"({{"POLICIES":{0},"policies":["default"]}})", policies),
          fmt::format(R"({{"policies":["default"],"policies":{}}})", policies),
          fmt::format(R"({{"policies":{},"policies":["default"]}})", policies)}) {
      const auto made = as(token, "POST", "auth/token/create", body);
      if (!made.ok()) continue;
      for (const auto& name : made.texts("auth/policies")) EXPECT_NE(name, "admin") << body;
      EXPECT_EQ(as(made.text("auth/client_token"), "GET", "sys/mounts").status, 403) << body;
    }
}

TEST_F(AdvisoryAccess, B11_PolicyNamesDoNotTraverse) {
  for (const auto* name : {"..%2fx", "../x", "a%2fb", "%2e%2e", "a%00b", "."})
    EXPECT_EQ(server_
                  ->root("POST", std::string("sys/policies/acl/") + name,
                         R"({"policy":"path \"a\" { capabilities = [\"read\"] }"})")
                  .status,
              400)
        << name;
}

TEST_F(AdvisoryAccess, B20_NumbersAtTheirEdgesDoNotWidenAListing) {
  for (int i = 0; i < 5; ++i) server_->root("POST", fmt::format("secret/data/list/{}", i), R"({"data":{}})");
  server_->policy("p", R"(path "secret/metadata/list/*" { capabilities = ["list"] pagination_limit = 2 })");
  const auto token = server_->token_with(R"(["p"])");
  for (const auto* limit : {"-9223372036854775808", "-1", "0", "1", "2", "3", "9223372036854775807",
                            "99999999999999999999", "abc", ""}) {
    const auto a = as(token, "LIST", std::string("secret/metadata/list?limit=") + limit);
    EXPECT_LE(a.texts("data/keys").size(), 2u) << limit;
    EXPECT_NE(a.status, 500);
  }
  EXPECT_LE(as(token, "LIST", "secret/metadata/list").texts("data/keys").size(), 2u);
}

TEST_F(AdvisoryAccess, A29_NothingThatChangesKeysIsReachableWithoutAToken) {
  for (const auto* path :
       {"sys/rotate", "sys/rotate/root", "sys/rotate/config", "sys/rotate/root/init",
        "sys/rotate/root/update", "sys/rotate/root/verify", "sys/rotate/root/backup",
        "sys/rotate/recovery/init", "sys/generate-root-token/attempt", "sys/generate-root-token/update",
        "sys/rekey/backup", "sys/raw/core/keyring", "sys/storage/raft/join", "sys/plugins/catalog/secret/x",
        "sys/pprof/heap", "sys/in-flight-req", "sys/monitor", "sys/config/state/sanitized", "sys/host-info"})
    for (const auto* method : {"GET", "POST", "DELETE", "LIST"})
      EXPECT_EQ(as("", method, path).status, 403) << method << " " << path;
  for (const auto* path : {"sys/rekey/init", "sys/rekey/update", "sys/rekey/verify", "sys/generate-root",
                           "sys/rekey-recovery-key/init", "sys/generate-root/attempt",
                           "sys/generate-root/update", "sys/step-down"})
    for (const auto* method : {"GET", "POST", "DELETE", "LIST"}) {
      const auto status = as("", method, path).status;
      EXPECT_TRUE(status == 403 || status == 405) << method << " " << path << " " << status;
    }
}

TEST_F(AdvisoryAccess, A29_AFloodOfUnauthenticatedStartsAndCancelsDisturbsNobody) {
  const auto root = server_->root("POST", "sys/generate-root-token/attempt", "{}");
  const auto rekey =
      server_->root("POST", "sys/rotate/root/init", R"({"secret_shares":1,"secret_threshold":1})");
  for (int i = 0; i < 250; ++i)
    for (const auto* path : {"sys/generate-root/attempt", "sys/rekey/init", "sys/rekey/verify",
                             "sys/generate-root-token/attempt", "sys/rotate/root/init"})
      for (const auto* method : {"POST", "DELETE"})
        EXPECT_GE(as("", method, path, R"({"secret_shares":1,"secret_threshold":1})").status, 403);
  const auto& share = server_->shares()[0];
  const auto done =
      server_->root("POST", "sys/generate-root-token/update",
                    fmt::format(R"({{"key":"{}","nonce":"{}"}})", share, root.text("data/nonce")));
  EXPECT_EQ(done.text("data/complete"), "true") << done.body;
  const auto shares =
      server_->root("POST", "sys/rotate/root/update",
                    fmt::format(R"({{"key":"{}","nonce":"{}"}})", share, rekey.text("data/nonce")));
  EXPECT_EQ(shares.text("data/complete"), "true") << shares.body;
}

TEST_F(AdvisoryAccess, A12_P6_ATokenWithOneUseIsGoodForOneRequestAmongMany) {
  server_->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["read"] })");
  for (int round = 0; round < 60; ++round) {
    const auto uses = 1 + round % 3;
    const auto token = server_->token_with(R"(["p"])", fmt::format("\"num_uses\":{}", uses));
    std::atomic<int> good{0};
    std::atomic<int> other{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 3; ++i) {
          const auto answer = as(token, "GET", "secret/data/a");
          const auto status = answer.status;
          if (status == 200)
            ++good;
          else if (status != 403) {
            ++other;
            ADD_FAILURE() << status << " " << answer.body;
          }
        }
      });
    for (auto& t : threads) t.join();
    EXPECT_EQ(good, uses);
    EXPECT_EQ(other, 0);
  }
}

TEST_F(AdvisoryAccess, W2_NoRequestThatStartsAfterTheRevocationIsAuthorised) {
  server_->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  server_->policy("p", R"(path "secret/data/a" { capabilities = ["read"] })");
  for (int round = 0; round < 30; ++round) {
    const auto token = server_->token_with(R"(["p"])");
    std::atomic<bool> revoked{false};
    std::atomic<int> late{0};
    std::atomic<bool> ready{false};
    std::thread reader([&] {
      for (int i = 0; i < 500; ++i) {
        const bool after = revoked.load();
        const auto status = as(token, "GET", "secret/data/a").status;
        ready = true;
        if (after && status == 200) ++late;
        if (after) break;
      }
      ready = true;
    });
    while (!ready) std::this_thread::yield();
    EXPECT_EQ(server_->root("POST", "auth/token/revoke", "{\"token\":\"" + token + "\"}").status, 204);
    revoked = true;
    reader.join();
    EXPECT_EQ(late, 0);
    EXPECT_EQ(as(token, "GET", "secret/data/a").status, 403);
  }
}

TEST_F(AdvisoryAccess, E01_AChildNeverOutlivesItsParent) {
  server_->policy("p", R"(path "auth/token/create" { capabilities = ["update"] })");
  const auto parent = server_->token_with(R"(["p"])", R"("ttl":"60s")");
  const auto made = as(parent, "POST", "auth/token/create", R"({"policies":["p"],"ttl":"10h"})");
  const auto child = made.text("auth/client_token");
  ASSERT_EQ(as(child, "GET", "auth/token/lookup-self").status, 200);
  server_->clock.advance(Seconds(60));
  EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").status, 403) << "before any housekeeping";
  server_->core().tick();
  EXPECT_EQ(as(child, "GET", "auth/token/lookup-self").status, 403);
}

TEST_F(AdvisoryAccess, E02_P10_RenewingNeverMakesATokenEternalNorPassesItsLimit) {
  using std::chrono::milliseconds;
  for (const Nanoseconds left :
       {Nanoseconds(Seconds(2)), Nanoseconds(Seconds(1)), Nanoseconds(milliseconds(1)), Nanoseconds(1),
        Nanoseconds(0), Nanoseconds(milliseconds(-1))})
    for (const auto* increment : {"0", "1", "3600", "999999999", "9223372036854775807", "-1"}) {
      const auto token = server_->token_with(R"(["default"])", R"("ttl":"60s","explicit_max_ttl":"60s")");
      const auto end = server_->clock.now() + Seconds(60);
      server_->clock.advance(Seconds(60) - left);
      const auto renewed =
          as(token, "POST", "auth/token/renew-self", fmt::format("{{\"increment\":{}}}", increment));
      if (left.count() <= 0) {
        EXPECT_EQ(renewed.status, 403) << increment;
        continue;
      }
      if (renewed.ok()) {
        EXPECT_LE(std::stoll(renewed.text("auth/lease_duration")), 2) << increment;
        const auto shown = as(token, "GET", "auth/token/lookup-self");
        EXPECT_NE(shown.text("data/expire_time"), "null") << increment;
        EXPECT_LE(std::stoll(shown.text("data/ttl")), 2);
      }
      server_->clock.advance(end - server_->clock.now());
      EXPECT_EQ(as(token, "GET", "auth/token/lookup-self").status, 403)
          << increment << ": alive past its limit";
    }
}

TEST_F(AdvisoryAccess, E04_TheShortestOfAllLimitsHolds) {
  const auto max = 768LL * 3600;
  std::mt19937_64 dice(4);
  for (int i = 0; i < 300; ++i) {
    const auto pick = [&]() -> long long {
      return std::array<long long, 6>{0, 1, 60, 3600, max, max * 2}[dice() % 6];
    };
    const auto ttl = pick();
    const auto explicit_max = pick();
    const auto made = server_->root(
        "POST", "auth/token/create",
        fmt::format(R"({{"policies":["default"],"ttl":{},"explicit_max_ttl":{}}})", ttl, explicit_max));
    ASSERT_EQ(made.status, 200) << made.body;
    const auto got = std::stoll(made.text("auth/lease_duration"));
    EXPECT_GT(got, 0) << "eternal";
    EXPECT_LE(got, max);
    if (explicit_max != 0) {
      EXPECT_LE(got, explicit_max);
    }
    if (ttl != 0) {
      EXPECT_LE(got, ttl);
    }
  }
}

// ---- tokens of an engine that fails

// Makes a token of either kind and then fails, or fails and has filled the auth block.
class Stub final : public engine::Engine {
 public:
  enum class Kind : std::uint8_t { service, batch };
  struct Login {
    static constexpr std::array<schema::Field, 0> fields() { return {}; }
  };
  template <Kind K>
  Result<schema::Empty> login(engine::Prompt& p, const schema::Empty&) const {
    identity::NewToken want(identity::Lifetime::of(Seconds(60)));
    want.policies = {"default"};
    auto made = K == Kind::batch ? tokens->create_batch(want, p.now, p.random)
                                 : tokens->create(p.txn, want, p.now, p.random);
    if (!made) return std::unexpected(std::move(made).error());
    last = std::string(made->id.reveal_text(Reveal::to_caller));
    p.aside.auth.emplace().client_token = std::move(made->id);
    p.aside.auth->lease_duration = Seconds(60);
    p.aside.warnings.emplace_back("a warning");
    return fail(Code::invalid_argument, "the login failed");
  }
  std::string_view type() const noexcept override { return "stub"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override {
    static constexpr std::array kRoutes{
        engine::route<&Stub::login<Kind::service>>(engine::Verb::write, "service", "Fails", engine::open),
        engine::route<&Stub::login<Kind::batch>>(engine::Verb::write, "batch", "Fails", engine::open)};
    return kRoutes;
  }
  const identity::Tokens* tokens = nullptr;
  mutable std::string last;
};

TEST(Advisory, A27_ALoginThatFailsLeavesNoToken) {
  Stub stub;
  TestServer::Options options;
  options.more_kinds = {{"stub", &stub}};
  const auto server = TestServer::ready(options);
  stub.tokens = &server->core().tokens();
  ASSERT_EQ(server->root("POST", "sys/mounts/stub", R"({"type":"stub"})").status, 204);
  const auto accessors = server->root("LIST", "auth/token/accessors").texts("data/keys").size();
  const auto before = (*server->store().snapshot())->revision();
  for (const auto* kind : {"service", "batch"}) {
    const auto a = server->call("POST", std::string("stub/") + kind, "{}");
    EXPECT_EQ(a.status, 400) << kind;
    ASSERT_FALSE(stub.last.empty());
    EXPECT_EQ(a.body.find(stub.last), std::string::npos) << "the reply has the token";
    EXPECT_EQ(a.body.find("auth"), std::string::npos);
  }
  EXPECT_EQ((*server->store().snapshot())->revision(), before);
  EXPECT_EQ(server->root("LIST", "auth/token/accessors").texts("data/keys").size(), accessors);
  for (const auto& r : server->records()) EXPECT_FALSE(r.record.issued && r.record.mount.type == "stub");
}

TEST_F(AdvisoryAccess, A28_InternalOperationsAreNoMethods) {
  server_->policy("all", R"(path "*" { capabilities = ["create","read","update","delete","list","sudo"] })");
  const auto token = server_->token_with(R"(["all"])");
  const auto before = revision();
  for (const auto* method :
       {"RENEW", "REVOKE", "ROLLBACK", "ALIAS-LOOKAHEAD", "ALIAS_LOOKAHEAD", "RESOLVE-ROLE", "HEADER",
        "CREATE", "UPDATE", "READ", "LOGIN", "get", "post", "Post", "POST ", ""})
    for (const auto* path : {"auth/token/create", "secret/data/a", "sys/mounts"}) {
      const auto a = as(token, method, path, R"({"operation":"revoke","data":{"a":"b"}})");
      EXPECT_TRUE(a.status == 405 || a.status == 400) << method << " " << path << " " << a.status;
    }
  EXPECT_EQ(revision(), before);
}

TEST_F(AdvisoryAccess, B01_NoSpellingOfRootGetsIntoATokenRole) {
  server_->policy("operator", R"(path "auth/token/*" { capabilities = ["create","update","read","sudo"] })");
  const auto token = server_->token_with(R"(["operator"])");
  for (const auto* root : kRoots)
    for (const auto* field : {"allowed_policies", "allowed_policies_glob"})
      for (const auto& value : {fmt::format("[\"{}\"]", root), fmt::format("\"{}\"", root),
                                fmt::format("[\"default\",\"{}\"]", root)}) {
        const auto written =
            as(token, "POST", "auth/token/roles/r", fmt::format("{{\"{}\":{}}}", field, value));
        for (const auto& name : as(token, "GET", "auth/token/roles/r").texts(std::string("data/") + field))
          EXPECT_NE(name, "root") << value;
        if (!written.ok()) continue;
        for (const auto& wish : {std::string("{}"), fmt::format("{{\"policies\":{}}}", value),
                                 std::string(R"({"policies":["root"]})")}) {
          const auto made = as(token, "POST", "auth/token/create/r", wish);
          if (!made.ok()) continue;
          for (const auto& name : made.texts("auth/policies")) EXPECT_NE(name, "root") << value << wish;
          EXPECT_EQ(as(made.text("auth/client_token"), "PUT", "sys/seal").status, 403);
        }
      }
  // A pattern that covers every name does not make one of root, either.
  EXPECT_EQ(as(token, "POST", "auth/token/roles/any", R"({"allowed_policies_glob":"*"})").status, 204);
  for (const auto* root : kRoots) {
    const auto made =
        as(token, "POST", "auth/token/create/any", fmt::format("{{\"policies\":[\"{}\"]}}", root));
    if (!made.ok()) continue;
    for (const auto& name : made.texts("auth/policies")) EXPECT_NE(name, "root") << root;
  }
}

// E01 as a property: whatever kinds, lives and renewals, nobody works whose parent does not.
TEST_F(AdvisoryAccess, E01_NobodyOutlivesAnAncestor) {
  server_->policy("p", R"(path "auth/token/*" { capabilities = ["create","update","read","sudo"] })");
  struct Node {
    std::string id;
    std::size_t parent;
  };
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 dice(seed);
    std::vector<Node> nodes{{server_->token_with(R"(["p"])", R"("ttl":"300s")"), 0}};
    const auto works = [&](const Node& n) { return as(n.id, "GET", "auth/token/lookup-self").status == 200; };
    for (int step = 0; step < 80; ++step) {
      const auto at = dice() % nodes.size();
      switch (dice() % 6) {
        case 0:
        case 1:
        case 2: {
          const auto body =
              fmt::format(R"({{"policies":["p"],"ttl":{}{}}})", 1 + dice() % 500,
                          std::array{"", R"(,"type":"batch")", R"(,"period":"60s")"}[dice() % 3]);
          const auto made = as(nodes[at].id, "POST", "auth/token/create", body);
          if (made.ok()) nodes.push_back({made.text("auth/client_token"), at});
          break;
        }
        case 3:
          as(nodes[at].id, "POST", "auth/token/renew-self",
             fmt::format("{{\"increment\":{}}}", dice() % 400));
          break;
        case 4:
          if (dice() % 4 == 0)
            server_->root("POST", "auth/token/revoke", "{\"token\":\"" + nodes[at].id + "\"}");
          break;
        default:
          server_->clock.advance(Seconds(static_cast<long long>(dice() % 40)));
          if (dice() % 3 == 0) server_->core().tick();
      }
      for (const auto& n : nodes)
        EXPECT_TRUE(!works(n) || works(nodes[n.parent])) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace strongroom::testkit
