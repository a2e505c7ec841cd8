#include "apps/cli/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace strongroom::apps::cli {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads; there is nobody to tell
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Echo off for its lifetime. An interrupt ends the read, so that the terminal is restored first.
class Hidden {
 public:
  explicit Hidden(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ICANON | ISIG;
    struct sigaction action{};
    action.sa_handler = [](int) {};
    for (const int s : {SIGINT, SIGTERM}) ::sigaction(s, &action, s == SIGINT ? &old_int_ : &old_term_);
    active_ = ::tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    installed_ = true;
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;
  ~Hidden() {
    if (active_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    if (!installed_) return;
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
  }

 private:
  int fd_;
  termios before_{};
  struct sigaction old_int_{};
  struct sigaction old_term_{};
  bool active_ = false;
  bool installed_ = false;
};

}  // namespace

void Console::line(std::string_view text) { out(std::string(text) + "\n"); }
void Console::error_line(std::string_view text) { err(std::string(text) + "\n"); }

std::optional<std::string> Console::setting(std::string_view name) const {
  for (const std::string_view prefix : {"STRONGROOM_", "BAO_", "VAULT_"})
    if (auto v = variable(std::string(prefix) + std::string(name))) return v;
  return std::nullopt;
}

Result<SecretText> read_all(int fd) {
  SecretText all;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::invalid_argument, std::strerror(errno));
    if (n == 0) break;
    all.append(buffer, static_cast<std::size_t>(n));
  }
  explicit_bzero(buffer, sizeof buffer);
  return all;
}

Result<SecretText> read_secret_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return fail(Code::invalid_argument,
                fmt::format("error reading file: open {}: {}", path, std::strerror(errno)));
  auto text = read_all(fd.get());
  if (!text)
    return fail(Code::invalid_argument,
                fmt::format("error reading file: {}: {}", path, text.error().message));
  return text;
}

void SystemConsole::out(std::string_view text) { write_all(STDOUT_FILENO, text); }
void SystemConsole::err(std::string_view text) { write_all(STDERR_FILENO, text); }
bool SystemConsole::can_ask() const { return ::isatty(STDIN_FILENO) == 1; }
bool SystemConsole::out_is_terminal() const { return ::isatty(STDOUT_FILENO) == 1; }

std::optional<std::string> SystemConsole::variable(std::string_view name) const {
  const char* v = std::getenv(std::string(name).c_str());
  if (v == nullptr) return std::nullopt;
  return v;
}

Result<SecretText> SystemConsole::read_input() {
  if (input_taken_)
    return fail(Code::invalid_argument, "standard input was read already; only one value can come from it");
  input_taken_ = true;
  return read_all(STDIN_FILENO);
}

Result<SecretText> SystemConsole::ask_hidden(std::string_view prompt) {
  if (!can_ask()) return fail(Code::failed_precondition, "standard input is not a terminal");
  SecretText typed;
  bool stopped = false;
  {
    const Hidden hidden(STDIN_FILENO);
    err(prompt);
    char c = 0;
    for (;;) {
      const ssize_t n = ::read(STDIN_FILENO, &c, 1);
      if (n <= 0) {
        stopped = true;
        break;
      }
      if (c == '\n') break;
      typed.push_back(c);
    }
  }
  err("\n");
  if (stopped && typed.empty()) return fail(Code::failed_precondition, "nothing was typed");
  if (stopped) return fail(Code::failed_precondition, "interrupted");
  return typed;
}

}  // namespace strongroom::apps::cli
