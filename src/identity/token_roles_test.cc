#include "identity/token_roles.h"

#include <gtest/gtest.h>

#include <random>

#include "store/committer.h"
#include "store/memory_store.h"
#include "store/plain_sealer.h"

namespace strongroom::identity {
namespace {

class Deaf final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

class TokenRolesTest : public testing::Test {
 protected:
  TokenRolesTest() : committer_(store_, sealer_, deaf_, log_, {}), roles_(tokens_) {
    const auto key = Secret::copy_of(std::string(32, 'k'));
    EXPECT_TRUE(tokens_.open({key, key, key, key}, 1));
  }
  template <class F>
  void write(F&& f) {
    const auto snapshot = *store_.snapshot();
    store::Txn txn(*snapshot, sealer_);
    f(txn);
    EXPECT_TRUE(committer_.commit(txn.take()));
  }
  std::optional<TokenRole> get(std::string_view name) {
    const auto snapshot = *store_.snapshot();
    store::Txn txn(*snapshot, sealer_);
    return *roles_.get(txn, name);
  }
  std::vector<std::string> names() {
    const auto snapshot = *store_.snapshot();
    store::Txn txn(*snapshot, sealer_);
    return *roles_.names(txn);
  }
  store::MemoryStore store_;
  store::PlainSealer sealer_;
  Deaf deaf_;
  NoLog log_;
  store::Committer committer_;
  Tokens tokens_;
  TokenRoles roles_;
};

TEST_F(TokenRolesTest, ComeBackAsTheyWereWritten) {
  TokenRole r;
  r.name = "job";
  r.allowed_policies = {"a", "b"};
  r.allowed_policies_glob = {"dev-*"};
  r.disallowed_policies = {"c"};
  r.disallowed_policies_glob = {"*-secret"};
  r.allowed_entity_aliases = {"ann-*"};
  r.bound_cidrs = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("::1")};
  r.path_suffix = "sfx";
  r.explicit_max_ttl = Seconds(3600);
  r.period = Seconds(60);
  r.num_uses = 7;
  r.type = TokenType::default_batch;
  r.orphan = true;
  r.renewable = false;
  r.no_default_policy = true;
  r.old_period = true;
  write([&](store::Txn& txn) { EXPECT_TRUE(roles_.put(txn, r)); });
  const auto got = get("job");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->allowed_policies, r.allowed_policies);
  EXPECT_EQ(got->allowed_policies_glob, r.allowed_policies_glob);
  EXPECT_EQ(got->disallowed_policies, r.disallowed_policies);
  EXPECT_EQ(got->disallowed_policies_glob, r.disallowed_policies_glob);
  EXPECT_EQ(got->allowed_entity_aliases, r.allowed_entity_aliases);
  EXPECT_EQ(got->bound_cidrs, r.bound_cidrs);
  EXPECT_EQ(got->path_suffix, "sfx");
  EXPECT_EQ(got->explicit_max_ttl, Seconds(3600));
  EXPECT_EQ(got->period, Seconds(60));
  EXPECT_EQ(got->num_uses, 7);
  EXPECT_EQ(got->type, TokenType::default_batch);
  EXPECT_TRUE(got->orphan && !got->renewable && got->no_default_policy && got->old_period);
  EXPECT_FALSE(got->old_explicit_max_ttl || got->old_bound_cidrs);
  EXPECT_FALSE(get("JOB"));
  EXPECT_FALSE(get("jo"));
}

TEST_F(TokenRolesTest, AreListedByNameAndGoOneByOne) {
  write([&](store::Txn& txn) {
    for (const auto* n : {"c", "a", "b"}) {
      TokenRole r;
      r.name = n;
      EXPECT_TRUE(roles_.put(txn, r));
    }
  });
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c"}));
  write([&](store::Txn& txn) { EXPECT_TRUE(roles_.erase(txn, "b")); });
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "c"}));
}

TEST_F(TokenRolesTest, NamesAreNotInTheKeysOfTheStore) {
  TokenRole r;
  r.name = "very-telling-name";
  write([&](store::Txn& txn) { EXPECT_TRUE(roles_.put(txn, r)); });
  const auto snapshot = *store_.snapshot();
  store::Txn txn(*snapshot, sealer_);
  EXPECT_TRUE(txn.scan_keys("", std::string(8, '\xff'), [&](std::string_view k) {
    EXPECT_EQ(k.find("telling"), k.npos);
    return true;
  }));
}

TEST(TokenRole, NamesAreWords) {
  for (const auto* good : {"a", "_", "a.b", "A-9", "0", "a..b"})
    EXPECT_TRUE(TokenRoles::valid_name(good)) << good;
  for (const auto* bad : {"", ".a", "a.", "-a", "a-", "a/b", "a b", "ä", "a\n", "..", "*"})
    EXPECT_FALSE(TokenRoles::valid_name(bad)) << bad;
  EXPECT_FALSE(TokenRoles::valid_name(std::string(129, 'a')));
}

TEST(TokenRole, TypesHaveOneNameEach) {
  for (const auto t :
       {TokenType::service, TokenType::batch, TokenType::default_service, TokenType::default_batch})
    EXPECT_EQ(token_type(name(t)), t);
  EXPECT_EQ(token_type(""), TokenType::default_service);
  EXPECT_FALSE(token_type("Batch"));
}

bool slow_glob(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*') return slow_glob(p.substr(1), t) || (!t.empty() && slow_glob(p, t.substr(1)));
  return !t.empty() && p[0] == t[0] && slow_glob(p.substr(1), t.substr(1));
}

TEST(FitsGlob, AgreesWithItsDefinition) {
  std::mt19937_64 dice(5);
  for (int i = 0; i < 50'000; ++i) {
    std::string p, t;
    for (auto n = dice() % 7; n > 0; --n) p.push_back("ab*"[dice() % 3]);
    for (auto n = dice() % 9; n > 0; --n) t.push_back("ab"[dice() % 2]);
    ASSERT_EQ(fits_glob(p, t), slow_glob(p, t)) << p << " " << t;
  }
  EXPECT_TRUE(fits_glob(std::string(1000, '*') + "b", std::string(10'000, 'a') + "b"));
}

}  // namespace
}  // namespace strongroom::identity
