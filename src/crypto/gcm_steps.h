// The steps of one AES-256-GCM operation on a context whose key and nonce are set. Inside src/crypto only.
#pragma once
#include <cstring>
#include <initializer_list>
#include <limits>

#include "base/error.h"
#include "crypto/evp.h"

namespace strongroom::crypto {

inline constexpr std::size_t kGcmTag = 16;

inline void gcm_seal(EVP_CIPHER_CTX* c, std::initializer_list<View> aad, View plain,
                     std::span<std::byte> out) noexcept {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int>::max());
  must(out.size() == plain.size() + kGcmTag && plain.size() < kMost, "GCM lengths");
  int n = 0;
  bool ok = true;
  for (const View a : aad)
    if (!a.empty()) ok = ok && EVP_EncryptUpdate(c, nullptr, &n, raw(a), static_cast<int>(a.size())) == 1;
  if (!plain.empty())
    ok = ok && EVP_EncryptUpdate(c, raw_out(out), &n, raw(plain), static_cast<int>(plain.size())) == 1;
  ok = ok && EVP_EncryptFinal_ex(c, raw_out(out.subspan(plain.size())), &n) == 1;
  ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kGcmTag, out.data() + plain.size()) == 1;
  must(ok, "GCM seal");
}

inline bool gcm_open(EVP_CIPHER_CTX* c, std::initializer_list<View> aad, View sealed,
                     std::span<std::byte> out) noexcept {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<int>::max());
  const std::size_t size = sealed.size() - kGcmTag;
  if (sealed.size() < kGcmTag || out.size() != size || size >= kMost) return false;
  int n = 0;
  bool ok = true;
  for (const View a : aad)
    if (!a.empty()) ok = ok && EVP_DecryptUpdate(c, nullptr, &n, raw(a), static_cast<int>(a.size())) == 1;
  if (size != 0) ok = ok && EVP_DecryptUpdate(c, raw_out(out), &n, raw(sealed), static_cast<int>(size)) == 1;
  unsigned char tag[kGcmTag];
  std::memcpy(tag, sealed.data() + size, kGcmTag);
  unsigned char none[kGcmTag];
  ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kGcmTag, tag) == 1 &&
       EVP_DecryptFinal_ex(c, none, &n) == 1;
  if (!ok && size != 0) explicit_bzero(out.data(), out.size());
  return ok;
}

}  // namespace strongroom::crypto
