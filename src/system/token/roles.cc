// auth/token/roles: the rules for creating tokens by name. A write changes what it names and leaves the rest.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "identity/ttl.h"
#include "system/token/types.h"

namespace strongroom::system::token {
namespace {
using engine::Prompt;
using identity::TokenType;

constexpr std::size_t kMostEntries = 1000;  // of one list

enum class Root : std::uint8_t { refused, meant };  // whether the name `root` may stand in the list
// Policy names, or patterns of them, as tokens have them: lower case, printable ASCII, sorted.
Status set_policies(std::vector<std::string>& to, const std::optional<schema::CommaList>& given,
                    std::string_view field, Root root) {
  if (!given) return {};
  if (given->items.size() > kMostEntries) return bad(fmt::format("{}: at most 1000 names", field));
  std::vector<std::string> names;
  for (const auto& item : given->items) {
    if (trimmed(item).empty()) continue;
    auto name = identity::canonical_policy_name(trimmed(item));
    if (!name) return bad(fmt::format("{}: {}", field, name.error().message));
    if (root == Root::refused && *name == "root")
      return bad(fmt::format("{}: a role cannot give the policy \"root\"", field));
    names.push_back(*std::move(name));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  to = std::move(names);
  return {};
}

Result<std::vector<Cidr>> cidrs(const schema::CommaList& given) {
  std::vector<Cidr> out;
  if (given.items.size() > kMostEntries) return bad("token_bound_cidrs: at most 1000 addresses");
  for (const auto& item : given.items) {
    const auto c = Cidr::parse(trimmed(item));
    if (!c)
      return bad(
          fmt::format("token_bound_cidrs: entry {} is not an IPv4 or IPv6 address or block", out.size() + 1));
    out.push_back(*c);
  }
  return out;
}

// The whole of it, or a token's path would have segments that no policy can name: \w[\w-.]+\w.
bool valid_suffix(std::string_view s) { return s.size() >= 3 && identity::TokenRoles::valid_name(s); }

// A value by its new name or, when that is absent, by its old one.
template <class T>
const std::optional<T>& by_name(const std::optional<T>& now, const std::optional<T>& old, bool& was_old) {
  if (now)
    was_old = false;
  else if (old)
    was_old = true;
  return now ? now : old;
}

Status check_type(const identity::TokenRole& r) {
  if (r.type != TokenType::batch) return {};
  const auto refuse = [](std::string_view what) {
    return bad(fmt::format("'token_type' cannot be 'batch' when role is set to generate {}", what));
  };
  if (!r.orphan) return refuse("non-orphan tokens");
  if (r.period.count() != 0) return refuse("periodic tokens");
  if (r.renewable) return refuse("renewable tokens");
  if (r.explicit_max_ttl.count() != 0) return refuse("tokens with an explicit max TTL");
  if (r.num_uses != 0) return refuse("tokens with a limited number of uses");
  return {};
}
}  // namespace

Result<bool> Token::role_exists(Prompt& p, const RoleWrite& in) const {
  SR_LET(const auto role, roles_.get(p.txn, in.role_name));
  return role.has_value();
}

Result<schema::Empty> Token::write_role(Prompt& p, const RoleWrite& in) const {
  if (!identity::TokenRoles::valid_name(in.role_name))
    return bad(
        "role_name: must be 1 to 128 letters, digits, '_', '.' or '-', and not begin or end with '.' "
        "or '-'");
  SR_LET(auto found, roles_.get(p.txn, in.role_name));
  auto r = found ? *std::move(found) : identity::TokenRole{};
  r.name = in.role_name;
  SR_TRY(set_policies(r.allowed_policies, in.allowed_policies, "allowed_policies", Root::refused));
  SR_TRY(set_policies(r.allowed_policies_glob, in.allowed_policies_glob, "allowed_policies_glob",
                      Root::refused));
  SR_TRY(set_policies(r.disallowed_policies, in.disallowed_policies, "disallowed_policies", Root::meant));
  SR_TRY(set_policies(r.disallowed_policies_glob, in.disallowed_policies_glob, "disallowed_policies_glob",
                      Root::meant));
  if (in.allowed_entity_aliases) {
    if (in.allowed_entity_aliases->items.size() > kMostEntries)
      return bad("allowed_entity_aliases: at most 1000 names");
    r.allowed_entity_aliases.clear();
    for (const auto& a : in.allowed_entity_aliases->items)
      r.allowed_entity_aliases.push_back(identity::ascii_lower(a));
  }
  if (in.orphan) r.orphan = *in.orphan;
  if (in.renewable) r.renewable = *in.renewable;
  if (in.token_no_default_policy) r.no_default_policy = *in.token_no_default_policy;
  if (in.path_suffix) {
    if (!in.path_suffix->empty() && !valid_suffix(*in.path_suffix))
      return bad("given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w");
    r.path_suffix = *in.path_suffix;
  }
  if (in.token_type) {
    const auto type = identity::token_type(*in.token_type);
    if (!type)
      return bad("invalid 'token_type' value: service, batch, default-service and default-batch are");
    r.type = *type;
  }
  if (in.token_num_uses) {
    if (*in.token_num_uses < 0) return bad("error parsing role fields: 'token_num_uses' cannot be negative");
    r.num_uses = *in.token_num_uses;
  }
  const auto length = [](const std::optional<Seconds>& given, Seconds& to, std::string_view field) -> Status {
    if (!given) return {};
    if (given->count() < 0) return bad(fmt::format("{}: cannot be negative", field));
    to = *given;
    return {};
  };
  SR_TRY(length(by_name(in.token_period, in.period, r.old_period), r.period, "token_period"));
  SR_TRY(length(by_name(in.token_explicit_max_ttl, in.explicit_max_ttl, r.old_explicit_max_ttl),
                r.explicit_max_ttl, "token_explicit_max_ttl"));
  if (const auto& given = by_name(in.token_bound_cidrs, in.bound_cidrs, r.old_bound_cidrs); given) {
    SR_LET(r.bound_cidrs, cidrs(*given));
  }
  SR_TRY(check_type(r));
  if (r.explicit_max_ttl > p.mount.max_lease_ttl)
    p.aside.warnings.push_back(fmt::format(
        "Given explicit max TTL of {} is greater than system/mount allowed value of {}; tokens get the "
        "lesser",
        identity::short_duration(r.explicit_max_ttl), identity::short_duration(p.mount.max_lease_ttl)));
  SR_TRY(roles_.put(p.txn, r));
  return schema::Empty{};
}

Result<std::optional<Token::RoleShown>> Token::read_role(Prompt& p, const RoleAt& in) const {
  SR_LET(const auto role, roles_.get(p.txn, in.role_name));
  if (!role) return std::optional<RoleShown>();
  const auto& r = *role;
  RoleShown s;
  if (!r.allowed_entity_aliases.empty()) s.allowed_entity_aliases = r.allowed_entity_aliases;
  s.allowed_policies = r.allowed_policies;
  s.allowed_policies_glob = r.allowed_policies_glob;
  s.disallowed_policies = r.disallowed_policies;
  s.disallowed_policies_glob = r.disallowed_policies_glob;
  s.name = r.name;
  s.orphan = r.orphan;
  s.renewable = r.renewable;
  s.path_suffix = r.path_suffix;
  s.token_explicit_max_ttl = r.explicit_max_ttl;
  s.token_period = r.period;
  if (r.old_explicit_max_ttl) s.explicit_max_ttl = r.explicit_max_ttl;
  if (r.old_period) s.period = r.period;
  if (!r.bound_cidrs.empty()) {
    auto& texts = s.token_bound_cidrs.emplace();
    texts.reserve(r.bound_cidrs.size());
    for (const auto& c : r.bound_cidrs) texts.push_back(c.text());
    if (r.old_bound_cidrs) s.bound_cidrs = texts;
  }
  if (r.num_uses > 0) s.token_num_uses = r.num_uses;
  s.token_no_default_policy = r.no_default_policy;
  s.token_type = identity::name(r.type);
  return std::optional<RoleShown>(std::move(s));
}

Result<schema::Empty> Token::delete_role(Prompt& p, const RoleAt& in) const {
  SR_TRY(roles_.erase(p.txn, in.role_name));
  return schema::Empty{};
}

Result<std::optional<Token::RoleNames>> Token::list_roles(Prompt& p, const RolePage& in) const {
  SR_LET(auto names, roles_.names(p.txn));
  if (!in.after.empty()) names.erase(names.begin(), std::ranges::upper_bound(names, in.after));
  if (in.limit > 0 && static_cast<std::size_t>(in.limit) < names.size())
    names.resize(static_cast<std::size_t>(in.limit));
  if (names.empty()) return std::optional<RoleNames>();
  return std::optional<RoleNames>(RoleNames{std::move(names)});
}

}  // namespace strongroom::system::token
