// One block of AES-256 (FIPS 197) under a kept key: a permutation of 16 bytes, for locators. Not a way to
// encrypt data: equal blocks give equal results.
#pragma once
#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

// Const calls may come from any thread.
class AesBlock {
 public:
  using Block = std::array<std::byte, 16>;
  explicit AesBlock(View key);  // 32 bytes; anything else aborts
  explicit AesBlock(const Secret& key) : AesBlock(key.reveal(Reveal::to_cipher)) {}
  AesBlock(AesBlock&&) noexcept;
  AesBlock& operator=(AesBlock&&) noexcept;
  ~AesBlock();

  Block encrypt(const Block&) const noexcept;
  Block decrypt(const Block&) const noexcept;

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace strongroom::crypto
