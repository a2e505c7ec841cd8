// A whole server on a disk that fills up, fails its syncs, or was put back to an older state.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "audit/segment.h"
#include "store/tables.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

using Files = std::map<std::string, std::string>;
Files copy(const store::SimDisk& disk, std::string_view prefix) {
  Files out;
  for (const auto& name : disk.list(prefix)) out[name] = *disk.read(name);
  return out;
}
void put_back(store::SimDisk& disk, std::string_view prefix, const Files& files) {
  for (const auto& name : disk.list(prefix)) ASSERT_TRUE(disk.remove(name));
  for (const auto& [name, bytes] : files) {
    ASSERT_TRUE(disk.create(name));
    ASSERT_TRUE(disk.append(name, bytes));
    ASSERT_TRUE(disk.fsync(name));
  }
  ASSERT_TRUE(disk.sync_directory());
}
Answer write(TestServer& s, const std::string& path, const std::string& value) {
  return s.root("POST", "secret/data/" + path, "{\"data\":{\"v\":\"" + value + "\"}}");
}
std::string value(TestServer& s, const std::string& path) {
  return s.root("GET", "secret/data/" + path).text("data/data/v");
}

// The log looks for space ten times a second; asking costs microseconds.
bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 3'000'000; ++i)
    if (condition()) return true;
  return false;
}

TEST(FullDisk, RefusesWritesAndDisclosuresPermitsDeletesAndRecovers) {
  TestServer::Options options;
  options.log.reserve_bytes = 64 * 1024;
  auto server = TestServer::ready(options);
  ASSERT_EQ(write(*server, "a", "one").status, 200);
  ASSERT_EQ(write(*server, "b", "two").status, 200);
  server->policy("reader", R"(path "secret/data/b" { capabilities = ["read"] })");
  const auto reader = server->token_with(R"(["reader"])");
  server->disk.set_capacity(server->disk.used() + 48 * 1024);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "secret/data/a").status == 503; }));

  const auto read = server->root("GET", "secret/data/a");
  EXPECT_EQ(read.status, 503);
  EXPECT_NE(read.error().find("full"), std::string::npos) << read.error();
  EXPECT_EQ(read.find("data"), std::nullopt);
  const auto refused = write(*server, "a", "three");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.error().find("full"), std::string::npos) << refused.error();
  EXPECT_EQ(server->root("POST", "auth/token/create", "{}").status, 503);
  EXPECT_EQ(server->call("GET", "sys/health").status, 200);
  EXPECT_EQ(server->call("GET", "sys/seal-status").status, 200);

  // Who may not delete learns nothing and takes no space for it.
  const auto size = server->log().size();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(server->call("DELETE", "secret/metadata/b", {}, "hvs.nobody").status, 503);
    EXPECT_EQ(server->call("DELETE", "secret/metadata/b", {}, reader).status, 503);
  }
  EXPECT_EQ(server->log().size(), size);

  EXPECT_EQ(server->root("DELETE", "secret/metadata/a").status, 204);
  EXPECT_EQ(server->root("POST", "auth/token/revoke", "{\"token\":\"" + reader + "\"}").status, 204);

  server->disk.set_capacity(UINT64_MAX);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "secret/data/b").status == 200; }));
  EXPECT_EQ(server->root("GET", "secret/data/a").status, 404);
  EXPECT_EQ(server->call("GET", "auth/token/lookup-self", {}, reader).status, 403);
  EXPECT_EQ(write(*server, "a", "four").status, 200);
  bool deleted = false;
  for (const auto& r : server->records())
    deleted |=
        r.record.operation == "delete" && r.record.path == "secret/metadata/a" && r.record.revision != 0;
  EXPECT_TRUE(deleted) << "the delete has its record";
}

TEST(FullDisk, ANearlyFullServerCanBeSealed) {
  TestServer::Options options;
  options.log.reserve_bytes = 64 * 1024;
  auto server = TestServer::ready(options);
  server->disk.set_capacity(server->disk.used() + 48 * 1024);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "sys/mounts").status == 503; }));
  EXPECT_EQ(server->root("PUT", "sys/seal").status, 204);
  EXPECT_TRUE(server->core().sealed());
}

// What is answered with "no space" has not happened: new shares that nobody was told would shut the store.
TEST(FullDisk, ACeremonyIsRefusedBeforeItIsDone) {
  TestServer::Options options;
  options.log.reserve_bytes = 64 * 1024;
  auto server = TestServer::ready(options);
  const auto share = [&](const Answer& begun) {
    return fmt::format(R"({{"key":"{}","nonce":"{}"}})", server->shares()[0], begun.text("data/nonce"));
  };
  const auto rekey =
      server->root("PUT", "sys/rotate/root/init", R"({"secret_shares":1,"secret_threshold":1})");
  const auto root = server->root("PUT", "sys/generate-root-token/attempt", "{}");
  const auto room = server->disk.used() + 48 * 1024;
  server->disk.set_capacity(room);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "sys/mounts").status == 503; }));
  const auto revision = (*server->store().snapshot())->revision();
  EXPECT_EQ(server->root("PUT", "sys/rotate/root/update", share(rekey)).status, 503);
  EXPECT_EQ(server->root("PUT", "sys/generate-root-token/update", share(root)).status, 503);
  EXPECT_EQ(server->root("DELETE", "sys/generate-root-token/attempt").status, 503);
  EXPECT_EQ((*server->store().snapshot())->revision(), revision);
  server->disk.set_capacity(UINT64_MAX);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "sys/mounts").status == 200; }));
  EXPECT_EQ(server->root("PUT", "sys/generate-root-token/update", share(root)).text("data/complete"), "true");
  ASSERT_TRUE(server->restart());
  EXPECT_EQ(server->unseal().text("sealed"), "false") << "the old share";
}

TEST(FullDisk, WithoutAnyRoomNothingIsDoneAndNothingIsLost) {
  auto server = TestServer::ready();
  ASSERT_EQ(write(*server, "a", "one").status, 200);
  server->disk.set_capacity(server->disk.used() + 20);
  EXPECT_EQ(write(*server, "a", std::string(4000, 'x')).status, 503);
  EXPECT_EQ(server->root("GET", "secret/data/a").status, 503);
  server->disk.set_capacity(UINT64_MAX);
  ASSERT_TRUE(comes_true([&] { return server->root("GET", "secret/data/a").status == 200; }));
  EXPECT_EQ(value(*server, "a"), "one");
}

// Unsealing waited for space with everything that health asks for locked.
TEST(FullDisk, UnsealingWithRecordsThatFindNoRoomEndsAndIsDoneLater) {
  for (std::uint64_t extra = 200;; extra += 150) {
    ASSERT_LT(extra, 20'000u) << "no size at which the store has room for a delete and the log has none";
    auto server = TestServer::ready();
    ASSERT_EQ(write(*server, "a", "one").status, 200);
    server->records();
    server->disk.set_capacity(server->disk.used() + extra);
    const auto before = (*server->store().snapshot())->revision();
    if (server->root("DELETE", "secret/metadata/a").status != 204) continue;
    const auto revision = (*server->store().snapshot())->revision();
    ASSERT_EQ(revision, before + 1);
    // The log has had its turn when it refuses the next record.
    if (server->root("GET", "sys/mounts").status != 503 || server->log().durable_revision() == revision)
      continue;
    std::ignore = server->root("PUT", "sys/seal");
    ASSERT_TRUE(server->core().sealed());
    const auto unsealed = server->unseal();
    EXPECT_EQ(unsealed.status, 503) << unsealed.body;
    EXPECT_EQ(server->call("GET", "sys/health").status, 503);
    server->disk.set_capacity(UINT64_MAX);
    ASSERT_TRUE(comes_true([&] {
      server->call("GET", "sys/health");
      return server->log().durable_revision() == revision;
    }));
    ASSERT_EQ(server->unseal().status, 200);
    std::map<std::uint64_t, int> seen;
    for (const auto& r : server->records()) ++seen[r.record.revision];
    for (std::uint64_t r = 1; r <= revision; ++r) EXPECT_EQ(seen[r], 1) << "revision " << r;
    return;
  }
}

TEST(FailedSync, OfTheLogStopsEverythingButHealthUntilARestart) {
  auto server = TestServer::ready();
  ASSERT_EQ(write(*server, "a", "one").status, 200);
  ASSERT_TRUE(server->log().sign_now());
  server->disk.fail_sync_after(0);
  const auto read = server->root("GET", "secret/data/a");
  EXPECT_EQ(read.status, 503);
  EXPECT_NE(read.error().find("audit log"), std::string::npos) << read.error();
  EXPECT_EQ(read.find("data"), std::nullopt);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(server->root("GET", "secret/data/a").status, 503);
    EXPECT_EQ(write(*server, "a", "two").status, 503);
    EXPECT_EQ(server->root("DELETE", "secret/metadata/a").status, 503);
  }
  EXPECT_EQ(server->call("GET", "sys/health").status, 200);
  ASSERT_TRUE(server->restart());
  ASSERT_EQ(server->unseal().status, 200);
  EXPECT_EQ(value(*server, "a"), "one");
}

TEST(FailedSync, OfTheStoreIsSettledByReopeningIt) {
  for (std::uint64_t syncs = 0; syncs < 6; ++syncs) {
    TestServer::Options options;
    options.log.checkpoint_every = Seconds(3600);
    auto server = TestServer::ready(options);
    ASSERT_EQ(write(*server, "a", "one").status, 200);
    server->records();
    server->disk.fail_sync_after(syncs);
    const auto answer = write(*server, "a", "two");
    ASSERT_TRUE(answer.status == 200 || answer.status == 503) << answer.status;
    server->crash(syncs);
    ASSERT_TRUE(server->start());
    ASSERT_EQ(server->unseal().status, 200);
    const auto now = value(*server, "a");
    if (answer.ok()) {
      EXPECT_EQ(now, "two");
    } else {
      EXPECT_TRUE(now == "one" || now == "two") << now;
    }
  }
}

TEST(RolledBack, AStoreOlderThanItsLogIsRefusedWithTheReason) {
  auto server = TestServer::ready();
  ASSERT_EQ(write(*server, "a", "one").status, 200);
  server->records();
  const auto older = copy(server->disk, "store/");
  ASSERT_EQ(write(*server, "a", "two").status, 200);
  server->records();
  server->stop();
  put_back(server->disk, "store/", older);
  ASSERT_TRUE(server->start());
  const auto unsealed = server->unseal();
  EXPECT_EQ(unsealed.status, 400);
  EXPECT_NE(unsealed.error().find("store is older than its audit log"), std::string::npos)
      << unsealed.error();
  EXPECT_TRUE(server->log_lines.mentions("not unsealed reason=the store is older than its audit log"));
  EXPECT_TRUE(server->core().sealed());
  EXPECT_EQ(server->root("GET", "secret/data/a").status, 503);
  EXPECT_EQ(server->call("GET", "sys/health").status, 503);
}

// An older copy of the log was opened without a word: its gap was never noticed.
TEST(RolledBack, ALogOlderThanItsStoreIsRefusedWithTheReason) {
  auto server = TestServer::ready();
  server->records();
  ASSERT_TRUE(server->log().sign_now());
  const auto older = copy(server->disk, "audit/");
  for (int i = 0; i < 50; ++i) ASSERT_EQ(write(*server, "a", std::to_string(i)).status, 200);
  // Until outbox entries that the older log has not seen are erased.
  server->records();
  ASSERT_TRUE(comes_true([&] {
    write(*server, "b", "x");
    std::uint64_t lowest = 0;
    const auto snapshot = *server->store().snapshot();
    const auto outbox = store::table_key(store::Table::outbox);
    EXPECT_TRUE(
        snapshot->scan(outbox, store::after_prefix(outbox), [&](std::string_view key, std::string_view) {
          lowest = get_be(key.substr(4));
          return false;
        }));
    return lowest == 0 || lowest > 40;
  }));
  server->stop();
  put_back(server->disk, "audit/", older);
  ASSERT_TRUE(server->start());
  const auto unsealed = server->unseal();
  EXPECT_EQ(unsealed.status, 400);
  EXPECT_NE(unsealed.error().find("audit log is older than its store"), std::string::npos)
      << unsealed.error();
  EXPECT_TRUE(server->log_lines.mentions("not unsealed reason=the audit log is older than its store"));
  EXPECT_TRUE(server->core().sealed());
}

TEST(RolledBack, ALogThatIsGoneIsRefusedWithTheReason) {
  auto server = TestServer::ready();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(write(*server, "a", std::to_string(i)).status, 200);
  server->records();
  ASSERT_TRUE(comes_true([&] {
    write(*server, "b", "x");
    const auto snapshot = *server->store().snapshot();
    auto first = store::table_key(store::Table::outbox);
    put_u64(first, 1);
    return !*snapshot->get(first);
  }));
  server->stop();
  put_back(server->disk, "audit/", {});
  ASSERT_TRUE(server->start());
  EXPECT_EQ(server->unseal().status, 400);
  EXPECT_TRUE(server->core().sealed());
}

TEST(RolledBack, ALogCutBelowItsCheckpointDoesNotStart) {
  auto server = TestServer::ready();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(write(*server, "a", std::to_string(i)).status, 200);
  server->records();
  ASSERT_TRUE(server->log().sign_now());
  server->stop();
  std::string newest;
  for (const auto& name : server->disk.list("audit/"))
    if (const auto n = audit::parse_segment_name(std::string_view(name).substr(6));
        n && n->kind == audit::FileKind::log)
      newest = name;
  ASSERT_FALSE(newest.empty());
  ASSERT_TRUE(server->disk.truncate(newest, audit::kHeaderSize));
  ASSERT_TRUE(server->disk.fsync(newest));
  const auto started = server->start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("rolled back"), std::string::npos) << started.error().message;
}

TEST(RolledBack, TheLogOfAnotherServerIsRefused) {
  auto server = TestServer::ready();
  TestServer::Options options;
  options.seed = 2;
  auto other = TestServer::ready(options);
  for (auto* s : {server.get(), other.get()}) {
    s->records();
    ASSERT_TRUE(s->log().sign_now());
    s->stop();
  }
  put_back(server->disk, "audit/", copy(other->disk, "audit/"));
  ASSERT_TRUE(server->start());
  EXPECT_EQ(server->unseal().status, 400);
  EXPECT_TRUE(server->core().sealed());
}

// The record of a seal held HMACs and names, and was written in the clear as the keys were gone by then.
TEST(Sealing, ItsOwnRecordIsTheLastOneUnderAKey) {
  auto server = TestServer::ready();
  server->policy("closer-of-doors", R"(path "sys/seal" { capabilities = ["update","sudo"] })");
  const auto token = server->token_with(R"(["closer-of-doors"])", R"("display_name":"nightwatchman")");
  EXPECT_EQ(server->call("PUT", "sys/seal", {}, token).status, 204);
  EXPECT_TRUE(server->core().sealed());
  for (const auto& [name, bytes] : copy(server->disk, "audit/"))
    for (const auto* word : {"nightwatchman", "closer-of-doors"})
      EXPECT_EQ(bytes.find(word), std::string::npos) << name;
  ASSERT_EQ(server->unseal().status, 200);
  bool found = false;
  for (const auto& r : server->records())
    found |= r.record.path == "sys/seal" && r.record.actor &&
             r.record.actor->display_name == "token-nightwatchman";
  EXPECT_TRUE(found);
}

TEST(Sealing, ATokenWithOneUseSealsOnce) {
  auto server = TestServer::ready();
  server->policy("closer", R"(path "sys/seal" { capabilities = ["update","sudo"] })");
  const auto token = server->token_with(R"(["closer"])", R"("num_uses":1)");
  EXPECT_EQ(server->call("PUT", "sys/seal", {}, token).status, 204);
  ASSERT_EQ(server->unseal().status, 200);
  EXPECT_EQ(server->call("PUT", "sys/seal", {}, token).status, 403);
  EXPECT_FALSE(server->core().sealed());
}

}  // namespace
}  // namespace strongroom::testkit
