// The embedded store: durable commits per second by number of waiting writers, and what a snapshot and a get
// cost. SR_BENCH_DIR names a directory on the disk to measure (default: the system's temporary directory),
// SR_BENCH_KEYS how many records are there before.
#include <benchmark/benchmark.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "store/committer.h"
#include "store/memory_store.h"
#include "store/plain_sealer.h"
#include "stores/embedded/embedded_store.h"

namespace strongroom {
namespace {

std::uint64_t keys() {
  const char* value = std::getenv("SR_BENCH_KEYS");
  return value != nullptr ? std::strtoull(value, nullptr, 10) : 300'000;
}

std::string key_of(std::uint64_t number) {
  // Spread as the barrier's hashed names are: 4 + 16 + 16 bytes.
  std::string key = store::table_key(store::kFirstMount);
  for (int i = 0; i < 4; ++i) {
    number = (number ^ number >> 31) * 0x9e3779b97f4a7c15U + 1;
    put_u64(key, number);
  }
  return key;
}

class Silent final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

// A store filled once for all benchmarks.
class Filled {
 public:
  Filled() {
    const char* where = std::getenv("SR_BENCH_DIR");
    std::string name =
        ((where != nullptr ? std::filesystem::path(where) : std::filesystem::temp_directory_path()) /
         "sr-bench-XXXXXX");
    path_ = ::mkdtemp(name.data());
    store_ = *stores::EmbeddedStore::open({.path = path_ / "store"}, log_);
    const std::uint64_t epoch = *store_->lead();
    store::Group group;
    for (std::uint64_t i = 0; i < keys();) {
      group.writes.clear();
      for (int n = 0; n < 4096 && i < keys(); ++n)
        group.writes.push_back({key_of(i++), std::string(408, 'v')});
      group.first = 1;
      group.last = 0;
      if (!store_->apply(group, epoch)) std::abort();
    }
  }
  ~Filled() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  stores::EmbeddedStore& store() { return *store_; }
  static Filled& instance() {
    static Filled filled;
    return filled;
  }

 private:
  NoLog log_;
  std::filesystem::path path_;
  std::unique_ptr<stores::EmbeddedStore> store_;
};

store::Transaction write(std::mt19937_64& dice, int puts) {
  store::Transaction txn;
  for (int i = 0; i < puts; ++i) txn.puts.push_back({key_of(dice() % keys()), SecretText(400, 'v')});
  txn.record.assign(400, 'r');
  return txn;
}

// `writers` transactions are always waiting; each answer submits the next.
void commits(benchmark::State& state, store::Store& store) {
  const auto writers = static_cast<std::size_t>(state.range(0));
  const int puts = static_cast<int>(state.range(1));
  NoLog log;
  Silent listener;
  store::PlainSealer sealer;
  store::Committer committer(store, sealer, listener, log, {});
  std::mt19937_64 dice(1);
  std::mutex mutex;
  std::condition_variable done;
  std::size_t open = 0;
  const store::Revision before = committer.newest();
  for (auto _ : state) {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return open < writers; });
    const std::size_t more = writers - open;
    open = writers;
    lock.unlock();
    for (std::size_t i = 0; i < more; ++i) {
      committer.submit(write(dice, puts), [&](Result<store::Committed> result) {
        if (!result) std::abort();
        const std::lock_guard answered(mutex);
        --open;
        done.notify_one();
      });
    }
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return open == 0; });
  const store::Revision after = committer.newest();
  std::vector<store::Write> outbox;
  for (store::Revision r = before + 1; r <= after; ++r)
    outbox.push_back({store::outbox_key(r), std::nullopt});
  static_cast<void>(committer.install(std::move(outbox)));
  state.counters["commits"] =
      benchmark::Counter(static_cast<double>(after - before), benchmark::Counter::kIsRate);
}

void embedded_commits(benchmark::State& state) { commits(state, Filled::instance().store()); }
BENCHMARK(embedded_commits)
    ->ArgNames({"writers", "puts"})
    ->Args({1, 4})
    ->Args({8, 4})
    ->Args({64, 4})
    ->Args({64, 1})
    ->Args({256, 4})
    ->UseRealTime();

void memory_commits(benchmark::State& state) {
  static store::MemoryStore store;
  commits(state, store);
}
BENCHMARK(memory_commits)->ArgNames({"writers", "puts"})->Args({1, 4})->Args({64, 4})->UseRealTime();

void embedded_snapshot(benchmark::State& state) {
  stores::EmbeddedStore& store = Filled::instance().store();
  for (auto _ : state) benchmark::DoNotOptimize(store.snapshot());
}
BENCHMARK(embedded_snapshot);

void embedded_get(benchmark::State& state) {
  stores::EmbeddedStore& store = Filled::instance().store();
  const auto snapshot = *store.snapshot();
  std::mt19937_64 dice(2);
  std::vector<std::string> some;
  for (int i = 0; i < 4096; ++i) some.push_back(key_of(dice() % keys()));
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(snapshot->get(some[at++ % some.size()]));
}
BENCHMARK(embedded_get);

}  // namespace
}  // namespace strongroom
