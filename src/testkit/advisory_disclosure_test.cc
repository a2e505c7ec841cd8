// Published vulnerabilities of our peers in disclosure, files and denial of service, and properties that hold
// for every request. The row of docs/security-catalogue.md is in the name.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "audit/redact.h"
#include "barrier/barrier.h"
#include "base/path.h"
#include "seals/shamir/shamir_seal.h"
#include "store/tables.h"
#include "stores/embedded/embedded_store.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

std::uint64_t revision(TestServer& s) { return (*s.store().snapshot())->revision(); }

TEST(Advisory, C01_NoRequestCreatesAFileOrAddsAnAuditSink) {
  const auto server = TestServer::ready();
  const auto names = server->disk.list("");
  for (const auto* body :
       {R"({"type":"file","options":{"file_path":"/tmp/sr-advisory-c01","mode":"0777"}})",
        R"({"type":"file","options":{"file_path":"discard"}})",
        R"({"type":"file","file_path":"/tmp/sr-advisory-c01","options":{"prefix":"#!/bin/sh\n"}})",
        R"({"type":"socket","options":{"address":"127.0.0.1:1"}})"})
    for (const auto* path :
         {"sys/audit/x", "sys/audit/file", "sys/plugins/catalog/secret/x", "sys/storage/raft/snapshot"}) {
      EXPECT_FALSE(server->root("POST", path, body).ok()) << path;
      EXPECT_FALSE(server->root("PUT", path, body).ok()) << path;
    }
  EXPECT_FALSE(std::filesystem::exists("/tmp/sr-advisory-c01"));
  EXPECT_EQ(server->disk.list(""), names);
  EXPECT_TRUE(server->devices().running().empty());
}

// The product runs no program and loads no code.
TEST(Advisory, C08_NothingIsExecutedAndNothingIsLoaded) {
  const std::filesystem::path root("src");
  ASSERT_TRUE(std::filesystem::exists(root)) << "runs in the source tree";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const auto name = entry.path().native();
    if (!name.ends_with(".cc") && !name.ends_with(".h")) continue;
    if (name.ends_with("_test.cc") || name.find("/client") != name.npos ||
        name.find("/apps/cli") != name.npos)
      continue;
    std::ifstream in(entry.path());
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    for (const auto* call :
         {"std::system", "popen(", "dlopen(", "::system(", "execve(", "execvp(", "execl(", "posix_spawn("})
      EXPECT_EQ(text.find(call), text.npos) << name << " calls " << call;
  }
}

TEST(Advisory, D01_D03_TheLogHasMacsOfTokensAndTheHeadersOfNobody) {
  const auto server = TestServer::ready();
  server->policy("p", R"(path "secret/data/a" { capabilities = ["read"] })");
  const auto token = server->token_with(R"(["p"])");
  Ask ask;
  ask.target = "secret/data/a";
  ask.token = token;
  ask.authorization = "Bearer other-secret-4711";
  server->send(ask);
  const auto records = server->records();
  std::size_t with = 0;
  for (const auto& r : records) {
    const auto bytes = audit::encode(r.record);
    for (const auto& secret :
         {token, server->root_token(), std::string("other-secret-4711"), server->shares().front()})
      EXPECT_EQ(bytes.find(secret), std::string::npos) << r.record.path;
    if (r.record.path != "secret/data/a") continue;
    ++with;
    ASSERT_TRUE(r.record.presented_token);
    ASSERT_TRUE(r.record.actor);
    EXPECT_EQ(r.record.actor->client_token, r.record.presented_token);
    EXPECT_TRUE(r.record.actor->accessor);
    EXPECT_NE(r.record.actor->accessor, r.record.actor->client_token);
    EXPECT_EQ(r.record.actor->policies, (std::vector<std::string>{"default", "p"}));
    EXPECT_EQ(r.record.actor->granting_policies, std::vector<std::string>{"p"});
    EXPECT_EQ(r.record.remote_address, "10.1.2.3");
    EXPECT_TRUE(r.record.headers.empty());
  }
  EXPECT_EQ(with, 1u);
}

TEST(Advisory, D02_NumbersBooleansAndListsOfUserDataAreHashedToo) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/a",
               R"({"data":{"pin":739154826,"flag":true,"list":[739154826,[739154826]],"f":7391.54826}})");
  server->root("POST", "kv/a", R"({"pin":739154826,"deep":{"pin":[739154826]}})");
  server->root("GET", "secret/data/a");
  server->root("GET", "kv/a");
  std::string big;
  put_u32(big, 739154826);
  for (const auto& r : server->records()) {
    const auto bytes = audit::encode(r.record);
    EXPECT_EQ(bytes.find("739154826"), std::string::npos) << r.record.path;
    EXPECT_EQ(bytes.find("7391.54826"), std::string::npos) << r.record.path;
    EXPECT_EQ(bytes.find(big), std::string::npos) << r.record.path << ": as a number";
  }
}

TEST(Advisory, D04_AMalformedBodyIsNotEchoed) {
  const auto server = TestServer::ready();
  const std::string canary = "canary-20b7";
  std::mt19937_64 dice(4);
  const std::string pieces[] = {"{",  "}",   "[",    "]",     "\"", ":",    ",", canary, "\"" + canary + "\"",
                                "1e", "tru", "null", "\\u00", "\\", "\xff", " "};
  for (int i = 0; i < 3000; ++i) {
    std::string body;
    for (auto n = 1 + dice() % 9; n > 0; --n) body += pieces[dice() % std::size(pieces)];
    for (const auto* path : {"secret/data/a", "auth/token/create", "sys/policies/acl/p", "sys/unseal"}) {
      const auto a = server->root("POST", path, body);
      EXPECT_NE(a.status, 500) << body;
      if (!a.ok()) {
        EXPECT_EQ(a.body.find(canary), std::string::npos) << path << " " << body << " -> " << a.body;
      }
    }
  }
  EXPECT_FALSE(server->log_lines.mentions(canary));
}

TEST(Advisory, D07_FilesOfStoreAndLogAreTheOwnersAlone) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sr-d07-XXXXXX").native();
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  ::umask(0);
  {
    KeptLog lines;
    ManualClock clock;
    SeededRandom random(1);
    InlineWorkers workers;
    Env env{clock, random, workers, lines};
    stores::EmbeddedOptions options;
    options.path = root / "store";
    options.map_bytes = 1u << 20;
    const auto store = stores::EmbeddedStore::open(options, lines);
    ASSERT_TRUE(store) << store.error().message;
    const auto log = audit::Log::open(root / "audit", {}, env);
    ASSERT_TRUE(log) << log.error().message;
  }
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    struct stat s{};
    ASSERT_EQ(::stat(entry.path().c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 077u, 0u) << entry.path();
    EXPECT_TRUE(S_ISDIR(s.st_mode) || (s.st_mode & 0111u) == 0) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 4u);
  std::filesystem::remove_all(root);
}

TEST(Advisory, E06_NoRequestEndsTheProcess) {
  const auto server = TestServer::ready();
  std::mt19937_64 dice(66);
  const std::string paths[] = {"sys/mounts/x",
                               "sys/mounts/x/tune",
                               "sys/policies/acl/x",
                               "auth/token/create",
                               "auth/token/lookup",
                               "auth/token/renew",
                               "secret/data/x",
                               "secret/metadata/x",
                               "secret/delete/x",
                               "secret/config",
                               "kv/x",
                               "sys/capabilities",
                               "sys/internal/ui/mounts/x",
                               "sys/unseal",
                               "sys/init",
                               "sys/wrapping/unwrap",
                               "",
                               "sys",
                               "sys/",
                               "secret",
                               "secret/",
                               "auth",
                               "auth/token",
                               "x/y/z"};
  const std::string pieces[] = {
      "{", "}", "[", "]",  "\"a\"", "\"data\"", "\"options\"", "\"version\"", "\"policies\"",
      ":", ",", "1", "-1", "1e999", "null",     "true",        "\"\"",        "\"\\u0000\""};
  const std::string methods[] = {"GET",   "POST", "PUT",     "DELETE", "LIST",
                                 "PATCH", "HEAD", "OPTIONS", "TRACE",  ""};
  for (int i = 0; i < 6000; ++i) {
    Ask a;
    a.method = methods[dice() % std::size(methods)];
    a.target = paths[dice() % std::size(paths)];
    if (dice() % 4 == 0)
      a.target += "?" + pieces[dice() % std::size(pieces)] + "=" + pieces[dice() % std::size(pieces)];
    for (auto n = dice() % 12; n > 0; --n) a.body += pieces[dice() % std::size(pieces)];
    a.token = dice() % 5 == 0 ? "" : server->root_token();
    const auto answer = server->send(a);
    EXPECT_NE(answer.status, 500) << a.method << " " << a.target << " " << a.body << " -> " << answer.body;
  }
  EXPECT_EQ(server->root("GET", "sys/mounts").status, 200);
}

TEST(Advisory, G02_BombsInBodiesAreRefusedBeforeAnybodyIsAsked) {
  const auto server = TestServer::ready();
  const auto nest = [](std::size_t n, const char* open, const char* close) {
    std::string s;
    for (std::size_t i = 0; i < n; ++i) s += open;
    s += "1";
    for (std::size_t i = 0; i < n; ++i) s += close;
    return s;
  };
  std::string keys = "{";
  for (int i = 0; i < 200'000; ++i) keys += fmt::format("\"k{}\":1,", i);
  keys += "\"z\":1}";
  std::string strings = "{\"a\":[";
  for (int i = 0; i < 200'000; ++i) strings += "\"\",";
  strings += "1]}";
  std::string twice = "{";
  for (int i = 0; i < 20'000; ++i) twice += "\"k\":1,";
  twice += "\"k\":1}";
  std::string row = "[0";
  for (int i = 1; i < 5000; ++i) row += ",0";
  row += ']';
  std::string rows = "{\"a\":[";
  rows += row;
  for (int i = 1; i < 100; ++i) {
    rows += ",";
    rows += row;
  }
  rows += "]}";
  const std::string bodies[] = {"{\"a\":" + nest(10'000, "[", "]") + "}",
                                "{\"a\":" + nest(10'000, "{\"a\":", "}") + "}",
                                keys,
                                strings,
                                twice,
                                rows,
                                "{\"a\":\"" + std::string(2u << 20, 'x') + "\"}"};
  for (const auto& body : bodies)
    for (const auto* path : {"secret/data/a", "sys/unseal", "sys/init", "auth/token/create"}) {
      const auto a = server->call("POST", path, body);
      EXPECT_TRUE(a.status == 400 || a.status == 413)
          << path << " " << a.status << " " << a.body.substr(0, 100);
    }
  EXPECT_NE(server->root("POST", "secret/data/a", R"({"data":{"n":1e308,"m":1e999}})").status, 500);
}

TEST(Advisory, G03_StrangersLeaveNothingBehindInTheStore) {
  const auto server = TestServer::ready();
  const auto before = revision(*server);
  for (int i = 0; i < 2000; ++i) {
    server->call("GET", "secret/data/a", {}, fmt::format("hvs.stranger{}", i));
    server->call("POST", "sys/unseal", fmt::format(R"({{"key":"{:064x}"}})", i));
    server->call("GET", fmt::format("sys/internal/ui/mounts/x{}", i));
    server->call("POST", "sys/init", R"({"secret_shares":1,"secret_threshold":1})");
  }
  EXPECT_EQ(revision(*server), before);
}

TEST(Advisory, H04_TwoCiphertextsCannotChangePlaces) {
  // Every pair of stored values is swapped in turn: nobody ever reads the other's value.
  const auto server = TestServer::ready();
  server->root("POST", "kv/a", R"({"v":"of-a"})");
  server->root("POST", "kv/b", R"({"v":"of-b"})");
  const auto snapshot = *server->store().snapshot();
  std::vector<std::pair<std::string, std::string>> rows;
  ASSERT_TRUE(snapshot->scan(store::table_key(store::kFirstMount), store::table_key(~0u),
                             [&](std::string_view k, std::string_view v) {
                               rows.emplace_back(k, v);
                               return true;
                             }));
  ASSERT_GE(rows.size(), 2u);
  // The process holds keys; another one with the same keys reads the swapped store.
  barrier::Barrier barrier(server->random);
  seals::shamir::ShamirSeal seal(server->random);
  ASSERT_TRUE(seal.expect(*barrier::Barrier::seal_config(*snapshot)));
  const auto raw = from_hex(server->shares().front());
  ASSERT_TRUE(raw);
  ASSERT_TRUE(seal.add_share(Secret::copy_of(View(*raw))));
  ASSERT_TRUE(barrier.unseal(*snapshot, seal));
  for (const auto& [key, mine] : rows)
    for (const auto& [other, theirs] : rows)
      if (key != other) {
        EXPECT_FALSE(barrier.open(key, theirs));
      }
}

TEST(Property, P1_ACanonicalPathIsItsOwnCanonicalPath) {
  std::mt19937_64 dice(1);
  const std::string_view pieces[] = {"a", "B",      "/", "/", "%2e", "%41",   "%20", ".",    "..", "%",
                                     "é", "%c3%a9", "~", "+", "%25", "%252f", "//",  "\x01", "%0a"};
  std::size_t good = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string raw;
    for (auto n = dice() % 9; n > 0; --n) raw += pieces[dice() % std::size(pieces)];
    const auto path = Path::from_url(raw);
    if (!path) continue;
    ++good;
    const auto again = Path::from_text(path->text());
    ASSERT_TRUE(again) << raw;
    EXPECT_EQ(again->text(), path->text());
    std::string escaped;
    for (const char c : path->text())
      escaped += c == '/' ? "/" : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    const auto spelled = Path::from_url(escaped);
    ASSERT_TRUE(spelled) << escaped;
    EXPECT_EQ(spelled->text(), path->text()) << "two spellings, two paths";
  }
  EXPECT_GT(good, 1000u);
}

// Whoever is refused, for whatever reason, has changed nothing: not even a revision.
TEST(Property, P5_ARefusedRequestLeavesTheStoreAsItWas) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
  server->policy("p", R"(path "secret/data/b" { capabilities = ["read"] })");
  const auto token = server->token_with(R"(["p"])");
  const auto before = revision(*server);
  struct Try {
    const char* method;
    const char* target;
    const char* body;
    bool as_root;
    int status;
  };
  const Try tries[] = {{"POST", "secret/data/a", R"({"data":{"v":"2"},"options":{"cas":5}})", true, 400},
                       {"POST", "secret/data/a", R"({"data":"no"})", true, 400},
                       {"POST", "secret/data/a", R"({})", true, 400},
                       {"POST", "secret/data/a", R"({"data":{"v":"2"}})", false, 403},
                       {"DELETE", "secret/metadata/a", "", false, 403},
                       {"POST", "secret/metadata/a", R"({"max_versions":-1})", true, 400},
                       {"POST", "secret/config", R"({"max_versions":-1})", true, 400},
                       {"POST", "sys/mounts/secret", R"({"type":"kv"})", true, 400},
                       {"POST", "sys/mounts/new", R"({"type":"nonesuch"})", true, 400},
                       {"POST", "sys/mounts/secret/tune", R"({"default_lease_ttl":"x"})", true, 400},
                       {"DELETE", "sys/mounts/sys", "", true, 400},
                       {"POST", "sys/policies/acl/root",
                        R"({"policy":"path \"a\" { capabilities = [\"read\"] }"})", true, 400},
                       {"DELETE", "sys/policies/acl/default", "", true, 400},
                       {"POST", "auth/token/create", R"({"num_uses":-1})", true, 400},
                       {"POST", "auth/token/create", R"({"policies":["root"]})", false, 403},
                       {"POST", "auth/token/renew", R"({"token":"hvs.none"})", true, 400},
                       {"POST", "nowhere/x", R"({"a":"b"})", true, 404},
                       {"PATCH", "secret/data/none", R"({"data":{"v":"2"}})", true, 404}};
  for (const auto& t : tries) {
    const auto a = server->call(t.method, t.target, t.body, t.as_root ? server->root_token() : token);
    EXPECT_EQ(a.status, t.status) << t.method << " " << t.target << " " << a.body;
    EXPECT_EQ(revision(*server), before) << t.method << " " << t.target;
  }
  EXPECT_EQ(server->root("GET", "secret/data/a").text("data/data/v"), "1");
}

// Power fails in each operation of the disk in turn while one request is served: before or after, never
// between.
TEST(Property, P5_AnInterruptedRequestHappenedWhollyOrNotAtAll) {
  struct Piece {
    std::function<Answer(TestServer&)> act;
    std::function<std::string(TestServer&)> look;
  };
  const Piece pieces[] = {
      {[](TestServer& s) { return s.root("POST", "secret/data/a", R"({"data":{"v":"2"}})"); },
       [](TestServer& s) {
         return s.root("GET", "secret/data/a").text("data/data/v") +
                s.root("GET", "secret/metadata/a").text("data/current_version");
       }},
      {[](TestServer& s) { return s.root("DELETE", "secret/metadata/a"); },
       [](TestServer& s) {
         return s.root("GET", "secret/data/a").text("data/data/v") +
                s.root("LIST", "secret/metadata").body.substr(0, 5) +
                std::to_string(s.root("LIST", "secret/metadata").status);
       }},
      {[](TestServer& s) {
         return s.root("POST", "sys/policies/acl/p",
                       R"({"policy":"path \"b\" { capabilities = [\"read\"] }"})");
       },
       [](TestServer& s) { return s.root("GET", "sys/policies/acl/p").text("data/policy"); }},
      {[](TestServer& s) { return s.root("POST", "sys/mounts/new", R"({"type":"kv"})"); },
       [](TestServer& s) { return std::to_string(s.root("GET", "sys/mounts/new").status); }},
  };
  for (const auto& piece : pieces) {
    bool interrupted = true;
    for (std::uint64_t at = 0; interrupted; ++at) {
      SCOPED_TRACE(testing::Message() << "power cut in operation " << at);
      ASSERT_LT(at, 100u);
      TestServer::Options options;
      options.seed = at + 1;
      auto server = TestServer::ready(options);
      server->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
      server->policy("p", R"(path "a" { capabilities = ["read"] })");
      server->records();
      const auto before = piece.look(*server);
      server->disk.crash_after(at);
      const auto answer = piece.act(*server);
      server->records();
      interrupted = server->disk.crashed();
      if (!interrupted) break;
      server->crash(at);
      ASSERT_TRUE(server->start());
      ASSERT_EQ(server->unseal().status, 200);
      const auto after = piece.look(*server);
      if (answer.ok()) {
        EXPECT_NE(after, before) << "acknowledged and lost";
      } else if (after != before) {
        // It happened though nobody was told: then wholly, as a second server without a cut shows.
        auto whole = TestServer::ready();
        whole->root("POST", "secret/data/a", R"({"data":{"v":"1"}})");
        whole->policy("p", R"(path "a" { capabilities = ["read"] })");
        piece.act(*whole);
        EXPECT_EQ(after, piece.look(*whole));
      }
      EXPECT_TRUE(server->core().verify_store()->verified);
    }
  }
}

}  // namespace
}  // namespace strongroom::testkit
