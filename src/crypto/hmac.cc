#include "crypto/hmac.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crypto/evp.h"

namespace strongroom::crypto {
namespace {
constexpr std::size_t kBlock = 64;

EVP_MD_CTX* padded(std::array<std::byte, kBlock> block, std::byte pad) noexcept {
  for (std::byte& b : block) b ^= pad;
  DigestContext c = new_digest();
  must(EVP_DigestInit_ex(c.get(), sha256_method(), nullptr) == 1 &&
           EVP_DigestUpdate(c.get(), block.data(), block.size()) == 1,
       "HMAC key");
  explicit_bzero(block.data(), block.size());
  return c.release();
}
}  // namespace

Hmac::Hmac(View key) {
  std::array<std::byte, kBlock> block{};
  if (key.size() > kBlock) {
    const Digest d = sha256(key);
    std::ranges::copy(d, block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  inner_ = padded(block, std::byte{0x36});
  outer_ = padded(block, std::byte{0x5c});
  explicit_bzero(block.data(), block.size());
}

Hmac::Hmac(Hmac&& o) noexcept
    : inner_(std::exchange(o.inner_, nullptr)), outer_(std::exchange(o.outer_, nullptr)) {}
Hmac& Hmac::operator=(Hmac&& o) noexcept {
  std::swap(inner_, o.inner_);
  std::swap(outer_, o.outer_);
  return *this;
}
Hmac::~Hmac() {
  EVP_MD_CTX_free(inner_);
  EVP_MD_CTX_free(outer_);
}

Digest Hmac::mac(std::initializer_list<View> parts) const noexcept {
  thread_local const DigestContext scratch = new_digest();
  EVP_MD_CTX* const c = scratch.get();
  Digest out;
  bool ok = EVP_MD_CTX_copy_ex(c, inner_) == 1;
  for (const View part : parts) ok = ok && EVP_DigestUpdate(c, part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(c, raw_out(out), nullptr) == 1 && EVP_MD_CTX_copy_ex(c, outer_) == 1 &&
       EVP_DigestUpdate(c, out.data(), out.size()) == 1 && EVP_DigestFinal_ex(c, raw_out(out), nullptr) == 1;
  must(ok, "HMAC");
  return out;
}

Digest Hmac::mac(View message) const noexcept { return mac({message}); }

}  // namespace strongroom::crypto
