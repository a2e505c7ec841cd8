#include "audit/show.h"

#include "audit/disk.h"

namespace strongroom::audit {

Result<std::vector<StoredRecord>> read_records(const std::filesystem::path& directory,
                                               const SegmentKeys& keys, std::string_view store_id,
                                               std::uint64_t from, std::size_t limit) {
  SR_LET(const auto disk, RealDisk::existing(directory));
  RecordCursor cursor(
      *disk,
      [&](std::uint64_t segment) -> Result<RecordCursor::Keys> {
        SR_LET(Secret key, keys.segment_key(segment));
        return RecordCursor::Keys{std::move(key), std::string(store_id)};
      },
      [] { return RecordCursor::kWhateverIsThere; });
  return cursor.read(from, limit);
}

}  // namespace strongroom::audit
