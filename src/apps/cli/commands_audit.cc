// audit enable, disable and list: the devices that get a copy of the audit log.
#include <fmt/format.h>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

Result<int> enable(Session& s) {
  if (s.args().empty())
    return fail(Code::invalid_argument,
                "Error enabling audit device: audit type missing. Valid types include 'file', 'socket' and "
                "'syslog'.");
  const std::string type(trimmed(s.arg(0)));
  std::string path(s.flags.text("path").value_or(type));
  path = clean_path(path.empty() ? type : path);
  auto options = KeyValues::read(s.args().subspan(1), s.omitted(), s.console);
  if (!options) return fail(Code::invalid_argument, "Failed to parse K=V data: " + options.error().message);
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("type"), w.string(type);
  w.key("description"), w.string(s.flags.text("description").value_or(""));
  w.key("options"), w.raw(view(options->json()));
  w.key("local"), w.boolean(s.flags.on("local"));
  w.end_object();
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "PUT", .path = "sys/audit/" + path, .body = std::move(body)},
                  "Error enabling audit device"));
  s.console.line(fmt::format("Success! Enabled the {} audit device at: {}/", type, path));
  return 0;
}

Result<int> disable(Session& s) {
  const std::string path = clean_path(s.arg(0));
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "DELETE", .path = "sys/audit/" + path}, "Error disabling audit device"));
  s.console.line(fmt::format("Success! Disabled audit device (if it was enabled) at: {}/", path));
  return 0;
}

constexpr Shape kDevice[] = {
    {"type"}, {"description"}, {"options", Shape::list}, {"local", Shape::truth}, {"path"}};

Result<int> list(Session& s) {
  SR_LET(const Answer a, s.demand({.method = "GET", .path = "sys/audit"}, "Error listing audits"));
  const json::Node devices = a.payload();
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    for (const json::Node d : sorted(devices))
      if (d.is_object()) w.key(d.key()), w.raw(view(shaped(d, kDevice)));
    w.end_object();
    s.print_json(view(out));
    return 0;
  }
  const bool detailed = s.flags.on("detailed");
  Table t = detailed ? Table{"Path", "Type", "Description", "Replication", "Options"}
                     : Table{"Path", "Type", "Description"};
  for (const json::Node d : sorted(devices)) {
    if (!d.is_object()) continue;
    const auto type = member_text(d, "type"), description = member_text(d, "description");
    if (!detailed) {
      t.add({d.key(), type, description});
      continue;
    }
    std::string options;
    for (const json::Node o : sorted(member(d, "options")))
      options += fmt::format("{}{}={}", options.empty() ? "" : " ", o.key(), o.text());
    t.add({d.key(), type, description, member_truth(d, "local") ? "local" : "replicated", options});
  }
  if (t.empty()) {
    s.console.line("No audit devices are enabled.");
    return 2;
  }
  s.print_text(t.text());
  return 0;
}

constexpr Flag kEnable[] = {{"path", Takes::text, "The device's name. Default: its type."},
                            {"description", Takes::text, "What the device is for."},
                            {"local", Takes::nothing, "Not replicated."}};
constexpr Flag kList[] = {{"detailed", Takes::nothing, "Show the options too."}};

constexpr Command kCommands[] = {
    {"audit enable", "TYPE KEY=VALUE...", "Send the audit log to a device too",
     "TYPE is file (OpenBao also has socket, syslog and http); KEY=VALUE are its options. Strongroom's own "
     "log "
     "needs no device, and a device holds up no request; its configuration says whether and in which "
     "directory devices may be made this way. OpenBao answers only what a device has recorded.",
     "strongroom audit enable -path=copy file file_path=/var/log/strongroom_audit.log", kHttp, kEnable, 0,
     kAny, &enable},
    {"audit disable",
     "PATH",
     "Stop sending the audit log to a device",
     "",
     "strongroom audit disable copy",
     kHttp,
     {},
     1,
     1,
     &disable},
    {"audit list", "", "List the audit devices", "The exit code is 2 when there are none.",
     "strongroom audit list\nstrongroom audit list -detailed", kHttp | kFormat, kList, 0, 0, &list},
};

}  // namespace

std::span<const Command> audit_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
