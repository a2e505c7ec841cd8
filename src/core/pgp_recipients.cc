#include "core/pgp_recipients.h"

#include <fmt/format.h>

namespace strongroom::core {

Result<PgpRecipients> PgpRecipients::parse(std::string_view field, const std::vector<std::string>& keys,
                                           WallTime now, Random& random) {
  PgpRecipients out;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto key = crypto::parse_pgp_key(keys[i], now, random);
    if (!key) {
      Error e = std::move(key).error();
      e.message = keys.size() == 1 ? fmt::format("{}: {}", field, e.message)
                                   : fmt::format("{}: number {}: {}", field, i + 1, e.message);
      return std::unexpected(std::move(e));
    }
    out.keys_.push_back(*std::move(key));
  }
  return out;
}

std::vector<std::string> PgpRecipients::fingerprints() const {
  std::vector<std::string> out;
  out.reserve(keys_.size());
  for (const auto& k : keys_) out.push_back(k.fingerprint());
  return out;
}

Result<std::vector<Secret>> PgpRecipients::encrypt_shares(std::vector<Secret> shares, Random& random) const {
  if (keys_.empty()) return shares;
  if (keys_.size() != shares.size())
    return fail(Code::internal, "there must be as many PGP keys as key shares");
  std::vector<Secret> out;
  out.reserve(shares.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    auto text = to_hex(shares[i].reveal(Reveal::to_cipher));
    auto message = keys_[i].encrypt(as_view(text), random);
    wipe(text);
    if (!message) return std::unexpected(std::move(message).error());
    out.push_back(Secret::copy_of(std::string_view(*message)));
  }
  return out;
}

Result<Secret> PgpRecipients::encrypt_token(const Secret& token, Random& random) const {
  if (keys_.empty()) return fail(Code::internal, "there is no PGP key to encrypt to");
  SR_LET(const auto message, keys_.front().encrypt(token.reveal(Reveal::to_cipher), random));
  return Secret::copy_of(std::string_view(to_base64(as_view(message))));
}

}  // namespace strongroom::core
