#include "audit/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "audit/checkpoint.h"
#include "audit/filler.h"
#include "audit/merkle.h"
#include "audit/recovery.h"
#include "audit/segment.h"

namespace strongroom::audit {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetry{100};           // how often a full disk is looked at
constexpr std::uint64_t kMemorySegments = 4;  // kept by a log without a directory
constexpr std::uint64_t kMemorySegmentBytes = 16u << 20;

struct Item {
  Record record;
  Log::Durable done;
};

struct Order {
  enum class Kind : std::uint8_t { unseal, seal, sign } kind = Kind::sign;
  const SegmentKeys* keys = nullptr;
  std::string store_id;
  std::promise<Status> done;
};

// The current segment. The log's thread only.
struct Segment {
  std::uint64_t number = 0;
  std::uint64_t first = 0;
  std::uint64_t records = 0;
  std::uint64_t offset = kHeaderSize;  // durable up to here
  std::unique_ptr<DiskFile> log;
  std::unique_ptr<DiskFile> leaves;
  std::unique_ptr<DiskFile> checkpoints;
  std::string new_leaves;                 // not in the file yet
  std::uint64_t leaves_at = kHeaderSize;  // where they go
  std::uint64_t checkpoints_at = 0;       // 0: no header yet
  std::optional<SegmentCipher> cipher;
  bool abandoned = false;  // a write failed half-way: its next nonces may have been used
};

struct Signer {
  VerifierKey verifier;
  crypto::Ed25519Key key;
};

class DurableLog final : public Log {
 public:
  DurableLog(std::unique_ptr<Disk> disk, LogLimits limits, Env& env, Recovery found, bool in_memory)
      : disk_(std::move(disk)),
        limits_(limits),
        env_(env),
        in_memory_(in_memory),
        frontier_(found.frontier),
        recovered_(std::move(found.checkpoint)),
        last_segment_(found.last_segment),
        filler_(*disk_, limits.segment_bytes + limits.group_bytes, limits.fill_step, limits.reserve_bytes) {
    size_ = frontier_.size();
    if (recovered_) {
      signed_size_ = recovered_->size();
      newest_ = {recovered_->size(), std::string(as_text(View(recovered_->frontier.root()))),
                 recovered_->note};
      if (const auto claim = parse_checkpoint(recovered_->note)) signed_revision_ = claim->revision;
    }
  }

  Status start() {
    SR_LET(const auto known, read_small(*disk_, kKeyName));
    if (known) verifier_key_ = known->substr(0, known->find('\n'));
    SR_TRY(begin_segment());
    thread_ = std::thread([this] { run(); });
    return {};
  }

  ~DurableLog() override {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  Status unseal(const SegmentKeys& keys, std::string_view store_id) override {
    Order order;
    order.kind = Order::Kind::unseal;
    order.keys = &keys;
    order.store_id = store_id;
    return obey(std::move(order));
  }
  void seal() override {
    Order order;
    order.kind = Order::Kind::seal;
    (void)obey(std::move(order)).has_value();
  }
  Status sign_now() override { return obey(Order{}); }

  void append(Record record, Durable done) override {
    // Before the log's thread can take it: it counts down, and below zero every request would be refused.
    queued_.fetch_add(1, std::memory_order_relaxed);
    bool first = false;
    {
      const std::scoped_lock lock(mutex_);
      first = queue_.empty();
      queue_.push_back({std::move(record), std::move(done)});
    }
    if (first) wake_.notify_one();
  }

  Status admission() const noexcept override {
    if (failed_.load(std::memory_order_acquire)) return unavailable();
    if (full_.load(std::memory_order_relaxed)) return fail(Code::no_space, "audit log: the disk is full");
    if (queued_.load(std::memory_order_relaxed) >= limits_.queue)
      return fail(Code::unavailable, "audit log: too many records wait for the disk");
    return {};
  }

  std::uint64_t durable_revision() const noexcept override {
    return revision_.load(std::memory_order_acquire);
  }
  std::uint64_t size() const noexcept override { return size_.load(std::memory_order_acquire); }

  void describe(metrics::Registry& all) const override {
    using metrics::Kind;
    all.number(Kind::counter, "strongroom_audit_records_total",
               "Records that became durable in the audit log.",
               [this] { return static_cast<double>(records_.value()); });
    all.number(Kind::counter, "strongroom_audit_bytes_total", "Bytes that became durable in the audit log.",
               [this] { return static_cast<double>(bytes_.value()); });
    all.distribution("strongroom_audit_sync_duration_seconds", "Time of one sync of the audit log.",
                     [this] { return sync_time_.read(); });
    all.distribution("strongroom_audit_group_size", "Records made durable by one sync of the audit log.",
                     [this] { return group_size_.read(); });
    all.number(Kind::gauge, "strongroom_audit_queue_records", "Records that are not durable yet.",
               [this] { return static_cast<double>(queued_.load(std::memory_order_relaxed)); });
    all.number(Kind::gauge, "strongroom_audit_ok",
               "1 when the audit log takes records, 0 when it cannot and requests are refused.",
               [this] { return admission() ? 1.0 : 0.0; });
    all.number(Kind::gauge, "strongroom_audit_disk_free_bytes",
               "Room on the disk of the audit log; 0 when the log is kept in memory.",
               [this] { return in_memory_ ? 0.0 : static_cast<double>(disk_->free_bytes()); });
  }

  Checkpoint newest_checkpoint() const override {
    const std::scoped_lock lock(newest_mutex_);
    return newest_;
  }

  std::string verifier_key() const override {
    const std::scoped_lock lock(newest_mutex_);
    return verifier_key_;
  }

  void add_reader(Reader& reader) override {
    const std::scoped_lock lock(readers_mutex_);
    readers_.push_back(&reader);
  }
  void remove_reader(Reader& reader) override {
    const std::scoped_lock lock(readers_mutex_);
    std::erase(readers_, &reader);
  }

  std::unique_ptr<RecordCursor> cursor() const override {
    return std::make_unique<RecordCursor>(
        *disk_,
        [this](std::uint64_t segment) -> Result<RecordCursor::Keys> {
          const std::shared_lock lock(keys_mutex_);
          if (keys_ == nullptr) return fail(Code::sealed, "audit log: sealed");
          SR_LET(Secret key, keys_->segment_key(segment));
          return RecordCursor::Keys{std::move(key), store_id_};
        },
        [this] { return size(); });
  }

 private:
  static std::unexpected<Error> unavailable() {
    return fail(Code::unavailable,
                "audit log: a write failed; nothing is taken until the server is started again");
  }

  // ---- the log's thread

  void run() {
    std::vector<Item> items;
    std::vector<Order> orders;
    std::unique_lock lock(mutex_);
    while (true) {
      const auto due = [this] { return !queue_.empty() || !orders_.empty() || ending_; };
      if (!backlog_.empty() || full_.load(std::memory_order_relaxed))
        wake_.wait_for(lock, kRetry, due);
      else if (news())
        wake_.wait_for(lock, std::max<Nanoseconds>(limits_.checkpoint_every, milliseconds(1)), due);
      else
        wake_.wait(lock, due);
      items.swap(queue_);
      orders.swap(orders_);
      const bool ending = ending_ && items.empty() && orders.empty();
      const bool idle = items.empty() && orders.empty();
      lock.unlock();

      look_at_space();
      if (!backlog_.empty()) {
        std::vector<Item> all = std::exchange(backlog_, {});
        all.insert(all.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
        items = std::move(all);
      }
      if (!items.empty()) take(items);
      items.clear();
      for (Order& order : orders) order.done.set_value(carry_out(order));
      orders.clear();
      if (news() && (idle || env_.clock.ticks() - signed_at_ >= limits_.checkpoint_every)) sign_quietly();
      if (ending) break;
      lock.lock();
    }
    if (!failed_) sign_quietly();
    for (Item& item : std::exchange(backlog_, {}))
      item.done(fail(Code::no_space, "audit log: stopped while the disk was full"));
  }

  bool news() const { return signer_ && !failed_ && frontier_.size() != signed_size_; }

  void look_at_space() {
    const bool full = disk_->free_bytes() < limits_.reserve_bytes;
    if (full == full_.load(std::memory_order_relaxed)) return;
    full_.store(full, std::memory_order_relaxed);
    if (full)
      env_.log.error("audit log: the disk is full; requests are refused until there is space");
    else
      env_.log.info("audit log: there is space again");
    if (!full) filler_.start();
  }

  void take(std::vector<Item>& items) {
    std::span<Item> rest = items;
    while (!rest.empty() && !failed_) {
      std::size_t taken = 0;
      const Status written = write_group(rest, taken);
      if (!written && written.error().code == Code::no_space) {
        keep_transactions(rest, written.error());
        return;
      }
      if (!written) {
        give_up(written.error());
        break;
      }
      announce(rest.first(taken));
      rest = rest.subspan(taken);
    }
    for (Item& item : rest) answer(item, unavailable());
  }

  void answer(Item& item, Status status) {
    queued_.fetch_sub(1, std::memory_order_relaxed);
    if (item.done) item.done(std::move(status));
  }

  // No space: a transaction has happened, so its record waits, in its order; everybody else is told.
  void keep_transactions(std::span<Item> items, const Error& error) {
    full_.store(true, std::memory_order_relaxed);
    for (Item& item : items) {
      if (item.record.revision != 0)
        backlog_.push_back(std::move(item));
      else
        answer(item, std::unexpected(error));
    }
  }

  void give_up(const Error& error) {
    failed_.store(true, std::memory_order_release);
    env_.log.error("audit log: a write failed", {{"reason", error.message}});
  }

  Status write_group(std::span<Item> items, std::size_t& taken) {
    if (segment_.abandoned || segment_.offset >= limits_.segment_bytes) SR_TRY(begin_segment());
    group_.clear();
    leaves_.clear();
    std::uint64_t index = segment_.records;
    for (const Item& item : items) {
      const std::size_t start = group_.size();
      const auto flags =
          static_cast<std::uint8_t>((segment_.cipher ? kEncrypted : 0) | (start == 0 ? kOpensGroup : 0));
      group_.append(kFrameHead, '\0');
      group_.push_back(static_cast<char>(flags));
      const std::size_t body = group_.size();
      encode_onto(group_, item.record);
      if (segment_.cipher) segment_.cipher->seal_tail(group_, body, index, flags);
      finish_frame(group_, start, segment_.number, segment_.offset + start);
      leaves_.push_back(leaf_hash(std::string_view(group_).substr(start + kFrameHead)));
      ++index;
      ++taken;
      if (group_.size() >= limits_.group_bytes) break;
    }
    if (Status written = segment_.log->write(segment_.offset, group_); !written) {
      segment_.abandoned = true;
      return written;
    }
    // A sync that failed for want of space is as bad as any: the pages are called clean.
    const MonoTime asked = env_.clock.ticks();
    if (const Status synced = segment_.log->sync(); !synced)
      return fail(Code::unavailable, synced.error().message);
    sync_time_.observe(static_cast<std::uint64_t>((env_.clock.ticks() - asked).count()));
    group_size_.observe(leaves_.size());
    records_.add(leaves_.size());
    bytes_.add(group_.size());
    for (const Hash& leaf : leaves_) {
      frontier_.append(leaf);
      segment_.new_leaves.append(as_text(View(leaf)));
    }
    segment_.offset += group_.size();
    segment_.records = index;
    return {};
  }

  // The records are durable: exporters, then those who wait.
  void announce(std::span<Item> items) {
    std::uint64_t sequence = size_.load(std::memory_order_relaxed);
    std::uint64_t newest = revision_.load(std::memory_order_relaxed);
    for (const Item& item : items) newest = std::max(newest, item.record.revision);
    size_.store(sequence + items.size(), std::memory_order_release);
    revision_.store(newest, std::memory_order_release);
    {
      const std::scoped_lock lock(readers_mutex_);
      if (!readers_.empty()) {
        for (const Item& item : items) {
          for (Reader* reader : readers_) reader->take(sequence, item.record);
          ++sequence;
        }
        for (Reader* reader : readers_) reader->flush();
      }
    }
    for (Item& item : items) answer(item, {});
  }

  // ---- segments

  // Closes the current segment and begins the next. Safe to repeat after Code::no_space.
  Status begin_segment() {
    if (segment_.log) {
      if (signer_) SR_TRY(sign());
      SR_TRY(write_leaves());
      SR_TRY(segment_.log->truncate(segment_.offset));
      if (const Status synced = segment_.log->sync(); !synced)
        return fail(Code::unavailable, synced.error().message);
    }
    filler_.stop();
    Segment next;
    next.number = last_segment_ + 1;
    next.first = frontier_.size();
    SR_LET(next.log, disk_->open(kNextName, Disk::Mode::create));
    SR_TRY(next.log->write(0, header_bytes(FileKind::log, {next.number, next.first})));
    if (const Status synced = next.log->sync(); !synced)
      return fail(Code::unavailable, synced.error().message);
    SR_LET(next.leaves, disk_->open(segment_name(next.number, FileKind::leaves), Disk::Mode::create));
    SR_TRY(next.leaves->truncate(0));
    SR_TRY(next.leaves->write(0, header_bytes(FileKind::leaves, {next.number, next.first})));
    // Now, as a segment that never takes a record is not synced again.
    if (const Status synced = next.leaves->sync(); !synced)
      return fail(Code::unavailable, synced.error().message);
    SR_TRY(disk_->rename(kNextName, segment_name(next.number, FileKind::log)));
    SR_TRY(disk_->sync_names());
    if (keys_ != nullptr) {
      SR_LET(const Secret key, keys_->segment_key(next.number));
      next.cipher.emplace(key, store_id_, next.number);
    }
    segment_ = std::move(next);
    last_segment_ = segment_.number;
    if (in_memory_ && segment_.number > kMemorySegments)
      for (const FileKind kind : {FileKind::log, FileKind::leaves, FileKind::checkpoints})
        SR_TRY(disk_->remove(segment_name(segment_.number - kMemorySegments, kind)));
    if (!full_.load(std::memory_order_relaxed)) filler_.start();
    return {};
  }

  Status write_leaves() {
    if (segment_.new_leaves.empty()) return {};
    SR_TRY(segment_.leaves->write(segment_.leaves_at, segment_.new_leaves));
    if (const Status synced = segment_.leaves->sync(); !synced)
      return fail(Code::unavailable, synced.error().message);
    segment_.leaves_at += segment_.new_leaves.size();
    segment_.new_leaves.clear();
    return {};
  }

  // Signs the durable records. Code::no_space leaves everything as it was.
  Status sign() {
    if (frontier_.size() == signed_size_) return {};
    SR_TRY(write_leaves());
    CheckpointEntry entry;
    entry.segment = segment_.number;
    entry.offset = segment_.offset;
    entry.frontier = frontier_;
    const std::uint64_t revision = revision_.load(std::memory_order_relaxed);
    entry.note = sign_checkpoint(signer_->verifier, signer_->key, frontier_, revision);
    std::string bytes = entry_bytes(entry);
    const bool created = segment_.checkpoints_at == 0;
    if (created) {
      const std::string name = segment_name(segment_.number, FileKind::checkpoints);
      SR_LET(segment_.checkpoints, disk_->open(name, Disk::Mode::create));
      bytes.insert(0, header_bytes(FileKind::checkpoints, {segment_.number, segment_.first}));
    }
    SR_TRY(segment_.checkpoints->write(segment_.checkpoints_at, bytes));
    if (const Status synced = segment_.checkpoints->sync(); !synced)
      return fail(Code::unavailable, synced.error().message);
    if (created) SR_TRY(disk_->sync_names());
    segment_.checkpoints_at += bytes.size();
    signed_size_ = frontier_.size();
    signed_at_ = env_.clock.ticks();
    const std::scoped_lock lock(newest_mutex_);
    newest_ = {frontier_.size(), std::string(as_text(View(frontier_.root()))), std::move(entry.note)};
    return {};
  }

  void sign_quietly() {
    if (!signer_) return;
    const Status done = sign();
    if (done) return;
    signed_at_ = env_.clock.ticks();
    if (done.error().code == Code::no_space)
      env_.log.warn("audit log: no space for a checkpoint");
    else
      give_up(done.error());
  }

  // ---- orders

  Status obey(Order order) {
    auto answered = order.done.get_future();
    {
      const std::scoped_lock lock(mutex_);
      orders_.push_back(std::move(order));
    }
    wake_.notify_one();
    return answered.get();
  }

  Status carry_out(Order& order) {
    switch (order.kind) {
      case Order::Kind::seal:
        if (!failed_) sign_quietly();
        drop_keys();
        return {};
      case Order::Kind::sign:
        if (failed_) return unavailable();
        if (!signer_) return fail(Code::sealed, "audit log: sealed");
        return sign();
      case Order::Kind::unseal:
        break;
    }
    if (failed_) return unavailable();
    Status done = take_keys(*order.keys, order.store_id);
    if (!done) drop_keys();
    return done;
  }

  void drop_keys() {
    signer_.reset();
    segment_.cipher.reset();
    const std::unique_lock lock(keys_mutex_);
    keys_ = nullptr;
  }

  Status take_keys(const SegmentKeys& keys, const std::string& store_id) {
    SR_LET(const Secret seed, keys.signing_key());
    Signer signer{{origin_of(store_id), {}}, crypto::Ed25519Key(seed)};
    signer.verifier.key = signer.key.public_key();
    SR_TRY(check_owner(signer.verifier));
    {
      const std::unique_lock lock(keys_mutex_);
      keys_ = &keys;
      store_id_ = store_id;
    }
    if (!tail_read_) SR_TRY(read_tail());
    SR_LET(const Secret key, keys.segment_key(segment_.number));
    segment_.cipher.emplace(key, store_id, segment_.number);
    signer_.emplace(std::move(signer));
    return sign();
  }

  // The log must be this store's own: by key.pub and by the newest checkpoint.
  Status check_owner(const VerifierKey& verifier) {
    SR_LET(const auto known, read_small(*disk_, kKeyName));
    const std::string line = verifier.text() + "\n";
    if (known && *known != line)
      return fail(Code::failed_precondition,
                  "audit log: key.pub is that of another store: wrong audit directory?");
    if (const Checkpoint newest = newest_checkpoint(); !newest.text.empty())
      if (const auto claim = verify_checkpoint(newest.text, verifier); !claim)
        return fail(Code::corrupt,
                    "audit log: the newest checkpoint does not verify: " + claim.error().message);
    if (!known) SR_TRY(replace_file(*disk_, kKeyName, line));
    const std::scoped_lock lock(newest_mutex_);
    verifier_key_ = verifier.text();
    return {};
  }

  // The highest revision: the newest checkpoint's, and what the records after it say.
  Status read_tail() {
    std::uint64_t newest = signed_revision_;
    const auto reader = cursor();
    std::uint64_t at = recovered_ ? recovered_->size() : 0;
    while (at < size()) {
      SR_LET(const std::vector<StoredRecord> some, reader->read(at, 1024));
      if (some.empty()) break;
      for (const StoredRecord& r : some) newest = std::max(newest, r.record.revision);
      at = some.back().sequence + 1;
    }
    revision_.store(std::max(newest, revision_.load(std::memory_order_relaxed)), std::memory_order_release);
    tail_read_ = true;
    return {};
  }

  const std::unique_ptr<Disk> disk_;
  const LogLimits limits_;
  Env& env_;
  const bool in_memory_;

  std::mutex mutex_;  // queue_, orders_, ending_
  std::condition_variable wake_;
  std::vector<Item> queue_;
  std::vector<Order> orders_;
  bool ending_ = false;

  metrics::Counter records_, bytes_;
  metrics::Histogram sync_time_{metrics::time_bounds(), 1e-9};
  metrics::Histogram group_size_{metrics::size_bounds(), 1};

  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> full_{false};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> revision_{0};

  mutable std::mutex newest_mutex_;
  Checkpoint newest_;
  std::string verifier_key_;
  std::mutex readers_mutex_;
  std::vector<Reader*> readers_;
  mutable std::shared_mutex
      keys_mutex_;  // written by the log's thread only, which therefore reads without it
  const SegmentKeys* keys_ = nullptr;
  std::string store_id_;

  // The log's thread only.
  Frontier frontier_;
  std::optional<CheckpointEntry> recovered_;
  std::uint64_t last_segment_;
  Segment segment_;
  std::optional<Signer> signer_;
  std::uint64_t signed_size_ = 0;
  std::uint64_t signed_revision_ = 0;
  MonoTime signed_at_{};
  bool tail_read_ = false;
  std::vector<Item> backlog_;  // transactions that wait for space
  std::string group_;
  std::vector<Hash> leaves_;

  Filler filler_;
  std::thread thread_;
};

Result<std::unique_ptr<Log>> open_log(std::unique_ptr<Disk> disk, LogLimits limits, Env& env,
                                      bool in_memory) {
  SR_LET(Recovery found, recover(*disk));
  if (found.cut != 0)
    env.log.warn("audit log: cut a torn tail that was never acknowledged",
                 {{"bytes", std::to_string(found.cut)}});
  auto log = std::make_unique<DurableLog>(std::move(disk), limits, env, std::move(found), in_memory);
  SR_TRY(log->start());
  return log;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(const std::filesystem::path& directory, LogLimits limits, Env& env) {
  if (directory.empty()) {
    limits.segment_bytes = std::min(limits.segment_bytes, kMemorySegmentBytes);
    limits.fill_step = 0;
    return open_log(memory_disk(), limits, env, true);
  }
  SR_LET(std::unique_ptr<Disk> disk, RealDisk::create(directory));
  return open_log(std::move(disk), limits, env, false);
}

Result<std::unique_ptr<Log>> Log::open_on(std::unique_ptr<Disk> disk, LogLimits limits, Env& env) {
  return open_log(std::move(disk), limits, env, false);
}

Result<std::vector<StoredRecord>> Log::read(std::uint64_t from, std::size_t limit) const {
  return cursor()->read(from, limit);
}

}  // namespace strongroom::audit
