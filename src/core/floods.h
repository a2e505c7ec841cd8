// Floods: what callers that nobody knows are refused, or told as anybody would be. The first of each second
// have records of their own, the rest is counted by address, so that a stranger can neither fill the audit
// log nor hide in it. Health checks, which have no records, are counted, too.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"

namespace strongroom::core {

// Any thread.
class Floods {
 public:
  struct Limits {  // records of their own in a second
    std::uint32_t per_address = 100;
    std::uint32_t in_all = 1000;
    std::size_t addresses = 1024;  // that are told apart
  };
  explicit Floods(const Limits& limits) : limits_(limits) {}

  enum class Gets : std::uint8_t { record, count };
  enum class Kind : std::uint8_t { refused, answered };
  // One more.
  Gets one(Kind, std::string_view address, MonoTime now);
  void health_asked() noexcept { health_.fetch_add(1, std::memory_order_relaxed); }

  struct Counted {
    Kind kind = Kind::refused;
    std::string address;  // empty: of many
    std::uint64_t count = 0;
  };
  // What was only counted since the last call.
  std::vector<Counted> take_counted();
  std::uint64_t take_health() noexcept { return health_.exchange(0, std::memory_order_relaxed); }

 private:
  using Counts = std::array<std::uint64_t, 2>;  // by Kind; since take_counted()
  struct Address {
    std::uint32_t recorded = 0;  // in this second
    Counts counted{};
  };
  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, Address, std::less<>> addresses_;  // under mutex_
  Counts of_many_{};                                       // under mutex_
  std::uint32_t recorded_ = 0;                             // under mutex_; in this second
  std::int64_t second_ = 0;                                // under mutex_
  std::atomic<std::uint64_t> health_{0};
};

}  // namespace strongroom::core
