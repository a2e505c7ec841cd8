// SimDisk: a disk in memory that loses power. Tests of the stores and of the audit log run on it to show that
// nothing acknowledged depends on an unsynced write. Never linked into what serves requests.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace strongroom::store {

// Files by path, as the page cache shows them, and beneath what a power cut would leave:
//  - bytes written and sizes truncated since the file's last good sync survive sector by sector, by dice;
//  - names created, removed or renamed since the last sync_directory survive as a prefix of their order.
// Any thread. Every call fails with Code::unavailable between a crash and restart().
class SimDisk {
 public:
  explicit SimDisk(std::size_t sector = 512) : sector_(sector) {}

  // ---- files
  Status create(std::string_view path);  // empty; Code::conflict when it exists
  Status append(std::string_view path, std::string_view bytes);
  Status pwrite(std::string_view path, std::uint64_t offset, std::string_view bytes);  // a gap reads as zeros
  Status truncate(std::string_view path, std::uint64_t size);  // shorter, or longer with zeros
  Status fsync(std::string_view path);  // Code::outcome_unknown when it was told to fail
  Result<std::string> read(std::string_view path, std::uint64_t offset = 0,
                           std::uint64_t most = UINT64_MAX) const;  // short at the end of the file
  Result<std::uint64_t> size(std::string_view path) const;          // Code::not_found
  bool exists(std::string_view path) const;

  // ---- names
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);  // replaces `to`
  Status sync_directory();                                    // every name is durable now
  std::vector<std::string> list(std::string_view prefix) const;

  // ---- faults
  // Lets `operations` more changing calls succeed (create, append, pwrite, truncate, fsync, remove, rename,
  // sync_directory); power fails in the middle of the next one.
  void crash_after(std::uint64_t operations);
  void crash();  // now
  // Power is back: what was not synced is decided by dice from `seed`.
  void restart(std::uint64_t seed);
  bool crashed() const;
  std::uint64_t operations() const;  // changing calls so far

  // The fsync after `syncs` more good ones fails, once. As on Linux the page cache keeps the bytes and calls
  // them clean: they read back, and a later fsync does not make them durable unless written again.
  void fail_sync_after(std::uint64_t syncs);
  // All files together; a write that would grow beyond fails with Code::no_space and writes nothing.
  void set_capacity(std::uint64_t bytes);
  std::uint64_t used() const;
  std::uint64_t room() const;  // what may still grow

  // Damage, for verifiers: flips one bit of what is stored, durable at once.
  void flip(std::string_view path, std::uint64_t bit);
  void set_sector(std::size_t bytes);  // 512 or 4096: what tears

 private:
  struct Change {  // bytes at offset, or a truncation
    std::optional<std::string> bytes;
    std::uint64_t offset = 0;
  };
  struct File {
    std::string now;      // what reads see
    std::string durable;  // what a power cut is sure to leave
    std::vector<Change> unsynced;
    std::vector<Change>
        doubtful;  // by sector: their sync failed: clean in the cache, perhaps not on the platter
  };
  struct NameChange {
    enum class Kind : std::uint8_t { create, remove, rename } kind = Kind::create;
    std::string path;
    std::string to;
  };
  // The file itself, apart from its name: a removed name comes back with its bytes.
  using Number = std::uint64_t;

  Status begin();  // counts; crashed or crashing: fails
  Result<File*> open(std::string_view path);
  Status change(File&, Change);
  void split(const Change&, std::vector<Change>& sectors) const;
  static void apply_whole(std::string& content, const Change&);
  std::uint64_t used_locked() const;

  mutable std::mutex mutex_;
  std::size_t sector_;
  std::map<std::string, Number, std::less<>> names_;          // now
  std::map<std::string, Number, std::less<>> durable_names_;  // after a power cut
  std::vector<NameChange> unsynced_names_;
  std::map<Number, File> files_;
  Number next_ = 1;
  std::uint64_t operations_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t crash_at_ = UINT64_MAX;
  std::uint64_t fail_sync_at_ = UINT64_MAX;
  std::uint64_t capacity_ = UINT64_MAX;
  bool crashing_ = false;  // this call is the one in which power fails
  bool crashed_ = false;
};

}  // namespace strongroom::store
