// Records of a log that no server holds open: for tools that were given the keys. A running server asks
// Log::read instead.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "audit/cursor.h"
#include "audit/segment_keys.h"

namespace strongroom::audit {

Result<std::vector<StoredRecord>> read_records(const std::filesystem::path& directory, const SegmentKeys&,
                                               std::string_view store_id, std::uint64_t from,
                                               std::size_t limit);

}  // namespace strongroom::audit
