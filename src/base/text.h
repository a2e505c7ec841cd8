// How words of outside texts are read, where several parts must read them alike: what a field takes for true,
// a policy must recognise as true.
#pragma once
#include <optional>
#include <string_view>

namespace strongroom {

// Without the white space around it: space, \t, \n, \v, \f, \r (Go's strings.TrimSpace, of ASCII).
constexpr std::string_view trimmed(std::string_view s) noexcept {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const auto from = s.find_first_not_of(kSpace);
  if (from == s.npos) return {};
  return s.substr(from, s.find_last_not_of(kSpace) - from + 1);
}

// "1", "t", "T", "true", "TRUE", "True", and so for false (Go's strconv.ParseBool). Nothing else is either.
constexpr std::optional<bool> parse_bool(std::string_view s) noexcept {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (s == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (s == no) return false;
  return std::nullopt;
}

}  // namespace strongroom
