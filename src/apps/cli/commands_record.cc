// audit and store: the record of what happened, and the proof that nothing stored is missing.
#include <fmt/format.h>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

Result<int> show(Session& s) {
  client::Request r{.method = "GET", .path = "sys/internal/audit/log"};
  if (const auto v = s.flags.number("after")) r.query.emplace_back("after", fmt::format("{}", *v));
  if (const auto v = s.flags.number("limit")) r.query.emplace_back("limit", fmt::format("{}", *v));
  SR_LET(const Answer a, s.demand(std::move(r), "Error reading the audit log"));
  const json::Node records = member(a.data(), "records");
  if (s.field() || s.format() == Format::yaml || !records.is_array()) return s.print(a);
  if (s.format() == Format::json) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, records);
    s.print_json(view(out));
    return 0;
  }
  Table t{"Sequence", "Time", "Operation", "Path", "Outcome", "Who"};
  const auto cell = [](json::Node record, std::string_view name) {
    const json::Node n = member(record, name);
    return n.is_null() ? SecretText{} : go_text(n);
  };
  for (const json::Node n : records)
    t.add({view(cell(n, "sequence")), view(cell(n, "time")), view(cell(n, "operation")),
           view(cell(n, "path")), view(cell(n, "outcome")), view(cell(n, "display_name"))});
  s.print_text(t.text());
  return 0;
}

Result<int> archive(Session& s) {
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  if (const auto v = s.flags.text("before")) w.key("before"), w.string(*v);
  w.key("destination"), w.string(s.arg(0));
  w.end_object();
  SR_LET(const Answer a,
         s.demand({.method = "POST", .path = "sys/internal/audit/archive", .body = std::move(body)},
                  "Error archiving the audit log"));
  if (a.has_body()) return s.print(a);
  s.console.line(fmt::format("Success! Archived the audit log to: {}", s.arg(0)));
  return 0;
}

Result<int> verify_store(Session& s) {
  SR_LET(const Answer a,
         s.demand({.method = "POST", .path = "sys/internal/store/verify"}, "Error verifying the store"));
  const bool good = member_truth(a.data(), "verified");
  if (s.format() != Format::table) {
    const int printed = s.print(a);
    return good ? printed : 2;
  }
  const json::Node findings = member(a.data(), "findings");
  if (good) {
    s.console.line(fmt::format("Success! The store is complete: {} records verified.",
                               member_number(a.data(), "records").value_or(0)));
    return 0;
  }
  s.console.error_line("The store is damaged:");
  for (const json::Node n : findings) s.console.error_line(fmt::format("  * {}", view(go_text(n))));
  return 2;
}

constexpr Flag kShow[] = {{"after", Takes::number, "Begin after this sequence number."},
                          {"limit", Takes::number, "At most so many records."}};
constexpr Flag kArchive[] = {{"before", Takes::text, "Only records before this time (RFC 3339)."}};

constexpr Command kCommands[] = {
    {"audit show", "", "Show records of the audit log", "Values from outside are keyed digests.",
     "strongroom audit show -limit=10", kHttp | kFormat, kShow, 0, 0, &show},
    {"audit archive", "FOLDER", "Move old records out of the log, keeping their hashes",
     "FOLDER is a path on the server. The log can still be verified.",
     "strongroom audit archive -before=2026-01-01T00:00:00Z /var/backups/audit", kHttp | kFormat, kArchive, 1,
     1, &archive},
    {"store verify",
     "",
     "Check that no stored record is lost, changed or replayed",
     "The exit code is 2 when something is found.",
     "strongroom store verify",
     kHttp | kFormat,
     {},
     0,
     0,
     &verify_store},
};

}  // namespace

std::span<const Command> record_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
