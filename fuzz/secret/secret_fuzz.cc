// Arbitrary bytes as records of a versioned secret. What decodes must encode to the same value, and one
// version found alone must be the one in the table.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "secret/record.h"

namespace {
using namespace strongroom;

void check(bool holds) {
  if (!holds) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view record(reinterpret_cast<const char*>(bytes), size);
  if (const auto m = secret::decode_metadata(record)) {
    const auto again = secret::decode_metadata(view(secret::encode(*m)));
    check(again && *again == *m);
    const auto newest = secret::glance(record, 0);
    check(newest && newest->has_value() == (m->current != 0));
    for (const auto& v : m->versions) {
      const auto found = secret::glance(record, v.seq);
      check(found && *found && (*found)->version == v && (*found)->custom == m->custom);
      check(m->find(v.seq) != nullptr);
    }
  } else {
    check(m.error().code == Code::corrupt);
  }
  if (const auto r = secret::decode_rules(record))
    check(*secret::decode_rules(view(secret::encode(*r))) == *r);
  if (auto p = secret::decode_plain(SecretText(record)))
    check(secret::is_plain(record) && view(secret::encode_plain(p->written, view(p->payload))) == record);
  return 0;
}
