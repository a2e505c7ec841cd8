// HMAC-SHA256 (RFC 2104) under one key, whose two padded states are computed once. Const calls may come from
// any thread. Never gives the key out again.
#pragma once
#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/sha256.h"

namespace strongroom::crypto {

class Hmac {
 public:
  explicit Hmac(View key);
  explicit Hmac(const Secret& key) : Hmac(key.reveal(Reveal::to_cipher)) {}
  Hmac(Hmac&&) noexcept;
  Hmac& operator=(Hmac&&) noexcept;
  ~Hmac();

  Digest mac(View message) const noexcept;
  Digest mac(std::initializer_list<View> parts) const noexcept;  // of the parts joined, without separators
  Digest mac(std::string_view message) const noexcept { return mac(as_view(message)); }

 private:
  evp_md_ctx_st* inner_;
  evp_md_ctx_st* outer_;
};

}  // namespace strongroom::crypto
