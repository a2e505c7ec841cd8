// Audit devices, hashes and request headers over the API, and what records say of wrapped replies.
#include <gtest/gtest.h>

#include "audit/redact.h"
#include "audit/tree.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

std::unique_ptr<TestServer> open_server() {
  TestServer::Options o;
  o.audit_api = TestDevices::Api::open;
  return TestServer::ready(std::move(o));
}

constexpr const char* kDiscard = R"({"type":"file","description":"d","options":{"file_path":"discard"}})";

TEST(AuditDevices, AreEnabledListedAndDisabled) {
  const auto server = open_server();
  ASSERT_EQ(server->root("PUT", "sys/audit/a", kDiscard).status, 204);
  ASSERT_EQ(server->devices().running().size(), 1u);
  EXPECT_EQ(server->devices().running().front().path, "a/");
  const auto list = server->root("GET", "sys/audit");
  EXPECT_NE(
      list.body.find(
          R"("a/":{"description":"d","local":false,"options":{"file_path":"discard"},"path":"a/","type":"file"})"),
      std::string::npos)
      << list.body;
  EXPECT_NE(list.body.find(R"("kit/":)"), std::string::npos);
  EXPECT_EQ(server->root("PUT", "sys/audit/a", kDiscard).error(), "path already in use");
  EXPECT_EQ(server->root("PUT", "sys/audit/a/b", kDiscard).error(), "path already in use");
  EXPECT_EQ(server->root("PUT", "sys/audit/kit", kDiscard).error(), "path already in use");
  EXPECT_EQ(server->root("DELETE", "sys/audit/kit").error(),
            "cannot disable configuration-managed audit device");
  EXPECT_EQ(server->root("DELETE", "sys/audit/none").status, 204);
  EXPECT_EQ(server->root("DELETE", "sys/audit/a").status, 204);
  EXPECT_TRUE(server->devices().running().empty());
}

TEST(AuditDevices, AreClosedOverTheApiUnlessTheConfigurationOpensIt) {
  const auto server = TestServer::ready();
  EXPECT_EQ(
      server->root("PUT", "sys/audit/a", kDiscard).error(),
      "cannot enable audit device via API; use declarative, config-based audit device management instead");
  EXPECT_EQ(server->root("GET", "sys/audit").status, 200);
}

TEST(AuditDevices, AreThereAgainAfterARestartAndMissNothing) {
  const auto server = open_server();
  const auto from = server->log().size();
  ASSERT_EQ(server->root("PUT", "sys/audit/a", kDiscard).status, 204);
  ASSERT_TRUE(server->restart());
  EXPECT_TRUE(server->devices().running().empty()) << "sealed: nobody knows which there are";
  ASSERT_EQ(server->unseal().status, 200);
  const auto running = server->devices().running();
  ASSERT_EQ(running.size(), 1u);
  EXPECT_LE(running.front().from, from + 1);
}

TEST(AuditDevices, OneThatCannotBeOpenedHoldsUpNobodyAndIsTriedAgain) {
  const auto server = open_server();
  ASSERT_EQ(server->root("PUT", "sys/audit/b", R"({"type":"file","options":{"file_path":"broken"}})").status,
            204);
  EXPECT_TRUE(server->devices().running().empty());
  EXPECT_NE(server->root("GET", "sys/audit").body.find(R"("state":"cannot be opened")"), std::string::npos);
  server->core().tick();
  EXPECT_TRUE(server->devices().running().empty());
  server->devices().mends = true;
  server->core().tick();
  EXPECT_EQ(server->devices().running().size(), 1u);
  EXPECT_EQ(server->root("GET", "sys/audit").body.find(R"("state")"), std::string::npos);
}

TEST(AuditDevices, OneThatComesLaterUnderTheSameNameIsAnother) {
  const auto server = open_server();
  ASSERT_EQ(server->root("PUT", "sys/audit/a", kDiscard).status, 204);
  const auto first = server->devices().running().front();
  ASSERT_EQ(server->root("DELETE", "sys/audit/a").status, 204);
  server->records();  // the log has them all
  ASSERT_EQ(server->root("PUT", "sys/audit/a", kDiscard).status, 204);
  const auto second = server->devices().running().front();
  EXPECT_NE(first.id, second.id);
  EXPECT_GT(second.from, first.from);
}

TEST(AuditDevices, AreBounded) {
  const auto server = open_server();
  for (int i = 0; i < 16; ++i)
    ASSERT_EQ(server->root("PUT", "sys/audit/d" + std::to_string(i + 10), kDiscard).status, 204) << i;
  EXPECT_EQ(server->root("PUT", "sys/audit/one-more", kDiscard).status, 400);
  EXPECT_EQ(server->root("PUT", "sys/audit/" + std::string(64, 'x'), kDiscard).status, 400);
}

TEST(AuditHash, IsTheOneThatRecordsHave) {
  const auto server = TestServer::ready();
  const auto hash = server->root("POST", "sys/audit-hash/kit", R"({"input":"hunter2"})").text("data/hash");
  EXPECT_TRUE(hash.starts_with("hmac-sha256:")) << hash;
  server->root("POST", "kv/a", R"({"p":"hunter2"})");
  bool found = false;
  for (const auto& r : server->records()) {
    audit::tree::Reader reader(r.record.request);
    while (r.record.path == "kv/a") {
      const auto item = reader.next();
      ASSERT_TRUE(item);
      if (item->kind == audit::tree::Kind::finish) break;
      found |= item->kind == audit::tree::Kind::mac && audit::display(item->mac) == hash;
    }
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(server->root("POST", "sys/audit-hash/kit", R"({"input":""})").error(),
            "the \"input\" parameter is empty");
  EXPECT_EQ(server->root("POST", "sys/audit-hash/none", R"({"input":"x"})").error(),
            "unknown audit backend \"none/\"");
}

// name -> what the record shows: the text, or "hmac" and the HMAC.
std::map<std::string, std::vector<std::string>> headers_of(const audit::Record& r) {
  std::map<std::string, std::vector<std::string>> out;
  if (r.headers.empty()) return out;
  audit::tree::Reader reader(r.headers);
  std::string name;
  for (;;) {
    const auto item = reader.next();
    if (!item || item->kind == audit::tree::Kind::finish) return out;
    if (item->kind == audit::tree::Kind::key) name = item->text;
    if (item->kind == audit::tree::Kind::text) out[name].emplace_back(item->text);
    if (item->kind == audit::tree::Kind::mac) out[name].emplace_back(audit::display(item->mac));
  }
}

TEST(AuditedHeaders, AreInRecordsAsConfiguredAndNoOthers) {
  const auto server = TestServer::ready();
  ASSERT_EQ(server->root("PUT", "sys/config/auditing/request-headers/X-Plain", "{}").status, 204);
  ASSERT_EQ(server->root("PUT", "sys/config/auditing/request-headers/x-hashed", R"({"hmac":true})").status,
            204);
  Ask ask;
  ask.target = "sys/mounts";
  ask.token = server->root_token();
  ask.headers = {{"x-plain", "a"}, {"X-PLAIN", "b"}, {"X-Hashed", "secret-4711"}, {"X-Other", "no"}};
  server->send(ask);
  const auto hash =
      server->root("POST", "sys/audit-hash/kit", R"({"input":"secret-4711"})").text("data/hash");
  const auto records = server->records();
  const auto& r = records[records.size() - 3].record;
  ASSERT_EQ(r.path, "sys/mounts");
  EXPECT_EQ(headers_of(r),
            (std::map<std::string, std::vector<std::string>>{{"x-plain", {"a", "b"}}, {"x-hashed", {hash}}}));
  EXPECT_EQ(server->root("GET", "sys/config/auditing/request-headers").text("data/headers"),
            R"({"x-hashed":{"hmac":true},"x-plain":{"hmac":false}})");
  EXPECT_EQ(server->root("GET", "sys/config/auditing/request-headers/X-PLAIN").text("data/X-PLAIN"),
            R"({"hmac":false})");
  ASSERT_EQ(server->root("DELETE", "sys/config/auditing/request-headers/X-Plain").status, 204);
  ASSERT_EQ(server->root("DELETE", "sys/config/auditing/request-headers/X-hashed").status, 204);
  EXPECT_EQ(server->root("GET", "sys/config/auditing/request-headers/x-plain").error(),
            "Could not find header in config");
  server->send(ask);
  const auto after = server->records();
  EXPECT_TRUE(after[after.size() - 2].record.headers.empty());
}

TEST(AuditedHeaders, AnUnprintableValueIsHashedAndABadNameRefused) {
  const auto server = TestServer::ready();
  ASSERT_EQ(server->root("PUT", "sys/config/auditing/request-headers/x-a", "{}").status, 204);
  EXPECT_EQ(server->root("PUT", "sys/config/auditing/request-headers/x%20y", "{}").status, 400);
  Ask ask;
  ask.target = "sys/mounts";
  ask.token = server->root_token();
  ask.headers = {{"x-a", "\xff\xfe"}};
  server->send(ask);
  const auto records = server->records();
  const auto shown = headers_of(records[records.size() - 2].record);
  ASSERT_EQ(shown.count("x-a"), 1u);
  EXPECT_TRUE(shown.at("x-a").front().starts_with("hmac-sha256:"));
}

// A32 of the catalogue, and D03: neither is in clear whatever the configuration says, and both are there.
TEST(Advisory, A32_D03_HeadersWithCredentialsAreHashedWhateverWasAskedFor) {
  const auto server = TestServer::ready();
  for (const auto* name : {"Authorization", "X-Vault-Token", "Cookie", "Proxy-Authorization", "X-Api-Key"}) {
    const auto a =
        server->root("PUT", std::string("sys/config/auditing/request-headers/") + name, R"({"hmac":false})");
    EXPECT_EQ(a.status, 200) << name << a.body;
    EXPECT_NE(a.body.find("never logged in clear"), std::string::npos) << a.body;
    EXPECT_NE(server->root("GET", std::string("sys/config/auditing/request-headers/") + name)
                  .body.find(R"({"hmac":true})"),
              std::string::npos)
        << name;
  }
  ASSERT_EQ(server->root("PUT", "sys/config/auditing/request-headers/X-Request", "{}").status, 204);
  Ask ask;
  ask.target = "sys/mounts";
  ask.token = server->root_token();
  ask.authorization = "Bearer other-secret-4711";
  ask.headers = {
      {"Cookie", "session=other-secret-4712"}, {"x-request", "in-clear"}, {"X-API-KEY", "secret-4713"}};
  server->send(ask);
  const auto records = server->records();
  const auto& r = records[records.size() - 2].record;
  const auto shown = headers_of(r);
  for (const auto* name : {"authorization", "x-vault-token", "cookie", "x-api-key"}) {
    ASSERT_EQ(shown.count(name), 1u) << name;
    EXPECT_TRUE(shown.at(name).front().starts_with("hmac-sha256:")) << name;
  }
  EXPECT_EQ(shown.at("x-request"), std::vector<std::string>{"in-clear"});
  const auto bytes = audit::encode(r);
  for (const auto& secret :
       {server->root_token(), std::string("4711"), std::string("4712"), std::string("4713")})
    EXPECT_EQ(bytes.find(secret), std::string::npos);
}

TEST(AuditRecords, TellOfWrappedReplies) {
  const auto server = TestServer::ready();
  Ask ask;
  ask.method = "POST";
  ask.target = "auth/token/create";
  ask.body = R"({"policies":["default"]})";
  ask.token = server->root_token();
  ask.wrap_ttl = "60";
  const auto answer = server->send(ask);
  const auto records = server->records();
  const auto& r = records[records.size() - 2].record;
  ASSERT_EQ(r.path, "auth/token/create");
  EXPECT_EQ(r.wrap_ttl, 60);
  ASSERT_TRUE(r.wrapped);
  EXPECT_EQ(r.wrapped->ttl, 60);
  EXPECT_EQ(r.wrapped->creation_path, "auth/token/create");
  EXPECT_EQ(r.wrapped->creation_time, answer.text("wrap_info/creation_time"));
  EXPECT_FALSE(r.issued) << "the token is inside";
  EXPECT_TRUE(r.response.empty());
  const auto hash = [&](const std::string& text) {
    return server->root("POST", "sys/audit-hash/kit", "{\"input\":\"" + text + "\"}").text("data/hash");
  };
  EXPECT_EQ(audit::display(r.wrapped->token), hash(answer.text("wrap_info/token")));
  EXPECT_EQ(audit::display(r.wrapped->accessor), hash(answer.text("wrap_info/accessor")));
  ASSERT_TRUE(r.wrapped->wrapped_accessor);
  EXPECT_EQ(audit::display(*r.wrapped->wrapped_accessor), hash(answer.text("wrap_info/wrapped_accessor")));
}

// Refusals of strangers are bounded in the log and all counted; those of somebody known are recorded each.
TEST(AuditRecords, AFloodOfUnknownTokensIsCounted) {
  TestServer::Options o;
  o.core.refusals = {.per_address = 20, .in_all = 100, .addresses = 16};
  const auto server = TestServer::ready(std::move(o));
  server->policy("nothing", "");
  const auto nobody = server->token_with(R"(["nothing"])");
  const auto before = server->log().size();
  for (int i = 0; i < 250; ++i) {
    EXPECT_EQ(server->call("GET", "secret/data/a", "", "hvs.unknown").status, 403);
    EXPECT_EQ(server->call("GET", "secret/data/a", "", nobody).status, 403);
  }
  server->core().tick();
  std::uint64_t own = 0, counted = 0, known = 0;
  for (const auto& r : server->records()) {
    if (r.sequence < before) continue;
    if (r.record.what == audit::What::aggregate) {
      EXPECT_EQ(r.record.operation, "refused");
      EXPECT_EQ(r.record.remote_address, "10.1.2.3");
      counted += r.record.count;
    } else if (r.record.outcome == "unauthenticated") {
      ++own;
    } else if (r.record.outcome == "permission_denied") {
      ++known;
    }
  }
  EXPECT_EQ(own, 20u);
  EXPECT_EQ(counted, 230u);
  EXPECT_EQ(known, 250u);
}

// What a stranger may ask is no way to fill the disk, either; who is known is on record each time.
TEST(AuditRecords, AFloodOfWhatAnybodyMayAskIsCounted) {
  TestServer::Options o;
  o.core.refusals = {.per_address = 20, .in_all = 100, .addresses = 16};
  const auto server = TestServer::ready(std::move(o));
  const auto flood = [&](std::string method, std::string target, std::string body, std::string token = {}) {
    server->clock.advance(Seconds(2));
    const auto before = server->records().size();
    for (int i = 0; i < 60; ++i) server->call(method, target, body, token);
    server->core().tick();
    std::map<std::string, std::uint64_t> counted;
    std::uint64_t own = 0;
    const auto records = server->records();
    for (std::size_t i = before; i < records.size(); ++i) {
      const auto& r = records[i].record;
      if (r.what == audit::What::aggregate) counted[r.operation] += r.count;
      if (r.path == target) ++own;
    }
    EXPECT_EQ(own, token == server->root_token() ? 60u : 20u) << target;
    return counted;
  };
  using Counts = std::map<std::string, std::uint64_t>;
  const Counts answered{{"answered", 40}};
  const Counts refused{{"refused", 40}};
  for (const auto* target :
       {"sys/internal/ui/mounts", "sys/internal/specs/openapi", "sys/internal/audit/key"}) {
    EXPECT_EQ(flood("GET", target, ""), answered) << target;
    EXPECT_EQ(flood("GET", target, "", "hvs.unknown"), answered) << target;
  }
  EXPECT_EQ(flood("POST", "sys/decode-token", R"({"encoded_token":"AAAA","otp":"abc"})"), answered);
  EXPECT_EQ(flood("PUT", "sys/unseal", R"({"key":"AAAA"})"), answered) << "it is unsealed";
  EXPECT_EQ(flood("PUT", "sys/init", R"({"secret_shares":1,"secret_threshold":1})"), refused);
  EXPECT_EQ(flood("PUT", "sys/unseal", "{}"), refused);
  EXPECT_EQ(flood("GET", "sys/internal/ui/mounts", "", server->root_token()), Counts());
}

TEST(AuditRecords, AFloodOfSharesIsCountedAndTheOneThatUnsealsIsOnRecord) {
  TestServer::Options o;
  o.core.refusals = {.per_address = 5, .in_all = 100, .addresses = 16};
  o.shares = 3;
  o.threshold = 2;
  const auto server = TestServer::ready(std::move(o));
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  server->clock.advance(Seconds(2));
  const auto before = server->log().size();
  for (int i = 0; i < 60; ++i) server->call("PUT", "sys/unseal", R"({"reset":true})");
  EXPECT_EQ(server->log().size() - before, 5u) << "sealed, nothing else is recorded";
  ASSERT_EQ(server->unseal().status, 200);
  const auto records = server->records();
  EXPECT_TRUE(std::ranges::any_of(records, [&](const auto& r) {
    return r.sequence >= before + 5 && r.record.operation == "unseal" && r.record.outcome == "ok";
  }));
}

TEST(AuditRecords, WhatWasOnlyCountedIsThereWhenTheServerSeals) {
  TestServer::Options o;
  o.core.refusals = {.per_address = 1, .in_all = 1, .addresses = 16};
  const auto server = TestServer::ready(std::move(o));
  for (int i = 0; i < 3; ++i) server->call("GET", "secret/data/a", "", "hvs.unknown");
  server->call("GET", "sys/health");
  ASSERT_EQ(server->root("PUT", "sys/seal").status, 204);
  ASSERT_EQ(server->unseal().status, 200);
  std::map<std::string, std::uint64_t> counts;
  for (const auto& r : server->records())
    if (r.record.what == audit::What::aggregate) counts[r.record.operation] += r.record.count;
  EXPECT_EQ(counts["refused"], 2u);
  EXPECT_GE(counts["health"], 1u);
}

}  // namespace
}  // namespace strongroom::testkit
