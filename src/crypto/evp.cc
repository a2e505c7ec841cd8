#include "crypto/evp.h"

namespace strongroom::crypto {

const EVP_MD* sha256_method() noexcept {
  static const EVP_MD* const method = [] {
    const EVP_MD* m = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    must(m != nullptr, "no SHA-256");
    return m;
  }();
  return method;
}

namespace {
const EVP_CIPHER* fetch(const char* name) noexcept {
  const EVP_CIPHER* c = EVP_CIPHER_fetch(nullptr, name, nullptr);
  must(c != nullptr, name);
  return c;
}
}  // namespace

const EVP_CIPHER* aes_256_gcm_method() noexcept {
  static const EVP_CIPHER* const method = fetch("AES-256-GCM");
  return method;
}

const EVP_CIPHER* aes_256_ecb_method() noexcept {
  static const EVP_CIPHER* const method = fetch("AES-256-ECB");
  return method;
}

}  // namespace strongroom::crypto
