// PgpRecipients: the operators for whom key shares are encrypted before they leave the server, one key for
// each share. Read before anything is made, so that a bad key cannot cost a share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/openpgp.h"

namespace strongroom::core {

class PgpRecipients {
 public:
  // Code::invalid_argument and Code::too_large name `field`, the place in it and what is wrong.
  static Result<PgpRecipients> parse(std::string_view field, const std::vector<std::string>& keys,
                                     WallTime now, Random&);
  bool empty() const noexcept { return keys_.empty(); }
  std::size_t size() const noexcept { return keys_.size(); }
  std::vector<std::string> fingerprints() const;
  // In place of each share its text in hexadecimal, encrypted to the key of the same place; the shares
  // themselves when there are no keys.
  Result<std::vector<Secret>> encrypt_shares(std::vector<Secret> shares, Random&) const;
  // A token's text encrypted to the first key, as base64.
  Result<Secret> encrypt_token(const Secret& token, Random&) const;

 private:
  std::vector<crypto::PgpKey> keys_;
};

}  // namespace strongroom::core
