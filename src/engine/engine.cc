#include "engine/engine.h"

namespace strongroom::engine {

std::string_view name(Operation op) noexcept {
  static constexpr std::string_view names[] = {"read",  "list",   "create", "update",
                                               "patch", "delete", "scan",   "help"};
  return names[static_cast<std::size_t>(op)];
}

namespace {
// Segments of the pattern against the path; "{x...}" takes the rest (at least one byte unless the path ends
// there for a LIST), "{x}" one segment.
bool matches(std::string_view pattern, std::string_view path, schema::Input::Pairs& captured) {
  captured.clear();
  for (;;) {
    if (pattern.empty()) return path.empty();
    if (pattern.front() == '{') {
      const auto close = pattern.find('}');
      auto name = pattern.substr(1, close - 1);
      if (name.ends_with("...")) {
        const auto tail = pattern.substr(close + 1);  // "{path...}/tune"
        if (!path.ends_with(tail) || (!tail.empty() && path.size() == tail.size())) return false;
        captured.emplace_back(name.substr(0, name.size() - 3), path.substr(0, path.size() - tail.size()));
        return true;
      }
      const auto end = std::min(path.find('/'), path.size());
      if (end == 0) return false;
      captured.emplace_back(name, path.substr(0, end));
      pattern.remove_prefix(close + 1);
      path.remove_prefix(end);
      continue;
    }
    const auto literal = std::min(pattern.find('{'), pattern.size());
    if (!path.starts_with(pattern.substr(0, literal))) return false;
    pattern.remove_prefix(literal);
    path.remove_prefix(literal);
  }
}
}  // namespace

namespace {
// A listing's path has a trailing slash; the pattern may be written without.
std::string_view candidate_of(const Route& r, std::string_view path) {
  if ((r.verb == Verb::list || r.verb == Verb::scan) && path.ends_with('/') && !r.pattern.ends_with('/') &&
      !r.pattern.ends_with("...}"))
    path.remove_suffix(1);
  return path;
}
}  // namespace

bool serves(const Route& r, std::string_view path) {
  schema::Input::Pairs captured;
  return matches(r.pattern, candidate_of(r, path), captured);
}

Match match(std::span<const Route> routes, Verb verb, std::string_view path, schema::Input& input) {
  Match m;
  schema::Input::Pairs captured;
  for (const Route& r : routes) {
    if (!matches(r.pattern, candidate_of(r, path), captured)) continue;
    if (r.verb != verb) {
      // A folder's own path ("mounts/" to LIST) is not one of those below it.
      m.path_known |= captured.empty() || !captured.back().second.empty();
      continue;
    }
    m.path_known = true;
    m.route = &r;
    input.path = std::move(captured);
    return m;
  }
  return m;
}

}  // namespace strongroom::engine
