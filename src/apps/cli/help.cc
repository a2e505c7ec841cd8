#include "apps/cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace strongroom::apps::cli {
namespace {

constexpr std::size_t kWidth = 78;

// Words on lines of at most kWidth characters, each after `indent` spaces.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::string line;
  const auto flush = [&] {
    out += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) flush();
    if (!line.empty()) line.push_back(' ');
    line += word;
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  if (!line.empty()) flush();
  return out;
}

std::string_view placeholder(Takes takes) {
  switch (takes) {
    case Takes::nothing:
      return "";
    case Takes::number:
      return "=<number>";
    case Takes::duration:
      return "=<duration>";
    case Takes::pairs:
      return "=<key=value>";
    case Takes::text:
    case Takes::texts:
      break;
  }
  return "=<text>";
}

std::string flag_help(const Flag& f) {
  std::string out = fmt::format("  -{}{}\n", f.name, placeholder(f.takes));
  std::string text(f.help);
  if (!f.alias.empty()) text += fmt::format(" Also -{}.", f.alias);
  if (!f.env.empty()) text += fmt::format(" Environment: STRONGROOM_{0}, BAO_{0} or VAULT_{0}.", f.env);
  return out + wrapped(text, 6);
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

// The names one level below a prefix ("" or "kv" or "kv metadata"), with their summaries.
std::map<std::string, std::string_view> below(std::string_view prefix) {
  std::map<std::string, std::string_view> out;
  const auto take = [&](std::string_view name, std::string_view summary) {
    if (!prefix.empty()) {
      if (!name.starts_with(std::string(prefix) + " ")) return;
      name.remove_prefix(prefix.size() + 1);
    }
    if (name.find(' ') == std::string_view::npos) out.emplace(name, summary);
  };
  for (const Command& c : all_commands()) take(c.name, c.summary);
  for (const Group& g : all_groups()) take(g.name, g.summary);
  return out;
}

std::string columns(const std::map<std::string, std::string_view>& rows) {
  std::size_t widest = 0;
  for (const auto& [name, summary] : rows) widest = std::max(widest, name.size());
  std::string out;
  for (const auto& [name, summary] : rows) out += fmt::format("    {:<{}}    {}\n", name, widest, summary);
  return out;
}

// Every place in the tree of words, "" included, with the words that may follow.
std::map<std::string, std::vector<std::string>> words() {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [name, summary] : below("")) out[""].push_back(name);
  for (const Group& g : all_groups())
    for (const auto& [name, summary] : below(g.name)) out[std::string(g.name)].push_back(name);
  for (const Command& c : all_commands()) {
    auto& flags = out[std::string(c.name)];
    for (const Flag& f : flags_of(c))
      flags.push_back(fmt::format("-{}{}", f.name, f.takes == Takes::nothing ? "" : "="));
  }
  out["completion"].insert(out["completion"].begin(), {"bash", "zsh"});
  return out;
}

// "case" arms of both shells: the words after a place, and the places there are.
std::string cases(std::string_view variable) {
  std::string out;
  for (const auto& [place, next] : words())
    out += fmt::format("    '{}') {}='{}' ;;\n", place, variable, fmt::join(next, " "));
  return out;
}
std::string places(std::string_view between) {
  std::string known;
  for (const auto& [place, next] : words())
    if (!place.empty()) known += fmt::format("{}'{}'", known.empty() ? "      " : between, place);
  return known + ") place=${place:+$place }$word ;;\n";
}

}  // namespace

std::string usage_line(const Command& c) {
  return fmt::format("Usage: strongroom {}{}{}{}", c.name, flags_of(c).empty() ? "" : " [options]",
                     c.arguments.empty() ? "" : " ", c.arguments);
}

std::string overview() {
  return "Usage: strongroom <command> [options] [arguments]\n\nCommands:\n" + columns(below("")) +
         "\nEach command explains itself with -h. The server's address comes from -address or "
         "STRONGROOM_ADDR.\n";
}

std::string group_help(std::string_view name) {
  std::string summary;
  for (const Group& g : all_groups())
    if (g.name == name) summary = g.summary;
  return fmt::format("Usage: strongroom {} <subcommand> [options] [arguments]\n\n  {}.\n\nSubcommands:\n{}",
                     name, summary, columns(below(name)));
}

std::string command_help(const Command& c) {
  std::string out = usage_line(c) + "\n\n" + wrapped(std::string(c.summary) + ".", 2);
  if (!c.text.empty()) out += "\n" + wrapped(c.text, 2);
  out += "\nExample:\n\n";
  for (const std::string_view line : lines(c.example)) out += fmt::format("    $ {}\n", line);
  if (!c.flags.empty()) {
    out += "\nOptions:\n\n";
    for (const Flag& f : c.flags) out += flag_help(f);
  }
  const auto shared = flags_of(c);
  if (shared.size() > c.flags.size()) {
    out += "\nCommon options:\n\n";
    for (std::size_t i = c.flags.size(); i < shared.size(); ++i) out += flag_help(shared[i]);
  }
  return out;
}

std::string bash_completion() {
  return "# bash completion for strongroom. Load it: source <(strongroom completion bash)\n"
         "_strongroom() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} place= words= word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in -* | = | */*) continue ;; esac\n"
         "    case \"${place:+$place }$word\" in\n" +
         places(" | ") +
         "    esac\n  done\n"
         "  case $place in\n" +
         cases("words") +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
         "  return 0\n"
         "}\n"
         "complete -o default -F _strongroom strongroom\n";
}

std::string zsh_completion() {
  return "#compdef strongroom\n"
         "# zsh completion for strongroom. Load it after compinit: source <(strongroom completion zsh)\n"
         "_strongroom() {\n"
         "  local place= found= word\n"
         "  local -a all\n"
         "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
         "    case $word in -*|*/*) continue ;; esac\n"
         "    case \"${place:+$place }$word\" in\n" +
         places("|") +
         "    esac\n  done\n"
         "  case $place in\n" +
         cases("found") +
         "  esac\n"
         "  all=(${=found})\n"
         "  compadd -S '' -- ${(M)all:#*=}\n"
         "  compadd -- ${all:#*=}\n"
         "  [[ -n $place ]] && _files\n"
         "}\n"
         "compdef _strongroom strongroom\n";
}

std::string reference_page() {
  std::string out =
      "# The commands of strongroom\n\n"
      "Made by `scripts/generate` from the table that the program itself uses. `docs/cli.md` "
      "explains the rest.\n";
  std::vector<Command> commands = all_commands();
  std::stable_sort(commands.begin(), commands.end(),
                   [](const Command& a, const Command& b) { return a.name < b.name; });
  for (const Command& c : commands) {
    out += fmt::format("\n## {}\n\n{}.{}{}\n\n    {}\n\nExample:\n\n", c.name, c.summary,
                       c.text.empty() ? "" : " ", c.text, usage_line(c).substr(7));
    for (const std::string_view line : lines(c.example)) out += fmt::format("    {}\n", line);
    if (!c.flags.empty()) out += "\n| Option | Meaning |\n|---|---|\n";
    for (const Flag& f : c.flags)
      out += fmt::format("| `-{}{}`{} | {} |\n", f.name, placeholder(f.takes),
                         f.alias.empty() ? "" : fmt::format(", `-{}`", f.alias), f.help);
    std::string shared;
    for (const auto& [bit, text] :
         {std::pair{unsigned{kHttp}, "the [connection options](#connection-options)"},
          std::pair{unsigned{kFormat}, "`-format`"}, std::pair{unsigned{kField}, "`-field`"},
          std::pair{unsigned{kMount}, "`-mount`"}})
      if ((c.shared & bit) != 0) shared += fmt::format("{}{}", shared.empty() ? "" : ", ", text);
    if (!shared.empty()) out += fmt::format("\nAlso {}.\n", shared);
  }
  out += "\n## Connection options\n\n| Option | Meaning | Environment |\n|---|---|---|\n";
  for (const Flag& f : http_flags())
    out += fmt::format("| `-{}{}`{} | {} | {} |\n", f.name, placeholder(f.takes),
                       f.alias.empty() ? "" : fmt::format(", `-{}`", f.alias), f.help,
                       f.env.empty() ? "" : fmt::format("`STRONGROOM_{}`", f.env));
  return out;
}

}  // namespace strongroom::apps::cli
