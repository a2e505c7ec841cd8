// Comparison in time that depends on the lengths only.
#pragma once
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

bool equal(View, View) noexcept;
inline bool equal(std::string_view a, std::string_view b) noexcept { return equal(as_view(a), as_view(b)); }
inline bool equal(const Secret& a, const Secret& b) noexcept {
  return equal(a.reveal(Reveal::to_cipher), b.reveal(Reveal::to_cipher));
}

}  // namespace strongroom::crypto
