// The files of one segment as bytes: headers, frames, leaf hashes, checkpoint entries. Pure functions over
// what docs/formats/audit.md says; every parser is strict and total.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/disk.h"
#include "audit/merkle.h"
#include "audit/record.h"
#include "base/error.h"
#include "crypto/gcm.h"

namespace strongroom::audit {

constexpr std::size_t kHeaderSize = 32;
constexpr std::size_t kFrameHead = 8;
constexpr std::size_t kMostStored = 65'600;  // flags, the largest record, a tag
constexpr std::string_view kNextName = "next.log";
constexpr std::string_view kKeyName = "key.pub";
constexpr std::string_view kArchivedName = "archived";

enum class FileKind : std::uint8_t { log, leaves, checkpoints };
std::string segment_name(std::uint64_t segment, FileKind);
struct SegmentName {
  std::uint64_t segment = 0;
  FileKind kind = FileKind::log;
};
std::optional<SegmentName> parse_segment_name(std::string_view);

struct Header {
  std::uint64_t segment = 0;
  std::uint64_t first = 0;  // sequence of its first record
};
std::string header_bytes(FileKind, Header);
Result<Header> parse_header(FileKind, std::string_view);  // Code::corrupt; failed_precondition: newer version

enum Flag : std::uint8_t { kEncrypted = 1, kOpensGroup = 2 };

// What one frame holds. Views into the bytes it was parsed from.
struct Frame {
  std::string_view stored;  // flags and body
  std::uint8_t flags() const noexcept { return static_cast<std::uint8_t>(stored[0]); }
  std::string_view body() const noexcept { return stored.substr(1); }
  std::size_t size() const noexcept { return kFrameHead + stored.size(); }
};
enum class FrameEnd : std::uint8_t { none, end_of_data, cut_short, bad_length, bad_checksum, bad_flags };
struct FrameResult {
  FrameEnd fault = FrameEnd::none;
  Frame frame;  // also with bad_checksum and bad_flags
};
// The frame at the beginning of `bytes`, which stands at `offset` of the segment's file.
FrameResult parse_frame(std::string_view bytes, std::uint64_t segment, std::uint64_t offset);
// Fills in length and crc of the frame that starts at `start` of `out` and ends at its end.
void finish_frame(std::string& out, std::size_t start, std::uint64_t segment, std::uint64_t offset);
std::uint32_t frame_crc(std::uint64_t segment, std::uint64_t offset, std::string_view stored) noexcept;

// Encrypts and decrypts bodies of one segment.
class SegmentCipher {
 public:
  SegmentCipher(const Secret& key, std::string_view store_id, std::uint64_t segment);
  // Encrypts out[from..] in place and appends the tag.
  void seal_tail(std::string& out, std::size_t from, std::uint64_t index, std::uint8_t flags) const;
  Result<std::string> open(std::string_view body, std::uint64_t index, std::uint8_t flags) const;

 private:
  std::array<std::byte, 12> nonce(std::uint64_t index) const noexcept;
  crypto::Gcm gcm_;
  std::string aad_;  // store id, segment
};

struct CheckpointEntry {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  // where record `size` goes
  Frontier frontier;
  std::string note;
  std::uint64_t size() const noexcept { return frontier.size(); }
};
std::string entry_bytes(const CheckpointEntry&);
struct CheckpointFile {
  std::vector<CheckpointEntry> entries;
  std::size_t good = 0;  // bytes that parsed
  std::size_t size = 0;  // of the file
  bool sound = false;    // header
};
// Everything up to the first byte that does not parse.
CheckpointFile parse_checkpoints(std::uint64_t segment, std::string_view bytes);
// Only the last entry, without copying the others.
std::optional<CheckpointEntry> last_checkpoint(std::uint64_t segment, std::string_view bytes);

}  // namespace strongroom::audit
