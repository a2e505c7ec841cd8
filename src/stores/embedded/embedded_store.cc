#include "stores/embedded/embedded_store.h"

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "store/memory_store.h"
#include "store/tables.h"
#include "stores/embedded/directory.h"

namespace strongroom::stores {
namespace {

using store::Group;
using store::Revision;
using store::Write;

constexpr std::string_view kOwnKey("\0\0\0\2\0", 5);  // revision (8) ‖ epoch (8)
constexpr std::uint64_t kLeastMap = 256u << 20;
constexpr unsigned kReaders = 1022;
constexpr std::size_t kMostLookup = 511;  // LMDB's longest key

MDB_val value_of(std::string_view s) noexcept {
  return {s.size(), const_cast<char*>(s.data())};  // LMDB's type is not const, it only reads
}
std::string_view text_of(const MDB_val& v) noexcept {
  return {static_cast<const char*>(v.mv_data), v.mv_size};
}

// A failed read or a failure before anything was written.
auto lmdb_failure(int rc) {
  const bool damage = rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID;
  return fail(damage ? Code::corrupt : Code::internal,
              damage ? "the data file is damaged" : "the store failed", mdb_strerror(rc));
}

bool sorted(const std::vector<Write>& writes) noexcept {
  for (std::size_t i = 1; i < writes.size(); ++i) {
    if (writes[i].key <= writes[i - 1].key) return false;
  }
  return true;
}

}  // namespace

// A read transaction and its cursor; kept between snapshots, renewed for each.
class EmbeddedStore::Reader {
 public:
  Reader() = default;
  explicit Reader(MDB_txn* txn) noexcept : txn_(txn) {}
  Reader(Reader&& o) noexcept
      : txn_(std::exchange(o.txn_, nullptr)), cursor_(std::exchange(o.cursor_, nullptr)) {}
  Reader& operator=(Reader&& o) noexcept {
    std::swap(txn_, o.txn_);
    std::swap(cursor_, o.cursor_);
    return *this;
  }
  ~Reader() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  explicit operator bool() const noexcept { return txn_ != nullptr; }
  MDB_txn* txn() const noexcept { return txn_; }
  // The cursor leaves while it is in use, so that a visitor may scan as well.
  MDB_cursor* take_cursor() noexcept { return std::exchange(cursor_, nullptr); }
  void give_cursor(MDB_cursor* cursor) noexcept {
    if (cursor_ == nullptr) {
      cursor_ = cursor;
    } else {
      mdb_cursor_close(cursor);
    }
  }

 private:
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

class EmbeddedStore::Environment {
 public:
  Environment(Directory directory, std::uint64_t map_bytes, Log& log)
      : directory_(std::move(directory)), map_bytes_(map_bytes), log_(log) {}
  ~Environment() { close(); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  Status create_or_open() {
    const bool fresh = !directory_.has_format();
    SR_TRY(open());
    if (!fresh) return {};
    if (entries_ != 0) {
      return fail(
          Code::failed_precondition,
          fmt::format("{} holds a data file that is not a Strongroom store", directory_.path().string()));
    }
    return directory_.write_format();
  }

  Result<std::unique_ptr<store::Snapshot>> snapshot();
  Status apply(const Group&, std::uint64_t epoch);
  Result<std::uint64_t> lead();
  Status reopen();
  Result<Usage> usage();
  void give_back(Reader reader) noexcept;
  MDB_dbi dbi() const noexcept { return dbi_; }

  struct Own {
    Revision revision = 0;
    std::uint64_t epoch = 0;
  };
  Result<Own> own_record(MDB_txn* txn) const;

 private:
  Status open();
  Status open_mapped(std::uint64_t map_bytes);
  void close() noexcept;
  Status begin_read(Reader& reader);
  // One durable write transaction, with the ballast given up where `space` allows; `own_` is updated when it
  // succeeded.
  Status commit(const Group*, Own next, Group::Space space);
  Status commit_once(const Group*, Own next);
  int put_all(MDB_txn*, const Group&) const;
  int put_own(MDB_txn*, const Own&) const;
  // Classifies a failed commit: nothing written for want of space, or unknown.
  Status commit_failure(int rc, const Group*);
  static std::uint64_t bytes_needed(const Group&) noexcept;
  Status refuse(std::string detail);
  bool roomy(const Group&) const;  // the data file has free pages enough to take it without growing

  Directory directory_;
  const std::uint64_t map_bytes_;
  Log& log_;
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;

  // The writer's.
  Own own_;
  std::size_t entries_ = 0;
  bool failed_ = false;  // a commit of unknown outcome: nothing until reopen()
  mutable std::vector<const Write*> order_;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool accepting_ = false;
  std::size_t live_ = 0;  // snapshots out
  std::vector<Reader> pool_;
  // The newest transaction whose meta page may be written by now; see begin_read().
  std::atomic<std::size_t> committing_ = 0;
  // The newest commit; spares a snapshot the lookup of its revision.
  std::size_t published_txn_ = 0;
  Revision published_ = 0;
};

class EmbeddedStore::View final : public store::Snapshot {
 public:
  View(Environment& environment, Reader reader, Revision revision) noexcept
      : environment_(environment), reader_(std::move(reader)), revision_(revision) {}
  ~View() override { environment_.give_back(std::move(reader_)); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  Revision revision() const noexcept override { return revision_; }

  Result<std::optional<std::string_view>> get(std::string_view key) const override {
    if (key.empty() || key.size() > store::kMostKey || key == kOwnKey)
      return std::optional<std::string_view>();
    MDB_val k = value_of(key);
    MDB_val v = {};
    const int rc = mdb_get(reader_.txn(), environment_.dbi(), &k, &v);
    if (rc == MDB_NOTFOUND) return std::optional<std::string_view>();
    if (rc != MDB_SUCCESS) return lmdb_failure(rc);
    return std::optional<std::string_view>(text_of(v));
  }

  Status scan(std::string_view first, std::string_view last, const Visit& visit) const override {
    MDB_cursor* cursor = reader_.take_cursor();
    if (cursor == nullptr) {
      if (const int rc = mdb_cursor_open(reader_.txn(), environment_.dbi(), &cursor); rc != 0) {
        return lmdb_failure(rc);
      }
    } else if (const int rc = mdb_cursor_renew(reader_.txn(), cursor); rc != 0) {
      mdb_cursor_close(cursor);
      return lmdb_failure(rc);
    }
    const int rc = walk(cursor, first, last, visit);
    reader_.give_cursor(cursor);
    if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND) return lmdb_failure(rc);
    return {};
  }

 private:
  static int walk(MDB_cursor* cursor, std::string_view first, std::string_view last, const Visit& visit) {
    // No key is longer than the bound LMDB takes, so a longer start is the same as its prefix or just after
    // it.
    MDB_val k = value_of(first.substr(0, kMostLookup));
    MDB_val v = {};
    int rc = mdb_cursor_get(cursor, &k, &v, first.empty() ? MDB_FIRST : MDB_SET_RANGE);
    for (; rc == MDB_SUCCESS; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
      const std::string_view key = text_of(k);
      if (key >= last) break;
      if (key == kOwnKey) continue;
      if (!visit(key, text_of(v))) break;
    }
    return rc;
  }

  Environment& environment_;
  mutable Reader reader_;
  const Revision revision_;
};

// ---- opening and closing

Status EmbeddedStore::Environment::open() {
  Status opened;
  for (std::uint64_t map = map_bytes_;; map /= 2) {
    opened = open_mapped(map);
    if (opened || opened.error().detail != mdb_strerror(ENOMEM) || map / 2 < kLeastMap) break;
    log_.warn("store: the kernel grants less address space", {{"bytes", std::to_string(map / 2)}});
  }
  SR_TRY(std::move(opened));
  const std::lock_guard lock(mutex_);
  accepting_ = true;
  failed_ = false;
  return {};
}

Status EmbeddedStore::Environment::open_mapped(std::uint64_t map_bytes) {
  const auto failed = [this](int rc) {
    close();
    return fail(Code::failed_precondition,
                fmt::format("cannot open the store {}: {}", directory_.path().string(), mdb_strerror(rc)),
                mdb_strerror(rc));
  };
  if (const int rc = mdb_env_create(&env_); rc != 0) return failed(rc);
  if (const int rc = mdb_env_set_mapsize(env_, map_bytes); rc != 0) return failed(rc);
  if (const int rc = mdb_env_set_maxreaders(env_, kReaders); rc != 0) return failed(rc);
  if (const int rc = mdb_env_open(env_, directory_.path().c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
      rc != 0) {
    return failed(rc);
  }
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); rc != 0) return failed(rc);
  MDB_stat stat = {};
  int rc = mdb_dbi_open(txn, nullptr, 0, &dbi_);
  if (rc == 0) rc = mdb_stat(txn, dbi_, &stat);
  const Result<Own> own = rc == 0 ? own_record(txn) : Own{};
  mdb_txn_abort(txn);
  if (rc != 0) return failed(rc);
  if (!own) {
    close();
    return std::unexpected(own.error());
  }
  own_ = *own;
  entries_ = stat.ms_entries;
  return {};
}

void EmbeddedStore::Environment::close() noexcept {
  pool_.clear();
  published_txn_ = 0;
  if (env_ != nullptr) mdb_env_close(env_);
  env_ = nullptr;
}

Result<EmbeddedStore::Environment::Own> EmbeddedStore::Environment::own_record(MDB_txn* txn) const {
  MDB_val k = value_of(kOwnKey);
  MDB_val v = {};
  const int rc = mdb_get(txn, dbi_, &k, &v);
  if (rc == MDB_NOTFOUND) return Own{};
  if (rc != 0) return lmdb_failure(rc);
  if (v.mv_size != 16) return fail(Code::corrupt, "the store's revision record is damaged");
  const std::string_view bytes = text_of(v);
  return Own{get_be(bytes.substr(0, 8)), get_be(bytes.substr(8))};
}

Status EmbeddedStore::Environment::reopen() {
  {
    // The map goes away, so every view into it must be gone. Snapshots live for one turn of a loop.
    std::unique_lock lock(mutex_);
    accepting_ = false;
    if (!idle_.wait_for(lock, std::chrono::seconds(10), [this] { return live_ == 0; })) {
      return fail(Code::outcome_unknown, "the store cannot be reopened while a request reads it");
    }
    close();
  }
  const std::uint64_t epoch = own_.epoch;
  SR_TRY(open());
  if (own_.epoch != epoch) log_.warn("store: another epoch leads", {});
  // Whatever state was found may be in the page cache only. A commit on top of it that succeeds makes it
  // durable, or takes the place of the one that failed.
  return commit(nullptr, own_, Group::Space::reserve);
}

// ---- reading

// LMDB reads the number of the newest transaction, then copies the meta page of that number's parity. If two
// commits pass between, it copies what the second one writes there: newer data than the number says, or,
// while the page is being written, a mixture. The second commit announced itself before it wrote; so it is
// seen here, and the reader begins again.
Status EmbeddedStore::Environment::begin_read(Reader& reader) {
  if (!reader) {
    MDB_txn* txn = nullptr;
    const int rc = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    if (rc == MDB_READERS_FULL) return fail(Code::unavailable, "too many requests are reading; try again");
    if (rc != 0) return lmdb_failure(rc);
    reader = Reader(txn);
  } else if (const int rc = mdb_txn_renew(reader.txn()); rc != 0) {
    return lmdb_failure(rc);
  }
  for (;;) {
    std::atomic_thread_fence(std::memory_order_acquire);
    if (committing_.load(std::memory_order_relaxed) < mdb_txn_id(reader.txn()) + 2) return {};
    mdb_txn_reset(reader.txn());
    if (const int rc = mdb_txn_renew(reader.txn()); rc != 0) return lmdb_failure(rc);
  }
}

Result<std::unique_ptr<store::Snapshot>> EmbeddedStore::Environment::snapshot() {
  Reader reader;
  std::size_t published_txn = 0;
  Revision revision = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!accepting_) return fail(Code::unavailable, "the store is being reopened; try again");
    ++live_;
    published_txn = published_txn_;
    revision = published_;
    if (!pool_.empty()) {
      reader = std::move(pool_.back());
      pool_.pop_back();
    }
  }
  std::optional<Error> error;
  if (Status begun = begin_read(reader); !begun) error = std::move(begun).error();
  if (!error && mdb_txn_id(reader.txn()) != published_txn) {
    if (const Result<Own> own = own_record(reader.txn())) {
      revision = own->revision;
    } else {
      error = own.error();
    }
  }
  if (error) {
    give_back(Reader());
    return std::unexpected(*std::move(error));
  }
  return std::make_unique<View>(*this, std::move(reader), revision);
}

void EmbeddedStore::Environment::give_back(Reader reader) noexcept {
  if (reader) mdb_txn_reset(reader.txn());
  const std::lock_guard lock(mutex_);
  if (reader) pool_.push_back(std::move(reader));
  if (--live_ == 0 && !accepting_) idle_.notify_all();
}

Result<EmbeddedStore::Usage> EmbeddedStore::Environment::usage() {
  SR_LET(const auto snapshot_taken, snapshot());  // keeps the environment open
  MDB_stat stat = {};
  MDB_envinfo found = {};
  if (const int rc = mdb_env_stat(env_, &stat); rc != 0) return lmdb_failure(rc);
  if (const int rc = mdb_env_info(env_, &found); rc != 0) return lmdb_failure(rc);
  return Usage{(found.me_last_pgno + 1) * stat.ms_psize, stat.ms_entries, found.me_mapsize};
}

// ---- writing

Status EmbeddedStore::Environment::refuse(std::string detail) {
  failed_ = true;
  return fail(Code::outcome_unknown, "the store must be reopened", std::move(detail));
}

Result<std::uint64_t> EmbeddedStore::Environment::lead() {
  if (failed_) return fail(Code::outcome_unknown, "the store must be reopened");
  SR_TRY(commit(nullptr, {own_.revision, own_.epoch + 1}, Group::Space::reserve));
  return own_.epoch;
}

Status EmbeddedStore::Environment::apply(const Group& group, std::uint64_t epoch) {
  if (failed_) return fail(Code::outcome_unknown, "the store must be reopened");
  if (epoch == 0 || epoch != own_.epoch) return fail(Code::fenced, "another epoch leads this store");
  SR_TRY(store::check_group(group, own_.revision));
  for (const Write& write : group.writes) {
    if (write.key == kOwnKey) return fail(Code::invalid_argument, "this key is the store's own");
  }
  const Own next{std::max(own_.revision, group.last), epoch};
  if (!directory_.has_ballast()) {
    directory_.restore_ballast();
    if (directory_.has_ballast()) log_.info("store: there is space again");
    if (!directory_.has_ballast() && group.space == Group::Space::ordinary && !roomy(group)) {
      return fail(Code::no_space, "the disk is full");
    }
  }
  return commit(&group, next, group.space);
}

Status EmbeddedStore::Environment::commit(const Group* group, Own next, Group::Space space) {
  Status done = commit_once(group, next);
  if (done || done.error().code != Code::no_space) return done;
  if (space != Group::Space::reserve || !directory_.has_ballast()) return done;
  log_.warn("store: the disk is full; the ballast goes", {});
  directory_.release_ballast();
  return commit_once(group, next);
}

Status EmbeddedStore::Environment::commit_once(const Group* group, Own next) {
  MDB_txn* txn = nullptr;
  if (const int rc = mdb_txn_begin(env_, nullptr, 0, &txn); rc != 0) return refuse(mdb_strerror(rc));
  const std::size_t id = mdb_txn_id(txn);
  int rc = group != nullptr ? put_all(txn, *group) : 0;
  if (rc == 0) rc = put_own(txn, next);
  if (rc != 0) {
    mdb_txn_abort(txn);
    // LMDB may have spilled pages of a large group.
    if (rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT || rc == EIO) return commit_failure(rc, group);
    return lmdb_failure(rc);
  }
  committing_.store(id, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  rc = mdb_txn_commit(txn);
  if (rc != 0) return commit_failure(rc, group);
  own_ = next;
  const std::lock_guard lock(mutex_);
  published_txn_ = id;
  published_ = next.revision;
  return {};
}

int EmbeddedStore::Environment::put_all(MDB_txn* txn, const Group& group) const {
  // In key order, one write of a key: neighbours share a page that is then in the cache.
  order_.clear();
  for (const Write& write : group.writes) order_.push_back(&write);
  if (!sorted(group.writes)) {
    std::stable_sort(order_.begin(), order_.end(),
                     [](const Write* a, const Write* b) { return a->key < b->key; });
  }
  MDB_cursor* cursor = nullptr;
  int rc = mdb_cursor_open(txn, dbi_, &cursor);
  for (std::size_t i = 0; rc == 0 && i < order_.size(); ++i) {
    const Write& write = *order_[i];
    if (i + 1 < order_.size() && order_[i + 1]->key == write.key) continue;
    MDB_val k = value_of(write.key);
    if (write.value) {
      MDB_val v = value_of(*write.value);
      rc = mdb_cursor_put(cursor, &k, &v, 0);
    } else {
      MDB_val v = {};
      rc = mdb_cursor_get(cursor, &k, &v, MDB_SET);
      if (rc == 0) rc = mdb_cursor_del(cursor, 0);
      if (rc == MDB_NOTFOUND) rc = 0;
    }
  }
  if (cursor != nullptr) mdb_cursor_close(cursor);
  return rc;
}

int EmbeddedStore::Environment::put_own(MDB_txn* txn, const Own& own) const {
  std::string bytes;
  put_u64(bytes, own.revision);
  put_u64(bytes, own.epoch);
  MDB_val k = value_of(kOwnKey);
  MDB_val v = value_of(bytes);
  return mdb_put(txn, dbi_, &k, &v, 0);
}

// A generous guess at what a commit may write.
std::uint64_t EmbeddedStore::Environment::bytes_needed(const Group& group) noexcept {
  std::uint64_t sum = 0;
  for (const Write& write : group.writes) sum += 4 * 4096 + (write.value ? 2 * write.value->size() : 0);
  return sum;
}

Status EmbeddedStore::Environment::commit_failure(int rc, const Group* group) {
  if (rc == MDB_MAP_FULL) return fail(Code::no_space, "the store has reached map_bytes");
  const bool space =
      rc == ENOSPC || rc == EDQUOT || directory_.full(group != nullptr ? bytes_needed(*group) : 0);
  if (!space) return refuse(mdb_strerror(rc));
  // Without space LMDB fails before its meta page and the state is what it was. If it failed later it says so
  // now.
  MDB_txn* probe = nullptr;
  if (const int dead = mdb_txn_begin(env_, nullptr, 0, &probe); dead != 0) return refuse(mdb_strerror(dead));
  mdb_txn_abort(probe);
  return fail(Code::no_space, "the disk is full", mdb_strerror(rc));
}

bool EmbeddedStore::Environment::roomy(const Group& group) const {
  MDB_stat stat = {};
  if (mdb_env_stat(env_, &stat) != 0) return false;
  const std::size_t page = stat.ms_psize;
  // Each write copies the path to its leaf and may split it; besides, the free list itself.
  std::size_t need = 64 + group.writes.size() * (stat.ms_depth + 2);
  for (const Write& write : group.writes) need += write.value ? write.value->size() / page : 0;
  MDB_txn* txn = nullptr;
  if (mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn) != 0) return false;
  std::size_t free = 0;
  MDB_cursor* cursor = nullptr;
  if (mdb_cursor_open(txn, 0, &cursor) == 0) {  // database 0 is the free list: lists of pages by transaction
    MDB_val k = {};
    MDB_val v = {};
    while (free < need && mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
      std::size_t count = 0;
      if (v.mv_size < sizeof count) break;
      std::memcpy(&count, v.mv_data, sizeof count);
      free += count;
    }
    mdb_cursor_close(cursor);
  }
  mdb_txn_abort(txn);
  return free >= need;
}

// ---- the face

EmbeddedStore::EmbeddedStore(std::unique_ptr<Environment> environment) noexcept
    : environment_(std::move(environment)) {}
EmbeddedStore::~EmbeddedStore() = default;

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(EmbeddedOptions options, Log& log) {
  auto directory = Directory::open(std::move(options.path), options.ballast_bytes, log);
  if (!directory) return std::unexpected(std::move(directory).error());
  auto environment = std::make_unique<Environment>(*std::move(directory), options.map_bytes, log);
  SR_TRY(environment->create_or_open());
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(std::move(environment)));
}

Result<std::unique_ptr<store::Snapshot>> EmbeddedStore::snapshot() { return environment_->snapshot(); }
Status EmbeddedStore::apply(const Group& group, std::uint64_t epoch) {
  return environment_->apply(group, epoch);
}
Result<std::uint64_t> EmbeddedStore::lead() { return environment_->lead(); }
Status EmbeddedStore::reopen() { return environment_->reopen(); }
Result<EmbeddedStore::Usage> EmbeddedStore::usage() { return environment_->usage(); }

}  // namespace strongroom::stores
