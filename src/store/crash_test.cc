// The committer on a disk that loses power, fails syncs and fills up: what was acknowledged is there, nothing
// is half there, and every revision has its record. SR_SEEDS sets the number of random runs, SR_SEED runs
// one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "store/committer.h"
#include "store/fault_store.h"
#include "store/plain_sealer.h"

namespace strongroom::store {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

// A transaction as its own record tells it: what it read (key, revision found), what it wrote.
struct Told {
  std::uint64_t id = 0;
  std::vector<std::pair<std::string, Revision>> reads;
  std::vector<std::pair<std::string, std::uint64_t>> counts;  // keys found from one on, up to the end of all
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  std::vector<std::pair<LateEdit::Op, std::string>> edits;
};

void put_text(std::string& out, std::string_view text) {
  put_u32(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}
std::string_view cut(std::string_view& in, std::size_t n) {
  const std::string_view out = in.substr(0, n);
  in.remove_prefix(out.size());
  return out;
}
std::string_view cut_text(std::string_view& in) {
  const auto n = static_cast<std::size_t>(get_be(cut(in, 4)));
  return cut(in, n);
}

std::string encode(const Told& told) {
  std::string out;
  put_u64(out, told.id);
  put_u32(out, static_cast<std::uint32_t>(told.reads.size()));
  for (const auto& [key, revision] : told.reads) {
    put_text(out, key);
    put_u64(out, revision);
  }
  put_u32(out, static_cast<std::uint32_t>(told.counts.size()));
  for (const auto& [key, count] : told.counts) {
    put_text(out, key);
    put_u64(out, count);
  }
  put_u32(out, static_cast<std::uint32_t>(told.writes.size()));
  for (const auto& [key, value] : told.writes) {
    put_text(out, key);
    out.push_back(value ? 'p' : 'e');
    put_text(out, value.value_or(""));
  }
  put_u32(out, static_cast<std::uint32_t>(told.edits.size()));
  for (const auto& [op, path] : told.edits) {
    out.push_back(op == LateEdit::Op::link ? 'l' : 'u');
    put_text(out, path);
  }
  return out;
}

Told decode(std::string_view in) {
  Told told;
  told.id = get_be(cut(in, 8));
  for (auto n = get_be(cut(in, 4)); n > 0; --n) {
    const std::string_view key = cut_text(in);
    told.reads.emplace_back(key, get_be(cut(in, 8)));
  }
  for (auto n = get_be(cut(in, 4)); n > 0; --n) {
    const std::string_view key = cut_text(in);
    told.counts.emplace_back(key, get_be(cut(in, 8)));
  }
  for (auto n = get_be(cut(in, 4)); n > 0; --n) {
    const std::string_view key = cut_text(in);
    const bool put = cut(in, 1) == "p";
    const std::string_view value = cut_text(in);
    told.writes.emplace_back(key, put ? std::optional<std::string>(value) : std::nullopt);
  }
  for (auto n = get_be(cut(in, 4)); n > 0; --n) {
    const auto op = cut(in, 1) == "l" ? LateEdit::Op::link : LateEdit::Op::unlink;
    told.edits.emplace_back(op, cut_text(in));
  }
  EXPECT_TRUE(in.empty());
  return told;
}

// Keys of mount 256.
std::string key_of(std::uint64_t number) {
  std::string key = table_key(kFirstMount);
  put_u32(key, static_cast<std::uint32_t>(number));
  return key;
}
const std::string kLast = table_key(kFirstMount + 1);

// One disk through several lives of a server, and what the world outside remembers of it.
class World final : public CommitListener {
 public:
  explicit World(std::uint64_t seed) : dice_(seed), disk_(dice_() % 2 == 0 ? 512 : 4096) {}

  std::mt19937_64& dice() { return dice_; }
  SimDisk& disk() { return disk_; }

  // A server starts, works until it crashes or `transactions` were submitted, and is gone.
  void live(int transactions, int in_flight) {
    auto opened = FaultStore::open(disk_);
    if (!opened) return;  // power failed while it started
    FaultStore& store = **opened;
    NoLog log;
    {
      Committer committer(store, sealer_, *this, log, {});
      for (int i = 0; i < transactions && committer.healthy(); ++i) {
        if (dice_() % 40 == 0) {
          store.next_outcome(dice_() % 2 == 0 ? FaultStore::Unknown::applied : FaultStore::Unknown::dropped);
        }
        if (dice_() % 40 == 0) disk_.fail_sync_after(dice_() % 4);
        if (dice_() % 60 == 0) disk_.set_capacity(disk_.used() + dice_() % (2 * FaultStore::kReserve));
        if (dice_() % 20 == 0) disk_.set_capacity(UINT64_MAX);
        submit(committer, store);
        if (dice_() % 4 == 0) erase_outbox(committer);
        wait_until_open(static_cast<std::size_t>(in_flight));
      }
    }
    std::unique_lock lock(mutex_);
    more_.wait(lock, [this] { return open_ == 0; });
  }

  // Power is back: everything promised holds.
  void check() {
    disk_.crash();
    disk_.restart(dice_());
    disk_.set_capacity(UINT64_MAX);
    const auto opened = FaultStore::open(disk_);
    ASSERT_TRUE(opened);
    const auto snapshot = *(*opened)->snapshot();
    const Revision newest = snapshot->revision();

    // The log's records and the outbox together: every revision once.
    std::map<Revision, std::string> records = heard_;
    ASSERT_TRUE(snapshot->scan(table_key(Table::outbox), table_key(Table::token),
                               [&](std::string_view key, std::string_view stored) {
                                 const Revision revision = get_be(key.substr(4));
                                 EXPECT_EQ(sealer_.revision_of(stored), revision);
                                 const std::string_view record = stored.substr(8);
                                 const auto [at, added] = records.emplace(revision, record);
                                 EXPECT_TRUE(added || at->second == record);
                                 return true;
                               }));
    ASSERT_EQ(records.size(), newest);
    if (newest != 0) {
      ASSERT_EQ(records.begin()->first, 1u);
      ASSERT_EQ(records.rbegin()->first, newest);
    }

    // Replaying the records gives the store, key by key, revision by revision; each read what was newest.
    std::map<std::string, std::pair<Revision, std::string>> model;
    std::map<std::uint64_t, Revision> present;
    for (const auto& [revision, record] : records) {
      const Told told = decode(record);
      ASSERT_TRUE(present.emplace(told.id, revision).second) << "one transaction, two revisions";
      for (const auto& [key, found] : told.reads) {
        const auto at = model.find(key);
        EXPECT_EQ(at == model.end() ? 0 : at->second.first, found)
            << "a read that was overwritten was accepted";
      }
      for (const auto& [key, count] : told.counts) {
        EXPECT_EQ(static_cast<std::uint64_t>(std::distance(model.lower_bound(key), model.lower_bound(kLast))),
                  count)
            << "a range that was written into was accepted";
      }
      for (const auto& [key, value] : told.writes) {
        if (value) {
          model[key] = {revision, *value};
        } else {
          model.erase(key);
        }
      }
      for (const auto& [op, path] : told.edits) {
        const Key key = PlainSealer::edit_key(256, 0, path);
        if (op == LateEdit::Op::link) {
          model[key] = {revision, ""};
        } else {
          model.erase(key);
        }
      }
    }
    std::map<std::string, std::pair<Revision, std::string>> stored;
    ASSERT_TRUE(snapshot->scan("", "\xff", [&](std::string_view key, std::string_view value) {
      if (!key.starts_with(table_key(Table::outbox))) {
        stored[std::string(key)] = {*sealer_.revision_of(value), std::string(value.substr(8))};
      }
      return true;
    }));
    EXPECT_EQ(stored, model);

    for (const auto& [id, answer] : answers_) {
      const auto at = present.find(id);
      if (answer) {
        ASSERT_NE(at, present.end()) << "acknowledged and lost";
        EXPECT_EQ(at->second, answer->revision);
        ++acknowledged_;
      } else if (answer.error().code != Code::outcome_unknown) {
        EXPECT_EQ(at, present.end()) << "refused with " << name(answer.error().code) << " and there";
      }
    }
    answers_.clear();
    heard_ = std::move(records);  // recovery: the log takes what the outbox holds
  }

  void committed(std::span<const Draft> drafts) noexcept override {
    const std::lock_guard lock(mutex_);
    for (const Draft& draft : drafts) {
      EXPECT_TRUE(heard_.emplace(draft.revision, std::string(draft.record)).second) << "heard twice";
    }
  }

  std::size_t acknowledged() const { return acknowledged_; }

  std::size_t submitted() const { return next_id_ - 1; }

 private:
  // What a transaction will do, decided by dice before it meets a snapshot; nothing found yet.
  Told plan() {
    Told out;
    out.id = next_id_++;
    for (auto n = dice_() % 3; n > 0; --n) out.reads.emplace_back(key_of(dice_() % 64), 0);
    if (dice_() % 6 == 0) out.counts.emplace_back(key_of(56 + dice_() % 8), 0);
    std::set<std::string> keys;
    const bool erases = dice_() % 5 == 0;
    for (auto n = dice_() % 5; n > 0; --n) keys.insert(key_of(dice_() % 64));
    for (const std::string& key : keys) {
      if (erases || dice_() % 5 == 0) {
        out.writes.emplace_back(key, std::nullopt);
      } else {
        out.writes.emplace_back(key, std::string(dice_() % 900, static_cast<char>('a' + dice_() % 26)));
      }
    }
    if (!erases && dice_() % 4 == 0) {
      const auto op = dice_() % 2 == 0 ? LateEdit::Op::link : LateEdit::Op::unlink;
      out.edits.emplace_back(op, "dir/" + std::to_string(dice_() % 8));
    }
    return out;
  }

  // The same plan on a snapshot: finds, writes, and tells it all in the record.
  Transaction carry_out(Told told, const Snapshot& snapshot) const {
    Txn txn(snapshot, sealer_);
    for (auto& [key, found] : told.reads) found = txn.revision_of(key)->value_or(0);
    for (auto& [key, count] : told.counts) {
      EXPECT_TRUE(txn.scan_keys(key, kLast, [&](std::string_view) { return ++count != 0; }));
    }
    for (const auto& [key, value] : told.writes) {
      if (value) {
        txn.put(key, SecretText(*value));
      } else {
        txn.erase(key);
      }
    }
    for (const auto& [op, path] : told.edits) txn.edit({op, 256, 0, SecretText(path)});
    Transaction out = txn.take();
    out.record = encode(told);
    return out;
  }

  void submit(Committer& committer, Store& store) {
    Told told = plan();
    auto answer = [this, id = told.id](Result<Committed> result) {
      const std::lock_guard lock(mutex_);
      EXPECT_TRUE(answers_.emplace(id, std::move(result)).second) << "answered twice";
      --open_;
      more_.notify_all();
    };
    {
      const std::lock_guard lock(mutex_);
      ++open_;
    }
    if (dice_() % 8 == 0) {
      committer.submit_inside(
          [this, told = std::move(told)](const Snapshot& snapshot) -> Result<Transaction> {
            return carry_out(told, snapshot);
          },
          std::move(answer));
      return;
    }
    const auto snapshot = store.snapshot();
    if (!snapshot) return answer(fail(Code::unavailable, "the disk has lost power"));
    committer.submit(carry_out(std::move(told), **snapshot), std::move(answer));
  }

  // As the audit log would: entries of what it holds may go. Some are named again.
  void erase_outbox(Committer& committer) {
    std::vector<Write> writes;
    {
      const std::lock_guard lock(mutex_);
      if (heard_.empty()) return;
      const Revision newest = heard_.rbegin()->first;
      const Revision from = newest > 20 ? newest - 20 : 1;
      for (Revision r = from; r <= newest - dice_() % (newest - from + 1); ++r) {
        writes.push_back({outbox_key(r), std::nullopt});
      }
    }
    committer.housekeeping(std::move(writes));
  }

  void wait_until_open(std::size_t most) {
    std::unique_lock lock(mutex_);
    more_.wait(lock, [&] { return open_ <= most; });
  }

  std::mt19937_64 dice_;
  SimDisk disk_;
  PlainSealer sealer_;
  std::uint64_t next_id_ = 1;
  std::size_t acknowledged_ = 0;

  std::mutex mutex_;
  std::condition_variable more_;
  std::map<std::uint64_t, Result<Committed>> answers_;
  std::map<Revision, std::string> heard_;
  std::size_t open_ = 0;
};

void run(std::uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "SR_SEED=" << seed);
  World world(seed);
  for (int life = 0; life < 4; ++life) {
    if (world.dice()() % 8 != 0) world.disk().crash_after(world.dice()() % 120);
    world.live(static_cast<int>(world.dice()() % 120), 1 << world.dice()() % 6);
    world.check();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsHalfThere) {
  if (const std::uint64_t one = from_environment("SR_SEED", 0); one != 0) return run(one);
  const std::uint64_t seeds = from_environment("SR_SEEDS", 200);
  const std::uint64_t first = from_environment("SR_FIRST_SEED", 1);
  std::cout << "seeds " << first << " to " << first + seeds - 1 << "\n";
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    run(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "SR_SEED=" << seed;
  }
}

// One client, a fixed piece of work, a power cut in each operation of the disk in turn.
TEST(Crash, EveryOperationOfTheDiskMayBeTheLast) {
  for (std::uint64_t cut = 0; cut < 60; ++cut) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE(testing::Message() << "power cut in operation " << cut << ", seed " << seed);
      World world(seed);
      world.disk().crash_after(cut);
      world.live(20, 0);
      world.check();
      world.live(5, 0);
      world.check();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

}  // namespace
}  // namespace strongroom::store
