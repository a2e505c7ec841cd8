// Committer: the one writer above every store. Takes transactions from a queue, refuses those whose reads
// were overwritten since their snapshot, puts the rest into one group with one sync, and answers each exactly
// once. Owns one thread. Nothing is acknowledged before it is durable.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/env.h"
#include "store/sealer.h"
#include "store/store.h"
#include "store/txn.h"

namespace strongroom::store {

struct Committed {
  Revision revision = 0;
};

// Hears of each durable group on the committer's thread, in revision order, before the answers go out. Must
// not block for long: the audit log takes records here, caches evict.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void committed(std::span<const Draft> drafts) noexcept = 0;
};

class Committer {
 public:
  // conflict, fenced, no_space, outcome_unknown, unavailable (stopping, queue full)
  using Answer = std::move_only_function<void(Result<Committed>)>;  // committer's thread
  // Builds a transaction from the newest state, inside the committer, where it cannot lose a race.
  using Build = std::move_only_function<Result<Transaction>(const Snapshot&)>;

  struct Limits {
    std::size_t group_transactions = 512;
    std::size_t group_bytes = 256 * 1024;
    std::size_t queue = 16 * 1024;
    std::size_t window = 8192;  // revisions whose keys are remembered; an older snapshot counts as lost
  };

  // Takes the lead of the store; when that fails everything is refused with its error. All must outlive this.
  Committer(Store&, Sealer&, CommitListener&, Log&, Limits);
  ~Committer();  // answers everything queued with Code::unavailable

  // A transaction without reads never conflicts. One without puts, edits and record is only checked: it
  // consumes no revision and is answered with the newest.
  void submit(Transaction, Answer);
  // What one turn of a loop has ready: one lock, one wake-up, and one group if it fits.
  struct Submission {
    Transaction txn;
    Answer answer;
  };
  void submit_all(std::vector<Submission>);
  // Runs once, against a state that includes everything submitted before it.
  void submit_inside(Build, Answer);
  // For blocking handlers: waits until durable. Never on the committer's thread or a loop.
  Result<Committed> commit(Transaction);
  Result<Committed> commit_inside(Build);
  // Raw writes (already sealed) that ride with the next group, or alone when none comes; they consume no
  // revision. Used for outbox erasure. Fate unreported: they ride again when a group fails for want of space
  // or of a reopened store, and are lost when the process ends.
  void housekeeping(std::vector<Write>);
  // Raw writes that must be durable when this returns and consume no revision: founding, keyring. Never on
  // the committer's thread or a loop.
  Status install(std::vector<Write>);
  // The newest acknowledged revision.
  Revision newest() const noexcept;
  // After outcome_unknown or a failed sync everything is refused until this succeeded.
  bool healthy() const noexcept;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace strongroom::store
