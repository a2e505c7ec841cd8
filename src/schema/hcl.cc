#include "schema/hcl.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <unordered_map>

#include "base/bytes.h"
#include "schema/hcl_reader.h"

namespace strongroom::hcl {
namespace {

bool ident_start(unsigned char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool digit(unsigned char c) noexcept { return c >= '0' && c <= '9'; }
bool ident_rest(unsigned char c) noexcept { return ident_start(c) || digit(c) || c == '-' || c == '.'; }
int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::unexpected<Error> bad(Position at, std::string_view rule) {
  return fail(Code::invalid_argument, fmt::format("{}: {}", to_string(at), rule));
}

void put_code_point(std::string& out, std::uint32_t c) {
  const auto byte = [&](std::uint32_t v) { out.push_back(static_cast<char>(v)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6);
    byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
}

std::string to_string(Position p) { return fmt::format("line {}, column {}", p.line, p.column); }

std::string_view describe(Kind k) noexcept {
  switch (k) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::list:
      return "a list";
    case Kind::object:
      return "an object";
  }
  return "";
}

const Item* Body::find(std::string_view key) const noexcept {
  for (const Item& i : items)
    if (i.key == key) return &i;
  return nullptr;
}

std::optional<std::int64_t> Value::integer() const noexcept {
  if (kind != Kind::number) return std::nullopt;
  std::string_view s = text;
  const bool negative = s.starts_with('-');
  if (negative) s.remove_prefix(1);
  int base = 10;
  if (s.starts_with("0x") || s.starts_with("0X")) {
    base = 16;
    s.remove_prefix(2);
  } else if (s.size() > 1 && s[0] == '0') {
    base = 8;
  }
  std::uint64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v, base);
  if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  constexpr std::uint64_t most = std::uint64_t{1} << 63;
  if (v > most || (!negative && v == most)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - v : v);
}

std::optional<double> Value::real() const noexcept {
  if (kind != Kind::number) return std::nullopt;
  if (const auto whole = integer()) return static_cast<double>(*whole);
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return v;
}

// ---- Lexer

char Reader::peek(std::size_t ahead) const noexcept {
  return i_ + ahead < text_.size() ? text_[i_ + ahead] : '\0';
}

void Reader::step() noexcept {
  const char c = text_[i_++];
  if (c == '\n') {
    ++at_.line;
    at_.column = 1;
  } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
    ++at_.column;
  }
}

Status Reader::skip_space(std::vector<Comment>* comments) {
  blank_ = false;
  newlines_ = 0;
  while (i_ < text_.size()) {
    const char c = text_[i_];
    if (c == '\n') {
      if (++newlines_ > 1) blank_ = true;
      step();
    } else if (c == ' ' || c == '\t' || c == '\r') {
      step();
    } else if (c == '#' || (c == '/' && (peek(1) == '/' || peek(1) == '*'))) {
      const bool after_blank = blank_;
      SR_LET(std::string text, comment());
      if (comments != nullptr) comments->push_back({std::move(text), after_blank});
      blank_ = false;
      newlines_ = 0;
    } else {
      break;
    }
  }
  return {};
}

Result<std::string> Reader::comment() {
  const Position start = at_;
  const std::size_t from = i_;
  if (text_[i_] == '/' && peek(1) == '*') {
    step();
    step();
    while (!(peek() == '*' && peek(1) == '/')) {
      if (i_ >= text_.size()) return bad(start, "this comment is not closed");
      step();
    }
    step();
    step();
  } else {
    while (i_ < text_.size() && text_[i_] != '\n') step();
  }
  std::string_view s = text_.substr(from, i_ - from);
  while (s.ends_with('\r') || s.ends_with(' ') || s.ends_with('\t')) s.remove_suffix(1);
  return std::string(s);
}

// A comment that ends the line of what was just read.
Result<std::string> Reader::trailing_comment() {
  std::size_t k = i_;
  while (k < text_.size() && (text_[k] == ' ' || text_[k] == '\t' || text_[k] == '\r')) ++k;
  const bool line = k < text_.size() &&
                    (text_[k] == '#' || (text_[k] == '/' && k + 1 < text_.size() && text_[k + 1] == '/'));
  if (!line) return std::string();
  while (i_ < k) step();
  return comment();
}

Status Reader::escape(std::string& out) {
  const Position start = at_;
  step();  // the backslash
  if (i_ >= text_.size()) return bad(start, "this escape is not complete");
  const char c = text_[i_];
  int count = 0;
  int base = 16;
  switch (c) {
    case 'a':
      out.push_back('\a');
      break;
    case 'b':
      out.push_back('\b');
      break;
    case 'f':
      out.push_back('\f');
      break;
    case 'n':
      out.push_back('\n');
      break;
    case 'r':
      out.push_back('\r');
      break;
    case 't':
      out.push_back('\t');
      break;
    case 'v':
      out.push_back('\v');
      break;
    case '\\':
      out.push_back('\\');
      break;
    case '"':
      out.push_back('"');
      break;
    case 'x':
      count = 2;
      break;
    case 'u':
      count = 4;
      break;
    case 'U':
      count = 8;
      break;
    default:
      if (c < '0' || c > '7') return bad(start, "no such escape in a string");
      count = 3;
      base = 8;
  }
  if (base == 16) step();
  if (count == 0) return {};
  std::uint32_t value = 0;
  for (int k = 0; k < count; ++k) {
    const int d = hex_digit(peek());
    if (d < 0 || d >= base || value > 0x110000) return bad(start, "this escape needs more digits");
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(d);
    step();
  }
  if (count == 2 || count == 3) {
    if (value > 0x7f) return bad(start, "a byte escape must be below 128; use \\u for other characters");
  } else if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return bad(start, "this escape is not a character");
  }
  put_code_point(out, value);
  return {};
}

// A quoted string. "${…}" is kept as it is; quotes and line ends are plain characters inside of it.
Result<std::string> Reader::quoted() {
  const Position start = at_;
  step();
  std::string out;
  unsigned braces = 0;
  for (;;) {
    if (i_ >= text_.size()) return bad(start, "this string is not closed");
    const char c = text_[i_];
    if (braces == 0) {
      if (c == '"') break;
      if (c == '\n') return bad(start, "this string is not closed on its line");
      if (c == '\\') {
        SR_TRY(escape(out));
        continue;
      }
      if (c == '$' && peek(1) == '{') {
        braces = 1;
        out += "${";
        step();
        step();
        continue;
      }
    } else if (c == '{') {
      ++braces;
    } else if (c == '}') {
      --braces;
    }
    out.push_back(c);
    step();
  }
  step();
  return out;
}

Result<std::string> Reader::heredoc() {
  const Position start = at_;
  step();
  step();
  const bool indented = peek() == '-';
  if (indented) step();
  const std::size_t from = i_;
  while (ident_rest(static_cast<unsigned char>(peek()))) step();
  const std::string_view marker = text_.substr(from, i_ - from);
  if (peek() == '\r') step();
  if (marker.empty() || peek() != '\n')
    return bad(start, "a heredoc opens with << and a word that ends its line");
  step();
  std::vector<std::string_view> lines;
  std::string_view prefix;
  for (;;) {
    if (i_ >= text_.size()) return bad(start, "this heredoc is not closed");
    const std::size_t begin = i_;
    while (i_ < text_.size() && text_[i_] != '\n') step();
    const std::string_view line = text_.substr(begin, i_ - begin);
    const std::size_t lead = std::min(line.find_first_not_of(" \t"), line.size());
    std::string_view word = line.substr(lead);
    if (word.ends_with('\r')) word.remove_suffix(1);
    if (word == marker) {
      prefix = line.substr(0, lead);
      break;
    }
    if (i_ < text_.size()) step();
    lines.push_back(line);
  }
  bool strip = indented;
  for (const auto line : lines) strip = strip && line.starts_with(prefix);
  std::string out;
  for (const auto line : lines) {
    out += strip ? line.substr(prefix.size()) : line;
    out.push_back('\n');
  }
  return out;
}

Result<std::string> Reader::number() {
  const Position start = at_;
  const std::size_t from = i_;
  if (peek() == '-') step();
  const std::size_t first = i_;
  bool good = digit(static_cast<unsigned char>(peek()));
  if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
    step();
    step();
    good = hex_digit(peek()) >= 0;
    while (hex_digit(peek()) >= 0) step();
  } else {
    const auto digits = [&] {
      while (digit(static_cast<unsigned char>(peek()))) step();
    };
    digits();
    bool whole = true;
    if (peek() == '.') {
      whole = false;
      step();
      good = good && digit(static_cast<unsigned char>(peek()));
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      step();
      if (peek() == '-' || peek() == '+') step();
      good = good && digit(static_cast<unsigned char>(peek()));
      digits();
    }
    const std::string_view body = text_.substr(first, i_ - first);
    if (whole && body.size() > 1 && body[0] == '0' && body.find_first_of("89") != std::string_view::npos)
      good = false;
  }
  if (!good || ident_rest(static_cast<unsigned char>(peek()))) return bad(start, "this is not a number");
  return std::string(text_.substr(from, i_ - from));
}

// ---- Grammar

Status Reader::count(Position at) {
  if (++items_ > limits_.items) return bad(at, "there are too many items");
  return {};
}

Result<Body> Reader::whole() {
  SR_LET(Body body, items(Closing::end_of_text, 0));
  return body;
}

Result<std::string> Reader::key(std::string* source) {
  const std::size_t from = i_;
  std::string out;
  if (peek() == '"') {
    SR_LET(out, quoted());
  } else if (ident_start(static_cast<unsigned char>(peek()))) {
    while (ident_rest(static_cast<unsigned char>(peek()))) step();
    out = text_.substr(from, i_ - from);
  } else {
    return bad(at_, i_ >= text_.size() ? "the text ends where a key or a closing brace should be"
                                       : "expected a key: a word of ASCII letters or a quoted string");
  }
  if (keep_ && source != nullptr) *source = text_.substr(from, i_ - from);
  return out;
}

Result<Body> Reader::items(Closing closing, unsigned depth) {
  Body body;
  std::unordered_map<std::string, std::pair<Position, Form>> seen;
  for (;;) {
    std::vector<Comment> lead;
    SR_TRY(skip_space(keep_ ? &lead : nullptr));
    if (closing == Closing::end_of_text ? i_ >= text_.size() : peek() == '}') {
      body.tail = std::move(lead);
      if (closing == Closing::brace) step();
      return body;
    }
    SR_LET(Item item, this->item(depth));
    item.lead.insert(item.lead.begin(), std::make_move_iterator(lead.begin()),
                     std::make_move_iterator(lead.end()));
    const auto [slot, fresh] = seen.try_emplace(item.key, item.at, item.form);
    if (!fresh && (item.form == Form::attribute || slot->second.second == Form::attribute))
      return bad(item.at, fmt::format("this key is already set on line {}", slot->second.first.line));
    if (keep_) {
      SR_LET(item.trail, trailing_comment());
    }
    std::size_t k = i_;
    while (k < text_.size() && (text_[k] == ' ' || text_[k] == '\t')) ++k;
    if (k < text_.size() && text_[k] == ',') {
      while (i_ <= k) step();
      if (keep_ && item.trail.empty()) {
        SR_LET(item.trail, trailing_comment());
      }
    }
    body.items.push_back(std::move(item));
  }
}

Result<Item> Reader::item(unsigned depth) {
  Item item;
  item.at = at_;
  item.after_blank = blank_;
  std::vector<Comment>* const inner = keep_ ? &item.lead : nullptr;
  SR_TRY(count(at_));
  SR_LET(item.key, key(&item.key_source));
  for (;;) {
    SR_TRY(skip_space(inner));
    const char c = peek();
    if (c == '=') {
      if (!item.labels.empty()) return bad(at_, "a key with labels opens a block with {");
      step();
      SR_TRY(skip_space(inner));
      SR_LET(item.value, value(depth + 1));
      return item;
    }
    if (c == '{') {
      item.form = Form::block;
      SR_LET(item.value, value(depth + 1));
      return item;
    }
    if (c != '"' && !ident_start(static_cast<unsigned char>(c)))
      return bad(at_, "expected = or { after the key");
    if (item.labels.size() >= 8) return bad(at_, "a block has at most 8 labels");
    std::string source;
    SR_LET(std::string label, key(&source));
    item.labels.push_back(std::move(label));
    if (keep_) item.label_sources.push_back(std::move(source));
  }
}

Result<Value> Reader::value(unsigned depth) {
  if (depth > limits_.depth) return bad(at_, "this is nested too deeply");
  Value v;
  v.at = at_;
  const std::size_t from = i_;
  const char c = peek();
  if (c == '{') {
    step();
    v.kind = Kind::object;
    SR_LET(v.object, items(Closing::brace, depth));
    return v;
  }
  if (c == '[') {
    step();
    v.kind = Kind::list;
    SR_TRY(list(v, depth));
    return v;
  }
  if (c == '"') {
    v.kind = Kind::string;
    SR_LET(v.text, quoted());
  } else if (c == '<' && peek(1) == '<') {
    v.kind = Kind::string;
    SR_LET(v.text, heredoc());
  } else if (c == '-' || digit(static_cast<unsigned char>(c))) {
    v.kind = Kind::number;
    SR_LET(v.text, number());
  } else if (ident_start(static_cast<unsigned char>(c))) {
    while (ident_rest(static_cast<unsigned char>(peek()))) step();
    const std::string_view word = text_.substr(from, i_ - from);
    if (word != "true" && word != "false") return bad(v.at, "expected a value; text needs quotes");
    v.kind = Kind::boolean;
    v.boolean = word == "true";
  } else {
    return bad(at_, i_ >= text_.size() ? "the text ends where a value should be" : "expected a value");
  }
  if (keep_) v.source = text_.substr(from, i_ - from);
  return v;
}

Status Reader::list(Value& into, unsigned depth) {
  for (bool comma = true;;) {
    std::vector<Comment> lead;
    SR_TRY(skip_space(keep_ ? &lead : nullptr));
    if (i_ >= text_.size()) return bad(into.at, "this list is not closed");
    if (peek() == ']') {
      into.object.tail = std::move(lead);
      step();
      return {};
    }
    if (!comma) return bad(at_, "expected a comma or ] in the list");
    SR_TRY(count(at_));
    SR_LET(Value element, value(depth + 1));
    element.lead = std::move(lead);
    if (keep_) {
      SR_LET(element.trail, trailing_comment());
    }
    std::vector<Comment> between;
    SR_TRY(skip_space(keep_ ? &between : nullptr));
    comma = peek() == ',';
    if (comma) step();
    if (keep_) {
      // A comment between the element and its comma moves behind the comma.
      for (Comment& c : between) element.lead.push_back(std::move(c));
      if (element.trail.empty()) {
        SR_LET(element.trail, trailing_comment());
      }
    }
    into.list.push_back(std::move(element));
  }
}

Result<Body> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return fail(Code::invalid_argument, fmt::format("must be at most {} bytes", limits.bytes));
  if (!valid_utf8(text)) return fail(Code::invalid_argument, "must be valid UTF-8");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos)
    return fail(Code::invalid_argument, "must not contain a zero byte");
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return parse_json(text, limits);
  return Reader(text, limits, Reader::Keep::values).whole();
}

// ---- Blocks in all their spellings

namespace {
Status collect(const Value& v, std::vector<std::string_view> labels, std::size_t wanted,
               std::vector<Block>& out) {
  if (v.kind == Kind::list) {
    for (const Value& element : v.list) SR_TRY(collect(element, labels, wanted, out));
    return {};
  }
  if (v.kind != Kind::object) return bad(v.at, fmt::format("expected a block, found {}", describe(v.kind)));
  if (labels.size() == wanted) {
    out.push_back({std::move(labels), &v.object, v.at});
    return {};
  }
  for (const Item& item : v.object.items) {
    auto more = labels;
    more.emplace_back(item.key);
    more.insert(more.end(), item.labels.begin(), item.labels.end());
    if (more.size() > wanted) return bad(item.at, "this block has too many labels");
    const std::size_t before = out.size();
    SR_TRY(collect(item.value, std::move(more), wanted, out));
    for (std::size_t k = before; k < out.size(); ++k) out[k].at = item.at;
  }
  return {};
}
}  // namespace

Result<std::vector<Block>> blocks(const Body& body, std::string_view key, std::size_t labels) {
  std::vector<Block> out;
  for (const Item& item : body.items) {
    if (item.key != key) continue;
    std::vector<std::string_view> own(item.labels.begin(), item.labels.end());
    if (own.size() > labels) return bad(item.at, "this block has too many labels");
    if (item.form == Form::block && own.size() < labels && item.value.object.items.empty())
      return bad(item.at, "this block needs a label");
    const std::size_t before = out.size();
    SR_TRY(collect(item.value, std::move(own), labels, out));
    for (std::size_t k = before; k < out.size(); ++k)
      if (item.form == Form::block && item.labels.size() == labels) out[k].at = item.at;
  }
  return out;
}

}  // namespace strongroom::hcl
