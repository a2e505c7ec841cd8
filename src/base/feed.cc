#include "base/feed.h"

#include <algorithm>
#include <utility>

namespace strongroom {

void Feed::tell() {
  if (wake_ && std::exchange(emptied_, false)) wake_();
}

bool Feed::push(std::string_view piece) {
  const std::lock_guard guard(mutex_);
  if (ended_ || piece.size() > most_ - waiting_.size()) return false;
  waiting_.append(piece);
  tell();
  return true;
}

void Feed::end() {
  const std::lock_guard guard(mutex_);
  ended_ = true;
  tell();
}

Feed::State Feed::take(SecretText& out, std::size_t most) {
  const std::lock_guard guard(mutex_);
  const std::size_t n = std::min(most, waiting_.size());
  out.append(waiting_, 0, n);
  waiting_.erase(0, n);
  emptied_ = waiting_.empty() && !ended_;
  return ended_ && waiting_.empty() ? State::over : State::open;
}

void Feed::on_more(std::function<void()> wake) {
  const std::lock_guard guard(mutex_);
  wake_ = std::move(wake);
  if (!waiting_.empty() || ended_) {
    emptied_ = true;
    tell();
  }
}

}  // namespace strongroom
