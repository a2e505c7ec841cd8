#include "identity/ttl.h"

#include <gtest/gtest.h>

#include <random>

namespace strongroom::identity {
namespace {

constexpr WallTime kStart{Seconds(1'800'000'000)};
constexpr Seconds kMost(768 * 3600);

TermsAsked usual() {
  return {.asked = {},
          .usual = kMost,
          .most = kMost,
          .explicit_max = {},
          .period = {},
          .start = kStart,
          .now = kStart};
}

TEST(Lifetime, NothingIsForEverThatWasNotMadeSo) {
  EXPECT_TRUE(Expiry{}.over(kStart));
  EXPECT_FALSE(Expiry{}.is_never());
  EXPECT_TRUE(Lifetime::of(Seconds{}).from(kStart).over(kStart));
  EXPECT_TRUE(Lifetime::of(Seconds(-5)).from(kStart).over(kStart));
  EXPECT_FALSE(Lifetime::of(Seconds::max()).from(kStart).is_never());
  EXPECT_GT(Lifetime::of(Seconds::max()).from(kStart).when(), kStart) << "it wrapped around";
  EXPECT_TRUE(Lifetime::forever().from(kStart).is_never());
  EXPECT_EQ(Expiry::never().left(kStart), Seconds{});
}

TEST(Terms, GiveWhatIsAskedForUpToWhatIsAllowed) {
  auto in = usual();
  in.asked = Seconds(3600);
  EXPECT_EQ(terms(in)->ttl, Seconds(3600));
  EXPECT_TRUE(terms(in)->warnings.empty());
  in.asked = kMost + Seconds(1);
  EXPECT_EQ(terms(in)->ttl, kMost);
  EXPECT_EQ(terms(in)->warnings,
            (std::vector<std::string>{"TTL of \"768h0m1s\" exceeded the effective max_ttl of \"768h\"; TTL "
                                      "value is capped accordingly"}));
  in = usual();
  in.explicit_max = Seconds(600);
  EXPECT_EQ(terms(in)->ttl, Seconds(600));
  EXPECT_EQ(terms(in)->warnings.size(), 1u);
}

TEST(Terms, APeriodIsGivenAgainAndAgain) {
  auto in = usual();
  in.period = Seconds(600);
  in.asked = Seconds(5);
  in.now = kStart + kMost * 100;
  EXPECT_EQ(terms(in)->ttl, Seconds(600));
  in.explicit_max = kMost;
  EXPECT_EQ(terms(in).error().message, "past the max TTL, cannot renew");
  in.now = kStart + kMost - Seconds(60);
  EXPECT_EQ(terms(in)->ttl, Seconds(60));
  in = usual();
  in.period = kMost * 2;
  EXPECT_EQ(terms(in)->ttl, kMost) << "a period is capped, too";
  EXPECT_TRUE(terms(in)->warnings.front().starts_with("period of \"1536h\" exceeded"));
}

TEST(Terms, DurationsAreSpelledShortly) {
  const std::pair<long long, const char*> kSpellings[] = {
      {0, "0s"},    {10, "10s"},       {60, "1m"},      {90, "1m30s"},  {600, "10m"},
      {3600, "1h"}, {3610, "1h0m10s"}, {5400, "1h30m"}, {36000, "10h"}, {2764800, "768h"}};
  for (const auto& [s, text] : kSpellings) EXPECT_EQ(short_duration(Seconds(s)), text);
}

// E02, P10: with every number, what is granted ends, lies ahead, and never beyond what bounds it.
TEST(Terms, E02_P10_AlwaysEndAndNeverPassALimit) {
  std::mt19937_64 dice(2);
  const Seconds kEdges[] = {Seconds{},         Seconds(1),         Seconds(2),  Seconds(59),
                            Seconds(3600),     kMost - Seconds(1), kMost,       kMost + Seconds(1),
                            Seconds(1L << 40), Seconds::max(),     Seconds(-1), Seconds::min()};
  const Nanoseconds kLefts[] = {
      Seconds(2),     Seconds(1),      std::chrono::milliseconds(1),  Nanoseconds(1),
      Nanoseconds(0), Nanoseconds(-1), std::chrono::milliseconds(-1), Seconds(-5)};
  int granted = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto any = [&] { return kEdges[dice() % std::size(kEdges)]; };
    TermsAsked in{.asked = any(),
                  .usual = any(),
                  .most = any(),
                  .explicit_max = any(),
                  .period = any(),
                  .start = kStart,
                  .now = kStart};
    const auto limit = lesser(in.most, in.explicit_max);
    const bool renewing = dice() % 2 == 0 && limit.count() > 0 && limit < Seconds(1L << 32);
    if (renewing) in.now = kStart + limit - kLefts[dice() % std::size(kLefts)];
    const auto got = terms(in);
    if (!got) continue;
    ++granted;
    ASSERT_FALSE(got->expires.is_never());
    ASSERT_FALSE(got->expires.over(in.now)) << "granted what is over";
    ASSERT_GT(got->ttl.count(), 0) << "zero reads as for ever";
    if (got->ttl < Seconds(1L << 32)) {
      ASSERT_LE(got->expires.when() - in.now, got->ttl + std::chrono::milliseconds(500));
    }
    const bool periodic = in.period.count() > 0;
    if (!periodic || in.explicit_max.count() > 0) {
      const auto bound = periodic ? in.explicit_max : limit;
      if (bound < Seconds(1L << 32)) {
        ASSERT_LE(got->expires.when(), kStart + bound);
      }
    }
    if (periodic) {
      ASSERT_LE(got->ttl, limit);
    }
  }
  EXPECT_GT(granted, 10'000);
}

// P10: what is renewed again and again, at any moment and with any wish, ends within its limit.
TEST(Terms, P10_ManyRenewalsDoNotAddUp) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 dice(seed);
    auto in = usual();
    in.explicit_max = Seconds(static_cast<long long>(1 + dice() % 5000));
    if (dice() % 2 == 0) in.period = Seconds(static_cast<long long>(1 + dice() % 500));
    auto expires = kStart;
    for (int i = 0; i < 100; ++i) {
      in.asked = Seconds(static_cast<long long>(dice() % 10'000));
      const auto got = terms(in);
      if (!got) break;
      expires = got->expires.when();
      ASSERT_LE(expires, kStart + in.explicit_max) << "seed " << seed;
      in.now += Nanoseconds(static_cast<long long>(dice() % 1000) * (expires - in.now).count() / 1000);
    }
    EXPECT_LE(expires, kStart + in.explicit_max);
  }
}

}  // namespace
}  // namespace strongroom::identity
