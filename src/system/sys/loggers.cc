#include "system/sys/loggers.h"

#include <algorithm>

#include "identity/policy.h"

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
  auto lower = identity::ascii_lower(*text);
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
        field<&Follow::log_level>(
            "log_level", "From which level on: trace, debug, info, warn or error; otherwise info.", kPlain),
        field<&Follow::log_format>("log_format", "standard or json: how a line looks; otherwise standard.",
                                   kPlain)};
  }
};

// As Vault words and orders its refusals.
Result<schema::Empty> Loggers::monitor(Prompt& p, const Follow& in) const {
  const auto named = identity::ascii_lower(in.log_level);
  const auto level = named.empty() ? Log::Level::info : Log::parse_level(named);
  if (!level || level == Log::Level::off) return bad("unknown log level");
  const auto format = identity::ascii_lower(in.log_format);
  if (!format.empty() && format != "standard" && format != "json") return bad("unknown log format");
  if (p.wrap_ttl.count() > 0) return bad("X-Vault-Wrap-TTL: a reply without an end cannot be wrapped");
  if (followers_ == nullptr) return fail(Code::unsupported, engine::kUnsupportedOperation);
  const bool json = format == "json";
  SR_LET(p.aside.feed, followers_->follow(*level, json ? Log::Format::json : Log::Format::text));
  p.aside.frame = engine::Frame::raw;
  p.aside.content_type = json ? "application/x-ndjson" : "text/plain; charset=utf-8";
  return schema::Empty{};
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
    route<&L::monitor>(Verb::read, "monitor", "Follow the server's log, as it is written, without an end",
                       engine::guarded, "monitor"),
};
}  // namespace
std::span<const engine::Route> Loggers::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
