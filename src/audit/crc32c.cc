#include "audit/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace strongroom::audit {
namespace {

constexpr auto kTable = [] {
  std::array<std::uint32_t, 256> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1) != 0 ? 0x82f63b78u : 0u);
    t[i] = c;
  }
  return t;
}();

std::uint32_t by_table(std::uint32_t c, std::string_view s) noexcept {
  for (const char b : s) c = kTable[(c ^ static_cast<std::uint8_t>(b)) & 0xff] ^ (c >> 8);
  return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t c, std::string_view s) noexcept {
  std::uint64_t wide = c;
  for (; s.size() >= 8; s.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, s.data(), 8);
    wide = _mm_crc32_u64(wide, word);
  }
  c = static_cast<std::uint32_t>(wide);
  for (const char b : s) c = _mm_crc32_u8(c, static_cast<std::uint8_t>(b));
  return c;
}
#endif

}  // namespace

std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) noexcept {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
  if (fast) return ~by_instruction(~crc, bytes);
#endif
  return ~by_table(~crc, bytes);
}

}  // namespace strongroom::audit
