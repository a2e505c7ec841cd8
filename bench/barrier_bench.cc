// The barrier over the memory store: reads, groups of writes, links and pages of large directories.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "barrier/barrier.h"
#include "base/bytes.h"
#include "crypto/random.h"
#include "seals/static/static_seal.h"
#include "store/memory_store.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {
constexpr std::uint32_t kMount = store::kFirstMount;

class Bed {
 public:
  crypto::SystemRandom random;
  store::MemoryStore store;
  Barrier barrier{random};

  Bed() : epoch_(*store.lead()) {
    seals::static_key::StaticSeal seal(random, {"1", crypto::Key::random(random)});
    apply(std::move(barrier.found(seal)->writes), 0);
    if (!barrier.unseal(**store.snapshot(), seal)) std::abort();
    const std::string keys = *barrier.new_mount_keys(kMount);
    if (!barrier.open_mount(kMount, keys)) std::abort();
  }
  void commit(std::span<const store::Put> puts, std::span<const store::LateEdit> edits) {
    const auto before = *store.snapshot();
    const store::Draft d{before->revision() + 1, puts, edits, {}};
    std::vector<store::Write> out;
    if (!barrier.seal(*before, {&d, 1}, out)) std::abort();
    barrier.settled(store::Sealer::Fate::applied);
    apply(std::move(out), 1);
  }
  std::string name() {
    std::array<std::byte, 6> b{};
    random.fill(b);
    return "service-" + to_hex(b);
  }
  void fill(std::size_t names) {
    for (std::size_t i = 0; i < names; i += 4096) {
      std::vector<store::LateEdit> edits;
      for (int j = 0; j < 4096; ++j)
        edits.push_back({store::LateEdit::Op::link, kMount, 0, SecretText(name())});
      commit({}, edits);
    }
  }

 private:
  void apply(std::vector<store::Write> writes, store::Revision n) {
    store::Group g;
    g.first = (*store.snapshot())->revision() + 1;
    g.last = g.first + n - 1;
    g.writes = std::move(writes);
    if (!store.apply(g, epoch_)) std::abort();
  }
  std::uint64_t epoch_;
};

void open_a_record_of_300_bytes(benchmark::State& state) {
  Bed bed;
  const std::string key = bed.barrier.node(kMount, 0, "app/db")->bytes;
  const store::Put put{key, SecretText(300, 'x')};
  bed.commit({&put, 1}, {});
  const auto snapshot = *bed.store.snapshot();
  const std::string_view stored = **snapshot->get(key);
  for (auto _ : state) benchmark::DoNotOptimize(bed.barrier.open(key, stored));
}
BENCHMARK(open_a_record_of_300_bytes);

void node_key(benchmark::State& state) {
  const Bed bed;
  for (auto _ : state) benchmark::DoNotOptimize(bed.barrier.node(kMount, 0, "teams/payments/db"));
}
BENCHMARK(node_key);

// Per put, in groups of 64.
void seal_a_put_of_300_bytes(benchmark::State& state) {
  Bed bed;
  std::vector<store::Put> puts;
  for (int i = 0; i < 64; ++i)
    puts.push_back({bed.barrier.node(kMount, 0, fmt::format("app/{}", i))->bytes, SecretText(300, 'x')});
  bed.commit(puts, {});
  const auto before = *bed.store.snapshot();
  const store::Draft d{before->revision() + 1, puts, {}, {}};
  for (auto _ : state) {
    std::vector<store::Write> out;
    if (!bed.barrier.seal(*before, {&d, 1}, out)) std::abort();
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(seal_a_put_of_300_bytes);

// Random new names, in groups of 64; items are links. The store's own apply is outside.
void link_into_a_directory(benchmark::State& state) {
  Bed bed;
  bed.fill(static_cast<std::size_t>(state.range(0)));
  const auto before = *bed.store.snapshot();
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<store::LateEdit> edits;
    for (int j = 0; j < 64; ++j)
      edits.push_back({store::LateEdit::Op::link, kMount, 0, SecretText(bed.name())});
    const store::Draft d{before->revision() + 1, {}, edits, {}};
    std::vector<store::Write> out;
    state.ResumeTiming();
    if (!bed.barrier.seal(*before, {&d, 1}, out)) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(link_into_a_directory)->Arg(10'000)->Arg(1'000'000);

void page_of_1000_names(benchmark::State& state) {
  Bed bed;
  bed.fill(static_cast<std::size_t>(state.range(0)));
  const auto snapshot = *bed.store.snapshot();
  for (auto _ : state) benchmark::DoNotOptimize(bed.barrier.list(*snapshot, kMount, 0, "", bed.name(), 1000));
}
BENCHMARK(page_of_1000_names)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace strongroom::barrier
