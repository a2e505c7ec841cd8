// Checkpoints as C2SP signed notes (signed-note, tlog-checkpoint) and the C2SP verifier key. What leaves the
// machine to prove later what the log was.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "audit/merkle.h"
#include "base/error.h"
#include "crypto/ed25519.h"

namespace strongroom::audit {

// "strongroom/<store id hex>+<key hash>+<base64>"
struct VerifierKey {
  std::string origin;
  crypto::Ed25519PublicKey key{};

  static Result<VerifierKey> parse(std::string_view text);  // one line; Code::invalid_argument
  std::string text() const;
  std::string key_hash() const;  // 4 bytes
};

std::string origin_of(std::string_view store_id);  // 16 bytes

// What a note claims.
struct Claim {
  std::string origin;
  std::uint64_t size = 0;
  Hash root{};
  std::uint64_t revision = 0;  // the highest store revision among the records
};

std::string sign_checkpoint(const VerifierKey&, const crypto::Ed25519Key&, const Frontier&,
                            std::uint64_t revision);
// Without checking the signature. Code::corrupt.
Result<Claim> parse_checkpoint(std::string_view note);
// Code::corrupt when it is malformed, of another origin, or not signed by the key.
Result<Claim> verify_checkpoint(std::string_view note, const VerifierKey&);

// A note that says: the bodies of records below this sequence were archived by the server itself.
std::string sign_archived(const VerifierKey&, const crypto::Ed25519Key&, std::uint64_t first_kept);
Result<std::uint64_t> verify_archived(std::string_view note, const VerifierKey&);

}  // namespace strongroom::audit
