// A strict JSON reader that keeps the source bytes of every value (user payloads never pass a number type),
// and a writer. Reading is iterative and bounded; errors name the rule and the offset, never the input.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::json {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

struct Limits {  // Vault's defaults
  std::size_t depth = 300;
  std::size_t members = 10'000;   // of one object
  std::size_t elements = 10'000;  // of one array
  std::size_t string = 1u << 20;  // bytes of one string
  std::size_t values = 100'000;   // in all: each costs far more memory and time than its two bytes
  // For what the server itself wrote.
  static constexpr Limits of_our_own() {
    constexpr auto any = ~std::size_t{0};
    return {400, any, any, any, any};
  }
};

class Doc;

// A value inside a Doc (or a bare text, for query parameters). Cheap to copy; dies with the Doc.
class Node {
 public:
  Node() = default;
  static Node of_text(std::string_view decoded) {  // behaves as a JSON string
    Node n;
    n.kind_ = Kind::string;
    n.text_ = decoded;
    return n;
  }
  Kind kind() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == Kind::null; }
  bool is_object() const noexcept { return kind_ == Kind::object; }
  bool is_array() const noexcept { return kind_ == Kind::array; }
  bool is_string() const noexcept { return kind_ == Kind::string; }
  std::string_view source() const noexcept { return source_; }  // the value's own bytes, trimmed
  std::string_view text() const noexcept { return text_; }  // strings: decoded; numbers, booleans: as written
  std::string_view key() const noexcept { return key_; }    // the member's name, decoded
  bool boolean() const noexcept { return text_ == "true"; }
  std::optional<std::int64_t> integer() const noexcept;   // numbers that are whole and fit
  std::size_t size() const noexcept;                      // members or elements
  std::optional<Node> find(std::string_view name) const;  // the last member of this name

  class Iterator {
   public:
    Iterator(const Doc* doc, std::uint32_t at) : doc_(doc), at_(at) {}
    Node operator*() const;
    Iterator& operator++();
    bool operator==(const Iterator&) const = default;

   private:
    const Doc* doc_;
    std::uint32_t at_;
  };
  Iterator begin() const;
  Iterator end() const;

 private:
  friend class Doc;
  const Doc* doc_ = nullptr;
  std::uint32_t index_ = 0;
  Kind kind_ = Kind::null;
  std::string_view source_;
  std::string_view text_;
  std::string_view key_;
};

class Doc {
 public:
  // The source must outlive the Doc. Code::invalid_argument: "body: ... at byte N".
  static Result<Doc> parse(std::string_view source, const Limits& = {});
  Doc(Doc&&) = default;
  Doc& operator=(Doc&&) = default;
  Doc(const Doc&) = delete;
  Doc& operator=(const Doc&) = delete;
  Node root() const { return at(0); }
  std::size_t size() const noexcept { return items_.size(); }  // values in all

 private:
  friend class Node;
  friend class Parser;
  struct Item {
    Kind kind;
    std::uint32_t begin, end;       // source span
    std::uint32_t next;             // index after this subtree
    std::uint32_t count;            // children
    std::uint32_t text, text_size;  // span in source or, if escaped, in decoded_
    std::uint32_t key, key_size;
    bool text_decoded, key_decoded;
  };
  Doc() = default;
  Node at(std::uint32_t index) const;
  std::string_view source_;
  std::vector<Item> items_;
  SecretText decoded_;
};

// Appends to a buffer; commas are its own business. The caller keeps begin and end balanced.
class Writer {
 public:
  explicit Writer(SecretText& out) : out_(out) {}
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view);
  void string(std::string_view);
  void integer(std::int64_t);
  void boolean(bool);
  void null() { raw("null"); }
  void raw(std::string_view json);  // a whole JSON value, as it is

 private:
  void open(char);
  void close(char);
  void comma();
  SecretText& out_;
  bool first_ = true;
  bool after_key_ = false;
};

void append_quoted(SecretText& out, std::string_view text);  // with quotes

}  // namespace strongroom::json
