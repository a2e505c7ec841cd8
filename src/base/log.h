// The server's own log (not the audit log): one line per event on stderr or a file, as text or JSON. Never
// give it a secret or a request's bytes: fields are names, codes, numbers and paths of our own.
#pragma once
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
};

// Writes whole lines to a descriptor it does not own.
class DescriptorLog final : public Log {
 public:
  enum class Format : std::uint8_t { text, json };
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
