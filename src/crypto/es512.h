// ECDSA over P-521 with SHA-512, as JWS names ES512 (RFC 7518 section 3.4): signatures are R ‖ S, 132 bytes.
#pragma once
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::crypto {

// A new private key, PKCS #8 in DER.
Secret new_es512_key();
// Code::corrupt when the key cannot be read.
Result<Bytes> es512_sign(const Secret& key, View message);
bool es512_verify(const Secret& key, View message, View signature) noexcept;

}  // namespace strongroom::crypto
