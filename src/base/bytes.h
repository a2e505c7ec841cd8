// Byte strings: the types, the encodings of the wire (hex, base64, base62) and big-endian numbers for keys.
// Encoders and decoders are strict: one spelling per value, anything else is refused.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strongroom {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

inline View as_view(std::string_view s) noexcept { return std::as_bytes(std::span(s.data(), s.size())); }
inline std::string_view as_text(View v) noexcept {
  return {reinterpret_cast<const char*>(v.data()), v.size()};
}
inline Bytes as_bytes_copy(std::string_view s) {
  const View v = as_view(s);
  return {v.begin(), v.end()};
}

std::string to_hex(View);                            // lower case
std::optional<Bytes> from_hex(std::string_view);     // either case, even length
std::string to_base64(View);                         // RFC 4648 section 4, padded
std::optional<Bytes> from_base64(std::string_view);  // padded or not, no white space
std::string to_base64url(View);  // RFC 4648 section 5, without padding (RFC 7515 section 2)
std::optional<Bytes> from_base64url(std::string_view);  // that spelling alone: no padding, no + and /
std::string to_base62(View);                            // 0-9A-Za-z; fixed length for a given size
std::optional<Bytes> from_base62(std::string_view, std::size_t size);  // exactly `size` bytes, or nothing
std::size_t base62_length(std::size_t bytes) noexcept;

// Big-endian, so that byte order is numeric order in keys.
inline void put_u32(std::string& out, std::uint32_t v) {
  for (int s = 24; s >= 0; s -= 8) out.push_back(static_cast<char>(v >> s));
}
inline void put_u64(std::string& out, std::uint64_t v) {
  for (int s = 56; s >= 0; s -= 8) out.push_back(static_cast<char>(v >> s));
}
inline std::uint64_t get_be(std::string_view s) noexcept {  // at most 8 bytes
  std::uint64_t v = 0;
  for (const char c : s) v = v << 8 | static_cast<std::uint8_t>(c);
  return v;
}

bool valid_utf8(std::string_view) noexcept;  // RFC 3629: no surrogates, no overlong forms
// Of valid UTF-8: no character that shows nothing, or shows the others otherwise than they stand: controls,
// format and private characters, every space but " ".
bool printable(std::string_view text) noexcept;

}  // namespace strongroom
