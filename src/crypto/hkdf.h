// HKDF-SHA256 (RFC 5869): keys for named uses from one key.
#pragma once
#include <cstddef>

#include "base/bytes.h"
#include "base/secret.h"

namespace strongroom::crypto {

// At most 8,160 bytes (the RFC's limit; more aborts).
Secret hkdf_sha256(View key, View salt, View info, std::size_t length);
inline Secret hkdf_sha256(const Secret& key, View salt, View info, std::size_t length) {
  return hkdf_sha256(key.reveal(Reveal::to_cipher), salt, info, length);
}

}  // namespace strongroom::crypto
