#include "identity/acl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "base/text.h"
#include "base/time.h"

namespace strongroom::identity {
namespace {

constexpr std::string_view kLimit = "limit";

bool is_list(Operation op) noexcept { return op == Operation::list || op == Operation::scan; }

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool equal_folded(std::string_view lowered, std::string_view any) noexcept {
  return lowered.size() == any.size() && std::equal(lowered.begin(), lowered.end(), any.begin(),
                                                    [](char a, char b) { return a == lower(b); });
}

// ---- Values of parameters

// A "*" at either end of the pattern stands for anything; a lone "*" is itself.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  if (pattern.size() < 2) return pattern == text;
  const bool front = pattern.front() == '*';
  const bool back = pattern.back() == '*';
  if (front && back) return text.find(pattern.substr(1, pattern.size() - 2)) != std::string_view::npos;
  if (front) return text.ends_with(pattern.substr(1));
  if (back) return text.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == text;
}

std::optional<double> real_of(std::string_view text) noexcept {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return v;
}

bool numbers_equal(const hcl::Value& rule, const json::Node& sent) noexcept {
  const auto a = rule.integer();
  const auto b = sent.integer();
  if (a && b) return *a == *b;
  const auto x = rule.real();
  const auto y = real_of(sent.text());
  return x && y && *x == *y;
}

bool same(const hcl::Value& rule, const json::Node& sent) noexcept {
  switch (rule.kind) {
    case hcl::Kind::null:
      return sent.is_null();
    case hcl::Kind::boolean:
      return sent.kind() == json::Kind::boolean && sent.boolean() == rule.boolean;
    case hcl::Kind::number:
      return sent.kind() == json::Kind::number && numbers_equal(rule, sent);
    case hcl::Kind::string:
      return sent.is_string() && sent.text() == rule.text;
    case hcl::Kind::list: {
      if (!sent.is_array() || sent.size() != rule.list.size()) return false;
      auto element = rule.list.begin();
      for (const json::Node n : sent)
        if (!same(*element++, n)) return false;
      return true;
    }
    case hcl::Kind::object: {
      if (!sent.is_object() || sent.size() != rule.object.items.size()) return false;
      for (const hcl::Item& item : rule.object.items) {
        const auto member = sent.find(item.key);
        if (!member || !same(item.value, *member)) return false;
      }
      return true;
    }
  }
  return false;
}

bool matches(const hcl::Value& rule, const json::Node& sent) noexcept {
  if (rule.kind == hcl::Kind::string && sent.is_string()) return glob_matches(rule.text, sent.text());
  return same(rule, sent);
}

bool matches_any(const std::vector<hcl::Value>& values, const json::Node& sent) noexcept {
  return std::any_of(values.begin(), values.end(), [&](const hcl::Value& v) { return matches(v, sent); });
}

// No values: any. A list counts if it is listed as a whole or each of its elements is.
bool is_allowed_value(const std::vector<hcl::Value>& values, const json::Node& sent) noexcept {
  if (values.empty() || matches_any(values, sent)) return true;
  if (!sent.is_array() || sent.size() == 0) return false;
  for (const json::Node element : sent)
    if (!matches_any(values, element)) return false;
  return true;
}

std::string_view scalar_text(const hcl::Value& v) noexcept {
  if (v.kind == hcl::Kind::boolean) return v.boolean ? "true" : "false";
  return v.kind == hcl::Kind::string || v.kind == hcl::Kind::number ? std::string_view(v.text)
                                                                    : std::string_view();
}
bool is_scalar(const json::Node& n) noexcept { return !n.is_null() && !n.is_array() && !n.is_object(); }

// The same without regard to case.
bool glob_matches_folded(std::string_view pattern, std::string_view text) noexcept {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  const auto equal = [&](std::string_view a, std::string_view b) { return std::ranges::equal(a, b, same); };
  if (pattern.size() < 2) return equal(pattern, text);
  const bool front = pattern.front() == '*';
  const bool back = pattern.back() == '*';
  if (front) pattern.remove_prefix(1);
  if (back) pattern.remove_suffix(1);
  if (front && back) return !std::ranges::search(text, pattern, same).empty() || pattern.empty();
  if (pattern.size() > text.size()) return false;
  if (front) return equal(pattern, text.substr(text.size() - pattern.size()));
  return equal(pattern, back ? text.substr(0, pattern.size()) : text);
}

// As a field for a boolean or a number reads it: "t" and 1 are true, "" is false, "05" is 5.
bool reads_as(const hcl::Value& rule, std::string_view text) noexcept {
  if (rule.kind == hcl::Kind::boolean) return (text.empty() ? false : parse_bool(text)) == rule.boolean;
  if (rule.kind != hcl::Kind::number) return false;
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  return error == std::errc{} && end == text.data() + text.size() && rule.integer() == v;
}

// Fields accept a number or a boolean as a string and a list with commas, and names of policies fold case and
// lose white space, so a denied value is recognised in each of these spellings.
bool is_denied_scalar(const hcl::Value& rule, const json::Node& sent) noexcept {
  if (matches(rule, sent)) return true;
  if (!is_scalar(sent)) return false;
  const std::string_view text = scalar_text(rule);
  if (text.empty()) return false;
  std::string_view rest = sent.text();
  if (reads_as(rule, rest) || glob_matches_folded(text, rest)) return true;
  if (!sent.is_string()) return false;
  for (;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (glob_matches_folded(text, trimmed(rest.substr(0, comma)))) return true;
    if (comma == rest.size()) return false;
    rest.remove_prefix(comma + 1);
  }
}

// No values: any. A list is denied as a whole or for one of its elements.
bool is_denied_value(const std::vector<hcl::Value>& values, const json::Node& sent) noexcept {
  if (values.empty()) return true;
  for (const hcl::Value& v : values) {
    if (is_denied_scalar(v, sent)) return true;
    if (!sent.is_array()) continue;
    for (const json::Node element : sent)
      if (is_denied_scalar(v, element)) return true;
  }
  return false;
}

// The map's names are lower-case. Long ones are rare enough for a walk; the others are lowered on the stack.
const std::vector<hcl::Value>* find_folded(const ParameterValues& map, std::string_view parameter) noexcept {
  std::array<char, 128> buffer;
  if (parameter.size() > buffer.size()) {
    for (const auto& [key, values] : map)
      if (equal_folded(key, parameter)) return &values;
    return nullptr;
  }
  std::transform(parameter.begin(), parameter.end(), buffer.begin(), lower);
  const auto found = map.find(std::string_view(buffer.data(), parameter.size()));
  return found == map.end() ? nullptr : &found->second;
}

// Calls f(name, value) for each until it returns false; true if it never did.
template <class F>
bool each_parameter(const Parameters& p, F&& f) noexcept {
  if (p.body.is_object())
    for (const json::Node member : p.body)
      if (!f(member.key(), member)) return false;
  for (const auto& [key, value] : p.query)
    if (!f(key, json::Node::of_text(value))) return false;
  return true;
}

std::optional<json::Node> find_parameter(const Parameters& p, std::string_view name) noexcept {
  if (p.body.is_object())
    if (auto member = p.body.find(name)) return member;
  for (const auto& [key, value] : p.query)
    if (key == name) return json::Node::of_text(value);
  return std::nullopt;
}

// ---- Constraints

struct Refusal {
  Why why;
  std::string_view parameter;
};

std::optional<Refusal> check_wrapping(const Constraints& c, const Check& check) noexcept {
  const Nanoseconds most = c.max_wrapping_ttl;
  const Nanoseconds least = c.min_wrapping_ttl;
  if (most.count() > 0 && least.count() > 0 && most < least) return Refusal{Why::wrapping_contradictory, {}};
  if ((most.count() > 0 || least.count() > 0) && !check.wrap_ttl) return Refusal{Why::wrapping_missing, {}};
  if (most.count() > 0 && *check.wrap_ttl > most) return Refusal{Why::wrapping_too_long, {}};
  if (least.count() > 0 && *check.wrap_ttl < least) return Refusal{Why::wrapping_too_short, {}};
  return std::nullopt;
}

std::optional<Refusal> check_parameters(const Constraints& c, const Parameters& sent) noexcept {
  for (const std::string& name : c.required)
    if (!find_parameter(sent, name)) return Refusal{Why::parameter_required, name};
  if (c.denied.empty() && c.allowed.empty()) return std::nullopt;
  const bool any_denied = c.denied.contains("*");
  const bool any_allowed = c.allowed.empty() || c.allowed.contains("*");
  std::optional<Refusal> refusal;
  each_parameter(sent, [&](std::string_view name, const json::Node& value) {
    const auto* denied = find_folded(c.denied, name);
    if (any_denied || (denied != nullptr && is_denied_value(*denied, value))) {
      refusal = {Why::parameter_denied, name};
      return false;
    }
    if (c.allowed.empty()) return true;
    const auto* allowed = find_folded(c.allowed, name);
    if (allowed == nullptr ? !any_allowed : !is_allowed_value(*allowed, value)) {
      refusal = {Why::parameter_not_allowed, name};
      return false;
    }
    return true;
  });
  return refusal;
}

std::optional<std::int64_t> whole_number(const json::Node& n) noexcept {
  if (n.kind() == json::Kind::number) return n.integer();
  if (!n.is_string()) return std::nullopt;
  std::string_view s = n.text();
  if (s.empty()) return 0;
  if (s.starts_with('+')) s.remove_prefix(1);
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return v;
}

// The page limit of the rule, put onto the request's.
std::optional<Refusal> check_page(const Constraints* c, const Parameters& sent, Decision& d) noexcept {
  const auto limit = find_parameter(sent, kLimit);
  const bool most_wanted = limit && limit->is_string() && limit->text() == "max";
  if (c == nullptr || c->pagination_limit <= 0) {
    if (most_wanted) d.page_limit = 0;
    return std::nullopt;
  }
  if (!limit) {
    if (std::find(c->required.begin(), c->required.end(), kLimit) != c->required.end())
      return Refusal{Why::parameter_required, kLimit};
    d.page_limit = c->pagination_limit;
    return std::nullopt;
  }
  if (most_wanted) {
    d.page_limit = c->pagination_limit;
    return std::nullopt;
  }
  const auto number = whole_number(*limit);
  if (!number || *number < 0 || *number > c->pagination_limit) return Refusal{Why::page_too_large, kLimit};
  if (*number == 0) d.page_limit = c->pagination_limit;
  return std::nullopt;
}

// ---- Compiling

bool has_wildcard_segment(std::string_view pattern) noexcept {
  return pattern == "+" || pattern.starts_with("+/") || pattern.find("/+") != std::string_view::npos;
}

// A value that is not one plain segment could change what the pattern means; the rule is dropped then.
bool is_plain_segment(std::string_view value) noexcept {
  if (value.empty() || value == "." || value == "..") return false;
  return std::none_of(value.begin(), value.end(), [](char c) {
    return c == '*' || c == '+' || c == '/' || c == '{' || c == '}' || c == '\\' || c == ',' ||
           static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::optional<std::string> resolve(std::string_view pattern, const TemplateValues* values) {
  if (values == nullptr) return std::nullopt;
  std::string out;
  for (;;) {
    const std::size_t open = pattern.find("{{");
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find("}}", open);
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view expression = pattern.substr(open + 2, close - open - 2);
    while (expression.starts_with(' ')) expression.remove_prefix(1);
    while (expression.ends_with(' ')) expression.remove_suffix(1);
    const auto value = values->value(expression);
    if (!value || !is_plain_segment(*value)) return std::nullopt;
    out += pattern.substr(0, open);
    out += *value;
    pattern.remove_prefix(close + 2);
  }
  out += pattern;
  return out;
}

void fold_below(std::string& pattern, std::string_view mount) {
  auto skip = std::count(mount.begin(), mount.end(), '/');
  for (char& c : pattern) {
    if (skip == 0) c = lower(c);
    if (skip > 0 && c == '/') --skip;
  }
}

void merge_values(ParameterValues& into, const ParameterValues& more) {
  for (const auto& [key, values] : more) {
    const auto [slot, fresh] = into.try_emplace(key, values);
    if (fresh) continue;
    if (values.empty() || slot->second.empty())
      slot->second.clear();
    else
      slot->second.insert(slot->second.end(), values.begin(), values.end());
  }
}

void take_lower(Nanoseconds& into, Nanoseconds other) noexcept {
  if (other.count() > 0 && (into.count() == 0 || other < into)) into = other;
}

void merge(Constraints& into, const Constraints& more) {
  take_lower(into.max_wrapping_ttl, more.max_wrapping_ttl);
  take_lower(into.min_wrapping_ttl, more.min_wrapping_ttl);
  merge_values(into.allowed, more.allowed);
  merge_values(into.denied, more.denied);
  for (const std::string& name : more.required)
    if (std::find(into.required.begin(), into.required.end(), name) == into.required.end())
      into.required.push_back(name);
  if (more.pagination_limit > 0 &&
      (into.pagination_limit == 0 || more.pagination_limit < into.pagination_limit))
    into.pagination_limit = more.pagination_limit;
}

struct Merging {
  AclRule rule;
  Constraints constraints;

  void add(const Contribution& who, const Rule& one) {
    rule.contributions.push_back(who);
    if (rule.capabilities.has(Capability::deny)) return;
    if (one.capabilities.has(Capability::deny)) {
      rule.capabilities = Capabilities(Capability::deny);
      constraints = {};
      return;
    }
    rule.capabilities.add(one.capabilities);
    merge(constraints, one.constraints);
  }
};

// ---- Matching

// Segment by segment: "+" is any one segment, also an empty one; a prefix may end anywhere in or after its
// last.
bool wildcard_matches(std::string_view pattern, bool is_prefix, std::string_view path) noexcept {
  for (;;) {
    const std::size_t p = pattern.find('/');
    const std::size_t s = path.find('/');
    const std::string_view want = pattern.substr(0, p);
    const std::string_view have = path.substr(0, s);
    if (p == std::string_view::npos) {
      if (is_prefix) return have.starts_with(want);
      return s == std::string_view::npos && (want == "+" || want == have);
    }
    if (s == std::string_view::npos || (want != "+" && want != have)) return false;
    pattern.remove_prefix(p + 1);
    path.remove_prefix(s + 1);
  }
}

// Does the pattern reach into the mount: do its first segments match all of the mount's?
bool wildcard_reaches(std::string_view pattern, bool is_prefix, std::string_view mount) noexcept {
  while (!mount.empty()) {
    const std::size_t s = mount.find('/');
    const std::size_t p = pattern.find('/');
    const std::string_view have = mount.substr(0, s);
    const std::string_view want = pattern.substr(0, p);
    const bool last = p == std::string_view::npos;
    mount = s == std::string_view::npos ? std::string_view() : mount.substr(s + 1);
    if (want != "+" && want != have) return last && is_prefix && have.starts_with(want);
    if (last) return mount.empty();
    pattern.remove_prefix(p + 1);
  }
  return true;
}

std::size_t common_prefix(std::string_view a, std::string_view b) noexcept {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return n;
}

}  // namespace

std::string_view name(Operation op) noexcept {
  switch (op) {
    case Operation::create:
      return "create";
    case Operation::read:
      return "read";
    case Operation::update:
      return "update";
    case Operation::remove:
      return "delete";
    case Operation::list:
      return "list";
    case Operation::patch:
      return "patch";
    case Operation::scan:
      return "scan";
    case Operation::help:
      return "help";
  }
  return "";
}

Capability capability_for(Operation op) noexcept {
  switch (op) {
    case Operation::create:
      return Capability::create;
    case Operation::update:
      return Capability::update;
    case Operation::remove:
      return Capability::remove;
    case Operation::list:
      return Capability::list;
    case Operation::patch:
      return Capability::patch;
    case Operation::scan:
      return Capability::scan;
    case Operation::read:
    case Operation::help:
      break;
  }
  return Capability::read;
}

Result<Acl> Acl::compile(std::span<const Policy* const> policies, const CompileOptions& options) {
  Acl acl;
  acl.names_.reserve(policies.size() * 2);
  std::unordered_map<std::string, std::size_t> slots;
  std::vector<Merging> merging;
  for (const Policy* policy : policies) {
    // The last line: a name that is not in its one spelling never becomes rights.
    const auto canonical = canonical_policy_name(policy->name);
    if (!canonical || *canonical != policy->name)
      return fail(Code::invalid_argument, "a policy's name is not in its canonical form");
    if (policy->name == "root") {
      if (policies.size() != 1)
        return fail(Code::invalid_argument, "the root policy stands alone, without other policies");
      acl.root_ = true;
      acl.root_namespace_ = policy->namespace_path;
      return acl;
    }
    const std::string& policy_name = acl.names_.emplace_back(policy->name);
    const std::string& space = acl.names_.emplace_back(policy->namespace_path);
    for (const Rule& rule : policy->rules) {
      if (rule.expires) {
        if (options.now > *rule.expires) continue;
        if (!acl.valid_until_ || *rule.expires < *acl.valid_until_) acl.valid_until_ = rule.expires;
      }
      std::string pattern = policy->namespace_path;
      if (rule.templated()) {
        const auto resolved = resolve(rule.pattern, options.templates);
        if (!resolved) continue;
        pattern += *resolved;
      } else {
        pattern += rule.pattern;
      }
      if (!options.fold_below.empty()) fold_below(pattern, options.fold_below);
      const auto [slot, fresh] = slots.try_emplace(pattern, merging.size());
      if (fresh) merging.emplace_back().rule.pattern = std::move(pattern);
      merging[slot->second].add({policy_name, space, rule.capabilities}, rule);
    }
  }
  acl.rules_.reserve(merging.size());
  for (Merging& m : merging) {
    if (!m.constraints.empty())
      m.rule.constraints = std::make_unique<const Constraints>(std::move(m.constraints));
    acl.rules_.push_back(std::move(m.rule));
  }
  acl.index();
  return acl;
}

void Acl::index() {
  exact_.reserve(rules_.size());
  for (const AclRule& rule : rules_) {
    std::string_view text = rule.pattern;
    const bool is_prefix = text.ends_with('*');
    if (has_wildcard_segment(text)) {
      if (is_prefix) text.remove_suffix(1);
      std::size_t pluses = 0;
      for (std::size_t i = 0; i <= text.size();) {
        const std::size_t end = std::min(text.find('/', i), text.size());
        pluses += text.substr(i, end - i) == "+" ? 1 : 0;
        i = end + 1;
      }
      wildcards_.push_back({text, text.find('+'), pluses, is_prefix, &rule});
    } else if (is_prefix) {
      text.remove_suffix(1);
      prefixes_.push_back({text, -1, &rule});
    } else {
      exact_.emplace(text, &rule);
    }
  }
  std::sort(prefixes_.begin(), prefixes_.end(),
            [](const Prefix& a, const Prefix& b) { return a.text < b.text; });
  for (std::size_t i = 1; i < prefixes_.size(); ++i) {
    auto parent = static_cast<std::int32_t>(i) - 1;
    while (parent >= 0 && !prefixes_[i].text.starts_with(prefixes_[static_cast<std::size_t>(parent)].text))
      parent = prefixes_[static_cast<std::size_t>(parent)].parent;
    prefixes_[i].parent = parent;
  }
  std::sort(wildcards_.begin(), wildcards_.end(), [](const Wildcard& a, const Wildcard& b) {
    return std::tuple(b.first_plus, a.is_prefix, a.pluses, b.text.size(), b.text) <
           std::tuple(a.first_plus, b.is_prefix, b.pluses, a.text.size(), a.text);
  });
}

const AclRule* Acl::find_exact(std::string_view path) const noexcept {
  const auto found = exact_.find(path);
  return found == exact_.end() ? nullptr : found->second;
}

// The longest prefix rule against the best wildcard rule. A wildcard rule wins if its first "+" comes later
// than the prefix ends; at the same place it wins unless it is a prefix too, for it has more "+".
const AclRule* Acl::find_inexact(std::string_view path) const noexcept {
  const Prefix* prefix = nullptr;
  auto next = std::upper_bound(prefixes_.begin(), prefixes_.end(), path,
                               [](std::string_view p, const Prefix& e) { return p < e.text; });
  // Every prefix of the path is a prefix of the entry before it.
  auto i = static_cast<std::int32_t>(next - prefixes_.begin()) - 1;
  while (i >= 0) {
    const Prefix& candidate = prefixes_[static_cast<std::size_t>(i)];
    if (path.starts_with(candidate.text)) {
      prefix = &candidate;
      break;
    }
    i = candidate.parent;
  }
  for (const Wildcard& w : wildcards_) {
    if (prefix != nullptr) {
      if (w.first_plus < prefix->text.size()) break;
      if (w.first_plus == prefix->text.size() && w.is_prefix && w.pluses > 0) break;
    }
    if (path.starts_with(w.text.substr(0, w.first_plus)) && wildcard_matches(w.text, w.is_prefix, path))
      return w.rule;
  }
  return prefix == nullptr ? nullptr : prefix->rule;
}

const AclRule* Acl::find(std::string_view path, Operation op) const noexcept {
  if (const AclRule* rule = find_exact(path)) return rule;
  const bool folder = is_list(op) && path.ends_with('/');
  const std::string_view bare = folder ? path.substr(0, path.size() - 1) : path;
  if (folder)
    if (const AclRule* rule = find_exact(bare)) return rule;
  // With the slash first: a more specific rule below the folder must win over one that stops before it.
  if (const AclRule* rule = find_inexact(path)) return rule;
  return folder ? find_inexact(bare) : nullptr;
}

Decision Acl::decide(const Check& check) const noexcept {
  Decision d;
  std::string_view path = check.path;
  while (path.starts_with('/')) path.remove_prefix(1);
  if (root_) {
    if (!path.starts_with(root_namespace_)) return d;
    d.allowed = d.root = d.has_sudo = true;
    d.why = Why::granted_to_root;
    return d;
  }
  if (check.operation == Operation::help) {
    d.allowed = true;
    d.why = Why::granted_help;
    return d;
  }
  d.rule = find(path, check.operation);
  if (d.rule == nullptr) return d;
  d.has_sudo = d.rule->capabilities.has(Capability::sudo);
  const auto refuse = [&d](Why why, std::string_view parameter = {}) {
    d.why = why;
    d.parameter = parameter;
    d.page_limit.reset();
    return d;
  };
  if (d.rule->capabilities.has(Capability::deny)) return refuse(Why::denied);
  if (!d.rule->capabilities.has(capability_for(check.operation))) return refuse(Why::capability_missing);
  const Constraints* const c = d.rule->constraints.get();
  if (c != nullptr) {
    if (const auto r = check_wrapping(*c, check)) return refuse(r->why, r->parameter);
    if (!is_list(check.operation) && check.operation != Operation::remove)
      if (const auto r = check_parameters(*c, check.parameters)) return refuse(r->why, r->parameter);
  }
  if (is_list(check.operation))
    if (const auto r = check_page(c, check.parameters, d)) return refuse(r->why, r->parameter);
  if (check.sudo == Sudo::needed && !d.has_sudo) return refuse(Why::sudo_missing);
  d.allowed = true;
  d.why = Why::granted;
  return d;
}

std::vector<std::string> Acl::capabilities(std::string_view path) const {
  while (path.starts_with('/')) path.remove_prefix(1);
  if (root_) return {path.starts_with(root_namespace_) ? "root" : "deny"};
  const AclRule* rule = find(path, Operation::list);
  return rule == nullptr ? Capabilities().names() : rule->capabilities.names();
}

bool Acl::reaches(std::string_view mount) const noexcept {
  const auto gives = [](const AclRule* rule) {
    return rule != nullptr && !rule->capabilities.empty() && !rule->capabilities.has(Capability::deny);
  };
  while (mount.starts_with('/')) mount.remove_prefix(1);
  if (root_) return mount.starts_with(root_namespace_);
  if (gives(find(mount, Operation::list))) return true;
  for (const AclRule& rule : rules_)
    if (gives(&rule) && rule.pattern.starts_with(mount)) return true;
  return std::any_of(wildcards_.begin(), wildcards_.end(), [&](const Wildcard& w) {
    return gives(w.rule) && wildcard_reaches(w.text, w.is_prefix, mount);
  });
}

const AclRule* Acl::nearest(std::string_view path) const noexcept {
  const AclRule* best = nullptr;
  std::size_t most = 0;
  for (const AclRule& rule : rules_) {
    const std::size_t n = common_prefix(path, rule.pattern);
    if (n > most) {
      most = n;
      best = &rule;
    }
  }
  return best;
}

Explanation Acl::explain(const Check& check) const {
  const Decision d = decide(check);
  const std::string_view op = name(check.operation);
  Explanation e;
  const auto policies_of = [](const AclRule& rule) {
    std::vector<std::string> out;
    for (const Contribution& c : rule.contributions) {
      std::string full = std::string(c.namespace_path) + std::string(c.policy);
      if (std::find(out.begin(), out.end(), full) == out.end()) out.push_back(std::move(full));
    }
    return out;
  };
  std::string_view path = check.path;
  while (path.starts_with('/')) path.remove_prefix(1);
  if (d.rule != nullptr) {
    e.deciding = d.rule->pattern;
    e.policies = policies_of(*d.rule);
  } else if (!d.allowed) {
    if (const AclRule* close = nearest(path)) {
      e.nearest = close->pattern;
      e.nearest_policies = policies_of(*close);
    }
  }
  const auto rule = [&] { return fmt::format("the rule for \"{}\"", e.deciding); };
  switch (d.why) {
    case Why::granted:
      e.verdict = fmt::format("{} grants {}", rule(), op);
      return e;
    case Why::granted_to_root:
      e.verdict = "the root policy grants everything";
      return e;
    case Why::granted_help:
      e.verdict = "help is open to every token";
      return e;
    case Why::no_rule:
      e.verdict = root_ ? "the path is outside the namespace of this root token" : "no rule matches the path";
      if (!root_) e.remedy = fmt::format("a rule for \"{}\" with the capability {}", path, op);
      return e;
    case Why::denied:
      e.verdict = fmt::format("{} says deny", rule());
      e.remedy = "no policy with deny on this pattern, or a more specific rule";
      return e;
    case Why::capability_missing:
      e.verdict = fmt::format("{} decides and does not grant {}", rule(), op);
      e.remedy = fmt::format("the capability {} in {}, or a more specific rule", op, rule());
      return e;
    case Why::sudo_missing:
      e.verdict = fmt::format("the path needs sudo, which {} does not grant", rule());
      e.remedy = fmt::format("the capability sudo in {}", rule());
      return e;
    case Why::wrapping_missing:
      e.verdict = fmt::format("{} wants the response wrapped", rule());
      e.remedy = "a wrapping TTL with the request";
      return e;
    case Why::wrapping_too_long:
    case Why::wrapping_too_short:
      e.verdict = fmt::format("the wrapping TTL is too {} for {}",
                              d.why == Why::wrapping_too_long ? "long" : "short", rule());
      e.remedy = d.why == Why::wrapping_too_long
                     ? fmt::format("a wrapping TTL of at most {}",
                                   go_duration(d.rule->constraints->max_wrapping_ttl))
                     : fmt::format("a wrapping TTL of at least {}",
                                   go_duration(d.rule->constraints->min_wrapping_ttl));
      return e;
    case Why::wrapping_contradictory:
      e.verdict = fmt::format("the wrapping TTLs of {} leave no possible value", rule());
      e.remedy = "a max_wrapping_ttl that is not less than the min_wrapping_ttl, over all policies";
      return e;
    case Why::parameter_required:
      e.verdict = fmt::format("{} requires the parameter {}", rule(), d.parameter);
      e.remedy = "that parameter with the request";
      return e;
    case Why::parameter_denied:
      e.verdict = fmt::format("{} denies a parameter of the request, or its value", rule());
      e.remedy = "a request without that parameter or with another value";
      return e;
    case Why::parameter_not_allowed:
      e.verdict =
          fmt::format("a parameter of the request, or its value, is not among those that {} allows", rule());
      e.remedy = "a request with allowed parameters only";
      return e;
    case Why::page_too_large:
      e.verdict = fmt::format("{} allows pages of at most {}", rule(), d.rule->constraints->pagination_limit);
      e.remedy = "a limit from 1 to that number, or \"max\"";
      return e;
  }
  return e;
}

}  // namespace strongroom::identity
