// OpenPGP public keys as strangers give them: the bytes as base64 (so that the packets are reached) and, when
// they look like armour, as they are. Whatever is accepted has a fingerprint and can be encrypted to.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "crypto/openpgp.h"
#include "crypto/random.h"

namespace {
using namespace strongroom;

void must(bool holds) {
  if (!holds) std::abort();
}

void tried(std::string_view text) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  crypto::SystemRandom random;
  const auto key = crypto::parse_pgp_key(text, now, random);
  if (!key) {
    must(key.error().code == Code::invalid_argument || key.error().code == Code::too_large);
    must(key.error().message.starts_with("PGP key: "));
    return;
  }
  must(key->fingerprint().size() == 40);
  const auto message = key->encrypt(as_view("share"), random);
  must(message && message->size() > 60);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  tried(to_base64(as_view(in)));
  if (in.starts_with("-----")) tried(in);
  return 0;
}
