#include "apps/cli/dispatch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>

#include "apps/cli/cli.h"
#include "apps/cli/help.h"
#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

constexpr int kUnknownCommand = 127;  // as the shell and Vault say it

bool asks_help(std::string_view a) { return a == "-h" || a == "-help" || a == "--help"; }

bool is_local(Code c) {
  return c == Code::invalid_argument || c == Code::failed_precondition || c == Code::unsupported;
}

int run_command(const Command& c, std::span<const std::string_view> arguments, Console& console) {
  if (std::any_of(arguments.begin(), arguments.end(), asks_help)) {
    console.out(command_help(c));
    return 0;
  }
  const std::vector<Flag> known = flags_of(c);
  auto flags = Flags::parse(known, arguments);
  if (!flags) {
    console.error_line(flags.error().message);
    return 1;
  }
  if (const auto late = flags->late(); !late.empty())
    console.error_line(
        fmt::format("Command flags must be provided before positional arguments. The following arguments "
                    "will not be parsed as flags: [{}]",
                    fmt::join(late, ",")));
  const auto given = static_cast<int>(flags->rest().size());
  if (given < c.least || (c.most != kAny && given > c.most)) {
    const std::string expected = c.most == kAny     ? fmt::format("at least {}", c.least)
                                 : c.most > c.least ? fmt::format("{}-{}", c.least, c.most)
                                                    : fmt::format("{}", c.least);
    console.error_line(fmt::format("{} arguments (expected {}, got {})\n{}",
                                   given < c.least ? "Not enough" : "Too many", expected, given,
                                   usage_line(c)));
    return 1;
  }
  Session session(c, *std::move(flags), console);
  if (auto ok = session.settle_format(); !ok) {
    console.error_line(ok.error().message);
    return 1;
  }
  const auto code = c.run(session);
  if (code) return *code;
  if (session.shown()) return session.shown_code();
  console.error_line(code.error().message);
  return is_local(code.error().code) ? 1 : 2;
}

}  // namespace

int dispatch(std::span<const std::string_view> arguments, Console& console) {
  if (arguments.empty()) {
    console.err(overview());
    return kUnknownCommand;
  }
  const std::string_view first = arguments[0];
  const std::vector<Command> commands = all_commands();
  const auto find = [&](std::string_view name) {
    return std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  };
  if (asks_help(first)) {
    console.out(overview());
    return 0;
  }
  if (first == "-v" || first == "-version" || first == "--version")
    return run_command(*find("version"), {}, console);

  // The longest run of words that names a command.
  std::string name;
  std::string group;
  std::size_t used = 0;
  for (const std::string_view word : arguments) {
    const std::string longer = name.empty() ? std::string(word) : name + " " + std::string(word);
    if (const auto c = find(longer); c != commands.end())
      return run_command(*c, arguments.subspan(used + 1), console);
    const auto groups = all_groups();
    if (std::none_of(groups.begin(), groups.end(), [&](const Group& g) { return g.name == longer; })) break;
    group = name = longer;
    ++used;
  }
  if (group.empty()) {
    std::vector<std::string_view> names;
    for (const Command& c : commands)
      if (c.name.find(' ') == std::string_view::npos) names.push_back(c.name);
    for (const Group& g : all_groups()) names.push_back(g.name);
    const std::string_view near = nearest(first, names);
    // The word is not repeated: what was typed in the wrong place may be a secret.
    console.error_line(near.empty() ? "Unknown command. These are known:\n"
                                    : fmt::format("Unknown command. Did you mean strongroom {}?\n", near));
    console.err(overview());
    return kUnknownCommand;
  }
  if (used < arguments.size() && asks_help(arguments[used])) {
    console.out(group_help(group));
    return 0;
  }
  if (used < arguments.size()) {
    std::vector<std::string_view> names;
    const auto below = [&](std::string_view full) {
      if (full.starts_with(group + " ")) names.push_back(full.substr(group.size() + 1));
    };
    for (const Command& c : commands) below(c.name);
    for (const Group& g : all_groups()) below(g.name);
    const std::string_view near = nearest(arguments[used], names);
    console.error_line(
        near.empty() ? "Unknown subcommand. These are known:\n"
                     : fmt::format("Unknown subcommand. Did you mean strongroom {} {}?\n", group, near));
  }
  console.err(group_help(group));
  return 1;
}

int run(int argc, char** argv) {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
  std::vector<std::string_view> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  SystemConsole console;
  return dispatch(arguments, console);
}

}  // namespace strongroom::apps::cli
