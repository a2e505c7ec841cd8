// Arithmetic in GF(2^8) with the polynomial of AES, and Shamir's scheme over it. No tables and no branches on
// secret bytes, so that timing and caches tell nothing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::seals::shamir {

std::uint8_t multiply(std::uint8_t, std::uint8_t) noexcept;
std::uint8_t inverse(std::uint8_t) noexcept;  // of 0: 0

// `shares` times secret.size() + 1 bytes, of which any `threshold` give the secret back. The last byte is the
// share's x coordinate. Code::invalid_argument unless 2 <= threshold <= shares <= 255 and the secret is not
// empty.
Result<std::vector<Secret>> split(View secret, unsigned shares, unsigned threshold, Random&);
// Any other number of shares, or a wrong one, gives other bytes: only the caller can tell.
// Code::invalid_argument for fewer than two, different lengths, or an x coordinate that is zero or there
// twice.
Result<Secret> combine(std::span<const Secret> shares);

}  // namespace strongroom::seals::shamir
