#include "crypto/openpgp_packets.h"

#include <algorithm>
#include <bit>

namespace strongroom::crypto::openpgp {
namespace {
constexpr std::string_view kBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kEnd = "-----END PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kSpace = " \t\r\n";

std::uint8_t u8(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }
std::string_view trimmed(std::string_view s) noexcept {
  const auto from = s.find_first_not_of(kSpace);
  if (from == s.npos) return {};
  return s.substr(from, s.find_last_not_of(kSpace) - from + 1);
}

std::optional<Bytes> from_wrapped_base64(std::string_view text) {
  std::string joined;
  joined.reserve(text.size());
  for (const char c : text)
    if (!kSpace.contains(c)) joined.push_back(c);
  return from_base64(joined);
}

// RFC 4880 section 6.1.
std::uint32_t crc24(View bytes) noexcept {
  std::uint32_t crc = 0xb704ce;
  for (const std::byte b : bytes) {
    crc ^= std::uint32_t{u8(b)} << 16;
    for (int i = 0; i < 8; ++i) {
      crc <<= 1;
      if ((crc & 0x1000000) != 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

Result<Bytes> from_armour(std::string_view text) {
  if (!text.starts_with(kBegin))
    return bad(text.find("PRIVATE KEY BLOCK") != text.npos
                   ? "PGP key: this is a private key; export the public key"
                   : "PGP key: the armour is not of a public key");
  if (!text.ends_with(kEnd)) return bad("PGP key: the armour does not end with its last line");
  text = text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size());
  // Headers ("Version: …") until an empty line; a block without headers may begin with the empty line.
  for (bool first = true;; first = false) {
    const auto end = text.find('\n');
    if (end == text.npos) return bad("PGP key: the armour has no empty line after its headers");
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line.empty() && !first) break;
    if (!line.empty() && (first || line.find(':') == line.npos))
      return bad("PGP key: the armour has a malformed header");
  }
  std::optional<Bytes> sum;
  const auto body = trimmed(text);
  const auto mark = body.rfind('\n');
  std::string_view lines = body;
  if (mark != body.npos && body.substr(mark + 1).starts_with('=')) {
    sum = from_base64(body.substr(mark + 2));
    if (!sum || sum->size() != 3) return bad("PGP key: the armour's checksum is malformed");
    lines = body.substr(0, mark);
  }
  auto bytes = from_wrapped_base64(lines);
  if (!bytes) return bad("PGP key: the armour is not valid base64");
  if (sum && get_be(as_text(View(*sum))) != crc24(*bytes))
    return bad("PGP key: the armour's checksum does not match");
  return *std::move(bytes);
}

// The length of a subpacket (RFC 4880 section 5.2.3.1).
std::optional<std::uint64_t> subpacket_length(Reader& in) noexcept {
  const auto first = in.number(1);
  if (!first || *first < 192) return first;
  if (*first == 255) return in.number(4);
  const auto second = in.number(1);
  if (!second) return std::nullopt;
  return ((*first - 192) << 8) + *second + 192;
}

enum class Place : std::uint8_t { hashed, unhashed };

bool read_subpackets(View area, Place place, Signature& out) {
  Reader in(area);
  bool has_time = false;
  while (!in.empty()) {
    const auto length = subpacket_length(in);
    if (!length || *length == 0) return false;
    const auto whole = in.take(*length);
    if (!whole) return false;
    const auto kind = u8(whole->front());
    const View value = whole->subspan(1);
    const auto type = static_cast<std::uint8_t>(kind & 0x7f);
    if (type == 16 && value.size() == 8 && out.issuer.empty()) out.issuer = value;
    if (type == 33 && value.size() == 21 && u8(value[0]) == 4) out.issuer = value.subspan(1);
    if (place == Place::unhashed) continue;
    const auto seconds = [&] { return static_cast<std::uint32_t>(get_be(as_text(value))); };
    switch (type) {
      case 2:
        if (value.size() != 4) return false;
        out.created = seconds();
        has_time = true;
        break;
      case 3:
        if (value.size() != 4) return false;
        out.lifetime = seconds();
        break;
      case 9:
        if (value.size() != 4) return false;
        out.key_lifetime = seconds();
        break;
      case 11:
        out.ciphers = value;
        break;
      case 27:
        out.key_flags = value.empty() ? std::uint8_t{0} : u8(value[0]);
        break;
      default:
        // Of the others those that change nothing here: exportable, trust, revocable, revokers, issuers,
        // preferences, primary user id, URI, user id of the signer, reason, features, embedded signature.
        constexpr std::uint64_t known = 1ull << 4 | 1ull << 5 | 1ull << 7 | 1ull << 12 | 1ull << 16 |
                                        1ull << 21 | 1ull << 22 | 1ull << 23 | 1ull << 24 | 1ull << 25 |
                                        1ull << 26 | 1ull << 28 | 1ull << 29 | 1ull << 30 | 1ull << 32 |
                                        1ull << 33;
        if ((kind & 0x80) != 0 && (type >= 64 || (known >> type & 1) == 0)) return false;
    }
  }
  return place == Place::unhashed || has_time;
}
}  // namespace

std::optional<std::uint64_t> Reader::number(std::size_t bytes) noexcept {
  const auto part = take(bytes);
  if (!part || bytes > 8) return std::nullopt;
  return get_be(as_text(*part));
}

std::optional<View> Reader::take(std::size_t bytes) noexcept {
  if (bytes > rest_.size()) return std::nullopt;
  const View out = rest_.first(bytes);
  rest_ = rest_.subspan(bytes);
  return out;
}

std::optional<View> Reader::mpi() noexcept {
  const auto bits = number(2);
  if (!bits || *bits > 16384) return std::nullopt;
  auto out = take((*bits + 7) / 8);
  if (!out) return std::nullopt;
  while (!out->empty() && out->front() == std::byte{0}) out = out->subspan(1);
  return out;
}

Result<Bytes> binary_key(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return bad("PGP key: is empty");
  if (text.size() > kMostText) return fail(Code::too_large, "PGP key: is longer than 512 KiB");
  if (text.starts_with("keybase:"))
    return bad("PGP key: keybase names are not looked up; give the key in base64 or armoured");
  if (text.starts_with("-----BEGIN ")) return from_armour(text);
  auto bytes = from_wrapped_base64(text);
  if (!bytes) return bad("PGP key: is neither base64 nor armoured");
  return *std::move(bytes);
}

Result<std::vector<Packet>> read_packets(View bytes) {
  const auto cut = [] { return bad("PGP key: a packet is cut short"); };
  std::vector<Packet> out;
  Reader in(bytes);
  while (!in.empty()) {
    if (out.size() == kMostPackets) return fail(Code::too_large, "PGP key: has more than 1,000 packets");
    const auto first = *in.number(1);
    if ((first & 0x80) == 0) return bad("PGP key: is not an OpenPGP key in binary form");
    std::uint8_t tag = 0;
    std::optional<std::uint64_t> length;
    if ((first & 0x40) != 0) {
      tag = static_cast<std::uint8_t>(first & 0x3f);
      length = in.number(1);
      if (length && *length >= 224 && *length < 255) return bad("PGP key: partial lengths are not accepted");
      if (length && *length == 255) {
        length = in.number(4);
      } else if (length && *length >= 192) {
        const auto second = in.number(1);
        if (!second) return cut();
        length = ((*length - 192) << 8) + *second + 192;
      }
    } else {
      tag = static_cast<std::uint8_t>(first >> 2 & 0xf);
      const auto kind = first & 3;
      if (kind == 3) return bad("PGP key: indeterminate lengths are not accepted");
      length = in.number(std::size_t{1} << kind);
    }
    const auto body = length ? in.take(*length) : std::nullopt;
    if (!body) return cut();
    if (tag == 0) return bad("PGP key: has a packet of a reserved kind");
    out.push_back({tag, *body});
  }
  return out;
}

std::optional<Signature> read_signature(View body) {
  Reader in(body);
  const auto version = in.number(1);
  const auto type = in.number(1);
  const auto algorithm = in.number(1);
  const auto hash = in.number(1);
  const auto hashed_length = in.number(2);
  if (!hashed_length || *version != 4) return std::nullopt;
  const auto hashed = in.take(*hashed_length);
  const auto unhashed_length = in.number(2);
  if (!hashed || !unhashed_length) return std::nullopt;
  const auto unhashed = in.take(*unhashed_length);
  const auto left = in.take(2);
  if (!unhashed || !left) return std::nullopt;
  Signature out;
  out.type = static_cast<std::uint8_t>(*type);
  out.algorithm = static_cast<std::uint8_t>(*algorithm);
  out.hash = static_cast<std::uint8_t>(*hash);
  out.hashed_part = body.first(6 + hashed->size());
  out.left = *left;
  out.mpis = in.rest();
  if (!read_subpackets(*hashed, Place::hashed, out) || !read_subpackets(*unhashed, Place::unhashed, out))
    return std::nullopt;
  return out;
}

void put_packet_header(std::string& out, std::uint8_t tag, std::size_t length) {
  out.push_back(static_cast<char>(0xc0 | tag));
  if (length < 192) {
    out.push_back(static_cast<char>(length));
  } else if (length < 8384) {
    out.push_back(static_cast<char>(((length - 192) >> 8) + 192));
    out.push_back(static_cast<char>(length - 192));
  } else {
    out.push_back(static_cast<char>(255));
    put_u32(out, static_cast<std::uint32_t>(length));
  }
}

void put_packet(std::string& out, std::uint8_t tag, std::string_view body) {
  put_packet_header(out, tag, body.size());
  out += body;
}

void put_mpi(std::string& out, View number) {
  while (!number.empty() && number.front() == std::byte{0}) number = number.subspan(1);
  const std::size_t bits =
      number.empty() ? 0 : number.size() * 8 - static_cast<std::size_t>(std::countl_zero(u8(number.front())));
  out.push_back(static_cast<char>(bits >> 8));
  out.push_back(static_cast<char>(bits));
  out += as_text(number);
}

}  // namespace strongroom::crypto::openpgp
