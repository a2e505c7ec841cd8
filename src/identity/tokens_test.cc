#include "identity/tokens.h"

#include <gtest/gtest.h>

#include <random>

#include "base/pack.h"
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
  void revoke_alone(const std::string& id) {
    auto t = begin();
    const auto found = *tokens_.find(*t, id, kNow);
    ASSERT_TRUE(found);
    EXPECT_TRUE(tokens_.revoke_alone(*t, *found));
    EXPECT_EQ(commit(t), kDone);
  }
  std::string batch(NewToken want, const std::string& parent = {}) {
    auto t = begin();
    std::shared_ptr<const TokenRecord> above;
    if (!parent.empty()) {
      above = *tokens_.find(*t, parent, kNow);
      want.parent = above.get();
    }
    auto made = tokens_.create_batch(want, kNow, dice_);
    EXPECT_TRUE(made);
    return made ? std::string(made->id.reveal_text(Reveal::to_caller)) : std::string();
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
  sweep(100);
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

TEST_F(TokensTest, OneThatAskedForLessTimeIsErasedWhenThatIsOver) {
  const auto made = make(lasting(Seconds(3600)));
  auto t = begin();
  tokens_.renew(*t, **tokens_.find(*t, made.id, kNow), Expiry::at(kNow + Seconds(10)), kNow);
  EXPECT_EQ(commit(t), kDone);
  t = begin();
  std::vector<std::uint64_t> expired;
  EXPECT_TRUE(tokens_.expire(*t, kNow + Seconds(9), 100, expired));
  EXPECT_EQ(expired, std::vector<std::uint64_t>{});
  EXPECT_TRUE(tokens_.expire(*t, kNow + Seconds(10), 100, expired));
  EXPECT_EQ(expired, std::vector<std::uint64_t>{made.number});
  EXPECT_EQ(commit(t), kDone);
  t = begin();
  expired.clear();
  EXPECT_TRUE(tokens_.expire(*t, kNow + Seconds(3600), 100, expired));
  EXPECT_EQ(expired, std::vector<std::uint64_t>{}) << "the entry it had first finds nothing";
  EXPECT_EQ(commit(t), kDone);
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

// ---- batch tokens

TEST_F(TokensTest, ABatchTokenIsItsOwnRecord) {
  auto want = lasting(Seconds(60));
  want.policies = {"a", "default"};
  want.meta = {{"team", "blue"}};
  want.bound_cidrs = {*Cidr::parse("10.0.0.0/8")};
  want.role = "job";
  const auto before = (*store_.snapshot())->revision();
  const auto id = batch(want);
  EXPECT_TRUE(id.starts_with("hvb."));
  EXPECT_EQ((*store_.snapshot())->revision(), before);
  auto t = begin();
  const auto found = *tokens_.find(*t, id, kNow);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->batch);
  EXPECT_TRUE(found->orphan);
  EXPECT_EQ(found->number, 0u);
  EXPECT_EQ(found->policies, want.policies);
  EXPECT_EQ(found->meta, want.meta);
  EXPECT_EQ(found->role, "job");
  EXPECT_EQ(found->bound_cidrs, want.bound_cidrs);
  EXPECT_EQ(tokens_.accessor_of(found->number), "");
  EXPECT_TRUE(works(id, kNow + Seconds(60) - Nanoseconds(1)));
  EXPECT_FALSE(works(id, kNow + Seconds(60)));
}

TEST_F(TokensTest, EveryOtherSpellingOfABatchTokenIsUnknown) {
  const auto id = batch(lasting(Seconds(60)));
  for (std::size_t i = 0; i < id.size(); ++i) {
    auto changed = id;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(works(changed)) << "byte " << i;
  }
  for (const auto* tail : {"=", "==", "A", "AA", " ", "\n"}) EXPECT_FALSE(works(id + tail));
  EXPECT_FALSE(works(id.substr(0, id.size() - 1)));
  EXPECT_FALSE(works("hvs." + id.substr(4)));
  EXPECT_FALSE(works("hvb."));
  EXPECT_FALSE(works("hvb." + std::string(10'000, 'A')));
  EXPECT_TRUE(works(id));
}

TEST_F(TokensTest, ABatchTokenOfAnotherServerIsUnknown) {
  const auto id = batch(lasting(Seconds(60)));
  const auto h = key('h'), l = key('l'), a = key('a'), other = key('x');
  EXPECT_TRUE(tokens_.open({h, l, a, other}, 1));
  EXPECT_FALSE(works(id));
}

TEST_F(TokensTest, ABatchTokenDiesWithItsParentInEveryWay) {
  const auto grandparent = make();
  auto brief = lasting(Seconds(30));
  const auto parent = make(brief, grandparent.id);
  const auto of_parent = batch(lasting(Seconds(60)), parent.id);
  EXPECT_TRUE(works(of_parent));
  EXPECT_FALSE(works(of_parent, kNow + Seconds(30))) << "the parent has expired";
  const auto other = make(endless(), grandparent.id);
  const auto of_other = batch(lasting(Seconds(60)), other.id);
  revoke(other.id);
  EXPECT_FALSE(works(of_other));
  revoke(grandparent.id);
  EXPECT_FALSE(works(of_parent));
}

TEST_F(TokensTest, ABatchTokenMustEndAndFitAHeader) {
  EXPECT_EQ(tokens_.create_batch(endless(), kNow, dice_).error().code, Code::internal);
  auto large = lasting(Seconds(1));
  for (int i = 0; i < 10; ++i) large.meta["m" + std::to_string(i)] = std::string(512, 'x');
  EXPECT_EQ(tokens_.create_batch(large, kNow, dice_).error().code, Code::invalid_argument);
}

TEST_F(TokensTest, ABatchTokenCannotBeRevoked) {
  const auto id = batch(lasting(Seconds(60)));
  auto t = begin();
  const auto found = *tokens_.find(*t, id, kNow);
  EXPECT_EQ(tokens_.revoke(*t, *found).error().code, Code::invalid_argument);
  EXPECT_EQ(tokens_.revoke_alone(*t, *found).error().code, Code::invalid_argument);
  EXPECT_FALSE(t.txn->dirty());
}

// ---- revoked without its children

TEST_F(TokensTest, RevokedAloneItIsDeadAndItsChildrenAreOrphans) {
  const auto grandparent = make();
  const auto parent = make(endless(), grandparent.id);
  const auto child = make(endless(), parent.id);
  const auto grandchild = make(endless(), child.id);
  const auto of_parent = batch(lasting(Seconds(60)), parent.id);
  const auto of_child = batch(lasting(Seconds(60)), child.id);
  revoke_alone(parent.id);
  EXPECT_FALSE(works(parent.id));
  {
    auto t = begin();
    EXPECT_FALSE(*tokens_.find_by_accessor(*t, tokens_.accessor_of(parent.number), kNow));
    EXPECT_FALSE(*tokens_.reload(*t, parent.number));
    EXPECT_EQ(tokens_.accessors(*t, kNow)->size(), 3u);
    EXPECT_TRUE(*tokens_.is_orphan(*t, **tokens_.find(*t, child.id, kNow)));
    EXPECT_FALSE(*tokens_.is_orphan(*t, **tokens_.find(*t, grandchild.id, kNow)));
  }
  EXPECT_TRUE(works(child.id));
  EXPECT_TRUE(works(grandchild.id));
  EXPECT_FALSE(works(of_parent)) << "a batch token needs its parent";
  EXPECT_TRUE(works(of_child));
  revoke(grandparent.id);
  sweep(100);
  EXPECT_TRUE(works(child.id)) << "an orphan outlives its grandparent";
  EXPECT_TRUE(works(grandchild.id));
  const auto later = make(endless(), grandchild.id);
  EXPECT_TRUE(works(later.id));
  revoke(child.id);
  EXPECT_FALSE(works(grandchild.id));
  EXPECT_FALSE(works(later.id));
  sweep(100);
  EXPECT_EQ(keys_of(store::Table::token), 0u) << "the remains go with the last child";
  EXPECT_EQ(keys_of(store::Table::token_index), 0u);
}

TEST_F(TokensTest, TwoLevelsRevokedAloneCutTheTreeTwice) {
  const auto a = make();
  const auto b = make(endless(), a.id);
  const auto c = make(endless(), b.id);
  revoke_alone(b.id);
  revoke_alone(a.id);
  EXPECT_EQ(keys_of(store::Table::token), 2u) << "c and the remains of b: a had no children left";
  EXPECT_TRUE(works(c.id));
  revoke(c.id);
  EXPECT_EQ(keys_of(store::Table::token), 0u);
  EXPECT_EQ(keys_of(store::Table::token_index), 0u);
}

TEST_F(TokensTest, RevokedAloneWithoutChildrenItLeavesNothing) {
  auto want = lasting(Seconds(60));
  want.chosen_id = "chosen";
  make(want);
  revoke_alone("chosen");
  for (const auto table : {store::Table::token, store::Table::token_index, store::Table::expiry})
    EXPECT_EQ(keys_of(table), 0u);
}

TEST_F(TokensTest, AChildMadeWhileItsParentIsRevokedAloneDoesNotLive) {
  const auto parent = make();
  make(endless(), parent.id);
  auto making = begin();
  auto want = endless();
  const auto above = *tokens_.find(*making, parent.id, kNow);
  want.parent = above.get();
  ASSERT_TRUE(tokens_.create(*making, want, kNow, dice_));
  revoke_alone(parent.id);
  EXPECT_EQ(commit(making), Code::conflict);
}

TEST_F(TokensTest, TheLastTwoChildrenAtOnceLeaveNoRemains) {
  const auto parent = make();
  const auto one = make(endless(), parent.id);
  const auto two = make(endless(), parent.id);
  revoke_alone(parent.id);
  auto first = begin();
  auto second = begin();
  ASSERT_TRUE(tokens_.revoke(*first, **tokens_.find(*first, one.id, kNow)));
  ASSERT_TRUE(tokens_.revoke(*second, **tokens_.find(*second, two.id, kNow)));
  EXPECT_EQ(commit(first), kDone);
  EXPECT_EQ(commit(second), Code::conflict) << "each saw the other as the reason to keep the remains";
  revoke(two.id);
  EXPECT_EQ(keys_of(store::Table::token), 0u);
}

// Random trees, random deaths; a model that keeps parents and rewrites them says who lives.
TEST_F(TokensTest, TreesAgreeWithAModelThatRewritesParents) {
  struct Node {
    std::string id;
    std::optional<std::size_t> parent;
    bool alive = true;
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 dice(seed);
    std::vector<Node> nodes;
    const auto living = [&] {
      std::vector<std::size_t> out;
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (nodes[i].alive) out.push_back(i);
      return out;
    };
    for (int step = 0; step < 60; ++step) {
      const auto alive = living();
      const auto what = dice() % 10;
      if (alive.empty() || what < 6) {
        const bool orphan = alive.empty() || dice() % 4 == 0;
        const auto parent = orphan ? 0 : alive[dice() % alive.size()];
        nodes.push_back({make(endless(), orphan ? "" : nodes[parent].id).id,
                         orphan ? std::nullopt : std::optional(parent)});
      } else if (what < 8) {
        const auto gone = alive[dice() % alive.size()];
        revoke(nodes[gone].id);
        nodes[gone].alive = false;
        for (std::size_t i = 0; i < nodes.size(); ++i)  // parents come before children
          if (nodes[i].parent && !nodes[*nodes[i].parent].alive) nodes[i].alive = false;
      } else if (what < 9) {
        const auto gone = alive[dice() % alive.size()];
        revoke_alone(nodes[gone].id);
        for (auto& n : nodes)
          if (n.parent == gone) n.parent.reset();
        nodes[gone].alive = false;
      } else {
        sweep(1 + dice() % 5);
      }
      for (const auto& n : nodes) EXPECT_EQ(works(n.id), n.alive);
    }
    for (const auto i : living())
      if (works(nodes[i].id)) revoke(nodes[i].id);
    sweep(100);
    EXPECT_EQ(keys_of(store::Table::token), 0u);
    EXPECT_EQ(keys_of(store::Table::token_index), 0u);
  }
}

// ---- cubbyholes

TEST_F(TokensTest, EveryDeathOfATokenWithACubbyholeDigsAGrave) {
  auto kept = endless();
  kept.has_cubbyhole = true;
  auto brief = lasting(Seconds(10));
  brief.has_cubbyhole = true;
  const auto revoked = make(kept);
  const auto expired = make(brief);
  const auto parent = make();
  const auto swept = make(kept, parent.id);
  const auto alone = make(kept);
  make(endless(), alone.id);
  const auto marked = make();
  const auto without = make();
  {
    auto t = begin();
    ASSERT_TRUE(tokens_.mark_cubbyhole(*t, marked.number));
    EXPECT_EQ(commit(t), kDone);
  }
  revoke(revoked.id);
  revoke(parent.id);
  sweep(10);
  revoke_alone(alone.id);
  revoke(marked.id);
  revoke(without.id);
  std::vector<std::uint64_t> gone;
  auto t = begin();
  EXPECT_TRUE(tokens_.expire(*t, kNow + Seconds(11), 10, gone));
  EXPECT_EQ(commit(t), kDone);
  auto look = begin();
  EXPECT_EQ(*tokens_.graves(*look, 100),
            (std::vector{revoked.number, expired.number, swept.number, alone.number, marked.number}));
  EXPECT_EQ(tokens_.graves(*look, 2)->size(), 2u);
  const auto all = *tokens_.graves(*look, 100);
  for (const auto n : all) tokens_.close_grave(*look, n);
  EXPECT_EQ(commit(look), kDone);
  auto after = begin();
  EXPECT_TRUE(tokens_.graves(*after, 100)->empty());
  EXPECT_EQ(tokens_.mark_cubbyhole(*after, revoked.number).error().code, Code::unauthenticated);
}

// ---- addresses

TEST_F(TokensTest, ABoundTokenIsAdmittedFromItsAddressesAlone) {
  TokenRecord r;
  r.expires = Expiry::at(kNow);
  EXPECT_TRUE(r.admits("")) << "not bound";
  r.bound_cidrs = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("2001:db8::/32"), *Cidr::parse("127.0.0.1")};
  for (const auto* in : {"10.255.0.1", "::ffff:10.1.1.1", "2001:db8::1", "127.0.0.1"})
    EXPECT_TRUE(r.admits(in)) << in;
  for (const auto* out : {"", "11.0.0.1", "2001:db9::1", "127.0.0.2", "::1", "10.0.0.1 ", "10.1", "x"})
    EXPECT_FALSE(r.admits(out)) << out;
  r.policies = {"root"};
  EXPECT_FALSE(r.admits("11.0.0.1"));
  r.expires = Expiry::never();
  EXPECT_TRUE(r.admits("11.0.0.1")) << "an eternal root token cannot be locked out";
  r.policies = {"default"};
  EXPECT_FALSE(r.admits("11.0.0.1"));
}

// ---- stored records

// As version 1 wrote it: expiry zero is never, nothing after the flags.
TEST_F(TokensTest, RecordsOfTheFirstFormatAreRead) {
  const auto stored = [&](std::int64_t expires, std::uint64_t flags) {
    SecretText out;
    Packer p(out);
    p.number(1).text(std::string(32, 'h')).number(1).number(7);
    p.texts({"a", "default"}).text("token-x").text("auth/token/create").map({{"k", "v"}});
    p.signed_number(kNow.time_since_epoch().count()).signed_number(expires).signed_number(0);
    p.signed_number(3600).signed_number(7200).signed_number(9999).signed_number(5).number(flags);
    return out;
  };
  {
    auto t = begin();
    t.txn->put(Tokens::key(41), stored(0, 1 | 2));
    t.txn->put(Tokens::key(42), stored((kNow + Seconds(9)).time_since_epoch().count(), 4 | 8));
    EXPECT_EQ(commit(t), kDone);
  }
  auto t = begin();
  const auto eternal = *tokens_.reload(*t, 41);
  ASSERT_TRUE(eternal);
  EXPECT_TRUE(eternal->expires.is_never());
  EXPECT_EQ(eternal->hash[0], std::byte{'h'});
  EXPECT_EQ(eternal->ancestors, std::vector<std::uint64_t>{7});
  EXPECT_EQ(eternal->policies, (std::vector<std::string>{"a", "default"}));
  EXPECT_EQ(eternal->display_name, "token-x");
  EXPECT_EQ(eternal->meta.at("k"), "v");
  EXPECT_EQ(eternal->creation_ttl, Seconds(3600));
  EXPECT_EQ(eternal->explicit_max_ttl, Seconds(7200));
  EXPECT_EQ(eternal->num_uses, 5);
  EXPECT_TRUE(eternal->renewable && eternal->orphan && !eternal->chosen_id && !eternal->has_cubbyhole);
  const auto ending = *tokens_.reload(*t, 42);
  ASSERT_TRUE(ending);
  EXPECT_EQ(ending->expires, Expiry::at(kNow + Seconds(9)));
  EXPECT_TRUE(ending->chosen_id && ending->has_cubbyhole);
  tokens_.save(*t, *eternal);  // and written anew it is the same
  EXPECT_TRUE((*tokens_.reload(*t, 41))->expires.is_never());
}

TEST_F(TokensTest, ARecordWithoutAnExpiryIsOverAndADamagedOneIsRefused) {
  EXPECT_TRUE(TokenRecord{}.expires.over(WallTime::min()));
  auto t = begin();
  TokenRecord zero;
  zero.number = 9;
  zero.expires = Expiry::at(WallTime{});
  tokens_.save(*t, zero);
  EXPECT_FALSE((*tokens_.reload(*t, 9))->expires.is_never()) << "zero became for ever";
  for (const auto& bytes :
       {std::string(1, '\3'), std::string(1, '\2'), std::string("\1\0", 2), std::string("\0x", 2)}) {
    t.txn->put(Tokens::key(9), SecretText(bytes));
    EXPECT_EQ(tokens_.reload(*t, 9).error().code, Code::corrupt);
  }
}

TEST_F(TokensTest, EverythingARecordHoldsComesBack) {
  auto want = lasting(Seconds(60));
  want.role = "r";
  want.period = Seconds(600);
  want.bound_cidrs = {*Cidr::parse("10.1.0.0/16"), *Cidr::parse("::1")};
  want.explicit_max_ttl = Seconds(7000);
  want.num_uses = 3;
  const auto made = make(want);
  auto t = begin();
  const auto r = **tokens_.find(*t, made.id, kNow);
  EXPECT_EQ(r.role, "r");
  EXPECT_EQ(r.period, Seconds(600));
  EXPECT_EQ(r.bound_cidrs, want.bound_cidrs);
  EXPECT_EQ(r.bound_cidrs[0].text(), "10.1.0.0/16");
  EXPECT_EQ(r.bound_cidrs[1].text(), "::1");
  EXPECT_EQ(r.explicit_max_ttl, Seconds(7000));
  EXPECT_EQ(r.num_uses, 3);
  EXPECT_EQ(r.expires, Expiry::at(kNow + Seconds(60)));
}

// ---- tidy

TEST_F(TokensTest, TidyRemovesWhatIsDeadOrPointsNowhere) {
  const auto parent = make();
  const auto child = make(endless(), parent.id);
  const auto lone = make();
  auto chosen = endless();
  chosen.chosen_id = "chosen";
  make(chosen);
  const auto brief = make(lasting(Seconds(5)));
  {
    auto t = begin();
    t.txn->erase(Tokens::key(parent.number));  // as no code of ours does
    t.txn->erase(Tokens::key(tokens_.find(*t, "chosen", kNow)->get()->number));
    auto stray = store::table_key(store::Table::token_index) + "c";
    put_u64(stray, lone.number);
    put_u64(stray, 12345);
    t.txn->put(stray, SecretText("c"));
    SecretText remains;
    remains.push_back('\0');
    t.txn->put(Tokens::key(777), std::move(remains));
    EXPECT_EQ(commit(t), kDone);
  }
  EXPECT_FALSE(tokens_.tidy_from());
  tokens_.ask_for_tidy();
  std::size_t removed = 0;
  for (int steps = 0; tokens_.tidy_from(); ++steps) {
    ASSERT_LT(steps, 100);
    auto t = begin();
    auto step = tokens_.tidy(*t, *tokens_.tidy_from(), kNow + Seconds(6), 2);
    ASSERT_TRUE(step);
    if (t.txn->dirty()) {
      EXPECT_EQ(commit(t), kDone);
    }
    removed += step->removed;
    tokens_.tidied(std::move(step->next));
  }
  EXPECT_EQ(removed, 5u) << "the child, the brief one, the remains, the stray entry, the chosen id";
  EXPECT_TRUE(works(lone.id));
  EXPECT_FALSE(works(child.id));
  EXPECT_FALSE(works(brief.id, kNow + Seconds(6)));
  EXPECT_EQ(keys_of(store::Table::token), 1u);
  EXPECT_EQ(keys_of(store::Table::token_index), 0u);
}

}  // namespace
}  // namespace strongroom::identity
