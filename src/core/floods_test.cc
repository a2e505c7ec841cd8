#include "core/floods.h"

#include <gtest/gtest.h>

namespace strongroom::core {
namespace {
using Gets = Floods::Gets;
MonoTime at(int seconds) { return MonoTime(Seconds(seconds)); }

TEST(Floods, TheFirstOfEachSecondHaveRecordsTheRestIsCounted) {
  Floods f({.per_address = 3, .in_all = 100, .addresses = 10});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f.refused("a", at(1)), Gets::record);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(f.refused("a", at(1)), Gets::count);
  EXPECT_EQ(f.refused("b", at(1)), Gets::record) << "another address is another matter";
  EXPECT_EQ(f.refused("a", at(2)), Gets::record) << "another second, too";
  const auto counted = f.take_refusals();
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted.front().address, "a");
  EXPECT_EQ(counted.front().count, 5u);
  EXPECT_TRUE(f.take_refusals().empty());
}

TEST(Floods, ManyAddressesTogetherAreBounded) {
  Floods f({.per_address = 3, .in_all = 8, .addresses = 4});
  int records = 0;
  for (int i = 0; i < 1000; ++i)
    records += f.refused("10.0.0." + std::to_string(i), at(1)) == Gets::record ? 1 : 0;
  EXPECT_EQ(records, 8);
  std::uint64_t counted = 0;
  for (const auto& c : f.take_refusals()) counted += c.count;
  EXPECT_EQ(counted, 992u) << "none is lost";
}

TEST(Floods, AddressesThatWentAwayMakeRoom) {
  Floods f({.per_address = 1, .in_all = 100, .addresses = 2});
  f.refused("a", at(1));
  f.refused("b", at(1));
  EXPECT_EQ(f.refused("c", at(2)), Gets::record);
  EXPECT_EQ(f.refused("c", at(2)), Gets::count);
  EXPECT_EQ(f.take_refusals().front().address, "c");
}

TEST(Floods, HealthChecksAreCounted) {
  Floods f({});
  f.health_asked();
  f.health_asked();
  EXPECT_EQ(f.take_health(), 2u);
  EXPECT_EQ(f.take_health(), 0u);
}

}  // namespace
}  // namespace strongroom::core
