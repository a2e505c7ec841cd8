#include "audit/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "base/fd.h"

namespace strongroom::audit {
namespace {

std::unexpected<Error> failed(std::string_view what, std::string_view name, int error) {
  const Code code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Code::no_space
                    : error == ENOENT                                    ? Code::not_found
                                                                         : Code::unavailable;
  return fail(
      code, "audit log: cannot " + std::string(what) + " " + std::string(name) + ": " + std::strerror(error));
}

class RealFile final : public DiskFile {
 public:
  RealFile(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<std::string> read(std::uint64_t offset, std::size_t most) const override {
    std::string out(most, '\0');
    std::size_t have = 0;
    while (have < most) {
      const ssize_t n = ::pread(fd_.get(), out.data() + have, most - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", name_, errno);
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    out.resize(have);
    return out;
  }
  Status write(std::uint64_t offset, std::string_view s) override {
    while (!s.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), s.data(), s.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write", name_, errno);
      s.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }
  Status sync() override {
    if (::fdatasync(fd_.get()) != 0) return failed("sync", name_, errno);
    return {};
  }
  Status truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failed("cut", name_, errno);
    return {};
  }
  Result<std::uint64_t> size() const override {
    struct stat st{};
    if (::fstat(fd_.get(), &st) != 0) return failed("look at", name_, errno);
    return static_cast<std::uint64_t>(st.st_size);
  }

 private:
  Fd fd_;
  std::string name_;
};

class MemoryDisk final : public Disk {
  struct Content {
    mutable std::mutex mutex;
    std::string bytes;
  };
  class File final : public DiskFile {
   public:
    explicit File(std::shared_ptr<Content> content) : content_(std::move(content)) {}
    Result<std::string> read(std::uint64_t offset, std::size_t most) const override {
      const std::scoped_lock lock(content_->mutex);
      if (offset >= content_->bytes.size()) return std::string();
      return content_->bytes.substr(offset, most);
    }
    Status write(std::uint64_t offset, std::string_view s) override {
      const std::scoped_lock lock(content_->mutex);
      if (content_->bytes.size() < offset + s.size()) content_->bytes.resize(offset + s.size());
      std::memcpy(content_->bytes.data() + offset, s.data(), s.size());
      return {};
    }
    Status sync() override { return {}; }
    Status truncate(std::uint64_t size) override {
      const std::scoped_lock lock(content_->mutex);
      content_->bytes.resize(size);
      return {};
    }
    Result<std::uint64_t> size() const override {
      const std::scoped_lock lock(content_->mutex);
      return content_->bytes.size();
    }

   private:
    std::shared_ptr<Content> content_;
  };

 public:
  Result<std::unique_ptr<DiskFile>> open(std::string_view name, Mode mode) override {
    const std::scoped_lock lock(mutex_);
    auto at = files_.find(name);
    if (at == files_.end()) {
      if (mode != Mode::create) return failed("open", name, ENOENT);
      at = files_.emplace(name, std::make_shared<Content>()).first;
    }
    return std::make_unique<File>(at->second);
  }
  Result<std::vector<std::string>> names() const override {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    out.reserve(files_.size());
    for (const auto& [name, content] : files_) out.push_back(name);
    return out;
  }
  Status rename(std::string_view from, std::string_view to) override {
    const std::scoped_lock lock(mutex_);
    const auto at = files_.find(from);
    if (at == files_.end()) return failed("rename", from, ENOENT);
    auto content = at->second;
    files_.erase(at);
    files_.insert_or_assign(std::string(to), std::move(content));
    return {};
  }
  Status remove(std::string_view name) override {
    const std::scoped_lock lock(mutex_);
    if (const auto at = files_.find(name); at != files_.end()) files_.erase(at);
    return {};
  }
  Status sync_names() override { return {}; }
  std::uint64_t free_bytes() const noexcept override { return UINT64_MAX; }

 private:
  // Shared only with open files, so that one that is removed stays readable as on a file system.
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>, std::less<>> files_;
};

}  // namespace

Result<std::unique_ptr<RealDisk>> RealDisk::create(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("create", directory.native(), errno);
  SR_LET(auto disk, existing(directory));
  disk->lock_ = Fd(::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!disk->lock_) return failed("open", (directory / "lock").native(), errno);
  if (::flock(disk->lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::failed_precondition, "audit log: " + directory.native() + " is used by another server");
  // The directory's own name must be durable too.
  const Fd parent(::open(directory.has_parent_path() ? directory.parent_path().c_str() : ".",
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());
  return disk;
}

Result<std::unique_ptr<RealDisk>> RealDisk::existing(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return failed("open", directory.native(), ENOENT);
  return std::unique_ptr<RealDisk>(new RealDisk(directory));
}

Result<std::unique_ptr<DiskFile>> RealDisk::open(std::string_view name, Mode mode) {
  const std::filesystem::path path = directory_ / name;
  const int flags = (mode == Mode::read_only ? O_RDONLY
                     : mode == Mode::create  ? O_RDWR | O_CREAT
                                             : O_RDWR) |
                    O_CLOEXEC;
  Fd fd(::open(path.c_str(), flags | O_NOFOLLOW, 0600));
  if (!fd) return failed("open", path.native(), errno);
  return std::make_unique<RealFile>(std::move(fd), path.native());
}

Result<std::vector<std::string>> RealDisk::names() const {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error))
    if (at->is_regular_file(error)) out.push_back(at->path().filename().native());
  if (error) return failed("list", directory_.native(), error.value());
  return out;
}

Status RealDisk::rename(std::string_view from, std::string_view to) {
  if (::rename((directory_ / from).c_str(), (directory_ / to).c_str()) != 0)
    return failed("rename", from, errno);
  return {};
}

Status RealDisk::remove(std::string_view name) {
  if (::unlink((directory_ / name).c_str()) != 0 && errno != ENOENT) return failed("remove", name, errno);
  return {};
}

Status RealDisk::sync_names() {
  const Fd fd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return failed("sync", directory_.native(), errno);
  return {};
}

std::uint64_t RealDisk::free_bytes() const noexcept {
  struct statvfs v{};
  if (::statvfs(directory_.c_str(), &v) != 0) return UINT64_MAX;  // a disk that cannot say is not called full
  return static_cast<std::uint64_t>(v.f_bavail) * v.f_frsize;
}

std::unique_ptr<Disk> memory_disk() { return std::make_unique<MemoryDisk>(); }

Result<std::optional<std::string>> read_small(Disk& disk, std::string_view name, std::size_t most) {
  auto file = disk.open(name, Disk::Mode::read_only);
  if (!file) {
    if (file.error().code == Code::not_found) return std::nullopt;
    return std::unexpected(std::move(file).error());
  }
  SR_LET(const std::uint64_t size, (*file)->size());
  SR_LET(std::string bytes, (*file)->read(0, static_cast<std::size_t>(std::min<std::uint64_t>(size, most))));
  return std::optional<std::string>(std::move(bytes));
}

Status replace_file(Disk& disk, std::string_view name, std::string_view content) {
  const std::string temporary = std::string(name) + ".new";
  {
    SR_LET(const auto file, disk.open(temporary, Disk::Mode::create));
    SR_TRY(file->truncate(0));
    SR_TRY(file->write(0, content));
    SR_TRY(file->sync());
  }
  SR_TRY(disk.rename(temporary, name));
  return disk.sync_names();
}

}  // namespace strongroom::audit
