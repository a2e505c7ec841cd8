#include "audit/log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "audit/checkpoint.h"
#include "audit/test_fixture.h"

namespace strongroom::audit {
namespace {

using test::FixedKeys;
using test::kStoreId;
using test::put;
using test::small;

class AuditLog : public testing::Test {
 protected:
  std::unique_ptr<Log> open(LogLimits limits = test::tiny()) {
    auto log = Log::open(folder_.path() / "audit", limits, world_.env);
    EXPECT_TRUE(log) << log.error().message;
    return log ? *std::move(log) : nullptr;
  }
  test::World world_;
  test::Folder folder_;
  FixedKeys keys_;
};

TEST_F(AuditLog, KeepsRecordsAcrossStarts) {
  for (std::uint64_t round = 0; round < 4; ++round) {
    auto log = open();
    EXPECT_EQ(log->size(), round * 10);
    ASSERT_TRUE(log->unseal(keys_, kStoreId));
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(put(*log, small(round * 10 + i, round * 10 + i + 1)));
    EXPECT_EQ(log->durable_revision(), round * 10 + 10);
    const auto all = log->read(0, 1000);
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), round * 10 + 10);
    for (std::uint64_t i = 0; i < all->size(); ++i) {
      EXPECT_EQ((*all)[i].sequence, i);
      EXPECT_EQ((*all)[i].record.path, "p/" + std::to_string(i));
    }
  }
}

TEST_F(AuditLog, KnowsItsHighestRevisionAfterUnseal) {
  {
    auto log = open();
    ASSERT_TRUE(log->unseal(keys_, kStoreId));
    ASSERT_TRUE(put(*log, small(0, 41)));
    for (std::uint64_t i = 0; i < 30; ++i) ASSERT_TRUE(put(*log, small(i)));
  }
  auto log = open();
  ASSERT_TRUE(log->unseal(keys_, kStoreId));
  EXPECT_EQ(log->durable_revision(), 41u);
}

TEST_F(AuditLog, WritesPlainWhileSealedAndSignsThatTailAtUnseal) {
  auto log = open();
  ASSERT_TRUE(put(*log, small(0)));
  ASSERT_TRUE(put(*log, small(1)));
  EXPECT_EQ(log->newest_checkpoint().size, 0u);
  EXPECT_EQ(log->read(0, 10)->size(), 2u);
  ASSERT_TRUE(log->unseal(keys_, kStoreId));
  const Checkpoint c = log->newest_checkpoint();
  EXPECT_EQ(c.size, 2u);
  const auto text = read_small(**RealDisk::existing(folder_.path() / "audit"), kKeyName);
  ASSERT_TRUE(text && *text);
  const auto key = VerifierKey::parse(**text);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->text() + "\n", **text);
  const auto claim = verify_checkpoint(c.text, *key);
  ASSERT_TRUE(claim) << claim.error().message;
  EXPECT_EQ(claim->size, 2u);
  EXPECT_EQ(as_text(View(claim->root)), c.root);
  ASSERT_TRUE(put(*log, small(2)));
  log->seal();
  EXPECT_EQ(log->newest_checkpoint().size, 3u);
  ASSERT_TRUE(put(*log, small(3)));
  EXPECT_EQ(log->read(2, 10).error().code, Code::sealed);
  EXPECT_EQ(log->read(3, 10)->size(), 1u);
  EXPECT_EQ(log->sign_now().error().code, Code::sealed);
}

TEST_F(AuditLog, RefusesTheKeysOfAnotherStore) {
  {
    auto log = open();
    ASSERT_TRUE(log->unseal(keys_, kStoreId));
  }
  auto log = open();
  const FixedKeys other('t');
  EXPECT_EQ(log->unseal(other, kStoreId).error().code, Code::failed_precondition);
  EXPECT_EQ(log->unseal(keys_, "fedcba9876543210").error().code, Code::failed_precondition);
  EXPECT_TRUE(log->unseal(keys_, kStoreId));
}

TEST_F(AuditLog, TakesRecordsOfManyThreadsInGroupsAndTellsReadersInOrder) {
  struct Order final : Reader {
    void take(std::uint64_t sequence, const Record&) noexcept override { good = good && sequence == next++; }
    void flush() noexcept override { ++groups; }
    std::uint64_t next = 0, groups = 0;
    bool good = true;
  } order;
  LogLimits limits = test::tiny();
  limits.segment_bytes = 60'000;
  limits.group_bytes = 16'000;
  auto log = open(limits);
  log->add_reader(order);
  ASSERT_TRUE(log->unseal(keys_, kStoreId));
  constexpr std::uint64_t kEach = 300;
  std::atomic<std::uint64_t> answered{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&log, &answered, t] {
      for (std::uint64_t i = 0; i < kEach; ++i)
        log->append(small(t * kEach + i), [&answered](Status s) { answered += s ? 1 : 0; });
    });
  for (std::thread& t : threads) t.join();
  ASSERT_TRUE(put(*log, small(0)));
  EXPECT_EQ(answered, 4 * kEach);
  EXPECT_EQ(log->size(), 4 * kEach + 1);
  log->remove_reader(order);
  EXPECT_TRUE(order.good);
  EXPECT_EQ(order.next, 4 * kEach + 1);
  EXPECT_LE(order.groups, order.next);
  EXPECT_EQ(log->read(0, 10'000)->size(), 4 * kEach + 1);
}

TEST_F(AuditLog, IsWrittenByOneServerAtATime) {
  const auto log = open();
  EXPECT_EQ(Log::open(folder_.path() / "audit", test::tiny(), world_.env).error().code,
            Code::failed_precondition);
}

TEST_F(AuditLog, StaysInMemoryWithoutADirectory) {
  auto log = Log::open({}, {}, world_.env);
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->unseal(keys_, kStoreId));
  ASSERT_TRUE(put(**log, small(0)));
  EXPECT_EQ((*log)->read(0, 10)->size(), 1u);
}

TEST_F(AuditLog, FillsTheNextSegmentAhead) {
  LogLimits limits;
  limits.segment_bytes = 100'000;
  limits.fill_step = 10'000;
  limits.group_bytes = 10'000;
  limits.reserve_bytes = 0;
  auto log = open(limits);
  ASSERT_TRUE(log->unseal(keys_, kStoreId));
  for (std::uint64_t i = 0; i < 1000; ++i) log->append(test::kv_read(i), {});
  ASSERT_TRUE(put(*log, small(0)));
  EXPECT_EQ(log->read(0, 10'000)->size(), 1001u);
  log.reset();
  log = open(limits);
  EXPECT_EQ(log->size(), 1001u);
}

}  // namespace
}  // namespace strongroom::audit
