#include "schema/json.h"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"

namespace strongroom::json {

class Parser {
 public:
  Parser(std::string_view s, const Limits& l, Doc& d) : s_(s), limits_(l), doc_(d) {}

  Status run() {
    if (s_.size() > 0xffff'fff0u) return bad("must be smaller than 4 GiB");
    if (!valid_utf8(s_)) return bad("must be valid UTF-8");
    struct Open {
      std::uint32_t index;
      bool object;
    };
    std::vector<Open> stack;
    bool want_value = true;
    std::uint32_t key = 0, key_size = 0;
    bool key_decoded = false;
    for (;;) {
      space();
      if (want_value) {
        if (at_ == s_.size()) return bad("ends in the middle of a value");
        if (doc_.items_.size() >= limits_.values) return bad("has too many values");
        const auto index = static_cast<std::uint32_t>(doc_.items_.size());
        Doc::Item item{};
        item.begin = pos();
        item.key = key, item.key_size = key_size, item.key_decoded = key_decoded;
        key_size = 0;
        const char c = s_[at_];
        if (c == '{' || c == '[') {
          if (stack.size() >= limits_.depth) return bad("is nested too deeply");
          item.kind = c == '{' ? Kind::object : Kind::array;
          ++at_;
          doc_.items_.push_back(item);
          stack.push_back({index, c == '{'});
          space();
          if (at_ < s_.size() && s_[at_] == (c == '{' ? '}' : ']')) {
            want_value = false;
          } else if (c == '{') {
            SR_TRY(member_name(key, key_size, key_decoded));
          }
          if (want_value) continue;
        } else {
          SR_TRY(scalar(item));
          item.end = pos();
          item.next = index + 1;
          doc_.items_.push_back(item);
          want_value = false;
          if (stack.empty()) break;
          SR_TRY(count(stack.back().index));
        }
        space();
      }
      // After a value: a comma, or the end of what is open.
      if (at_ == s_.size()) return bad("ends before it is closed");
      const char c = s_[at_];
      auto& top = doc_.items_[stack.back().index];
      const char closer = stack.back().object ? '}' : ']';
      if (c == closer) {
        ++at_;
        top.end = pos();
        top.next = static_cast<std::uint32_t>(doc_.items_.size());
        stack.pop_back();
        if (stack.empty()) break;
        SR_TRY(count(stack.back().index));
        continue;
      }
      if (c != ',') return bad("needs a comma or a closing bracket");
      ++at_;
      if (stack.back().object) {
        space();
        SR_TRY(member_name(key, key_size, key_decoded));
      }
      want_value = true;
    }
    space();
    if (at_ != s_.size()) return bad("has text after its end");
    return {};
  }

 private:
  std::uint32_t pos() const { return static_cast<std::uint32_t>(at_); }
  std::unexpected<Error> bad(std::string_view rule) const {
    return fail(Code::invalid_argument, fmt::format("body: JSON {} (at byte {})", rule, at_));
  }
  void space() {
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\n' || s_[at_] == '\t' || s_[at_] == '\r'))
      ++at_;
  }
  Status count(std::uint32_t index) {
    auto& item = doc_.items_[index];
    if (++item.count > (item.kind == Kind::object ? limits_.members : limits_.elements))
      return bad(item.kind == Kind::object ? "has an object with too many members"
                                           : "has an array that is too long");
    return {};
  }
  Status member_name(std::uint32_t& key, std::uint32_t& size, bool& decoded) {
    if (at_ == s_.size() || s_[at_] != '"') return bad("needs a quoted member name");
    SR_TRY(text(key, size, decoded));
    space();
    if (at_ == s_.size() || s_[at_] != ':') return bad("needs a colon after a member name");
    ++at_;
    return {};
  }
  Status scalar(Doc::Item& item) {
    const char c = s_[at_];
    if (c == '"') {
      item.kind = Kind::string;
      return text(item.text, item.text_size, item.text_decoded);
    }
    for (const auto& [word, kind] : {std::pair{std::string_view("true"), Kind::boolean},
                                     std::pair{std::string_view("false"), Kind::boolean},
                                     std::pair{std::string_view("null"), Kind::null}})
      if (s_.substr(at_, word.size()) == word) {
        item.kind = kind;
        item.text = pos();
        item.text_size = static_cast<std::uint32_t>(word.size());
        at_ += word.size();
        return {};
      }
    item.kind = Kind::number;
    item.text = pos();
    SR_TRY(number());
    item.text_size = pos() - item.text;
    return {};
  }
  bool digits() {
    const auto from = at_;
    while (at_ < s_.size() && s_[at_] >= '0' && s_[at_] <= '9') ++at_;
    return at_ > from;
  }
  Status number() {
    if (s_[at_] == '-') ++at_;
    if (at_ < s_.size() && s_[at_] == '0')
      ++at_;
    else if (!digits())
      return bad("needs a value");
    if (at_ < s_.size() && s_[at_] == '.') {
      ++at_;
      if (!digits()) return bad("has a number without digits after the point");
    }
    if (at_ < s_.size() && (s_[at_] == 'e' || s_[at_] == 'E')) {
      ++at_;
      if (at_ < s_.size() && (s_[at_] == '+' || s_[at_] == '-')) ++at_;
      if (!digits()) return bad("has a number without digits in its exponent");
    }
    return {};
  }
  Status text(std::uint32_t& begin, std::uint32_t& size, bool& decoded) {
    const auto from = ++at_;
    decoded = false;
    while (at_ < s_.size() && s_[at_] != '"' && s_[at_] != '\\') {
      if (static_cast<unsigned char>(s_[at_]) < 0x20) return bad("has a control character in a string");
      ++at_;
    }
    if (at_ < s_.size() && s_[at_] == '\\') {
      decoded = true;
      begin = static_cast<std::uint32_t>(doc_.decoded_.size());
      doc_.decoded_.append(s_.substr(from, at_ - from));
      while (at_ < s_.size() && s_[at_] != '"') {
        if (static_cast<unsigned char>(s_[at_]) < 0x20) return bad("has a control character in a string");
        if (s_[at_] != '\\') {
          doc_.decoded_.push_back(s_[at_++]);
          continue;
        }
        SR_TRY(escape());
      }
      size = static_cast<std::uint32_t>(doc_.decoded_.size()) - begin;
    } else {
      begin = static_cast<std::uint32_t>(from);
      size = pos() - begin;
    }
    if (at_ == s_.size()) return bad("has a string without an end");
    if (size > limits_.string) return bad("has a string that is too long");
    ++at_;
    return {};
  }
  std::optional<std::uint32_t> hex4() {
    if (at_ + 4 > s_.size()) return std::nullopt;
    std::uint32_t v = 0;
    const auto [end, err] = std::from_chars(s_.data() + at_, s_.data() + at_ + 4, v, 16);
    if (err != std::errc{} || end != s_.data() + at_ + 4) return std::nullopt;
    at_ += 4;
    return v;
  }
  Status escape() {
    ++at_;
    if (at_ == s_.size()) return bad("has a string without an end");
    const char c = s_[at_++];
    switch (c) {
      case '"':
      case '\\':
      case '/':
        doc_.decoded_.push_back(c);
        return {};
      case 'b':
        doc_.decoded_.push_back('\b');
        return {};
      case 'f':
        doc_.decoded_.push_back('\f');
        return {};
      case 'n':
        doc_.decoded_.push_back('\n');
        return {};
      case 'r':
        doc_.decoded_.push_back('\r');
        return {};
      case 't':
        doc_.decoded_.push_back('\t');
        return {};
      case 'u':
        break;
      default:
        return bad("has an unknown escape");
    }
    auto v = hex4();
    if (!v) return bad("has a bad \\u escape");
    if (*v >= 0xdc00 && *v <= 0xdfff) return bad("has a lone surrogate");
    if (*v >= 0xd800 && *v <= 0xdbff) {
      if (s_.substr(at_, 2) != "\\u") return bad("has a lone surrogate");
      at_ += 2;
      const auto low = hex4();
      if (!low || *low < 0xdc00 || *low > 0xdfff) return bad("has a lone surrogate");
      v = 0x10000 + ((*v - 0xd800) << 10) + (*low - 0xdc00);
    }
    utf8(*v);
    return {};
  }
  void utf8(std::uint32_t v) {
    auto put = [this](std::uint32_t b) { doc_.decoded_.push_back(static_cast<char>(b)); };
    if (v < 0x80) {
      put(v);
    } else if (v < 0x800) {
      put(0xc0 | v >> 6), put(0x80 | (v & 63));
    } else if (v < 0x10000) {
      put(0xe0 | v >> 12), put(0x80 | (v >> 6 & 63)), put(0x80 | (v & 63));
    } else {
      put(0xf0 | v >> 18), put(0x80 | (v >> 12 & 63)), put(0x80 | (v >> 6 & 63)), put(0x80 | (v & 63));
    }
  }

  std::string_view s_;
  const Limits& limits_;
  Doc& doc_;
  std::size_t at_ = 0;
};

Result<Doc> Doc::parse(std::string_view source, const Limits& limits) {
  Doc doc;
  doc.source_ = source;
  doc.items_.reserve(16);
  SR_TRY(Parser(source, limits, doc).run());
  return doc;
}

Node Doc::at(std::uint32_t index) const {
  const Item& i = items_[index];
  Node n;
  n.doc_ = this;
  n.index_ = index;
  n.kind_ = i.kind;
  n.source_ = source_.substr(i.begin, i.end - i.begin);
  n.text_ = (i.text_decoded ? view(decoded_) : source_).substr(i.text, i.text_size);
  n.key_ = (i.key_decoded ? view(decoded_) : source_).substr(i.key, i.key_size);
  return n;
}

std::optional<std::int64_t> Node::integer() const noexcept {
  if (kind_ != Kind::number) return std::nullopt;
  std::int64_t v = 0;
  const auto [end, err] = std::from_chars(text_.data(), text_.data() + text_.size(), v);
  if (err != std::errc{} || end != text_.data() + text_.size()) return std::nullopt;
  return v;
}

std::size_t Node::size() const noexcept { return doc_ == nullptr ? 0 : doc_->items_[index_].count; }

std::optional<Node> Node::find(std::string_view name) const {
  std::optional<Node> found;
  if (kind_ == Kind::object)
    for (const Node n : *this)
      if (n.key() == name) found = n;
  return found;
}

Node Node::Iterator::operator*() const { return doc_->at(at_); }
Node::Iterator& Node::Iterator::operator++() {
  at_ = doc_->items_[at_].next;
  return *this;
}
Node::Iterator Node::begin() const {
  if (doc_ == nullptr || (kind_ != Kind::array && kind_ != Kind::object)) return {nullptr, 0};
  return {doc_, index_ + 1};
}
Node::Iterator Node::end() const {
  if (doc_ == nullptr || (kind_ != Kind::array && kind_ != Kind::object)) return {nullptr, 0};
  return {doc_, doc_->items_[index_].next};
}

void append_quoted(SecretText& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.data() + from, i - from);
    from = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out.push_back(hex[c >> 4]);
        out.push_back(hex[c & 15]);
    }
  }
  out.append(text.data() + from, text.size() - from);
  out.push_back('"');
}

void Writer::comma() {
  if (!first_ && !after_key_) out_.push_back(',');
  first_ = after_key_ = false;
}
void Writer::open(char c) {
  comma();
  out_.push_back(c);
  first_ = true;
}
void Writer::close(char c) {
  out_.push_back(c);
  first_ = after_key_ = false;
}
void Writer::key(std::string_view name) {
  comma();
  append_quoted(out_, name);
  out_.push_back(':');
  after_key_ = true;
}
void Writer::string(std::string_view text) {
  comma();
  append_quoted(out_, text);
}
void Writer::integer(std::int64_t v) {
  comma();
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  out_.append(buffer, static_cast<std::size_t>(end - buffer));
}
void Writer::boolean(bool v) {
  comma();
  out_ += v ? "true" : "false";
}
void Writer::raw(std::string_view text) {
  comma();
  out_.append(text);
}

}  // namespace strongroom::json
