// The path canonicaliser: whatever it accepts is in the one canonical form, and canonicalising again changes
// nothing.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "base/path.h"

namespace {
using strongroom::Path;

void must(bool holds) {
  if (!holds) std::abort();
}

void canonical(const Path& p) {
  const auto text = p.text();
  must(text.size() <= Path::kMost && strongroom::valid_utf8(text) && !text.starts_with('/'));
  must(text.find("//") == std::string_view::npos && text.find('\\') == std::string_view::npos);
  const std::string framed = "/" + std::string(text) + "/";
  must(framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos);
  must(strongroom::printable(text));
  const auto again = Path::from_text(text);
  must(again && *again == p);
  must(p.as_folder().as_folder() == p.as_folder());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  if (const auto p = Path::from_url(in)) canonical(*p);
  if (const auto p = Path::from_text(in)) canonical(*p);
  const auto target = Path::redirect_target(in);
  must(target.empty() || (target.find("//") == std::string::npos && Path::redirect_target(target).empty()));
  return 0;
}
