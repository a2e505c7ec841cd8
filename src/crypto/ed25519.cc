#include "crypto/ed25519.h"

#include <openssl/err.h>

#include <utility>

#include "crypto/evp.h"

namespace strongroom::crypto {

Ed25519Key::Ed25519Key(const Secret& seed) {
  must(seed.size() == 32, "an Ed25519 seed must be 32 bytes");
  key_ = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed.reveal(Reveal::to_cipher)),
                                      seed.size());
  must(key_ != nullptr, "Ed25519 key");
}
Ed25519Key::Ed25519Key(Ed25519Key&& o) noexcept : key_(std::exchange(o.key_, nullptr)) {}
Ed25519Key& Ed25519Key::operator=(Ed25519Key&& o) noexcept {
  std::swap(key_, o.key_);
  return *this;
}
Ed25519Key::~Ed25519Key() { EVP_PKEY_free(key_); }

Ed25519PublicKey Ed25519Key::public_key() const noexcept {
  Ed25519PublicKey out;
  std::size_t n = out.size();
  must(EVP_PKEY_get_raw_public_key(key_, raw_out(out), &n) == 1 && n == out.size(), "Ed25519 public key");
  return out;
}

Ed25519Signature Ed25519Key::sign(View message) const noexcept {
  const DigestContext c = new_digest();
  Ed25519Signature out;
  std::size_t n = out.size();
  must(EVP_DigestSignInit(c.get(), nullptr, nullptr, nullptr, key_) == 1 &&
           EVP_DigestSign(c.get(), raw_out(out), &n, raw(message), message.size()) == 1 && n == out.size(),
       "Ed25519 sign");
  return out;
}

bool ed25519_verify(View public_key, View message, View signature) noexcept {
  const PrivateKey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(public_key), public_key.size()));
  const DigestContext c = new_digest();
  const bool ok =
      key && EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(c.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  if (!ok) ERR_clear_error();
  return ok;
}

}  // namespace strongroom::crypto
