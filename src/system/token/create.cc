// Creating tokens: auth/token/create, create-orphan and create/:role.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "identity/ttl.h"
#include "system/token/types.h"

namespace strongroom::system::token {
namespace {
using engine::Prompt;
using identity::TokenType;
using Names = std::vector<std::string>;

constexpr std::size_t kMostMeta = 64;
constexpr std::size_t kMostPolicies = 1000;

std::string trimmed_lower(std::string_view s) { return identity::ascii_lower(trimmed(s)); }
bool has(const Names& list, std::string_view name) { return std::ranges::find(list, name) != list.end(); }
bool fits_any(const Names& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const auto& p) { return identity::fits_glob(p, name); });
}
void add(Names& list, std::string_view name) {
  if (has(list, name)) return;
  list.emplace_back(name);
  std::ranges::sort(list);
}
std::string quoted(const Names& names) {
  std::string out = "[";
  for (const auto& n : names) out += fmt::format("{}\"{}\"", out.size() > 1 ? " " : "", n);
  return out + "]";
}
// "my app" -> "my-app": what Vault makes of a display name.
std::string display(std::string_view wish) {
  std::string out;
  for (const char c : wish) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (keeps)
      out.push_back(c);
    else if (!out.empty() && out.back() != '-')
      out.push_back('-');
  }
  while (out.ends_with('-')) out.pop_back();
  while (out.starts_with('-')) out.erase(0, 1);
  return out;
}
Seconds given(const std::optional<Seconds>& s) { return s.value_or(Seconds{}); }

Status check_id(std::string_view id) {
  if (id.starts_with("s.")) return bad("custom token ID cannot have the 's.' prefix");
  if (id.find('.') != std::string_view::npos) return bad("custom token ID cannot have a '.' in the value");
  if (id.size() > 256) return bad("id: must be at most 256 bytes");
  for (const char c : id)
    if (c <= ' ' || c > '~')
      return bad("id: must be printable ASCII without spaces, or no header could carry it");
  return {};
}
}  // namespace

struct Token::Making {
  Prompt& p;
  const Create& in;
  const identity::TokenRecord& parent;
  const identity::TokenRole* role;  // null: none
  TokenType type;                   // service or batch
  bool privileged;                  // root, or sudo on this path
};

namespace {
Status check_wish(const Token::Create& in, const identity::TokenRole* role, bool privileged) {
  if (in.num_uses < 0) return bad("number of uses cannot be negative");
  if (given(in.ttl).count() < 0) return bad("ttl must be positive");
  if (given(in.lease).count() < 0) return bad("lease must be positive");
  if (given(in.explicit_max_ttl).count() < 0) return bad("explicit_max_ttl must be positive");
  if (given(in.period).count() < 0) return bad("period must be positive");
  if (in.meta.size() > kMostMeta) return bad("meta: at most 64 entries");
  for (const auto& [k, v] : in.meta)
    if (k.size() > 128 || v.size() > 512) return bad("meta: names are at most 128 bytes, values at most 512");
  if (in.display_name && in.display_name->size() > 256) return bad("display_name: must be at most 256 bytes");
  if (in.entity_alias && !in.entity_alias->empty()) {
    if (role == nullptr) return bad("'entity_alias' is only allowed in combination with token role");
    if (!fits_any(role->allowed_entity_aliases, identity::ascii_lower(*in.entity_alias)))
      return bad("invalid 'entity_alias' value");
    return bad("entity_alias: there are no entities in this version; leave it out");
  }
  if (given(in.period).count() > 0 && !privileged)
    return bad("root or sudo privileges required to create periodic token");
  if (role == nullptr && in.no_parent && !privileged)
    return bad("root or sudo privileges required to create orphan token");
  if (!in.id.value_or("").empty()) {
    if (!privileged) return bad("root or sudo privileges required to specify token id");
    SR_TRY(check_id(*in.id));
  }
  return {};
}

Result<TokenType> wanted_type(const Token::Create& in, const identity::TokenRole* role) {
  const auto asked = in.type.value_or("");
  if (!asked.empty() && asked != "service" && asked != "batch") return bad("invalid 'token_type' value");
  if (role != nullptr && (role->type == TokenType::service || role->type == TokenType::batch))
    return role->type;
  if (asked.empty())
    return role != nullptr && role->type == TokenType::default_batch ? TokenType::batch : TokenType::service;
  return asked == "batch" ? TokenType::batch : TokenType::service;
}

Status check_batch(const Token::Create& in, const identity::TokenRole* role) {
  // Else whoever may use the role would ask for the other type and have no limit at all.
  if (role != nullptr && role->num_uses > 0)
    return bad("batch tokens cannot have \"num_uses\" set, and this role limits the number of uses");
  for (const auto& [set, name] :
       {std::pair{given(in.explicit_max_ttl).count() != 0, "explicit_max_ttl"},
        std::pair{in.num_uses != 0, "num_uses"}, std::pair{given(in.period).count() != 0, "period"}})
    if (set) return bad(fmt::format("batch tokens cannot have \"{}\" set", name));
  return {};
}
}  // namespace

// Which policies the token has. A role with rules of its own decides alone; else anyone may pass on what they
// have, and only sudo may give more.
Result<Names> Token::wanted_policies(const Making& m) const {
  const auto& in = m.in;
  if (in.policies.size() > kMostPolicies) return bad("policies: at most 1000 names");
  Names wanted;
  for (const auto& n : in.policies) {
    if (n.size() > 512) return bad("policies: names must be at most 512 bytes");
    if (auto name = trimmed_lower(n); !name.empty()) wanted.push_back(std::move(name));
  }
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
  const bool no_default = in.no_default_policy || (m.role != nullptr && m.role->no_default_policy);
  if (m.role != nullptr && m.role->has_policy_rules()) {
    const auto& role = *m.role;
    const bool add_default = !no_default && !has(role.disallowed_policies, "default") &&
                             !fits_any(role.disallowed_policies_glob, "default");
    const bool limited = !role.allowed_policies.empty() || !role.allowed_policies_glob.empty();
    auto allowed = role.allowed_policies;
    if (limited && add_default) add(allowed, "default");
    if (wanted.empty()) {
      wanted = limited ? allowed : m.parent.policies;
      if (!limited && add_default && !has(wanted, "root")) add(wanted, "default");
    } else {
      if (has(wanted, "root")) wanted = {"root"};
      if (add_default && wanted.front() != "root") add(wanted, "default");
      if (limited)
        for (const auto& name : wanted)
          if (!has(allowed, name) && !fits_any(role.allowed_policies_glob, name))
            return bad(
                fmt::format("token policies ({}) must be subset of the role's allowed policies ({}) or glob "
                            "policies ({})",
                            quoted(wanted), quoted(allowed), quoted(role.allowed_policies_glob)));
    }
    for (const auto& name : wanted)
      if (has(role.disallowed_policies, name) || fits_any(role.disallowed_policies_glob, name))
        return bad(fmt::format("token policy \"{}\" is disallowed by this role", name));
  } else if (wanted.empty()) {
    wanted = m.parent.policies;
  } else if (m.privileged) {
    if (!no_default) add(wanted, "default");
  } else {
    for (const auto& name : wanted)
      if (!has(m.parent.policies, name)) return bad("child policies must be subset of parent");
    if (!no_default && has(m.parent.policies, "default")) add(wanted, "default");
  }
  if (no_default) std::erase(wanted, "default");
  if (has(wanted, "response-wrapping")) return bad("policies: \"response-wrapping\" cannot be assigned");
  if (has(wanted, "root")) {
    if (!m.parent.root()) return bad("root tokens may not be created without parent token being root");
    return Names{"root"};
  }
  if (wanted.empty()) return bad("policies: at least one policy is needed, or leave no_default_policy out");
  return wanted;
}

// How long it lives: its own wishes and the role's, whichever is less.
Status Token::set_terms(const Making& m, identity::NewToken& want) const {
  const auto& in = m.in;
  const bool root = want.policies.front() == "root";
  const bool batch = m.type == TokenType::batch;
  const auto asked = given(in.ttl).count() > 0 ? *in.ttl : given(in.lease);
  auto explicit_max = given(in.explicit_max_ttl);
  auto period = given(in.period);
  want.period = period;
  if (m.role != nullptr && batch) {
    // What the role limits by means that a batch token does not have limits its one lifetime instead.
    explicit_max = identity::lesser(m.role->explicit_max_ttl, m.role->period);
  } else if (m.role != nullptr) {
    const auto both = [&](Seconds own, Seconds roles, std::string_view what) {
      const auto less = identity::lesser(own, roles);
      if (own.count() > 0 && roles.count() > 0)
        m.p.aside.warnings.push_back(
            fmt::format("{} specified both during creation call and in role; using the lesser value of {} "
                        "seconds",
                        what, less.count()));
      return less;
    };
    explicit_max = both(explicit_max, m.role->explicit_max_ttl, "Explicit max TTL");
    period = both(period, m.role->period, "Period");
  }
  // What the mount allows bounds it anyhow; a limit beyond that would only be shown.
  if (explicit_max.count() > 0) explicit_max = std::min(explicit_max, m.p.mount.max_lease_ttl);
  want.explicit_max_ttl = batch ? Seconds{} : explicit_max;
  want.max_ttl = m.p.mount.max_lease_ttl;
  if (root && asked.count() == 0 && period.count() == 0 && explicit_max.count() == 0) {
    if (!m.parent.expires.is_never())
      return bad("expiring root tokens cannot create non-expiring root tokens");
    want.lifetime = identity::Lifetime::forever();
    want.renewable = false;
    want.bound_cidrs.clear();
    return {};
  }
  // A root token without a wish but with a limit lives as long as the limit says.
  const auto usual =
      root ? identity::lesser(explicit_max, m.p.mount.max_lease_ttl) : m.p.mount.default_lease_ttl;
  SR_LET(const auto granted, identity::terms({.asked = asked,
                                              .usual = usual,
                                              .most = m.p.mount.max_lease_ttl,
                                              .explicit_max = explicit_max,
                                              .period = period,
                                              .start = m.p.now,
                                              .now = m.p.now}));
  for (const auto& w : granted.warnings) m.p.aside.warnings.push_back(w);
  want.lifetime = identity::Lifetime::of(granted.ttl);
  return {};
}

Result<schema::Empty> Token::create(Prompt& p, const Create& in) const {
  return make(p, in, in.no_parent ? Parent::none : Parent::caller, nullptr);
}
Result<schema::Empty> Token::create_orphan(Prompt& p, const Create& in) const {
  return make(p, in, Parent::none, nullptr);
}
Result<schema::Empty> Token::create_against(Prompt& p, const AgainstRole& in) const {
  SR_LET(const auto role, roles_.get(p.txn, in.role_name));
  if (!role) return bad(fmt::format("unknown role {}", in.role_name));
  return make(p, in.wish(), role->orphan ? Parent::none : Parent::caller, &*role);
}

Result<schema::Empty> Token::make(Prompt& p, const Create& in, Parent parentage,
                                  const identity::TokenRole* role) const {
  SR_LET(const auto parent, caller(p));
  if (parent->batch) return bad("batch tokens cannot create more tokens");
  if (parent->num_uses > 0) return bad("restricted use token cannot generate child tokens");
  const bool privileged = p.caller.root || p.caller.sudo;
  SR_TRY(check_wish(in, role, privileged));
  SR_LET(const auto type, wanted_type(in, role));
  const bool batch = type == TokenType::batch;
  if (batch) SR_TRY(check_batch(in, role));

  const Making making{p, in, *parent, role, type, privileged};
  identity::NewToken want(identity::Lifetime::of(Seconds{}));
  SR_LET(want.policies, wanted_policies(making));
  const bool root = want.policies.front() == "root";
  if (batch && root) return bad("batch tokens cannot be root tokens");
  if (batch && !in.id.value_or("").empty()) return bad("id: batch tokens cannot have a chosen id");
  want.display_name = "token";
  if (const auto name = display(in.display_name.value_or("")); !name.empty()) want.display_name += "-" + name;
  want.path = std::string(p.mount.path) + std::string(p.path);
  want.meta = in.meta;
  want.num_uses = in.num_uses;
  want.renewable = in.renewable.value_or(true) && !batch;
  want.parent = parentage == Parent::caller ? parent.get() : nullptr;
  want.chosen_id = in.id ? std::string_view(*in.id) : std::string_view();
  // A child is used from where its parent may be, or binding the parent would bind nobody.
  if (want.parent != nullptr && role == nullptr) want.bound_cidrs = parent->bound_cidrs;
  if (role != nullptr) {
    want.role = role->name;
    if (!role->path_suffix.empty()) want.path += "/" + role->path_suffix;
    want.renewable = want.renewable && role->renewable;
    want.bound_cidrs = role->bound_cidrs;
    if (!batch && role->num_uses > 0)
      want.num_uses = want.num_uses > 0 ? std::min(want.num_uses, role->num_uses) : role->num_uses;
  }
  SR_TRY(set_terms(making, want));
  if (!want.chosen_id.empty())
    p.aside.warnings.emplace_back(
        "A token with a chosen ID is only as secret as the ID is hard to guess: prefer one that the server "
        "makes.");
  if (!root)
    for (const auto& name : want.policies) {
      SR_LET(const auto known, policies_.get(p.txn, name));
      if (!known) p.aside.warnings.push_back(fmt::format("Policy \"{}\" does not exist", name));
    }
  SR_LET(auto made,
         batch ? tokens_.create_batch(want, p.now, p.random) : tokens_.create(p.txn, want, p.now, p.random));
  auto& auth = p.aside.auth.emplace();
  auth.client_token = std::move(made.id);
  auth.accessor = tokens_.accessor_of(made.record.number);
  auth.display_name = made.record.display_name;
  auth.policies = auth.token_policies = made.record.policies;
  auth.metadata = made.record.meta;
  auth.has_metadata = !made.record.meta.empty();
  auth.lease_duration = want.lifetime.seconds();
  auth.renewable = made.record.renewable;
  auth.token_type = batch ? "batch" : "service";
  auth.orphan = made.record.orphan;
  auth.num_uses = made.record.num_uses;
  auth.issue_time = p.now;
  return schema::Empty{};
}

}  // namespace strongroom::system::token
