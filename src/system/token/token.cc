#include "system/token/token.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.h"

namespace strongroom::system::token {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;

constexpr std::uint8_t kPlain = schema::plain;
constexpr std::size_t kMostMeta = 64;

std::unexpected<Error> bad(std::string text) { return fail(Code::invalid_argument, std::move(text)); }
std::unexpected<Error> not_yet(std::string_view name) {
  return bad(fmt::format("{}: is not supported by this version", name));
}
std::string trimmed_lower(std::string_view s) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  s.remove_prefix(std::min(s.find_first_not_of(kSpace), s.size()));
  s.remove_suffix(s.size() - (s.find_last_not_of(kSpace) + 1));
  return identity::ascii_lower(s);
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
}  // namespace

struct Token::Create {
  std::optional<std::string> id, type, entity_alias, display_name;
  std::vector<std::string> policies;
  std::map<std::string, std::string> meta;
  bool no_parent = false, no_default_policy = false;
  std::optional<bool> renewable;
  std::optional<Seconds> ttl, lease, explicit_max_ttl, period;
  std::int64_t num_uses = 0;
  static constexpr auto fields() {
    return std::array{
        field<&Create::id>("id", "The token's id, chosen by a root caller instead of a random one."),
        field<&Create::policies>("policies", "Policies of the token; the caller's own when absent."),
        field<&Create::meta>("meta", "Notes kept with the token and shown in the audit log."),
        field<&Create::no_parent>("no_parent", "Makes an orphan: it outlives the caller. Needs sudo."),
        field<&Create::no_default_policy>("no_default_policy", "Leaves the policy `default` out."),
        field<&Create::renewable>("renewable", "Whether the token may be renewed; true when absent."),
        field<&Create::ttl>("ttl", "Time to live, for example 1h; the server's default when absent."),
        field<&Create::lease>("lease", "Old name of ttl."),
        field<&Create::explicit_max_ttl>("explicit_max_ttl",
                                         "Hard limit of the token's life, renewals included."),
        field<&Create::period>("period", "Periodic tokens are not supported by this version."),
        field<&Create::type>("type", "Only `service` is supported by this version."),
        field<&Create::entity_alias>("entity_alias", "Not supported by this version."),
        field<&Create::display_name>("display_name", "Name shown in listings and the audit log."),
        field<&Create::num_uses>("num_uses", "How many requests the token is good for; 0: no limit.")};
  }
};
struct Token::Named {
  std::optional<Secret> token;
  static constexpr auto fields() { return std::array{field<&Named::token>("token", "The token.")}; }
};
struct Token::ByAccessor {
  std::optional<std::string> accessor;
  static constexpr auto fields() {
    return std::array{field<&ByAccessor::accessor>("accessor", "Accessor of the token.")};
  }
};
struct Token::Renew {
  std::optional<Secret> token;
  Seconds increment{};
  static constexpr auto fields() {
    return std::array{field<&Renew::token>("token", "The token to renew."),
                      field<&Renew::increment>("increment", "Wished time to live from now.")};
  }
};
struct Token::RenewSelf {
  Seconds increment{};
  static constexpr auto fields() {
    return std::array{field<&RenewSelf::increment>("increment", "Wished time to live from now.")};
  }
};
struct Token::Shown {
  std::string accessor;
  std::int64_t creation_time = 0;
  Seconds creation_ttl{};
  std::string display_name, entity_id;
  std::optional<schema::Timestamp> expire_time;
  Seconds explicit_max_ttl{};
  Secret id;
  std::optional<schema::Timestamp> issue_time, last_renewal;
  std::optional<std::int64_t> last_renewal_time;
  std::optional<std::map<std::string, std::string>> meta;
  std::int64_t num_uses = 0;
  bool orphan = false;
  std::string path;
  std::vector<std::string> policies;
  std::optional<bool> renewable;
  Seconds ttl{};
  std::string type = "service";
  static constexpr auto fields() {
    return std::array{
        field<&Shown::accessor>("accessor", "Names the token without giving it away."),
        field<&Shown::creation_time>("creation_time", "Unix time of creation."),
        field<&Shown::creation_ttl>("creation_ttl", "Time to live at creation, in seconds."),
        field<&Shown::display_name>("display_name", "Name shown in listings.", kPlain),
        field<&Shown::entity_id>("entity_id", "Entity of the token.", kPlain),
        field<&Shown::expire_time>("expire_time", "When it ends; null: never."),
        field<&Shown::explicit_max_ttl>("explicit_max_ttl", "Hard limit of its life, in seconds; 0: none."),
        field<&Shown::id>("id", "The token; empty when asked by accessor."),
        field<&Shown::issue_time>("issue_time", "When it was made.", schema::omit_empty),
        field<&Shown::last_renewal>("last_renewal", "When it was renewed last.", schema::omit_empty),
        field<&Shown::last_renewal_time>("last_renewal_time", "The same as Unix time.", schema::omit_empty),
        field<&Shown::meta>("meta", "Notes kept with the token.", kPlain),
        field<&Shown::num_uses>("num_uses", "Uses left; 0: no limit, -1: this was the last."),
        field<&Shown::orphan>("orphan", "Whether it outlives the token that made it."),
        field<&Shown::path>("path", "Where it was made.", kPlain),
        field<&Shown::policies>("policies", "Its policies.", kPlain),
        field<&Shown::renewable>("renewable", "Whether it may be renewed.", schema::omit_empty),
        field<&Shown::ttl>("ttl", "Time left, in seconds."),
        field<&Shown::type>("type", "service.", kPlain)};
  }
};
struct Token::Accessors {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{field<&Accessors::keys>("keys", "Accessors, in creation order.")};
  }
};

Result<Token::Record> Token::caller(Prompt& p) const {
  SR_LET(auto record, p.caller.kind == engine::Caller::Kind::batch
                          ? tokens_.find(p.txn, p.presented, p.now)
                          : tokens_.find_by_number(p.txn, p.caller.token, p.now));
  if (!record) return fail(Code::unauthenticated, "permission denied");
  return record;
}

Result<std::vector<std::string>> Token::wanted_policies(const Prompt& p, const Create& in,
                                                        const identity::TokenRecord& parent) const {
  std::vector<std::string> wanted;
  for (const auto& n : in.policies) {
    if (n.size() > 512) return bad("policies: names must be at most 512 bytes");
    if (auto name = trimmed_lower(n); !name.empty()) wanted.push_back(std::move(name));
  }
  const bool inherited = wanted.empty();
  if (inherited) wanted = parent.policies;
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
  const auto has = [](const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
  };
  if (has(wanted, "response-wrapping")) return bad("policies: \"response-wrapping\" cannot be assigned");
  if (has(wanted, "root")) {
    if (!parent.root()) return bad("root tokens may not be created without parent token being root");
    return std::vector<std::string>{"root"};
  }
  // Anyone may pass on what they have; only sudo may give more.
  if (!p.caller.root && !p.caller.sudo)
    for (const auto& name : wanted)
      if (!has(parent.policies, name)) return bad("child policies must be subset of parent");
  const bool parent_lacks_default = !parent.root() && !has(parent.policies, "default");
  if (!in.no_default_policy && !inherited && (!parent_lacks_default || p.caller.sudo) &&
      !has(wanted, "default")) {
    wanted.emplace_back("default");
    std::ranges::sort(wanted);
  }
  if (in.no_default_policy) std::erase(wanted, "default");
  if (wanted.empty()) return bad("policies: at least one policy is needed, or leave no_default_policy out");
  return wanted;
}

Result<schema::Empty> Token::create(Prompt& p, const Create& in) const {
  return make(p, in, in.no_parent ? Parent::none : Parent::caller);
}
Result<schema::Empty> Token::create_orphan(Prompt& p, const Create& in) const {
  return make(p, in, Parent::none);
}

Result<schema::Empty> Token::make(Prompt& p, const Create& in, Parent parentage) const {
  SR_LET(const auto parent, caller(p));
  if (parent->num_uses > 0) return bad("restricted use token cannot generate child tokens");
  if (in.period && in.period->count() != 0) return not_yet("period");
  if (in.type && !in.type->empty() && *in.type != "service") return not_yet("type: anything but \"service\"");
  if (in.entity_alias && !in.entity_alias->empty())
    return bad("'entity_alias' is only allowed in combination with token role");
  if (in.num_uses < 0) return bad("number of uses cannot be negative");
  if (in.meta.size() > kMostMeta) return bad("meta: at most 64 entries");
  for (const auto& [k, v] : in.meta)
    if (k.size() > 128 || v.size() > 512) return bad("meta: names are at most 128 bytes, values at most 512");
  if (in.display_name && in.display_name->size() > 256) return bad("display_name: must be at most 256 bytes");
  const bool privileged = p.caller.root || p.caller.sudo;
  if (in.no_parent && !privileged) return bad("root or sudo privileges required to create orphan token");
  const auto id = in.id.value_or("");
  if (!id.empty()) {
    if (!privileged) return bad("root or sudo privileges required to specify token id");
    if (id.starts_with("s.")) return bad("custom token ID cannot have the 's.' prefix");
    if (id.find('.') != std::string::npos) return bad("custom token ID cannot have a '.' in the value");
    if (id.size() > 256) return bad("id: must be at most 256 bytes");
    for (const char c : id)
      if (c <= ' ' || c > '~')
        return bad("id: must be printable ASCII without spaces, or no header could carry it");
  }
  if (in.ttl && in.ttl->count() < 0) return bad("ttl must be positive");
  if (in.explicit_max_ttl && in.explicit_max_ttl->count() < 0)
    return bad("explicit_max_ttl must be positive");

  identity::NewToken want(identity::Lifetime::of(Seconds{}));
  SR_LET(want.policies, wanted_policies(p, in, *parent));
  want.display_name = "token";
  if (const auto name = display(in.display_name.value_or("")); !name.empty()) want.display_name += "-" + name;
  want.path = std::string(p.mount.path) + std::string(p.path);
  want.meta = in.meta;
  want.num_uses = in.num_uses;
  want.renewable = in.renewable.value_or(true);
  want.parent = parentage == Parent::caller ? parent.get() : nullptr;
  want.chosen_id = id;
  want.explicit_max_ttl = std::min(in.explicit_max_ttl.value_or(Seconds{}), p.mount.max_lease_ttl);
  want.max_ttl = p.mount.max_lease_ttl;
  const bool asked = (in.ttl && in.ttl->count() > 0) || (in.lease && in.lease->count() > 0);
  auto wish = in.ttl && in.ttl->count() > 0 ? *in.ttl : in.lease.value_or(Seconds{});
  const bool root = want.policies.front() == "root";
  if (root && !asked && want.explicit_max_ttl.count() == 0) {
    if (!parent->expires.is_never())
      return bad("expiring root tokens cannot create non-expiring root tokens");
    want.renewable = false;
    want.lifetime = identity::Lifetime::forever();
  } else {
    if (!asked) wish = p.mount.default_lease_ttl;
    auto most = p.mount.max_lease_ttl;
    if (want.explicit_max_ttl.count() != 0) most = std::min(most, want.explicit_max_ttl);
    if (wish > most) {
      if (asked)
        p.aside.warnings.push_back(fmt::format(
            "TTL of \"{}\" exceeded the effective max_ttl of \"{}\"; TTL value is capped accordingly",
            go_duration(wish), go_duration(most)));
      wish = most;
    }
    want.lifetime = identity::Lifetime::of(wish);
  }
  if (!root)
    for (const auto& name : want.policies) {
      SR_LET(const auto known, policies_.get(p.txn, name));
      if (!known) p.aside.warnings.push_back(fmt::format("Policy \"{}\" does not exist", name));
    }
  SR_LET(auto made, tokens_.create(p.txn, want, p.now, p.random));
  auto& auth = p.aside.auth.emplace();
  auth.client_token = std::move(made.id);
  auth.accessor = tokens_.accessor_of(made.record.number);
  auth.display_name = made.record.display_name;
  auth.policies = auth.token_policies = made.record.policies;
  auth.metadata = made.record.meta;
  auth.has_metadata = !made.record.meta.empty();
  auth.lease_duration = want.lifetime.seconds();
  auth.renewable = made.record.renewable;
  auth.orphan = made.record.orphan;
  auth.num_uses = made.record.num_uses;
  auth.issue_time = p.now;
  return schema::Empty{};
}

Token::Shown Token::show(const Prompt& p, const identity::TokenRecord& r, std::string_view id) const {
  Shown s;
  s.accessor = tokens_.accessor_of(r.number);
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
  s.orphan = r.orphan;
  s.path = r.path;
  s.policies = r.policies;
  s.ttl = r.expires.left(p.now);
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

Result<schema::Empty> Token::extend(Prompt& p, const identity::TokenRecord& r, Seconds increment,
                                    Secret id) const {
  if (r.expires.is_never()) return bad("invalid lease ID");
  if (!r.renewable) return bad("lease is not renewable");
  if (increment.count() < 0) return bad("increment: must not be negative");
  if (increment.count() == 0)
    increment = r.creation_ttl.count() != 0 ? r.creation_ttl : p.mount.default_lease_ttl;
  auto most = p.mount.max_lease_ttl;
  if (r.explicit_max_ttl.count() != 0) most = std::min(most, r.explicit_max_ttl);
  const auto ends = r.created + most;
  // Compared as durations: a huge increment must not overflow a time.
  const auto rest = std::max(Seconds{}, std::chrono::floor<Seconds>(ends - p.now));
  auto expires = ends;
  if (increment > rest) {
    p.aside.warnings.push_back(
        fmt::format("TTL of \"{}\" exceeded the effective max_ttl of \"{}\"; TTL value is capped accordingly",
                    go_duration(increment), go_duration(rest)));
  } else {
    expires = p.now + increment;
  }
  auto renewed = r;
  renewed.expires = identity::Expiry::at(std::max(expires, p.now));
  renewed.last_renewal = p.now;
  tokens_.save(p.txn, renewed);
  auto& auth = p.aside.auth.emplace();
  auth.client_token = std::move(id);
  auth.accessor = tokens_.accessor_of(r.number);
  auth.display_name = r.display_name;
  auth.policies = auth.token_policies = r.policies;
  auth.metadata = r.meta;
  auth.has_metadata = !r.meta.empty();
  auth.lease_duration = renewed.expires.left(p.now);
  auth.renewable = true;
  auth.orphan = r.orphan;
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

Result<schema::Empty> Token::revoke(Prompt& p, const Named& in) const {
  if (!in.token || in.token->empty()) return bad("missing token ID");
  SR_LET(const auto record, tokens_.find(p.txn, in.token->reveal_text(Reveal::to_cipher), p.now));
  if (record) SR_TRY(tokens_.revoke(p.txn, *record));
  return schema::Empty{};
}
Result<schema::Empty> Token::revoke_self(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto record, caller(p));
  SR_TRY(tokens_.revoke(p.txn, *record));
  return schema::Empty{};
}
Result<schema::Empty> Token::revoke_accessor(Prompt& p, const ByAccessor& in) const {
  if (!in.accessor || in.accessor->empty()) return bad("1 error occurred:\n\t* missing accessor\n\n");
  SR_LET(const auto record, tokens_.find_by_accessor(p.txn, *in.accessor, p.now));
  if (record) {
    SR_TRY(tokens_.revoke(p.txn, *record));
  } else
    p.aside.warnings.emplace_back("No token found with this accessor");
  return schema::Empty{};
}
Result<std::optional<Token::Accessors>> Token::list_accessors(engine::Blocking& p,
                                                              const schema::Empty&) const {
  Accessors out;
  SR_LET(out.keys, tokens_.accessors(p.txn, p.now));
  if (out.keys.empty()) return std::optional<Accessors>();
  return std::optional<Accessors>(std::move(out));
}

namespace {
constexpr std::array kRoutes{
    route<&Token::create>(Verb::write, "create", "Create a token"),
    route<&Token::create_orphan>(Verb::write, "create-orphan", "Create a token without a parent",
                                 engine::sudo),
    route<&Token::lookup_self>(Verb::read, "lookup-self", "Show the caller's token"),
    route<&Token::lookup_self>(Verb::write, "lookup-self", "Show the caller's token"),
    route<&Token::lookup>(Verb::write, "lookup", "Show a token"),
    route<&Token::lookup_accessor>(Verb::write, "lookup-accessor", "Show a token by its accessor"),
    route<&Token::renew_self>(Verb::write, "renew-self", "Renew the caller's token"),
    route<&Token::renew>(Verb::write, "renew", "Renew a token"),
    route<&Token::revoke_self>(Verb::write, "revoke-self", "Revoke the caller's token and its children"),
    route<&Token::revoke>(Verb::write, "revoke", "Revoke a token and its children"),
    route<&Token::revoke_accessor>(Verb::write, "revoke-accessor", "Revoke a token by its accessor"),
    route<&Token::list_accessors>(Verb::list, "accessors", "List accessors of all tokens", engine::sudo),
};
}  // namespace

std::span<const engine::Route> Token::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::token
