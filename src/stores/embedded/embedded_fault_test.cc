// The embedded store when system calls fail: the calls of LMDB and of the store are caught in this binary, so
// a failed sync, a torn meta page and a full disk happen to real files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "store/committer.h"
#include "store/plain_sealer.h"
#include "stores/embedded/embedded_store.h"

namespace {

// What the caught calls do. Off by default: other tests of this binary see the real ones.
struct Faults {
  enum class Kind : std::uint8_t { refuse, done_but_refused };
  std::atomic<bool> on = false;
  std::atomic<std::int64_t> calls = 0;       // pwrite, writev, fdatasync, fsync so far
  std::atomic<std::int64_t> fail_from = -1;  // the first call to fail; -1: none
  std::atomic<std::int64_t> fail_count = 1;  // how many in a row
  std::atomic<Kind> kind = Kind::refuse;
  std::atomic<int> meta_failures = 0;  // writes of LMDB's meta page that say they failed, though they did not
  std::atomic<bool> keep_new_meta = false;  // and what LMDB writes to undo it really fails
  std::atomic<bool> skip_next = false;
  std::atomic<std::int64_t> room = -1;     // bytes that files may grow; -1: no limit
  std::atomic<bool> instant_sync = false;  // commits follow each other as on a disk without delay

  bool fails() {
    if (!on) return false;
    const std::int64_t n = calls++;
    return fail_from >= 0 && n >= fail_from && n < fail_from + fail_count;
  }
  // How many of `bytes` at `offset` fit on the disk.
  std::size_t fits(int fd, std::int64_t offset, std::size_t bytes) {
    if (!on || room < 0) return bytes;
    struct stat found = {};
    if (::fstat(fd, &found) != 0) return bytes;
    const std::int64_t end = offset + static_cast<std::int64_t>(bytes);
    const std::int64_t growth =
        std::max<std::int64_t>(0, end - std::max<std::int64_t>(offset, found.st_size));
    if (growth <= room) {
      room -= growth;
      return bytes;
    }
    const std::size_t fit = bytes - static_cast<std::size_t>(growth - room);
    room = 0;
    return fit / 512 * 512;
  }
};
Faults faults;

int refused(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {
ssize_t pwrite(int fd, const void* bytes, size_t n, off_t offset) {
  if (faults.skip_next.exchange(false)) return refused(EIO);
  const bool fails = faults.fails();
  if (fails && faults.kind == Faults::Kind::refuse) return refused(EIO);
  const size_t fit = faults.fits(fd, offset, n);
  if (fit == 0 && n != 0) return refused(ENOSPC);
  const ssize_t done = ::syscall(SYS_pwrite64, fd, bytes, fit, offset);
  if (n < 512 && offset < 8192 && faults.meta_failures > 0) {  // the meta record alone, not a page
    --faults.meta_failures;
    faults.skip_next = faults.keep_new_meta.exchange(false);
    return refused(EIO);
  }
  return fails ? refused(EIO) : done;
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  const bool fails = faults.fails();
  if (fails && faults.kind == Faults::Kind::refuse) return refused(EIO);
  size_t n = 0;
  for (int i = 0; i < count; ++i) n += parts[i].iov_len;
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  const size_t fit = at < 0 ? n : faults.fits(fd, at, n);
  if (fit < n) {
    if (fit == 0) return refused(ENOSPC);
    ssize_t done = 0;
    for (int i = 0; i < count && static_cast<size_t>(done) < fit; ++i) {
      done += ::syscall(SYS_write, fd, parts[i].iov_base,
                        std::min(parts[i].iov_len, fit - static_cast<size_t>(done)));
    }
    return done;  // short, as a full disk does it
  }
  const ssize_t done = ::syscall(SYS_writev, fd, parts, count);
  return fails ? refused(EIO) : done;
}
int fdatasync(int fd) {
  if (faults.fails()) return refused(EIO);
  if (faults.instant_sync) return 0;
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
int fsync(int fd) {
  if (faults.fails()) return refused(EIO);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
int ftruncate(int fd, off_t size) noexcept {
  struct stat before = {};
  const bool known = ::fstat(fd, &before) == 0;
  const int rc = static_cast<int>(::syscall(SYS_ftruncate, fd, size));
  if (rc == 0 && known && faults.on && faults.room >= 0 && before.st_size > size)
    faults.room += before.st_size - size;
  return rc;
}
int posix_fallocate(int fd, off_t offset, off_t n) {
  struct stat before = {};
  if (faults.on && faults.room >= 0 && ::fstat(fd, &before) == 0) {
    const off_t growth = offset + n - before.st_size;
    if (growth > faults.room) return ENOSPC;
    if (growth > 0) faults.room -= growth;
  }
  return ::syscall(SYS_fallocate, fd, 0, offset, n) == 0 ? 0 : errno;
}
int fstatvfs(int fd, struct statvfs* out) noexcept {
  struct statfs found = {};
  if (::fstatfs(fd, &found) != 0) return -1;
  *out = {};
  out->f_bsize = static_cast<unsigned long>(found.f_bsize);
  out->f_frsize = static_cast<unsigned long>(found.f_frsize);
  out->f_bavail = found.f_bavail;
  if (faults.on && faults.room >= 0) out->f_bavail = static_cast<fsblkcnt_t>(faults.room) / out->f_frsize;
  return 0;
}
}

namespace strongroom::stores {
namespace {

using store::Committed;
using store::Committer;
using store::Revision;
using store::Transaction;

class Silent final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft> drafts) noexcept override { heard_ += drafts.size(); }
  std::atomic<std::size_t> heard_ = 0;
};

class FaultyEmbedded : public testing::Test {
 protected:
  static constexpr std::uint64_t kBallast = 1u << 20;
  FaultyEmbedded() {
    std::string name = (std::filesystem::temp_directory_path() / "sr-fault-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    faults.on = false;
    faults.calls = 0;
    faults.fail_from = -1;
    faults.fail_count = 1;
    faults.kind = Faults::Kind::refuse;
    faults.meta_failures = 0;
    faults.keep_new_meta = false;
    faults.skip_next = false;
    faults.room = -1;
    faults.instant_sync = false;
    start();
  }
  ~FaultyEmbedded() override {
    stop();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  void start() {
    auto opened = EmbeddedStore::open(
        {.path = path_ / "store", .map_bytes = 4ULL << 30, .ballast_bytes = kBallast}, log_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
    committer_ = std::make_unique<Committer>(*store_, sealer_, listener_, log_, Committer::Limits());
  }
  void stop() {
    faults.on = false;
    committer_.reset();
    store_.reset();
  }
  // The next `count` calls from the `n`-th on fail.
  static void fail_calls(std::int64_t n, std::int64_t count = 1) {
    faults.calls = 0;
    faults.fail_from = n;
    faults.fail_count = count;
    faults.on = true;
  }
  static Transaction put(std::string key, std::string_view value) {
    Transaction txn;
    txn.puts.push_back({std::move(key), SecretText(value)});
    txn.record = "r";
    return txn;
  }
  static Transaction erase(std::string key) {
    Transaction txn;
    txn.puts.push_back({std::move(key), std::nullopt});
    txn.record = "r";
    return txn;
  }
  std::string text(std::string_view key) {
    const auto snapshot = *store_->snapshot();
    const auto found = *snapshot->get(key);
    return found ? std::string(found->substr(8)) : "absent";
  }

  std::filesystem::path path_;
  NoLog log_;
  store::PlainSealer sealer_;
  Silent listener_;
  std::unique_ptr<EmbeddedStore> store_;
  std::unique_ptr<Committer> committer_;
};

// Calls of a commit of one small group: data pages, fdatasync, meta page.
TEST_F(FaultyEmbedded, AFailedSyncRefusesReopensAndGoesOn) {
  ASSERT_TRUE(committer_->commit(put("a", "1")));
  std::int64_t calls = 0;
  {
    fail_calls(-1);
    ASSERT_TRUE(committer_->commit(put("a", "2")));
    calls = faults.calls;
  }
  ASSERT_GE(calls, 3);
  fail_calls(calls - 2);  // fdatasync
  EXPECT_EQ(committer_->commit(put("a", "3")).error().code, Code::unavailable);
  EXPECT_TRUE(committer_->healthy());
  EXPECT_EQ(text("a"), "2");
  EXPECT_EQ(committer_->commit(put("a", "4"))->revision, 3u);
  EXPECT_EQ(text("a"), "4");
}

TEST_F(FaultyEmbedded, AMetaPageOfUnknownFateIsSettledByReopening) {
  ASSERT_TRUE(committer_->commit(put("a", "1")));
  ASSERT_TRUE(committer_->commit(put("a", "2")));
  faults.meta_failures = 1;  // LMDB puts the old one back
  EXPECT_EQ(committer_->commit(put("a", "3")).error().code, Code::unavailable);
  EXPECT_TRUE(committer_->healthy());
  EXPECT_EQ(text("a"), "2");
  const std::size_t heard = listener_.heard_;
  // The attempt to put it back fails as well.
  faults.meta_failures = 1;
  faults.keep_new_meta = true;
  EXPECT_EQ(committer_->commit(put("a", "4"))->revision, 3u) << "it was there";
  EXPECT_EQ(listener_.heard_, heard + 1);
  EXPECT_EQ(text("a"), "4");
  ASSERT_TRUE(committer_->commit(put("b", "5")));
  stop();
  start();
  EXPECT_EQ(text("a"), "4");
  EXPECT_EQ(text("b"), "5");
}

TEST_F(FaultyEmbedded, EveryCallMayFailOnceAndWhatWasSaidHolds) {
  std::map<std::string, std::string> model;
  std::mt19937_64 dice(7);
  int refused_writes = 0;
  for (const auto kind : {Faults::Kind::refuse, Faults::Kind::done_but_refused}) {
    for (std::int64_t n = 0; n < 40; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << " fails");
      faults.kind = kind;
      fail_calls(n, 1 + static_cast<std::int64_t>(dice() % 2));
      for (int i = 0; i < 6 && committer_->healthy(); ++i) {
        const std::string key = "k" + std::to_string(dice() % 200);
        const std::string value(dice() % 6000, static_cast<char>('a' + dice() % 26));
        const auto result = committer_->commit(put(key, value));
        if (result) {
          model[key] = value;
        } else {
          ++refused_writes;
          ASSERT_TRUE(result.error().code == Code::unavailable ||
                      result.error().code == Code::outcome_unknown);
          if (result.error().code == Code::outcome_unknown) {
            stop();
            start();
            if (text(key) == value) model[key] = value;
          }
        }
      }
      faults.on = false;
      if (!committer_->healthy()) {
        stop();
        start();
      }
      for (const auto& [key, value] : model) ASSERT_EQ(text(key), value);
    }
  }
  EXPECT_GT(refused_writes, 20);
  stop();
  start();
  for (const auto& [key, value] : model) ASSERT_EQ(text(key), value);
}

TEST_F(FaultyEmbedded, AFullDiskRefusesWritesErasesAndRecovers) {
  faults.room = 3u << 20;
  faults.on = true;
  int stored = 0;
  for (;; ++stored) {
    const auto result = committer_->commit(put("k" + std::to_string(stored), std::string(20'000, 'v')));
    if (!result) {
      EXPECT_EQ(result.error().code, Code::no_space) << result.error().message << result.error().detail;
      break;
    }
    ASSERT_LT(stored, 1000);
  }
  ASSERT_GT(stored, 20);
  EXPECT_TRUE(committer_->healthy());
  EXPECT_EQ(committer_->commit(put("more", std::string(20'000, 'v'))).error().code, Code::no_space);
  // Everything can be erased, one by one, with outbox records that nobody takes away.
  for (int i = 0; i < stored; ++i) {
    const auto result = committer_->commit(erase("k" + std::to_string(i)));
    ASSERT_TRUE(result) << i << " " << result.error().message;
  }
  EXPECT_EQ(text("k0"), "absent");
  // Pages that were freed inside the file serve new writes though the disk is still full.
  EXPECT_TRUE(committer_->commit(put("after", std::string(20'000, 'w'))));
  // Room comes back: so does the ballast.
  faults.room = 64u << 20;
  EXPECT_TRUE(committer_->commit(put("later", "x")));
  EXPECT_EQ(std::filesystem::file_size(path_ / "store/ballast"), kBallast);
  faults.on = false;
  stop();
  start();
  EXPECT_EQ(text("after"), std::string(20'000, 'w'));
  EXPECT_EQ(text("later"), "x");
}

// LMDB alone gives a reader that is held up between two of its steps the data of a later commit under the
// number of an earlier one.
TEST_F(FaultyEmbedded, ASnapshotIsOfTheRevisionItNames) {
  committer_.reset();
  const std::uint64_t epoch = *store_->lead();
  faults.instant_sync = true;
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto snapshot = *store_->snapshot();
        const auto found = *snapshot->get("a");
        if ((found ? std::stoull(std::string(*found)) : 0) != snapshot->revision()) ++wrong;
      }
    });
  }
  for (store::Revision r = 1; r <= 4'000; ++r) {
    store::Group group;
    group.first = r;
    group.last = r;
    group.writes = {{"a", std::to_string(r)}};
    EXPECT_TRUE(store_->apply(group, epoch));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(FaultyEmbedded, AFullMapIsNoSpace) {
  stop();
  std::filesystem::remove_all(path_ / "store");
  auto opened =
      EmbeddedStore::open({.path = path_ / "store", .map_bytes = 1u << 20, .ballast_bytes = 0}, log_);
  ASSERT_TRUE(opened);
  store_ = *std::move(opened);
  committer_ = std::make_unique<Committer>(*store_, sealer_, listener_, log_, Committer::Limits());
  Code code = Code::internal;
  int stored = 0;
  for (; stored < 200; ++stored) {
    const auto result = committer_->commit(put("k" + std::to_string(stored), std::string(20'000, 'v')));
    if (!result) {
      code = result.error().code;
      break;
    }
  }
  EXPECT_EQ(code, Code::no_space);
  EXPECT_TRUE(committer_->healthy());
  EXPECT_EQ(text("k0"), std::string(20'000, 'v'));
  EXPECT_TRUE(committer_->commit(erase("k0")));
}

}  // namespace
}  // namespace strongroom::stores
