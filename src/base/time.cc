#include "base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace strongroom {
namespace chr = std::chrono;

namespace {
// The last `n` digits of v, which is not negative.
char* put_digits(char* at, int n, std::int64_t v) noexcept {
  for (int i = n; i-- > 0; v /= 10) at[i] = static_cast<char>('0' + v % 10);
  return at + n;
}
}  // namespace

std::string rfc3339(WallTime t) {
  const auto day = chr::floor<chr::days>(t);
  const chr::year_month_day date(day);
  const chr::hh_mm_ss clock(t - day);
  char text[32];
  char* at = put_digits(text, 4, static_cast<int>(date.year()));  // nanoseconds in 64 bits: 1677 to 2262
  *at++ = '-';
  at = put_digits(at, 2, static_cast<unsigned>(date.month()));
  *at++ = '-';
  at = put_digits(at, 2, static_cast<unsigned>(date.day()));
  *at++ = 'T';
  at = put_digits(at, 2, clock.hours().count());
  *at++ = ':';
  at = put_digits(at, 2, clock.minutes().count());
  *at++ = ':';
  at = put_digits(at, 2, clock.seconds().count());
  if (const auto ns = clock.subseconds().count(); ns != 0) {
    *at++ = '.';
    at = put_digits(at, 9, ns);
    while (at[-1] == '0') --at;
  }
  *at++ = 'Z';
  return {text, at};
}

namespace {
bool digits(std::string_view s, std::size_t from, std::size_t n, int& out) {
  if (from + n > s.size()) return false;
  out = 0;
  for (std::size_t i = from; i < from + n; ++i) {
    if (s[i] < '0' || s[i] > '9') return false;
    out = out * 10 + (s[i] - '0');
  }
  return true;
}
}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view s) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, sec = 0;
  if (s.size() < 20 || !digits(s, 0, 4, y) || s[4] != '-' || !digits(s, 5, 2, mo) || s[7] != '-' ||
      !digits(s, 8, 2, d) || (s[10] != 'T' && s[10] != 't') || !digits(s, 11, 2, h) || s[13] != ':' ||
      !digits(s, 14, 2, mi) || s[16] != ':' || !digits(s, 17, 2, sec) || h > 23 || mi > 59 || sec > 60)
    return std::nullopt;
  const chr::year_month_day date(chr::year(y), chr::month(static_cast<unsigned>(mo)),
                                 chr::day(static_cast<unsigned>(d)));
  if (!date.ok() || y < 1700 || y > 2250) return std::nullopt;
  std::size_t i = 19;
  std::int64_t ns = 0;
  if (s[i] == '.') {
    std::int64_t scale = 100'000'000;
    if (++i == s.size() || s[i] < '0' || s[i] > '9') return std::nullopt;
    for (; i < s.size() && s[i] >= '0' && s[i] <= '9'; ++i, scale /= 10) ns += (s[i] - '0') * scale;
  }
  chr::minutes offset{};
  if (i < s.size() && (s[i] == 'Z' || s[i] == 'z')) {
    ++i;
  } else {
    int oh = 0, om = 0;
    if (i + 6 != s.size() || (s[i] != '+' && s[i] != '-') || !digits(s, i + 1, 2, oh) || s[i + 3] != ':' ||
        !digits(s, i + 4, 2, om) || oh > 23 || om > 59)
      return std::nullopt;
    offset = chr::minutes(oh * 60 + om) * (s[i] == '-' ? -1 : 1);
    i += 6;
  }
  if (i != s.size()) return std::nullopt;
  return WallTime(chr::sys_days(date)) + chr::hours(h) + chr::minutes(mi) + chr::seconds(sec) +
         Nanoseconds(ns) - offset;
}

std::optional<Nanoseconds> parse_duration(std::string_view s) {
  const bool negative = !s.empty() && s.front() == '-';
  if (!s.empty() && (s.front() == '-' || s.front() == '+')) s.remove_prefix(1);
  if (s.empty()) return std::nullopt;
  if (s == "0") return Nanoseconds{};
  constexpr double kMost = 9.2e18;
  double total = 0;
  bool only_number = true;
  while (!s.empty()) {
    double n = 0;
    // from_chars takes "inf" and exponents, Go's grammar does not.
    std::size_t len = 0;
    while (len < s.size() && ((s[len] >= '0' && s[len] <= '9') || s[len] == '.')) ++len;
    if (len == 0) return std::nullopt;
    const auto [end, err] = std::from_chars(s.data(), s.data() + len, n);
    if (err != std::errc{} || end != s.data() + len) return std::nullopt;
    const bool whole = s.substr(0, len).find('.') == std::string_view::npos;
    s.remove_prefix(len);
    double unit = 0;
    if (s.empty()) {
      if (!only_number || !whole) return std::nullopt;
      unit = 1e9;
    } else if (s.starts_with("ns")) {
      unit = 1, s.remove_prefix(2);
    } else if (s.starts_with("us")) {
      unit = 1e3, s.remove_prefix(2);
    } else if (s.starts_with("µs") || s.starts_with("μs")) {  // U+00B5 and U+03BC
      unit = 1e3, s.remove_prefix(3);
    } else if (s.starts_with("ms")) {
      unit = 1e6, s.remove_prefix(2);
    } else {
      switch (s.front()) {
        case 's':
          unit = 1e9;
          break;
        case 'm':
          unit = 60e9;
          break;
        case 'h':
          unit = 3600e9;
          break;
        case 'd':
          unit = 86400e9;
          break;
        default:
          return std::nullopt;
      }
      s.remove_prefix(1);
    }
    only_number = false;
    total += n * unit;
    if (total > kMost) return std::nullopt;
  }
  return Nanoseconds(static_cast<std::int64_t>(total) * (negative ? -1 : 1));
}

namespace {
void append_whole_seconds(std::string& out, std::uint64_t s) {
  const auto h = s / 3600;
  const auto m = s / 60 % 60;
  if (h != 0) out += fmt::format("{}h", h);
  if (h != 0 || m != 0) out += fmt::format("{}m", m);
  out += fmt::format("{}", s % 60);
}
std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}
}  // namespace

std::string go_duration(Seconds s) {
  std::string out = s.count() < 0 ? "-" : "";
  append_whole_seconds(out, magnitude(s.count()));
  return out + "s";
}

std::string go_duration(Nanoseconds d) {
  if (d.count() == 0) return "0s";
  std::string out = d.count() < 0 ? "-" : "";
  const auto ns = magnitude(d.count());
  if (ns < 1'000'000'000) {
    if (ns < 1'000) return out + fmt::format("{}ns", ns);
    if (ns < 1'000'000) return out + fmt::format("{}µs", static_cast<double>(ns) / 1e3);
    return out + fmt::format("{}ms", static_cast<double>(ns) / 1e6);
  }
  append_whole_seconds(out, ns / 1'000'000'000);
  if (const std::uint64_t fraction = ns % 1'000'000'000; fraction != 0) {
    out += fmt::format(".{:09}", fraction);
    while (out.back() == '0') out.pop_back();
  }
  return out + "s";
}

}  // namespace strongroom
