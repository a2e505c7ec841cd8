#include "identity/token_roles.h"

#include <algorithm>
#include <array>

#include "base/pack.h"
#include "store/tables.h"

namespace strongroom::identity {
namespace {
constexpr std::uint64_t kFormat = 1;
constexpr std::array<std::string_view, 4> kTypes{"service", "batch", "default-service", "default-batch"};

enum RoleFlag : std::uint64_t {  // stored: never renumber
  kOrphan = 1,
  kRenewable = 2,
  kNoDefaultPolicy = 4,
  kOldPeriod = 8,
  kOldExplicitMaxTtl = 16,
  kOldBoundCidrs = 32,
};

std::string range() { return store::table_key(store::Table::token_index) + "r"; }

SecretText pack(const TokenRole& r) {
  SecretText out;
  Packer p(out);
  p.number(kFormat).text(r.name);
  p.texts(r.allowed_policies).texts(r.allowed_policies_glob);
  p.texts(r.disallowed_policies).texts(r.disallowed_policies_glob);
  p.texts(r.allowed_entity_aliases).number(r.bound_cidrs.size());
  for (const auto& c : r.bound_cidrs) p.text(c.text());
  p.text(r.path_suffix).signed_number(r.explicit_max_ttl.count()).signed_number(r.period.count());
  p.signed_number(r.num_uses).number(static_cast<std::uint64_t>(r.type));
  const auto when = [](bool has, std::uint64_t flag) { return has ? flag : 0; };
  p.number(when(r.orphan, kOrphan) | when(r.renewable, kRenewable) |
           when(r.no_default_policy, kNoDefaultPolicy) | when(r.old_period, kOldPeriod) |
           when(r.old_explicit_max_ttl, kOldExplicitMaxTtl) | when(r.old_bound_cidrs, kOldBoundCidrs));
  return out;
}

Result<TokenRole> unpack(std::string_view stored) {
  const auto damaged = [](const char* what) {
    return fail(Code::corrupt, "a stored record is damaged", what);
  };
  Unpacker u(stored);
  if (u.number() != kFormat) return damaged("token role format");
  TokenRole r;
  r.name = u.text();
  r.allowed_policies = u.texts();
  r.allowed_policies_glob = u.texts();
  r.disallowed_policies = u.texts();
  r.disallowed_policies_glob = u.texts();
  r.allowed_entity_aliases = u.texts();
  for (auto n = u.count(); n > 0; --n) {
    const auto c = Cidr::parse(u.text());
    if (!c) return damaged("token role address");
    r.bound_cidrs.push_back(*c);
  }
  r.path_suffix = u.text();
  r.explicit_max_ttl = Seconds(u.signed_number());
  r.period = Seconds(u.signed_number());
  r.num_uses = u.signed_number();
  const auto type = u.number();
  if (type >= kTypes.size()) return damaged("token role type");
  r.type = static_cast<TokenType>(type);
  const auto flags = u.number();
  r.orphan = (flags & kOrphan) != 0;
  r.renewable = (flags & kRenewable) != 0;
  r.no_default_policy = (flags & kNoDefaultPolicy) != 0;
  r.old_period = (flags & kOldPeriod) != 0;
  r.old_explicit_max_ttl = (flags & kOldExplicitMaxTtl) != 0;
  r.old_bound_cidrs = (flags & kOldBoundCidrs) != 0;
  SR_TRY(u.done("token role"));
  return r;
}
}  // namespace

std::string_view name(TokenType t) noexcept { return kTypes[static_cast<std::size_t>(t)]; }
std::optional<TokenType> token_type(std::string_view text) noexcept {
  if (text.empty() || text == "default") return TokenType::default_service;
  const auto at = std::ranges::find(kTypes, text);
  if (at == kTypes.end()) return std::nullopt;
  return static_cast<TokenType>(at - kTypes.begin());
}

bool fits_glob(std::string_view pattern, std::string_view text) noexcept {
  // On a mismatch after a star, the star takes one byte more.
  std::size_t p = 0, t = 0, star = std::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool TokenRoles::valid_name(std::string_view s) noexcept {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !s.empty() && s.size() <= 128 && word(s.front()) && word(s.back()) &&
         std::ranges::all_of(s, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

Result<std::string> TokenRoles::key(std::string_view name) const {
  SR_LET(const auto hidden, tokens_.hidden("token role", name));
  return range() + hidden;
}

Result<std::optional<TokenRole>> TokenRoles::get(store::Txn& txn, std::string_view name) const {
  SR_LET(const auto at, key(name));
  SR_LET(const auto stored, txn.get(at));
  if (!stored) return std::nullopt;
  SR_LET(auto role, unpack(view(*stored)));
  if (role.name != name) return std::nullopt;
  return std::optional<TokenRole>(std::move(role));
}

Status TokenRoles::put(store::Txn& txn, const TokenRole& role) const {
  SR_LET(auto at, key(role.name));
  txn.put(std::move(at), pack(role));
  return {};
}

Status TokenRoles::erase(store::Txn& txn, std::string_view name) const {
  SR_LET(auto at, key(name));
  txn.erase(std::move(at));
  return {};
}

Result<std::vector<std::string>> TokenRoles::names(store::Txn& txn) const {
  std::vector<std::string> out;
  Status bad;
  const auto first = range();
  SR_TRY(txn.scan(first, store::after_prefix(first), [&](std::string_view, const SecretText& value) {
    auto role = unpack(view(value));
    if (!role) {
      bad = std::unexpected(std::move(role).error());
      return false;
    }
    out.push_back(std::move(role->name));
    return true;
  }));
  if (!bad) return std::unexpected(std::move(bad).error());
  std::ranges::sort(out);
  return out;
}

}  // namespace strongroom::identity
