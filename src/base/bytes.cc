#include "base/bytes.h"

#include <algorithm>
#include <cmath>

namespace strongroom {
namespace {
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view k64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view k62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

template <std::size_t N>
constexpr std::array<std::int8_t, 256> reverse(const char (&alphabet)[N]) {
  std::array<std::int8_t, 256> t{};
  t.fill(-1);
  for (std::size_t i = 0; i + 1 < N; ++i)
    t[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return t;
}
constexpr auto kFrom64 = reverse("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
constexpr auto kFrom62 = reverse("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
constexpr auto kFrom16 = [] {
  auto t = reverse("0123456789abcdef");
  for (std::int8_t i = 0; i < 6; ++i)
    t[std::size_t{'A'} + static_cast<std::size_t>(i)] = static_cast<std::int8_t>(10 + i);
  return t;
}();
int at(const std::array<std::int8_t, 256>& t, char c) { return t[static_cast<std::uint8_t>(c)]; }
}  // namespace

std::string to_hex(View v) {
  std::string out;
  out.reserve(v.size() * 2);
  for (const std::byte b : v) {
    out.push_back(kHex[std::to_integer<std::size_t>(b >> 4)]);
    out.push_back(kHex[std::to_integer<std::size_t>(b & std::byte{15})]);
  }
  return out;
}

std::optional<Bytes> from_hex(std::string_view s) {
  if (s.size() % 2 != 0) return std::nullopt;
  Bytes out(s.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int hi = at(kFrom16, s[2 * i]);
    const int lo = at(kFrom16, s[2 * i + 1]);
    if (hi < 0 || lo < 0) return std::nullopt;
    out[i] = static_cast<std::byte>(hi << 4 | lo);
  }
  return out;
}

std::string to_base64(View v) {
  std::string out;
  out.reserve((v.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < v.size(); i += 3) {
    std::uint32_t n = 0;
    for (std::size_t j = 0; j < 3; ++j)
      n = n << 8 | (i + j < v.size() ? std::to_integer<std::uint32_t>(v[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j) out.push_back(i + j <= v.size() ? k64[n >> (18 - 6 * j) & 63] : '=');
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view s) {
  if (s.size() % 4 == 0)
    for (int i = 0; i < 2 && !s.empty() && s.back() == '='; ++i) s.remove_suffix(1);
  if (s.size() % 4 == 1) return std::nullopt;
  Bytes out;
  out.reserve(s.size() * 3 / 4);
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : s) {
    const int d = at(kFrom64, c);
    if (d < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(d);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out.push_back(static_cast<std::byte>(bits >> have));
    }
  }
  if ((bits & ((1u << have) - 1)) != 0) return std::nullopt;  // one spelling per value
  return out;
}

std::string to_base64url(View v) {
  auto text = to_base64(v);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<Bytes> from_base64url(std::string_view s) {
  if (s.find_first_of("+/=") != s.npos) return std::nullopt;
  std::string text(s);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  auto out = from_base64(text);
  explicit_bzero(text.data(), text.size());  // tokens come this way
  return out;
}

std::size_t base62_length(std::size_t bytes) noexcept {
  return static_cast<std::size_t>(std::ceil(static_cast<double>(bytes) * 8.0 / 5.954196310386875));
}

std::string to_base62(View v) {
  // Long division by 62^5 in 32-bit limbs; the values are short (tokens, accessors).
  std::vector<std::uint32_t> n((v.size() + 3) / 4, 0);
  for (std::size_t i = 0; i < v.size(); ++i) {
    const std::size_t from_end = v.size() - 1 - i;
    n[n.size() - 1 - from_end / 4] |= std::to_integer<std::uint32_t>(v[i]) << (8 * (from_end % 4));
  }
  std::string out(base62_length(v.size()), '0');
  constexpr std::uint32_t kStep = 62u * 62 * 62 * 62 * 62;
  std::size_t first = 0;
  for (std::size_t end = out.size(); end > 0;) {
    std::uint64_t rest = 0;
    for (std::size_t i = first; i < n.size(); ++i) {
      const std::uint64_t x = rest << 32 | n[i];
      n[i] = static_cast<std::uint32_t>(x / kStep);
      rest = x % kStep;
    }
    while (first < n.size() && n[first] == 0) ++first;
    for (int j = 0; j < 5 && end > 0; ++j, rest /= 62) out[--end] = k62[rest % 62];
  }
  return out;
}

std::optional<Bytes> from_base62(std::string_view s, std::size_t size) {
  if (s.size() != base62_length(size)) return std::nullopt;
  std::vector<std::uint32_t> n((size + 3) / 4 + 1, 0);
  for (const char c : s) {
    const int d = at(kFrom62, c);
    if (d < 0) return std::nullopt;
    std::uint64_t carry = static_cast<std::uint64_t>(d);
    for (std::size_t i = n.size(); i-- > 0;) {
      const std::uint64_t x = static_cast<std::uint64_t>(n[i]) * 62 + carry;
      n[i] = static_cast<std::uint32_t>(x);
      carry = x >> 32;
    }
    if (carry != 0) return std::nullopt;
  }
  Bytes out(size);
  for (std::size_t i = 0; i < n.size() * 4; ++i) {
    const auto b = static_cast<std::byte>(n[n.size() - 1 - i / 4] >> (8 * (i % 4)));
    if (i < size)
      out[size - 1 - i] = b;
    else if (b != std::byte{})
      return std::nullopt;
  }
  return out;
}

bool valid_utf8(std::string_view s) noexcept {
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<std::uint8_t>(s[i]);
    if (c < 0x80) {
      ++i;
      continue;
    }
    const std::size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || i + n > s.size()) return false;
    std::uint32_t v = c & (0x7fu >> n);
    for (std::size_t j = 1; j < n; ++j) {
      const auto d = static_cast<std::uint8_t>(s[i + j]);
      if ((d & 0xc0) != 0x80) return false;
      v = v << 6 | (d & 0x3fu);
    }
    if (n == 3 && (v < 0x800 || (v >= 0xd800 && v <= 0xdfff))) return false;
    if (n == 4 && (v < 0x10000 || v > 0x10ffff)) return false;
    i += n;
  }
  return true;
}

bool printable(std::string_view s) noexcept {
  struct Range {
    std::uint32_t first, last;
  };
  // Categories Cc, Cf, Co, Zl, Zp and Zs of Unicode 15, and its noncharacters below the second plane.
  static constexpr Range kUnprintable[] = {
      {0x80, 0xa0},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},
      {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},
      {0x2000, 0x200f},   {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},   {0xe000, 0xf8ff},
      {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd},
      {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f},
      {0xf0000, 0x10ffff}};
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<std::uint8_t>(s[i]);
    if (c < 0x80) {
      if (c < 0x20 || c == 0x7f) return false;
      ++i;
      continue;
    }
    const std::size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    std::uint32_t v = c & (0x7fu >> n);
    for (std::size_t j = 1; j < n && i + j < s.size(); ++j)
      v = v << 6 | (static_cast<std::uint8_t>(s[i + j]) & 0x3fu);
    const auto* const at = std::ranges::lower_bound(kUnprintable, v, {}, &Range::last);
    if (at != std::end(kUnprintable) && at->first <= v) return false;
    i += n;
  }
  return true;
}

}  // namespace strongroom
