#include "crypto/digest.h"

#include <array>

#include "crypto/evp.h"

namespace strongroom::crypto {
namespace {
struct Named {
  std::string_view ours;
  const char* openssl;
};
constexpr std::array<Named, 8> kNames{{{"sha2-224", "SHA2-224"},
                                       {"sha2-256", "SHA2-256"},
                                       {"sha2-384", "SHA2-384"},
                                       {"sha2-512", "SHA2-512"},
                                       {"sha3-224", "SHA3-224"},
                                       {"sha3-256", "SHA3-256"},
                                       {"sha3-384", "SHA3-384"},
                                       {"sha3-512", "SHA3-512"}}};
}  // namespace

std::optional<DigestKind> digest_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i].ours == name) return static_cast<DigestKind>(i);
  return std::nullopt;
}

Bytes digest(DigestKind kind, View message) noexcept {
  static const auto methods = [] {
    std::array<const EVP_MD*, kNames.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = EVP_MD_fetch(nullptr, kNames[i].openssl, nullptr);
    return all;
  }();
  const EVP_MD* method = methods[static_cast<std::size_t>(kind)];
  must(method != nullptr, "digest");
  Bytes out(static_cast<std::size_t>(EVP_MD_get_size(method)));
  must(EVP_Digest(message.data(), message.size(), raw_out(out), nullptr, method, nullptr) == 1, "digest");
  return out;
}

}  // namespace strongroom::crypto
