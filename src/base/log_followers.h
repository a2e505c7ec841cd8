// LogFollowers: who reads the server's log over the network as it is written, each from a level of its own
// on. A follower that is too slow misses lines; the server never waits for one. Any thread.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/feed.h"
#include "base/log.h"

namespace strongroom {

class LogFollowers final : public Log {
 public:
  static constexpr std::size_t kMost = 32;
  static constexpr std::size_t kMostWaiting =
      256 * 1024;  // bytes; a slower client is told how many it missed

  // The lines from now on. Whoever holds the feed follows until it lets go or ends it. quota_exceeded: kMost
  // follow already.
  Result<std::shared_ptr<Feed>> follow(Level least, Format);
  bool wants(Level level) const noexcept { return level >= least_.load(std::memory_order_relaxed); }
  void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept override;

 private:
  struct Follower {
    std::weak_ptr<Feed> feed;
    Level least;
    Format format;
    std::uint64_t missed = 0;  // lines since the last that it got
  };
  void forget_the_gone();
  std::atomic<Level> least_ = Level::off;  // of all
  std::mutex mutex_;
  std::vector<Follower> followers_;  // under mutex_
};

}  // namespace strongroom
