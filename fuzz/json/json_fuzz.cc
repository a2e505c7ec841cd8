// Arbitrary bytes through the JSON reader. What it accepts is walked, written again token by token and in its
// decoded form, and both must read as the same value. The first byte chooses the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/bytes.h"
#include "schema/json.h"

namespace {
using namespace strongroom;
using namespace strongroom::json;

void check(bool holds) {
  if (!holds) std::abort();
}

std::size_t inner(const Node& n) {
  std::size_t count = 0;
  for (auto it = n.begin(); it != n.end(); ++it) ++count;
  return count;
}

void rewrite(const Node& n, Writer& out, std::size_t depth) {
  check(depth <= 300);
  check(inner(n) == n.size());
  check(!n.source().empty());
  switch (n.kind()) {
    case Kind::object:
      out.begin_object();
      for (const Node m : n) {
        const auto last = n.find(m.key());
        check(last.has_value());
        check(valid_utf8(m.key()));
        out.key(m.key());
        rewrite(m, out, depth + 1);
      }
      out.end_object();
      check(!n.find("\xff"));
      break;
    case Kind::array:
      out.begin_array();
      for (const Node m : n) rewrite(m, out, depth + 1);
      out.end_array();
      break;
    case Kind::string:
      check(valid_utf8(n.text()));
      out.string(n.text());
      break;
    case Kind::number:
      check(n.text() == n.source());
      if (const auto v = n.integer(); v && n.source() != "-0")
        out.integer(*v);
      else
        out.raw(n.source());
      break;
    case Kind::boolean:
      out.boolean(n.boolean());
      break;
    case Kind::null:
      check(n.is_null());
      out.null();
      break;
  }
}

void same(const Node& a, const Node& b) {
  check(a.kind() == b.kind() && a.size() == b.size() && a.key() == b.key());
  if (!a.is_object() && !a.is_array()) {
    check(a.text() == b.text());
    return;
  }
  auto other = b.begin();
  for (const Node m : a) {
    same(m, *other);
    ++other;
  }
  check(other == b.end());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  Limits limits;
  if ((bytes[0] & 1) != 0) limits = {.depth = 4, .members = 3, .elements = 3, .string = 8};
  const auto doc = Doc::parse(text, limits);
  if (!doc) {
    check(doc.error().code == Code::invalid_argument);
    check(doc.error().message.starts_with("body: JSON "));
    return 0;
  }
  const Node root = doc->root();
  SecretText written;
  Writer writer(written);
  rewrite(root, writer, 0);
  const auto again = Doc::parse(view(written));
  check(again.has_value());
  same(root, again->root());
  const auto part = Doc::parse(root.source());
  check(part.has_value());
  same(root, part->root());
  return 0;
}
