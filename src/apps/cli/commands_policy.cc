// policy: ACL policies on the server, and the formatter of policy files.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps/cli/session.h"
#include "base/fd.h"
#include "schema/hcl.h"

namespace strongroom::apps::cli {
namespace {

std::string policy_name(std::string_view typed) {
  std::string name(trimmed(typed));
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return name;
}

Result<int> read(Session& s) {
  const std::string name = policy_name(s.arg(0));
  SR_LET(const auto found, s.look({.method = "GET", .path = "sys/policies/acl/" + name},
                                  fmt::format("Error reading policy named {}", name)));
  const json::Node text = found ? member(found->data(), "policy") : json::Node{};
  if (!text.is_string() || text.text().empty()) {  // root has no text
    s.console.error_line("No policy named: " + name);
    return 2;
  }
  if (s.format() == Format::table) {
    std::string_view body = text.text();
    while (body.ends_with('\n')) body.remove_suffix(1);
    s.console.line(body);
    return 0;
  }
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("policy"), append_sorted(w, text);
  w.end_object();
  s.print_json(view(out));
  return 0;
}

Result<int> write(Session& s) {
  const std::string name = policy_name(s.arg(0));
  if (name != trimmed(s.arg(0)))
    s.console.error_line(fmt::format("Policy name was converted from \"{}\" to \"{}\"", s.arg(0), name));
  SecretText text;
  if (s.arg(1) == "-") {
    SR_LET(text, s.console.read_input());
  } else {
    auto read = read_secret_file(std::string(s.arg(1)));
    if (!read) {
      s.console.error_line("Error opening policy file: " + read.error().message);
      return 2;
    }
    text = *std::move(read);
  }
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("policy"), w.string(view(text));
  w.end_object();
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "PUT", .path = "sys/policies/acl/" + name, .body = std::move(body)},
                  "Error uploading policy"));
  s.console.line("Success! Uploaded policy: " + name);
  return 0;
}

Result<int> list(Session& s) {
  SR_LET(const Answer a, s.demand({.method = "LIST", .path = "sys/policies/acl"}, "Error listing policies"));
  const json::Node keys = member(a.data(), "keys");
  if (s.format() != Format::table) {
    SecretText out;
    json::Writer w(out);
    append_sorted(w, keys);
    s.print_json(view(out));
    return 0;
  }
  for (const json::Node n : keys) s.console.line(n.text());
  return 0;
}

Result<int> remove(Session& s) {
  const std::string name = policy_name(s.arg(0));
  SR_LET([[maybe_unused]] const Answer a, s.demand({.method = "DELETE", .path = "sys/policies/acl/" + name},
                                                   fmt::format("Error deleting {}", name)));
  s.console.line("Success! Deleted policy: " + name);
  return 0;
}

// Writes a file anew beside the old one and swaps them, so that a crash leaves one or the other.
Status replace_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const auto bad = [&] {
    const int error = errno;
    ::unlink(fresh.c_str());
    return fail(Code::invalid_argument, fmt::format("error writing {}: {}", path, std::strerror(error)));
  };
  struct stat old{};
  if (::stat(path.c_str(), &old) != 0) return bad();
  {
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd || ::fchmod(fd.get(), old.st_mode & 07777) != 0) return bad();
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return bad();
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return bad();
  return {};
}

Result<int> format(Session& s) {
  const std::string path(s.arg(0));
  SR_LET(const SecretText text, read_secret_file(path));
  const auto formatted = hcl::format(view(text));
  if (!formatted) return fail(Code::invalid_argument, fmt::format("{}: {}", path, formatted.error().message));
  SR_TRY(replace_file(path, *formatted));
  s.console.line("Success! Formatted policy: " + path);
  return 0;
}

constexpr Command kCommands[] = {
    {"policy list", "", "List the policies", "", "strongroom policy list", kHttp | kFormat, {}, 0, 0, &list},
    {"policy read",
     "NAME",
     "Print a policy",
     "",
     "strongroom policy read app",
     kHttp | kFormat,
     {},
     1,
     1,
     &read},
    {"policy write",
     "NAME FILE",
     "Store a policy",
     "FILE may be -, which is standard input.",
     "strongroom policy write app app.hcl",
     kHttp,
     {},
     2,
     2,
     &write},
    {"policy delete",
     "NAME",
     "Remove a policy",
     "Tokens that had it lose what it granted at once.",
     "strongroom policy delete app",
     kHttp,
     {},
     1,
     1,
     &remove},
    {"policy fmt",
     "FILE",
     "Format a policy file in place",
     "",
     "strongroom policy fmt app.hcl",
     0,
     {},
     1,
     1,
     &format},
};

}  // namespace

std::span<const Command> policy_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
