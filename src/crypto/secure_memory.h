// Where keys live: pages that are locked in memory, left out of core dumps and wiped. Key is 32 such bytes.
#pragma once
#include <array>
#include <cstddef>
#include <utility>

#include "base/bytes.h"
#include "base/env.h"
#include "base/secret.h"

namespace strongroom::crypto {

// No core dumps and no ptrace by other processes of the same user, from now on. Call first in main(). False
// when the system refused.
bool forbid_core_dumps() noexcept;

// Move-only; wiped when it dies. Does not compare, print or copy; clone() says so when a copy is meant.
class Key {
 public:
  static constexpr std::size_t kSize = 32;
  Key() = default;                 // no key
  static Key copy_of(View bytes);  // 32 bytes; anything else aborts
  static Key copy_of(const Secret& s) { return copy_of(s.reveal(Reveal::to_cipher)); }
  static Key random(Random&);
  Key(Key&& o) noexcept : bytes_(std::exchange(o.bytes_, nullptr)) {}
  Key& operator=(Key&& o) noexcept {
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key();

  explicit operator bool() const noexcept { return bytes_ != nullptr; }
  View reveal(Reveal) const noexcept { return bytes_ ? View(bytes_, kSize) : View{}; }
  Key clone() const { return bytes_ ? copy_of(View(bytes_, kSize)) : Key{}; }
  friend bool operator==(const Key&, const Key&) = delete;  // use equal()

 private:
  std::byte* bytes_ = nullptr;
};

// Whether the pages of keys are really locked: false when RLIMIT_MEMLOCK was too small. For the start-up log.
bool key_pages_locked() noexcept;

}  // namespace strongroom::crypto
