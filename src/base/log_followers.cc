#include "base/log_followers.h"

#include <fmt/format.h>

#include <algorithm>

namespace strongroom {

Result<std::shared_ptr<Feed>> LogFollowers::follow(Level least, Format format) {
  const std::lock_guard guard(mutex_);
  forget_the_gone();
  if (followers_.size() >= kMost)
    return fail(Code::quota_exceeded,
                fmt::format("{} clients follow the log already; end one of them", kMost));
  auto feed = std::make_shared<Feed>(kMostWaiting);
  followers_.push_back({feed, least, format});
  if (least < least_.load(std::memory_order_relaxed)) least_.store(least, std::memory_order_relaxed);
  return feed;
}

void LogFollowers::forget_the_gone() {
  std::erase_if(followers_, [](const Follower& f) { return f.feed.expired(); });
  auto least = Level::off;
  for (const auto& f : followers_) least = std::min(least, f.least);
  least_.store(least, std::memory_order_relaxed);
}

void LogFollowers::write(Level level, std::string_view message,
                         std::initializer_list<FieldValue> fields) noexcept try {
  const std::lock_guard guard(mutex_);
  bool gone = false;
  for (auto& f : followers_) {
    if (level < f.least) continue;
    const auto feed = f.feed.lock();
    if (!feed) {
      gone = true;
      continue;
    }
    std::string piece;
    if (f.missed != 0)
      piece = log_line(f.format, Level::warn, "lines are missing here: the client reads too slowly",
                       {{"lines", std::to_string(f.missed)}});
    piece += log_line(f.format, level, message, fields);
    f.missed = feed->push(piece) ? 0 : f.missed + 1;
  }
  if (gone) forget_the_gone();
} catch (...) {
}

}  // namespace strongroom
