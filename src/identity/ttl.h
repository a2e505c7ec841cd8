// Terms: how long a new or renewed token may live. One rule for creation and renewal, pure, so that it can be
// tried with every number: the result always ends, always lies ahead, and never beyond what bounds it.
#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "identity/lifetime.h"

namespace strongroom::identity {

struct TermsAsked {
  Seconds asked{};         // by the caller; zero: nothing
  Seconds usual{};         // when nothing is asked for; above zero
  Seconds most{};          // of the mount; above zero
  Seconds explicit_max{};  // of the token's whole life; zero: no such limit
  Seconds period{};        // a periodic token gets this and nothing else; zero: not periodic
  WallTime start{};        // when it was made
  WallTime now{};
};
struct Terms {
  Expiry expires;  // never `never`
  Seconds ttl{};   // the same for showing, at least one second
  std::vector<std::string> warnings;
};
// Code::invalid_argument when nothing is left to give.
Result<Terms> terms(const TermsAsked&);

// Vault's spelling in warnings: "768h", "1h30m", "10s".
std::string short_duration(Seconds);
// The lesser of two limits of which zero is none.
constexpr Seconds lesser(Seconds a, Seconds b) noexcept {
  if (a.count() <= 0) return std::max(b, Seconds{});
  if (b.count() <= 0) return a;
  return std::min(a, b);
}

}  // namespace strongroom::identity
