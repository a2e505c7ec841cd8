// The outer form of an OpenPGP public key (RFC 4880 sections 4 to 6): armour, packets, MPIs, signature
// subpackets. Reads what strangers made: every length is checked, counts are bounded, views point into the
// bytes they were read from. Decides nothing about trust. Inside src/crypto only.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace strongroom::crypto::openpgp {

inline constexpr std::size_t kMostText = 512 * 1024;  // of base64 or armour
inline constexpr std::size_t kMostPackets = 1000;

// Reads forward; nothing once the bytes do not suffice.
class Reader {
 public:
  explicit Reader(View bytes) noexcept : rest_(bytes) {}
  std::optional<std::uint64_t> number(std::size_t bytes) noexcept;  // big-endian, at most 8
  std::optional<View> take(std::size_t bytes) noexcept;
  std::optional<View> mpi() noexcept;  // RFC 4880 section 3.2, without leading zeros; at most 16,384 bits
  View rest() const noexcept { return rest_; }
  bool empty() const noexcept { return rest_.empty(); }

 private:
  View rest_;
};

enum class Tag : std::uint8_t {
  signature = 2,
  secret_key = 5,
  public_key = 6,
  secret_subkey = 7,
  marker = 10,
  trust = 12,
  user_id = 13,
  public_subkey = 14,
  user_attribute = 17,
  padding = 21,
};

struct Packet {
  std::uint8_t tag = 0;
  View body;
  bool is(Tag t) const noexcept { return tag == static_cast<std::uint8_t>(t); }
};

// Base64 of the binary form (white space ignored), or an armoured block.
Result<Bytes> binary_key(std::string_view text);
// Both packet formats; partial and indeterminate lengths are refused.
Result<std::vector<Packet>> read_packets(View);

// What a version 4 signature says (RFC 4880 section 5.2.3).
struct Signature {
  std::uint8_t type = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t hash = 0;
  View hashed_part;  // from the version to the last hashed subpacket
  View left;         // the digest's first two bytes
  View mpis;
  std::uint32_t created = 0;
  std::uint32_t lifetime = 0;      // of the signature; 0: for ever
  std::uint32_t key_lifetime = 0;  // of the key it speaks of; 0: for ever
  std::optional<std::uint8_t> key_flags;
  View ciphers;  // preferred ones, best first
  View issuer;   // key id or fingerprint, when it names one
};
// Nothing for another version, bad grammar, or a critical subpacket that is not understood.
std::optional<Signature> read_signature(View body);

// Appends a new-format packet.
void put_packet(std::string& out, std::uint8_t tag, std::string_view body);
void put_packet_header(std::string& out, std::uint8_t tag, std::size_t length);
void put_mpi(std::string& out, View number);

}  // namespace strongroom::crypto::openpgp
