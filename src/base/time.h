// Times and durations as Vault spells them: RFC 3339 with nanoseconds, and durations as "1h30m", "90" or
// seconds. Pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/env.h"

namespace strongroom {

// 2026-11-25T01:02:03.000000004Z; trailing zeros of the fraction dropped, as Go's RFC3339Nano does.
std::string rfc3339(WallTime);
std::optional<WallTime> parse_rfc3339(std::string_view);  // with Z or an offset
// Go's duration grammar ("1h30m", "300ms", "-5s") with "d" for days, or a plain whole number of seconds.
// Nothing on bad grammar or overflow.
std::optional<Nanoseconds> parse_duration(std::string_view);
// Go's spelling: "768h0m0s", "1m30s", "0s".
std::string go_duration(Nanoseconds);
std::string go_duration(Seconds);  // longer than nanoseconds can count, too

}  // namespace strongroom
