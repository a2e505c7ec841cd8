#include "apps/cli/scrub.h"

#include <array>
#include <string>

#include "apps/cli/output.h"

namespace strongroom::apps::cli {
namespace {

constexpr std::string_view kRemoved = "<removed>";
constexpr std::size_t kShortest = 20;  // of what follows the dot of a token

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// "token_type" tells of a token and is none.
bool names_secret(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const std::string_view end : {"_type", "_ttl", "_policies", "_path", "_file", "_period", "_accessor"})
    if (lower.ends_with(end)) return false;
  for (const std::string_view word :
       {"password", "passwd", "secret", "private", "credential", "token", "unseal"})
    if (lower.find(word) != std::string::npos) return true;
  return false;
}

}  // namespace

// s. b. r. hvs. hvb. hvr. and at least kShortest characters, at the start of a word.
Scrub::Place Scrub::find(std::string_view text, std::size_t from) const {
  Place own;
  if (token_.size() >= 4)
    if (const auto at = text.find(view(token_), from); at != std::string_view::npos)
      own = {at, token_.size()};
  for (std::size_t dot = text.find('.', from); dot != std::string_view::npos; dot = text.find('.', dot + 1)) {
    if (own.size != 0 && own.from <= dot) break;
    if (dot == 0 || std::string_view("sbr").find(text[dot - 1]) == std::string_view::npos) continue;
    std::size_t begin = dot - 1;
    if (begin >= 2 && text.substr(begin - 2, 2) == "hv") begin -= 2;
    if (begin < from || (begin > 0 && is_word(text[begin - 1]))) continue;
    std::size_t end = dot + 1;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end - dot - 1 >= kShortest) return {begin, end - begin};
  }
  return own;
}

SecretText Scrub::text(std::string_view text) {
  SecretText out;
  std::size_t at = 0;
  for (Place p = find(text, 0); p.size != 0; p = find(text, at)) {
    out.append(text.substr(at, p.from - at)).append(kRemoved);
    at = p.from + p.size;
    ++removed_;
  }
  out.append(text.substr(at));
  return out;
}

SecretText Scrub::lines(std::string_view text) {
  SecretText out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.append(view(json(text.substr(0, end)))).append("\n");
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

bool Scrub::finds_in(std::string_view text) const { return find(text, 0).size != 0; }

void Scrub::write(json::Writer& w, json::Node n, std::string_view name) {
  if (n.is_object()) {
    w.begin_object();
    for (const json::Node m : n) w.key(view(text(m.key()))), write(w, m, m.key());
    w.end_object();
  } else if (n.is_array()) {
    w.begin_array();
    for (const json::Node m : n) write(w, m, name);
    w.end_array();
  } else if (!n.is_string()) {
    w.raw(n.source());
  } else if (!n.text().empty() && names_secret(name)) {
    ++removed_;
    w.string(kRemoved);
  } else {
    w.string(view(text(n.text())));
  }
}

SecretText Scrub::json(std::string_view source) {
  const auto doc = json::Doc::parse(source, reply_limits());
  if (!doc) return text(source);
  SecretText out;
  json::Writer w(out);
  write(w, doc->root(), {});
  return out;
}

}  // namespace strongroom::apps::cli
