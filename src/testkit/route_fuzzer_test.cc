// A few runs of the route fuzzer in every build; long ones under sanitizers: scripts/fuzz routes SECONDS.
//   SR_SEED=N replays one run, SR_SEEDS=N makes so many.
#include "testkit/route_fuzzer.h"

#include <gtest/gtest.h>

namespace strongroom::testkit {
namespace {

TEST(RouteFuzzer, FindsNoInternalErrorAndNoSecretInALog) {
  const auto first = from_environment("SR_SEED", 1);
  const auto runs = from_environment("SR_SEEDS", 40);
  std::size_t requests = 0;
  std::size_t served = 0;
  for (auto seed = first; seed < first + runs; ++seed) {
    const auto tape = RouteFuzzer::tape_of(seed);
    RouteFuzzer fuzzer(tape);
    const auto wrong = fuzzer.run();
    EXPECT_EQ(wrong, "") << "SR_SEED=" << seed << " SR_SEEDS=1";
    requests += fuzzer.requests();
    served += fuzzer.served();
  }
  RecordProperty("requests", static_cast<int>(requests));
  RecordProperty("served", static_cast<int>(served));
  EXPECT_GT(served * 8, requests) << "hardly anything was valid: the fuzzer has lost its way";
}

}  // namespace
}  // namespace strongroom::testkit
