// Redacted JSON as a compact tree of bytes (a CBOR subset, docs/formats/audit.md), written in one pass by a
// walk over fields and read back item by item. Holds MACs where values were; never a value that is not plain.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "base/bytes.h"

namespace strongroom::audit::tree {

constexpr std::size_t kMostDepth = 512;

// Appends to `out`, which it does not own. The caller keeps begin and end balanced.
class Writer {
 public:
  explicit Writer(Tree& out) : out_(out) {}
  void begin_map() { out_.push_back('\xbf'); }
  void end_map() { out_.push_back('\xff'); }
  void begin_array() { out_.push_back('\x9f'); }
  void end_array() { out_.push_back('\xff'); }
  void key(std::string_view name);
  void text(std::string_view);
  void mac(const Mac&);
  void integer(std::int64_t);
  void boolean(bool value) { out_.push_back(value ? '\xf5' : '\xf4'); }
  void null() { out_.push_back('\xf6'); }
  void number(std::string_view source);  // a JSON number as it was written
  // In place of a value that was too large: a digest of its redacted tree and how many members it had.
  void digest(const Mac&, std::uint64_t members);

 private:
  void head(unsigned major, std::uint64_t value);
  Tree& out_;
};

enum class Kind : std::uint8_t {
  begin_map,
  begin_array,
  end,
  key,
  text,
  mac,
  integer,
  boolean,
  null,
  number,
  digest,
  finish  // after the one value
};

struct Item {
  Kind kind = Kind::finish;
  std::string_view text;     // key, text, number
  Mac mac{};                 // mac, digest
  std::int64_t integer = 0;  // integer; digest: members
  bool boolean = false;
  bool of_map = false;  // end
};

// Strict and total: Code::corrupt for anything a Writer would not have written. Views live as long as the
// tree.
class Reader {
 public:
  explicit Reader(std::string_view tree) : rest_(tree) {}
  Result<Item> next();

 private:
  Result<Item> value();
  Result<std::uint64_t> argument(unsigned low);
  Result<std::string_view> text_body(unsigned low);
  Result<Mac> mac_body(unsigned low);

  std::string_view rest_;
  std::size_t depth_ = 0;
  std::bitset<kMostDepth> is_map_;
  bool value_due_ = false;  // in a map: a key was read
  bool done_ = false;
};

Status validate(std::string_view tree);
std::uint64_t members(std::string_view tree);  // of the outermost map or array; 0 when there is none

}  // namespace strongroom::audit::tree
