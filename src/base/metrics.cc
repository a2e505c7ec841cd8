#include "base/metrics.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <thread>

namespace strongroom::metrics {
namespace {
// Loops, workers, the committer's and the log's thread.
std::size_t rows() noexcept {
  return std::clamp<std::size_t>(std::bit_ceil(std::thread::hardware_concurrency() + std::size_t{2}), 4, 64);
}
}  // namespace

Cells::Cells(std::size_t count)
    : count_(count),
      stride_((count + kPerLine - 1) / kPerLine),
      mask_(rows() - 1),
      lines_(std::make_unique<Line[]>(stride_ * (mask_ + 1))) {}

std::uint64_t Cells::sum(std::size_t cell) const noexcept {
  std::uint64_t all = 0;
  for (std::size_t row = 0; row <= mask_; ++row)
    all += lines_[row * stride_ + cell / kPerLine].cells[cell % kPerLine].load(std::memory_order_relaxed);
  return all;
}

Distribution Histogram::read(std::size_t series) const {
  Distribution d;
  d.buckets.reserve(bounds_.size());
  const std::size_t first = series * width_;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    d.count += cells_.sum(first + i);
    d.buckets.push_back({static_cast<double>(bounds_[i]) * unit_, d.count});
  }
  d.count += cells_.sum(first + bounds_.size());
  d.sum = static_cast<double>(cells_.sum(first + width_ - 1)) * unit_;
  return d;
}

Distribution& Distribution::operator+=(const Distribution& other) {
  if (buckets.empty()) buckets.resize(other.buckets.size());
  for (std::size_t i = 0; i < std::min(buckets.size(), other.buckets.size()); ++i) {
    buckets[i].most = other.buckets[i].most;
    buckets[i].count += other.buckets[i].count;
  }
  count += other.count;
  sum += other.sum;
  return *this;
}

double quantile(std::span<const Distribution::Bucket> buckets, std::uint64_t count, double part) noexcept {
  if (count == 0 || buckets.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double rank = part * static_cast<double>(count);
  double most = 0;
  std::uint64_t below = 0;
  for (const auto& b : buckets) {
    if (b.count > below && static_cast<double>(b.count) >= rank)
      return most +
             (b.most - most) * (rank - static_cast<double>(below)) / static_cast<double>(b.count - below);
    most = b.most;
    below = b.count;
  }
  return most;
}

void Lately::remember(Distribution now) {
  const std::lock_guard guard(mutex_);
  past_.push_back(std::move(now));
  if (past_.size() > kSeconds) past_.pop_front();
}

Distribution Lately::since(const Distribution& now) const {
  Distribution d = now;
  const std::lock_guard guard(mutex_);
  if (past_.empty()) return d;
  const auto& then = past_.front();
  for (std::size_t i = 0; i < std::min(d.buckets.size(), then.buckets.size()); ++i)
    d.buckets[i].count -= std::min(d.buckets[i].count, then.buckets[i].count);
  d.count -= std::min(d.count, then.count);
  d.sum -= then.sum;
  return d;
}

std::span<const std::uint64_t> time_bounds() noexcept {
  static constexpr std::uint64_t us = 1000, ms = 1000 * us;
  static constexpr std::array<std::uint64_t, 16> bounds{
      50 * us, 100 * us, 250 * us, 500 * us, 1 * ms,   2500 * us, 5 * ms,    10 * ms,
      25 * ms, 50 * ms,  100 * ms, 250 * ms, 500 * ms, 1000 * ms, 2500 * ms, 10000 * ms};
  return bounds;
}

std::span<const std::uint64_t> size_bounds() noexcept {
  static constexpr std::array<std::uint64_t, 10> bounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  return bounds;
}

std::string_view name(Kind kind) noexcept {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      return "histogram";
    case Kind::summary:
      return "summary";
  }
  return "untyped";
}

void Registry::number(Kind kind, std::string name, std::string help, std::function<double()> read,
                      std::string dotted) {
  add({std::move(name), std::move(help), kind, {}, std::move(dotted), [read = std::move(read)] {
         return std::vector<Sample>{{{}, read()}};
       }});
}

void Registry::distribution(std::string name, std::string help, std::function<Distribution()> read) {
  add({std::move(name), std::move(help), Kind::histogram, {}, {}, [read = std::move(read)] {
         return std::vector<Sample>{{{}, 0, read()}};
       }});
}

}  // namespace strongroom::metrics
