// Lifetime and Expiry: how long something lives, and until when. Zero is no time at all and never "for ever":
// what lives for ever was made by calling forever() or never(), and what nobody set is over already.
#pragma once
#include <algorithm>
#include <optional>

#include "base/env.h"

namespace strongroom::identity {

class Expiry {
 public:
  constexpr Expiry() = default;  // over
  static constexpr Expiry never() noexcept {
    Expiry e;
    e.never_ = true;
    return e;
  }
  static constexpr Expiry at(WallTime t) noexcept {
    Expiry e;
    e.at_ = t;
    return e;
  }
  constexpr bool is_never() const noexcept { return never_; }
  constexpr bool over(WallTime now) const noexcept { return !never_ && at_ <= now; }
  constexpr WallTime when() const noexcept { return at_; }  // means nothing when is_never()
  // Time left in whole seconds, for showing; zero when over and when it never is.
  Seconds left(WallTime now) const noexcept {
    if (never_) return Seconds{};
    return std::max(Seconds{}, std::chrono::floor<Seconds>(at_ - now + std::chrono::milliseconds(1)));
  }
  constexpr bool operator==(const Expiry&) const = default;

 private:
  bool never_ = false;
  WallTime at_ = WallTime::min();
};

class Lifetime {
 public:
  static constexpr Lifetime forever() noexcept { return Lifetime(Seconds{}, true); }
  static constexpr Lifetime of(Seconds s) noexcept { return Lifetime(std::max(Seconds{}, s), false); }
  constexpr bool is_forever() const noexcept { return forever_; }
  constexpr Seconds seconds() const noexcept { return length_; }  // zero when for ever
  constexpr Expiry from(WallTime start) const noexcept {
    if (forever_) return Expiry::never();
    // A length that no clock reaches ends with the clock, not before it began.
    const auto room = std::chrono::floor<Seconds>(WallTime::max() - start);
    return Expiry::at(start + std::min(length_, room));
  }
  constexpr bool operator==(const Lifetime&) const = default;

 private:
  constexpr Lifetime(Seconds s, bool forever) noexcept : length_(s), forever_(forever) {}
  Seconds length_;
  bool forever_;
};

}  // namespace strongroom::identity
