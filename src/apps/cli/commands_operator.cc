// operator rotate, key-status, members and step-down; version-history and monitor: the running server.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/interrupt.h"
#include "apps/cli/session.h"
#include "base/time.h"

namespace strongroom::apps::cli {
namespace {

constexpr Shape kKeyStatus[] = {{"term", Shape::number}, {"install_time"}, {"encryptions", Shape::number}};

// 2026-11-25T04:20:18.33Z as RFC 822 writes it: 25 Nov 26 04:20 UTC.
std::string short_time(std::string_view rfc) {
  constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto parsed = parse_rfc3339(rfc);
  if (!parsed) return std::string(rfc);
  const auto day = std::chrono::floor<std::chrono::days>(*parsed);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::minutes>(*parsed - day));
  return fmt::format("{:02} {} {:02} {:02}:{:02} UTC", unsigned(date.day()),
                     months[unsigned(date.month()) - 1], int(date.year()) % 100, clock.hours().count(),
                     clock.minutes().count());
}

Result<int> print_key_status(Session& s) {
  SR_LET(const Answer a, s.demand({.method = "GET", .path = "sys/key-status"}, "Error reading key status"));
  const json::Node status = a.payload();
  if (s.format() != Format::table) {
    s.print_json(view(shaped(status, kKeyStatus)));
    return 0;
  }
  if (s.command.name == "operator rotate") s.console.line("Success! Rotated key\n");
  Table t;
  t.add({"Key Term", fmt::format("{}", member_number(status, "term").value_or(0))});
  t.add({"Install Time", short_time(member_text(status, "install_time"))});
  t.add({"Encryption Count", fmt::format("{}", member_number(status, "encryptions").value_or(0))});
  s.print_text(t.text());
  return 0;
}

Result<int> rotate(Session& s) {
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "POST", .path = "sys/rotate"}, "Error rotating key"));
  return print_key_status(s);
}

Result<int> members(Session& s) {
  SR_LET(const Answer a, s.demand({.method = "GET", .path = "sys/ha-status"}, ""));
  const json::Node nodes = member(a.payload(), "nodes");
  constexpr std::string_view always[] = {"hostname",    "api_address", "cluster_address",
                                         "active_node", "last_echo",   "version"};
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    w.key("Nodes");
    w.begin_array();
    for (const json::Node n : nodes) {
      w.begin_object();
      for (const std::string_view name : always) w.key(name), append_sorted(w, member(n, name));
      if (const auto v = member_text(n, "upgrade_version"); !v.empty()) w.key("upgrade_version"), w.string(v);
      w.end_object();
    }
    w.end_array();
    w.end_object();
    s.print_json(view(out));
    return 0;
  }
  Table t{"Host Name", "API Address",     "Cluster Address", "Active Node",
          "Version",   "Upgrade Version", "Last Echo"};
  for (const json::Node n : nodes)
    t.add({member_text(n, "hostname"), member_text(n, "api_address"), member_text(n, "cluster_address"),
           member_truth(n, "active_node") ? "true" : "false", member_text(n, "version"),
           member_text(n, "upgrade_version"), member_text(n, "last_echo")});
  s.print_text(t.text());
  return 0;
}

Result<int> step_down(Session& s) {
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "PUT", .path = "sys/step-down"}, "Error stepping down"));
  s.console.line("Success! Stepped down: " + s.address());
  return 0;
}

Result<int> version_history(Session& s) {
  SR_LET(const Answer a,
         s.demand({.method = "LIST", .path = "sys/version-history"}, "Error reading version history"));
  if (s.format() != Format::table) return s.print(a);
  const json::Node info = member(a.data(), "key_info");
  Table t{"Version", "Installation Time", "Commit Date"};
  for (const json::Node version : member(a.data(), "keys")) {
    const json::Node of = member(info, version.text());
    const auto date = member_text(of, "commit_date");
    t.add({version.text(), member_text(of, "timestamp_installed"),
           date.empty() ? member_text(of, "build_date") : date});
  }
  s.print_text(t.text());
  return 0;
}

// Vault API: GET /sys/monitor, lines without end.
Result<int> monitor(Session& s) {
  const auto chosen = [&](std::string_view flag, std::string_view otherwise) {
    std::string text(s.flags.text(flag).value_or(otherwise));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  };
  const std::string level = chosen("log-level", "info"), format = chosen("log-format", "standard");
  constexpr std::string_view levels[] = {"trace", "debug", "info", "warn", "error"};
  if (std::find(std::begin(levels), std::end(levels), level) == std::end(levels))
    return fail(Code::invalid_argument,
                fmt::format("{} is an unknown log level. Valid log levels are: [trace debug info warn error]",
                            level));
  if (format != "standard" && format != "json")
    return fail(Code::invalid_argument,
                fmt::format("{} is an unknown log format. Valid log formats are: [standard json]", format));
  client::Request r{.method = "GET", .path = "sys/monitor", .wrap = client::Wrap::never};
  r.query.emplace_back("log_level", level);
  r.query.emplace_back("log_format", format);
  if (s.flags.on("output-curl-string") || s.flags.on("output-policy")) {
    SR_LET([[maybe_unused]] const Answer a, s.demand(std::move(r), ""));
    return 0;
  }
  SR_LET(client::Api * api, s.api());
  const Interrupt interrupt;
  auto reply = api->stream(r, [&](std::string_view lines) {
    s.console.out(lines);
    return interrupt.seen() ? client::Flow::stop : client::Flow::go_on;
  });
  if (!reply && interrupt.seen()) return 0;
  if (!reply) return fail(Code::failed_precondition, "Error starting monitor: " + reply.error().message);
  if (reply->ok()) return 0;
  Answer a;
  a.status = reply->status;
  a.method = reply->method;
  a.url = reply->url;
  a.text = std::make_unique<SecretText>(std::move(reply->body));
  if (auto doc = json::Doc::parse(view(*a.text), reply_limits())) a.doc.emplace(*std::move(doc));
  return fail(Code::failed_precondition, s.refusal(a, "Error starting monitor").error().message);
}

constexpr Flag kMonitor[] = {{"log-level", Takes::text, "trace, debug, info, warn or error. Default info."},
                             {"log-format", Takes::text, "standard or json. Default standard."}};

constexpr Command kCommands[] = {
    {"operator rotate",
     "",
     "Make a new key that new data is encrypted with",
     "What was written before stays readable. No share of the unseal key is needed or changed.",
     "strongroom operator rotate",
     kHttp | kFormat,
     {},
     0,
     0,
     &rotate},
    {"operator key-status",
     "",
     "Show the age of the key that data is encrypted with",
     "",
     "strongroom operator key-status",
     kHttp | kFormat,
     {},
     0,
     0,
     &print_key_status},
    {"operator members",
     "",
     "List the servers of the cluster",
     "",
     "strongroom operator members",
     kHttp | kFormat,
     {},
     0,
     0,
     &members},
    {"operator step-down",
     "",
     "Let another server of the cluster become the active one",
     "The one that is asked must be active; it becomes a standby. Strongroom has no cluster: it accepts the "
     "command, and goes on serving.",
     "strongroom operator step-down",
     kHttp,
     {},
     0,
     0,
     &step_down},
    {"version-history",
     "",
     "Show which versions of the server have run on this store, and since when",
     "",
     "strongroom version-history",
     kHttp | kFormat,
     {},
     0,
     0,
     &version_history},
    {"monitor", "", "Show the server's log as it is written", "Ctrl-C ends it.",
     "timeout 1 strongroom monitor -log-level=debug || true", kHttp, kMonitor, 0, 0, &monitor},
};

}  // namespace

std::span<const Command> operator_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
