#include "crypto/es512.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/evp.h"

namespace strongroom::crypto {
namespace {
constexpr int kHalf = 66;  // bytes of R, and of S

struct FreeSignature {
  void operator()(ECDSA_SIG* p) const noexcept { ECDSA_SIG_free(p); }
};
using Signature = std::unique_ptr<ECDSA_SIG, FreeSignature>;

PrivateKey read_key(const Secret& der) {
  const auto bytes = der.reveal(Reveal::to_cipher);
  const unsigned char* at = raw(bytes);
  return PrivateKey(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(bytes.size())));
}
}  // namespace

Secret new_es512_key() {
  const PrivateKey key(EVP_EC_gen("P-521"));
  must(key != nullptr, "P-521 key");
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key.get(), &der);
  must(size > 0, "P-521 key");
  auto out = Secret::copy_of(View(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size)));
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  return out;
}

Result<Bytes> es512_sign(const Secret& der, View message) {
  const auto key = read_key(der);
  if (!key) {
    ERR_clear_error();
    return fail(Code::corrupt, "a stored key is damaged", "ES512");
  }
  const DigestContext c = new_digest();
  std::size_t size = 0;
  must(EVP_DigestSignInit_ex(c.get(), nullptr, "SHA512", nullptr, nullptr, key.get(), nullptr) == 1 &&
           EVP_DigestSign(c.get(), nullptr, &size, raw(message), message.size()) == 1,
       "ES512 sign");
  Bytes asn1(size);
  must(EVP_DigestSign(c.get(), raw_out(asn1), &size, raw(message), message.size()) == 1, "ES512 sign");
  const unsigned char* at = raw(asn1);
  const Signature s(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  must(s != nullptr, "ES512 sign");
  Bytes out(2 * kHalf);
  auto* to = raw_out(out);
  must(BN_bn2binpad(ECDSA_SIG_get0_r(s.get()), to, kHalf) == kHalf &&
           BN_bn2binpad(ECDSA_SIG_get0_s(s.get()), to + kHalf, kHalf) == kHalf,
       "ES512 sign");
  return out;
}

bool es512_verify(const Secret& der, View message, View signature) noexcept {
  if (signature.size() != 2 * kHalf) return false;
  const auto key = read_key(der);
  const Signature s(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw(signature), kHalf, nullptr);
  BIGNUM* second = BN_bin2bn(raw(signature) + kHalf, kHalf, nullptr);
  must(s != nullptr && r != nullptr && second != nullptr, "ES512 verify");
  must(ECDSA_SIG_set0(s.get(), r, second) == 1, "ES512 verify");
  unsigned char* asn1 = nullptr;
  const int size = i2d_ECDSA_SIG(s.get(), &asn1);
  const DigestContext c = new_digest();
  const bool good =
      key && size > 0 &&
      EVP_DigestVerifyInit_ex(c.get(), nullptr, "SHA512", nullptr, nullptr, key.get(), nullptr) == 1 &&
      EVP_DigestVerify(c.get(), asn1, static_cast<std::size_t>(size), raw(message), message.size()) == 1;
  OPENSSL_free(asn1);
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace strongroom::crypto
