#include "identity/tokens.h"

#include <gtest/gtest.h>

#include "store/committer.h"
#include "store/memory_store.h"
#include "store/plain_sealer.h"
#include "store/tables.h"

namespace strongroom::identity {
namespace {

class Dice final : public Random {
 public:
  void fill(std::span<std::byte> out) noexcept override {
    for (auto& b : out)
      b = static_cast<std::byte>((state_ = state_ * 6364136223846793005u + 1442695040888963407u) >> 56);
  }

 private:
  std::uint64_t state_ = 7;
};
class Deaf final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

constexpr WallTime kNow{Seconds(1'800'000'000)};

class TokensTest : public testing::Test {
 protected:
  TokensTest() : committer_(store_, sealer_, deaf_, log_, {}) { reopen(1); }
  void reopen(std::uint64_t block) {
    const auto h = key('h'), l = key('l'), a = key('a'), b = key('b');
    EXPECT_TRUE(tokens_.open({h, l, a, b}, block));
  }
  static NewToken endless() { return NewToken(Lifetime::forever()); }
  static NewToken lasting(Seconds s) { return NewToken(Lifetime::of(s)); }
  static Secret key(char c) { return Secret::copy_of(std::string(32, c)); }

  struct Open {
    std::unique_ptr<store::Snapshot> snapshot;
    std::unique_ptr<store::Txn> txn;
    store::Txn& operator*() const { return *txn; }
  };
  Open begin() {
    Open o;
    o.snapshot = *store_.snapshot();
    o.txn = std::make_unique<store::Txn>(*o.snapshot, sealer_);
    return o;
  }
  Code commit(Open& o) {
    const auto done = committer_.commit(o.txn->take());
    return done ? Code::needs_worker : done.error().code;  // needs_worker stands for success
  }
  static constexpr Code kDone = Code::needs_worker;

  struct Made {
    std::string id;
    std::uint64_t number = 0;
  };
  Made make(NewToken want = endless(), const std::string& parent = {}, WallTime now = kNow) {
    auto t = begin();
    std::shared_ptr<const TokenRecord> above;
    if (!parent.empty()) {
      above = *tokens_.find(*t, parent, now);
      want.parent = above.get();
    }
    auto made = tokens_.create(*t, want, now, dice_);
    EXPECT_TRUE(made);
    EXPECT_EQ(commit(t), kDone);
    return {std::string(made->id.reveal_text(Reveal::to_caller)), made->record.number};
  }
  bool works(const std::string& id, WallTime now = kNow) {
    auto t = begin();
    const auto found = tokens_.find(*t, id, now);
    EXPECT_TRUE(found);
    return found && *found != nullptr;
  }
  void revoke(const std::string& id) {
    auto t = begin();
    const auto found = *tokens_.find(*t, id, kNow);
    ASSERT_TRUE(found);
    EXPECT_TRUE(tokens_.revoke(*t, *found));
    EXPECT_EQ(commit(t), kDone);
  }
  std::size_t keys_of(store::Table table) {
    auto t = begin();
    std::size_t n = 0;
    const auto first = store::table_key(table);
    EXPECT_TRUE(
        t.txn->scan_keys(first, store::after_prefix(first), [&](std::string_view) { return ++n != 0; }));
    return n;
  }
  int sweep(std::size_t most) {
    for (int rounds = 1;; ++rounds) {
      auto t = begin();
      const auto swept = tokens_.sweep(*t, most);
      EXPECT_TRUE(swept);
      if (t.txn->dirty()) {
        EXPECT_EQ(commit(t), kDone);
      }
      if (*swept == Tokens::Swept::all || rounds > 1000) return rounds;
    }
  }

  store::MemoryStore store_;
  store::PlainSealer sealer_;
  Deaf deaf_;
  NoLog log_;
  store::Committer committer_;
  Tokens tokens_;
  Dice dice_;
};

TEST_F(TokensTest, AreFoundByIdAndByAccessorAndNothingElse) {
  auto want = endless();
  want.policies = {"a", "default"};
  want.meta = {{"team", "blue"}};
  const auto made = make(want);
  EXPECT_TRUE(made.id.starts_with("hvs."));
  auto t = begin();
  const auto found = *tokens_.find(*t, made.id, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->policies, want.policies);
  EXPECT_EQ(found->meta, want.meta);
  EXPECT_TRUE(found->orphan);
  const auto accessor = tokens_.accessor_of(made.number);
  EXPECT_EQ((*tokens_.find_by_accessor(*t, accessor, kNow))->number, made.number);
  EXPECT_FALSE(*tokens_.find(*t, accessor, kNow)) << "an accessor is no token";
  EXPECT_FALSE(*tokens_.find_by_accessor(*t, made.id, kNow));
}

TEST_F(TokensTest, EveryOtherSpellingOfAnIdIsUnknown) {
  const auto made = make();
  const auto other = make();
  for (std::size_t i = 0; i < made.id.size(); ++i) {
    auto changed = made.id;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(works(changed)) << "byte " << i;
  }
  EXPECT_FALSE(works(made.id + "0"));
  EXPECT_FALSE(works(made.id.substr(0, made.id.size() - 1)));
  EXPECT_FALSE(works(" " + made.id));
  EXPECT_FALSE(works(made.id.substr(4)));
  EXPECT_FALSE(works("hvb." + made.id.substr(4)));
  EXPECT_FALSE(works(std::string(257, 'x')));
  EXPECT_FALSE(works("hvs."));
  // The locator of one token with the random part of another.
  EXPECT_FALSE(works(made.id.substr(0, 4 + 22) + other.id.substr(4 + 22)));
  EXPECT_TRUE(works(made.id));
}

TEST_F(TokensTest, AChosenIdIsFoundRefusedTwiceAndFreeAfterRevocation) {
  auto want = endless();
  want.chosen_id = "my-own-token";
  make(want);
  EXPECT_TRUE(works("my-own-token"));
  EXPECT_FALSE(works("my-own-toke"));
  auto t = begin();
  EXPECT_EQ(tokens_.create(*t, want, kNow, dice_).error().code, Code::invalid_argument);
  revoke("my-own-token");
  EXPECT_FALSE(works("my-own-token"));
  make(want);
  EXPECT_TRUE(works("my-own-token"));
}

TEST_F(TokensTest, TwoOfOneChosenIdAtOnceAreOne) {
  auto want = endless();
  want.chosen_id = "same";
  auto first = begin();
  auto second = begin();
  ASSERT_TRUE(tokens_.create(*first, want, kNow, dice_));
  ASSERT_TRUE(tokens_.create(*second, want, kNow, dice_));
  EXPECT_EQ(commit(first), kDone);
  EXPECT_EQ(commit(second), Code::conflict);
}

TEST_F(TokensTest, ARevokedTokenTakesItsTreeWithItAtOnce) {
  const auto parent = make();
  const auto child = make(endless(), parent.id);
  const auto grandchild = make(endless(), child.id);
  const auto sibling = make(endless(), parent.id);
  const auto orphan = make();
  revoke(child.id);
  EXPECT_FALSE(works(child.id));
  EXPECT_FALSE(works(grandchild.id));
  EXPECT_TRUE(works(sibling.id));
  EXPECT_TRUE(works(parent.id));
  revoke(parent.id);
  EXPECT_FALSE(works(sibling.id));
  EXPECT_TRUE(works(orphan.id));
  {
    auto t = begin();
    EXPECT_FALSE(*tokens_.find_by_accessor(*t, tokens_.accessor_of(grandchild.number), kNow));
  }
  EXPECT_EQ(sweep(100), 1);
  EXPECT_EQ(keys_of(store::Table::token), 1u) << "the orphan alone";
  EXPECT_EQ(keys_of(store::Table::token_index), 0u);
}

TEST_F(TokensTest, SweepsALargeTreeInSmallSteps) {
  const auto root = make();
  for (int i = 0; i < 10; ++i) {
    const auto child = make(endless(), root.id);
    for (int k = 0; k < 5; ++k) make(endless(), child.id);
  }
  revoke(root.id);
  EXPECT_GT(sweep(3), 10);
  EXPECT_EQ(keys_of(store::Table::token), 0u);
  EXPECT_EQ(keys_of(store::Table::token_index), 0u);
}

TEST_F(TokensTest, ATreeIsAtMost32Deep) {
  auto id = make().id;
  for (int i = 0; i < 32; ++i) id = make(endless(), id).id;
  auto t = begin();
  const auto deepest = *tokens_.find(*t, id, kNow);
  ASSERT_TRUE(deepest);
  auto want = endless();
  want.parent = deepest.get();
  EXPECT_EQ(tokens_.create(*t, want, kNow, dice_).error().code, Code::invalid_argument);
}

TEST_F(TokensTest, ExpireAtTheirMomentAndAreErasedLater) {
  auto want = lasting(Seconds(60));
  const auto made = make(want);
  const auto forever = make();
  EXPECT_TRUE(works(made.id, kNow + Seconds(60) - Nanoseconds(1)));
  EXPECT_FALSE(works(made.id, kNow + Seconds(60)));
  auto early = begin();
  std::vector<std::uint64_t> expired;
  EXPECT_EQ(*tokens_.expire(*early, kNow + Seconds(59), 10, expired), Tokens::Swept::all);
  EXPECT_FALSE(early.txn->dirty());
  auto t = begin();
  EXPECT_EQ(*tokens_.expire(*t, kNow + Seconds(61), 10, expired), Tokens::Swept::all);
  EXPECT_EQ(commit(t), kDone);
  EXPECT_EQ(expired, std::vector<std::uint64_t>{made.number});
  EXPECT_EQ(keys_of(store::Table::token), 1u);
  EXPECT_EQ(keys_of(store::Table::expiry), 0u);
  EXPECT_TRUE(works(forever.id, kNow + Seconds(1'000'000'000)));
}

TEST_F(TokensTest, AnExpiryThatWasRenewedIsPutBack) {
  auto want = lasting(Seconds(60));
  const auto made = make(want);
  auto t = begin();
  auto renewed = **tokens_.find(*t, made.id, kNow);
  renewed.expires = Expiry::at(kNow + Seconds(120));
  tokens_.save(*t, renewed);
  EXPECT_EQ(commit(t), kDone);
  std::vector<std::uint64_t> expired;
  auto first = begin();
  EXPECT_EQ(*tokens_.expire(*first, kNow + Seconds(61), 10, expired), Tokens::Swept::all);
  EXPECT_EQ(commit(first), kDone);
  EXPECT_TRUE(expired.empty());
  EXPECT_TRUE(works(made.id, kNow + Seconds(119)));
  auto second = begin();
  EXPECT_EQ(*tokens_.expire(*second, kNow + Seconds(120), 10, expired), Tokens::Swept::all);
  EXPECT_EQ(commit(second), kDone);
  EXPECT_EQ(expired.size(), 1u);
}

TEST_F(TokensTest, ManyExpiriesAreTakenInBatches) {
  auto want = lasting(Seconds(1));
  for (int i = 0; i < 7; ++i) make(want);
  std::vector<std::uint64_t> expired;
  auto t = begin();
  EXPECT_EQ(*tokens_.expire(*t, kNow + Seconds(2), 5, expired), Tokens::Swept::more);
  EXPECT_EQ(commit(t), kDone);
  EXPECT_EQ(expired.size(), 5u);
}

// Before its parent's record was erased a child of an expired parent still worked.
TEST_F(TokensTest, AChildDoesNotOutliveItsParentsExpiry) {
  auto want = lasting(Seconds(60));
  const auto parent = make(want);
  const auto child = make(endless(), parent.id);
  const auto grandchild = make(endless(), child.id);
  EXPECT_TRUE(works(grandchild.id, kNow + Seconds(59)));
  EXPECT_FALSE(works(child.id, kNow + Seconds(60)));
  EXPECT_FALSE(works(grandchild.id, kNow + Seconds(60)));
}

TEST_F(TokensTest, AChildMadeWhileItsParentIsRevokedDoesNotLive) {
  const auto parent = make();
  auto want = endless();
  auto making = begin();
  const auto above = *tokens_.find(*making, parent.id, kNow);
  want.parent = above.get();
  const auto made = tokens_.create(*making, want, kNow, dice_);
  ASSERT_TRUE(made);
  revoke(parent.id);
  EXPECT_EQ(commit(making), Code::conflict);
}

TEST_F(TokensTest, ARevocationSeesAChildThatWasMadeMeanwhile) {
  const auto parent = make();
  auto revoking = begin();
  EXPECT_TRUE(tokens_.revoke(*revoking, **tokens_.find(*revoking, parent.id, kNow)));
  make(endless(), parent.id);
  EXPECT_EQ(commit(revoking), Code::conflict) << "or the child's leftovers are never swept";
}

TEST_F(TokensTest, ListsAccessorsOfTheLivingInOrder) {
  auto brief = lasting(Seconds(5));
  const auto a = make();
  const auto b = make(brief);
  const auto c = make();
  auto t = begin();
  EXPECT_EQ(*tokens_.accessors(*t, kNow),
            (std::vector<std::string>{tokens_.accessor_of(a.number), tokens_.accessor_of(b.number),
                                      tokens_.accessor_of(c.number)}));
  EXPECT_EQ(tokens_.accessors(*t, kNow + Seconds(5))->size(), 2u);
}

TEST_F(TokensTest, ReloadSeesWhatTheTransactionWrote) {
  auto want = endless();
  want.num_uses = 3;
  const auto made = make(want);
  auto t = begin();
  auto record = **tokens_.find(*t, made.id, kNow);
  EXPECT_EQ(record.num_uses, 3);
  record.num_uses = 2;
  tokens_.save(*t, record);
  EXPECT_EQ((*tokens_.reload(*t, made.number))->num_uses, 2);
  EXPECT_TRUE(tokens_.revoke(*t, record));
  EXPECT_FALSE(*tokens_.reload(*t, made.number));
}

TEST_F(TokensTest, NumbersOfAnotherUnsealAreOthers) {
  const auto before = make();
  reopen(2);
  const auto after = make();
  EXPECT_NE(before.number, after.number);
  EXPECT_TRUE(works(before.id));
  EXPECT_TRUE(works(after.id));
}

TEST_F(TokensTest, SealedNothingIsFoundAndNothingMade) {
  const auto made = make();
  tokens_.close();
  auto t = begin();
  EXPECT_EQ(tokens_.find(*t, made.id, kNow).error().code, Code::sealed);
  EXPECT_EQ(tokens_.create(*t, endless(), kNow, dice_).error().code, Code::sealed);
  EXPECT_EQ(tokens_.accessor_of(made.number), "");
}

}  // namespace
}  // namespace strongroom::identity
