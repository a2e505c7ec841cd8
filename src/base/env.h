// Clock, Random and Workers: the outside the product may touch, injected everywhere so that tests move time
// and choose the dice.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "base/error.h"
#include "base/log.h"

namespace strongroom {

using Seconds = std::chrono::seconds;
using Nanoseconds = std::chrono::nanoseconds;
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const noexcept = 0;    // UTC
  virtual MonoTime ticks() const noexcept = 0;  // never runs backwards
};

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) noexcept = 0;  // any thread; aborts if the system source fails
};

enum class Lane : std::uint8_t { interactive, background };

// A bounded pool of threads for work that may wait.
class Workers {
 public:
  using Job = std::move_only_function<void()>;
  virtual ~Workers() = default;
  virtual Status submit(Lane, Job) = 0;  // Code::unavailable when the lane is full; the job is then destroyed
};

struct Env {
  Clock& clock;
  Random& random;
  Workers& workers;
  Log& log;
};

// The real ones. SystemRandom lives in crypto.
class SystemClock final : public Clock {
 public:
  WallTime now() const noexcept override {
    return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  }
  MonoTime ticks() const noexcept override { return std::chrono::steady_clock::now(); }
};

}  // namespace strongroom
