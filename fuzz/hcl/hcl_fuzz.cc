// HCL and its JSON form: what parses can be printed, the print parses to the same tree and is its own print,
// and no error repeats the text it complains about.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "schema/hcl.h"

namespace {
using namespace strongroom;

void check(bool holds) {
  if (!holds) std::abort();
}

bool same(const hcl::Body& a, const hcl::Body& b);
bool same(const hcl::Value& a, const hcl::Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.boolean != b.boolean || a.list.size() != b.list.size())
    return false;
  for (std::size_t i = 0; i < a.list.size(); ++i)
    if (!same(a.list[i], b.list[i])) return false;
  return same(a.object, b.object);
}
bool same(const hcl::Body& a, const hcl::Body& b) {
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    const hcl::Item& x = a.items[i];
    const hcl::Item& y = b.items[i];
    if (x.key != y.key || x.labels != y.labels || x.form != y.form || !same(x.value, y.value)) return false;
  }
  return true;
}

void look_at(const hcl::Value& v) {
  check(v.at.line > 0 && v.at.column > 0);
  if (const auto whole = v.integer()) check(v.real().has_value());
  check(!hcl::describe(v.kind).empty());
  for (const hcl::Value& e : v.list) look_at(e);
  for (const hcl::Item& i : v.object.items) {
    check(v.object.find(i.key) != nullptr);
    look_at(i.value);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  hcl::Limits limits;
  limits.bytes = 8192;
  limits.items = 500;
  const auto body = hcl::parse(text, limits);
  const auto printed = hcl::format(text, limits);
  if (!body) {
    check(body.error().code == Code::invalid_argument && !body.error().message.empty() && !printed);
    check(text.find("needle") == std::string_view::npos ||
          body.error().message.find("needle") == std::string::npos);
    return 0;
  }
  for (const hcl::Item& i : body->items) {
    look_at(i.value);
    for (const std::size_t labels : {std::size_t{0}, std::size_t{1}, std::size_t{2}})
      if (const auto found = hcl::blocks(*body, i.key, labels))
        for (const hcl::Block& b : *found)
          check(b.body != nullptr && b.labels.size() == labels && b.at.line > 0);
  }
  if (!printed) return 0;  // JSON
  limits.bytes *= 8;       // indentation
  const auto again = hcl::parse(*printed, limits);
  check(again && same(*body, *again));
  const auto twice = hcl::format(*printed, limits);
  check(twice && *twice == *printed);
  return 0;
}
