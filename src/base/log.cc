#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/log_followers.h"
#include "base/time.h"

namespace strongroom {
namespace {
constexpr std::array<std::string_view, 6> kNames{"trace", "debug", "info", "warn", "error", "off"};

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
}
}  // namespace

std::optional<Log::Level> Log::parse_level(std::string_view text) noexcept {
  if (text == "warning") return Level::warn;
  if (text == "err") return Level::error;
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<Level>(i);
  return std::nullopt;
}

std::string_view Log::level_name(Level level) noexcept { return kNames[static_cast<std::size_t>(level)]; }

std::string log_line(Log::Format format, Log::Level level, std::string_view message,
                     std::initializer_list<Log::FieldValue> fields) {
  const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  std::string line;
  if (format == Log::Format::json) {
    line = fmt::format(R"({{"@timestamp":"{}","@level":"{}","@message":")", rfc3339(now),
                       kNames[static_cast<std::size_t>(level)]);
    append_escaped(line, message);
    line += '"';
    for (const auto& f : fields) {
      line += ",\"";
      append_escaped(line, f.name);
      line += "\":\"";
      append_escaped(line, f.value);
      line += '"';
    }
    line += "}\n";
  } else {
    line = fmt::format("{} [{:<5}] ", rfc3339(now), kNames[static_cast<std::size_t>(level)]);
    append_escaped(line, message);
    for (const auto& f : fields) {
      line += ' ';
      line += f.name;
      line += "=\"";
      append_escaped(line, f.value);
      line += '"';
    }
    line += '\n';
  }
  return line;
}

void DescriptorLog::write(Level level, std::string_view message,
                          std::initializer_list<FieldValue> fields) noexcept try {
  if (level < least_ || least_ == Level::off) return;
  const auto line = log_line(format_, level, message, fields);
  const std::lock_guard guard(mutex_);
  // A log that cannot be written must not stop the server.
  [[maybe_unused]] const auto n = ::write(fd_, line.data(), line.size());
} catch (...) {
}

void NamedLog::write(Level level, std::string_view message,
                     std::initializer_list<FieldValue> fields) noexcept {
  const Level least = level_.load(std::memory_order_relaxed);
  if (least != Level::off && level >= least) to_.write(level, message, fields);
  if (followers_ != nullptr && followers_->wants(level)) followers_->write(level, message, fields);
}

}  // namespace strongroom
