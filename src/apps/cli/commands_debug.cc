// debug: a bundle for those who are asked for help, with what the server tells of itself over some time.
// No token and no secret gets into it: what comes from the server is written anew without them.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "apps/cli/archive.h"
#include "apps/cli/interrupt.h"
#include "apps/cli/scrub.h"
#include "apps/cli/session.h"
#include "base/fd.h"
#include "base/time.h"
#ifndef SR_VERSION
#define SR_VERSION "0.1.0"
#endif

namespace strongroom::apps::cli {
namespace {

constexpr std::string_view kTargets[] = {"config",        "host", "requests", "metrics", "replication-status",
                                         "server-status", "log"};
constexpr Seconds kLeast{5};
constexpr Seconds kGrace{1};  // so that the last interval gets its capture
constexpr std::string_view kLogFile = "strongroom.log";

// 2026-11-25T04-20-18Z
std::string name_of(WallTime t) {
  std::string text = rfc3339(std::chrono::floor<Seconds>(t));
  std::replace(text.begin(), text.end(), ':', '-');
  return text;
}

Status write_file(const std::string& path, std::string_view content) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const auto bad = [&] {
    return fail(Code::failed_precondition, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  };
  if (!fd) return bad();
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return bad();
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// What is asked again and again for one file of the bundle.
struct Poll {
  std::string_view target, says, file;
  Seconds every{};
  void (*ask)(class Capture&);
  MonoTime next{};
  unsigned count = 0;
};

class Capture {
 public:
  explicit Capture(Session& s) : s_(s) {}

  Result<int> run() {
    if (const Status ready = prepare(); !ready) {
      if (s_.shown()) return s_.shown_code();
      return fail(Code::failed_precondition, "Error during validation: " + ready.error().message);
    }
    announce();
    const Interrupt interrupt;
    s_.console.line("\n==> Capturing static information...");
    if (wants("config")) capture_config();
    s_.console.line("\n==> Capturing dynamic information...");
    poll(interrupt);
    s_.console.line("\nFinished capturing information, bundling files...");
    return bundle();
  }

  // The data of a reply, or nothing and a note why. Where the server has no such part, or the token may not
  // see it, the target is not asked for again.
  std::optional<Answer> ask(std::string_view target, std::string_view path) {
    if (given_up_.contains(target)) return std::nullopt;
    client::Request r{.method = "GET", .path = std::string(path), .wrap = client::Wrap::never};
    if (path == "sys/health")  // any state is an answer
      for (const std::string_view code :
           {"uninitcode", "sealedcode", "standbycode", "drsecondarycode", "performancestandbycode"})
        r.query.emplace_back(code, "299");
    auto a = s_.ask_first(std::move(r), "");
    if (!a) {
      note(target, a.error().message);
      return std::nullopt;
    }
    if (a->ok() && a->has_body()) return std::move(*a);
    if (a->ok()) {
      note(target, "the server gave an empty answer");
      return std::nullopt;
    }
    std::string why = fmt::format("GET {} answered {}", path, a->status);
    for (const json::Node e : member(a->body(), "errors")) {
      std::string line(e.text());
      std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
      why += fmt::format(": {}", trimmed(line));
    }
    if (a->status == 403 || a->status == 404 || a->status == 405) given_up_.emplace(target);
    const bool absent = a->status == 404 || a->status == 405;
    note(target, absent ? fmt::format("skipped: the server does not tell this ({})", why) : why);
    return std::nullopt;
  }
  // One more element of the array in a file, from a member "timestamp" and others.
  void keep(std::string_view file,
            std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    SecretText entry;
    json::Writer w(entry);
    w.begin_object();
    for (const auto& [name, json] : members) w.key(name), w.raw(json);
    w.key("timestamp"), w.string(rfc3339(clock_.now()));
    w.end_object();
    keep_whole(file, view(entry));
  }
  void keep_whole(std::string_view file, std::string_view json) {
    SecretText& all = files_[std::string(file)];
    all.append(all.empty() ? "[" : ",");
    all.append(view(scrub_.json(json)));
  }
  void note(std::string_view target, std::string_view error) {
    const std::string text(view(scrub_.text(error)));
    errors_.push_back({std::string(target), text, clock_.now()});
    log("WARN", fmt::format("{}: {}", target, text.substr(0, text.find('\n'))));
  }

 private:
  struct Failure {
    std::string target, error;
    WallTime at;
  };

  bool wants(std::string_view target) const {
    return std::find(targets_.begin(), targets_.end(), target) != targets_.end();
  }
  void log(std::string_view level, std::string_view text) {
    s_.console.error_line(fmt::format("{} [{}]{} {}",
                                      rfc3339(std::chrono::floor<std::chrono::milliseconds>(clock_.now())),
                                      level, level.size() < 5 ? " " : "", text));
  }

  Seconds time(std::string_view flag, Seconds otherwise, std::string_view name) {
    const auto given = s_.flags.seconds(flag);
    Seconds v = given ? Seconds(*given) : otherwise;
    if (v < kLeast) {
      s_.console.line(fmt::format("Overwriting {} value \"{}\" to the minimum value of \"{}\"", name,
                                  go_duration(v), go_duration(kLeast)));
      v = kLeast;
    }
    if (flag != "duration" && v > duration_) {
      s_.console.line(fmt::format("Overwriting {} value \"{}\" to the duration value \"{}\"", name,
                                  go_duration(v), go_duration(duration_)));
      v = duration_;
    }
    return v;
  }

  Status prepare() {
    duration_ = time("duration", Seconds(120), "duration");
    interval_ = time("interval", Seconds(30), "interval");
    metrics_interval_ = time("metrics-interval", Seconds(10), "metrics interval");
    SR_TRY(choose_targets());
    const auto format = s_.flags.text("log-format").value_or("standard");
    if (format != "standard" && format != "json")
      return fail(Code::invalid_argument, "-log-format takes standard or json");
    started_ = clock_.now();
    SR_TRY(choose_output());
    SR_LET(client::Api * api, s_.api());
    scrub_ = Scrub(view(api->options().token));
    client::Request r{.method = "GET", .path = "sys/health"};
    for (const std::string_view code : {"uninitcode", "sealedcode", "standbycode"})
      r.query.emplace_back(code, "299");
    SR_LET(const Answer health, s_.demand(std::move(r), "unable to connect to the server"));
    server_version_ = member_text(health.body(), "version");
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error || ::chmod(folder_.c_str(), 0700) != 0)
      return fail(Code::failed_precondition,
                  fmt::format("unable to create output directory {}; choose another with "
                              "-output",
                              folder_));
    return {};
  }

  Status choose_targets() {
    std::vector<std::string> unknown;
    for (const std::string_view list : s_.flags.texts("target")) {
      std::string_view rest = list;
      while (!rest.empty()) {
        const auto comma = rest.find(',');
        const std::string one(trimmed(rest.substr(0, comma)));
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        const bool known =
            one == "pprof" || std::find(std::begin(kTargets), std::end(kTargets), one) != std::end(kTargets);
        (known ? targets_ : unknown).push_back(one);
      }
    }
    if (!unknown.empty())
      s_.console.line(fmt::format("Ignoring invalid targets: {}", fmt::join(unknown, ", ")));
    if (targets_.empty() && !unknown.empty())
      return fail(Code::invalid_argument,
                  fmt::format("no valid target is left; the targets are {}", fmt::join(kTargets, ", ")));
    if (targets_.empty()) targets_.assign(std::begin(kTargets), std::end(kTargets));
    return {};
  }

  Status choose_output() {
    std::string out(s_.flags.text("output").value_or(""));
    if (out.empty()) out = "strongroom-debug-" + name_of(started_);
    while (out.size() > 1 && out.ends_with('/')) out.pop_back();
    compress_ = s_.flags.choice("compress").value_or(true);
    folder_ = out;
    written_ = out;
    if (compress_) {
      for (const std::string_view end : {".tar.gz", ".tgz"})
        if (folder_.ends_with(end)) folder_ = folder_.substr(0, folder_.size() - end.size());
      if (folder_ == out) written_ = out + ".tar.gz";
      if (::access(written_.c_str(), F_OK) == 0)
        return fail(Code::failed_precondition, "output file already exists: " + written_);
    }
    if (::access(folder_.c_str(), F_OK) == 0)
      return fail(Code::failed_precondition, "output directory already exists: " + folder_);
    return {};
  }

  void announce() {
    s_.console.line("==> Starting debug capture...");
    const auto row = [&](std::string_view name, std::string_view value) {
      s_.console.line(fmt::format("{:>22}: {}", name, value));
    };
    row("Server Address", s_.address());
    row("Client Version", SR_VERSION);
    row("Server Version", server_version_);
    row("Duration", go_duration(duration_));
    row("Interval", go_duration(interval_));
    row("Metrics Interval", go_duration(metrics_interval_));
    row("Targets", fmt::format("{}", fmt::join(targets_, ", ")));
    row("Output", written_);
  }

  void capture_config() {
    log("INFO", "capturing configuration state");
    if (const auto a = ask("config", "sys/config/state/sanitized"))
      keep("config.json", {{"config", a->payload().source()}});
  }

  void poll(const Interrupt& interrupt) {
    std::vector<Poll> polls;
    const auto add = [&](std::string_view target, std::string_view says, std::string_view file, Seconds every,
                         void (*how)(Capture&)) {
      if (wants(target)) polls.push_back({target, says, file, every, how, clock_.ticks(), 0});
    };
    add("host", "host information", "host_info.json", interval_, [](Capture& c) {
      if (const auto a = c.ask("host", "sys/host-info"))
        c.keep_whole("host_info.json", a->payload().source());
    });
    add("metrics", "metrics", "metrics.json", metrics_interval_, [](Capture& c) {
      if (const auto a = c.ask("metrics", "sys/metrics")) c.keep_whole("metrics.json", a->body().source());
    });
    add("replication-status", "replication status", "replication_status.json", interval_, [](Capture& c) {
      if (const auto a = c.ask("replication-status", "sys/replication/status"))
        c.keep("replication_status.json", {{"replication", a->payload().source()}});
    });
    add("server-status", "server status", "server_status.json", interval_, [](Capture& c) {
      const auto health = c.ask("server-status.health", "sys/health");
      const auto seal = c.ask("server-status.seal", "sys/seal-status");
      c.keep("server_status.json", {{"health", health ? health->body().source() : "null"},
                                    {"seal", seal ? seal->body().source() : "null"}});
    });
    add("requests", "in-flight request status", "requests.json", interval_, [](Capture& c) {
      if (const auto a = c.ask("requests", "sys/in-flight-req"))
        c.keep("requests.json", {{"in_flight_requests", a->payload().source()}});
    });
    if (wants("pprof")) note("pprof", "skipped: profiles of a server's memory may hold secrets");
    std::thread reader;
    std::atomic<bool> stop{false};
    if (wants("log")) start_log(reader, stop);
    const MonoTime end = clock_.ticks() + duration_ + kGrace;
    while (clock_.ticks() < end && !interrupt.seen()) {
      for (Poll& p : polls) {
        if (clock_.ticks() < p.next || interrupt.seen() || given_up_.contains(p.target)) continue;
        log("INFO", fmt::format("capturing {}: count={}", p.says, p.count++));
        p.ask(*this);
        p.next += p.every;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (interrupt.seen()) log("INFO", "interrupted; what was captured so far is kept");
    stop = true;
    if (reader.joinable()) reader.join();
    if (log_error_) note("log", *log_error_);
  }

  // The log comes on a connection of its own, read beside the others.
  void start_log(std::thread& reader, const std::atomic<bool>& stop) {
    log("INFO", "capturing the server's log");
    auto opened = s_.open_api();
    if (!opened) {
      note("log", opened.error().message);
      return;
    }
    reader = std::thread([this, &stop, api = *std::move(opened)]() mutable {
      client::Request r{.method = "GET", .path = "sys/monitor", .wrap = client::Wrap::never};
      r.query.emplace_back("log_level", "trace");
      r.query.emplace_back("log_format", s_.flags.text("log-format").value_or("standard"));
      const auto reply = api.stream(r, [&](std::string_view lines) {
        log_.append(lines);
        return stop ? client::Flow::stop : client::Flow::go_on;
      });
      if (!reply && !stop)
        log_error_ = reply.error().message;
      else if (reply && reply->status >= 300)
        log_error_ = reply->status == 404 || reply->status == 405
                         ? fmt::format("skipped: the server does not tell this (GET sys/monitor answered {})",
                                       reply->status)
                         : fmt::format("GET sys/monitor answered {}: {}", reply->status, view(reply->body));
    });
  }

  SecretText index(const std::vector<std::string>& names) {
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    w.key("version"), w.integer(1);
    w.key("vault_address"), w.string(s_.address());
    w.key("client_version"), w.string(SR_VERSION);
    w.key("server_version"), w.string(server_version_);
    w.key("timestamp"), w.string(rfc3339(started_));
    w.key("duration_seconds"), w.integer(duration_.count());
    w.key("interval_seconds"), w.integer(interval_.count());
    w.key("metrics_interval_seconds"), w.integer(metrics_interval_.count());
    w.key("compress"), w.boolean(compress_);
    w.key("raw_args");
    w.begin_array();
    // Only flags that name no secret.
    for (const std::string_view flag :
         {"duration", "interval", "metrics-interval", "output", "log-format", "compress"})
      if (const auto v = s_.flags.text(flag)) w.string(fmt::format("-{}={}", flag, *v));
    for (const std::string_view v : s_.flags.texts("target")) w.string(fmt::format("-target={}", v));
    w.end_array();
    w.key("targets");
    w.begin_array();
    for (const std::string& t : targets_) w.string(t);
    w.end_array();
    w.key("output");
    w.begin_object();
    w.key("files");
    w.begin_array();
    for (const std::string& n : names) w.string(n);
    w.end_array();
    w.end_object();
    w.key("removed_secrets"), w.integer(static_cast<std::int64_t>(scrub_.removed()));
    w.key("errors");
    w.begin_array();
    for (const Failure& f : errors_) {
      w.begin_object();
      w.key("error"), w.string(f.error);
      w.key("target"), w.string(f.target);
      w.key("timestamp"), w.string(rfc3339(f.at));
      w.end_object();
    }
    w.end_array();
    w.end_object();
    return indented_text(view(out));
  }

  Result<int> bundle() {
    std::vector<ArchiveFile> files;
    for (auto& [name, content] : files_) {
      content.push_back(']');
      files.push_back({name, indented_text(view(content))});
    }
    if (!log_.empty()) files.push_back({std::string(kLogFile), scrub_.lines(view(log_))});
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const ArchiveFile& f : files) names.push_back(f.name);
    std::sort(names.begin(), names.end());
    files.push_back({"index.json", index(names)});
    // The last look: a file that still holds a token is not written.
    for (ArchiveFile& f : files)
      if (scrub_.finds_in(view(f.content))) f.content = scrub_.text(view(f.content));
    for (const ArchiveFile& f : files)
      if (const Status done = write_file(folder_ + "/" + f.name, view(f.content)); !done)
        return fail(Code::failed_precondition, "Error writing data: " + done.error().message);
    if (compress_) {
      const std::string name = std::filesystem::path(folder_).filename().string();
      const auto seconds = std::chrono::duration_cast<Seconds>(started_.time_since_epoch()).count();
      if (const Status done = write_file(written_, tar_gz(name, files, seconds)); !done)
        return fail(Code::failed_precondition,
                    fmt::format("Error encountered during bundle compression: {}\nData written to: {}",
                                done.error().message, folder_));
      std::error_code ignored;
      std::filesystem::remove_all(folder_, ignored);
    }
    s_.console.line(fmt::format("Success! Bundle written to: {}", written_));
    if (!errors_.empty())
      s_.console.line(fmt::format("{} questions were not answered; index.json in it tells which and why.",
                                  errors_.size()));
    return 0;
  }

  Session& s_;
  SystemClock clock_;
  Scrub scrub_{{}};
  Seconds duration_{}, interval_{}, metrics_interval_{};
  std::vector<std::string> targets_;
  std::string folder_, written_, server_version_;
  bool compress_ = true;
  std::set<std::string, std::less<>> given_up_;  // targets
  WallTime started_{};
  std::map<std::string, SecretText> files_;
  std::vector<Failure> errors_;
  SecretText log_;  // of the reader's thread until it is joined, as is log_error_
  std::optional<std::string> log_error_;
};

Result<int> debug(Session& s) { return Capture(s).run(); }

constexpr Flag kFlags[] = {
    {"duration", Takes::duration, "How long to watch, at least 5s. Default 2m."},
    {"interval", Takes::duration, "How often to ask for the state, at least every 5s. Default 30s."},
    {"metrics-interval", Takes::duration, "How often to ask for metrics, at least every 5s. Default 10s."},
    {"output", Takes::text, "The bundle's name. Default strongroom-debug-TIME.tar.gz here."},
    {"compress", Takes::nothing, "=false: a folder instead of one .tar.gz."},
    {"target", Takes::texts,
     "What to ask for: config, host, requests, metrics, replication-status, server-status, log. May be "
     "repeated. "
     "Default all."},
    {"log-format", Takes::text, "Of the log: standard or json. Default standard."}};

constexpr Command kCommands[] = {
    {"debug", "", "Make a bundle with the server's state for those who help you",
     "Watches the server for some time and writes what it tells of itself into one file. Tokens and secrets "
     "are "
     "left out. What the server does not answer is noted in the bundle's index.json and stops nothing. "
     "Ctrl-C ends "
     "the watch early and keeps what there is.",
     "strongroom debug -duration=5s -output=support\nstrongroom debug -duration=5s -target=host "
     "-target=metrics "
     "-output=numbers.tar.gz",
     kHttp, kFlags, 0, 0, &debug},
};

}  // namespace

std::span<const Command> debug_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
