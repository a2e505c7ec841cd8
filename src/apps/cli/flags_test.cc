#include "apps/cli/flags.h"

#include <gtest/gtest.h>

namespace strongroom::apps::cli {
namespace {

constexpr Flag kKnown[] = {{"name", Takes::text, "", {}, "n"}, {"on", Takes::nothing, ""},
                           {"count", Takes::number, ""},       {"ttl", Takes::duration, ""},
                           {"item", Takes::texts, ""},         {"pair", Takes::pairs, ""}};

Result<Flags> parse(std::vector<std::string_view> arguments) { return Flags::parse(kKnown, arguments); }

TEST(Flags, TakeOneDashOrTwoAndTheValueInEitherPlace) {
  for (const auto& arguments : std::vector<std::vector<std::string_view>>{
           {"-name=a"}, {"--name=a"}, {"-name", "a"}, {"--name", "a"}, {"-n", "a"}, {"-name=b", "-n=a"}}) {
    const auto f = parse(arguments);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->text("name"), "a");
  }
  EXPECT_EQ(parse({"-name=a=b"})->text("name"), "a=b");
  EXPECT_EQ(parse({"-name="})->text("name"), "");
  EXPECT_EQ(parse({"-name", "-on"})->text("name"), "-on");
}

TEST(Flags, SwitchesNeverTakeTheNextArgument) {
  const auto f = parse({"-on", "false"});
  ASSERT_TRUE(f);
  EXPECT_TRUE(f->on("on"));
  ASSERT_EQ(f->rest().size(), 1u);
  EXPECT_FALSE(parse({"-on=false"})->on("on"));
  EXPECT_EQ(parse({"-on=false"})->choice("on"), false);
  EXPECT_EQ(parse({})->choice("on"), std::nullopt);
  EXPECT_FALSE(parse({"-on=perhaps"}));
}

TEST(Flags, StopAtTheFirstOtherArgument) {
  const auto f = parse({"-on", "path", "-name=a", "-"});
  ASSERT_TRUE(f);
  EXPECT_FALSE(f->given("name"));
  EXPECT_EQ(f->rest().size(), 3u);
  ASSERT_EQ(f->late().size(), 1u);
  EXPECT_EQ(f->late()[0], "-name=a");
  EXPECT_EQ(parse({"--", "-on"})->rest().size(), 1u);
  EXPECT_EQ(parse({"-", "x"})->rest().size(), 2u);
}

TEST(Flags, CollectWhatMayRepeat) {
  const auto f = parse({"-item=a", "-item", "b", "-pair=k=v=w", "-pair=l="});
  ASSERT_TRUE(f);
  EXPECT_EQ(f->texts("item"), (std::vector<std::string_view>{"a", "b"}));
  ASSERT_EQ(f->pairs("pair").size(), 2u);
  EXPECT_EQ(f->pairs("pair")[0].second, "v=w");
  EXPECT_EQ(f->pairs("pair")[1].second, "");
  EXPECT_FALSE(parse({"-pair=k"}));
}

TEST(Flags, ReadNumbersAndDurations) {
  EXPECT_EQ(parse({"-count=-1"})->number("count"), -1);
  EXPECT_FALSE(parse({"-count=1x"}));
  EXPECT_FALSE(parse({"-count="}));
  EXPECT_EQ(parse({"-ttl=90m"})->duration("ttl"), "1h30m0s");
  EXPECT_EQ(parse({"-ttl=60"})->seconds("ttl"), 60);
  EXPECT_FALSE(parse({"-ttl=soon"}));
}

TEST(Flags, NameTheFlagsThereAreWhenOneIsUnknown) {
  const auto f = parse({"-nmae=secret-value"});
  ASSERT_FALSE(f);
  EXPECT_EQ(f.error().code, Code::invalid_argument);
  EXPECT_NE(f.error().message.find("flag provided but not defined: -nmae\n"), std::string::npos);
  EXPECT_NE(f.error().message.find("-name -on -count"), std::string::npos);
  EXPECT_NE(f.error().message.find("Did you mean -name?"), std::string::npos);
  EXPECT_EQ(f.error().message.find("secret-value"), std::string::npos);
  EXPECT_NE(parse({"-name"}).error().message.find("needs an argument"), std::string::npos);
}

TEST(Flags, FindTheNearestName) {
  const std::string_view names[] = {"status", "secrets", "list"};
  EXPECT_EQ(nearest("stauts", names), "status");
  EXPECT_EQ(nearest("lst", names), "list");
  EXPECT_EQ(nearest("frobnicate", names), "");
}

}  // namespace
}  // namespace strongroom::apps::cli
