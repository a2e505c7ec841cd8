#include "base/feed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace strongroom {
namespace {

std::string taken(Feed& feed, std::size_t most = 1000) {
  SecretText out;
  std::ignore = feed.take(out, most);
  return std::string(view(out));
}

TEST(Feed, GivesWhatWasPushedInOrder) {
  Feed feed(100);
  EXPECT_TRUE(feed.push("one "));
  EXPECT_TRUE(feed.push("two"));
  EXPECT_EQ(taken(feed, 5), "one t");
  EXPECT_EQ(taken(feed), "wo");
  EXPECT_EQ(taken(feed), "");
}

TEST(Feed, TakesAPieceWholeOrNotAtAll) {
  Feed feed(8);
  EXPECT_TRUE(feed.push("12345678"));
  EXPECT_FALSE(feed.push("9"));
  EXPECT_EQ(taken(feed, 4), "1234");
  EXPECT_FALSE(feed.push("abcde"));
  EXPECT_TRUE(feed.push("abcd"));
  EXPECT_EQ(taken(feed), "5678abcd");
}

TEST(Feed, IsOverWhenItHasEndedAndNothingWaits) {
  Feed feed(100);
  feed.push("last");
  feed.end();
  EXPECT_FALSE(feed.push("too late"));
  SecretText out;
  EXPECT_EQ(feed.take(out, 2), Feed::State::open);
  EXPECT_EQ(feed.take(out, 2), Feed::State::over);
  EXPECT_EQ(view(out), "last");
}

TEST(Feed, WakesOnceUntilItWasEmptied) {
  Feed feed(100);
  int woken = 0;
  feed.on_more([&] { ++woken; });
  EXPECT_EQ(woken, 0);
  feed.push("a");
  feed.push("b");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(taken(feed, 1), "a");  // not empty: the taker knows that there is more
  feed.push("c");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(taken(feed), "bc");
  feed.push("d");
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(taken(feed), "d");
  feed.end();
  EXPECT_EQ(woken, 3);
}

TEST(Feed, WakesAtOnceForWhatCameBefore) {
  Feed waiting(100), ended(100), idle(100);
  waiting.push("a");
  ended.end();
  int woken = 0;
  for (Feed* f : {&waiting, &ended, &idle}) f->on_more([&] { ++woken; });
  EXPECT_EQ(woken, 2);
}

TEST(Feed, NoCallRunsAfterItWasCalledOff) {
  Feed feed(1 << 20);
  std::atomic<bool> off = false, late = false, stop = false;
  std::jthread pusher([&] {
    SecretText out;
    while (!stop) {
      feed.push("x");
      out.clear();
      std::ignore = feed.take(out, 1 << 20);
    }
  });
  for (int i = 0; i < 1000; ++i) {
    off = false;
    feed.on_more([&] { late = late || off; });
    feed.on_more(nullptr);
    off = true;
  }
  stop = true;
  EXPECT_FALSE(late);
}

}  // namespace
}  // namespace strongroom
