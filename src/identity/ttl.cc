#include "identity/ttl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.h"

namespace strongroom::identity {
namespace {
constexpr Seconds kHour = std::chrono::hours(1);

std::string capped(std::string_view what, std::string_view value, Seconds wish, Seconds most) {
  return fmt::format("{} of \"{}\" exceeded the effective max_ttl of \"{}\"; {} value is capped accordingly",
                     what, short_duration(wish), short_duration(most), value);
}
}  // namespace

std::string short_duration(Seconds s) {
  auto text = go_duration(s);
  if (s.count() == 0) return text;
  if (text.ends_with("m0s")) text.resize(text.size() - 2);
  if (s >= kHour && text.ends_with("h0m")) text.resize(text.size() - 2);
  return text;
}

Result<Terms> terms(const TermsAsked& in) {
  const auto most = lesser(in.most, in.explicit_max);
  if (most.count() <= 0) return fail(Code::invalid_argument, "max TTL must be greater than zero");
  Terms out;
  const bool periodic = in.period.count() > 0;
  auto wish = periodic ? in.period : in.asked.count() > 0 ? in.asked : in.usual;
  if (wish.count() <= 0) return fail(Code::invalid_argument, "TTL must be greater than zero");
  if (periodic && wish > most) {
    out.warnings.push_back(capped("period", "period", wish, most));
    wish = most;
  }
  out.ttl = wish;
  out.expires = Lifetime::of(wish).from(in.now);
  if (periodic && in.explicit_max.count() <= 0) return out;  // as often as it likes
  // Nothing goes beyond this, whenever it is asked for.
  const auto end = Lifetime::of(periodic ? in.explicit_max : most).from(in.start);
  if (end.over(in.now)) return fail(Code::invalid_argument, "past the max TTL, cannot renew");
  if (out.expires.when() <= end.when()) return out;
  const auto left = end.when() - in.now;
  const auto shown = std::max(Seconds(1), std::chrono::round<Seconds>(left));
  if (wish > shown) out.warnings.push_back(capped("TTL", "TTL", wish, shown));
  out.expires = end;
  out.ttl = std::min(wish, shown);
  return out;
}

}  // namespace strongroom::identity
