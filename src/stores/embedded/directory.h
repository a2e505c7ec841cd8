// The directory of an embedded store: who may open it, its lock, its FORMAT file and its ballast. Knows
// nothing of LMDB.
#pragma once
#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"

namespace strongroom::stores {

class Directory {
 public:
  // Creates it when missing, refuses a foreign owner, takes the lock, reads FORMAT.
  static Result<Directory> open(std::filesystem::path, std::uint64_t ballast_bytes, Log&);

  const std::filesystem::path& path() const noexcept { return path_; }
  bool has_format() const noexcept { return has_format_; }
  bool has_data() const;
  // The last step of a creation: durable with the names of all files made so far.
  Status write_format();

  std::uint64_t free_bytes() const noexcept;  // what this user may still write
  // Too full for a commit of `bytes`.
  bool full(std::uint64_t bytes) const noexcept { return free_bytes() < kFull + bytes; }
  bool has_ballast() const noexcept { return has_ballast_; }
  void release_ballast() noexcept;
  // When there is room for it and as much again. What failed is tried again at the next call.
  void restore_ballast() noexcept;

 private:
  static constexpr std::uint64_t kFull = 1u << 20;

  std::filesystem::path path_;
  Fd directory_;
  Fd lock_;
  Fd ballast_;
  std::uint64_t ballast_bytes_ = 0;
  bool has_ballast_ = false;
  bool has_format_ = false;
};

}  // namespace strongroom::stores
