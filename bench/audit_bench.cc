// What one record costs: encoding, redaction, the log's thread, Vault's two lines; and how large groups are.
#include <benchmark/benchmark.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "audit/log.h"
#include "audit/redact.h"
#include "audit/sinks/file/file_sink.h"
#include "audit/sinks/file/vault_lines.h"
#include "audit/test_fixture.h"

namespace strongroom::audit {
namespace {

void encode_record(benchmark::State& state) {
  const Record r = test::kv_read(7);
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode_onto(out, r);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(encode_record);

void decode_record(benchmark::State& state) {
  const std::string bytes = encode(test::kv_read(7));
  for (auto _ : state) benchmark::DoNotOptimize(decode(bytes));
}
BENCHMARK(decode_record);

void redact_six_values(benchmark::State& state) {
  const Redactor redactor(Secret::copy_of(std::string(32, 'k')));
  const auto doc =
      json::Doc::parse(R"({"user":"ann","password":"correct horse","pin":1234,"on":true,"list":["x","y"]})");
  Tree out;
  for (auto _ : state) {
    out.clear();
    tree::Writer writer(out);
    redactor.redact(doc->root(), writer);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(redact_six_values);

void vault_lines(benchmark::State& state) {
  const Record r = test::kv_read(7);
  std::string out;
  for (auto _ : state) {
    out.clear();
    sinks::append_vault_lines(out, r);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(vault_lines);

// The log's thread alone, from the queue to the callback, without a disk: records wait in large groups.
void through_memory(benchmark::State& state) {
  test::World world;
  const test::FixedKeys keys;
  LogLimits limits;
  limits.queue = 1u << 20;
  auto log = *Log::open({}, limits, world.env);
  (void)log->unseal(keys, test::kStoreId).has_value();
  const Record r = test::kv_read(7);
  constexpr int kBatch = 1000;
  for (auto _ : state) {
    std::atomic<int> left{kBatch};
    for (int i = 0; i < kBatch; ++i)
      log->append(r, [&left](const Status&) {
        if (left.fetch_sub(1) == 1) left.notify_one();
      });
    for (int now = left; now > 0; now = left) left.wait(now);
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(through_memory)->MeasureProcessCPUTime()->UseRealTime();

// On the disk: so many callers that each wait for their record.
void on_disk(benchmark::State& state) {
  struct Groups final : Reader {
    void take(std::uint64_t, const Record&) noexcept override { ++records; }
    void flush() noexcept override { ++groups; }
    std::uint64_t records = 0, groups = 0;
  } groups;
  test::World world;
  SystemClock clock;
  Env env{clock, world.random, world.workers, world.log};
  test::Folder folder;
  const test::FixedKeys keys;
  {
    auto log = *Log::open(folder.path() / "audit", {}, env);
    (void)log->unseal(keys, test::kStoreId).has_value();
    log->add_reader(groups);
    std::unique_ptr<sinks::FileSink> device;
    if (state.range(1) != 0) {
      sinks::FileSinkOptions options;
      options.file_path = (folder.path() / "audit.json").native();
      device = *sinks::FileSink::open({"file", folder.path() / "sinks"}, options, *log, env);
    }
    const Record r = test::kv_read(7);
    const auto waiting = static_cast<int>(state.range(0));
    constexpr int kEach = 200;
    for (auto _ : state) {
      std::atomic<int> left{waiting * kEach};
      struct Caller {
        Log& log;
        const Record& record;
        std::atomic<int>& left;
        int todo = kEach;
        void next() {
          log.append(record, [this](const Status&) {
            if (--todo > 0) next();
            if (left.fetch_sub(1) == 1) left.notify_one();
          });
        }
      };
      std::vector<std::unique_ptr<Caller>> callers;
      for (int i = 0; i < waiting; ++i) {
        callers.push_back(std::make_unique<Caller>(*log, r, left));
        callers.back()->next();
      }
      for (int now = left; now > 0; now = left) left.wait(now);
    }
    state.SetItemsProcessed(state.iterations() * waiting * kEach);
    if (device) (void)device->settle().has_value();
    log->remove_reader(groups);
  }
  state.counters["records per group"] =
      static_cast<double>(groups.records) / static_cast<double>(groups.groups);
}
BENCHMARK(on_disk)
    ->Args({1, 0})
    ->Args({16, 0})
    ->Args({64, 0})
    ->Args({256, 0})
    ->Args({256, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace strongroom::audit
