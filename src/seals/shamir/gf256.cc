#include "seals/shamir/gf256.h"

#include <array>
#include <bitset>

namespace strongroom::seals::shamir {
namespace {
using WipedBytes = std::vector<std::byte, WipingAllocator<std::byte>>;

std::uint8_t u8(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }

// 1 to 255 in random order; x coordinates are public, their order is not worth a bias.
std::array<std::uint8_t, 255> coordinates(Random& random) {
  std::array<std::uint8_t, 255> x{};
  for (unsigned i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i + 1);
  for (unsigned left = 255; left > 1; --left) {
    std::byte b{};
    do random.fill({&b, 1});
    while (u8(b) >= 256 / left * left);
    std::swap(x[left - 1], x[u8(b) % left]);
  }
  return x;
}
}  // namespace

std::uint8_t multiply(std::uint8_t a, std::uint8_t b) noexcept {
  unsigned product = 0;
  unsigned x = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= x & (0u - ((unsigned{b} >> bit) & 1u));
    x = (x << 1) ^ (0x11bu & (0u - (x >> 7)));
  }
  return static_cast<std::uint8_t>(product);
}

std::uint8_t inverse(std::uint8_t a) noexcept {
  // a^254 by squaring: 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128.
  std::uint8_t square = multiply(a, a);
  std::uint8_t result = square;
  for (int i = 0; i < 6; ++i) {
    square = multiply(square, square);
    result = multiply(result, square);
  }
  return result;
}

Result<std::vector<Secret>> split(View secret, unsigned shares, unsigned threshold, Random& random) {
  if (secret.empty()) return fail(Code::invalid_argument, "there is nothing to split");
  if (threshold < 2 || threshold > shares || shares > 255)
    return fail(Code::invalid_argument,
                "the threshold must be at least 2 and at most the number of shares, of which "
                "there are at most 255");
  const auto x = coordinates(random);
  // One polynomial for each byte; coefficient 0 is the secret.
  WipedBytes coefficients((threshold - 1) * secret.size());
  random.fill(coefficients);
  std::vector<Secret> out;
  for (unsigned s = 0; s < shares; ++s) {
    WipedBytes share(secret.size() + 1);
    for (std::size_t i = 0; i < secret.size(); ++i) {
      std::uint8_t y = 0;
      for (std::size_t c = threshold - 1; c-- > 0;)
        y = multiply(static_cast<std::uint8_t>(y ^ u8(coefficients[c * secret.size() + i])), x[s]);
      share[i] = static_cast<std::byte>(y) ^ secret[i];
    }
    share.back() = static_cast<std::byte>(x[s]);
    out.push_back(Secret::copy_of(View(share)));
  }
  return out;
}

Result<Secret> combine(std::span<const Secret> shares) {
  if (shares.size() < 2) return fail(Code::invalid_argument, "at least two shares are needed");
  const std::size_t size = shares[0].size();
  std::bitset<256> seen;
  seen.set(0);
  for (const Secret& s : shares) {
    if (s.size() != size || size < 2)
      return fail(Code::invalid_argument, "the shares have different lengths");
    const std::uint8_t x = u8(s.reveal(Reveal::to_cipher).back());
    if (seen.test(x)) return fail(Code::invalid_argument, "the shares do not belong together");
    seen.set(x);
  }
  WipedBytes out(size - 1);
  for (std::size_t j = 0; j < shares.size(); ++j) {
    // Lagrange's basis at 0: the product of x_m / (x_m - x_j) over the others.
    const View share = shares[j].reveal(Reveal::to_cipher);
    std::uint8_t basis = 1;
    for (std::size_t m = 0; m < shares.size(); ++m) {
      if (m == j) continue;
      const std::uint8_t xm = u8(shares[m].reveal(Reveal::to_cipher).back());
      basis = multiply(basis, multiply(xm, inverse(static_cast<std::uint8_t>(xm ^ u8(share.back())))));
    }
    for (std::size_t i = 0; i + 1 < size; ++i)
      out[i] ^= static_cast<std::byte>(multiply(basis, u8(share[i])));
  }
  return Secret::copy_of(View(out));
}

}  // namespace strongroom::seals::shamir
