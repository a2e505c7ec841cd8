// SHA-256 (FIPS 180-4) with the method fetched once and a context kept per thread.
#pragma once
#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace strongroom::crypto {

using Digest = std::array<std::byte, 32>;

Digest sha256(View) noexcept;
Digest sha256(std::initializer_list<View> parts) noexcept;
inline std::string_view as_text(const Digest& d) noexcept { return strongroom::as_text(View(d)); }

// Streaming. One thread at a time; finish() makes it ready for the next message.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(View) noexcept;
  Digest finish() noexcept;

 private:
  evp_md_ctx_st* context_;
};

}  // namespace strongroom::crypto
