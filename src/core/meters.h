// What the core counts of its requests, commits and tokens. Any thread; adding never waits. Labels are fixed
// at the start: operations, kinds of errors, types of mounts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/metrics.h"
#include "core/call.h"

namespace strongroom::core {

class Meters {
 public:
  // The types a mount can have; once, before the first request.
  void know(std::vector<std::string> mount_types);
  void answered(const Request&, const Reply&, Nanoseconds took) noexcept;
  void committed(std::size_t transactions) noexcept {
    commits.add(transactions);
    group_size.observe(transactions);
  }
  void tick();  // about once a second
  void describe(metrics::Registry&) const;

  metrics::Counter commits, conflicts, commit_failures, audit_failures, tokens_removed, tokens_expired;
  metrics::Histogram group_size{metrics::size_bounds(), 1};
  metrics::Histogram commit_wait{metrics::time_bounds(), 1e-9}, audit_wait{metrics::time_bounds(), 1e-9};

 private:
  static constexpr std::size_t kOperations = 7;                                           // verbs, and help
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Code::internal) + 2;  // codes, and ok
  metrics::Distribution all_requests() const;
  std::size_t type_of(std::string_view mount_type) const noexcept;
  std::vector<std::string> types_;  // the last is "none"
  std::unique_ptr<metrics::Cells> requests_;
  std::unique_ptr<metrics::Histogram> times_;  // by operation and type
  metrics::Cells created_{2};                  // service, wrapping
  metrics::Lately lately_, audit_lately_;      // of all requests, and of audit_wait
};

}  // namespace strongroom::core
