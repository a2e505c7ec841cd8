// must: for OpenSSL calls that cannot fail with valid arguments. A failure means no memory or no provider,
// and going on could put plaintext where ciphertext belongs, so the process ends. Inside src/crypto only.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace strongroom::crypto {

inline void must(bool ok, const char* what) noexcept {
  if (ok) [[likely]]
    return;
  std::fputs("fatal: cryptographic library failed: ", stderr);
  std::fputs(what, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace strongroom::crypto
