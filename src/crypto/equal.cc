#include "crypto/equal.h"

#include <openssl/crypto.h>

namespace strongroom::crypto {

bool equal(View a, View b) noexcept {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace strongroom::crypto
