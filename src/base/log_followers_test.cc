#include "base/log_followers.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strongroom {
namespace {

using Level = Log::Level;
using Format = Log::Format;

std::string taken(Feed& feed) {
  SecretText out;
  std::ignore = feed.take(out, ~std::size_t{0});
  return std::string(view(out));
}
std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

TEST(LogFollowers, EachGetsTheLinesFromItsLevelOn) {
  NoLog silent;
  LogFollowers followers;
  NamedLog log("core", silent, Level::error, &followers);
  log.info("before anybody follows");
  const auto all = *followers.follow(Level::trace, Format::text);
  const auto serious = *followers.follow(Level::warn, Format::json);
  log.debug("detail");
  log.warn("careful", {{"disk", "nearly \"full\""}});
  const auto text = taken(*all), json = taken(*serious);
  EXPECT_EQ(lines(text), 2u) << text;
  EXPECT_NE(text.find("[debug] detail\n"), text.npos) << text;
  EXPECT_NE(text.find("[warn ] careful disk=\"nearly \\\"full\\\"\"\n"), text.npos) << text;
  EXPECT_EQ(lines(json), 1u) << json;
  EXPECT_NE(json.find(R"("@level":"warn","@message":"careful","disk":"nearly \"full\"")"), json.npos) << json;
}

TEST(LogFollowers, NobodyIsAskedOnceAllHaveLetGo) {
  NoLog silent;
  LogFollowers followers;
  NamedLog log("core", silent, Level::info, &followers);
  EXPECT_FALSE(followers.wants(Level::error));
  auto feed = *followers.follow(Level::debug, Format::text);
  EXPECT_TRUE(followers.wants(Level::debug));
  EXPECT_FALSE(followers.wants(Level::trace));
  feed.reset();
  log.error("finds that nobody is there");
  EXPECT_FALSE(followers.wants(Level::error));
}

TEST(LogFollowers, WhoIsTooSlowIsToldHowManyLinesAreMissing) {
  LogFollowers followers;
  const auto feed = *followers.follow(Level::info, Format::text);
  const std::string large(LogFollowers::kMostWaiting / 4, 'x');
  for (int i = 0; i < 6; ++i) followers.info(large);
  EXPECT_EQ(lines(taken(*feed)), 3u);
  followers.info("on it goes");
  const auto text = taken(*feed);
  EXPECT_EQ(lines(text), 2u) << text;
  EXPECT_LT(text.find("lines=\"3\""), text.find("on it goes")) << text;
}

TEST(LogFollowers, AreAtMostSoMany) {
  LogFollowers followers;
  std::vector<std::shared_ptr<Feed>> feeds;
  for (std::size_t i = 0; i < LogFollowers::kMost; ++i)
    feeds.push_back(*followers.follow(Level::info, Format::text));
  const auto one_more = followers.follow(Level::info, Format::text);
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Code::quota_exceeded);
  feeds.pop_back();
  EXPECT_TRUE(followers.follow(Level::info, Format::text));
}

}  // namespace
}  // namespace strongroom
