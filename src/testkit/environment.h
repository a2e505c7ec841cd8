// The outside as tests want it: a clock that moves by hand, dice with a seed, workers that work at once, a
// server log that is kept for grep. Never linked into the product.
#pragma once
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/env.h"

namespace strongroom::testkit {

// Both clocks stand still until somebody moves them. Any thread.
class ManualClock final : public Clock {
 public:
  WallTime now() const noexcept override { return WallTime(Nanoseconds(wall_.load())); }
  MonoTime ticks() const noexcept override { return MonoTime(Nanoseconds(ticks_.load())); }
  void advance(Nanoseconds d) noexcept {
    wall_ += d.count();
    ticks_ += d.count();
  }
  // The wall clock alone: somebody set it, forward or back.
  void step_wall(Nanoseconds d) noexcept { wall_ += d.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'800'000'000'000'000'000};
  std::atomic<std::int64_t> ticks_{1'000'000'000};
};

// splitmix64. Any thread; which thread draws what is the scheduler's choice.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
  void fill(std::span<std::byte> out) noexcept override {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word = next();
      out[i] = static_cast<std::byte>(word >> i % 8 * 8);
    }
  }

 private:
  std::atomic<std::uint64_t> state_;
};

// On the caller's thread, before submit returns.
class InlineWorkers final : public Workers {
 public:
  Status submit(Lane, Job job) override {
    ++jobs_;
    job();
    return {};
  }
  std::size_t jobs() const noexcept { return jobs_; }  // so far

 private:
  std::atomic<std::size_t> jobs_ = 0;
};

class KeptLog final : public Log {
 public:
  void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept override {
    std::string line(message);
    for (const auto& f : fields) {
      line += ' ';
      line += f.name;
      line += '=';
      line += f.value;
    }
    const std::lock_guard guard(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard guard(mutex_);
    return lines_;
  }
  bool mentions(std::string_view text) const {
    const std::lock_guard guard(mutex_);
    for (const auto& line : lines_)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // under mutex_
};

// A number from the environment: SR_SEEDS, SR_SEED.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise);

}  // namespace strongroom::testkit
