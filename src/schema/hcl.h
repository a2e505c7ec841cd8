// HCL as Vault uses it (the syntax of HCL 1, or the JSON form of the same): policies and server
// configuration. A strict parser with limits; every item knows its line and column. Errors name the place and
// the rule and never repeat the text they complain about.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace strongroom::hcl {

struct Position {
  std::uint32_t line = 0;    // from 1; 0 is "no place"
  std::uint32_t column = 0;  // from 1, in code points
};
// "line 3, column 7"
std::string to_string(Position);

enum class Kind : std::uint8_t { null, boolean, number, string, list, object };
// "a string", "a list", …
std::string_view describe(Kind) noexcept;

struct Comment {
  std::string text;  // with its marker
  bool after_blank = false;
};
struct Item;
struct Body {
  std::vector<Item> items;
  std::vector<Comment> tail;  // comments before the closing brace; kept for the printer only

  const Item* find(std::string_view key) const noexcept;
};
struct Value {
  Kind kind = Kind::null;
  bool boolean = false;
  std::string text;         // string: unescaped; number: as written
  std::string source;       // scalars as written; kept for the printer only
  std::vector<Value> list;  // list
  Body object;              // object, and the body of a block
  Position at;
  std::vector<Comment> lead;  // printer only
  std::string trail;          // printer only

  // A whole number in Go's spelling (decimal, 0x, leading 0 for octal), or nothing.
  std::optional<std::int64_t> integer() const noexcept;
  // Any number, or nothing.
  std::optional<double> real() const noexcept;
};
enum class Form : std::uint8_t { attribute, block };
struct Item {
  std::string key;
  std::vector<std::string> labels;  // blocks only
  Form form = Form::attribute;
  Value value;
  Position at;
  std::string key_source;  // printer only, as are the following
  std::vector<std::string> label_sources;
  std::vector<Comment> lead;
  std::string trail;
  bool after_blank = false;
};

struct Limits {
  std::size_t bytes = std::size_t{4} << 20;
  unsigned depth = 32;
  std::size_t items = 100'000;  // keys and list elements together
};

// Code::invalid_argument: "line 3, column 7: expected a value". Text whose first character is "{" is JSON.
// In one body an attribute is set at most once; blocks repeat.
Result<Body> parse(std::string_view text, const Limits& = {});

// One block, whichever of the equivalent spellings wrote it: path "a" {…}, path = {"a" = {…}}, and in JSON
// {"path": {"a": {…}}} or {"path": [{"a": {…}}]}.
struct Block {
  std::vector<std::string_view> labels;  // views into the tree
  const Body* body = nullptr;
  Position at;
};
// All blocks of that key with that many labels. Code::invalid_argument with the place of one that has another
// shape.
Result<std::vector<Block>> blocks(const Body&, std::string_view key, std::size_t labels);

// The canonical form: two spaces, one item a line, "=" aligned within a run of attributes, comments kept.
// Idempotent. JSON is refused: it has printers of its own.
Result<std::string> format(std::string_view text, const Limits& = {});

}  // namespace strongroom::hcl
