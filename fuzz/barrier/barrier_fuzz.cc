// The barrier's decoders. The first byte chooses one; a directory chunk that parses is then edited by the
// rest of the bytes and must come out sorted as it went in.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "barrier/chunk.h"
#include "barrier/format_record.h"
#include "barrier/record.h"
#include "barrier/set_hash.h"

namespace {
using namespace strongroom;
using namespace strongroom::barrier;

void check(bool holds) {
  if (!holds) std::abort();
}

void chunk(std::string_view in) {
  auto parsed = Chunk::parse(SecretText(in));
  if (!parsed) return;
  check(parsed->stored() == in);
  if (!parsed->sorted()) return;
  const bool inner = parsed->kind() == Chunk::Kind::inner;
  for (std::size_t i = 0; i < in.size() && parsed->count() != 0; ++i) {
    const std::string_view name = in.substr(i, static_cast<std::uint8_t>(in[i]) % 9);
    const std::size_t at = parsed->lower_bound(name);
    const bool there = at < parsed->count() && parsed->name(at) == name;
    if (!there)
      parsed->insert(at, name, static_cast<std::uint32_t>(i));
    else if (!inner || parsed->count() > 1)
      parsed->erase(at);
    check(parsed->sorted());
    if (i % 16 == 15 && parsed->count() > 1) {
      const Chunk right = parsed->split(parsed->count() / 2);
      parsed->join(right);
      check(parsed->sorted());
    }
  }
  const auto again = Chunk::parse(SecretText(parsed->stored()));
  check(again && again->count() == parsed->count());
  for (std::size_t i = 0; i < parsed->count(); ++i) check(again->name(i) == parsed->name(i));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      if (const auto r = Record::parse(in)) check(r->header.size() + r->sealed.size() == in.size());
      break;
    case 1:
      if (const auto f = FormatRecord::decode(in)) check(f->encode() == in);
      break;
    case 2:
      if (const auto h = SetHash::decode(in)) check(view(h->encode()) == in);
      break;
    default:
      chunk(in);
  }
  return 0;
}
