// Store: the untrusted engine under everything. It sees only ciphertext under opaque keys and promises one
// thing: what apply() acknowledged is durable, whole, and visible to every later snapshot.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace strongroom::store {

using Key = std::string;         // raw bytes, 1 to 480 of them
using Revision = std::uint64_t;  // dense, one per transaction; 0 is the empty store

struct Write {
  Key key;
  std::optional<std::string> value;  // empty: erase
};

// What one apply() makes durable together: transactions first..last. first == last + 1 is housekeeping alone,
// which changes no revision.
struct Group {
  // What a full disk leaves is kept for groups that free space.
  enum class Space : std::uint8_t { ordinary, reserve };
  Revision first = 1;
  Revision last = 0;
  Space space = Space::ordinary;
  std::vector<Write> writes;  // in order; a later write of a key wins
};

// One consistent state. Used by one thread; its views die with it. Short-lived: a pinned snapshot makes the
// file grow.
class Snapshot {
 public:
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;  // false ends the scan
  virtual ~Snapshot() = default;
  virtual Revision revision() const noexcept = 0;
  virtual Result<std::optional<std::string_view>> get(std::string_view key) const = 0;
  // Keys of [first, last) in byte order.
  virtual Status scan(std::string_view first, std::string_view last, const Visit&) const = 0;
};

struct Traits {
  bool local_reads = true;           // a get costs microseconds: handlers may run on the loop
  std::size_t most_group_bytes = 0;  // 0: no limit of the backend's own
  std::size_t most_value_bytes = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;  // any thread
  // One thread (the committer's). Success means durable. Code::fenced: another epoch leads; no_space: nothing
  // was written and reading goes on; outcome_unknown: the store refuses everything until reopen().
  virtual Status apply(const Group&, std::uint64_t epoch) = 0;
  // Takes the writer's role; the epoch goes into every apply.
  virtual Result<std::uint64_t> lead() = 0;
  // After outcome_unknown: opens anew and tells whether the last group is there (its revision tells).
  virtual Status reopen() = 0;
  virtual Traits traits() const noexcept = 0;
};

}  // namespace strongroom::store
