#include "barrier/record.h"

#include "base/bytes.h"

namespace strongroom::barrier {

Result<Record> Record::parse(std::string_view stored) {
  if (stored.size() < kHeaderSize + kTagSize) return fail(Code::corrupt, "a stored record is too short");
  if (static_cast<std::uint8_t>(stored[0]) != kRecordVersion)
    return fail(Code::corrupt, "a stored record has an unknown version");
  Record r;
  r.term = static_cast<std::uint32_t>(get_be(stored.substr(1, 4)));
  r.revision = get_be(stored.substr(5, 8));
  r.header = stored.substr(0, kHeaderSize);
  r.nonce = stored.substr(13, kNonceSize);
  r.sealed = stored.substr(kHeaderSize);
  r.tag = stored.substr(stored.size() - kTagSize);
  return r;
}

}  // namespace strongroom::barrier
