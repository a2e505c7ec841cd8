#include "store/committer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <variant>

#include "store/tables.h"
#include "store/window.h"

namespace strongroom::store {
namespace {

using Tick = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Housekeeping waits this long for a transaction to ride with, and commits alone at most this often.
constexpr auto kGrace = 20ms;
constexpr auto kAlone = 300ms;
constexpr std::size_t kMostRiding = 4096;      // writes
constexpr std::size_t kMostWaiting = 1 << 20;  // writes; the owner repeats what is dropped

std::size_t dirty_bytes(const Transaction& txn) noexcept {
  std::size_t sum = txn.record.size() + 64;
  for (const Put& put : txn.puts) sum += put.key.size() + (put.value ? put.value->size() : 0) + 64;
  for (const LateEdit& edit : txn.edits) sum += edit.path.size() + 512;
  return sum;
}

bool erases_only(const std::vector<Write>& writes) noexcept {
  return std::all_of(writes.begin(), writes.end(), [](const Write& w) { return !w.value; });
}

// Not if the group failed for something in it.
bool may_ride_again(Code code) noexcept { return code == Code::no_space || code == Code::unavailable; }

Status valid(const Transaction& txn) {
  for (const Put& put : txn.puts) {
    if (put.key.empty() || put.key.size() > kMostKey) {
      return fail(Code::invalid_argument, "a store key has 1 to 480 bytes");
    }
  }
  return {};
}

// By key, one write per key, the last one.
void normalise(std::vector<Write>& writes) {
  const auto less = [](const Write& a, const Write& b) { return a.key < b.key; };
  if (!std::is_sorted(writes.begin(), writes.end(), less))
    std::stable_sort(writes.begin(), writes.end(), less);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (i + 1 < writes.size() && writes[i].key == writes[i + 1].key) continue;
    if (kept != i) writes[kept] = std::move(writes[i]);
    ++kept;
  }
  writes.resize(kept);
}

template <class T>
std::unexpected<Error> again(const T& failed) {
  return std::unexpected(Error(failed.error()));
}

}  // namespace

class Committer::Queue {
 public:
  Queue(Store& store, Sealer& sealer, CommitListener& listener, Log& log, Limits limits)
      : store_(store),
        sealer_(sealer),
        listener_(listener),
        log_(log),
        limits_(limits),
        window_(limits.window, 0) {
    take_lead();
    if (const std::size_t most = store.traits().most_group_bytes; most != 0) {
      limits_.group_bytes = std::min(limits_.group_bytes, most);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Queue() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    for (std::size_t i = head_; i < backlog_.size(); ++i) refuse(backlog_[i].answer);
    for (Item& item : incoming_) refuse(item.answer);
    for (Answer& answer : overflow_) refuse(answer);
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  using Raw = std::vector<Write>;
  struct Item {
    std::variant<std::monostate, Transaction, Build, Raw> work;
    Answer answer;
    Transaction& txn() { return *std::get_if<Transaction>(&work); }
  };

  void push(Item item) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      enqueue(std::move(item));
      wake = std::exchange(waiting_, false);
    }
    if (wake) wake_.notify_one();
  }

  void push_all(std::vector<Submission> all) {
    if (all.empty()) return;
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      for (Submission& one : all) enqueue({std::move(one.txn), std::move(one.answer)});
      wake = std::exchange(waiting_, false);
    }
    if (wake) wake_.notify_one();
  }

  void push_housekeeping(std::vector<Write> writes) {
    std::erase_if(writes, [](const Write& w) { return w.key.empty() || w.key.size() > kMostKey; });
    if (writes.empty()) return;
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (housekeeping_.size() + writes.size() > kMostWaiting) return;
      if (housekeeping_.empty()) {
        alone_at_ = std::max(Tick::now() + kGrace, last_alone_ + kAlone);
        wake = std::exchange(waiting_, false);
        housekeeping_ = std::move(writes);
      } else {
        std::move(writes.begin(), writes.end(), std::back_inserter(housekeeping_));
      }
    }
    if (wake) wake_.notify_one();
  }

  Revision newest() const noexcept { return newest_.load(std::memory_order_acquire); }
  bool healthy() const noexcept { return healthy_.load(std::memory_order_acquire); }

 private:
  enum class Turn : std::uint8_t { group, alone, stop };

  // Under the lock.
  void enqueue(Item item) {
    if (queued_ >= limits_.queue) {
      overflow_.push_back(std::move(item.answer));
    } else {
      ++queued_;
      incoming_.push_back(std::move(item));
    }
  }

  static void refuse(Answer& answer) {
    if (answer) answer(fail(Code::unavailable, "the server is shutting down"));
  }

  // ---- the committer's thread from here on

  void take_lead() {
    auto epoch = store_.lead();
    if (!epoch) return broken(std::move(epoch).error());
    epoch_ = *epoch;
    auto snapshot = store_.snapshot();
    if (!snapshot) return broken(std::move(snapshot).error());
    newest_ = (*snapshot)->revision();
    window_ = Window(limits_.window, newest());
  }

  void broken(Error error) {
    healthy_ = false;
    log_.error("store: the committer stops",
               {{"code", std::string(name(error.code))}, {"detail", error.detail}});
    broken_ = std::move(error);
  }

  void run() {
    for (;;) {
      const Turn turn = gather();
      for (Answer& answer : rejected_)
        answer(fail(Code::unavailable, "too many writes are waiting; try again"));
      rejected_.clear();
      if (turn == Turn::stop) return;
      if (broken_) {
        refuse_all();
        continue;
      }
      if (turn == Turn::alone) {
        commit_housekeeping();
        continue;
      }
      form();
      if (!members_.empty()) commit_members();
    }
  }

  // Waits for work and moves what has come into the backlog.
  Turn gather() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (stopping_) return Turn::stop;
      if (!incoming_.empty() || head_ < backlog_.size() || !overflow_.empty()) break;
      waiting_ = true;
      if (housekeeping_.empty()) {
        wake_.wait(lock);
      } else if (wake_.wait_until(lock, alone_at_) == std::cv_status::timeout && incoming_.empty()) {
        waiting_ = false;
        take_riders();
        last_alone_ = Tick::now();
        alone_at_ = last_alone_ + kAlone;  // for what is left, or fails
        return Turn::alone;
      }
      waiting_ = false;
    }
    std::swap(rejected_, overflow_);
    if (head_ == backlog_.size()) {
      backlog_.clear();
      head_ = 0;
      std::swap(backlog_, incoming_);
    } else {
      if (head_ > limits_.group_transactions) {
        backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
      }
      std::move(incoming_.begin(), incoming_.end(), std::back_inserter(backlog_));
      incoming_.clear();
    }
    queued_ = backlog_.size() - head_;
    take_riders();
    return Turn::group;
  }

  // Under the lock.
  void take_riders() {
    if (housekeeping_.empty() || !riders_.empty()) return;
    if (housekeeping_.size() <= kMostRiding) {
      std::swap(riders_, housekeeping_);
      return;
    }
    const auto end = housekeeping_.begin() + static_cast<std::ptrdiff_t>(kMostRiding);
    riders_.assign(std::make_move_iterator(housekeeping_.begin()), std::make_move_iterator(end));
    housekeeping_.erase(housekeeping_.begin(), end);
  }

  void refuse_all() {
    for (; head_ < backlog_.size(); ++head_) {
      backlog_[head_].work = std::monostate{};
      backlog_[head_].answer(
          fail(Code::unavailable, "the store needs a restart of the server", broken_->message));
    }
    riders_.clear();
  }

  // Fills members_ with the next group; answers those that lost.
  void form() {
    members_.clear();
    window_.forget();
    std::size_t bytes = 0;
    for (; head_ < backlog_.size(); ++head_) {
      Item& item = backlog_[head_];
      if (!std::holds_alternative<Transaction>(item.work)) {
        // An inside build sees everything before it, so the group ends here.
        if (!members_.empty()) return;
        if (Raw* raw = std::get_if<Raw>(&item.work)) {
          ++head_;
          install(item, *raw);
          return;
        }
        if (!build(item)) continue;
      }
      Transaction& txn = item.txn();
      const std::size_t more = dirty_bytes(txn);
      if (!members_.empty() &&
          (members_.size() >= limits_.group_transactions || bytes + more > limits_.group_bytes)) {
        return;
      }
      Status fit = valid(txn);
      if (fit) fit = window_.check(txn);
      if (!fit) {
        answer(item, std::unexpected(std::move(fit).error()));
        continue;
      }
      if (txn.empty() && txn.record.empty()) {
        answer(item, Committed{newest()});
        continue;
      }
      bytes += more;
      window_.note(txn);
      members_.push_back(&item);
    }
  }

  bool build(Item& item) {
    auto snapshot = store_.snapshot();
    if (!snapshot) {
      answer(item, again(snapshot));
      return false;
    }
    auto built = std::get<Build>(item.work)(**snapshot);
    if (!built) {
      answer(item, again(built));
      return false;
    }
    item.work = *std::move(built);
    return true;
  }

  // Plaintext goes first, then the caller hears.
  static void answer(Item& item, Result<Committed> result) {
    if (Transaction* txn = std::get_if<Transaction>(&item.work)) {
      for (Put& put : txn->puts) {
        if (put.value) wipe(*put.value);
      }
    }
    item.work = std::monostate{};
    Answer call = std::move(item.answer);
    if (call) call(std::move(result));
  }

  void commit_members() {
    Status done = commit(members_, Group::Space::ordinary);
    if (done) return;
    const Code code = done.error().code;
    if (code == Code::no_space) {
      log_.warn("store: no space for a group", {{"transactions", std::to_string(members_.size())}});
      commit_housekeeping();
    }
    // One that cannot be sealed, or that does not fit, must not take the others with it.
    const bool apart =
        code == Code::no_space || (members_.size() > 1 && sealing_failed_ && code != Code::sealed);
    const std::vector<Item*> failed = std::move(members_);
    for (Item* item : failed) {
      const bool retry = apart && !broken_ && (code != Code::no_space || erases_only(item->txn()));
      if (!retry) {
        answer(*item, again(done));
        continue;
      }
      members_.assign(1, item);
      const Status alone =
          commit(members_, code == Code::no_space ? Group::Space::reserve : Group::Space::ordinary);
      if (!alone) answer(*item, again(alone));
    }
    members_.clear();
  }

  // One group of `members`, with what rides along. On success everyone has been answered; on failure nobody.
  Status commit(const std::vector<Item*>& members, Group::Space space) {
    drafts_.clear();
    Revision revision = newest();
    for (Item* item : members) {
      const Transaction& txn = item->txn();
      drafts_.push_back({++revision, txn.puts, txn.edits, txn.record});
    }
    group_.first = newest() + 1;
    group_.last = revision;
    group_.space = space;
    group_.writes.clear();
    sealing_failed_ = false;
    if (Status sealed = seal(); !sealed) {
      sealing_failed_ = true;
      sealer_.settled(Sealer::Fate::dropped);
      return sealed;
    }
    // Copied, since they ride again when the group fails; mostly erasures of a few bytes each.
    if (space == Group::Space::ordinary || erases_only(riders_)) {
      group_.writes.insert(group_.writes.end(), riders_.begin(), riders_.end());
    }
    normalise(group_.writes);
    Status applied = apply();
    if (applied || !may_ride_again(applied.error().code)) riders_.clear();
    if (!applied) {
      sealer_.settled(Sealer::Fate::dropped);
      return applied;
    }
    sealer_.settled(Sealer::Fate::applied);
    window_.settle(group_.last, group_.writes);
    newest_.store(group_.last, std::memory_order_release);
    listener_.committed(drafts_);
    for (std::size_t i = 0; i < members.size(); ++i) answer(*members[i], Committed{drafts_[i].revision});
    return {};
  }

  Status seal() {
    SR_LET(const std::unique_ptr<Snapshot> snapshot, store_.snapshot());
    if (snapshot->revision() != newest()) {
      broken({Code::outcome_unknown, "the store changed under the committer", {}});
      return again(std::unexpected(*broken_));
    }
    return sealer_.seal(*snapshot, drafts_, group_.writes);
  }

  // Applies group_; an unknown outcome is settled here by opening the store anew.
  Status apply() {
    Status applied = store_.apply(group_, epoch_);
    if (applied || applied.error().code != Code::outcome_unknown) return applied;
    healthy_ = false;
    log_.error("store: a commit has an unknown outcome; reopening",
               {{"detail", applied.error().detail}, {"revision", std::to_string(group_.last)}});
    if (Status opened = store_.reopen(); !opened) {
      broken({Code::outcome_unknown, "the store could not be reopened", opened.error().message});
      return again(std::unexpected(*broken_));
    }
    auto snapshot = store_.snapshot();
    const Revision found = snapshot ? (*snapshot)->revision() : 0;
    if (!snapshot || (found != newest() && found != group_.last)) {
      broken({Code::outcome_unknown, "the reopened store is at another revision", std::to_string(found)});
      return again(std::unexpected(*broken_));
    }
    healthy_ = true;
    const bool there = found == group_.last && found != newest();
    log_.warn("store: reopened", {{"revision", std::to_string(found)}});
    if (!there) return fail(Code::unavailable, "the write was not stored; try again");
    return {};
  }

  // riders_ alone: no revision.
  void commit_housekeeping() {
    if (riders_.empty() || broken_) return;
    const Status applied = apply_raw(riders_);
    if (applied || !may_ride_again(applied.error().code)) riders_.clear();
    if (!applied) {
      log_.warn("store: housekeeping was not stored", {{"code", std::string(name(applied.error().code))}});
    }
  }

  Status apply_raw(std::vector<Write> writes) {
    group_.first = newest() + 1;
    group_.last = newest();
    group_.space = erases_only(writes) ? Group::Space::reserve : Group::Space::ordinary;
    group_.writes = std::move(writes);
    normalise(group_.writes);
    return apply();
  }

  void install(Item& item, std::vector<Write>& raw) {
    const Status applied = apply_raw(std::move(raw));
    if (applied) {
      answer(item, Committed{newest()});
    } else {
      answer(item, again(applied));
    }
  }

  Store& store_;
  Sealer& sealer_;
  CommitListener& listener_;
  Log& log_;
  Limits limits_;
  std::atomic<Revision> newest_ = 0;
  std::atomic<bool> healthy_ = true;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool waiting_ = false;  // the thread waits and nobody has woken it yet
  std::vector<Item> incoming_;
  std::vector<Answer> overflow_;  // over the limit, to be refused on the committer's thread
  std::size_t queued_ = 0;
  std::vector<Write> housekeeping_;
  Tick::time_point alone_at_;
  Tick::time_point last_alone_;

  // The committer's thread only.
  std::uint64_t epoch_ = 0;
  std::optional<Error> broken_;
  Window window_;
  std::vector<Item> backlog_;
  std::size_t head_ = 0;  // of backlog_: what is not yet in a group
  std::vector<Answer> rejected_;
  std::vector<Item*> members_;
  std::vector<Draft> drafts_;
  std::vector<Write> riders_;
  Group group_;
  bool sealing_failed_ = false;
  std::thread thread_;
};

Committer::Committer(Store& store, Sealer& sealer, CommitListener& listener, Log& log, Limits limits)
    : queue_(std::make_unique<Queue>(store, sealer, listener, log, limits)) {}

Committer::~Committer() = default;

void Committer::submit(Transaction txn, Answer answer) { queue_->push({std::move(txn), std::move(answer)}); }

void Committer::submit_all(std::vector<Submission> all) { queue_->push_all(std::move(all)); }

void Committer::submit_inside(Build build, Answer answer) {
  queue_->push({std::move(build), std::move(answer)});
}

namespace {

// Lets a thread wait for its answer; the answering thread is done with it before take() returns.
class Waiter {
 public:
  Committer::Answer answer() {
    return [this](Result<Committed> result) {
      const std::lock_guard lock(mutex_);
      result_ = std::move(result);
      ready_.notify_one();
    };
  }
  Result<Committed> take() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return result_.has_value(); });
    return *std::move(result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<Committed>> result_;
};

}  // namespace

Result<Committed> Committer::commit(Transaction txn) {
  Waiter waiter;
  submit(std::move(txn), waiter.answer());
  return waiter.take();
}

Result<Committed> Committer::commit_inside(Build build) {
  Waiter waiter;
  submit_inside(std::move(build), waiter.answer());
  return waiter.take();
}

Status Committer::install(std::vector<Write> writes) {
  Waiter waiter;
  queue_->push({std::move(writes), waiter.answer()});
  if (auto done = waiter.take(); !done) return std::unexpected(std::move(done).error());
  return {};
}

void Committer::housekeeping(std::vector<Write> writes) { queue_->push_housekeeping(std::move(writes)); }

Revision Committer::newest() const noexcept { return queue_->newest(); }

bool Committer::healthy() const noexcept { return queue_->healthy(); }

}  // namespace strongroom::store
