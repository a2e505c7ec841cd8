// Wrapping: puts a reply into the cubbyhole of a new token that is good for one use, and takes it out again.
// Both happen in the request's own transaction: of many who redeem a token at once, one does.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "identity/cubbyholes.h"
#include "identity/tokens.h"

namespace strongroom::core {

class Wrapping {
 public:
  // Both outlive this.
  Wrapping(const identity::Tokens& tokens, const identity::Cubbyholes& cubbyholes, Random& random)
      : tokens_(tokens), cubbyholes_(cubbyholes), random_(random) {}

  struct Found {
    identity::WrappedReply reply;
    std::string display_name;  // of who had it wrapped
  };
  // Code::invalid_argument "wrapping token is not valid or does not exist".
  Result<Found> find(store::Txn&, std::string_view token, WallTime now) const;
  // The same, and the token is gone when this transaction commits.
  Result<Found> redeem(store::Txn&, std::string_view token, WallTime now) const;
  // The token inside a JWT of ours.
  Result<Secret> out_of_jwt(store::Txn&, std::string_view jwt, WallTime now) const;
  static bool is_jwt(std::string_view token) noexcept { return token.starts_with("eyJ"); }
  // How the wrapping token is given: as it is, or inside a JWT signed with ES512 that tells what it is.
  enum class Form : std::uint8_t { plain, jwt };
  // Takes creation_path, creation_ttl and envelope; the time is set here.
  Result<engine::Wrapped> wrap(store::Txn&, identity::WrappedReply, const std::string& display_name,
                               WallTime now, Form form = Form::plain,
                               const std::string& wrapped_accessor = {}) const;

 private:
  Result<std::shared_ptr<const identity::TokenRecord>> record_of(store::Txn&, std::string_view token,
                                                                 WallTime now) const;
  Result<Secret> signing_key(store::Txn&) const;  // made at its first use
  Result<Secret> in_jwt(store::Txn&, const engine::Wrapped&, WallTime now) const;
  const identity::Tokens& tokens_;
  const identity::Cubbyholes& cubbyholes_;
  Random& random_;
};

}  // namespace strongroom::core
