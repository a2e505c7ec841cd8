#include "audit/segment.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "audit/checkpoint.h"
#include "audit/crc32c.h"

namespace strongroom::audit {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kNameDigits = 10;
constexpr std::size_t kMostEntry = 8192;

std::string_view magic(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::log:
      return "SRAUDIT\n";
    case FileKind::leaves:
      return "SRLEAVES";
    case FileKind::checkpoints:
      break;
  }
  return "SRCHECKS";
}
std::string_view extension(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::log:
      return ".log";
    case FileKind::leaves:
      return ".leaves";
    case FileKind::checkpoints:
      break;
  }
  return ".checkpoints";
}

void set_u32(char* at, std::uint32_t v) noexcept {
  for (int i = 3; i >= 0; --i, v >>= 8) at[i] = static_cast<char>(v);
}
void set_u64(char* at, std::uint64_t v) noexcept {
  for (int i = 7; i >= 0; --i, v >>= 8) at[i] = static_cast<char>(v);
}

std::optional<CheckpointEntry> parse_entry(std::string_view payload) {
  if (payload.size() < 24) return std::nullopt;
  CheckpointEntry e;
  e.segment = get_be(payload.substr(0, 8));
  e.offset = get_be(payload.substr(8, 8));
  const std::uint64_t size = get_be(payload.substr(16, 8));
  const std::size_t hashes = Frontier::bytes_for(size);
  if (payload.size() < 24 + hashes) return std::nullopt;
  auto frontier = Frontier::parse(size, payload.substr(24, hashes));
  if (!frontier) return std::nullopt;
  e.frontier = *frontier;
  e.note = payload.substr(24 + hashes);
  const auto claim = parse_checkpoint(e.note);
  if (!claim || claim->size != size || claim->root != e.frontier.root()) return std::nullopt;
  return e;
}

// Calls visit(payload) for each framed payload; returns the bytes that were good.
template <class Visit>
std::size_t each_payload(std::string_view bytes, Visit visit) {
  std::size_t at = kHeaderSize;
  while (bytes.size() - at >= 8) {
    const std::size_t length = get_be(bytes.substr(at, 4));
    if (length == 0 || length > kMostEntry || bytes.size() - at - 8 < length) break;
    const std::string_view payload = bytes.substr(at + 8, length);
    if (crc32c(0, payload) != get_be(bytes.substr(at + 4, 4)) || !visit(payload)) break;
    at += 8 + length;
  }
  return at;
}

bool has_header(FileKind kind, std::uint64_t segment, std::string_view bytes) {
  if (bytes.size() < kHeaderSize) return false;
  const auto header = parse_header(kind, bytes.substr(0, kHeaderSize));
  return header && header->segment == segment;
}

}  // namespace

std::string segment_name(std::uint64_t segment, FileKind kind) {
  return fmt::format("segment-{:010}{}", segment, extension(kind));
}

std::optional<SegmentName> parse_segment_name(std::string_view name) {
  constexpr std::string_view kPrefix = "segment-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot < kNameDigits) return std::nullopt;
  SegmentName out;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, out.segment);
  if (error != std::errc{} || end != name.data() + dot || out.segment == 0) return std::nullopt;
  for (const FileKind kind : {FileKind::log, FileKind::leaves, FileKind::checkpoints})
    if (name.substr(dot) == extension(kind)) {
      out.kind = kind;
      if (segment_name(out.segment, kind).substr(kPrefix.size()) == name) return out;
    }
  return std::nullopt;
}

std::string header_bytes(FileKind kind, Header h) {
  std::string s(magic(kind));
  put_u32(s, kVersion);
  put_u64(s, h.segment);
  put_u64(s, h.first);
  put_u32(s, crc32c(0, s));
  return s;
}

Result<Header> parse_header(FileKind kind, std::string_view s) {
  if (s.size() != kHeaderSize) return fail(Code::corrupt, "audit log: a header is cut short");
  if (s.substr(0, 8) != magic(kind)) return fail(Code::corrupt, "audit log: a header of another kind");
  if (crc32c(0, s.substr(0, 28)) != get_be(s.substr(28, 4)))
    return fail(Code::corrupt, "audit log: a header is damaged");
  if (get_be(s.substr(8, 4)) != kVersion)
    return fail(Code::failed_precondition,
                "audit log: a segment of a version that this server does not know");
  return Header{get_be(s.substr(12, 8)), get_be(s.substr(20, 8))};
}

std::uint32_t frame_crc(std::uint64_t segment, std::uint64_t offset, std::string_view stored) noexcept {
  char head[20];
  set_u64(head, segment);
  set_u64(head + 8, offset);
  set_u32(head + 16, static_cast<std::uint32_t>(stored.size()));
  return crc32c(crc32c(0, {head, sizeof head}), stored);
}

FrameResult parse_frame(std::string_view bytes, std::uint64_t segment, std::uint64_t offset) {
  FrameResult r;
  if (bytes.empty()) {
    r.fault = FrameEnd::end_of_data;
    return r;
  }
  if (bytes.size() < 4) {
    r.fault = FrameEnd::cut_short;
    return r;
  }
  const std::uint64_t length = get_be(bytes.substr(0, 4));
  if (length == 0) {
    r.fault = FrameEnd::end_of_data;
    return r;
  }
  if (length > kMostStored) {
    r.fault = FrameEnd::bad_length;
    return r;
  }
  if (bytes.size() < kFrameHead + length) {
    r.fault = FrameEnd::cut_short;
    return r;
  }
  r.frame.stored = bytes.substr(kFrameHead, length);
  if (frame_crc(segment, offset, r.frame.stored) != get_be(bytes.substr(4, 4)))
    r.fault = FrameEnd::bad_checksum;
  else if ((r.frame.flags() & ~(kEncrypted | kOpensGroup)) != 0)
    r.fault = FrameEnd::bad_flags;
  return r;
}

void finish_frame(std::string& out, std::size_t start, std::uint64_t segment, std::uint64_t offset) {
  const std::string_view stored = std::string_view(out).substr(start + kFrameHead);
  const std::uint32_t crc = frame_crc(segment, offset, stored);
  set_u32(out.data() + start, static_cast<std::uint32_t>(stored.size()));
  set_u32(out.data() + start + 4, crc);
}

SegmentCipher::SegmentCipher(const Secret& key, std::string_view store_id, std::uint64_t segment)
    : gcm_(key), aad_(store_id) {
  put_u64(aad_, segment);
}

std::array<std::byte, 12> SegmentCipher::nonce(std::uint64_t index) const noexcept {
  std::array<std::byte, 12> n{};
  for (std::size_t i = 12; i-- > 4; index >>= 8) n[i] = static_cast<std::byte>(index);
  return n;
}

void SegmentCipher::seal_tail(std::string& out, std::size_t from, std::uint64_t index,
                              std::uint8_t flags) const {
  const std::size_t plain = out.size() - from;
  out.resize(out.size() + crypto::Gcm::kTag);
  const auto all = std::as_writable_bytes(std::span(out)).subspan(from);
  const std::byte flag{flags};
  gcm_.seal(nonce(index), {as_view(aad_), View(&flag, 1)}, all.first(plain), all);
}

Result<std::string> SegmentCipher::open(std::string_view body, std::uint64_t index,
                                        std::uint8_t flags) const {
  if (body.size() < crypto::Gcm::kTag) return fail(Code::corrupt, "audit log: a record is too short");
  std::string plain(body.size() - crypto::Gcm::kTag, '\0');
  const std::byte flag{flags};
  SR_TRY(gcm_.open(nonce(index), {as_view(aad_), View(&flag, 1)}, as_view(body),
                   std::as_writable_bytes(std::span(plain))));
  return plain;
}

std::string entry_bytes(const CheckpointEntry& e) {
  std::string payload;
  put_u64(payload, e.segment);
  put_u64(payload, e.offset);
  put_u64(payload, e.size());
  payload += e.frontier.bytes();
  payload += e.note;
  std::string out;
  put_u32(out, static_cast<std::uint32_t>(payload.size()));
  put_u32(out, crc32c(0, payload));
  return out + payload;
}

CheckpointFile parse_checkpoints(std::uint64_t segment, std::string_view bytes) {
  CheckpointFile out;
  out.size = bytes.size();
  out.sound = has_header(FileKind::checkpoints, segment, bytes);
  if (!out.sound) return out;
  out.good = each_payload(bytes, [&](std::string_view payload) {
    auto entry = parse_entry(payload);
    if (!entry) return false;
    out.entries.push_back(std::move(*entry));
    return true;
  });
  return out;
}

std::optional<CheckpointEntry> last_checkpoint(std::uint64_t segment, std::string_view bytes) {
  if (!has_header(FileKind::checkpoints, segment, bytes)) return std::nullopt;
  std::string_view last;
  each_payload(bytes, [&](std::string_view payload) {
    last = payload;
    return true;
  });
  return last.empty() ? std::nullopt : parse_entry(last);
}

}  // namespace strongroom::audit
