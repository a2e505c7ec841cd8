// Ed25519 signatures (RFC 8032) from a 32-byte seed.
#pragma once
#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "base/secret.h"

struct evp_pkey_st;

namespace strongroom::crypto {

using Ed25519PublicKey = std::array<std::byte, 32>;
using Ed25519Signature = std::array<std::byte, 64>;

// Const calls may come from any thread.
class Ed25519Key {
 public:
  explicit Ed25519Key(const Secret& seed);  // 32 bytes; anything else aborts
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  ~Ed25519Key();
  Ed25519PublicKey public_key() const noexcept;
  Ed25519Signature sign(View message) const noexcept;

 private:
  evp_pkey_st* key_;
};

// False for keys and signatures that are malformed, too.
bool ed25519_verify(View public_key, View message, View signature) noexcept;

}  // namespace strongroom::crypto
