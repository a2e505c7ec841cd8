#include "base/metrics.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace strongroom::metrics
