// What auth/token takes and gives: one list of fields for each type.
#pragma once
#include "system/token/token.h"

namespace strongroom::system::token {

struct Token::Create {
  std::optional<std::string> id, type, entity_alias, display_name;
  std::vector<std::string> policies;
  std::map<std::string, std::string> meta;
  bool no_parent = false, no_default_policy = false;
  std::optional<bool> renewable;
  std::optional<Seconds> ttl, lease, explicit_max_ttl, period;
  std::int64_t num_uses = 0;
  // The list, for a type that has these members.
  template <class T>
  static constexpr auto fields_in() {
    using schema::field;
    return std::array{
        field<&T::id>("id", "The token's id, chosen by a root or sudo caller instead of a random one.",
                      schema::sensitive),
        field<&T::policies>("policies", "Policies of the token; the caller's own when absent."),
        field<&T::meta>("meta", "Notes kept with the token and shown in the audit log."),
        field<&T::no_parent>("no_parent", "Makes an orphan: it outlives the caller. Needs sudo."),
        field<&T::no_default_policy>("no_default_policy", "Leaves the policy `default` out."),
        field<&T::renewable>("renewable", "Whether the token may be renewed.").starts_as("true"),
        field<&T::ttl>("ttl", "Time to live, for example 1h; the mount's default when absent."),
        field<&T::lease>("lease", "Old name of ttl.", schema::deprecated),
        field<&T::explicit_max_ttl>("explicit_max_ttl", "Hard limit of the token's life, renewals included."),
        field<&T::period>("period",
                          "Makes a periodic token: each renewal gives it this time. Needs root or sudo."),
        field<&T::type>("type",
                        "`service`, the usual kind, or `batch`: not stored, light, and neither "
                        "renewable nor revocable.")
            .starts_as("\"service\"")
            .one_of("service|batch"),
        field<&T::entity_alias>("entity_alias", "Refused: there are no entities in this version."),
        field<&T::display_name>("display_name", "Name shown in listings and the audit log."),
        field<&T::num_uses>("num_uses", "How many requests the token is good for; 0: no limit.")};
  }
  static constexpr auto fields() { return fields_in<Create>(); }
};
// The same with the role from the path; a role in the body means nothing to the others.
struct Token::AgainstRole {
  std::string role_name;
  std::optional<std::string> id, type, entity_alias, display_name;
  std::vector<std::string> policies;
  std::map<std::string, std::string> meta;
  bool no_parent = false, no_default_policy = false;
  std::optional<bool> renewable;
  std::optional<Seconds> ttl, lease, explicit_max_ttl, period;
  std::int64_t num_uses = 0;
  static constexpr auto fields() {
    constexpr auto shared = Create::fields_in<AgainstRole>();
    std::array<schema::Field, shared.size() + 1> all{schema::field<&AgainstRole::role_name>(
        "role_name", "Name of the role.", schema::in_path | schema::plain)};
    for (std::size_t i = 0; i < shared.size(); ++i) all[i + 1] = shared[i];
    return all;
  }
  Create wish() const {
    return {id,        type, entity_alias, display_name,     policies, meta,    no_parent, no_default_policy,
            renewable, ttl,  lease,        explicit_max_ttl, period,   num_uses};
  }
};

struct Token::Named {
  std::optional<Secret> token;
  static constexpr auto fields() { return std::array{schema::field<&Named::token>("token", "The token.")}; }
};
struct Token::ByAccessor {
  std::optional<std::string> accessor;
  static constexpr auto fields() {
    return std::array{schema::field<&ByAccessor::accessor>("accessor", "Accessor of the token.")};
  }
};

struct Token::Renew {
  std::optional<Secret> token;
  Seconds increment{};
  static constexpr auto fields() {
    return std::array{schema::field<&Renew::token>("token", "The token to renew."),
                      schema::field<&Renew::increment>("increment", "Wished time to live from now.")};
  }
};
struct Token::RenewSelf {
  Seconds increment{};
  static constexpr auto fields() {
    return std::array{schema::field<&RenewSelf::increment>("increment", "Wished time to live from now.")};
  }
};
struct Token::RenewAccessor {
  std::optional<std::string> accessor;
  Seconds increment{};
  static constexpr auto fields() {
    return std::array{schema::field<&RenewAccessor::accessor>("accessor", "Accessor of the token to renew."),
                      schema::field<&RenewAccessor::increment>("increment", "Wished time to live from now.")};
  }
};

struct Token::Shown {
  std::string accessor;
  std::optional<std::vector<std::string>> bound_cidrs;
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
  std::optional<Seconds> period;
  std::vector<std::string> policies;
  std::optional<bool> renewable;
  std::optional<std::string> role;
  Seconds ttl{};
  std::string type = "service";
  static constexpr auto fields() {
    using schema::field;
    constexpr unsigned kPlain = schema::plain;
    constexpr unsigned kOmit = schema::omit_empty;
    return std::array{
        field<&Shown::accessor>("accessor",
                                "Names the token without giving it away; empty for a batch token."),
        field<&Shown::bound_cidrs>("bound_cidrs", "Addresses it may be used from.", kPlain | kOmit),
        field<&Shown::creation_time>("creation_time", "Unix time of creation."),
        field<&Shown::creation_ttl>("creation_ttl", "Time to live at creation, in seconds."),
        field<&Shown::display_name>("display_name", "Name shown in listings.", kPlain),
        field<&Shown::entity_id>("entity_id", "Entity of the token.", kPlain),
        field<&Shown::expire_time>("expire_time", "When it ends; null: never."),
        field<&Shown::explicit_max_ttl>("explicit_max_ttl", "Hard limit of its life, in seconds; 0: none."),
        field<&Shown::id>("id", "The token; empty when asked by accessor."),
        field<&Shown::issue_time>("issue_time", "When it was made.", kOmit),
        field<&Shown::last_renewal>("last_renewal", "When it was renewed last.", kOmit),
        field<&Shown::last_renewal_time>("last_renewal_time", "The same as Unix time.", kOmit),
        field<&Shown::meta>("meta", "Notes kept with the token.", kPlain),
        field<&Shown::num_uses>("num_uses", "Uses left; 0: no limit, -1: this was the last."),
        field<&Shown::orphan>("orphan", "Whether it outlives the token that made it."),
        field<&Shown::path>("path", "Where it was made.", kPlain),
        field<&Shown::period>("period", "What each renewal gives it, in seconds.", kOmit),
        field<&Shown::policies>("policies", "Its policies.", kPlain),
        field<&Shown::renewable>("renewable", "Whether it may be renewed.", kOmit),
        field<&Shown::role>("role", "The role it was made by.", kPlain | kOmit),
        field<&Shown::ttl>("ttl", "Time left, in seconds."),
        field<&Shown::type>("type", "service or batch.", kPlain)};
  }
};
struct Token::Accessors {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{schema::field<&Accessors::keys>("keys", "Accessors, in creation order.")};
  }
};

struct Token::RoleAt {
  std::string role_name;
  static constexpr auto fields() {
    return std::array{
        schema::field<&RoleAt::role_name>("role_name", "Name of the role.", schema::in_path | schema::plain)};
  }
};
struct Token::RoleWrite {
  std::string role_name;
  std::optional<schema::CommaList> allowed_policies, allowed_policies_glob, disallowed_policies,
      disallowed_policies_glob, allowed_entity_aliases, token_bound_cidrs, bound_cidrs;
  std::optional<bool> orphan, renewable, token_no_default_policy;
  std::optional<std::string> path_suffix, token_type;
  std::optional<Seconds> token_explicit_max_ttl, explicit_max_ttl, token_period, period;
  std::optional<std::int64_t> token_num_uses;
  static constexpr auto fields() {
    using schema::field;
    using R = RoleWrite;
    return std::array{
        field<&R::role_name>("role_name", "Name of the role.", schema::in_path | schema::plain),
        field<&R::allowed_policies>("allowed_policies",
                                    "Policies that tokens may have, whatever the caller has. With none given "
                                    "in the request these are the token's."),
        field<&R::allowed_policies_glob>("allowed_policies_glob",
                                         "The same as patterns, in which * stands for any text."),
        field<&R::disallowed_policies>("disallowed_policies", "Policies that tokens may not have."),
        field<&R::disallowed_policies_glob>("disallowed_policies_glob", "The same as patterns."),
        field<&R::allowed_entity_aliases>("allowed_entity_aliases",
                                          "Aliases that requests may name, as patterns. Kept; without effect "
                                          "in this version."),
        field<&R::orphan>("orphan", "Whether tokens have no parent."),
        field<&R::renewable>("renewable", "Whether tokens may be renewed.").starts_as("true"),
        field<&R::path_suffix>("path_suffix", "Added to the path that tokens show, after the role's name."),
        field<&R::token_bound_cidrs>("token_bound_cidrs",
                                     "Addresses and blocks that tokens may be used from."),
        field<&R::token_explicit_max_ttl>("token_explicit_max_ttl",
                                          "Hard limit of tokens' lives, renewals included; 0: none."),
        field<&R::token_no_default_policy>("token_no_default_policy", "Leaves the policy `default` out."),
        field<&R::token_num_uses>("token_num_uses", "How many requests tokens are good for; 0: no limit."),
        field<&R::token_period>("token_period",
                                "Makes tokens periodic: each renewal gives them this time. Read anew at each "
                                "renewal."),
        field<&R::token_type>("token_type",
                              "service or batch, or default-service or default-batch: what tokens are when "
                              "the request does not say.")
            .starts_as("\"default-service\"")
            .one_of("service|batch|default-service|default-batch"),
        field<&R::explicit_max_ttl>("explicit_max_ttl", "Old name of token_explicit_max_ttl.",
                                    schema::deprecated),
        field<&R::period>("period", "Old name of token_period.", schema::deprecated),
        field<&R::bound_cidrs>("bound_cidrs", "Old name of token_bound_cidrs.", schema::deprecated)};
  }
};
struct Token::RoleShown {
  std::optional<std::vector<std::string>> allowed_entity_aliases;
  std::vector<std::string> allowed_policies, allowed_policies_glob, disallowed_policies,
      disallowed_policies_glob;
  std::optional<std::vector<std::string>> bound_cidrs, token_bound_cidrs;
  Seconds explicit_max_ttl{}, period{}, token_explicit_max_ttl{}, token_period{};
  std::string name, path_suffix, token_type;
  bool orphan = false, renewable = false, token_no_default_policy = false;
  std::optional<std::int64_t> token_num_uses;
  static constexpr auto fields() {
    using schema::field;
    using R = RoleShown;
    constexpr unsigned kPlain = schema::plain;
    constexpr unsigned kOmit = schema::omit_empty;
    return std::array{
        field<&R::allowed_entity_aliases>("allowed_entity_aliases", "Aliases that requests may name."),
        field<&R::allowed_policies>("allowed_policies", "Policies that tokens may have."),
        field<&R::allowed_policies_glob>("allowed_policies_glob", "The same as patterns."),
        field<&R::bound_cidrs>("bound_cidrs", "The addresses, if they were given by this name.", kOmit),
        field<&R::disallowed_policies>("disallowed_policies", "Policies that tokens may not have."),
        field<&R::disallowed_policies_glob>("disallowed_policies_glob", "The same as patterns."),
        field<&R::explicit_max_ttl>("explicit_max_ttl", "The limit, if it was given by this name."),
        field<&R::name>("name", "Name of the role.", kPlain),
        field<&R::orphan>("orphan", "Whether tokens have no parent."),
        field<&R::path_suffix>("path_suffix", "Added to the path that tokens show."),
        field<&R::period>("period", "The period, if it was given by this name."),
        field<&R::renewable>("renewable", "Whether tokens may be renewed."),
        field<&R::token_bound_cidrs>("token_bound_cidrs", "Addresses tokens may be used from.", kOmit),
        field<&R::token_explicit_max_ttl>("token_explicit_max_ttl",
                                          "Hard limit of tokens' lives, in seconds."),
        field<&R::token_no_default_policy>("token_no_default_policy", "Leaves the policy `default` out."),
        field<&R::token_num_uses>("token_num_uses", "How many requests tokens are good for.", kOmit),
        field<&R::token_period>("token_period", "What each renewal gives, in seconds; 0: not periodic."),
        field<&R::token_type>("token_type", "What tokens are.", kPlain)};
  }
};
struct Token::RolePage {
  std::string after;
  std::int64_t limit = 0;
  static constexpr auto fields() {
    return std::array{schema::field<&RolePage::after>("after", "Start after this name; it need not exist."),
                      schema::field<&RolePage::limit>("limit", "At most this many names; 0 or less: all.")};
  }
};
struct Token::RoleNames {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{schema::field<&RoleNames::keys>("keys", "Names, sorted.", schema::plain)};
  }
};

}  // namespace strongroom::system::token
