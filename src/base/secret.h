// Secret: bytes that must not leak. Move-only, wiped, without stream, comparison or formatting. The bytes
// come out only through reveal(), so `grep Reveal::` is the review list.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace strongroom {

enum class Reveal : std::uint8_t {
  to_cipher,    // into an encryption, a MAC or a key schedule
  to_caller,    // into the reply of the caller who may have it
  to_upstream,  // into a system that the secret is for
  to_store,     // into a record that the barrier encrypts before it is written
  to_person,    // onto the terminal of the person who asked
};

// Wipes what it frees: for buffers that hold plaintext for a moment (bodies, records before encryption).
template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}
  T* allocate(std::size_t n) { return std::allocator<T>{}.allocate(n); }
  void deallocate(T* p, std::size_t n) noexcept {
    explicit_bzero(static_cast<void*>(p), n * sizeof(T));
    std::allocator<T>{}.deallocate(p, n);
  }
  template <class U>
  bool operator==(const WipingAllocator<U>&) const noexcept {
    return true;
  }
};
// A plaintext buffer. Short strings live inside the object, so wipe() it when it dies early.
using SecretText = std::basic_string<char, std::char_traits<char>, WipingAllocator<char>>;
inline std::string_view view(const SecretText& s) noexcept { return {s.data(), s.size()}; }
inline void wipe(SecretText& s) noexcept {
  if (s.capacity() != 0) explicit_bzero(s.data(), s.size());
  s.clear();
}
inline void wipe(std::string& s) noexcept {
  if (!s.empty()) explicit_bzero(s.data(), s.size());
  s.clear();
}
inline void wipe(Bytes& b) noexcept {
  if (!b.empty()) explicit_bzero(b.data(), b.size());  // nothing has no address
  b.clear();
}

class Secret {
 public:
  Secret() = default;
  static Secret copy_of(View bytes) {
    Secret s;
    s.bytes_.assign(bytes.begin(), bytes.end());
    return s;
  }
  static Secret copy_of(std::string_view text) { return copy_of(as_view(text)); }
  Secret(Secret&& o) noexcept : bytes_(std::exchange(o.bytes_, {})) {}
  Secret& operator=(Secret&& o) noexcept {
    if (this != &o) bytes_ = std::exchange(o.bytes_, {});
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() = default;

  View reveal(Reveal) const noexcept { return bytes_; }
  std::string_view reveal_text(Reveal) const noexcept { return as_text(bytes_); }
  Secret clone() const { return copy_of(View(bytes_)); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = delete;  // use crypto::equal(): constant time

 private:
  std::vector<std::byte, WipingAllocator<std::byte>> bytes_;  // never grows in place: no copy is left behind
};

}  // namespace strongroom
