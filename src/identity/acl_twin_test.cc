// A second evaluator, naive and slow, written from the rules alone: it looks at every rule for every request
// and knows no index. The two must agree on random policies and requests.
//   SR_ACL_CASES   how many requests (20,000 unless told)
//   SR_ACL_SEED    where to start
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "identity/acl.h"

namespace strongroom::identity {
namespace {

// ---- The model: policies and requests as plain values

struct Param {
  std::string name;
  std::vector<std::string> values;  // JSON, which is HCL for what occurs here
};
struct ModelRule {
  std::string pattern;
  std::vector<std::string> capabilities;
  std::vector<Param> allowed, denied;
  std::vector<std::string> required;
  int min_wrap = 0, max_wrap = 0, limit = 0;
};
struct ModelPolicy {
  std::string name;
  std::vector<ModelRule> rules;
};
struct ModelRequest {
  std::string operation, path;
  std::vector<std::pair<std::string, std::string>> body;  // name, JSON
  std::optional<std::string> limit;
  std::optional<int> wrap;
  bool sudo = false;
};
struct Answer {
  bool allowed = false;
  std::optional<std::int64_t> page;
  bool operator==(const Answer&) const = default;
};

// ---- The naive evaluator

std::vector<std::string> split(const std::string& s) {
  std::vector<std::string> out{""};
  for (const char c : s) {
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}
bool ends_with_star(const std::string& p) { return !p.empty() && p.back() == '*'; }
std::string without_star(const std::string& p) { return ends_with_star(p) ? p.substr(0, p.size() - 1) : p; }
bool has_plus_segment(const std::string& p) {
  return p == "+" || p.find("+/") == 0 || p.find("/+") != std::string::npos;
}
bool is_exact(const std::string& p) { return !ends_with_star(p) && !has_plus_segment(p); }

bool matches_inexact(const std::string& pattern, const std::string& path) {
  if (is_exact(pattern)) return false;
  const std::string bare = without_star(pattern);
  if (!has_plus_segment(pattern)) return path.compare(0, bare.size(), bare) == 0;
  const auto want = split(bare);
  const auto have = split(path);
  if (have.size() < want.size()) return false;
  if (!ends_with_star(pattern) && have.size() != want.size()) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i] == "+" || want[i] == have[i]) continue;
    if (ends_with_star(pattern) && i + 1 == want.size() && have[i].rfind(want[i], 0) == 0) continue;
    return false;
  }
  return true;
}

// Is a the better pattern?
bool better(const std::string& a, const std::string& b) {
  const auto first = [](const std::string& p) {
    return has_plus_segment(p) ? p.find('+')
                               : p.size() - 1;  // where the "+" or, in a plain prefix, the "*" is
  };
  const auto pluses = [](const std::string& p) {
    std::size_t n = 0;
    if (has_plus_segment(p))
      for (const auto& s : split(without_star(p))) n += s == "+" ? 1 : 0;
    return n;
  };
  if (first(a) != first(b)) return first(a) > first(b);
  if (ends_with_star(a) != ends_with_star(b)) return !ends_with_star(a);
  if (pluses(a) != pluses(b)) return pluses(a) < pluses(b);
  if (without_star(a).size() != without_star(b).size())
    return without_star(a).size() > without_star(b).size();
  return without_star(a) > without_star(b);
}

bool like(const std::string& pattern, const std::string& text) {
  if (pattern.size() < 2) return pattern == text;
  std::string middle = pattern;
  const bool front = middle.front() == '*';
  const bool back = middle.back() == '*';
  if (back) middle.pop_back();
  if (front) middle.erase(0, 1);
  for (std::size_t at = 0; at + middle.size() <= text.size(); ++at) {
    if (text.compare(at, middle.size(), middle) != 0) continue;
    if ((front || at == 0) && (back || at + middle.size() == text.size())) return true;
  }
  return false;
}
bool value_matches(const std::string& rule, const std::string& sent) {
  const bool strings = rule.front() == '"' && sent.front() == '"';
  return strings ? like(rule.substr(1, rule.size() - 2), sent.substr(1, sent.size() - 2)) : rule == sent;
}
std::string lowered(std::string s) {
  for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

// Name to values; nothing in the set: any value.
using Values = std::map<std::string, std::set<std::string>>;
void unite(Values& into, const std::vector<Param>& more) {
  for (const Param& p : more) {
    const std::string name = lowered(p.name);
    const bool known = into.contains(name);
    if (p.values.empty() || (known && into[name].empty()))
      into[name] = {};
    else
      into[name].insert(p.values.begin(), p.values.end());
  }
}
bool listed(const Values& values, const std::string& name, const std::string& sent) {
  const auto& set = values.at(name);
  if (set.empty()) return true;
  for (const auto& v : set)
    if (value_matches(v, sent)) return true;
  return false;
}

Answer naive(const std::vector<ModelPolicy>& policies, const ModelRequest& q) {
  std::vector<const ModelRule*> all;
  for (const auto& p : policies)
    for (const auto& r : p.rules) all.push_back(&r);
  const bool listing = q.operation == "list" || q.operation == "scan";
  std::vector<std::string> spellings{q.path};
  if (listing && q.path.ends_with("/")) spellings.push_back(q.path.substr(0, q.path.size() - 1));
  std::optional<std::string> chosen;
  for (const auto& path : spellings)
    for (const auto* r : all)
      if (!chosen && is_exact(r->pattern) && r->pattern == path) chosen = path;
  for (const auto& path : spellings) {
    if (chosen) break;
    for (const auto* r : all)
      if (matches_inexact(r->pattern, path) && (!chosen || better(r->pattern, *chosen))) chosen = r->pattern;
  }
  if (!chosen) return {};

  std::set<std::string> capabilities, required;
  Values allowed, denied;
  int min_wrap = 0, max_wrap = 0, limit = 0;
  const auto lower_of = [](int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); };
  for (const auto* r : all) {
    if (r->pattern != *chosen) continue;
    capabilities.insert(r->capabilities.begin(), r->capabilities.end());
    for (const auto& name : r->required) required.insert(lowered(name));
    unite(allowed, r->allowed);
    unite(denied, r->denied);
    min_wrap = lower_of(min_wrap, r->min_wrap);
    max_wrap = lower_of(max_wrap, r->max_wrap);
    limit = lower_of(limit, r->limit);
  }
  if (capabilities.contains("deny") || !capabilities.contains(q.operation)) return {};
  if (q.sudo && !capabilities.contains("sudo")) return {};
  if (max_wrap > 0 && (!q.wrap || *q.wrap > max_wrap)) return {};
  if (min_wrap > 0 && (!q.wrap || *q.wrap < min_wrap)) return {};
  if (!listing && q.operation != "delete") {
    for (const auto& name : required) {
      bool sent = false;
      for (const auto& [key, value] : q.body) sent = sent || key == name;
      if (!sent) return {};
    }
    for (const auto& [key, value] : q.body) {
      const std::string name = lowered(key);
      if (denied.contains("*")) return {};
      if (denied.contains(name) && listed(denied, name, value)) return {};
      if (denied.contains(name) && denied[name].contains("false") && value == "\"\"") return {};
      if (allowed.empty()) continue;
      if (!allowed.contains(name) && !allowed.contains("*")) return {};
      if (allowed.contains(name) && !listed(allowed, name, value)) return {};
    }
  }
  Answer yes{.allowed = true, .page = {}};
  if (!listing) return yes;
  if (limit == 0) {
    if (q.limit == "max") yes.page = 0;
    return yes;
  }
  if (!q.limit && required.contains("limit")) return {};
  if (!q.limit || *q.limit == "max" || *q.limit == "0") {
    yes.page = limit;
    return yes;
  }
  const int asked = std::atoi(q.limit->c_str());
  return asked < 0 || asked > limit ? Answer{} : yes;
}

// ---- Random cases, dense enough that rules collide

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& v) {
    return v[below(v.size())];
  }

  std::string path() {
    std::string out;
    for (std::size_t i = 0, n = 1 + below(4); i < n; ++i) out += (i == 0 ? "" : "/") + of(segments_);
    return out;
  }
  std::string pattern() {
    std::string out;
    for (std::size_t i = 0, n = 1 + below(4); i < n; ++i)
      out += (i == 0 ? "" : "/") + (one_in(4) ? "+" : of(segments_));
    if (one_in(40)) out = "";
    if (one_in(5) && !out.empty()) out += "/";
    if (one_in(3) && !out.ends_with("+")) out += "*";
    return out;
  }
  std::vector<Param> params() {
    std::vector<Param> out;
    std::set<std::string> used;
    for (std::size_t i = 0, n = 1 + below(2); i < n; ++i) {
      Param p{of(names_), {}};
      if (one_in(4)) p.name = "*";
      if (!used.insert(lowered(p.name)).second) continue;
      for (std::size_t k = below(3); k > 0; --k) p.values.push_back(of(values_));
      out.push_back(std::move(p));
    }
    return out;
  }
  ModelPolicy policy(std::size_t number) {
    ModelPolicy p{fmt::format("p{}", number), {}};
    for (std::size_t i = 0, n = 1 + below(5); i < n; ++i) {
      ModelRule r;
      r.pattern = pattern();
      for (const auto& c : capabilities_)
        if (one_in(2)) r.capabilities.push_back(c);
      if (one_in(8)) r.capabilities.emplace_back("deny");
      if (one_in(5)) r.allowed = params();
      if (one_in(5)) r.denied = params();
      if (one_in(8)) r.required = {of(names_)};
      if (one_in(20)) r.required.emplace_back("limit");
      if (one_in(10)) r.min_wrap = 1 + static_cast<int>(below(3));
      if (one_in(10)) r.max_wrap = 3 + static_cast<int>(below(3));
      if (one_in(6)) r.limit = 1 + static_cast<int>(below(3));
      p.rules.push_back(std::move(r));
    }
    return p;
  }
  ModelRequest request() {
    ModelRequest q;
    q.operation = of(operations_);
    q.path = path();
    const bool listing = q.operation == "list" || q.operation == "scan";
    if (listing ? !one_in(8) : one_in(12)) q.path += "/";
    if (!listing)
      for (const auto& name : names_)
        if (one_in(4)) q.body.emplace_back(name, of(values_));
    if (listing && one_in(2)) q.limit = of(limits_);
    if (one_in(3)) q.wrap = static_cast<int>(below(7));
    q.sudo = one_in(6);
    return q;
  }

 private:
  std::mt19937_64 engine_;
  const std::vector<std::string> segments_{"a", "b", "ab", "a+b", "+b"};
  const std::vector<std::string> names_{"one", "Two", "three"};
  const std::vector<std::string> values_{"\"x\"",   "\"xy\"", "\"*y\"", "\"x*\"", "\"*\"",
                                         "\"*x*\"", "true",   "false",  "7",      "\"\""};
  const std::vector<std::string> capabilities_{"create", "read",  "update", "delete",
                                               "list",   "patch", "scan",   "sudo"};
  const std::vector<std::string> operations_{"create", "read", "update", "delete", "list", "patch", "scan"};
  const std::vector<std::string> limits_{"-1", "0", "1", "2", "3", "4", "max"};
};

std::string text_of(const ModelPolicy& p) {
  const auto list = [](const std::vector<std::string>& v, std::string_view quote) {
    std::string out;
    for (const auto& s : v) out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", quote, s, quote);
    return "[" + out + "]";
  };
  const auto params = [&](std::string_view key, const std::vector<Param>& all) {
    std::string out = fmt::format("  {} = {{\n", key);
    for (const Param& one : all) out += fmt::format("    \"{}\" = {}\n", one.name, list(one.values, ""));
    return out + "  }\n";
  };
  std::string out;
  for (const ModelRule& r : p.rules) {
    out += fmt::format("path \"{}\" {{\n  capabilities = {}\n", r.pattern, list(r.capabilities, "\""));
    if (!r.allowed.empty()) out += params("allowed_parameters", r.allowed);
    if (!r.denied.empty()) out += params("denied_parameters", r.denied);
    if (!r.required.empty()) out += fmt::format("  required_parameters = {}\n", list(r.required, "\""));
    if (r.min_wrap > 0) out += fmt::format("  min_wrapping_ttl = {}\n", r.min_wrap);
    if (r.max_wrap > 0) out += fmt::format("  max_wrapping_ttl = \"{}s\"\n", r.max_wrap);
    if (r.limit > 0) out += fmt::format("  pagination_limit = {}\n", r.limit);
    out += "}\n";
  }
  return out;
}

// A denied value counts in each spelling a field accepts; the model knows only the plain rule. What would
// differ by that is not asked, but for an empty text, which a field reads as false: no others of values_
// collide.
Answer ours(const Acl& acl, const ModelRequest& q) {
  Check check;
  for (const Operation op : {Operation::create, Operation::read, Operation::update, Operation::remove,
                             Operation::list, Operation::patch, Operation::scan})
    if (name(op) == q.operation) check.operation = op;
  check.path = q.path;
  std::string body = "{";
  for (const auto& [key, value] : q.body)
    body += fmt::format("{}\"{}\":{}", body.size() > 1 ? "," : "", key, value);
  body += "}";
  const auto doc = json::Doc::parse(body);
  EXPECT_TRUE(doc) << body;
  check.parameters.body = doc->root();
  std::vector<std::pair<std::string_view, std::string_view>> query;
  if (q.limit) query.emplace_back("limit", *q.limit);
  check.parameters.query = query;
  if (q.wrap) check.wrap_ttl = Seconds(*q.wrap);
  if (q.sudo) check.sudo = Sudo::needed;
  const Decision d = acl.decide(check);
  EXPECT_EQ(d.allowed, d.why == Why::granted);
  return {d.allowed, d.page_limit};
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(AclTwin, AgreesOnRandomCases) {
  const std::uint64_t cases = from_environment("SR_ACL_CASES", 20'000);
  const std::uint64_t seed = from_environment("SR_ACL_SEED", 20'261'125);
  std::printf("seed %llu, %llu cases\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(cases));
  Dice dice(seed);
  std::uint64_t allowed = 0;
  for (std::uint64_t done = 0; done < cases;) {
    std::vector<ModelPolicy> model;
    std::vector<Policy> policies;
    for (std::size_t i = 0, n = 1 + dice.below(4); i < n; ++i) {
      model.push_back(dice.policy(i));
      auto parsed = parse_policy(model.back().name, text_of(model.back()));
      // Contradictory TTLs of one rule are refused; across rules they are not.
      if (!parsed) {
        ASSERT_NE(parsed.error().message.find("max_wrapping_ttl"), std::string::npos)
            << text_of(model.back()) << parsed.error().message;
        model.pop_back();
        continue;
      }
      policies.push_back(*std::move(parsed));
    }
    std::vector<const Policy*> set;
    for (const Policy& p : policies) set.push_back(&p);
    const auto acl = Acl::compile(set);
    ASSERT_TRUE(acl);
    for (int k = 0; k < 16; ++k, ++done) {
      const ModelRequest q = dice.request();
      const Answer want = naive(model, q);
      allowed += want.allowed ? 1 : 0;
      if (ours(*acl, q) == want) continue;
      std::string all;
      for (const auto& p : model) all += text_of(p);
      FAIL() << "seed " << seed << ", case " << done << ": " << q.operation << " " << q.path
             << (q.sudo ? " sudo" : "") << " limit " << q.limit.value_or("-") << ": the naive evaluator says "
             << want.allowed << "\n"
             << all;
    }
  }
  // The generator is worth something only if both answers are common.
  EXPECT_GT(allowed, cases / 50);
  EXPECT_LT(allowed, cases / 2);
}

// P9: a deny that is added never widens anything, and a policy that is added never lifts a deny of the
// patterns that are there. (A rule with a more specific pattern may: that is how Vault's language is meant.)
TEST(AclTwin, P9_RestrictionIsMonotone) {
  const std::uint64_t cases = from_environment("SR_ACL_CASES", 20'000);
  const std::uint64_t seed = from_environment("SR_ACL_SEED", 20'261'126);
  std::printf("seed %llu, %llu cases\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(cases));
  Dice dice(seed);
  std::uint64_t narrowed = 0, denied = 0;
  for (std::uint64_t done = 0; done < cases;) {
    std::vector<Policy> policies;
    std::vector<std::string> patterns;
    for (std::size_t i = 0, n = 1 + dice.below(3); i < n; ++i) {
      const auto model = dice.policy(i);
      auto parsed = parse_policy(model.name, text_of(model));
      if (!parsed) continue;
      for (const auto& r : model.rules) patterns.push_back(r.pattern);
      policies.push_back(*std::move(parsed));
    }
    if (policies.empty()) continue;
    const auto parsed_rule = [](const char* name, const std::string& pattern, const char* capabilities) {
      return *parse_policy(name,
                           fmt::format("path \"{}\" {{ capabilities = [{}] }}\n", pattern, capabilities));
    };
    const auto deny = parsed_rule("deny", dice.one_in(2) ? dice.of(patterns) : dice.pattern(), "\"deny\"");
    const auto grant = parsed_rule("grant", dice.of(patterns),
                                   R"("create","read","update","delete","list","patch","scan","sudo")");
    std::vector<const Policy*> set;
    for (const Policy& p : policies) set.push_back(&p);
    const auto before = Acl::compile(set);
    set.push_back(&deny);
    const auto with_deny = Acl::compile(set);
    set.back() = &grant;
    const auto with_grant = Acl::compile(set);
    ASSERT_TRUE(before && with_deny && with_grant);
    for (int k = 0; k < 16; ++k, ++done) {
      const ModelRequest q = dice.request();
      const bool was = ours(*before, q).allowed;
      const bool is = ours(*with_deny, q).allowed;
      ASSERT_TRUE(was || !is) << "seed " << seed << ", case " << done << ": a deny opened " << q.operation
                              << " " << q.path;
      narrowed += was && !is ? 1 : 0;
      const auto capabilities = before->capabilities(q.path);
      const auto now = with_grant->capabilities(q.path);
      if (capabilities != std::vector<std::string>{"deny"}) continue;
      // Denied by a rule, not merely permitted by none.
      Check check;
      check.path = q.path;
      if (before->decide(check).why != Why::denied) continue;
      ++denied;
      ASSERT_EQ(now, capabilities) << "seed " << seed << ", case " << done << ": a grant lifted a deny of "
                                   << q.path;
    }
  }
  EXPECT_GT(narrowed, 0u);
  EXPECT_GT(denied, 0u);
}

}  // namespace
}  // namespace strongroom::identity
