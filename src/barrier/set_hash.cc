#include "barrier/set_hash.h"

#include "barrier/record.h"
#include "base/bytes.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {
using Limbs = std::array<std::uint64_t, 4>;
__extension__ using Wide = unsigned __int128;

Limbs limbs(const crypto::Digest& d) noexcept {
  Limbs out{};
  for (std::size_t i = 0; i < 4; ++i) out[3 - i] = get_be(crypto::as_text(d).substr(8 * i, 8));
  return out;
}
}  // namespace

void SetHash::add(const crypto::Digest& d) noexcept {
  const Limbs x = limbs(d);
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{sum[i]} + x[i];
    sum[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  ++count;
}

void SetHash::remove(const crypto::Digest& d) noexcept {
  const Limbs x = limbs(d);
  Wide carry = 1;  // plus the complement, plus one
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{sum[i]} + ~x[i];
    sum[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  --count;
}

SecretText SetHash::encode() const {
  std::string out;
  for (std::size_t i = 4; i-- > 0;) put_u64(out, sum[i]);
  put_u64(out, count);
  put_u64(out, revision);
  put_u64(out, keyring_generation);
  return SecretText(out);
}

std::optional<SetHash> SetHash::decode(std::string_view in) noexcept {
  if (in.size() != 56) return std::nullopt;
  SetHash h;
  for (std::size_t i = 0; i < 4; ++i) h.sum[3 - i] = get_be(in.substr(8 * i, 8));
  h.count = get_be(in.substr(32, 8));
  h.revision = get_be(in.substr(40, 8));
  h.keyring_generation = get_be(in.substr(48, 8));
  return h;
}

std::string set_hash_key() { return store::table_key(store::Table::meta) + "set"; }

bool self_protected(std::string_view key) noexcept {
  return key.size() == 4 && get_be(key) <= static_cast<std::uint64_t>(store::Table::keyring);
}

bool counted(std::string_view key) noexcept {
  const auto table = static_cast<store::Table>(get_be(key.substr(0, 4)));
  return !self_protected(key) && table != store::Table::meta && table != store::Table::outbox;
}

Result<crypto::Digest> element(const Keys& keys, std::string_view key, std::string_view stored) {
  if (stored.size() < kHeaderSize + kTagSize)
    return fail(Code::corrupt, "a stored record is too short", "record " + to_hex(as_view(key)));
  return keys.set_hash().mac(
      {as_view(key), as_view(stored.substr(5, 8)), as_view(stored.substr(stored.size() - kTagSize))});
}

}  // namespace strongroom::barrier
