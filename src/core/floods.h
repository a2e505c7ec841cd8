// Floods: refusals of callers that nobody knows. The first of each second have records of their own, the rest
// is counted by address, so that a stranger can neither fill the audit log nor hide in it. Health checks,
// which have no records, are counted, too.
#pragma once
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
  // One more refusal.
  Gets refused(std::string_view address, MonoTime now);
  void health_asked() noexcept { health_.fetch_add(1, std::memory_order_relaxed); }

  struct Counted {
    std::string address;  // empty: of many
    std::uint64_t count = 0;
  };
  // What was only counted since the last call.
  std::vector<Counted> take_refusals();
  std::uint64_t take_health() noexcept { return health_.exchange(0, std::memory_order_relaxed); }

 private:
  struct Address {
    std::uint32_t recorded = 0;  // in this second
    std::uint64_t counted = 0;   // since take_refusals()
  };
  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, Address, std::less<>> addresses_;  // under mutex_
  std::uint64_t of_many_ = 0;                              // under mutex_
  std::uint32_t recorded_ = 0;                             // under mutex_; in this second
  std::int64_t second_ = 0;                                // under mutex_
  std::atomic<std::uint64_t> health_{0};
};

}  // namespace strongroom::core
