// The keyed set hash over all records of the store: a sum that each group of writes updates, and that a
// recount must meet (docs/formats/barrier.md).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "barrier/keys.h"
#include "base/secret.h"
#include "crypto/sha256.h"

namespace strongroom::barrier {

struct SetHash {
  std::array<std::uint64_t, 4> sum{};  // least significant first
  std::uint64_t count = 0;
  std::uint64_t revision = 0;
  std::uint64_t keyring_generation = 0;

  void add(const crypto::Digest&) noexcept;
  void remove(const crypto::Digest&) noexcept;
  SecretText encode() const;
  static std::optional<SetHash> decode(std::string_view) noexcept;
  bool same_set(const SetHash& o) const noexcept { return sum == o.sum && count == o.count; }
};

std::string set_hash_key();  // where it is stored

// The format record and the keyring record, which protect themselves; other keys of their tables are
// ordinary.
bool self_protected(std::string_view key) noexcept;
// Whether the record under this key is counted.
bool counted(std::string_view key) noexcept;
// The contribution of one stored record. Code::corrupt when it is too short to be one.
Result<crypto::Digest> element(const Keys&, std::string_view key, std::string_view stored);

}  // namespace strongroom::barrier
