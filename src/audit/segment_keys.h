// What the audit log asks of the core while unsealed: keys, never derived here.
#pragma once
#include <cstdint>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::audit {

class SegmentKeys {
 public:
  virtual ~SegmentKeys() = default;
  virtual Result<Secret> segment_key(std::uint64_t segment) const = 0;  // 32 bytes
  virtual Result<Secret> signing_key() const = 0;                       // Ed25519 seed, 32 bytes
};

}  // namespace strongroom::audit
