// Power is cut at every write of the log, with unsynced sectors kept or lost by dice; what was acknowledged
// must be there, whole and in its order, and nothing that was never appended.
#include <gtest/gtest.h>

#include "audit/log.h"
#include "audit/test_fixture.h"
#include "audit/test_sim.h"
#include "audit/verify.h"

namespace strongroom::audit {
namespace {

using test::FixedKeys;
using test::kStoreId;
using test::SimDirectory;
using test::small;

struct Promised {
  std::vector<std::string> appended;
  std::vector<bool> acknowledged;
  std::uint64_t signed_size = 0;
};

class Server {
 public:
  Server(store::SimDisk& disk, LogLimits limits) : disk_(disk), limits_(limits) {}

  // One life of the server: records while sealed, unseal, groups of several, seal, more records.
  Status live(Promised& promised, std::uint64_t tag) {
    SR_LET(auto log, Log::open_on(std::make_unique<SimDirectory>(disk_), limits_, world_.env));
    const auto some = [&](std::uint64_t first, std::uint64_t count) {
      std::vector<std::future<Status>> answers;
      for (std::uint64_t i = first; i < first + count; ++i) {
        Record r = small(tag * 1000 + i, i % 2 == 0 ? 0 : tag * 1000 + i);
        promised.appended.push_back(r.path);
        promised.acknowledged.push_back(false);
        auto done = std::make_shared<std::promise<Status>>();
        answers.push_back(done->get_future());
        log->append(std::move(r), [done](Status s) { done->set_value(std::move(s)); });
      }
      for (std::uint64_t i = 0; i < count; ++i)
        if (answers[i].get()) promised.acknowledged[promised.acknowledged.size() - count + i] = true;
      promised.signed_size = std::max(promised.signed_size, log->newest_checkpoint().size);
    };
    some(0, 2);
    const Status unsealed = log->unseal(keys_, kStoreId);
    if (!unsealed) return unsealed;
    promised.signed_size = std::max(promised.signed_size, log->newest_checkpoint().size);
    some(10, 1);
    some(20, 5);
    some(30, 3);
    log->seal();
    some(40, 1);
    return {};
  }

  // Everything promised is there; nothing else is.
  void check(const Promised& promised, const std::string& where) {
    auto log = Log::open_on(std::make_unique<SimDirectory>(disk_), limits_, world_.env);
    ASSERT_TRUE(log) << where << ": " << log.error().message;
    const Status unsealed = (*log)->unseal(keys_, kStoreId);
    ASSERT_TRUE(unsealed) << where << ": " << unsealed.error().message;
    const auto all = (*log)->read(0, 100'000);
    ASSERT_TRUE(all) << where << ": " << all.error().message;
    std::size_t next = 0;
    for (const StoredRecord& r : *all) {
      while (next < promised.appended.size() && promised.appended[next] != r.record.path) {
        ASSERT_FALSE(promised.acknowledged[next]) << where << ": lost " << promised.appended[next];
        ++next;
      }
      ASSERT_LT(next, promised.appended.size())
          << where << ": " << r.record.path << " was never appended, or moved";
      ++next;
    }
    for (; next < promised.appended.size(); ++next)
      ASSERT_FALSE(promised.acknowledged[next]) << where << ": lost " << promised.appended[next];
    ASSERT_GE((*log)->size(), promised.signed_size) << where;
    for (std::uint64_t i = 0; i < all->size(); ++i) ASSERT_EQ((*all)[i].sequence, i) << where;
    SimDirectory directory(disk_);
    const auto report = verify(directory, (*log)->verifier_key());
    ASSERT_TRUE(report) << where << ": " << report.error().message;
    ASSERT_TRUE(report->sound()) << where << ": " << report->findings[0].text;
  }

 private:
  store::SimDisk& disk_;
  LogLimits limits_;
  test::World world_;
  FixedKeys keys_;
};

LogLimits limits() {
  LogLimits l = test::tiny();
  l.group_bytes = 300;
  l.checkpoint_every = Nanoseconds(0);
  return l;
}

TEST(AuditLogCrash, AtEveryWriteKeepsWhatWasAcknowledged) {
  for (const std::size_t sector : {std::size_t{512}, std::size_t{64}})
    for (std::uint64_t seed = 1; seed <= test::seeds(2); ++seed)
      for (std::uint64_t at = 0;; ++at) {
        const std::string where = "seed " + std::to_string(seed) + ", sector " + std::to_string(sector) +
                                  ", crash at operation " + std::to_string(at);
        store::SimDisk disk(sector);
        Server run(disk, limits());
        Promised promised;
        ASSERT_TRUE(run.live(promised, 1)) << where;
        disk.crash_after(at);
        const Status second = run.live(promised, 2);
        const bool crashed = disk.crashed();
        if (!crashed) {
          ASSERT_TRUE(second) << where;
          break;
        }
        disk.restart(seed * 1000 + at);
        run.check(promised, where);
        if (HasFatalFailure()) return;
        // A second crash, in the middle of recovering from the first.
        disk.crash_after(at % 17);
        (void)run.live(promised, 3).has_value();
        disk.crash();
        disk.restart(seed * 7000 + at);
        run.check(promised, where + ", then again");
        if (HasFatalFailure()) return;
      }
}

TEST(AuditLogCrash, FailedSyncIsNeverRetriedAndLosesNothingAcknowledged) {
  for (std::uint64_t at = 0; at < 60; ++at) {
    const std::string where = "sync " + std::to_string(at);
    store::SimDisk disk;
    Server run(disk, limits());
    Promised promised;
    disk.fail_sync_after(at);
    (void)run.live(promised, 1).has_value();
    disk.fail_sync_after(1u << 30);
    run.check(promised, where + ", reopened");  // the cache still shows bytes that are not on the platter
    if (HasFatalFailure()) return;
    disk.crash();
    disk.restart(at + 1);
    run.check(promised, where + ", after a power cut");
    if (HasFatalFailure()) return;
  }
}

// The cache shows the record whose sync failed and calls its pages clean; once the log has taken it up, a
// power cut must not take it away.
TEST(AuditLogCrash, TailKeptAfterAFailedSyncIsWrittenAgain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    store::SimDisk disk;
    test::World world;
    FixedKeys keys;
    const auto open = [&] { return Log::open_on(std::make_unique<SimDirectory>(disk), limits(), world.env); };
    {
      auto log = open();
      ASSERT_TRUE(log);
      ASSERT_TRUE(test::put(**log, small(0)));
      disk.fail_sync_after(0);
      ASSERT_FALSE(test::put(**log, small(1)));
    }
    {
      auto log = open();
      ASSERT_TRUE(log) << log.error().message;
      ASSERT_EQ((*log)->size(), 2u);
      ASSERT_TRUE((*log)->unseal(keys, kStoreId));
    }
    disk.crash();
    disk.restart(seed);
    auto log = open();
    ASSERT_TRUE(log) << log.error().message;
    const auto all = (*log)->read(0, 10);
    ASSERT_TRUE(all) << "seed " << seed << ": " << all.error().message;
    ASSERT_EQ(all->size(), 2u);
  }
}

TEST(AuditLogCrash, FailedSyncStopsTheLog) {
  store::SimDisk disk;
  test::World world;
  FixedKeys keys;
  auto log = Log::open_on(std::make_unique<SimDirectory>(disk), limits(), world.env);
  ASSERT_TRUE(log);
  ASSERT_TRUE(test::put(**log, small(0)));
  EXPECT_TRUE((*log)->admission());
  disk.fail_sync_after(0);
  EXPECT_EQ(test::put(**log, small(1)).error().code, Code::unavailable);
  EXPECT_EQ((*log)->admission().error().code, Code::unavailable);
  EXPECT_EQ(test::put(**log, small(2)).error().code, Code::unavailable);
  EXPECT_EQ((*log)->unseal(keys, kStoreId).error().code, Code::unavailable);
}

// The page cache showed the entry whole, the next start believed it and went on in a new segment.
TEST(AuditLogCrash, ACheckpointWhoseSyncFailedIsWrittenAgainByTheNextStart) {
  for (std::uint64_t dice = 1; dice <= 20; ++dice) {
    store::SimDisk disk(64);
    test::World world;
    FixedKeys keys;
    LogLimits l = test::tiny();
    l.segment_bytes = 1u << 20;
    l.checkpoint_every = Seconds(3600);
    {
      auto log = Log::open_on(std::make_unique<SimDirectory>(disk), l, world.env);
      ASSERT_TRUE(log);
      ASSERT_TRUE((*log)->unseal(keys, kStoreId));
      ASSERT_TRUE(test::put(**log, small(1)));
      ASSERT_TRUE((*log)->sign_now());
      ASSERT_TRUE(test::put(**log, small(2)));
      disk.fail_sync_after(1);  // the hashes, then the checkpoint
      EXPECT_FALSE((*log)->sign_now());
    }
    {
      auto log = Log::open_on(std::make_unique<SimDirectory>(disk), l, world.env);
      ASSERT_TRUE(log) << log.error().message;
      ASSERT_TRUE((*log)->unseal(keys, kStoreId));
      ASSERT_TRUE(test::put(**log, small(3)));
      ASSERT_TRUE((*log)->sign_now());
      disk.crash();
    }
    disk.restart(dice);
    auto log = Log::open_on(std::make_unique<SimDirectory>(disk), l, world.env);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->unseal(keys, kStoreId));
    SimDirectory directory(disk);
    const auto report = verify(directory, (*log)->verifier_key());
    ASSERT_TRUE(report);
    for (const Finding& f : report->findings) ADD_FAILURE() << f.text << ", dice " << dice;
  }
}

TEST(AuditLogSpace, RefusesWhenFullAndKeepsTheRecordsOfTransactions) {
  store::SimDisk disk;
  test::World world;
  FixedKeys keys;
  LogLimits l = test::tiny();
  l.segment_bytes = 1u << 20;
  auto directory = std::make_unique<SimDirectory>(disk);
  auto log = Log::open_on(std::move(directory), l, world.env);
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->unseal(keys, kStoreId));
  ASSERT_TRUE(test::put(**log, small(0, 1)));
  disk.set_capacity(disk.used() + 10);
  EXPECT_EQ(test::put(**log, small(1)).error().code, Code::no_space);
  std::promise<Status> answered;
  (*log)->append(small(2, 2), [&answered](Status s) { answered.set_value(std::move(s)); });
  EXPECT_EQ(test::put(**log, small(3)).error().code, Code::no_space);
  EXPECT_EQ((*log)->durable_revision(), 1u);
  disk.set_capacity(UINT64_MAX);
  EXPECT_TRUE(answered.get_future().get());
  EXPECT_TRUE(test::put(**log, small(4, 3)));
  EXPECT_TRUE((*log)->admission());
  const auto all = (*log)->read(0, 100);
  ASSERT_TRUE(all) << all.error().message;
  std::vector<std::uint64_t> revisions;
  for (const StoredRecord& r : *all) revisions.push_back(r.record.revision);
  EXPECT_EQ(revisions, (std::vector<std::uint64_t>{1, 2, 3}));
}

// The header of its hashes was never synced, and a checkpoint further on kept recovery from writing it again.
TEST(AuditLogSpace, ASegmentAbandonedBeforeItsFirstRecordVerifiesAfterAPowerCut) {
  for (std::uint64_t dice = 1; dice <= 20; ++dice) {
    store::SimDisk disk;
    test::World world;
    FixedKeys keys;
    LogLimits l = test::tiny();
    l.segment_bytes = 1u << 20;
    {
      auto log = Log::open_on(std::make_unique<SimDirectory>(disk), l, world.env);
      ASSERT_TRUE(log);
      ASSERT_TRUE((*log)->unseal(keys, kStoreId));
      disk.set_capacity(disk.used() + 10);
      EXPECT_EQ(test::put(**log, small(1)).error().code, Code::no_space);
      disk.set_capacity(UINT64_MAX);
      ASSERT_TRUE(test::put(**log, small(2)));
      ASSERT_TRUE((*log)->sign_now());
      disk.crash();
    }
    disk.restart(dice);
    auto log = Log::open_on(std::make_unique<SimDirectory>(disk), l, world.env);
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->unseal(keys, kStoreId));
    SimDirectory directory(disk);
    const auto report = verify(directory, (*log)->verifier_key());
    ASSERT_TRUE(report);
    for (const Finding& f : report->findings) ADD_FAILURE() << f.text << ", dice " << dice;
  }
}

TEST(AuditLogSpace, AdmissionFollowsTheReserve) {
  store::SimDisk disk;
  test::World world;
  LogLimits l = test::tiny();
  l.reserve_bytes = 1000;
  auto directory = std::make_unique<SimDirectory>(disk);
  SimDirectory& free = *directory;
  auto log = Log::open_on(std::move(directory), l, world.env);
  ASSERT_TRUE(log);
  free.set_free(999);
  EXPECT_TRUE(test::put(**log, small(0)));  // what must be recorded still is
  EXPECT_EQ((*log)->admission().error().code, Code::no_space);
  free.set_free(1000);
  EXPECT_TRUE(test::put(**log, small(1)));
  EXPECT_TRUE((*log)->admission());
}

}  // namespace
}  // namespace strongroom::audit
