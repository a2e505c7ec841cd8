#include "audit/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace strongroom::audit {
namespace {
constexpr std::size_t kWindow = 1u << 20;
}

Result<FrameResult> FrameScanner::next() {
  FrameResult r = parse_frame(window(), segment_, offset_);
  if (r.fault != FrameEnd::none) {  // the buffer may end here, or be older than what was appended since
    SR_LET(buffer_, file_.read(offset_, kWindow));
    start_ = offset_;
    r = parse_frame(window(), segment_, offset_);
  }
  if (r.fault == FrameEnd::none) offset_ += r.frame.size();
  return r;
}

struct RecordCursor::Place {
  std::uint64_t segment = 0;
  std::uint64_t sequence = 0;  // of the next frame
  std::uint64_t index = 0;     // the same in its segment
  std::unique_ptr<DiskFile> file;
  std::optional<FrameScanner> scanner;
  std::optional<SegmentCipher> cipher;  // fetched at the first encrypted record
};

RecordCursor::RecordCursor(Disk& disk, KeysOf keys_of, EndOf end_of)
    : disk_(disk), keys_of_(std::move(keys_of)), end_of_(std::move(end_of)) {}
RecordCursor::~RecordCursor() = default;

Status RecordCursor::enter(std::uint64_t segment) {
  auto place = std::make_unique<Place>();
  SR_LET(place->file, disk_.open(segment_name(segment, FileKind::log), Disk::Mode::read_only));
  SR_LET(const std::string head, place->file->read(0, kHeaderSize));
  SR_LET(const Header header, parse_header(FileKind::log, head));
  place->segment = segment;
  place->sequence = header.first;
  place->scanner.emplace(*place->file, segment, kHeaderSize);
  place_ = std::move(place);
  return {};
}

Result<std::optional<std::uint64_t>> RecordCursor::segment_after(std::uint64_t segment) const {
  SR_LET(const std::vector<std::string> names, disk_.names());
  std::optional<std::uint64_t> best;
  for (const std::string& name : names)
    if (const auto n = parse_segment_name(name); n && n->kind == FileKind::log && n->segment > segment)
      if (!best || n->segment < *best) best = n->segment;
  return best;
}

// Enters the last segment that begins at or before the sequence, or the first there is.
Status RecordCursor::seek(std::uint64_t sequence) {
  if (place_ && place_->sequence == sequence) return {};
  place_.reset();
  SR_LET(const std::vector<std::string> names, disk_.names());
  std::vector<std::uint64_t> segments;
  for (const std::string& name : names)
    if (const auto n = parse_segment_name(name); n && n->kind == FileKind::log)
      segments.push_back(n->segment);
  std::ranges::sort(segments);
  // Binary search over the headers: few reads however long the log is.
  std::size_t low = 0;
  for (std::size_t high = segments.size(); high - low > 1;) {
    const std::size_t middle = (low + high) / 2;
    SR_TRY(enter(segments[middle]));
    (place_->sequence <= sequence ? low : high) = middle;
  }
  if (segments.empty()) return {};
  return enter(segments[low]);
}

Result<std::vector<StoredRecord>> RecordCursor::read(std::uint64_t from, std::size_t limit) {
  std::vector<StoredRecord> out;
  const std::uint64_t end = end_of_();
  if (from >= end) return out;
  SR_TRY(seek(from));
  while (place_ && out.size() < limit && place_->sequence < end) {
    Place& p = *place_;
    const auto damaged = [&](std::string_view why) {
      return fail(Code::corrupt, fmt::format("audit log: segment {}, record {} (sequence {}): {}", p.segment,
                                             p.index, p.sequence, why));
    };
    SR_LET(const FrameResult r, p.scanner->next());
    if (r.fault == FrameEnd::end_of_data) {
      SR_LET(const auto next, segment_after(p.segment));
      if (!next && end == kWhateverIsThere) break;
      if (!next) return damaged("missing");
      SR_TRY(enter(*next));
      continue;
    }
    if (r.fault != FrameEnd::none) return damaged("does not verify");
    const std::uint64_t sequence = p.sequence++;
    const std::uint64_t index = p.index++;
    if (sequence < from) continue;
    std::string plain;
    std::string_view body = r.frame.body();
    if ((r.frame.flags() & kEncrypted) != 0) {
      auto opened = [&]() -> Result<std::string> {
        if (!p.cipher) {
          SR_LET(const Keys keys, keys_of_(p.segment));
          p.cipher.emplace(keys.segment_key, keys.store_id, p.segment);
        }
        return p.cipher->open(body, index, r.frame.flags());
      }();
      if (!opened) {
        const Code code = opened.error().code;
        place_.reset();
        if (code == Code::corrupt)
          return fail(Code::corrupt, fmt::format("audit log: sequence {} does not decrypt", sequence));
        if (!out.empty()) return out;
        return std::unexpected(std::move(opened).error());
      }
      plain = *std::move(opened);
      body = plain;
    }
    auto record = decode(body);
    if (!record) {
      place_.reset();
      return fail(Code::corrupt, fmt::format("audit log: sequence {}: {}", sequence, record.error().message));
    }
    out.push_back({sequence, p.segment, *std::move(record)});
  }
  return out;
}

}  // namespace strongroom::audit
