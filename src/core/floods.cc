#include "core/floods.h"

namespace strongroom::core {

Floods::Gets Floods::refused(std::string_view address, MonoTime now) {
  const auto second = std::chrono::duration_cast<Seconds>(now.time_since_epoch()).count();
  const std::lock_guard guard(mutex_);
  if (second != second_) {
    second_ = second;
    recorded_ = 0;
    std::erase_if(addresses_, [](const auto& a) { return a.second.counted == 0; });
    for (auto& [_, a] : addresses_) a.recorded = 0;
  }
  auto at = addresses_.find(address);
  if (at == addresses_.end()) {
    if (addresses_.size() >= limits_.addresses) {
      // Too many to tell apart: they share what is left for all.
      if (recorded_ >= limits_.in_all) return ++of_many_, Gets::count;
      return ++recorded_, Gets::record;
    }
    at = addresses_.emplace(std::string(address), Address{}).first;
  }
  if (at->second.recorded >= limits_.per_address || recorded_ >= limits_.in_all)
    return ++at->second.counted, Gets::count;
  ++at->second.recorded;
  ++recorded_;
  return Gets::record;
}

std::vector<Floods::Counted> Floods::take_refusals() {
  std::vector<Counted> out;
  const std::lock_guard guard(mutex_);
  for (auto& [address, a] : addresses_)
    if (a.counted != 0) out.push_back({address, std::exchange(a.counted, 0)});
  if (of_many_ != 0) out.push_back({"", std::exchange(of_many_, 0)});
  return out;
}

}  // namespace strongroom::core
