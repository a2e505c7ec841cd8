// The layout of an encrypted record: header, ciphertext, tag (docs/formats/barrier.md). Knows no keys.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/store.h"

namespace strongroom::barrier {

inline constexpr std::uint8_t kRecordVersion = 1;
inline constexpr std::size_t kNonceSize = 24;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kHeaderSize = 1 + 4 + 8 + kNonceSize;

// Views into a stored value; unauthenticated until the record has been opened.
struct Record {
  std::uint32_t term = 0;
  store::Revision revision = 0;
  std::string_view header;  // all 37 bytes
  std::string_view nonce;
  std::string_view sealed;  // ciphertext and tag
  std::string_view tag;

  static Result<Record> parse(std::string_view stored);  // Code::corrupt
};

}  // namespace strongroom::barrier
