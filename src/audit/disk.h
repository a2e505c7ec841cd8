// The few file operations the audit log needs, in one directory, so that tests can put a disk under it that
// loses power. RealDisk is the file system, MemoryDisk is for -dev.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace strongroom::audit {

// One thread at a time writes; reading may go on beside it. Code::no_space when the disk is full.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  virtual Result<std::string> read(std::uint64_t offset, std::size_t most) const = 0;  // short at the end
  virtual Status write(std::uint64_t offset, std::string_view) = 0;
  virtual Status sync() = 0;  // contents and size; never call it again after a failure
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() const = 0;
};

class Disk {
 public:
  enum class Mode : std::uint8_t { existing, create, read_only };
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<DiskFile>> open(std::string_view name, Mode) = 0;  // Code::not_found
  virtual Result<std::vector<std::string>> names() const = 0;
  virtual Status rename(std::string_view from, std::string_view to) = 0;  // replaces
  virtual Status remove(std::string_view name) = 0;
  virtual Status sync_names() = 0;
  virtual std::uint64_t free_bytes() const noexcept = 0;
};

// Mode 0700 for the directory, 0600 for files.
class RealDisk final : public Disk {
 public:
  // For the one server that writes: holds the directory's lock. Code::failed_precondition when another does.
  static Result<std::unique_ptr<RealDisk>> create(const std::filesystem::path& directory);
  static Result<std::unique_ptr<RealDisk>> existing(const std::filesystem::path& directory);
  Result<std::unique_ptr<DiskFile>> open(std::string_view name, Mode) override;
  Result<std::vector<std::string>> names() const override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Status sync_names() override;
  std::uint64_t free_bytes() const noexcept override;

 private:
  explicit RealDisk(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
  Fd lock_;
};

std::unique_ptr<Disk> memory_disk();

// Reads a whole small file; nothing when it does not exist.
Result<std::optional<std::string>> read_small(Disk&, std::string_view name, std::size_t most = 1u << 20);
// Writes a file as a whole: under a temporary name, synced, renamed, the name synced.
Status replace_file(Disk&, std::string_view name, std::string_view content);

}  // namespace strongroom::audit
