// The server's own log (not the audit log): one line per event on stderr or a file, as text or JSON. Never
// give it a secret or a request's bytes: fields are names, codes, numbers and paths of our own.
#pragma once
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace strongroom {

class Log {
 public:
  enum class Level : std::uint8_t { trace, debug, info, warn, error, off };
  struct FieldValue {
    std::string_view name;
    std::string value;
  };
  enum class Format : std::uint8_t { text, json };
  virtual ~Log() = default;
  virtual void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept = 0;

  void debug(std::string_view m, std::initializer_list<FieldValue> f = {}) noexcept {
    write(Level::debug, m, f);
  }
  void info(std::string_view m, std::initializer_list<FieldValue> f = {}) noexcept {
    write(Level::info, m, f);
  }
  void warn(std::string_view m, std::initializer_list<FieldValue> f = {}) noexcept {
    write(Level::warn, m, f);
  }
  void error(std::string_view m, std::initializer_list<FieldValue> f = {}) noexcept {
    write(Level::error, m, f);
  }

  static std::optional<Level> parse_level(
      std::string_view) noexcept;  // trace debug info warn(ing) error err off
  static std::string_view level_name(Level) noexcept;
};

// One line as it is written, with its end.
std::string log_line(Log::Format, Log::Level, std::string_view message,
                     std::initializer_list<Log::FieldValue> fields);

class LogFollowers;

// One part's log: passes on what is at least at its level, which may change while the server runs. Followers
// have levels of their own. Any thread.
class NamedLog final : public Log {
 public:
  NamedLog(std::string name, Log& to, Level configured, LogFollowers* followers = nullptr)
      : name_(std::move(name)), to_(to), followers_(followers), configured_(configured), level_(configured) {}
  void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept override;
  const std::string& name() const noexcept { return name_; }
  Level level() const noexcept { return level_.load(std::memory_order_relaxed); }
  void set_level(Level level) noexcept { level_.store(level, std::memory_order_relaxed); }
  void reset() noexcept { set_level(configured_); }

 private:
  const std::string name_;
  Log& to_;
  LogFollowers* const followers_;
  const Level configured_;
  std::atomic<Level> level_;
};

// Writes whole lines to a descriptor it does not own.
class DescriptorLog final : public Log {
 public:
  DescriptorLog(int fd, Level least, Format format) noexcept : fd_(fd), least_(least), format_(format) {}
  void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept override;
  void set_level(Level least) noexcept { least_ = least; }

 private:
  const int fd_;
  Level least_;
  const Format format_;
  std::mutex mutex_;  // one line at a time
};

class NoLog final : public Log {
 public:
  void write(Level, std::string_view, std::initializer_list<FieldValue>) noexcept override {}
};

}  // namespace strongroom
