#include "audit/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "audit/cursor.h"

namespace strongroom::audit {
namespace {

std::unexpected<Error> refuse(std::string why) { return fail(Code::corrupt, "audit log: " + std::move(why)); }

struct Files {
  std::set<std::uint64_t> logs, leaves, checkpoints;
};

Result<Files> list(const Disk& disk) {
  SR_LET(const std::vector<std::string> names, disk.names());
  Files f;
  for (const std::string& name : names) {
    const auto n = parse_segment_name(name);
    if (!n) continue;
    (n->kind == FileKind::log      ? f.logs
     : n->kind == FileKind::leaves ? f.leaves
                                   : f.checkpoints)
        .insert(n->segment);
  }
  return f;
}

// Whether a group begins anywhere in the file after `from`: proof that what stands before it was durable.
Result<bool> group_after(const DiskFile& file, std::uint64_t segment, std::uint64_t from) {
  constexpr std::size_t kStep = 1u << 20;
  constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  const std::size_t overlap = kFrameHead + kMostStored;
  for (std::uint64_t at = from;; at += kStep) {
    SR_LET(const std::string bytes, file.read(at, kStep + overlap));
    const std::string_view view = bytes;
    const std::size_t last = std::min(view.size(), kStep);
    for (std::size_t i = at == from ? 1 : 0; i < last; ++i) {
      if (view[i] != 0) continue;  // every length begins with a zero byte
      if (view.size() - i < kFrameHead + 1) break;
      if (view.size() - i >= 16 && view.substr(i, 16) == kZeros) {
        i += 12;  // a length may begin in the last three
        continue;
      }
      if (get_be(view.substr(i, 4)) == 0) continue;
      const FrameResult r = parse_frame(view.substr(i), segment, at + i);
      if (r.fault == FrameEnd::none && (r.frame.flags() & kOpensGroup) != 0) return true;
    }
    if (view.size() <= kStep) return false;
  }
}

// The last segment: what was kept is written once more, as pages whose sync failed look clean; then the cut.
Status settle(DiskFile& file, std::uint64_t from, std::uint64_t end) {
  constexpr std::size_t kStep = 1u << 20;
  for (std::uint64_t at = from; at < end;) {
    SR_LET(const std::string bytes,
           file.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(kStep, end - at))));
    if (bytes.empty()) break;
    SR_TRY(file.write(at, bytes));
    at += bytes.size();
  }
  SR_TRY(file.truncate(end));
  return file.sync();
}

Status rewrite_leaves(Disk& disk, Header header, std::uint64_t known, std::string_view fresh) {
  const std::uint64_t have = known - header.first;
  SR_LET(const auto file, disk.open(segment_name(header.segment, FileKind::leaves), Disk::Mode::create));
  SR_TRY(file->write(0, header_bytes(FileKind::leaves, header)));
  SR_TRY(file->write(kHeaderSize + have * sizeof(Hash), fresh));
  SR_TRY(file->truncate(kHeaderSize + have * sizeof(Hash) + fresh.size()));
  return file->sync();
}

}  // namespace

Result<Recovery> recover(Disk& disk) {
  SR_LET(const Files files, list(disk));
  Recovery out;
  if (files.logs.empty()) {
    // The leaves of the first segment alone: power failed while it was made.
    if (!files.checkpoints.empty() || (!files.leaves.empty() && *files.leaves.rbegin() > 1))
      return refuse("its segments are missing");
    return out;
  }
  out.last_segment = *files.logs.rbegin();
  if (!files.leaves.empty() && *files.leaves.rbegin() > out.last_segment + 1)
    return refuse(fmt::format("segment {} is missing", *files.leaves.rbegin()));
  for (std::uint64_t n = 1; n <= out.last_segment; ++n)
    if (!files.logs.contains(n) && !files.leaves.contains(n))
      return refuse(fmt::format("segment {} is missing", n));

  for (auto n = files.checkpoints.rbegin(); n != files.checkpoints.rend() && !out.checkpoint; ++n) {
    const std::string name = segment_name(*n, FileKind::checkpoints);
    SR_LET(const auto file, disk.open(name, Disk::Mode::existing));
    SR_LET(const std::uint64_t size, file->size());
    SR_LET(const std::string bytes, file->read(0, static_cast<std::size_t>(size)));
    CheckpointFile parsed = parse_checkpoints(*n, bytes);
    if (!parsed.entries.empty()) out.checkpoint = std::move(parsed.entries.back());
    // Torn while it was appended; the file is never appended to again. What is kept is written once more, as
    // pages whose sync failed look clean: one entry at most is in doubt.
    constexpr std::size_t kMostEntry = 8192;
    const std::size_t from = parsed.good > kMostEntry ? parsed.good - kMostEntry : 0;
    SR_TRY(file->write(from, std::string_view(bytes).substr(from, parsed.good - from)));
    SR_TRY(file->truncate(parsed.good));
    SR_TRY(file->sync());
  }

  std::uint64_t segment = out.checkpoint ? out.checkpoint->segment : *files.logs.begin();
  std::uint64_t offset = out.checkpoint ? out.checkpoint->offset : kHeaderSize;
  if (out.checkpoint) out.frontier = out.checkpoint->frontier;
  if (segment > out.last_segment)
    return refuse(fmt::format("segment {} is gone, but its checkpoint over {} records is here: rolled back",
                              segment, out.checkpoint->size()));
  // A checkpoint at the end of a segment that was archived since: go on with the next one.
  while (!files.logs.contains(segment)) {
    ++segment;
    offset = kHeaderSize;
  }

  for (; segment <= out.last_segment; ++segment, offset = kHeaderSize) {
    const bool last = segment == out.last_segment;
    const std::string name = segment_name(segment, FileKind::log);
    if (!files.logs.contains(segment)) return refuse(fmt::format("segment {} is missing", segment));
    SR_LET(const auto file, disk.open(name, Disk::Mode::existing));
    SR_LET(const std::string head, file->read(0, kHeaderSize));
    const auto header = parse_header(FileKind::log, head);
    if (!header) {
      if (header.error().code != Code::corrupt) return std::unexpected(header.error());
      return refuse(fmt::format("segment {}: its header does not verify", segment));
    }
    const std::uint64_t known = out.frontier.size();
    if (header->segment != segment ||
        (offset == kHeaderSize ? header->first != known : header->first > known))
      return refuse(
          fmt::format("segment {}: its header does not fit: {} records come before it", segment, known));
    SR_LET(const std::uint64_t size, file->size());
    if (size < offset)
      return refuse(
          fmt::format("segment {} is shorter than the newest checkpoint (over {} records) says: rolled back",
                      segment, known));

    FrameScanner scanner(*file, segment, offset);
    std::string fresh;
    while (true) {
      SR_LET(const FrameResult r, scanner.next());
      if (r.fault == FrameEnd::none) {
        const Hash leaf = leaf_hash(r.frame.stored);
        out.frontier.append(leaf);
        fresh.append(as_text(View(leaf)));
        continue;
      }
      const std::uint64_t end = scanner.offset();
      const auto damaged = [&] {
        return refuse(fmt::format("segment {}, record {} (sequence {}): damaged", segment,
                                  out.frontier.size() - header->first, out.frontier.size()));
      };
      if (!last) {
        if (r.fault != FrameEnd::end_of_data || end != size) return damaged();
        break;
      }
      SR_LET(const bool was_durable, group_after(*file, segment, end));
      if (was_durable) return damaged();
      if (r.fault != FrameEnd::end_of_data) out.cut = size - end;
      SR_TRY(settle(*file, offset, end));
      break;
    }
    SR_TRY(rewrite_leaves(disk, *header, known, fresh));
  }
  SR_TRY(disk.sync_names());
  return out;
}

}  // namespace strongroom::audit
