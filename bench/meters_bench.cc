// What counting one request costs, alone and on two threads at once; the clock that times it is beside it.
#include <benchmark/benchmark.h>

#include "core/meters.h"

namespace strongroom {
namespace {

struct Counted {
  Counted() {
    meters.know({"system", "token", "cubbyhole", "kv"});
    request.call.path = *Path::from_url("secret/data/app/config");
    reply.mount_type = "kv";
  }
  core::Meters meters;
  core::Request request;
  core::Reply reply;
};

void count_a_request(benchmark::State& state) {
  static Counted counted;
  std::int64_t n = 0;
  for (auto _ : state)
    counted.meters.answered(counted.request, counted.reply, Nanoseconds(100'000 + n++ % 1000));
}
BENCHMARK(count_a_request)->Threads(1)->Threads(2);

void read_the_clock(benchmark::State& state) {
  const SystemClock clock;
  for (auto _ : state) benchmark::DoNotOptimize(clock.ticks());
}
BENCHMARK(read_the_clock);

}  // namespace
}  // namespace strongroom
