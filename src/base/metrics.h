// Numbers that the hot path adds to without waiting for anybody, and the list of those that the server shows.
// Each thread adds to a cache line of its own; reading sums the lines up. No name and no label ever comes
// from a request: what is counted is fixed when the server starts.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strongroom::metrics {

// Which line of cells this thread adds to.
inline std::size_t this_thread() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

// A row of counters. Any thread; sums are not one moment's, and never run backwards.
class Cells {
 public:
  explicit Cells(std::size_t count);
  void add(std::size_t cell, std::uint64_t by = 1) noexcept {
    const std::size_t at = (this_thread() & mask_) * stride_ + cell / kPerLine;
    lines_[at].cells[cell % kPerLine].fetch_add(by, std::memory_order_relaxed);
  }
  std::uint64_t sum(std::size_t cell) const noexcept;
  std::size_t size() const noexcept { return count_; }

 private:
  static constexpr std::size_t kPerLine = 8;
  struct alignas(64) Line {
    std::array<std::atomic<std::uint64_t>, kPerLine> cells{};
  };
  const std::size_t count_;
  const std::size_t stride_;  // lines of one thread
  const std::size_t mask_;    // threads share 2^n rows
  std::unique_ptr<Line[]> lines_;
};

class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { cells_.add(0, by); }
  std::uint64_t value() const noexcept { return cells_.sum(0); }

 private:
  Cells cells_{1};
};

// What a histogram shows: how many were at most each bound, and the sum of all. In a summary's sample the
// buckets are about what came lately, count and sum about all.
struct Distribution {
  struct Bucket {
    double most = 0;
    std::uint64_t count = 0;  // cumulative
  };
  std::vector<Bucket> buckets;
  std::uint64_t count = 0;
  double sum = 0;
  Distribution& operator+=(const Distribution& other);  // over the same bounds
};
// The value that this part of all is at most (0.99: all but one in a hundred), taken as evenly spread within
// its bucket, as Prometheus' histogram_quantile does. Above the last bound: that. NaN of nothing.
double quantile(std::span<const Distribution::Bucket>, std::uint64_t count, double part) noexcept;

// What a histogram got in the last ten seconds. remember() once a second by one thread; since() by any.
class Lately {
 public:
  void remember(Distribution now);
  // Counts of what came since the oldest that is remembered.
  Distribution since(const Distribution& now) const;

 private:
  static constexpr std::size_t kSeconds = 10;
  mutable std::mutex mutex_;
  std::deque<Distribution> past_;  // under mutex_
};

// Several histograms over the same bounds, one for each of `series`. Values are whole numbers (nanoseconds,
// bytes); `unit` is what one of them is when shown (1e-9 for seconds).
class Histogram {
 public:
  Histogram(std::span<const std::uint64_t> bounds, double unit, std::size_t series = 1)
      : bounds_(bounds), unit_(unit), width_(bounds.size() + 2), cells_(width_ * series) {}
  void observe(std::uint64_t value, std::size_t series = 0) noexcept {
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    cells_.add(series * width_ + bucket);
    cells_.add(series * width_ + width_ - 1, value);
  }
  Distribution read(std::size_t series = 0) const;
  std::size_t series() const noexcept { return cells_.size() / width_; }

 private:
  const std::span<const std::uint64_t> bounds_;
  const double unit_;
  const std::size_t width_;
  Cells cells_;
};

// 50 µs to 10 s, and 1 to 512: what fits requests, disks and groups.
std::span<const std::uint64_t> time_bounds() noexcept;  // nanoseconds
std::span<const std::uint64_t> size_bounds() noexcept;

using Labels = std::vector<std::pair<std::string_view, std::string>>;
struct Sample {
  Labels labels;
  double value = 0;
  Distribution distribution = {};  // of histograms and summaries
  std::uint64_t recent = 0;        // of summaries: how many the buckets are about
};

enum class Kind : std::uint8_t { counter, gauge, histogram, summary };
std::string_view name(Kind) noexcept;

// One name with everything counted under it.
struct Family {
  std::string name;  // as Prometheus has it
  std::string help;  // one sentence
  Kind kind = Kind::counter;
  std::vector<std::string> labels = {};
  std::string dotted = {};  // the name in Vault's JSON; empty: as `name`
  std::function<std::vector<Sample>()> read = {};
};

// Filled when the server starts, read ever after.
class Registry {
 public:
  void add(Family family) { families_.push_back(std::move(family)); }
  // Of one number.
  void number(Kind kind, std::string name, std::string help, std::function<double()> read,
              std::string dotted = {});
  // Of one histogram, whole.
  void distribution(std::string name, std::string help, std::function<Distribution()> read);
  std::span<const Family> families() const noexcept { return families_; }

 private:
  std::vector<Family> families_;
};

}  // namespace strongroom::metrics
