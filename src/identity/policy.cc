#include "identity/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/time.h"

namespace strongroom::identity {
namespace {

struct Named {
  Capability capability;
  std::string_view name;
};
constexpr std::array<Named, 9> kAlphabetical{{
    {Capability::create, "create"},
    {Capability::remove, "delete"},
    {Capability::deny, "deny"},
    {Capability::list, "list"},
    {Capability::patch, "patch"},
    {Capability::read, "read"},
    {Capability::scan, "scan"},
    {Capability::sudo, "sudo"},
    {Capability::update, "update"},
}};

constexpr std::size_t kMostPattern = 4096;

std::unexpected<Error> bad(hcl::Position at, std::string_view rule) {
  return fail(Code::invalid_argument, fmt::format("{}: {}", hcl::to_string(at), rule));
}

Result<std::vector<std::string>> strings(const hcl::Value& v, std::string_view key) {
  if (v.kind != hcl::Kind::list) return bad(v.at, fmt::format("{} must be a list of strings", key));
  std::vector<std::string> out;
  for (const hcl::Value& e : v.list) {
    if (e.kind != hcl::Kind::string) return bad(e.at, fmt::format("{} must be a list of strings", key));
    out.push_back(e.text);
  }
  return out;
}

bool is_scalar(const hcl::Value& v) noexcept {
  return v.kind == hcl::Kind::string || v.kind == hcl::Kind::number || v.kind == hcl::Kind::boolean;
}

// A whole number, bare or in quotes.
std::optional<std::int64_t> whole(const hcl::Value& v) {
  if (v.kind != hcl::Kind::string) return v.integer();
  hcl::Value number = v;
  number.kind = hcl::Kind::number;
  return number.integer();
}

Result<Nanoseconds> duration(const hcl::Value& v, std::string_view key) {
  constexpr double most = 9e9;  // seconds in a Nanoseconds
  std::optional<Nanoseconds> d;
  if (v.kind == hcl::Kind::string) d = parse_duration(v.text);
  if (const auto seconds = v.real(); seconds && *seconds >= 0 && *seconds < most)
    d = Nanoseconds(static_cast<std::int64_t>(*seconds * 1e9));
  if (!d || d->count() < 0)
    return bad(v.at, fmt::format("{} must be a duration such as \"30s\" or a number of seconds", key));
  return *d;
}

Result<ParameterValues> parameters(const hcl::Value& v, std::string_view key) {
  // HCL 1 lets a block repeat inside a list; JSON users write the object alone or in a list of one.
  const hcl::Value* object = &v;
  if (v.kind == hcl::Kind::list && v.list.size() == 1) object = &v.list.front();
  if (object->kind != hcl::Kind::object)
    return bad(v.at, fmt::format("{} must be an object of parameter names and lists of values", key));
  ParameterValues out;
  for (const hcl::Item& item : object->object.items) {
    if (item.form != hcl::Form::attribute || item.value.kind != hcl::Kind::list)
      return bad(item.at, fmt::format("each parameter of {} must have a list of values", key));
    if (!out.try_emplace(ascii_lower(item.key), item.value.list).second)
      return bad(item.at, fmt::format("a parameter of {} is set twice; case does not matter", key));
  }
  return out;
}

Status legacy_policy(const hcl::Value& v, Capabilities& into) {
  if (v.kind != hcl::Kind::string) return bad(v.at, "policy must be a string");
  using enum Capability;
  if (v.text.empty()) return {};
  if (v.text == "deny") {
    into = Capabilities(deny);
    return {};
  }
  const bool sudo_too = v.text == "sudo";
  if (v.text == "write" || sudo_too) {
    for (const Capability c : {create, read, update, remove, list}) into.add(c);
    if (sudo_too) into.add(sudo);
  } else if (v.text == "read") {
    into.add(read);
    into.add(list);
  } else {
    return bad(v.at, "policy must be deny, read, write or sudo");
  }
  return {};
}

Status check_template(std::string_view pattern, hcl::Position at) {
  for (std::size_t i = 0;;) {
    const std::size_t open = pattern.find("{{", i);
    const std::size_t close = pattern.find("}}", i);
    if (open == std::string_view::npos && close == std::string_view::npos) return {};
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
      return bad(at, "a template in the path is not balanced");
    const std::string_view inside = pattern.substr(open + 2, close - open - 2);
    if (inside.find_first_not_of(' ') == std::string_view::npos || inside.find('{') != std::string_view::npos)
      return bad(at, "a template in the path names nothing");
    i = close + 2;
  }
}

Result<std::string> pattern_of(std::string_view text, hcl::Position at) {
  if (text.starts_with('/')) text.remove_prefix(1);
  if (text.size() > kMostPattern) return bad(at, "a path must be at most 4096 bytes");
  if (text.find("+*") != std::string_view::npos) return bad(at, "a path must not contain +*");
  SR_TRY(check_template(text, at));
  return std::string(text);
}

Result<WallTime> expiration(const hcl::Value& v) {
  if (v.kind == hcl::Kind::string)
    if (const auto t = parse_rfc3339(v.text)) return *t;
  if (const auto seconds = whole(v); seconds && *seconds >= 0 && *seconds < 9'000'000'000)
    return WallTime(Seconds(*seconds));
  return bad(v.at, "expiration must be a time such as \"2027-01-31T12:00:00Z\"");
}

bool says_nothing(const hcl::Value& v) {
  return v.kind == hcl::Kind::null || (v.kind == hcl::Kind::list && v.list.empty()) ||
         (v.kind == hcl::Kind::string && v.text.empty());
}

Result<Rule> rule_of(const hcl::Block& block) {
  Rule rule;
  rule.at = block.at;
  SR_LET(rule.pattern, pattern_of(block.labels.front(), block.at));
  Constraints& c = rule.constraints;
  const hcl::Value* legacy = nullptr;
  for (const hcl::Item& item : block.body->items) {
    const std::string_view key = item.key;
    const hcl::Value& v = item.value;
    if (&item != block.body->find(key)) return bad(item.at, "this key is set twice in one path block");
    if (!item.labels.empty() && key != "control_group") return bad(item.at, "this key takes no label");
    if (key == "capabilities") {
      SR_LET(const auto names, strings(v, key));
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto capability = capability_named(names[i]);
        if (!capability)
          return bad(v.list[i].at,
                     "a capability must be create, read, update, delete, list, patch, scan, sudo or deny");
        rule.capabilities.add(*capability);
      }
    } else if (key == "policy") {
      legacy = &v;
    } else if (key == "allowed_parameters") {
      SR_LET(c.allowed, parameters(v, key));
    } else if (key == "denied_parameters") {
      SR_LET(c.denied, parameters(v, key));
    } else if (key == "required_parameters") {
      SR_LET(c.required, strings(v, key));
      for (std::string& p : c.required) p = ascii_lower(p);
    } else if (key == "min_wrapping_ttl") {
      SR_LET(c.min_wrapping_ttl, duration(v, key));
    } else if (key == "max_wrapping_ttl") {
      SR_LET(c.max_wrapping_ttl, duration(v, key));
    } else if (key == "pagination_limit") {
      const auto limit = whole(v);
      if (!limit || *limit < 0) return bad(v.at, "pagination_limit must be a whole number");
      c.pagination_limit = *limit;
    } else if (key == "expiration") {
      SR_LET(rule.expires, expiration(v));
    } else if (key == "comment") {
      if (!is_scalar(v)) return bad(v.at, "comment must be a string");
    } else if (key == "mfa_methods" || key == "control_group" ||
               key == "list_scan_response_keys_filter_path" || key == "subscribe_event_types") {
      // To ignore one of these would grant more than the author meant.
      if (!says_nothing(v)) return bad(item.at, fmt::format("{} is not supported", key));
    } else {
      return bad(item.at, "no such key in a path block");
    }
  }
  if (legacy != nullptr) SR_TRY(legacy_policy(*legacy, rule.capabilities));
  if (rule.capabilities.has(Capability::deny)) rule.capabilities = Capabilities(Capability::deny);
  if (c.min_wrapping_ttl.count() > 0 && c.max_wrapping_ttl.count() > 0 &&
      c.max_wrapping_ttl < c.min_wrapping_ttl)
    return bad(rule.at, "max_wrapping_ttl must not be less than min_wrapping_ttl");
  return rule;
}

Result<Policy> parse(std::string name, std::string_view text, std::string namespace_path) {
  hcl::Limits limits;
  limits.bytes = std::size_t{1} << 20;
  SR_LET(const hcl::Body body, hcl::parse(text, limits));
  for (const hcl::Item& item : body.items) {
    if (item.key == "name") {
      if (!is_scalar(item.value)) return bad(item.at, "name must be a string");
    } else if (item.key != "path") {
      return bad(item.at, "no such key in a policy; it has path blocks only");
    }
  }
  SR_LET(const auto blocks, hcl::blocks(body, "path", 1));
  Policy policy;
  policy.name = std::move(name);
  policy.namespace_path = std::move(namespace_path);
  policy.rules.reserve(blocks.size());
  for (const hcl::Block& block : blocks) {
    SR_LET(Rule rule, rule_of(block));
    policy.rules.push_back(std::move(rule));
  }
  return policy;
}

}  // namespace

std::string_view name(Capability c) noexcept {
  for (const Named& n : kAlphabetical)
    if (n.capability == c) return n.name;
  return "";
}

std::optional<Capability> capability_named(std::string_view text) noexcept {
  for (const Named& n : kAlphabetical)
    if (n.name == text) return n.capability;
  return std::nullopt;
}

std::vector<std::string> Capabilities::names() const {
  if (empty() || has(Capability::deny)) return {"deny"};
  std::vector<std::string> out;
  for (const Named& n : kAlphabetical)
    if (has(n.capability)) out.emplace_back(n.name);
  return out;
}

bool Constraints::empty() const noexcept {
  return allowed.empty() && denied.empty() && required.empty() && min_wrapping_ttl.count() == 0 &&
         max_wrapping_ttl.count() == 0 && pagination_limit == 0;
}

bool Policy::templated() const noexcept {
  return std::any_of(rules.begin(), rules.end(), [](const Rule& r) { return r.templated(); });
}

Result<Policy> parse_policy(std::string name, std::string_view text, std::string namespace_path) {
  auto policy = parse(std::move(name), text, std::move(namespace_path));
  if (!policy) {
    Error e = std::move(policy).error();
    e.message = "failed to parse policy: " + e.message;
    return std::unexpected(std::move(e));
  }
  return policy;
}

Result<std::string> canonical_policy_name(std::string_view text) {
  const auto refuse = [](std::string_view rule) {
    return fail(Code::invalid_argument, fmt::format("policy name: {}", rule));
  };
  if (text.empty() || text.size() > 512) return refuse("must have 1 to 512 characters");
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == ',' || c == '\\')
      return refuse("must be printable ASCII without spaces, commas or backslashes");
  for (std::size_t i = 0; i <= text.size();) {
    const std::size_t end = std::min(text.find('/', i), text.size());
    const std::string_view segment = text.substr(i, end - i);
    if (segment.empty() || segment == "." || segment == "..")
      return refuse("must not contain empty, . or .. segments");
    i = end + 1;
  }
  return ascii_lower(text);
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view default_policy_text() noexcept {
  return R"(# What every token may do unless it was created without the default policy.

# A token may look at itself, renew itself and revoke itself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# It may ask what it is allowed to do.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# It may read its own entity.
path "identity/entity/id/{{identity.entity.id}}" {
  capabilities = ["read"]
}
path "identity/entity/name/{{identity.entity.name}}" {
  capabilities = ["read"]
}

# It may look up and renew a lease whose id it knows.
path "sys/leases/lookup" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
}

# It has a cubbyhole of its own.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# It may wrap any value, and look up or unwrap a wrapping token.
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}
path "sys/wrapping/lookup" {
  capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

# It may use the hash tools.
path "sys/tools/hash" {
  capabilities = ["update"]
}
path "sys/tools/hash/*" {
  capabilities = ["update"]
}

# It may sign in to an OIDC client.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}
)";
}

std::string_view response_wrapping_policy_text() noexcept {
  return R"(path "cubbyhole/response" {
  capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
)";
}

bool is_immutable_policy(std::string_view canonical_name) noexcept {
  return canonical_name == "root" || canonical_name == "response-wrapping";
}

}  // namespace strongroom::identity
