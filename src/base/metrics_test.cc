#include "base/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace strongroom::metrics {
namespace {

TEST(Metrics, NothingIsLostBetweenThreads) {
  Counter counter;
  Histogram histogram(size_bounds(), 1, 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t i = 1; i <= 10'000; ++i) {
        counter.add();
        histogram.observe(i % 4, 1);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(counter.value(), 80'000u);
  const auto d = histogram.read(1);
  EXPECT_EQ(d.count, 80'000u);
  EXPECT_EQ(d.sum, 80'000 * 1.5);
  EXPECT_EQ(histogram.read(0).count, 0u);
}

TEST(Metrics, ABucketTakesWhatIsAtMostItsBound) {
  Histogram histogram(size_bounds(), 1);
  for (const std::uint64_t v : {0u, 1u, 2u, 3u, 512u, 513u}) histogram.observe(v);
  const auto d = histogram.read();
  ASSERT_EQ(d.buckets.size(), size_bounds().size());
  EXPECT_EQ(d.buckets[0].count, 2u);      // 0, 1
  EXPECT_EQ(d.buckets[1].count, 3u);      // 2
  EXPECT_EQ(d.buckets[2].count, 4u);      // 3
  EXPECT_EQ(d.buckets.back().count, 5u);  // 512
  EXPECT_EQ(d.count, 6u);
}

TEST(Metrics, TimesAreShownInSeconds) {
  Histogram histogram(time_bounds(), 1e-9);
  histogram.observe(2'000'000);
  const auto d = histogram.read();
  EXPECT_DOUBLE_EQ(d.sum, 0.002);
  EXPECT_DOUBLE_EQ(d.buckets[0].most, 50e-6);
}

TEST(Metrics, AQuantileLiesWithinItsBucket) {
  const std::vector<Distribution::Bucket> buckets{{1, 10}, {2, 10}, {4, 90}, {8, 99}};
  EXPECT_DOUBLE_EQ(quantile(buckets, 100, 0.05), 0.5);
  EXPECT_DOUBLE_EQ(quantile(buckets, 100, 0.1), 1);
  EXPECT_DOUBLE_EQ(quantile(buckets, 100, 0.5), 3);  // half of the 80 between 2 and 4
  EXPECT_DOUBLE_EQ(quantile(buckets, 100, 0.99), 8);
  EXPECT_DOUBLE_EQ(quantile(buckets, 100, 1), 8);  // beyond the last bound
  EXPECT_TRUE(std::isnan(quantile(buckets, 0, 0.5)));
  EXPECT_TRUE(std::isnan(quantile({}, 5, 0.5)));
}

TEST(Metrics, WhatCameLatelyLeavesOutWhatIsOlder) {
  Histogram histogram(size_bounds(), 1);
  Lately lately;
  histogram.observe(1);
  EXPECT_EQ(lately.since(histogram.read()).count, 1u) << "nothing is remembered yet";
  for (int second = 0; second < 10; ++second) {
    lately.remember(histogram.read());
    histogram.observe(100);
  }
  EXPECT_EQ(lately.since(histogram.read()).count, 10u);
  for (int second = 0; second < 10; ++second) lately.remember(histogram.read());
  const auto quiet = lately.since(histogram.read());
  EXPECT_EQ(quiet.count, 0u);
  EXPECT_EQ(quiet.buckets.back().count, 0u);
  EXPECT_EQ(quiet.sum, 0);
}

TEST(Metrics, DistributionsAddUp) {
  Histogram histogram(size_bounds(), 1, 2);
  histogram.observe(1, 0);
  histogram.observe(100, 1);
  Distribution all;
  for (std::size_t i = 0; i < 2; ++i) all += histogram.read(i);
  EXPECT_EQ(all.count, 2u);
  EXPECT_EQ(all.sum, 101);
  EXPECT_EQ(all.buckets.front().count, 1u);
  EXPECT_EQ(all.buckets.back().count, 2u);
}

}  // namespace
}  // namespace strongroom::metrics
