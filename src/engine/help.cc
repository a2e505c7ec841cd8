#include "engine/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "engine/openapi.h"
#include "schema/json.h"

namespace strongroom::engine {
namespace {

using schema::Field;
using schema::Kind;

constexpr std::size_t kColumns = 80;

// The pattern as the regular expression that Vault would print: tools and eyes are used to it.
std::string expression(std::string_view pattern) {
  std::string out = "^";
  while (!pattern.empty()) {
    if (pattern.front() != '{') {
      out += pattern.front();
      pattern.remove_prefix(1);
      continue;
    }
    const auto close = pattern.find('}');
    auto name = pattern.substr(1, close - 1);
    const bool rest = name.ends_with("...");
    if (rest) name.remove_suffix(3);
    out += fmt::format("(?P<{}>{})", name, rest ? ".*" : "[^/]+");
    pattern.remove_prefix(close + 1);
  }
  return out + "$";
}

// Words in lines of at most 80 columns.
std::string wrapped(std::string_view text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out = margin;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (column > indent && column + 1 + word.size() > kColumns) {
      out += "\n" + margin;
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string_view kind_word(const schema::Codec& c) {
  switch (c.kind) {
    case Kind::text:
    case Kind::secret:
      return "string";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::duration:
      return "duration (sec)";
    case Kind::time:
      return "time";
    case Kind::list:
    case Kind::comma_list:
      return "slice";
    case Kind::map:
      return c.item->kind == Kind::text ? "keypair" : "map";
    case Kind::record:
    case Kind::any:
      return "map";
  }
  return "map";
}

std::string_view method_of(Verb v) {
  static constexpr std::string_view methods[] = {"GET", "LIST", "POST", "PATCH", "DELETE", "SCAN"};
  return methods[static_cast<std::size_t>(v)];
}

std::string path_text(std::span<const Route> routes, std::string_view inside) {
  std::string out = fmt::format("Request:        {}\nMatching Route: {}\n\n{}\n\n", inside,
                                expression(routes.front().pattern), wrapped(routes.front().summary, 0));
  std::map<std::string_view, const Field*> fields;
  for (const Route& r : routes)
    for (const Field& f : r.in->fields()) fields.emplace(f.name, &f);
  if (!fields.empty()) {
    out += "## PARAMETERS\n\n";
    for (const auto& [name, f] : fields) {
      auto help = std::string(f->help);
      if ((f->flags & schema::deprecated) != 0) help = "(DEPRECATED) " + help;
      if ((f->flags & schema::required) != 0) help += " Required.";
      if (!f->initial.empty()) help += fmt::format(" Default: {}.", f->initial);
      if (!f->choices.empty()) {
        std::string choices;
        for (const char c : f->choices) choices += c == '|' ? std::string(", ") : std::string(1, c);
        help += fmt::format(" One of: {}.", choices);
      }
      out += fmt::format("    {} ({})\n\n{}\n\n", name, kind_word(*f->codec), wrapped(help, 8));
    }
  }
  out += "## DESCRIPTION\n\nThis path responds to the following HTTP methods.\n";
  for (const Route& r : routes) {
    out += fmt::format("\n    {}\n{}\n", method_of(r.verb), wrapped(r.summary, 8));
    if ((r.flags & open) != 0) out += "        Needs no token.\n";
    if ((r.flags & shut) != 0) out += "        Closed, unless the listener's configuration opens it.\n";
    if ((r.flags & sudo) != 0) out += "        Needs the sudo capability.\n";
  }
  return out;
}

std::string mount_text(const Engine& engine, std::span<const Route> routes) {
  std::string out = "## DESCRIPTION\n\n" + wrapped(engine.about(), 0);
  out +=
      "\n\n## PATHS\n\nThe following paths are supported by this engine. To view help for any of\nthe paths "
      "below, use the help command with any route matching the path pattern.\nNote that depending on the "
      "policy of your token, you may or may not be able to\naccess certain paths.\n";
  std::map<std::string, std::string_view> paths;
  for (const Route& r : routes)
    if ((r.flags & unlisted) == 0) paths.emplace(expression(r.pattern), r.summary);
  for (const auto& [pattern, summary] : paths)
    out += fmt::format("\n    {}\n{}\n", pattern, wrapped(summary, 8));
  return out;
}

}  // namespace

std::optional<SecretText> help_page(const Engine& engine, const MountView& mount,
                                    std::span<const Route> routes, std::string_view inside,
                                    std::string_view version) {
  std::vector<Route> shown;
  if (inside.empty()) {
    shown.assign(routes.begin(), routes.end());
  } else {
    // The first pattern that fits, and what else is served there.
    const Route* first = nullptr;
    for (const Route& r : routes) {
      if (first == nullptr ? !serves(r, inside) : openapi_path(r.pattern) != openapi_path(first->pattern))
        continue;
      if (first == nullptr) first = &r;
      shown.push_back(r);
    }
  }
  if (shown.empty()) return std::nullopt;
  OpenApi document;
  document.add({"", engine.type(), tag_of(mount.clazz, engine.type()), "", ""}, shown);
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("help");
  w.string(inside.empty() ? mount_text(engine, shown) : path_text(shown, inside));
  w.key("openapi");
  w.raw(view(document.document(version)));
  w.key("see_also");
  w.null();
  w.end_object();
  return out;
}

}  // namespace strongroom::engine
