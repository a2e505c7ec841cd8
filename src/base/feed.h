// Feed: the body of a reply whose end is not known when it begins. A part of the server pushes what happens,
// the edge takes it as fast as the client does. Bounded: a client that reads too slowly misses pieces, nobody
// waits for it. Any thread.
#pragma once
#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>

#include "base/secret.h"

namespace strongroom {

class Feed {
 public:
  enum class State : std::uint8_t { open, over };

  // `most`: bytes that may wait for the client.
  explicit Feed(std::size_t most) : most_(most) {}

  // All of the piece or, when there is no room or the feed is over, nothing of it: false.
  bool push(std::string_view piece);
  // What waits is still taken, nothing is added.
  void end();
  // Moves at most `most` bytes to the end of `out`. Over: it has ended and nothing waits.
  State take(SecretText& out, std::size_t most);
  // `wake` is called, on any thread, once there is something to take after a take() that left nothing. It
  // must not call back. After on_more(nullptr) has returned, no call runs and none will.
  void on_more(std::function<void()> wake);

 private:
  void tell();
  const std::size_t most_;
  std::mutex mutex_;
  SecretText waiting_;
  std::function<void()> wake_;
  bool emptied_ = true;  // since the last call of wake_
  bool ended_ = false;
};

}  // namespace strongroom
