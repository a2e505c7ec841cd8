// audit and store: the record of what happened, and the proof that nothing of it or of the store is missing.
// All ask the server but `audit verify`, which reads the log's files and needs the public key only.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>

#include "apps/cli/session.h"
#include "audit/verify.h"

namespace strongroom::apps::cli {
namespace {

constexpr std::int64_t kPage = 1000;  // records in one reply at most

Result<Answer> page(Session& s, std::int64_t after, std::int64_t limit) {
  client::Request r{.method = "GET", .path = "sys/internal/audit/log"};
  r.query.emplace_back("after", fmt::format("{}", after));
  r.query.emplace_back("limit", fmt::format("{}", limit));
  return s.demand(std::move(r), "Error reading the audit log");
}

// The newest records. The checkpoint tells how many there are at least; what is younger is read on from
// there.
Result<Answer> newest(Session& s, std::size_t count) {
  SR_LET(const Answer key, s.ask_first({.method = "GET", .path = "sys/internal/audit/key"}, ""));
  // A signed note: the log's name, the number of records, and what does not matter here.
  std::string_view note = member_text(key.data(), "checkpoint");
  note.remove_prefix(std::min(note.size(), note.find('\n') + 1));
  std::int64_t size = 0;
  std::from_chars(note.data(), note.data() + note.size(), size);
  std::deque<SecretText> last;
  for (std::int64_t after = std::max<std::int64_t>(0, size - static_cast<std::int64_t>(count));;) {
    SR_LET(const Answer a, page(s, after, kPage));
    const json::Node records = member(a.data(), "records");
    for (const json::Node n : records) {
      last.push_back(secret_text(n.source()));
      if (last.size() > count) last.pop_front();
      after = member_number(n, "sequence").value_or(after + 1);
    }
    if (records.size() < static_cast<std::size_t>(kPage)) break;
  }
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("data");
  w.begin_object();
  w.key("records");
  w.begin_array();
  for (const SecretText& record : last) w.raw(view(record));
  w.end_array();
  w.end_object();
  w.end_object();
  return made_answer(std::move(out));
}

// An error of several lines in one cell of a table.
SecretText one_line(std::string_view text) {
  SecretText out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space)
      out.push_back(c);
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  return out;
}

std::string counted(std::uint64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

// Vault API's audit lines: GET /sys/internal/audit/log -> {records, checkpoint}.
Result<int> show(Session& s) {
  const auto last = s.flags.number("last");
  if (last && (s.flags.given("after") || s.flags.given("limit")))
    return fail(Code::invalid_argument, "-last excludes -after and -limit");
  if (last && *last < 1) return fail(Code::invalid_argument, "-last takes a number above 0");
  auto got = last ? newest(s, static_cast<std::size_t>(*last))
                  : page(s, s.flags.number("after").value_or(0), s.flags.number("limit").value_or(100));
  if (!got) return std::unexpected(std::move(got).error());
  const Answer& a = *got;
  const json::Node records = member(a.data(), "records");
  if (s.field()) return s.print_field(a.data(), *s.field());
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, records);
    s.print_json(view(out));
    return 0;
  }
  Table t{"Sequence", "Time", "Type", "Operation", "Path", "Who", "Remote Address", "Error"};
  for (const json::Node n : records) {
    const json::Node request = member(n, "request");
    t.add({member(n, "sequence").text(), member_text(n, "time"), member_text(n, "type"),
           member_text(request, "operation"), member_text(request, "path"),
           member_text(member(n, "auth"), "display_name"), member_text(request, "remote_address"),
           view(one_line(member_text(n, "error")))});
  }
  s.print_text(t.text());
  return 0;
}

Result<int> key(Session& s) {
  SR_LET(const Answer a,
         s.demand({.method = "GET", .path = "sys/internal/audit/key"}, "Error reading the audit key"));
  if (s.field()) return s.print_field(a.data(), *s.field());
  if (s.format() != Format::table) return s.print(a);
  s.console.line(fmt::format("Verifier key: {}\n\nNewest checkpoint:\n{}",
                             member_text(a.data(), "verifier_key"), member_text(a.data(), "checkpoint")));
  return 0;
}

Result<int> archive(Session& s) {
  const auto before = s.flags.number("before");
  if (!before || *before < 1)
    return fail(Code::invalid_argument,
                "-before=SEQUENCE is needed: whole segments below this sequence number are archived");
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("before"), w.integer(*before);
  w.key("destination"), w.string(s.arg(0));
  w.end_object();
  SR_LET(const Answer a,
         s.demand({.method = "POST", .path = "sys/internal/audit/archive", .body = std::move(body)},
                  "Error archiving the audit log"));
  if (s.format() != Format::table) return s.print(a);
  const auto segments = static_cast<std::uint64_t>(member_number(a.data(), "segments").value_or(0));
  s.console.line(fmt::format("Success! Archived {} to: {}", counted(segments, "segment"), s.arg(0)));
  if (segments == 0)
    s.console.error_line(fmt::format(
        "Segments are archived whole, and none that is still complete ends before record {}.", *before));
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
  if (good) {
    s.console.line(fmt::format("Success! The store is complete and as it was written, at revision {}",
                               member_number(a.data(), "revision").value_or(0)));
    return 0;
  }
  s.console.error_line("The store is damaged:");
  for (const json::Node n : member(a.data(), "findings"))
    s.console.error_line(fmt::format("  * {}", view(go_text(n))));
  return 2;
}

// A signed note from a file, or from standard input for "-".
Result<std::string> note(Session& s, std::string_view place) {
  if (place == "-") {
    SR_LET(const SecretText text, s.console.read_input());
    return std::string(view(text));
  }
  SR_LET(const SecretText text, read_secret_file(std::string(place)));
  return std::string(view(text));
}

Result<std::string> verifier_key(Session& s) {
  const auto given = s.flags.text("key");
  const bool trust = s.flags.on("trust-local");
  if (given && trust) return fail(Code::invalid_argument, "-key and -trust-local exclude each other");
  if (!given && !trust)
    return fail(Code::invalid_argument,
                "-key=KEY is needed: the verifier key that strongroom audit key prints, or a file with it. "
                "-trust-local uses the copy "
                "beside the log, which whoever changed the log could have changed too.");
  const bool is_file = !given || ::access(std::string(*given).c_str(), F_OK) == 0;
  // A verifier key has three parts with a plus between them; anything else was meant as a file.
  if (!is_file && given->find('+') == std::string_view::npos)
    return fail(Code::invalid_argument,
                "-key is neither a verifier key nor a file that is there; check the path");
  if (!is_file) return std::string(trimmed(*given));
  const std::string file = given ? std::string(*given) : std::string(s.arg(0)) + "/key.pub";
  SR_LET(const SecretText text, read_secret_file(file));
  return std::string(trimmed(view(text)));
}

SecretText report_json(const audit::VerifyReport& report) {
  SecretText out;
  json::Writer w(out);
  const auto number = [&](std::string_view name, std::uint64_t v) {
    w.key(name), w.raw(fmt::format("{}", v));
  };
  w.begin_object();
  w.key("verified"), w.boolean(report.sound());
  number("records", report.records);
  number("signed_records", report.signed_records);
  number("archived_records", report.archived_records);
  number("segments", report.segments);
  w.key("findings");
  w.begin_array();
  for (const audit::Finding& f : report.findings) {
    w.begin_object();
    w.key("kind"), w.string(audit::name(f.kind));
    if (f.segment != 0) number("segment", f.segment);
    if (f.record) number("record", *f.record);
    if (f.sequence) number("sequence", *f.sequence);
    if (f.last) number("last", *f.last);
    w.key("text"), w.string(f.text);
    w.end_object();
  }
  w.end_array();
  w.key("checkpoint"), w.string(report.newest);
  w.key("tail"), w.string(report.tail);
  w.end_object();
  return out;
}

Result<int> verify(Session& s) {
  SR_LET(const std::string key, verifier_key(s));
  audit::VerifyOptions options;
  if (const auto v = s.flags.text("since")) {
    SR_LET(options.since, note(s, *v));
  }
  if (const auto v = s.flags.text("checkpoint")) {
    SR_LET(options.outside, note(s, *v));
  }
  const auto report = audit::verify(std::string(s.arg(0)), key, options);
  if (!report)
    return fail(Code::invalid_argument, "Error verifying the audit log: " + report.error().message);
  const int code = report->sound() ? 0 : 2;
  if (s.format() != Format::table) {
    s.print_json(view(report_json(*report)));
    return code;
  }
  const std::string size =
      fmt::format("{} in {}, {} of them signed", counted(report->records, "record"),
                  counted(report->segments, "segment"), counted(report->signed_records, "record"));
  if (!report->tail.empty())
    s.console.error_line(fmt::format("After the last whole record: {}", report->tail));
  if (report->sound()) {
    s.console.line(
        fmt::format("Success! The audit log is whole and unchanged up to its newest checkpoint: {}", size));
    if (report->archived_records != 0)
      s.console.line(
          fmt::format("Archived and known by their hash only: {} records", report->archived_records));
    if (report->records > report->signed_records)
      s.console.error_line(
          fmt::format("No checkpoint covers the last {} yet. A running, unsealed server signs the next one "
                      "within a second.",
                      counted(report->records - report->signed_records, "record")));
    if (s.flags.on("trust-local"))
      s.console.error_line(
          "The key was the copy beside the log. Whoever changed the log could have changed it too: keep the "
          "key elsewhere.");
    return code;
  }
  s.console.error_line(fmt::format("The audit log is damaged or was changed ({}):", size));
  for (const audit::Finding& f : report->findings) s.console.error_line(fmt::format("  * {}", f.text));
  return code;
}

constexpr Flag kVerify[] = {
    {"key", Takes::text, "The log's verifier key, or a file with it."},
    {"trust-local", Takes::nothing, "Use the key beside the log, where a forger could have put another."},
    {"since", Takes::text,
     "File with a checkpoint kept elsewhere: what it covers is checked by hashes, later records whole."},
    {"checkpoint", Takes::text, "File with a checkpoint kept elsewhere: the whole log must continue it."}};

constexpr Flag kShow[] = {{"after", Takes::number, "Begin after this sequence number."},
                          {"limit", Takes::number, "At most so many records, up to 1000. Default 100."},
                          {"last", Takes::number, "The newest so many records."}};
constexpr Flag kArchive[] = {{"before", Takes::number, "Archive whole segments below this sequence number."}};

constexpr Command kCommands[] = {
    {"audit show", "", "Show records of the audit log", "Values that came from outside are shown as HMACs.",
     "strongroom audit show -last=10\nstrongroom audit show -after=2 -limit=50 -format=json",
     kHttp | kFormat | kField, kShow, 0, 0, &show},
    {"audit key",
     "",
     "Print the audit log's verifier key and its newest checkpoint",
     "Both are public. Keep them on another machine: audit verify needs the key, and finds more with a "
     "checkpoint.",
     "strongroom audit key -field=verifier_key > audit.key\nstrongroom audit key -field=checkpoint > "
     "checkpoint.txt",
     kHttp | kFormat | kField,
     {},
     0,
     0,
     &key},
    {"audit archive", "FOLDER", "Move the bodies of old records out of the log",
     "FOLDER is a path on the server. Hashes stay, so that the log can still be verified.",
     "strongroom audit archive -before=1000 /var/backups/audit", kHttp | kFormat, kArchive, 1, 1, &archive},
    {"audit verify", "FOLDER", "Check the files of an audit log without a server",
     "Finds any record that was changed, removed or swapped, and says where. With a checkpoint that was kept "
     "elsewhere also a log "
     "that was cut or put back. The exit code is 2 when something is found.",
     "strongroom audit verify -trust-local /var/lib/strongroom/audit\n"
     "strongroom audit verify -key=audit.key -since=checkpoint.txt /var/lib/strongroom/audit",
     kFormat, kVerify, 1, 1, &verify},
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
