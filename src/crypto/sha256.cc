#include "crypto/sha256.h"

#include <utility>

#include "crypto/evp.h"

namespace strongroom::crypto {

Digest sha256(std::initializer_list<View> parts) noexcept {
  thread_local const DigestContext context = new_digest();
  Digest out;
  bool ok = EVP_DigestInit_ex(context.get(), sha256_method(), nullptr) == 1;
  for (const View part : parts) ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  must(ok && EVP_DigestFinal_ex(context.get(), raw_out(out), nullptr) == 1, "SHA-256");
  return out;
}

Digest sha256(View v) noexcept { return sha256({v}); }

Sha256::Sha256() : context_(new_digest().release()) {
  must(EVP_DigestInit_ex(context_, sha256_method(), nullptr) == 1, "SHA-256");
}
Sha256::Sha256(Sha256&& o) noexcept : context_(std::exchange(o.context_, nullptr)) {}
Sha256& Sha256::operator=(Sha256&& o) noexcept {
  std::swap(context_, o.context_);
  return *this;
}
Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::update(View v) noexcept { must(EVP_DigestUpdate(context_, v.data(), v.size()) == 1, "SHA-256"); }

Digest Sha256::finish() noexcept {
  Digest out;
  must(EVP_DigestFinal_ex(context_, raw_out(out), nullptr) == 1 &&
           EVP_DigestInit_ex(context_, sha256_method(), nullptr) == 1,
       "SHA-256");
  return out;
}

}  // namespace strongroom::crypto
