#include "audit/archive.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "audit/cursor.h"
#include "audit/disk.h"
#include "audit/segment.h"

namespace strongroom::audit {
namespace {

namespace fs = std::filesystem;

Result<std::string> whole(Disk& disk, const std::string& name) {
  SR_LET(const auto file, disk.open(name, Disk::Mode::read_only));
  SR_LET(const std::uint64_t size, file->size());
  return file->read(0, static_cast<std::size_t>(size));
}

Result<Header> header_of(Disk& disk, std::uint64_t segment, FileKind kind) {
  SR_LET(const auto file, disk.open(segment_name(segment, kind), Disk::Mode::read_only));
  SR_LET(const std::string head, file->read(0, kHeaderSize));
  return parse_header(kind, head);
}

// The hashes are all there and are those of the records.
Status fits(Disk& disk, std::uint64_t segment, std::uint64_t records) {
  const auto refuse = [&] {
    return fail(Code::corrupt,
                fmt::format("audit log: segment {} does not fit its hashes; run audit verify", segment));
  };
  SR_LET(const std::string leaves, whole(disk, segment_name(segment, FileKind::leaves)));
  if (leaves.size() != kHeaderSize + records * sizeof(Hash)) return refuse();
  SR_LET(const auto body, disk.open(segment_name(segment, FileKind::log), Disk::Mode::read_only));
  FrameScanner scanner(*body, segment, kHeaderSize);
  for (std::uint64_t i = 0; i < records; ++i) {
    SR_LET(const FrameResult r, scanner.next());
    if (r.fault != FrameEnd::none) return refuse();
    if (as_text(View(leaf_hash(r.frame.stored))) !=
        std::string_view(leaves).substr(kHeaderSize + i * sizeof(Hash), sizeof(Hash)))
      return refuse();
  }
  return {};
}

Status copy_durable(const fs::path& from, const fs::path& to_directory) {
  std::error_code error;
  fs::create_directories(to_directory, error);
  SR_LET(const auto source, RealDisk::existing(from.parent_path()));
  SR_LET(const auto target, RealDisk::existing(to_directory));
  const std::string name = from.filename().native();
  SR_LET(const std::string bytes, whole(*source, name));
  return replace_file(*target, name, bytes);
}

// An archived segment keeps its last checkpoint only.
Status thin(Disk& disk, std::uint64_t segment, Header header) {
  const std::string name = segment_name(segment, FileKind::checkpoints);
  SR_LET(const auto bytes, read_small(disk, name, SIZE_MAX));
  if (!bytes) return {};
  const auto last = last_checkpoint(segment, *bytes);
  if (!last) return {};
  return replace_file(disk, name, header_bytes(FileKind::checkpoints, header) + entry_bytes(*last));
}

}  // namespace

Result<Archivist> Archivist::of(std::string_view verifier_key, const Secret& signing_key) {
  SR_LET(auto verifier, VerifierKey::parse(verifier_key));
  Archivist a{std::move(verifier), crypto::Ed25519Key(signing_key)};
  if (a.key.public_key() != a.verifier.key)
    return fail(Code::failed_precondition, "audit log: the signing key is not the log's");
  return a;
}

Result<Archived> archive(const fs::path& directory, const Retention& retention, const Archivist& by) {
  SR_LET(const auto disk, RealDisk::existing(directory));
  SR_LET(const std::vector<std::string> names, disk->names());
  std::set<std::uint64_t> logs, checkpoints;
  for (const std::string& name : names)
    if (const auto n = parse_segment_name(name)) {
      if (n->kind == FileKind::log) logs.insert(n->segment);
      if (n->kind == FileKind::checkpoints) checkpoints.insert(n->segment);
    }
  std::optional<CheckpointEntry> newest;
  for (auto n = checkpoints.rbegin(); n != checkpoints.rend() && !newest; ++n) {
    SR_LET(const std::string bytes, whole(*disk, segment_name(*n, FileKind::checkpoints)));
    newest = last_checkpoint(*n, bytes);
  }
  const std::uint64_t least = std::min({retention.before, retention.exported, newest ? newest->size() : 0});

  Archived out;
  while (logs.size() > 1) {  // the last one is being written
    const std::uint64_t segment = *logs.begin();
    SR_LET(const Header header, header_of(*disk, segment, FileKind::log));
    SR_LET(const Header next, header_of(*disk, *std::next(logs.begin()), FileKind::log));
    out.first_kept = header.first;
    if (next.first > least || segment >= newest->segment) break;
    const fs::path body = directory / segment_name(segment, FileKind::log);
    if (retention.older_than) {
      struct stat st{};
      if (::stat(body.c_str(), &st) != 0) break;
      const WallTime written(Seconds(st.st_mtim.tv_sec) + Nanoseconds(st.st_mtim.tv_nsec));
      if (written >= *retention.older_than) break;
    }
    SR_TRY(fits(*disk, segment, next.first - header.first));
    std::error_code error;
    const auto size = fs::file_size(body, error);
    if (!retention.destination.empty()) SR_TRY(copy_durable(body, retention.destination));
    // First the marker: a stop in between leaves one that says too much about a body that is still there.
    SR_TRY(replace_file(*disk, std::string(kArchivedName), sign_archived(by.verifier, by.key, next.first)));
    SR_TRY(disk->remove(segment_name(segment, FileKind::log)));
    SR_TRY(disk->sync_names());
    SR_TRY(thin(*disk, segment, header));
    out.segments.push_back(segment);
    out.bytes += size;
    out.first_kept = next.first;
    logs.erase(logs.begin());
  }
  return out;
}

}  // namespace strongroom::audit
