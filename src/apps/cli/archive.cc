#include "apps/cli/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace strongroom::apps::cli {
namespace {

std::uint32_t crc32(std::string_view text) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb8'8320u ^ (c >> 1) : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  std::uint32_t c = 0xffff'ffffu;
  for (const char byte : text) c = table[(c ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (c >> 8);
  return ~c;
}

// Bits from the lowest upwards; codes from their highest bit (RFC 1951 section 3.1.1).
class Bits {
 public:
  explicit Bits(std::string& out) : out_(out) {}
  void put(std::uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bit((value >> i) & 1);
  }
  void code(std::uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) bit((value >> i) & 1);
  }
  void flush() {
    while (used_ != 0) bit(0);
  }

 private:
  void bit(std::uint32_t b) {
    byte_ = static_cast<std::uint8_t>(byte_ | b << used_);
    if (++used_ < 8) return;
    out_.push_back(static_cast<char>(byte_));
    byte_ = 0;
    used_ = 0;
  }
  std::string& out_;
  std::uint8_t byte_ = 0;
  unsigned used_ = 0;
};

struct Range {
  std::uint16_t base;
  std::uint8_t extra;
};
constexpr Range kLengths[] = {{3, 0},   {4, 0},   {5, 0},   {6, 0},   {7, 0},  {8, 0},  {9, 0},  {10, 0},
                              {11, 1},  {13, 1},  {15, 1},  {17, 1},  {19, 2}, {23, 2}, {27, 2}, {31, 2},
                              {35, 3},  {43, 3},  {51, 3},  {59, 3},  {67, 4}, {83, 4}, {99, 4}, {115, 4},
                              {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}};
constexpr Range kDistances[] = {{1, 0},     {2, 0},     {3, 0},     {4, 0},      {5, 1},      {7, 1},
                                {9, 2},     {13, 2},    {17, 3},    {25, 3},     {33, 4},     {49, 4},
                                {65, 5},    {97, 5},    {129, 6},   {193, 6},    {257, 7},    {385, 7},
                                {513, 8},   {769, 8},   {1025, 9},  {1537, 9},   {2049, 10},  {3073, 10},
                                {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}};

// The fixed code of a literal, a length or the end (RFC 1951 section 3.2.6).
void put_symbol(Bits& bits, std::uint32_t symbol) {
  if (symbol < 144)
    bits.code(0x30 + symbol, 8);
  else if (symbol < 256)
    bits.code(0x190 + symbol - 144, 9);
  else if (symbol < 280)
    bits.code(symbol - 256, 7);
  else
    bits.code(0xc0 + symbol - 280, 8);
}

std::size_t range_of(std::span<const Range> ranges, std::size_t value) {
  std::size_t i = ranges.size() - 1;
  while (ranges[i].base > value) --i;
  return i;
}

void put_match(Bits& bits, std::size_t length, std::size_t distance) {
  const std::size_t l = range_of(kLengths, length);
  put_symbol(bits, static_cast<std::uint32_t>(257 + l));
  bits.put(static_cast<std::uint32_t>(length - kLengths[l].base), kLengths[l].extra);
  const std::size_t d = range_of(kDistances, distance);
  bits.code(static_cast<std::uint32_t>(d), 5);
  bits.put(static_cast<std::uint32_t>(distance - kDistances[d].base), kDistances[d].extra);
}

void deflate(std::string& out, std::string_view text) {
  constexpr std::size_t window = 32768, longest = 258, shortest = 4, tries = 32;
  constexpr std::size_t slots = 1u << 15;
  constexpr auto none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> newest(slots, none), older(window, none);
  const auto slot = [&](std::size_t at) {
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < shortest; ++i) v = v << 8 | static_cast<std::uint8_t>(text[at + i]);
    return (v * 2654435761u) >> 17;
  };
  const auto remember = [&](std::size_t at) {
    if (at + shortest > text.size()) return;
    std::size_t& head = newest[slot(at)];
    older[at % window] = head;
    head = at;
  };
  Bits bits(out);
  bits.put(1, 1);  // the last block
  bits.put(1, 2);  // fixed codes
  for (std::size_t at = 0; at < text.size();) {
    std::size_t best = 0, distance = 0;
    if (at + shortest <= text.size()) {
      const std::size_t most = std::min(longest, text.size() - at);
      std::size_t from = newest[slot(at)];
      for (std::size_t i = 0; i < tries && from != none && at - from <= window - 1; ++i) {
        std::size_t n = 0;
        while (n < most && text[from + n] == text[at + n]) ++n;
        if (n > best) best = n, distance = at - from;
        const std::size_t next = older[from % window];
        if (next == none || next >= from) break;
        from = next;
      }
    }
    if (best < shortest) {
      put_symbol(bits, static_cast<std::uint8_t>(text[at]));
      remember(at++);
      continue;
    }
    put_match(bits, best, distance);
    for (std::size_t i = 0; i < best; ++i) remember(at++);
  }
  put_symbol(bits, 256);
  bits.flush();
}

void put_le32(std::string& out, std::uint32_t v) {
  for (int s = 0; s < 32; s += 8) out.push_back(static_cast<char>(v >> s));
}

// POSIX.1-1988 section 10.1.1, with "ustar" of 1990.
void put_header(std::string& out, std::string_view name, std::size_t size, char type, std::int64_t time) {
  std::string h(512, '\0');
  const auto set = [&](std::size_t at, std::string_view text) { text.copy(h.data() + at, text.size()); };
  set(0, name.substr(0, 100));
  set(100, type == '5' ? "0000700" : "0000600");
  set(108, "0000000");
  set(116, "0000000");
  set(124, fmt::format("{:011o}", size));
  set(136, fmt::format("{:011o}", time));
  set(148, "        ");
  h[156] = type;
  set(257, std::string_view("ustar\00000", 8));
  std::uint32_t sum = 0;
  for (const char c : h) sum += static_cast<std::uint8_t>(c);
  set(148, fmt::format("{:06o}", sum));
  h[154] = '\0';
  out += h;
}

}  // namespace

std::string gzip(std::string_view text) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  deflate(out, text);
  put_le32(out, crc32(text));
  put_le32(out, static_cast<std::uint32_t>(text.size()));
  return out;
}

std::string tar_gz(std::string_view folder, std::span<const ArchiveFile> files, std::int64_t time) {
  std::string tar;
  put_header(tar, std::string(folder) + "/", 0, '5', time);
  for (const ArchiveFile& f : files) {
    put_header(tar, fmt::format("{}/{}", folder, f.name), f.content.size(), '0', time);
    tar.append(view(f.content));
    tar.append((512 - tar.size() % 512) % 512, '\0');
  }
  tar.append(1024, '\0');
  return gzip(tar);
}

}  // namespace strongroom::apps::cli
