// Looking tokens up: auth/token/lookup, lookup-self, lookup-accessor; and the list of accessors.
#include "system/token/types.h"

namespace strongroom::system::token {
using engine::Prompt;

Result<Token::Record> Token::caller(Prompt& p) const {
  SR_LET(auto record, p.caller.kind == engine::Caller::Kind::batch
                          ? tokens_.find(p.txn, p.presented, p.now)
                          : tokens_.find_by_number(p.txn, p.caller.token, p.now));
  if (!record) return fail(Code::unauthenticated, "permission denied");
  return record;
}

Result<Token::Shown> Token::show(Prompt& p, const identity::TokenRecord& r, std::string_view id) const {
  Shown s;
  s.accessor = tokens_.accessor_of(r.number);
  if (!r.bound_cidrs.empty())
    for (auto& cidrs = s.bound_cidrs.emplace(); const auto& c : r.bound_cidrs) cidrs.push_back(c.text());
  s.creation_time = std::chrono::floor<Seconds>(r.created).time_since_epoch().count();
  s.creation_ttl = r.creation_ttl;
  s.display_name = r.display_name;
  s.explicit_max_ttl = r.explicit_max_ttl;
  s.id = Secret::copy_of(id);
  if (!r.expires.is_never()) {
    s.expire_time = schema::Timestamp{r.expires.when()};
    s.issue_time = schema::Timestamp{r.created};
    s.renewable = r.renewable;
  }
  if (r.last_renewal != WallTime{}) {
    s.last_renewal = schema::Timestamp{r.last_renewal};
    s.last_renewal_time = std::chrono::floor<Seconds>(r.last_renewal).time_since_epoch().count();
  }
  if (!r.meta.empty()) s.meta = r.meta;
  s.num_uses = r.num_uses;
  // This very request is one of the uses.
  if (r.number == p.caller.token && r.num_uses > 0) s.num_uses = r.num_uses == 1 ? -1 : r.num_uses - 1;
  SR_LET(s.orphan, tokens_.is_orphan(p.txn, r));
  s.path = r.path;
  if (r.period.count() > 0) s.period = r.period;
  s.policies = r.policies;
  if (!r.role.empty()) s.role = r.role;
  s.ttl = r.expires.left(p.now);
  if (r.batch) s.type = "batch";
  return s;
}

Result<Token::Shown> Token::lookup_self(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto record, caller(p));
  return show(p, *record, p.presented);
}
Result<Token::Shown> Token::lookup(Prompt& p, const Named& in) const {
  if (!in.token || in.token->empty()) return lookup_self(p, {});
  const auto id = in.token->reveal_text(Reveal::to_caller);
  SR_LET(const auto record, tokens_.find(p.txn, id, p.now));
  if (!record) return fail(Code::unauthenticated, "bad token");
  return show(p, *record, id);
}
Result<Token::Shown> Token::lookup_accessor(Prompt& p, const ByAccessor& in) const {
  if (!in.accessor || in.accessor->empty()) return bad("1 error occurred:\n\t* missing accessor\n\n");
  SR_LET(const auto record, tokens_.find_by_accessor(p.txn, *in.accessor, p.now));
  if (!record) return bad("1 error occurred:\n\t* invalid accessor\n\n");
  return show(p, *record, {});
}
Result<std::optional<Token::Accessors>> Token::list_accessors(engine::Blocking& p,
                                                              const schema::Empty&) const {
  Accessors out;
  SR_LET(out.keys, tokens_.accessors(p.txn, p.now));
  if (out.keys.empty()) return std::optional<Accessors>();
  return std::optional<Accessors>(std::move(out));
}

}  // namespace strongroom::system::token
