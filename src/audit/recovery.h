// What a start of the log finds on disk: reads what follows the newest checkpoint, cuts a torn tail that was
// never acknowledged, refuses damage and roll-backs. Needs no key.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "audit/disk.h"
#include "audit/merkle.h"
#include "audit/segment.h"
#include "base/error.h"

namespace strongroom::audit {

struct Recovery {
  Frontier frontier;
  std::uint64_t last_segment = 0;             // 0: a new log
  std::optional<CheckpointEntry> checkpoint;  // the newest
  std::uint64_t cut = 0;                      // bytes of a torn tail
};

Result<Recovery> recover(Disk&);

}  // namespace strongroom::audit
