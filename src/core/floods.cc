#include "core/floods.h"

#include <utility>

namespace strongroom::core {

Floods::Gets Floods::one(Kind kind, std::string_view address, MonoTime now) {
  const auto k = static_cast<std::size_t>(kind);
  const auto second = std::chrono::duration_cast<Seconds>(now.time_since_epoch()).count();
  const std::lock_guard guard(mutex_);
  if (second != second_) {
    second_ = second;
    recorded_ = 0;
    std::erase_if(addresses_, [](const auto& a) { return a.second.counted == Counts{}; });
    for (auto& [_, a] : addresses_) a.recorded = 0;
  }
  auto at = addresses_.find(address);
  if (at == addresses_.end()) {
    if (addresses_.size() >= limits_.addresses) {
      // Too many to tell apart: they share what is left for all.
      if (recorded_ >= limits_.in_all) return ++of_many_[k], Gets::count;
      return ++recorded_, Gets::record;
    }
    at = addresses_.emplace(std::string(address), Address{}).first;
  }
  if (at->second.recorded >= limits_.per_address || recorded_ >= limits_.in_all)
    return ++at->second.counted[k], Gets::count;
  ++at->second.recorded;
  ++recorded_;
  return Gets::record;
}

std::vector<Floods::Counted> Floods::take_counted() {
  std::vector<Counted> out;
  const std::lock_guard guard(mutex_);
  const auto take = [&out](const std::string& address, Counts& counts) {
    for (std::size_t k = 0; k < counts.size(); ++k)
      if (const auto count = std::exchange(counts[k], 0); count != 0)
        out.push_back({static_cast<Kind>(k), address, count});
  };
  for (auto& [address, a] : addresses_) take(address, a.counted);
  take({}, of_many_);
  return out;
}

}  // namespace strongroom::core
