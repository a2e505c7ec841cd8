// Flags as Go's flag package reads them, since scripts for Vault rely on it: -name or --name, "=value" or the
// next argument, switches that never take the next argument, and no flags after the first other argument.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace strongroom::apps::cli {

enum class Takes : std::uint8_t {
  nothing,   // a switch; -name=false turns it off
  text,      // one value; the last wins
  number,    // a whole number
  duration,  // "1h30m" or seconds
  texts,     // may be repeated
  pairs,     // KEY=VALUE, may be repeated
};

struct Flag {
  std::string_view name;
  Takes takes;
  std::string_view help;      // one sentence
  std::string_view env = {};  // ADDR: STRONGROOM_ADDR, then BAO_ADDR, then VAULT_ADDR
  std::string_view alias = {};
};

class Flags {
 public:
  // The values are views of the arguments. Code::invalid_argument names the flag and what it takes, or lists
  // the flags there are.
  static Result<Flags> parse(std::span<const Flag> known, std::span<const std::string_view> arguments);

  bool given(std::string_view name) const { return values_.contains(name); }
  bool on(std::string_view name) const;  // a switch that was given and not turned off
  std::optional<bool> choice(std::string_view name) const;
  std::optional<std::string_view> text(std::string_view name) const;
  std::optional<std::int64_t> number(std::string_view name) const;
  std::optional<std::string> duration(std::string_view name) const;  // as Go writes it: "1h30m0s"
  std::optional<std::int64_t> seconds(std::string_view name) const;  // of a duration
  std::vector<std::string_view> texts(std::string_view name) const;
  std::vector<std::pair<std::string_view, std::string_view>> pairs(std::string_view name) const;

  std::span<const std::string_view> rest() const { return rest_; }
  // Arguments after the first plain one that look like flags: they were not read as such.
  std::vector<std::string_view> late() const;

 private:
  std::map<std::string_view, std::vector<std::string_view>> values_;
  std::vector<std::string_view> rest_;
};

// The name among `names` that is nearest to a mistyped one; empty when none is near.
std::string_view nearest(std::string_view typed, std::span<const std::string_view> names);

}  // namespace strongroom::apps::cli
