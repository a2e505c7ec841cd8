#include "base/path.h"

#include <algorithm>

#include "base/bytes.h"

namespace strongroom {
namespace {
int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool is_escape(std::string_view s, std::size_t i) {
  return i + 2 < s.size() && s[i] == '%' && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0;
}
std::unexpected<Error> bad_path(std::string rule) { return bad("path: " + std::move(rule)); }
}  // namespace

Result<Path> Path::from_url(std::string_view in) {
  if (in.size() > 3 * kMost) return bad_path("must be at most 4096 bytes");
  std::string text;
  text.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '%') {
      text.push_back(in[i]);
      continue;
    }
    if (!is_escape(in, i)) return bad_path("a percent sign must start an escape of two hexadecimal digits");
    const auto c = static_cast<char>(hex(in[i + 1]) << 4 | hex(in[i + 2]));
    if (c == '/' || c == '\\') return bad_path("must not contain an encoded separator");
    text.push_back(c);
    i += 2;
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    if (is_escape(text, i)) return bad_path("must not be percent-encoded twice");
  return from_text(text);
}

Result<Path> Path::from_text(std::string_view text) {
  if (text.size() > kMost) return bad_path("must be at most 4096 bytes");
  if (!valid_utf8(text)) return bad_path("must be valid UTF-8");
  if (!printable(text) || text.find('\\') != text.npos)
    return bad_path("must hold printable characters only, and no backslashes");
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('/', i), text.size());
    const auto segment = text.substr(i, end - i);
    if (segment.empty()) return bad_path("must not contain empty segments");
    if (segment == "." || segment == "..") return bad_path("must not contain . or .. segments");
    if (segment.size() > kMostSegment) return bad_path("segments must be at most 400 bytes");
    i = end + 1;
  }
  Path p;
  p.text_ = text;
  return p;
}

std::string Path::redirect_target(std::string_view raw) {
  if (raw.find("//") == std::string_view::npos) return {};
  std::string out;
  for (const char c : raw)
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  return out;
}

Path Path::as_folder() const {
  Path p = *this;
  if (!p.text_.empty() && !p.text_.ends_with('/')) p.text_.push_back('/');
  return p;
}

}  // namespace strongroom
