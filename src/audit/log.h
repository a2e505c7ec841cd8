// The durable audit log: append-only encrypted segments under a Merkle tree with signed checkpoints. Always
// on. One thread appends and syncs for everybody; a record's callback runs once it is durable. Stored bytes
// never change.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit/cursor.h"
#include "audit/disk.h"
#include "audit/record.h"
#include "audit/segment_keys.h"
#include "base/env.h"
#include "base/metrics.h"

namespace strongroom::audit {

struct LogLimits {
  std::uint64_t segment_bytes = 64u << 20;
  std::uint64_t reserve_bytes = 16u << 20;  // free space kept so that operators can delete
  std::size_t queue = 64 * 1024;
  std::size_t group_bytes = 256 * 1024;       // one write, one sync
  std::size_t fill_step = 256 * 1024;         // the next segment is zero-filled in steps; 0: never
  Nanoseconds checkpoint_every = Seconds(1);  // when there is news; 0: after every group
};

struct Checkpoint {
  std::uint64_t size = 0;  // leaves
  std::string root;        // 32 bytes
  std::string text;        // C2SP signed note
};

// Hears of each durable record in sequence order, on the log's thread: exporters. Must not block for long.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual void take(std::uint64_t sequence, const Record&) noexcept = 0;
  virtual void flush() noexcept = 0;  // end of a durable group
};

class Log {
 public:
  using Durable = std::move_only_function<void(Status)>;  // the log's thread

  // Opens the directory (creating it), checks everything after the last checkpoint, truncates a torn tail
  // that was never acknowledged. An empty path keeps the log in memory (-dev). Code::corrupt names segment
  // and place.
  static Result<std::unique_ptr<Log>> open(const std::filesystem::path& directory, LogLimits, Env&);
  static Result<std::unique_ptr<Log>> open_on(std::unique_ptr<Disk>, LogLimits, Env&);
  virtual ~Log() = default;

  // While closed (sealed) records are written plain and wait for the first checkpoint after unseal.
  virtual Status unseal(const SegmentKeys&, std::string_view store_id) = 0;
  virtual void seal() = 0;

  // Any thread. Records of transactions must come in revision order (the committer's listener does that).
  virtual void append(Record, Durable) = 0;
  // Code::no_space / unavailable when the largest record could not be taken.
  virtual Status admission() const noexcept = 0;
  // The highest store revision whose record is durable: outbox entries up to it may go.
  virtual std::uint64_t durable_revision() const noexcept = 0;
  virtual Checkpoint newest_checkpoint() const = 0;
  virtual std::string verifier_key() const = 0;  // C2SP, of this log; empty before the first unseal
  // Appends, syncs, what waits and what room there is. The registry's readers die before the log.
  virtual void describe(metrics::Registry&) const = 0;
  // Signs what is durable now, without waiting for the second to pass. Code::sealed.
  virtual Status sign_now() = 0;
  // The reader hears of every group from the next one on; remove_reader returns when it is not in use.
  virtual void add_reader(Reader&) = 0;
  virtual void remove_reader(Reader&) = 0;

  // Durable records, for `audit show` and for exporters that are behind. Any thread; one cursor, one thread.
  virtual std::uint64_t size() const noexcept = 0;           // the sequence of the next record
  virtual std::unique_ptr<RecordCursor> cursor() const = 0;  // dies before the log
  Result<std::vector<StoredRecord>> read(std::uint64_t from, std::size_t limit) const;
};

}  // namespace strongroom::audit
