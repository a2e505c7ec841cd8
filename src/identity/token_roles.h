// Token roles: named rules for creating tokens, auth/token/roles/*. A record each, under a keyed hash of the
// name. State lives in the store. Any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "identity/tokens.h"

namespace strongroom::identity {

// What tokens of a role are; the defaults leave it to the request.
enum class TokenType : std::uint8_t { service, batch, default_service, default_batch };
std::string_view name(TokenType) noexcept;                       // "default-batch"
std::optional<TokenType> token_type(std::string_view) noexcept;  // "" and "default" are default-service

struct TokenRole {
  std::string name;
  std::vector<std::string> allowed_policies, allowed_policies_glob;
  std::vector<std::string> disallowed_policies, disallowed_policies_glob;
  std::vector<std::string> allowed_entity_aliases;
  std::vector<Cidr> bound_cidrs;
  std::string path_suffix;
  Seconds explicit_max_ttl{};  // zero: no such limit
  Seconds period{};            // zero: not periodic
  std::int64_t num_uses = 0;   // zero: no limit
  TokenType type = TokenType::default_service;
  bool orphan = false;
  bool renewable = true;
  bool no_default_policy = false;
  // Which fields were given by their old names, and so are shown by these, too.
  bool old_period = false, old_explicit_max_ttl = false, old_bound_cidrs = false;
  bool has_policy_rules() const noexcept {
    return !allowed_policies.empty() || !allowed_policies_glob.empty() || !disallowed_policies.empty() ||
           !disallowed_policies_glob.empty();
  }
};

// Whether a text fits a pattern in which each `*` stands for any run of bytes.
bool fits_glob(std::string_view pattern, std::string_view text) noexcept;

class TokenRoles {
 public:
  explicit TokenRoles(const Tokens& tokens) : tokens_(tokens) {}  // outlives this; holds the keys
  // 1 to 128 letters, digits, '.', '_' and '-'; begins and ends with a letter, digit or '_'.
  static bool valid_name(std::string_view) noexcept;
  Result<std::optional<TokenRole>> get(store::Txn&, std::string_view name) const;
  Status put(store::Txn&, const TokenRole&) const;
  Status erase(store::Txn&, std::string_view name) const;
  Result<std::vector<std::string>> names(store::Txn&) const;  // sorted

 private:
  Result<std::string> key(std::string_view name) const;
  const Tokens& tokens_;
};

}  // namespace strongroom::identity
