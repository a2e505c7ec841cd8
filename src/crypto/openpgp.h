// PgpKey: an operator's OpenPGP public key, to which key shares and root tokens are encrypted before they
// leave the server (Vault API: pgp_keys, pgp_key). Reads version 4 keys of RSA (2,048 to 8,192 bits) and ECDH
// (Curve25519, P-256, P-384, P-521); writes messages that `gpg --decrypt` reads. Never decrypts, never echoes
// what it was given.
//
// What OpenBao puts inside, and so do we: for init, rekey and recovery keys the share in hexadecimal as text
// ("dee37667…", 66 characters for 33 bytes); the reply's `keys` is the hexadecimal of the binary message,
// `keys_base64` its base64. For a root token (root_token_pgp_key, generate-root with pgp_key) the token's
// text; the reply's field is base64 of the message. `pgp_fingerprints` are fingerprint() in order.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/env.h"
#include "base/error.h"

struct evp_pkey_st;

namespace strongroom::crypto {

// Move-only. Const calls may come from any thread.
class PgpKey {
 public:
  // Of the primary key: 40 lower-case hexadecimal digits.
  const std::string& fingerprint() const noexcept { return fingerprint_; }
  // A binary OpenPGP message (RFC 4880: PKESK version 3, SEIPD version 1) of at most 64 KiB.
  Result<std::string> encrypt(View plain, Random&) const;

  PgpKey(PgpKey&&) noexcept;
  PgpKey& operator=(PgpKey&&) noexcept;
  ~PgpKey();

 private:
  friend Result<PgpKey> parse_pgp_key(std::string_view, WallTime, Random&);
  PgpKey() = default;
  Result<std::string> session_packet(View key) const;

  std::string fingerprint_;
  // The part that encrypts: the newest subkey that may, else the primary key.
  std::string recipient_;  // its fingerprint, 20 bytes
  std::uint8_t algorithm_ = 0;
  std::uint8_t curve_ = 0;       // ECDH: index into the table of curves
  std::uint8_t kdf_hash_ = 0;    // ECDH: OpenPGP's numbers
  std::uint8_t kdf_cipher_ = 0;  // ECDH
  std::uint8_t cipher_ = 9;      // of the message: OpenPGP's number of AES-256, AES-192 or AES-128
  evp_pkey_st* key_ = nullptr;
};

// Base64 of the binary key, or an armoured block. Only a key that can be encrypted to at `now` comes back, so
// that nothing is left to fail when the shares exist: its self-signatures and the subkey's binding verify,
// none is revoked or expired, and a trial encryption succeeded. A revocation counts even when it does not
// verify. Code::invalid_argument or Code::too_large say what is wrong.
Result<PgpKey> parse_pgp_key(std::string_view base64_or_armoured, WallTime now, Random&);

}  // namespace strongroom::crypto
