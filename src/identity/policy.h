// Policy: one ACL policy, parsed and checked, in the language of Vault (HCL or JSON). Parsing is where a
// policy is refused; a policy that parsed means the same for ever. An option that is not built is refused,
// never ignored.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "schema/hcl.h"

namespace strongroom::identity {

enum class Capability : std::uint16_t {
  deny = 1 << 0,
  create = 1 << 1,
  read = 1 << 2,
  update = 1 << 3,
  remove = 1 << 4,  // "delete"
  list = 1 << 5,
  sudo = 1 << 6,
  patch = 1 << 7,
  scan = 1 << 8,
};
std::string_view name(Capability) noexcept;
std::optional<Capability> capability_named(std::string_view) noexcept;

class Capabilities {
 public:
  constexpr Capabilities() = default;
  constexpr explicit Capabilities(Capability c) : bits_(static_cast<std::uint16_t>(c)) {}
  constexpr bool has(Capability c) const noexcept { return (bits_ & static_cast<std::uint16_t>(c)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  constexpr void add(Capability c) noexcept {
    bits_ = static_cast<std::uint16_t>(bits_ | static_cast<std::uint16_t>(c));
  }
  constexpr void add(Capabilities o) noexcept { bits_ = static_cast<std::uint16_t>(bits_ | o.bits_); }
  constexpr bool operator==(const Capabilities&) const = default;
  // In alphabetical order, as sys/capabilities replies; {"deny"} if there is deny or nothing.
  std::vector<std::string> names() const;

 private:
  std::uint16_t bits_ = 0;
};

// Lower-case parameter name (or "*") to the values that count; no values: any value.
using ParameterValues = std::map<std::string, std::vector<hcl::Value>, std::less<>>;

// What a rule asks beyond the capability. Most rules ask nothing.
struct Constraints {
  ParameterValues allowed;
  ParameterValues denied;
  std::vector<std::string> required;  // lower-case
  Nanoseconds min_wrapping_ttl{0};    // 0: none
  Nanoseconds max_wrapping_ttl{0};
  std::int64_t pagination_limit = 0;  // 0: none

  bool empty() const noexcept;
};

// One path block.
struct Rule {
  std::string pattern;  // without a leading slash
  Capabilities capabilities;
  Constraints constraints;
  std::optional<WallTime> expires;
  hcl::Position at;

  bool templated() const noexcept { return pattern.find("{{") != std::string::npos; }
};

struct Policy {
  std::string name;
  std::string namespace_path;  // "" for the root namespace, else with a trailing slash
  std::vector<Rule> rules;     // in the order of the text

  bool templated() const noexcept;
};

// Code::invalid_argument: "failed to parse policy: line 2, column 3: …", fit for the client.
Result<Policy> parse_policy(std::string name, std::string_view text, std::string namespace_path = {});

// The one spelling of a policy's name: lower case, 1 to 512 printable ASCII characters, no space or comma, no
// empty, "." or ".." segment. Everything that stores or looks up a name goes through here.
Result<std::string> canonical_policy_name(std::string_view);

// The texts of the built-in policies; root has none.
std::string_view default_policy_text() noexcept;
std::string_view response_wrapping_policy_text() noexcept;
// root and response-wrapping, which nobody may change; response-wrapping cannot be assigned either.
bool is_immutable_policy(std::string_view canonical_name) noexcept;

// Lower case in ASCII: how parameter and policy names compare.
std::string ascii_lower(std::string_view);

}  // namespace strongroom::identity
