// The format record: the one record that is read before any key is known. A newer version is refused.
#pragma once
#include <string>
#include <string_view>

#include "barrier/seal.h"
#include "base/error.h"

namespace strongroom::barrier {

struct FormatRecord {
  static constexpr std::uint16_t kVersion = 1;
  std::string store_id;  // 16 bytes
  SealConfig seal;
  std::string wrapped_root;

  std::string encode() const;
  // Code::failed_precondition: written by a newer program. Code::corrupt: damaged.
  static Result<FormatRecord> decode(std::string_view);
};

}  // namespace strongroom::barrier
