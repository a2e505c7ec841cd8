// Policies from arbitrary text; then questions on paths derived from their own patterns. The input is the
// texts of up to three policies and the JSON body of the request, with a byte 0x01 between them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/acl.h"

namespace {
using namespace strongroom;
using namespace strongroom::identity;

void check(bool holds) {
  if (!holds) std::abort();
}

struct Values final : TemplateValues {
  std::optional<std::string> value(std::string_view expression) const override {
    if (expression == "identity.entity.id") return "id-1";
    if (expression == "identity.entity.name") return "a*";
    return std::nullopt;
  }
};

// A path that the pattern means, and some beside it.
std::vector<std::string> paths_of(std::string_view pattern) {
  std::string path;
  for (const char c : pattern)
    if (c == '+')
      path += 'x';
    else if (c != '*')
      path += c;
  return {path, path + "/", path + "y", path + "/y", path.substr(0, path.size() / 2)};
}

// A prefix that holds for all of "x/".
bool ends_above(std::string_view pattern) {
  return pattern.ends_with('*') && pattern.find('+') == pattern.npos &&
         std::string_view("x/").starts_with(pattern.substr(0, pattern.size() - 1));
}

void ask(const Acl& acl, std::string_view path, const Parameters& parameters) {
  using enum Operation;
  const auto names = acl.capabilities(path);
  check(!names.empty());
  for (const Operation op : {create, read, update, remove, list, patch, scan, help})
    for (const bool more : {false, true}) {
      Check c;
      c.operation = op;
      c.path = path;
      c.parameters = parameters;
      if (more) c.wrap_ttl = Seconds(30);
      if (more) c.sudo = Sudo::needed;
      const Decision d = acl.decide(c);
      const bool granted =
          d.why == Why::granted || d.why == Why::granted_help || d.why == Why::granted_to_root;
      check(d.allowed == granted);
      std::size_t granting = 0;
      d.each_granting(op, [&](const Contribution& who) { granting += who.policy.empty() ? 0 : 1; });
      check(d.why != Why::granted || granting > 0);
      const Explanation e = acl.explain(c);
      check(!e.verdict.empty() && e.remedy.empty() == d.allowed);
      if (op == list && d.rule != nullptr) check(names == d.rule->capabilities.names());
      // As in Vault, a rule for the mount itself hides what a shorter prefix gives below it.
      if (d.why == Why::granted && path.starts_with("x/") && !acl.reaches("x/"))
        check(ends_above(d.rule->pattern) && acl.decide({.operation = list, .path = "x/"}).rule != d.rule);
    }
}
void name_check(std::string_view rest) {
  if (const auto canonical = canonical_policy_name(rest)) {
    check(*canonical_policy_name(*canonical) == *canonical);
    check(is_immutable_policy(*canonical) == (*canonical == "root" || *canonical == "response-wrapping"));
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size > 4096) return 0;
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  std::vector<std::string_view> parts;
  for (; parts.size() < 3; rest.remove_prefix(rest.find('\1') + 1)) {
    parts.push_back(rest.substr(0, rest.find('\1')));
    if (rest.find('\1') == std::string_view::npos) {
      rest = {};
      break;
    }
  }
  std::vector<Policy> policies;
  for (std::string_view part : parts) {
    if (part == "default") part = default_policy_text();
    if (part == "response-wrapping") part = response_wrapping_policy_text();
    auto policy = parse_policy("p" + std::to_string(policies.size()), part, policies.size() == 2 ? "x/" : "");
    if (policy)
      policies.push_back(*std::move(policy));
    else
      check(policy.error().message.starts_with("failed to parse policy: "));
  }
  std::vector<const Policy*> set;
  for (const Policy& p : policies) set.push_back(&p);
  const Values values;
  const auto plain = Acl::compile(set);
  const auto full =
      Acl::compile(set, {.now = WallTime(Seconds(1'800'000'000)), .templates = &values, .fold_below = "x/"});
  check(plain && full);
  const auto doc = json::Doc::parse(rest);
  Parameters parameters;
  if (doc) parameters.body = doc->root();
  const std::pair<std::string_view, std::string_view> query[] = {{"limit", "5"}, {"max", "max"}};
  parameters.query = query;
  name_check(rest);
  std::size_t budget = 12;
  for (const Acl* acl : {&*plain, &*full})
    for (const AclRule& rule : acl->rules()) {
      if (budget-- == 0) return 0;
      check(acl->decide({.path = rule.pattern}).rule != nullptr || rule.pattern.starts_with('/') ||
            rule.pattern.find('+') != std::string::npos);
      for (const std::string& path : paths_of(rule.pattern)) ask(*acl, path, parameters);
      acl->reaches(rule.pattern);
    }
  return 0;
}
