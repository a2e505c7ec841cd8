// The OpenSSL objects of this folder: fetched once, owned by RAII. Inside src/crypto only.
#pragma once
#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "crypto/must.h"

namespace strongroom::crypto {

struct FreeEvp {
  void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeEvp>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeEvp>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeEvp>;

// Live until the process ends.
const EVP_MD* sha256_method() noexcept;
const EVP_CIPHER* aes_256_gcm_method() noexcept;
const EVP_CIPHER* aes_256_ecb_method() noexcept;

inline DigestContext new_digest() noexcept {
  DigestContext c(EVP_MD_CTX_new());
  must(c != nullptr, "digest context");
  return c;
}
inline CipherContext new_cipher() noexcept {
  CipherContext c(EVP_CIPHER_CTX_new());
  must(c != nullptr, "cipher context");
  return c;
}
inline const unsigned char* raw(View v) noexcept { return reinterpret_cast<const unsigned char*>(v.data()); }
inline unsigned char* raw_out(std::span<std::byte> v) noexcept {
  return reinterpret_cast<unsigned char*>(v.data());
}

}  // namespace strongroom::crypto
