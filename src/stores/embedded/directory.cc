#include "stores/embedded/directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>

namespace strongroom::stores {
namespace {

constexpr int kVersion = 1;
constexpr std::string_view kTitle = "strongroom store";
constexpr std::string_view kEngine = "engine lmdb";

auto system_failure(std::string what, int error) {
  return fail(Code::failed_precondition, fmt::format("{}: {}", what, std::strerror(error)));
}

Status check_owner(int fd, const std::filesystem::path& path) {
  struct stat found = {};
  if (::fstat(fd, &found) != 0) return system_failure("cannot look at " + path.string(), errno);
  if (found.st_uid == ::geteuid()) return {};
  return fail(
      Code::failed_precondition,
      fmt::format("{} belongs to user {}, but the server runs as user {}; run it as the owner, or change "
                  "the owner of the whole directory",
                  path.string(), found.st_uid, ::geteuid()));
}

// A file of ours in the directory, opened if it exists.
Result<Fd> open_owned(const Fd& directory, const std::filesystem::path& path, const char* file, int flags) {
  Fd fd(::openat(directory.get(), file, flags | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    if (errno == ENOENT) return fd;
    return system_failure("cannot open " + (path / file).string(), errno);
  }
  SR_TRY(check_owner(fd.get(), path / file));
  return fd;
}

Status read_format(const Fd& fd) {
  char buffer[256];
  const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n < 0) return system_failure("cannot read FORMAT", errno);
  std::string_view rest(buffer, static_cast<std::size_t>(n));
  const auto line = [&] {
    const std::size_t end = rest.find('\n');
    const std::string_view out = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return out;
  };
  if (line() != kTitle)
    return fail(Code::failed_precondition,
                "the directory is not a Strongroom store: its file FORMAT is another one's");
  std::string_view version = line();
  int number = 0;
  if (!version.starts_with("version ")) return fail(Code::failed_precondition, "FORMAT names no version");
  version.remove_prefix(8);
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (error != std::errc() || end != version.data() + version.size() || number < 1) {
    return fail(Code::failed_precondition, "FORMAT names no version");
  }
  if (number > kVersion) {
    return fail(Code::failed_precondition,
                fmt::format("the store has format {}, this server reads up to {}; start the newer server",
                            number, kVersion));
  }
  if (line() != kEngine) return fail(Code::failed_precondition, "the store belongs to another engine");
  return {};
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return system_failure("cannot write", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Result<Directory> Directory::open(std::filesystem::path path, std::uint64_t ballast_bytes, Log& log) {
  Directory out;
  out.path_ = std::move(path);
  out.ballast_bytes_ = ballast_bytes;
  std::error_code error;
  if (out.path_.has_parent_path()) std::filesystem::create_directories(out.path_.parent_path(), error);
  if (error) return system_failure("cannot create " + out.path_.parent_path().string(), error.value());
  if (::mkdir(out.path_.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_failure("cannot create " + out.path_.string(), errno);
  }
  out.directory_ = Fd(::open(out.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.directory_) return system_failure("cannot open " + out.path_.string(), errno);
  SR_TRY(check_owner(out.directory_.get(), out.path_));
  struct stat found = {};
  if (::fstat(out.directory_.get(), &found) == 0 && (found.st_mode & 077) != 0) {
    log.warn("store: others could enter the directory; it is 0700 now", {{"path", out.path_.string()}});
    if (::fchmod(out.directory_.get(), 0700) != 0)
      return system_failure("cannot protect the directory", errno);
  }

  SR_LET(out.lock_, open_owned(out.directory_, out.path_, "lock", O_RDWR | O_CREAT));
  if (::flock(out.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    char pid[24] = {};
    const ssize_t n = ::pread(out.lock_.get(), pid, sizeof pid - 1, 0);
    std::string who(pid, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!who.empty() && who.back() == '\n') who.pop_back();
    return fail(Code::failed_precondition,
                fmt::format("the store {} is in use by another process{}", out.path_.string(),
                            who.empty() ? "" : " (process id " + who + ")"));
  }
  if (::ftruncate(out.lock_.get(), 0) == 0) {
    static_cast<void>(
        write_all(out.lock_.get(), std::to_string(::getpid()) + "\n"));  // only for the message above
  }

  for (const char* file : {"data.mdb", "lock.mdb"}) {
    SR_LET(const Fd fd, open_owned(out.directory_, out.path_, file, O_RDONLY));
  }
  {
    SR_LET(const Fd format, open_owned(out.directory_, out.path_, "FORMAT", O_RDONLY));
    if (format) {
      SR_TRY(read_format(format));
      out.has_format_ = true;
    }
  }
  if (out.has_format_ && !out.has_data()) {
    return fail(Code::failed_precondition,
                fmt::format("the data file of the store {} is missing; restore it from a backup",
                            out.path_.string()));
  }

  if (ballast_bytes != 0) {
    SR_LET(out.ballast_, open_owned(out.directory_, out.path_, "ballast", O_RDWR | O_CREAT));
    struct stat ballast = {};
    out.has_ballast_ = ::fstat(out.ballast_.get(), &ballast) == 0 &&
                       static_cast<std::uint64_t>(ballast.st_blocks) * 512 >= ballast_bytes;
    if (!out.has_ballast_) out.restore_ballast();
    if (!out.has_ballast_) log.warn("store: the disk is nearly full", {{"path", out.path_.string()}});
  } else {
    out.has_ballast_ = true;
  }
  return out;
}

bool Directory::has_data() const { return ::faccessat(directory_.get(), "data.mdb", F_OK, 0) == 0; }

Status Directory::write_format() {
  {
    SR_LET(const Fd fd, open_owned(directory_, path_, "FORMAT.new", O_WRONLY | O_CREAT | O_TRUNC));
    SR_TRY(write_all(fd.get(), fmt::format("{}\nversion {}\n{}\n", kTitle, kVersion, kEngine)));
    if (::fsync(fd.get()) != 0) return system_failure("cannot sync FORMAT", errno);
  }
  if (::renameat(directory_.get(), "FORMAT.new", directory_.get(), "FORMAT") != 0) {
    return system_failure("cannot name FORMAT", errno);
  }
  if (::fsync(directory_.get()) != 0) return system_failure("cannot sync the directory", errno);
  has_format_ = true;
  return {};
}

std::uint64_t Directory::free_bytes() const noexcept {
  struct statvfs found = {};
  if (::fstatvfs(directory_.get(), &found) != 0) return UINT64_MAX;
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

void Directory::release_ballast() noexcept {
  // Synced, since some file systems give blocks back only with their journal.
  if (ballast_ && ::ftruncate(ballast_.get(), 0) == 0) static_cast<void>(::fsync(ballast_.get()));
  has_ballast_ = false;
}

void Directory::restore_ballast() noexcept {
  if (has_ballast_ || !ballast_ || free_bytes() < 2 * ballast_bytes_) return;
  if (::posix_fallocate(ballast_.get(), 0, static_cast<off_t>(ballast_bytes_)) == 0 &&
      ::fsync(ballast_.get()) == 0) {
    has_ballast_ = true;
  } else {
    static_cast<void>(!::ftruncate(ballast_.get(), 0));
  }
}

}  // namespace strongroom::stores
