#include "store/committer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <thread>
#include <vector>

#include "store/memory_store.h"
#include "store/plain_sealer.h"

namespace strongroom::store {
namespace {

// A memory store whose apply() can be held back, failed and looked into.
class StagedStore final : public Store {
 public:
  Result<std::unique_ptr<Snapshot>> snapshot() override { return memory_.snapshot(); }
  Status apply(const Group& group, std::uint64_t epoch) override {
    if (held_.load()) {
      reached_.release();
      proceed_.acquire();
    }
    const std::lock_guard lock(mutex_);
    groups_.push_back(group);
    if (!verdicts_.empty()) {
      auto verdict = std::move(verdicts_.front());
      verdicts_.erase(verdicts_.begin());
      if (Status s = verdict(group); !s) return s;
    }
    return memory_.apply(group, epoch);
  }
  Result<std::uint64_t> lead() override { return memory_.lead(); }
  Status reopen() override {
    ++reopened_;
    if (reopen_fails_) return fail(Code::corrupt, "no");
    return {};
  }
  Traits traits() const noexcept override { return memory_.traits(); }

  using Verdict = std::function<Status(const Group&)>;
  void next(Verdict verdict) {
    const std::lock_guard lock(mutex_);
    verdicts_.push_back(std::move(verdict));
  }
  void hold() { held_ = true; }
  void wait_until_held() { reached_.acquire(); }
  void let_go() {
    held_ = false;
    proceed_.release();
  }
  std::vector<Group> groups() {
    const std::lock_guard lock(mutex_);
    return groups_;
  }

  MemoryStore memory_;
  std::atomic<int> reopened_ = 0;
  std::atomic<bool> reopen_fails_ = false;

 private:
  std::atomic<bool> held_ = false;
  std::counting_semaphore<> reached_{0};
  std::counting_semaphore<> proceed_{0};
  std::mutex mutex_;
  std::vector<Verdict> verdicts_;
  std::vector<Group> groups_;
};

class Listener final : public CommitListener {
 public:
  void committed(std::span<const Draft> drafts) noexcept override {
    const std::lock_guard lock(mutex_);
    for (const Draft& draft : drafts) heard_.emplace_back(draft.revision, std::string(draft.record));
  }
  std::vector<std::pair<Revision, std::string>> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<Revision, std::string>> heard_;
};

// Gathers answers by number.
class Answers {
 public:
  Committer::Answer operator[](int n) {
    return [this, n](Result<Committed> result) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(got_.contains(n)) << "answered twice";
      got_.emplace(n, std::move(result));
      more_.notify_all();
    };
  }
  Result<Committed> wait(int n) {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return got_.contains(n); });
    return got_.at(n);
  }
  Code code(int n) {
    const auto result = wait(n);
    EXPECT_FALSE(result);
    return result ? Code::internal : result.error().code;
  }
  Revision revision(int n) {
    const auto result = wait(n);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? result->revision : 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::map<int, Result<Committed>> got_;
};

Transaction put(std::string key, std::string_view value, std::string record = {}) {
  Transaction txn;
  txn.puts.push_back({std::move(key), SecretText(value)});
  txn.record = std::move(record);
  return txn;
}

Transaction reading(Revision snapshot, std::vector<Read> reads, std::string key = "w") {
  Transaction txn = put(std::move(key), "x");
  txn.snapshot = snapshot;
  txn.reads = std::move(reads);
  return txn;
}

Transaction erasing(std::string key) {
  Transaction txn;
  txn.puts.push_back({std::move(key), std::nullopt});
  txn.record = "erased";
  return txn;
}

class CommitterTest : public testing::Test {
 protected:
  ~CommitterTest() override {
    if (committer_) committer_.reset();
  }
  void start(Committer::Limits limits = {}) {
    committer_ = std::make_unique<Committer>(store_, sealer_, listener_, log_, limits);
  }
  // What is submitted between hold() and let_go() becomes the next group.
  void hold() {
    store_.hold();
    committer_->submit(put("held", "x"), answers_[-++holds_]);
    store_.wait_until_held();
  }
  void let_go() {
    store_.let_go();
    EXPECT_TRUE(answers_.wait(-holds_));
  }
  std::string text(std::string_view key) {
    const auto snapshot = *store_.snapshot();
    const auto found = *snapshot->get(key);
    if (!found) return "absent";
    return std::string(view(*sealer_.open(key, *found)));
  }

  StagedStore store_;
  PlainSealer sealer_;
  Listener listener_;
  NoLog log_;
  Answers answers_;
  int holds_ = 0;
  std::unique_ptr<Committer> committer_;
};

TEST_F(CommitterTest, GivesDenseRevisionsAndTellsTheListenerFirst) {
  start();
  std::atomic<std::size_t> heard_before = 0;
  committer_->submit(put("a", "1", "record 1"), [&](Result<Committed> r) {
    heard_before = listener_.heard().size();
    answers_[1](std::move(r));
  });
  EXPECT_EQ(answers_.revision(1), 1u);
  EXPECT_EQ(heard_before, 1u);
  EXPECT_EQ(committer_->commit(put("b", "2", "record 2"))->revision, 2u);
  EXPECT_EQ(committer_->newest(), 2u);
  EXPECT_EQ(text("a"), "1");
  EXPECT_EQ(text(outbox_key(2)), "record 2");
  EXPECT_EQ(listener_.heard(),
            (std::vector<std::pair<Revision, std::string>>{{1, "record 1"}, {2, "record 2"}}));
}

TEST_F(CommitterTest, GathersWhileAGroupSyncs) {
  start();
  hold();
  for (int i = 1; i <= 50; ++i) committer_->submit(put("k" + std::to_string(i), "v"), answers_[i]);
  let_go();
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(answers_.revision(i), static_cast<Revision>(1 + i));
  const auto groups = store_.groups();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[1].first, 2u);
  EXPECT_EQ(groups[1].last, 51u);
  EXPECT_TRUE(std::is_sorted(groups[1].writes.begin(), groups[1].writes.end(),
                             [](const Write& a, const Write& b) { return a.key < b.key; }));
}

TEST_F(CommitterTest, WhatALoopHandsOverTogetherIsOneGroup) {
  start();
  std::vector<Committer::Submission> all;
  for (int i = 1; i <= 20; ++i) all.push_back({put("k" + std::to_string(i), "v"), answers_[i]});
  committer_->submit_all(std::move(all));
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(answers_.revision(i), static_cast<Revision>(i));
  EXPECT_EQ(store_.groups().size(), 1u);
}

TEST_F(CommitterTest, CapsAGroupByCountAndByBytes) {
  Committer::Limits limits;
  limits.group_transactions = 4;
  limits.group_bytes = 10'000;
  start(limits);
  hold();
  for (int i = 1; i <= 6; ++i) committer_->submit(put("k" + std::to_string(i), "v"), answers_[i]);
  for (int i = 7; i <= 9; ++i)
    committer_->submit(put("k" + std::to_string(i), std::string(6000, 'v')), answers_[i]);
  let_go();
  for (int i = 1; i <= 9; ++i) EXPECT_TRUE(answers_.wait(i));
  std::vector<Revision> sizes;
  for (const Group& group : store_.groups()) sizes.push_back(group.last - group.first + 1);
  EXPECT_EQ(sizes, (std::vector<Revision>{1, 4, 3, 1, 1}));
}

TEST_F(CommitterTest, RefusesAReadThatWasOverwritten) {
  start();
  ASSERT_TRUE(committer_->commit(put("a", "1")));
  ASSERT_TRUE(committer_->commit(put("b", "1")));
  EXPECT_EQ(committer_->commit(reading(0, {{"a", ""}})).error().code, Code::conflict);
  EXPECT_EQ(committer_->commit(reading(1, {{"b", ""}})).error().code, Code::conflict);
  EXPECT_TRUE(committer_->commit(reading(1, {{"a", ""}})));
  EXPECT_TRUE(committer_->commit(reading(2, {{"b", ""}, {"a", ""}})));
  ASSERT_TRUE(committer_->commit(erasing("a")));
  EXPECT_EQ(committer_->commit(reading(committer_->newest() - 1, {{"a", ""}})).error().code, Code::conflict);
  EXPECT_TRUE(committer_->commit(reading(0, {}))) << "without reads nothing can be lost";
}

TEST_F(CommitterTest, RefusesARangeInWhichSomethingWasWritten) {
  start();
  ASSERT_TRUE(committer_->commit(put("m5", "1")));
  EXPECT_EQ(committer_->commit(reading(0, {{"m1", "m9"}})).error().code, Code::conflict) << "a phantom";
  EXPECT_EQ(committer_->commit(reading(0, {{"m5", "m6"}})).error().code, Code::conflict);
  EXPECT_TRUE(committer_->commit(reading(0, {{"m1", "m5"}}))) << "the end is not part of it";
  EXPECT_TRUE(committer_->commit(reading(0, {{std::string("m5\0", 3), "m9"}})));
}

TEST_F(CommitterTest, ChecksAgainstEarlierTransactionsOfTheSameGroup) {
  start();
  hold();
  committer_->submit(reading(0, {{"a", ""}}, "a"), answers_[1]);
  committer_->submit(reading(0, {{"a", ""}}, "a"), answers_[2]);
  committer_->submit(reading(0, {{"a", "b"}}, "c"), answers_[3]);
  committer_->submit(reading(0, {{"b", "c"}}, "d"), answers_[4]);
  let_go();
  EXPECT_EQ(answers_.revision(1), 2u);
  EXPECT_EQ(answers_.code(2), Code::conflict);
  EXPECT_EQ(answers_.code(3), Code::conflict);
  EXPECT_EQ(answers_.revision(4), 3u);
  EXPECT_EQ(store_.groups().size(), 2u);
}

TEST_F(CommitterTest, ASnapshotOlderThanTheWindowIsLost) {
  Committer::Limits limits;
  limits.window = 8;
  start(limits);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(committer_->commit(put("k", "v")));
  EXPECT_EQ(committer_->commit(reading(1, {{"never written", ""}})).error().code, Code::conflict);
  EXPECT_TRUE(committer_->commit(reading(6, {{"never written", ""}})));
}

TEST_F(CommitterTest, ARecordAloneIsATransaction) {
  start();
  Transaction txn;
  txn.record = "denied, but a use was spent";
  EXPECT_EQ(committer_->commit(std::move(txn))->revision, 1u);
  EXPECT_EQ(text(outbox_key(1)), "denied, but a use was spent");
  EXPECT_EQ(committer_->commit(Transaction{})->revision, 1u) << "nothing at all consumes no revision";
  EXPECT_EQ(store_.groups().size(), 1u);
}

TEST_F(CommitterTest, AnInsideBuildSeesEverythingBeforeIt) {
  start();
  hold();
  committer_->submit(put("counter", "1"), answers_[1]);
  const auto increment = [this](const Snapshot& snapshot) -> Result<Transaction> {
    const auto stored = *snapshot.get("counter");
    if (!stored) return fail(Code::not_found, "no counter");
    return put("counter",
               std::to_string(std::stoi(std::string(view(*sealer_.open("counter", *stored)))) + 1));
  };
  committer_->submit_inside(increment, answers_[2]);
  committer_->submit_inside(increment, answers_[3]);
  committer_->submit_inside(
      [](const Snapshot&) -> Result<Transaction> { return fail(Code::permission_denied, "no"); },
      answers_[4]);
  committer_->submit(put("after", "1"), answers_[5]);
  let_go();
  EXPECT_EQ(answers_.revision(3), 4u);
  EXPECT_EQ(answers_.code(4), Code::permission_denied);
  EXPECT_EQ(answers_.revision(5), 5u);
  EXPECT_EQ(text("counter"), "3");
}

TEST_F(CommitterTest, WhoCommitsInsideLosesNoRaceHoweverManyThereAre) {
  start();
  ASSERT_TRUE(committer_->commit(put("counter", "0")));
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto done = committer_->commit_inside([this](const Snapshot& snapshot) -> Result<Transaction> {
          const auto stored = *snapshot.get("counter");
          return put("counter",
                     std::to_string(std::stoi(std::string(view(*sealer_.open("counter", *stored)))) + 1));
        });
        if (!done) ++lost;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(text("counter"), "200");
}

TEST_F(CommitterTest, HousekeepingRidesWithTheNextGroup) {
  start();
  ASSERT_TRUE(committer_->commit(put("a", "1", "r")));
  hold();
  committer_->housekeeping({{outbox_key(1), std::nullopt}});
  committer_->submit(put("b", "1"), answers_[1]);
  let_go();
  EXPECT_EQ(answers_.revision(1), 3u);
  EXPECT_EQ(text(outbox_key(1)), "absent");
  EXPECT_EQ(store_.groups().size(), 3u);
}

TEST_F(CommitterTest, HousekeepingRidesAgainAfterAFailedGroup) {
  start();
  ASSERT_TRUE(committer_->commit(put("a", "1", "r")));
  hold();
  committer_->housekeeping({{outbox_key(1), std::nullopt}});
  committer_->submit(put("b", "1"), answers_[1]);
  store_.next([](const Group&) -> Status { return {}; });
  store_.next([](const Group&) -> Status { return fail(Code::outcome_unknown, "sync failed"); });
  let_go();
  EXPECT_EQ(answers_.code(1), Code::unavailable);
  EXPECT_NE(text(outbox_key(1)), "absent");
  ASSERT_TRUE(committer_->commit(put("b", "1")));
  EXPECT_EQ(text(outbox_key(1)), "absent");
}

TEST_F(CommitterTest, RefusesWhatTheStoreCannotHold) {
  start();
  EXPECT_EQ(committer_->commit(put(std::string(481, 'k'), "v")).error().code, Code::invalid_argument);
  EXPECT_EQ(committer_->commit(put("", "v")).error().code, Code::invalid_argument);
  EXPECT_TRUE(committer_->commit(put(std::string(480, 'k'), "v")));
}

TEST_F(CommitterTest, AFullQueueIsUnavailable) {
  Committer::Limits limits;
  limits.queue = 3;  // what is being committed counts
  start(limits);
  hold();
  committer_->submit(put("a", "1"), answers_[1]);
  committer_->submit(put("a", "1"), answers_[2]);
  committer_->submit(put("a", "1"), answers_[3]);
  let_go();
  EXPECT_TRUE(answers_.wait(1));
  EXPECT_TRUE(answers_.wait(2));
  EXPECT_EQ(answers_.code(3), Code::unavailable);
}

TEST_F(CommitterTest, StoppingAnswersEverything) {
  start();
  hold();
  for (int i = 1; i <= 5; ++i) committer_->submit(put("a", "1"), answers_[i]);
  std::thread stopper([this] { committer_.reset(); });
  store_.let_go();
  stopper.join();
  for (int i = 1; i <= 5; ++i) {
    const auto result = answers_.wait(i);
    EXPECT_TRUE(result || result.error().code == Code::unavailable);
  }
}

TEST_F(CommitterTest, FencedIsAnsweredToAll) {
  start();
  hold();
  committer_->submit(put("a", "1"), answers_[1]);
  committer_->submit(put("b", "1"), answers_[2]);
  EXPECT_TRUE(store_.lead());
  store_.let_go();
  EXPECT_EQ(answers_.code(-1), Code::fenced);
  EXPECT_EQ(answers_.code(1), Code::fenced);
  EXPECT_EQ(answers_.code(2), Code::fenced);
  EXPECT_EQ(text("a"), "absent");
  EXPECT_TRUE(listener_.heard().empty());
}

TEST_F(CommitterTest, AFullDiskRefusesWritesAndStillErases) {
  start();
  ASSERT_TRUE(committer_->commit(put("old", "1")));
  hold();
  committer_->submit(put("a", "1"), answers_[1]);
  committer_->submit(erasing("old"), answers_[2]);
  store_.next([](const Group&) -> Status { return {}; });
  const auto full = [](const Group& group) -> Status {
    if (group.space == Group::Space::ordinary) return fail(Code::no_space, "the disk is full");
    return {};
  };
  for (int i = 0; i < 2; ++i) store_.next(full);
  let_go();
  EXPECT_EQ(answers_.code(1), Code::no_space);
  EXPECT_EQ(answers_.revision(2), 3u);
  EXPECT_EQ(text("old"), "absent");
  EXPECT_TRUE(committer_->healthy());
  EXPECT_EQ(committer_->commit(put("later", "1"))->revision, 4u);
}

TEST_F(CommitterTest, AnUnknownOutcomeIsSettledByReopening) {
  start();
  ASSERT_TRUE(committer_->commit(put("a", "1")));
  store_.next([](const Group&) -> Status { return fail(Code::outcome_unknown, "sync failed"); });
  EXPECT_EQ(committer_->commit(put("lost", "1")).error().code, Code::unavailable);
  EXPECT_EQ(store_.reopened_, 1);
  EXPECT_TRUE(committer_->healthy());
  store_.next([this](const Group& group) -> Status {
    EXPECT_TRUE(store_.memory_.apply(group, 1));
    return fail(Code::outcome_unknown, "sync failed");
  });
  EXPECT_EQ(committer_->commit(put("there", "1", "r"))->revision, 2u);
  EXPECT_EQ(text("there"), "1");
  EXPECT_EQ(listener_.heard().back(), (std::pair<Revision, std::string>{2, "r"}));
  EXPECT_EQ(committer_->commit(put("next", "1"))->revision, 3u);
}

TEST_F(CommitterTest, AFailedReopenStopsWriting) {
  start();
  store_.reopen_fails_ = true;
  store_.next([](const Group&) -> Status { return fail(Code::outcome_unknown, "sync failed"); });
  EXPECT_EQ(committer_->commit(put("a", "1")).error().code, Code::outcome_unknown);
  EXPECT_FALSE(committer_->healthy());
  EXPECT_EQ(committer_->commit(put("b", "1")).error().code, Code::unavailable);
  EXPECT_EQ(text("b"), "absent");
}

// Refuses drafts that contain the key "bad".
class PickySealer final : public Sealer {
 public:
  Status seal(const Snapshot& newest, std::span<const Draft> drafts, std::vector<Write>& out) override {
    for (const Draft& draft : drafts) {
      for (const Put& put : draft.puts) {
        if (put.key == "bad") return fail(Code::corrupt, "a directory chunk does not verify");
      }
    }
    return plain_.seal(newest, drafts, out);
  }
  void settled(Fate fate) noexcept override { (fate == Fate::applied ? applied_ : dropped_)++; }
  int applied_ = 0;
  int dropped_ = 0;

 private:
  PlainSealer plain_;
};

TEST(Committer, OneThatCannotBeSealedDoesNotTakeTheOthersWithIt) {
  StagedStore store;
  PickySealer sealer;
  Listener listener;
  NoLog log;
  Answers answers;
  {
    Committer committer(store, sealer, listener, log, {});
    store.hold();
    committer.submit(put("held", "x"), answers[0]);
    store.wait_until_held();
    committer.submit(put("good", "1"), answers[1]);
    committer.submit(put("bad", "1"), answers[2]);
    committer.submit(put("fine", "1"), answers[3]);
    store.let_go();
    EXPECT_EQ(answers.revision(1), 2u);
    EXPECT_EQ(answers.code(2), Code::corrupt);
    EXPECT_EQ(answers.revision(3), 3u);
  }
  EXPECT_EQ(sealer.applied_, 3);
  EXPECT_EQ(sealer.dropped_, 2);
}

TEST_F(CommitterTest, InstallsRawWritesWithoutARevision) {
  start();
  ASSERT_TRUE(committer_->install({{"raw", "bytes"}}));
  EXPECT_EQ(**(*store_.snapshot())->get("raw"), "bytes");
  EXPECT_EQ(committer_->newest(), 0u);
}

TEST_F(CommitterTest, ManyThreadsIncrementWithoutLosingAny) {
  start();
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int done = 0; done < kEach;) {
        const auto snapshot = *store_.snapshot();
        Txn txn(*snapshot, sealer_);
        const auto value = *txn.get("counter");
        txn.put("counter",
                SecretText(std::to_string((value ? std::stoi(std::string(view(*value))) : 0) + 1)));
        if (committer_->commit(txn.take())) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(text("counter"), std::to_string(kThreads * kEach));
  EXPECT_EQ(committer_->newest(), static_cast<Revision>(kThreads * kEach));
}

}  // namespace
}  // namespace strongroom::store
