// Digests by name, for those who ask the server to hash (sys/tools/hash). Fetched once. Any thread.
#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace strongroom::crypto {

enum class DigestKind : std::uint8_t {
  sha2_224,
  sha2_256,
  sha2_384,
  sha2_512,
  sha3_224,
  sha3_256,
  sha3_384,
  sha3_512
};
// Vault's names: "sha2-256", "sha3-512", …
std::optional<DigestKind> digest_named(std::string_view) noexcept;
Bytes digest(DigestKind, View) noexcept;

}  // namespace strongroom::crypto
