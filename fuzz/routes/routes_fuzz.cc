// Random requests made of the route tables against a whole server (testkit/route_fuzzer.h). The input is the
// tape of decisions; a found input is replayed by giving its file: build/asan/routes_fuzz FILE.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "testkit/route_fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view tape(reinterpret_cast<const char*>(bytes), size);
  strongroom::testkit::RouteFuzzer fuzzer(tape);
  const auto wrong = fuzzer.run();
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s", wrong.c_str());
    std::abort();
  }
  return 0;
}
