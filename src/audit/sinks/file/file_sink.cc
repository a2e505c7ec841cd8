#include "audit/sinks/file/file_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "audit/sinks/file/vault_lines.h"

namespace strongroom::audit::sinks {
namespace {

constexpr std::size_t kMostPending = 16u << 20;  // beyond it records are read from the log again
constexpr std::size_t kCatchUp = 256;            // records read at once
constexpr std::chrono::seconds kRetry{1};
constexpr Nanoseconds kStoreEvery = Seconds(1);
constexpr std::size_t kPage = 4096;  // a pipe that takes anything takes this much (PIPE_BUF)
constexpr const char* kStalled = "audit file device: its reader takes nothing";
constexpr int kPatience = 10;  // fiftieths of a second until a reader counts as one that has stopped

std::string safe_name(std::string_view name) {
  std::string out;
  for (const char c : name)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
      out.push_back(c);
    else
      out += "%" + to_hex(as_view(std::string_view(&c, 1)));
  return out;
}

std::filesystem::path position_file(const FileSink::Place& place) {
  return place.positions / (safe_name(place.name) + ".pos");
}

std::optional<std::uint64_t> read_position(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  char text[24];
  const ssize_t n = ::read(fd.get(), text, sizeof text);
  std::uint64_t value = 0;
  if (n <= 0 || std::from_chars(text, text + n, value).ec != std::errc{}) return std::nullopt;
  return value;
}

bool is_regular(int fd) {
  struct stat st{};
  return ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

bool is_true(std::string_view s) { return s == "true" || s == "1" || s == "TRUE" || s == "True" || s == "t"; }
bool is_false(std::string_view s) {
  return s == "false" || s == "0" || s == "FALSE" || s == "False" || s == "f";
}

}  // namespace

Result<FileSinkOptions> FileSinkOptions::parse(const std::map<std::string, std::string>& options) {
  FileSinkOptions out;
  const auto refuse = [](std::string_view option, std::string_view rule) {
    return fail(Code::invalid_argument, "options." + std::string(option) + ": " + std::string(rule));
  };
  for (const auto& [name, value] : options) {
    if (name == "file_path" || name == "path") {
      out.file_path = value;
    } else if (name == "mode") {
      unsigned mode = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), mode, 8);
      if (error != std::errc{} || end != value.data() + value.size() || mode > 0777)
        return refuse(name, "must be octal permissions such as 0600");
      out.mode = mode;
    } else if (name == "prefix") {
      if (value.size() > 256 || value.find('\n') != std::string::npos)
        return refuse(name, "must be one line of at most 256 bytes");
      out.prefix = value;
    } else if (name == "format") {
      if (value != "json") return refuse(name, "only json is written");
    } else if (name == "log_raw") {
      if (!is_false(value))
        return refuse(
            name,
            "raw values are never logged: the audit log holds only their HMACs, so that reading it gives "
            "no secret away; compare values with sys/audit-hash");
    } else if (name == "hmac_accessor") {
      if (!is_true(value))
        return refuse(name, "accessors are always hashed; compare them with sys/audit-hash");
    } else if (name == "elide_list_responses") {
      if (!is_false(value)) return refuse(name, "list responses are always logged");
    } else {
      return refuse(name, "is no option of a file device (file_path, mode, prefix, format, hmac_accessor)");
    }
  }
  if (out.file_path.empty()) return refuse("file_path", "is required");
  if (out.file_path != "stdout" && out.file_path != "discard" && out.file_path.front() != '/' &&
      out.file_path.starts_with("~"))
    return refuse("file_path", "must be a path; ~ is not expanded");
  return out;
}

Result<Fd> open_beneath(const std::string& directory, std::string_view file, unsigned mode, Opening opening) {
  const auto refuse = [](std::string_view rule) {
    return fail(Code::invalid_argument, "options.file_path: " + std::string(rule));
  };
  const auto failed = [&] { return refuse("cannot be opened: " + std::string(std::strerror(errno))); };
  if (file.starts_with('/')) {
    std::string top = directory;
    while (top.ends_with('/')) top.pop_back();
    if (!file.starts_with(top) || file.size() <= top.size() || file[top.size()] != '/')
      return refuse("must be in the server's audit_device_directory");
    file.remove_prefix(top.size() + 1);
  }
  if (file.size() > 1024) return refuse("must be at most 1024 bytes");
  Fd at(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) return failed();
  for (;;) {
    const auto slash = file.find('/');
    const std::string name(file.substr(0, slash));
    // Neither up nor anything that a shell or a service would read by itself.
    if (name.empty() || name.starts_with('.') ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            name.npos)
      return refuse("its names must be letters, digits, dots, - and _, and must not begin with a dot");
    if (slash != file.npos) {
      Fd next(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return failed();
      at = std::move(next);
      file.remove_prefix(slash + 1);
      continue;
    }
    constexpr int kHow = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const auto allowed = static_cast<mode_t>(mode == 0 ? 0600 : mode);
    if (opening == Opening::for_real) {
      Fd made(::openat(at.get(), name.c_str(), kHow | O_CREAT | O_EXCL, allowed));
      if (made) {
        if (::fchmod(made.get(), allowed) != 0) return failed();
        return made;
      }
      if (errno != EEXIST) return failed();
    }
    Fd there(::openat(at.get(), name.c_str(), kHow));
    if (!there) {
      if (errno == ENOENT && opening == Opening::to_look) return Fd();
      return failed();
    }
    struct stat st{};
    if (::fstat(there.get(), &st) != 0) return failed();
    if (!S_ISREG(st.st_mode)) return refuse("must be a regular file");
    if (st.st_uid != ::geteuid()) return refuse("must belong to the server's user");
    if (st.st_nlink != 1) return refuse("must not have another name (a hard link)");
    if ((st.st_mode & 0111) != 0) return refuse("must not be a program");
    if ((st.st_mode & 0022) != 0) return refuse("must not be writable by others");
    return there;
  }
}

Result<Fd> FileSink::open_file(const FileSinkOptions& options) {
  if (options.file_path == "discard") return Fd();
  if (options.file_path == "stdout") return Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!options.beneath.empty())
    return open_beneath(options.beneath, options.file_path, options.mode, Opening::for_real);
  const auto refuse = [&] {
    return fail(Code::invalid_argument,
                "options.file_path: cannot open: " + std::string(std::strerror(errno)));
  };
  std::error_code ignored;
  const std::filesystem::path path = options.file_path;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  // Not to wait for the reader of a named pipe; whoever writes waits as usual.
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
               options.mode == 0 ? 0600 : static_cast<mode_t>(options.mode)));
  if (!fd || ::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) return refuse();
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return refuse();
  // As Vault does: the mode holds for a file that was there before, too.
  if (options.mode != 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) != options.mode &&
      ::fchmod(fd.get(), static_cast<mode_t>(options.mode)) != 0)
    return refuse();
  return fd;
}

Result<std::unique_ptr<FileSink>> FileSink::open(Place place, FileSinkOptions options, audit::Log& log,
                                                 Env& env) {
  SR_LET(Fd fd, open_file(options));
  if (!place.positions.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(place.positions, ignored);
    std::filesystem::permissions(place.positions, std::filesystem::perms::owner_all, ignored);
  }
  const auto next = stored_position(place, log);
  std::unique_ptr<FileSink> sink(
      new FileSink(std::move(place), std::move(options), log, env, std::move(fd), next));
  log.add_reader(*sink);
  return sink;
}

FileSink::FileSink(Place place, FileSinkOptions options, audit::Log& log, Env& env, Fd fd, std::uint64_t next)
    : place_(std::move(place)),
      options_(std::move(options)),
      log_(log),
      env_(env),
      cursor_(log.cursor()),
      next_(next),
      file_(std::move(fd)),
      at_(next),
      regular_(is_regular(file_.get())) {
  store_position();
  thread_ = std::thread([this] { run(); });
}

FileSink::~FileSink() {
  log_.remove_reader(*this);
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void FileSink::take(std::uint64_t sequence, const Record& record) noexcept {
  const std::scoped_lock lock(mutex_);
  if (pending_.size() > kMostPending) pending_.clear();
  if (pending_.empty()) pending_first_ = sequence;
  const std::size_t start = pending_.size();
  pending_.append(4, '\0');
  encode_onto(pending_, record);
  const auto size = static_cast<std::uint32_t>(pending_.size() - start - 4);
  std::memcpy(pending_.data() + start, &size, sizeof size);
  pending_end_ = sequence + 1;
}

void FileSink::flush() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    due_ = true;
  }
  wake_.notify_one();
}

Status FileSink::reopen() {
  SR_LET(Fd fd, open_file(options_));
  {
    const std::scoped_lock lock(mutex_);
    fresh_ = std::move(fd);
    due_ = true;
  }
  wake_.notify_one();
  return {};
}

std::uint64_t FileSink::acknowledged() const {
  const std::scoped_lock lock(mutex_);
  return next_;
}

Status FileSink::settle() {
  const std::uint64_t wanted = log_.size();
  std::unique_lock lock(mutex_);
  // A round that began after this call has tried; its outcome is the answer.
  const std::uint64_t round = rounds_ + 2;
  while (next_ < wanted && rounds_ < round && !stalled_) {
    due_ = true;
    wake_.notify_one();
    settled_.wait(lock);
  }
  if (next_ >= wanted) return {};
  return stalled_ ? fail(Code::unavailable, kStalled) : last_;
}

std::uint64_t FileSink::stored_position(const Place& place, const audit::Log& log) {
  auto start = place.from;
  if (!place.positions.empty())
    if (const auto known = read_position(position_file(place))) start = known;
  return std::min(log.size(), start.value_or(UINT64_MAX));
}

std::string FileSink::trouble() const {
  const std::scoped_lock lock(mutex_);
  if (stalled_) return kStalled;
  if (last_ || last_.error().code == Code::sealed) return {};
  return last_.error().message;
}

void FileSink::forget() {
  const std::scoped_lock lock(mutex_);
  forgotten_ = true;
}

void FileSink::run() {
  std::string records;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto due = [this] { return due_ || ending_; };
    if (!last_ || stored_ != at_)
      wake_.wait_for(lock, kRetry, due);
    else
      wake_.wait(lock, due);
    const bool ending = ending_;
    due_ = false;
    if (fresh_) {
      file_ = std::move(*fresh_);
      fresh_.reset();
      line_cut_ = false;
      regular_ = is_regular(file_.get());
      stalled_ = false;
    }
    records.swap(pending_);
    const std::uint64_t first = records.empty() ? log_.size() : pending_first_;
    const std::uint64_t end = records.empty() ? first : pending_end_;
    lock.unlock();

    Status done = work(records, first, end);
    records.clear();
    const MonoTime now = env_.clock.ticks();
    if (stored_ != at_ && (ending || now - stored_at_ >= kStoreEvery)) store_position();

    lock.lock();
    if (!done && last_ && done.error().code != Code::sealed)
      env_.log.error("audit file device: cannot write; records wait in the log",
                     {{"device", place_.name}, {"reason", done.error().message}});
    last_ = std::move(done);
    next_ = at_;
    ++rounds_;
    settled_.notify_all();
    if (ending) break;
  }
  if (forgotten_ && !place_.positions.empty()) ::unlink(position_file(place_).c_str());
}

// Writes the records of [first, end), and before them what was missed.
Status FileSink::work(std::string& records, std::uint64_t first, std::uint64_t end) {
  SR_TRY(catch_up(first));
  std::string_view rest = records;
  for (std::uint64_t sequence = first; !rest.empty(); ++sequence) {
    std::uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    if (sequence >= at_) {
      const auto record = decode(rest.substr(sizeof size, size));
      if (record) append_vault_lines(lines_, *record, options_.prefix);
    }
    rest.remove_prefix(sizeof size + size);
  }
  SR_TRY(write_lines());
  at_ = std::max(at_, end);
  return {};
}

Status FileSink::catch_up(std::uint64_t to) {
  while (at_ < to) {
    SR_LET(const std::vector<StoredRecord> some,
           cursor_->read(at_, static_cast<std::size_t>(std::min<std::uint64_t>(kCatchUp, to - at_))));
    if (some.empty()) break;
    for (const StoredRecord& r : some)
      if (r.sequence < to) append_vault_lines(lines_, r.record, options_.prefix);
    SR_TRY(write_lines());
    at_ = some.back().sequence + 1;
  }
  return {};
}

Status FileSink::write_lines() {
  if (!file_ && options_.file_path == "discard") lines_.clear();
  if (lines_.empty()) return {};
  if (line_cut_) lines_.insert(0, 1, '\n');  // what stands there is a broken line of its own
  std::string_view rest = lines_;
  while (!rest.empty()) {
    const bool room = has_room();
    const ssize_t n =
        room ? ::write(file_.get(), rest.data(), regular_ ? rest.size() : std::min(rest.size(), kPage)) : -1;
    if (room && n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      line_cut_ = line_cut_ || rest.size() != lines_.size();
      lines_.clear();
      if (!room) return fail(Code::unavailable, kStalled);
      return fail(Code::unavailable, std::string("audit file device: ") + std::strerror(error));
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  line_cut_ = false;
  lines_.clear();
  if (lines_.capacity() > (1u << 20)) lines_.shrink_to_fit();
  return {};
}

// False: this is no file, whoever reads it has stopped, and the device ends or has another file. Without
// asking, write() would wait for ever, and whoever ends the device with it.
bool FileSink::has_room() {
  if (regular_) return true;
  for (int waited = 1;; ++waited) {
    pollfd p{file_.get(), POLLOUT, 0};
    const int n = ::poll(&p, 1, 20);
    const bool room = n > 0 || (n < 0 && errno != EINTR);
    const std::scoped_lock lock(mutex_);
    const bool before = std::exchange(stalled_, !room && waited >= kPatience);
    if (stalled_ && !before) {
      env_.log.error("audit file device: its reader takes nothing; records wait in the log",
                     {{"device", place_.name}});
      settled_.notify_all();
    }
    if (room) return true;
    if ((ending_ || fresh_) && waited >= kPatience) return false;
  }
}

// Not synced: after a crash some lines are written twice, none is missing.
void FileSink::store_position() {
  stored_ = at_;
  stored_at_ = env_.clock.ticks();
  if (place_.positions.empty()) return;
  const std::filesystem::path path = position_file(place_);
  std::filesystem::path temporary = path;
  temporary += ".new";
  const std::string text = std::to_string(at_) + "\n";
  const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(temporary.c_str(), path.c_str()) != 0)
    env_.log.warn("audit file device: cannot store its position", {{"device", place_.name}});
}

}  // namespace strongroom::audit::sinks
