// AES-256-GCM (NIST SP 800-38D) with a 96-bit nonce that the caller guarantees never to repeat under the key.
// For random nonces take Xaes.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::crypto {

// Const calls may come from any thread.
class Gcm {
 public:
  static constexpr std::size_t kNonce = 12;
  static constexpr std::size_t kTag = 16;
  using Nonce = std::span<const std::byte, kNonce>;

  explicit Gcm(View key);  // 32 bytes; anything else aborts
  explicit Gcm(const Secret& key) : Gcm(key.reveal(Reveal::to_cipher)) {}
  Gcm(Gcm&&) noexcept;
  Gcm& operator=(Gcm&&) noexcept;
  ~Gcm();

  // `out` is as long as `plain` and the tag together, which follows the ciphertext; it may start at `plain`.
  void seal(Nonce, std::initializer_list<View> aad, View plain, std::span<std::byte> out) const noexcept;
  void seal(Nonce nonce, View aad, View plain, std::span<std::byte> out) const noexcept {
    seal(nonce, {aad}, plain, out);
  }
  // `out` is as long as `sealed` without its tag. Code::corrupt, and `out` wiped, when it does not verify.
  Status open(Nonce, std::initializer_list<View> aad, View sealed, std::span<std::byte> out) const;
  Status open(Nonce nonce, View aad, View sealed, std::span<std::byte> out) const {
    return open(nonce, {aad}, sealed, out);
  }

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace strongroom::crypto
