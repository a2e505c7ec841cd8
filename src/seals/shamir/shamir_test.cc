#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "crypto/equal.h"
#include "seals/shamir/gf256.h"
#include "seals/shamir/shamir_seal.h"

namespace strongroom::seals::shamir {
namespace {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) noexcept override {
    for (std::byte& b : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      b = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

// The schoolbook product with a branch for everything.
std::uint8_t naive_product(unsigned a, unsigned b) {
  unsigned p = 0;
  for (; b != 0; b >>= 1) {
    if (b & 1) p ^= a;
    a <<= 1;
    if (a & 0x100) a ^= 0x11b;
  }
  return static_cast<std::uint8_t>(p);
}

TEST(Gf256, MultipliesAsTheSchoolbookDoes) {
  for (unsigned a = 0; a < 256; ++a)
    for (unsigned b = 0; b < 256; ++b)
      ASSERT_EQ(multiply(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)), naive_product(a, b));
  EXPECT_EQ(multiply(0x53, 0xca), 1);  // FIPS 197's example pair
}

TEST(Gf256, EveryElementButZeroHasAnInverse) {
  EXPECT_EQ(inverse(0), 0);
  for (unsigned a = 1; a < 256; ++a)
    ASSERT_EQ(multiply(static_cast<std::uint8_t>(a), inverse(static_cast<std::uint8_t>(a))), 1) << a;
}

// f(x) = 42 + 7x over one byte: f(1) = 45, f(2) = 36 (42 ^ 14), f(3) = 35 (42 ^ 9).
TEST(Shamir, CombinesAKnownLine) {
  const auto share = [](unsigned y, unsigned x) {
    const std::array<std::byte, 2> b{static_cast<std::byte>(y), static_cast<std::byte>(x)};
    return Secret::copy_of(View(b));
  };
  for (const auto& [a, b] : {std::pair{1u, 2u}, std::pair{2u, 3u}, std::pair{3u, 1u}}) {
    std::vector<Secret> shares;
    for (const unsigned x : {a, b}) shares.push_back(share(42u ^ naive_product(7, x), x));
    EXPECT_EQ(combine(shares)->reveal(Reveal::to_cipher)[0], std::byte{42});
  }
}

TEST(Shamir, EverySubsetOfThresholdSharesOpensAndNoSmallerOne) {
  SeededRandom random(1);
  for (unsigned shares = 2; shares <= 6; ++shares)
    for (unsigned threshold = 2; threshold <= shares; ++threshold) {
      Bytes secret(32);
      random.fill(secret);
      const auto dealt = split(secret, shares, threshold, random);
      ASSERT_TRUE(dealt);
      std::set<std::byte> xs;
      for (const Secret& s : *dealt) xs.insert(s.reveal(Reveal::to_cipher).back());
      ASSERT_EQ(xs.size(), shares);
      ASSERT_FALSE(xs.contains(std::byte{0}));
      for (unsigned subset = 1; subset < 1u << shares; ++subset) {
        if (std::popcount(subset) < 2) continue;
        std::vector<Secret> some;
        for (unsigned i = 0; i < shares; ++i)
          if (subset >> i & 1) some.push_back((*dealt)[i].clone());
        const auto got = combine(some);
        ASSERT_TRUE(got);
        EXPECT_EQ(crypto::equal(got->reveal(Reveal::to_cipher), View(secret)), some.size() >= threshold)
            << shares << " " << threshold << " " << subset;
      }
    }
}

TEST(Shamir, WorksAtItsLimitsAndRefusesBeyond) {
  SeededRandom random(2);
  Bytes secret(32, std::byte{9});
  const auto all = split(secret, 255, 255, random);
  ASSERT_TRUE(all);
  EXPECT_TRUE(crypto::equal(combine(*all)->reveal(Reveal::to_cipher), View(secret)));
  EXPECT_FALSE(split(secret, 256, 2, random));
  EXPECT_FALSE(split(secret, 3, 4, random));
  EXPECT_FALSE(split(secret, 3, 1, random));
  EXPECT_FALSE(split({}, 3, 2, random));
  EXPECT_FALSE(combine(std::span(*all).first(1)));
  std::vector<Secret> twice;
  twice.push_back((*all)[0].clone());
  twice.push_back((*all)[0].clone());
  EXPECT_FALSE(combine(twice));
}

struct Dealt {
  SeededRandom random{3};
  ShamirSeal seal{random};
  std::vector<Secret> shares;
  std::string wrapped;
  Secret root = Secret::copy_of("0123456789abcdef0123456789abcdef");

  Dealt(std::uint32_t n, std::uint32_t t) {
    shares = *seal.deal({"shamir", n, t});
    wrapped = *seal.wrap(root);
    const auto config = seal.config();
    seal.reset();
    EXPECT_TRUE(seal.expect(config));
  }
};

TEST(ShamirSeal, OpensWithTheThresholdAndCountsProgress) {
  Dealt d(5, 3);
  EXPECT_EQ(d.seal.progress().nonce, "");
  EXPECT_EQ(d.seal.unwrap(d.wrapped).error().code, Code::failed_precondition);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d.shares[i].size(), 33u);
    const auto p = d.seal.add_share(d.shares[i]);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->gathered, i + 1);
    EXPECT_EQ(p->complete, i == 2);
    EXPECT_EQ(p->nonce.size(), 36u);
  }
  EXPECT_EQ(d.seal.add_share(d.shares[3]).error().code, Code::failed_precondition);
  const auto root = d.seal.unwrap(d.wrapped);
  ASSERT_TRUE(root);
  EXPECT_TRUE(crypto::equal(*root, d.root));
  EXPECT_EQ(d.seal.progress().gathered, 0u);
  EXPECT_EQ(d.seal.progress().nonce, "");
}

TEST(ShamirSeal, AWrongShareIsNotNamedAndTheAttemptStartsAnew) {
  Dealt d(3, 2);
  Dealt other(3, 2);
  SeededRandom dice(77);
  Bytes foreign(33);
  dice.fill(foreign);
  foreign.back() = d.shares[0].reveal(Reveal::to_cipher).back() ^ std::byte{0xff};
  if (foreign.back() == std::byte{0}) foreign.back() = std::byte{1};
  ASSERT_TRUE(d.seal.add_share(d.shares[0]));
  ASSERT_TRUE(d.seal.add_share(Secret::copy_of(View(foreign))));
  const auto wrong = d.seal.unwrap(d.wrapped);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::invalid_argument);
  EXPECT_EQ(d.seal.progress().gathered, 0u);
  ASSERT_TRUE(d.seal.add_share(d.shares[0]));
  ASSERT_TRUE(d.seal.add_share(d.shares[2]));
  EXPECT_TRUE(d.seal.unwrap(d.wrapped));
}

TEST(ShamirSeal, RefusesASecondCopyAndMalformedShares) {
  Dealt d(3, 2);
  ASSERT_TRUE(d.seal.add_share(d.shares[0]));
  EXPECT_EQ(d.seal.add_share(d.shares[0]).error().code, Code::conflict);
  EXPECT_EQ(d.seal.add_share(Secret::copy_of("short")).error().code, Code::invalid_argument);
  EXPECT_EQ(d.seal.add_share(Secret::copy_of(View(Bytes(33)))).error().code, Code::invalid_argument);
  EXPECT_EQ(d.seal.progress().gathered, 1u);
  const std::string nonce = d.seal.progress().nonce;
  d.seal.reset();
  EXPECT_EQ(d.seal.progress().gathered, 0u);
  ASSERT_TRUE(d.seal.add_share(d.shares[0]));
  EXPECT_NE(d.seal.progress().nonce, nonce);
}

TEST(ShamirSeal, OneShareIsTheKeyItself) {
  Dealt d(1, 1);
  ASSERT_EQ(d.shares.size(), 1u);
  EXPECT_EQ(d.shares[0].size(), 32u);
  ASSERT_TRUE(d.seal.add_share(d.shares[0])->complete);
  EXPECT_TRUE(crypto::equal(*d.seal.unwrap(d.wrapped), d.root));
  ASSERT_TRUE(d.seal.add_share(Secret::copy_of(View(Bytes(32)))));
  EXPECT_EQ(d.seal.unwrap(d.wrapped).error().code, Code::invalid_argument);
}

TEST(ShamirSeal, ChecksTheWishAndTheStore) {
  SeededRandom random(4);
  ShamirSeal seal(random);
  EXPECT_EQ(seal.add_share(Secret::copy_of("x")).error().code, Code::failed_precondition);
  EXPECT_EQ(seal.wrap(Secret::copy_of("x")).error().code, Code::failed_precondition);
  for (const auto& [n, t] : {std::pair{0u, 0u}, {1u, 0u}, {256u, 3u}, {2u, 3u}, {3u, 1u}})
    EXPECT_EQ(seal.deal({"shamir", n, t}).error().code, Code::invalid_argument) << n << " " << t;
  EXPECT_EQ(seal.expect({"static", 0, 0}).error().code, Code::failed_precondition);
  EXPECT_EQ(seal.expect({"shamir", 3, 9}).error().code, Code::corrupt);
}

TEST(ShamirSeal, RefusesEveryFlippedByteOfTheWrappedKey) {
  Dealt d(2, 2);
  for (std::size_t i = 0; i < d.wrapped.size(); ++i) {
    std::string bad = d.wrapped;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    ASSERT_TRUE(d.seal.add_share(d.shares[0]));
    ASSERT_TRUE(d.seal.add_share(d.shares[1]));
    EXPECT_FALSE(d.seal.unwrap(bad)) << i;
  }
}

}  // namespace
}  // namespace strongroom::seals::shamir
