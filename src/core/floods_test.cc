#include "core/floods.h"

#include <gtest/gtest.h>

namespace strongroom::core {
namespace {
using Gets = Floods::Gets;
using Kind = Floods::Kind;
MonoTime at(int seconds) { return MonoTime(Seconds(seconds)); }

TEST(Floods, TheFirstOfEachSecondHaveRecordsTheRestIsCounted) {
  Floods f({.per_address = 3, .in_all = 100, .addresses = 10});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(f.one(Kind::refused, "a", at(1)), Gets::record);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(f.one(Kind::refused, "a", at(1)), Gets::count);
  EXPECT_EQ(f.one(Kind::refused, "b", at(1)), Gets::record) << "another address is another matter";
  EXPECT_EQ(f.one(Kind::refused, "a", at(2)), Gets::record) << "another second, too";
  const auto counted = f.take_counted();
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted.front().address, "a");
  EXPECT_EQ(counted.front().count, 5u);
  EXPECT_TRUE(f.take_counted().empty());
}

TEST(Floods, ManyAddressesTogetherAreBounded) {
  Floods f({.per_address = 3, .in_all = 8, .addresses = 4});
  int records = 0;
  for (int i = 0; i < 1000; ++i)
    records += f.one(Kind::refused, "10.0.0." + std::to_string(i), at(1)) == Gets::record ? 1 : 0;
  EXPECT_EQ(records, 8);
  std::uint64_t counted = 0;
  for (const auto& c : f.take_counted()) counted += c.count;
  EXPECT_EQ(counted, 992u) << "none is lost";
}

TEST(Floods, AddressesThatWentAwayMakeRoom) {
  Floods f({.per_address = 1, .in_all = 100, .addresses = 2});
  f.one(Kind::refused, "a", at(1));
  f.one(Kind::refused, "b", at(1));
  EXPECT_EQ(f.one(Kind::refused, "c", at(2)), Gets::record);
  EXPECT_EQ(f.one(Kind::refused, "c", at(2)), Gets::count);
  EXPECT_EQ(f.take_counted().front().address, "c");
}

TEST(Floods, AnswersAndRefusalsShareTheRecordsAndAreCountedApart) {
  Floods f({.per_address = 2, .in_all = 100, .addresses = 2});
  EXPECT_EQ(f.one(Kind::answered, "a", at(1)), Gets::record);
  EXPECT_EQ(f.one(Kind::refused, "a", at(1)), Gets::record);
  EXPECT_EQ(f.one(Kind::answered, "a", at(1)), Gets::count);
  EXPECT_EQ(f.one(Kind::answered, "a", at(1)), Gets::count);
  EXPECT_EQ(f.one(Kind::refused, "a", at(1)), Gets::count);
  const auto counted = f.take_counted();
  ASSERT_EQ(counted.size(), 2u);
  for (const auto& c : counted) EXPECT_EQ(c.count, c.kind == Kind::answered ? 2u : 1u);
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
