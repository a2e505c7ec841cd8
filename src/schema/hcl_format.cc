#include <algorithm>

#include "base/bytes.h"
#include "schema/hcl_reader.h"

namespace strongroom::hcl {
namespace {

constexpr std::size_t kWidth = 100;

bool is_heredoc(const Value& v) noexcept { return v.source.starts_with("<<"); }

class Printer {
 public:
  std::string take() && { return std::move(out_); }

  void body(const Body& b, std::size_t indent) {
    for (std::size_t i = 0; i < b.items.size();) {
      const std::size_t end = run_end(b, i);
      std::size_t width = 0;
      for (std::size_t k = i; k < end; ++k) width = std::max(width, columns(b.items[k].key_source));
      for (; i < end; ++i) {
        const bool apart = i > 0 && (b.items[i].form == Form::block || b.items[i - 1].form == Form::block);
        lead(b.items[i].lead, indent, i == 0, apart);
        if (b.items[i].lead.empty() ? (i > 0 && (apart || b.items[i].after_blank)) : b.items[i].after_blank)
          out_ += '\n';
        item(b.items[i], indent, width);
      }
    }
    lead(b.tail, indent, b.items.empty(), false);
  }

 private:
  static std::size_t columns(std::string_view s) {
    return static_cast<std::size_t>(std::count_if(
        s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  // Neighbouring attributes of one line each share the column of their "=".
  static std::size_t run_end(const Body& b, std::size_t i) {
    std::size_t end = i + 1;
    if (!on_one_line(b.items[i])) return end;
    while (end < b.items.size() && on_one_line(b.items[end]) && !b.items[end].after_blank &&
           b.items[end].lead.empty())
      ++end;
    return end;
  }
  static bool on_one_line(const Item& i) {
    if (i.form == Form::block || i.value.source.find('\n') != std::string::npos) return false;
    if (i.value.kind == Kind::object) return i.value.object.items.empty() && i.value.object.tail.empty();
    return i.value.kind != Kind::list || flat(i.value).has_value();
  }

  void pad(std::size_t n) { out_.append(n, ' '); }

  void lead(const std::vector<Comment>& comments, std::size_t indent, bool first, bool apart) {
    for (const Comment& c : comments) {
      if (!first && (c.after_blank || apart)) out_ += '\n';
      first = apart = false;
      pad(indent);
      out_ += c.text;
      out_ += '\n';
    }
  }

  void item(const Item& i, std::size_t indent, std::size_t width) {
    pad(indent);
    out_ += i.key_source;
    if (i.form == Form::attribute) {
      pad(width - std::min(width, columns(i.key_source)));
      out_ += " = ";
    } else {
      for (const std::string& label : i.label_sources)
        out_ += label.starts_with('"') ? " " + label : " \"" + label + "\"";
      out_ += ' ';
    }
    value(i.value, indent);
    if (!i.trail.empty()) out_ += " " + i.trail;
    out_ += '\n';
  }

  void value(const Value& v, std::size_t indent) {
    if (v.kind == Kind::object) {
      out_ += '{';
      if (!v.object.items.empty() || !v.object.tail.empty()) {
        out_ += '\n';
        body(v.object, indent + 2);
        pad(indent);
      }
      out_ += '}';
    } else if (v.kind == Kind::list) {
      list(v, indent);
    } else {
      out_ += v.source;
    }
  }

  // The list on one line, if it may stand so.
  static std::optional<std::string> flat(const Value& v) {
    if (!v.object.tail.empty()) return std::nullopt;
    std::string out = "[";
    for (const Value& e : v.list) {
      if (!e.lead.empty() || !e.trail.empty() || e.source.find('\n') != std::string::npos ||
          e.kind == Kind::object)
        return std::nullopt;
      if (&e != v.list.data()) out += ", ";
      if (e.kind == Kind::list) {
        const auto inner = flat(e);
        if (!inner) return std::nullopt;
        out += *inner;
      } else {
        out += e.source;
      }
      if (out.size() > kWidth) return std::nullopt;
    }
    return out + "]";
  }

  void list(const Value& v, std::size_t indent) {
    if (const auto line = flat(v)) {
      out_ += *line;
      return;
    }
    out_ += "[\n";
    for (const Value& e : v.list) {
      lead(e.lead, indent + 2, true, false);
      pad(indent + 2);
      value(e, indent + 2);
      if (is_heredoc(e)) {  // its marker stands alone on its line
        out_ += '\n';
        pad(indent + 2);
      }
      out_ += ',';
      if (!e.trail.empty()) out_ += " " + e.trail;
      out_ += '\n';
    }
    lead(v.object.tail, indent + 2, true, false);
    pad(indent);
    out_ += ']';
  }

  std::string out_;
};

}  // namespace

Result<std::string> format(std::string_view text, const Limits& limits) {
  // The parser's checks first: they say what is wrong in the same words.
  SR_TRY(parse(text, limits));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{')
    return fail(Code::invalid_argument, "this is JSON; the canonical form is for HCL");
  SR_LET(const Body body, Reader(text, limits, Reader::Keep::comments_too).whole());
  Printer printer;
  printer.body(body, 0);
  return std::move(printer).take();
}

}  // namespace strongroom::hcl
