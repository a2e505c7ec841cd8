// CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells a torn write from a whole one. Proves nothing against
// people; the tree does.
#pragma once
#include <cstdint>
#include <string_view>

namespace strongroom::audit {

// Continues from `crc`, which is 0 at the beginning.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) noexcept;

}  // namespace strongroom::audit
