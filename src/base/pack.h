// Compact records: numbers as LEB128 varints, texts with their length before them, in a fixed order per
// format version. The reader is strict: it never reads past the end and a record must be used up.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom {

class Packer {
 public:
  explicit Packer(SecretText& out) : out_(out) {}
  Packer& number(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<char>(v | 0x80));
    out_.push_back(static_cast<char>(v));
    return *this;
  }
  Packer& signed_number(std::int64_t v) {  // zigzag
    return number(static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63));
  }
  Packer& text(std::string_view s) {
    number(s.size());
    out_.append(s);
    return *this;
  }
  Packer& texts(const std::vector<std::string>& list) {
    number(list.size());
    for (const auto& s : list) text(s);
    return *this;
  }
  Packer& map(const std::map<std::string, std::string>& m) {
    number(m.size());
    for (const auto& [k, v] : m) text(k).text(v);
    return *this;
  }

 private:
  SecretText& out_;
};

// After the first bad read every further one gives zero or empty; ask done() once at the end.
class Unpacker {
 public:
  explicit Unpacker(std::string_view in) : in_(in) {}
  std::uint64_t number() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) break;
      const auto c = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      v |= static_cast<std::uint64_t>(c & 0x7f) << shift;
      if (c < 0x80) return v;
    }
    bad_ = true;
    in_ = {};
    return 0;
  }
  std::int64_t signed_number() {
    const auto v = number();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  std::string_view text() {
    const auto n = number();
    if (n > in_.size()) {
      bad_ = true;
      in_ = {};
      return {};
    }
    const auto s = in_.substr(0, n);
    in_.remove_prefix(n);
    return s;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> list;
    for (auto n = count(); n > 0 && !bad_; --n) list.emplace_back(text());
    return list;
  }
  std::map<std::string, std::string> map() {
    std::map<std::string, std::string> m;
    for (auto n = count(); n > 0 && !bad_; --n) {
      std::string k(text());
      m[std::move(k)] = text();
    }
    return m;
  }
  std::uint64_t count() {  // of things that take at least a byte each
    const auto n = number();
    if (n > in_.size()) bad_ = true;
    return bad_ ? 0 : n;
  }
  Status done(std::string_view what) const {
    if (bad_ || !in_.empty()) return fail(Code::corrupt, "a stored record is damaged", std::string(what));
    return {};
  }

 private:
  std::string_view in_;
  bool bad_ = false;
};

}  // namespace strongroom
