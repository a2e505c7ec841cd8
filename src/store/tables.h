// The first four bytes of every store key: a table (0-255) or a mount's number (256 and up), big-endian,
// never reused. docs/formats/store.md describes each table's keys.
#pragma once
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace strongroom::store {

enum class Table : std::uint32_t {
  format = 0,     // format record, store id, plain
  keyring = 1,    // wrapped root key, keyring terms
  meta = 2,       // revision, set hash, time mark
  outbox = 3,     // revision -> audit record not yet known to be in the log
  token = 4,      // number -> token record
  expiry = 5,     // time, number -> kind
  mount = 6,      // number -> mount entry
  policy = 7,     // namespace, name -> policy text
  lease = 8,      // number -> lease record
  directory = 9,  // mount, directory hash, chunk -> names
  audit = 10,     // audit state: checkpoint key, positions
  rotation = 11,
  usage = 12,
  token_index = 13,  // hash of a chosen id -> number; parent number, child number
  settings = 14,     // server-wide settings by name
  cubbyhole =
      15,  // token number, HMAC of a path -> a token's own record; token number alone -> wrapped reply
};
constexpr std::uint32_t kFirstMount = 256;
constexpr std::size_t kMostKey = 480;  // bytes

inline std::string table_key(std::uint32_t table) {
  std::string k;
  put_u32(k, table);
  return k;
}
inline std::string table_key(Table t) { return table_key(static_cast<std::uint32_t>(t)); }
// The first key after every key with this prefix.
std::string after_prefix(std::string_view prefix);

}  // namespace strongroom::store
