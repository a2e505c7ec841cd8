#include "apps/cli/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace strongroom::apps::cli {
namespace {

std::size_t characters(std::string_view s) {
  return static_cast<std::size_t>(
      std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

SecretText text_of(std::string_view s) { return {s.begin(), s.end()}; }

void indent_into(SecretText& out, json::Node n, std::size_t depth) {
  const auto line = [&](std::size_t d) {
    out.push_back('\n');
    out.append(2 * d, ' ');
  };
  if ((n.is_object() || n.is_array()) && n.size() != 0) {
    out.push_back(n.is_object() ? '{' : '[');
    bool first = true;
    for (const json::Node member : n) {
      if (!first) out.push_back(',');
      first = false;
      line(depth + 1);
      if (n.is_object()) {
        json::append_quoted(out, member.key());
        out += ": ";
      }
      indent_into(out, member, depth + 1);
    }
    line(depth);
    out.push_back(n.is_object() ? '}' : ']');
    return;
  }
  if (n.is_object() || n.is_array())
    out += n.is_object() ? "{}" : "[]";
  else if (n.is_string())
    json::append_quoted(out, n.text());
  else
    out.append(n.source());
}

// Of a text that begins with a digit: whether YAML might take it for a number or a time. "2.7.2" and "1h" it
// does not.
bool looks_numeric(std::string_view s) {
  if (s.find_first_not_of("0123456789.") == std::string_view::npos)
    return std::count(s.begin(), s.end(), '.') < 2;
  if (s.find_first_not_of("0123456789._eE+-:") == std::string_view::npos) return true;
  if (s.size() > 2 &&
      s[0] == '0') {  // 0b11 is a number; an identifier that begins with 0b and goes on is none
    const std::string_view digits = s[1] == 'x' || s[1] == 'X'   ? "0123456789abcdefABCDEF_"
                                    : s[1] == 'o' || s[1] == 'O' ? "01234567_"
                                    : s[1] == 'b' || s[1] == 'B' ? "01_"
                                                                 : "";
    if (!digits.empty() && s.find_first_not_of(digits, 2) == std::string_view::npos) return true;
  }
  return s.size() >= 5 && s[4] == '-' &&
         s.substr(0, 4).find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether YAML reads a plain text as this very string. Strict: what looks like anything else is quoted.
bool plain_in_yaml(std::string_view s) {
  if (s.empty() || s.front() == ' ' || s.back() == ' ') return false;
  static constexpr std::string_view words[] = {"y",     "Y",   "yes", "Yes",  "YES",  "n",     "N",
                                               "no",    "No",  "NO",  "true", "on",   "On",    "ON",
                                               "off",   "Off", "OFF", "True", "TRUE", "false", "False",
                                               "FALSE", "~",   "<<",  "=",    "null", "Null",  "NULL"};
  if (std::find(std::begin(words), std::end(words), s) != std::end(words)) return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`=.+~<0123456789").find(s.front()) != std::string_view::npos) {
    // Durations, names and versions may start with a digit when what follows shows that they are no number or
    // time.
    if (s.front() < '0' || s.front() > '9' || looks_numeric(s)) return false;
  }
  for (const char c : s)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f) return false;
  return s.find(": ") == std::string_view::npos && s.find(" #") == std::string_view::npos && s.back() != ':';
}

bool has_control(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || static_cast<unsigned char>(c) == 0x7f;
  });
}

// A text that only its punctuation keeps from being plain, so that '...' holds it as it is.
bool single_in_yaml(std::string_view s) {
  if (s.empty() || has_control(s) || s.find('\n') != std::string_view::npos) return false;
  return s.front() == ' ' || s.back() == ' ' || s.back() == ':' || s.starts_with("- ") ||
         std::string_view("?:,[]{}#&*!|>'\"%@`").find(s.front()) != std::string_view::npos ||
         s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos;
}

// Lines as they are, indented, after a "|"; without the last line break.
void yaml_lines(SecretText& out, std::string_view s, std::size_t depth) {
  out.push_back('|');
  if (s.front() == ' ' || s.front() == '\n') out.push_back('2');
  if (!s.ends_with('\n'))
    out.push_back('-');
  else if (s == "\n" || s.ends_with("\n\n"))
    out.push_back('+');
  if (s.ends_with('\n')) s.remove_suffix(1);
  for (bool more = true; more;) {
    const auto end = s.find('\n');
    const std::string_view line = s.substr(0, end);
    out.push_back('\n');
    if (!line.empty()) out.append(2 * depth, ' ').append(line);
    more = end != std::string_view::npos;
    if (more) s.remove_prefix(end + 1);
  }
}

// Lines of a text stand at `depth`.
void yaml_scalar(SecretText& out, json::Node n, std::size_t depth) {
  if (n.is_object()) {
    out += "{}";
  } else if (n.is_array()) {
    out += "[]";
  } else if (!n.is_string()) {
    out.append(n.source());
  } else if (const std::string_view s = n.text(); plain_in_yaml(s)) {
    out.append(s);
  } else if (single_in_yaml(s)) {
    out.push_back('\'');
    for (const char c : s) out.append(c == '\'' ? 2 : 1, c);
    out.push_back('\'');
  } else if (s.find('\n') != std::string_view::npos && !has_control(s) && s.back() != ' ' &&
             s.find(" \n") == std::string_view::npos) {
    yaml_lines(out, s, depth);
  } else {
    json::append_quoted(out, s);
  }
}

void yaml_into(SecretText& out, json::Node n, std::size_t depth) {
  const auto key = [&](std::string_view name) {
    if (plain_in_yaml(name))
      out.append(name);
    else
      json::append_quoted(out, name);
    out.push_back(':');
  };
  const auto nested = [](json::Node m) { return (m.is_object() || m.is_array()) && m.size() != 0; };
  if (!nested(n)) {
    out.append(2 * depth, ' ');
    yaml_scalar(out, n, depth + 1);
    out.push_back('\n');
    return;
  }
  if (n.is_object()) {
    for (const json::Node member : sorted(n)) {
      out.append(2 * depth, ' ');
      key(member.key());
      if (nested(member)) {
        out.push_back('\n');
        yaml_into(out, member, member.is_array() ? depth : depth + 1);
        continue;
      }
      out.push_back(' ');
      yaml_scalar(out, member, depth + 1);
      out.push_back('\n');
    }
    return;
  }
  for (const json::Node element : n) {
    out.append(2 * depth, ' ');
    out += "- ";
    if (nested(element)) {
      SecretText inner;
      yaml_into(inner, element, depth + 1);
      out.append(view(inner).substr(2 * (depth + 1)));
      continue;
    }
    yaml_scalar(out, element, depth + 1);
    out.push_back('\n');
  }
}

std::optional<std::int64_t> integer(json::Node body, std::string_view name) {
  const auto n = body.find(name);
  return n ? n->integer() : std::nullopt;
}
std::string_view text(json::Node body, std::string_view name) {
  const auto n = body.find(name);
  return n && n->is_string() ? n->text() : std::string_view{};
}
bool truth(json::Node body, std::string_view name) {
  const auto n = body.find(name);
  return n && n->kind() == json::Kind::boolean && n->boolean();
}
json::Node part(json::Node body, std::string_view name) {
  const auto n = body.find(name);
  return n ? *n : json::Node{};
}

// ["a" "b"], as Go's %q prints a list.
SecretText quoted_list(json::Node list) {
  SecretText out("[");
  bool first = true;
  for (const json::Node n : list) {
    if (!first) out.push_back(' ');
    first = false;
    json::append_quoted(out, n.text());
  }
  out.push_back(']');
  return out;
}

// 2026-11-25T01:13:31.4056Z as Go prints a time: 2026-11-25 01:13:31.4056 +0000 UTC.
std::string go_time(std::string_view rfc) {
  std::string out(rfc);
  if (out.size() > 11 && out[10] == 'T' && out.back() == 'Z') {
    out[10] = ' ';
    out.pop_back();
    out += " +0000 UTC";
  }
  return out;
}

}  // namespace

std::optional<Format> parse_format(std::string_view s) {
  std::string lower(s);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "table" || lower.empty()) return Format::table;
  if (lower == "json") return Format::json;
  if (lower == "yaml" || lower == "yml") return Format::yaml;
  if (lower == "raw") return Format::raw;
  return std::nullopt;
}

Table::Table(std::initializer_list<std::string_view> header) : Table(std::vector<std::string_view>(header)) {}

Table::Table(const std::vector<std::string_view>& header) {
  std::vector<SecretText> names, dashes;
  for (const std::string_view h : header) {
    names.push_back(text_of(h));
    dashes.emplace_back(characters(h), '-');
  }
  add(names);
  rows_.push_back(std::move(dashes));
}

void Table::add(std::initializer_list<std::string_view> cells) {
  std::vector<SecretText> row;
  row.reserve(cells.size());
  for (const std::string_view cell : cells) row.push_back(text_of(cell));
  add(row);
}

void Table::add(const std::vector<SecretText>& cells) {
  std::vector<SecretText> row;
  row.reserve(cells.size());
  for (const SecretText& cell : cells) {
    const auto text = trimmed(view(cell));
    row.push_back(text_of(text.empty() ? "n/a" : text));
  }
  rows_.push_back(std::move(row));
}

SecretText Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    if (widths.size() < row.size()) widths.resize(row.size(), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], characters(view(row[i])));
  }
  SecretText out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out.append(row[i]);
      if (i + 1 < row.size()) out.append(widths[i] - characters(view(row[i])) + 4, ' ');
    }
    out.push_back('\n');
  }
  return out;
}

json::Limits reply_limits() {
  constexpr std::size_t any = 0xffff'ffffu;
  return {.depth = 300, .members = any, .elements = any, .string = any};
}

std::vector<json::Node> sorted(json::Node object) {
  std::vector<json::Node> members;
  for (const json::Node n : object) members.push_back(n);
  std::stable_sort(members.begin(), members.end(),
                   [](const json::Node& a, const json::Node& b) { return a.key() < b.key(); });
  return members;
}

void append_sorted(json::Writer& w, json::Node n) {
  if (n.is_object()) {
    w.begin_object();
    for (const json::Node member : sorted(n)) {
      w.key(member.key());
      append_sorted(w, member);
    }
    w.end_object();
  } else if (n.is_array()) {
    w.begin_array();
    for (const json::Node element : n) append_sorted(w, element);
    w.end_array();
  } else if (n.is_null()) {
    w.null();
  } else {
    w.raw(n.source());
  }
}

SecretText indented(json::Node n) {
  SecretText out;
  if (n.is_null())
    out = "null";
  else
    indent_into(out, n, 0);
  return out;
}

SecretText indented_text(std::string_view source) {
  const auto doc = json::Doc::parse(source, reply_limits());
  return doc ? indented(doc->root()) : text_of(source);
}

SecretText yaml_text(std::string_view source) {
  const auto doc = json::Doc::parse(source, reply_limits());
  SecretText out;
  if (doc) yaml_into(out, doc->root(), 0);
  return out;
}

SecretText go_text(json::Node n) {
  SecretText out;
  if (n.is_null()) return text_of("<nil>");
  if (n.is_object()) {
    out = "map[";
    bool first = true;
    for (const json::Node member : sorted(n)) {
      if (!first) out.push_back(' ');
      first = false;
      out.append(member.key()).push_back(':');
      out.append(go_text(member));
    }
    out.push_back(']');
    return out;
  }
  if (n.is_array()) {
    out = "[";
    bool first = true;
    for (const json::Node element : n) {
      if (!first) out.push_back(' ');
      first = false;
      out.append(go_text(element));
    }
    out.push_back(']');
    return out;
  }
  return text_of(n.text());
}

std::string human_duration(std::int64_t seconds) {
  if (seconds == 0) return "0s";
  std::string out;
  std::int64_t s = seconds;
  if (s < 0) {
    out = "-";
    s = -s;
  }
  if (s >= 3600) out += fmt::format("{}h", s / 3600);
  if (s % 3600 >= 60) out += fmt::format("{}m", s % 3600 / 60);
  if (s >= 3600 && s % 3600 < 60 && s % 60 != 0) out += "0m";
  if (s % 60 != 0) out += fmt::format("{}s", s % 60);
  return out;
}

bool is_duration_name(std::string_view k) noexcept {
  return k == "period" || k.ends_with("_period") || k == "ttl" || k.ends_with("_ttl") || k == "duration" ||
         k.ends_with("_duration") || k == "lease_max" || k == "ttl_max";
}

json::Node answer_of(json::Node body) {
  if (!body.is_object()) return {};
  for (const std::string_view name : {"request_id", "lease_id", "lease_duration", "renewable", "data",
                                      "warnings", "auth", "wrap_info", "errors"})
    if (body.find(name)) return part(body, "data");
  return body;
}

SecretText secret_json(json::Node body) {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("request_id"), w.string(text(body, "request_id"));
  w.key("lease_id"), w.string(text(body, "lease_id"));
  w.key("lease_duration"), w.integer(integer(body, "lease_duration").value_or(0));
  w.key("renewable"), w.boolean(truth(body, "renewable"));
  w.key("data"), append_sorted(w, answer_of(body));
  w.key("warnings"), append_sorted(w, part(body, "warnings"));
  if (const json::Node auth = part(body, "auth"); auth.is_object()) {
    w.key("auth");
    w.begin_object();
    for (const std::string_view name :
         {"client_token", "accessor", "policies", "token_policies", "identity_policies", "metadata"}) {
      w.key(name);
      append_sorted(w, part(auth, name));
    }
    w.key("orphan"), w.boolean(truth(auth, "orphan"));
    w.key("entity_id"), w.string(text(auth, "entity_id"));
    w.key("lease_duration"), w.integer(integer(auth, "lease_duration").value_or(0));
    w.key("renewable"), w.boolean(truth(auth, "renewable"));
    w.key("mfa_requirement"), append_sorted(w, part(auth, "mfa_requirement"));
    w.end_object();
  }
  if (const json::Node wrap = part(body, "wrap_info"); wrap.is_object()) {
    w.key("wrap_info");
    w.begin_object();
    for (const std::string_view name : {"token", "accessor", "ttl", "creation_time", "creation_path"}) {
      w.key(name);
      append_sorted(w, part(wrap, name));
    }
    w.key("wrapped_accessor"), w.string(text(wrap, "wrapped_accessor"));
    w.end_object();
  }
  w.end_object();
  return out;
}

SecretText secret_table(json::Node body) {
  Table t{"Key", "Value"};
  const auto lease = integer(body, "lease_duration").value_or(0);
  if (lease > 0) {
    if (const auto id = text(body, "lease_id"); !id.empty()) {
      t.add({"lease_id", id});
      t.add({"lease_duration", human_duration(lease)});
      t.add({"lease_renewable", truth(body, "renewable") ? "true" : "false"});
    } else {
      t.add({"refresh_interval", human_duration(lease)});
    }
  }
  if (const json::Node auth = part(body, "auth"); auth.is_object()) {
    const auto ttl = integer(auth, "lease_duration").value_or(0);
    t.add({"token", text(auth, "client_token")});
    t.add({"token_accessor", text(auth, "accessor")});
    t.add({"token_duration", ttl == 0 ? "∞" : human_duration(ttl)});
    t.add({"token_renewable", truth(auth, "renewable") ? "true" : "false"});
    for (const auto& [row, name] :
         {std::pair{"token_policies", "token_policies"}, std::pair{"identity_policies", "identity_policies"},
          std::pair{"policies", "policies"}})
      t.add({row, view(quoted_list(part(auth, name)))});
    for (const json::Node n : sorted(part(auth, "metadata")))
      t.add({"token_meta_" + std::string(n.key()), view(go_text(n))});
  }
  if (const json::Node wrap = part(body, "wrap_info"); wrap.is_object()) {
    t.add({"wrapping_token:", text(wrap, "token")});
    t.add({"wrapping_accessor:", text(wrap, "accessor")});
    t.add({"wrapping_token_ttl:", human_duration(integer(wrap, "ttl").value_or(0))});
    t.add({"wrapping_token_creation_time:", go_time(text(wrap, "creation_time"))});
    t.add({"wrapping_token_creation_path:", text(wrap, "creation_path")});
    if (const auto accessor = text(wrap, "wrapped_accessor"); !accessor.empty())
      t.add({"wrapped_accessor:", accessor});
  }
  for (const json::Node n : sorted(answer_of(body))) {
    const auto seconds = is_duration_name(n.key()) ? n.integer() : std::nullopt;
    t.add({n.key(), seconds ? std::string_view(human_duration(*seconds)) : view(go_text(n))});
  }
  return t.empty() ? SecretText{} : t.text();
}

SecretText data_table(json::Node data) {
  Table t{"Key", "Value"};
  for (const json::Node n : sorted(data)) {
    const auto seconds = is_duration_name(n.key()) ? n.integer() : std::nullopt;
    t.add({n.key(), seconds ? std::string_view(human_duration(*seconds)) : view(go_text(n))});
  }
  return t.empty() ? SecretText{} : t.text();
}

std::string warnings_text(json::Node body) {
  const json::Node list = part(body, "warnings");
  if (list.size() == 0) return {};
  std::string out = "WARNING! The following warnings were returned from Strongroom:\n\n";
  for (const json::Node n : list) out += fmt::format("  * {}\n\n", n.text());
  return out;
}

SecretText value_text(json::Node n, Format format) {
  if (format == Format::table || format == Format::raw) return go_text(n);
  SecretText compact;
  json::Writer w(compact);
  append_sorted(w, n);
  return format == Format::json ? indented_text(view(compact)) : yaml_text(view(compact));
}

std::optional<SecretText> secret_field(json::Node body, std::string_view name, Format format) {
  const auto shown = [format](json::Node n) -> std::optional<SecretText> {
    if (n.is_null() && format == Format::table) return std::nullopt;
    return value_text(n, format);
  };
  struct Row {
    std::string_view name, member;
  };
  constexpr Row kAuth[] = {{"token", "client_token"},
                           {"token_accessor", "accessor"},
                           {"token_duration", "lease_duration"},
                           {"token_renewable", "renewable"},
                           {"token_policies", "token_policies"},
                           {"identity_policies", "identity_policies"},
                           {"policies", "policies"}};
  constexpr Row kWrap[] = {{"wrapping_token", "token"},
                           {"wrapping_accessor", "accessor"},
                           {"wrapping_token_ttl", "ttl"},
                           {"wrapping_token_creation_time", "creation_time"},
                           {"wrapping_token_creation_path", "creation_path"},
                           {"wrapped_accessor", "wrapped_accessor"}};
  if (const json::Node auth = part(body, "auth"); auth.is_object())
    for (const Row& row : kAuth)
      if (row.name == name) return shown(part(auth, row.member));
  if (const json::Node wrap = part(body, "wrap_info"); wrap.is_object())
    for (const Row& row : kWrap)
      if (row.name == name) return shown(part(wrap, row.member));
  const json::Node data = answer_of(body);
  if (const json::Node found = part(data, name); !found.is_null()) return value_text(found, format);
  if (name == "data" && data.is_object()) return value_text(data, format);
  if (name == "refresh_interval") return shown(part(body, "lease_duration"));
  for (const std::string_view of_all : {"lease_id", "lease_duration", "request_id"})
    if (name == of_all && data.is_object()) return shown(part(body, of_all));
  return std::nullopt;
}

SecretText shaped(json::Node object, std::span<const Shape> shape) {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  for (const Shape& m : shape) {
    const json::Node n = part(object, m.name);
    const bool empty = n.is_null() || (m.kind == Shape::text && n.text().empty()) ||
                       (m.kind == Shape::list && n.size() == 0) || (m.kind == Shape::truth && !n.boolean());
    if (empty && m.when == Shape::present) continue;
    w.key(m.name);
    if (!n.is_null())
      append_sorted(w, n);
    else
      w.raw(m.kind == Shape::text     ? "\"\""
            : m.kind == Shape::number ? "0"
            : m.kind == Shape::truth  ? "false"
                                      : "null");
  }
  w.end_object();
  return out;
}

std::string wrapped_lines(std::string_view text) {
  constexpr std::size_t width = 78;
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    if (word.empty()) continue;
    if (column != 0) {
      const bool fits = column + 1 + word.size() <= width;
      out.push_back(fits ? ' ' : '\n');
      column = fits ? column + 1 : 0;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string heading(std::string_view title, std::size_t width) {
  std::size_t signs = width > title.size() + 2 ? width - title.size() - 2 : 4;
  signs += signs % 2;
  const std::string side(signs / 2, '=');
  return fmt::format("{} {} {}", side, title, side);
}

std::size_t table_width(json::Node data) {
  std::size_t longest = 0;
  for (const json::Node n : data) longest = std::max(longest, n.key().size());
  return longest + 4 + std::string_view("Value").size();
}

}  // namespace strongroom::apps::cli
