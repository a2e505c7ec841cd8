// Renewing tokens: auth/token/renew, renew-self and renew-accessor.
#include <fmt/format.h>

#include "identity/ttl.h"
#include "system/token/types.h"

namespace strongroom::system::token {
using engine::Prompt;

Result<schema::Empty> Token::extend(Prompt& p, const identity::TokenRecord& r, Seconds increment,
                                    Secret id) const {
  if (r.batch) return bad("batch tokens cannot be renewed");
  if (r.expires.is_never()) return bad("invalid lease ID");
  if (!r.renewable) return bad("lease is not renewable");
  if (increment.count() < 0) return bad("increment: must not be negative");
  // The role may have changed its mind since; what the token itself was given stays.
  auto period = r.period;
  auto explicit_max = r.explicit_max_ttl;
  if (!r.role.empty()) {
    SR_LET(const auto role, roles_.get(p.txn, r.role));
    if (!role) return bad(fmt::format("original token role \"{}\" could not be found, not renewing", r.role));
    period = identity::lesser(period, role->period);
    explicit_max = identity::lesser(explicit_max, role->explicit_max_ttl);
  }
  // Without a wish it gets what it got last.
  const auto last = std::chrono::round<Seconds>(r.expires.when() -
                                                (r.last_renewal != WallTime{} ? r.last_renewal : r.created));
  SR_LET(auto granted, identity::terms({.asked = increment,
                                        .usual = last.count() > 0 ? last : p.mount.default_lease_ttl,
                                        .most = p.mount.max_lease_ttl,
                                        .explicit_max = explicit_max,
                                        .period = period,
                                        .start = r.created,
                                        .now = p.now}));
  for (auto& w : granted.warnings) p.aside.warnings.push_back(std::move(w));
  tokens_.renew(p.txn, r, granted.expires, p.now);
  auto& auth = p.aside.auth.emplace();
  auth.client_token = std::move(id);
  auth.accessor = tokens_.accessor_of(r.number);
  auth.display_name = r.display_name;
  auth.policies = auth.token_policies = r.policies;
  auth.metadata = r.meta;
  auth.has_metadata = !r.meta.empty();
  auth.lease_duration = granted.ttl;
  auth.renewable = true;
  SR_LET(auth.orphan, tokens_.is_orphan(p.txn, r));
  auth.num_uses = r.num_uses;
  auth.issue_time = r.created;
  return schema::Empty{};
}

Result<schema::Empty> Token::renew_self(Prompt& p, const RenewSelf& in) const {
  SR_LET(const auto record, caller(p));
  return extend(p, *record, in.increment, Secret::copy_of(p.presented));
}
Result<schema::Empty> Token::renew(Prompt& p, const Renew& in) const {
  if (!in.token || in.token->empty()) return bad("missing token ID");
  SR_LET(const auto record, tokens_.find(p.txn, in.token->reveal_text(Reveal::to_cipher), p.now));
  if (!record) return bad("token not found");
  return extend(p, *record, in.increment, in.token->clone());
}
Result<schema::Empty> Token::renew_accessor(Prompt& p, const RenewAccessor& in) const {
  if (!in.accessor || in.accessor->empty()) return bad("1 error occurred:\n\t* missing accessor\n\n");
  SR_LET(const auto record, tokens_.find_by_accessor(p.txn, *in.accessor, p.now));
  if (!record) return bad("1 error occurred:\n\t* invalid accessor\n\n");
  return extend(p, *record, in.increment, {});
}

}  // namespace strongroom::system::token
