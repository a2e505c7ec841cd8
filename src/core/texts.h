// Texts and small names that several files of the core share. The texts of refusals are Vault's where clients
// look for them.
#pragma once
#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/env.h"
#include "store/tables.h"

namespace strongroom::core {

inline constexpr const char* kSealed = "Vault is sealed";
inline constexpr const char* kNoSpace =
    "the disk is full: deletes work, everything else waits until an operator frees space on the disk";
inline constexpr const char* kDenied = "permission denied";
inline constexpr const char* kPolicyDenied = "1 error occurred:\n\t* permission denied\n\n";

// The key of a server-wide setting.
inline std::string setting(std::string_view name) {
  return store::table_key(store::Table::settings) + std::string(name);
}

// Version 4, RFC 9562.
inline std::string uuid(Random& random) {
  std::array<std::byte, 16> b{};
  random.fill(b);
  b[6] = (b[6] & std::byte{0x0f}) | std::byte{0x40};
  b[8] = (b[8] & std::byte{0x3f}) | std::byte{0x80};
  const auto h = to_hex(b);
  return fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4), h.substr(16, 4),
                     h.substr(20));
}
inline std::string hex8(Random& random) {
  std::array<std::byte, 4> b{};
  random.fill(b);
  return to_hex(b);
}

}  // namespace strongroom::core
