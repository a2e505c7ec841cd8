#include "crypto/hkdf.h"

#include <algorithm>
#include <vector>

#include "crypto/hmac.h"
#include "crypto/must.h"

namespace strongroom::crypto {

Secret hkdf_sha256(View key, View salt, View info, std::size_t length) {
  must(length <= 255 * 32, "HKDF length");
  Digest prk = Hmac(salt).mac(key);
  const Hmac expand{View(prk)};
  explicit_bzero(prk.data(), prk.size());
  std::vector<std::byte, WipingAllocator<std::byte>> out(length);
  Digest t{};
  std::size_t have = 0;
  for (std::uint8_t i = 1; have < length; ++i) {
    const std::byte counter{i};
    const View before = i == 1 ? View{} : View(t);
    t = expand.mac({before, info, View(&counter, 1)});
    const std::size_t n = std::min(t.size(), length - have);
    std::copy_n(t.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(have));
    have += n;
  }
  explicit_bzero(t.data(), t.size());
  return Secret::copy_of(View(out));
}

}  // namespace strongroom::crypto
