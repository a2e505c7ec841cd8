#include "system/sys/loggers.h"

#include <algorithm>

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
constexpr const char* kNoLogger = "name: no logger of this name; sys/loggers lists them";

Result<Log::Level> level_of(const std::optional<std::string>& text) {
  if (!text || text->empty()) return fail(Code::invalid_argument, "level is required");
  std::string lower = *text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (lower == "notice") lower = "info";
  const auto level = Log::parse_level(lower);
  if (!level)
    return fail(Code::invalid_argument,
                "invalid level provided: must be trace, debug, info, warn, error or off");
  return *level;
}
}  // namespace

struct Loggers::Level {
  std::optional<std::string> level;
  static constexpr auto fields() {
    return std::array{field<&Level::level>("level", "trace, debug, info, warn, error or off.", schema::none)};
  }
};
struct Loggers::At {
  std::string name;
  static constexpr auto fields() {
    return std::array{field<&At::name>("name", "Which logger.", schema::in_path | kPlain)};
  }
};
struct Loggers::LevelAt {
  std::string name;
  std::optional<std::string> level;
  static constexpr auto fields() {
    return std::array{
        field<&LevelAt::name>("name", "Which logger.", schema::in_path | kPlain),
        field<&LevelAt::level>("level", "trace, debug, info, warn, error or off.", schema::none)};
  }
};

NamedLog* Loggers::find(std::string_view name) const {
  const auto at = std::ranges::find(logs_, name, &NamedLog::name);
  return at == logs_.end() ? nullptr : *at;
}

Result<Loggers::Levels> Loggers::list(Prompt&, const schema::Empty&) const {
  Levels out;
  for (const auto* log : logs_) out.emplace(log->name(), Log::level_name(log->level()));
  return out;
}

Result<Loggers::Levels> Loggers::read(Prompt&, const At& in) const {
  Levels out;
  if (const auto* log = find(in.name); log != nullptr) out.emplace(in.name, Log::level_name(log->level()));
  return out;
}

Result<schema::Empty> Loggers::set_all(Prompt&, const Level& in) const {
  SR_LET(const auto level, level_of(in.level));
  for (auto* log : logs_) log->set_level(level);
  return schema::Empty{};
}

Result<schema::Empty> Loggers::set_one(Prompt&, const LevelAt& in) const {
  SR_LET(const auto level, level_of(in.level));
  auto* const log = find(in.name);
  if (log == nullptr) return fail(Code::invalid_argument, kNoLogger);
  log->set_level(level);
  return schema::Empty{};
}

Result<schema::Empty> Loggers::reset_all(Prompt&, const schema::Empty&) const {
  for (auto* log : logs_) log->reset();
  return schema::Empty{};
}

Result<schema::Empty> Loggers::reset_one(Prompt&, const At& in) const {
  auto* const log = find(in.name);
  if (log == nullptr) return fail(Code::invalid_argument, kNoLogger);
  log->reset();
  return schema::Empty{};
}

struct Loggers::Follow {
  std::string log_level, log_format;
  static constexpr auto fields() {
    return std::array{
        field<&Follow::log_level>("log_level", "trace, debug, info, warn or error.", schema::none),
        field<&Follow::log_format>("log_format", "standard or json.", schema::none)};
  }
};

Result<schema::Empty> Loggers::monitor(Prompt&, const Follow& in) const {
  if (!in.log_level.empty() && !level_of(in.log_level))
    return fail(Code::invalid_argument, "unknown log level");
  if (!in.log_format.empty() && in.log_format != "standard" && in.log_format != "json")
    return fail(Code::invalid_argument, "unknown log format");
  return fail(Code::unsupported,
              "monitor: following the log over the API is not supported by this version; it is on stderr, or "
              "where log_file says, and sys/loggers sets its level");
}

namespace {
using L = Loggers;
constexpr std::array kRoutes{
    route<&L::list>(Verb::read, "loggers", "List the parts of the server's log with their levels",
                    engine::guarded, "loggers-read-verbosity-level"),
    route<&L::set_all>(Verb::write, "loggers", "Set the level of the server's log, until the restart",
                       engine::guarded, "loggers-update-verbosity-level"),
    route<&L::reset_all>(Verb::erase, "loggers", "Take the configured level again", engine::guarded,
                         "loggers-revert-verbosity-level"),
    route<&L::read>(Verb::read, "loggers/{name}", "Read the level of one part of the server's log",
                    engine::guarded, "loggers-read-verbosity-level-for"),
    route<&L::set_one>(Verb::write, "loggers/{name}",
                       "Set the level of one part of the server's log, until the restart", engine::guarded,
                       "loggers-update-verbosity-level-for"),
    route<&L::reset_one>(Verb::erase, "loggers/{name}",
                         "Take the configured level of one part of the server's log again", engine::guarded,
                         "loggers-revert-verbosity-level-for"),
    route<&L::monitor>(Verb::read, "monitor", "Refused: the server's log is in its file", engine::unlisted),
};
}  // namespace
std::span<const engine::Route> Loggers::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
