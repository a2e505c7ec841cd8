// ACL policies: sys/policies/acl and its older form sys/policy.
#include <fmt/format.h>

#include "system/sys/sys.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
constexpr std::size_t kMostPolicy = 1u << 20;
}  // namespace

struct Sys::PolicyAt {
  std::string name;
  static constexpr auto fields() {
    return std::array{field<&PolicyAt::name>("name", "Name of the policy.", schema::in_path | kPlain)};
  }
};
struct Sys::PolicyWrite {
  std::string name;
  std::optional<std::string> policy, rules, ttl, expiration;
  std::optional<std::int64_t> cas;
  std::optional<bool> cas_required, slashes, wildcards;
  static constexpr auto fields() {
    return std::array{
        field<&PolicyWrite::name>("name", "Name of the policy.", schema::in_path | kPlain),
        field<&PolicyWrite::policy>("policy", "The policy, in HCL or JSON, plain or base64."),
        field<&PolicyWrite::rules>("rules", "Old name of policy.", schema::deprecated),
        field<&PolicyWrite::ttl>("ttl", "Not supported by this version."),
        field<&PolicyWrite::expiration>("expiration", "Not supported by this version."),
        field<&PolicyWrite::cas>("cas",
                                 "Write only if the policy has this version; 0: only if there is none."),
        field<&PolicyWrite::cas_required>("cas_required", "Whether later writes must give cas."),
        field<&PolicyWrite::slashes>("allow_slashes_in_identity_templates",
                                     "Not supported by this version: must be false."),
        field<&PolicyWrite::wildcards>("allow_wildcards_in_identity_templates",
                                       "Not supported by this version: must be false.")};
  }
};
struct Sys::PolicyPrefix {
  std::string prefix;
  static constexpr auto fields() {
    return std::array{
        field<&PolicyPrefix::prefix>("name", "Only names below this folder.", schema::in_path | kPlain)};
  }
};
struct Sys::PolicyJson {
  bool allow_slashes_in_identity_templates = false, allow_wildcards_in_identity_templates = false,
       cas_required = false;
  std::optional<schema::Timestamp> modified;
  std::string name, policy;
  std::int64_t version = 0;
  static constexpr auto fields() {
    return std::array{
        field<&PolicyJson::name>("name", "Name of the policy.", kPlain),
        field<&PolicyJson::policy>("policy", "Its text."),
        field<&PolicyJson::version>("version", "Counts its writes."),
        field<&PolicyJson::modified>("modified", "When it was written last.", schema::omit_empty),
        field<&PolicyJson::cas_required>("cas_required", "Whether writes must give cas."),
        field<&PolicyJson::allow_slashes_in_identity_templates>("allow_slashes_in_identity_templates",
                                                                "Always false."),
        field<&PolicyJson::allow_wildcards_in_identity_templates>("allow_wildcards_in_identity_templates",
                                                                  "Always false.")};
  }
};
struct Sys::RulesJson {
  bool cas_required = false, slashes = false, wildcards = false;
  std::optional<schema::Timestamp> modified;
  std::string name, rules;
  std::int64_t version = 0;
  static constexpr auto fields() {
    return std::array{
        field<&RulesJson::name>("name", "Name of the policy.", kPlain),
        field<&RulesJson::rules>("rules", "Its text."),
        field<&RulesJson::version>("version", "Counts its writes."),
        field<&RulesJson::modified>("modified", "When it was written last.", schema::omit_empty),
        field<&RulesJson::cas_required>("cas_required", "Whether writes must give cas."),
        field<&RulesJson::slashes>("allow_slashes_in_identity_templates", "Always false."),
        field<&RulesJson::wildcards>("allow_wildcards_in_identity_templates", "Always false.")};
  }
};
struct Sys::Names {
  std::vector<std::string> keys;
  static constexpr auto fields() { return std::array{field<&Names::keys>("keys", "Names, sorted.", kPlain)}; }
};
struct Sys::NamesAndPolicies {
  std::vector<std::string> keys, policies;
  static constexpr auto fields() {
    return std::array{field<&NamesAndPolicies::keys>("keys", "Names, sorted.", kPlain),
                      field<&NamesAndPolicies::policies>("policies", "The same.", kPlain)};
  }
};

Result<Sys::Names> Sys::list_policies(Prompt& p, const schema::Empty&) const {
  Names out;
  SR_LET(out.keys, parts_.policies.names(p.txn));
  std::erase(out.keys, "response-wrapping");
  return out;
}
Result<Sys::NamesAndPolicies> Sys::list_rules(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(auto names, list_policies(p, {}));
  return NamesAndPolicies{names.keys, names.keys};
}

Result<std::optional<Sys::Names>> Sys::list_policies_below(Prompt& p, const PolicyPrefix& in) const {
  auto folder = identity::ascii_lower(in.prefix);
  if (!folder.ends_with('/')) folder += '/';
  SR_LET(auto names, list_policies(p, {}));
  std::erase_if(names.keys, [&](const std::string& n) { return !n.starts_with(folder); });
  if (names.keys.empty()) return std::optional<Names>();
  return std::optional(std::move(names));
}
Result<std::optional<Sys::NamesAndPolicies>> Sys::list_rules_below(Prompt& p, const PolicyPrefix& in) const {
  SR_LET(auto names, list_policies_below(p, in));
  if (!names) return std::optional<NamesAndPolicies>();
  p.aside.frame = engine::Frame::merged;
  return std::optional(NamesAndPolicies{names->keys, names->keys});
}

Result<std::optional<Sys::PolicyJson>> Sys::read_policy(Prompt& p, const PolicyAt& in) const {
  const auto name = identity::canonical_policy_name(in.name);
  if (!name) return std::optional<PolicyJson>();
  PolicyJson j;
  j.name = *name;
  if (*name == "root") return std::optional(std::move(j));
  SR_LET(auto entry, parts_.policies.get(p.txn, *name));
  if (!entry) return std::optional<PolicyJson>();
  j.policy = std::move(entry->text);
  j.version = entry->version;
  j.modified = schema::Timestamp{entry->modified};
  j.cas_required = entry->cas_required;
  return std::optional(std::move(j));
}
Result<std::optional<Sys::RulesJson>> Sys::read_rules(Prompt& p, const PolicyAt& in) const {
  SR_LET(auto j, read_policy(p, in));
  if (!j) return std::optional<RulesJson>();
  p.aside.frame = engine::Frame::merged;
  RulesJson r;
  r.name = std::move(j->name);
  r.rules = std::move(j->policy);
  r.version = j->version;
  r.modified = j->modified;
  r.cas_required = j->cas_required;
  return std::optional(std::move(r));
}

Result<schema::Empty> Sys::write_policy(Prompt& p, const PolicyWrite& in) const {
  SR_LET(const auto name, identity::canonical_policy_name(in.name));
  if (identity::is_immutable_policy(name)) return bad(fmt::format("cannot update \"{}\" policy", name));
  if ((in.ttl && !in.ttl->empty() && *in.ttl != "0") || (in.expiration && !in.expiration->empty()))
    return bad("ttl, expiration: expiring policies are not supported by this version");
  if (in.slashes.value_or(false) || in.wildcards.value_or(false))
    return bad(
        "allow_slashes_in_identity_templates, allow_wildcards_in_identity_templates: templates of identity "
        "are not supported by this version");
  SR_LET(auto entry, parts_.policies.get(p.txn, name));
  const bool merges = p.operation == engine::Operation::patch;
  if (merges && !entry) return bad("policy not found");
  auto text = in.policy && !in.policy->empty() ? *in.policy : in.rules.value_or("");
  if (merges && !in.policy && !in.rules) text = entry->text;
  if (in.rules && !in.rules->empty() && (!in.policy || in.policy->empty()))
    p.aside.warnings.emplace_back("'rules' is deprecated, please use 'policy' instead");
  if (text.empty()) return bad("'policy' parameter not supplied or empty");
  if (text.size() > kMostPolicy) return bad("policy: must be at most 1 MiB");
  if (const auto raw = from_base64(text)) {
    const std::string decoded(as_text(*raw));
    if (valid_utf8(decoded) && identity::parse_policy(name, decoded)) text = decoded;
  }
  SR_LET([[maybe_unused]] const auto parsed, identity::parse_policy(name, text));
  const auto version = entry ? entry->version : 0;
  if (in.cas && *in.cas != version)
    return bad(fmt::format("check-and-set parameter did not match the current version"));
  if (!in.cas && entry && entry->cas_required) return bad("check-and-set parameter required for this call");
  parts_.policies.put(p.txn, {name, std::move(text), p.now, version + 1,
                              in.cas_required.value_or(entry && entry->cas_required)});
  return schema::Empty{};
}

Result<schema::Empty> Sys::delete_policy(Prompt& p, const PolicyAt& in) const {
  SR_LET(const auto name, identity::canonical_policy_name(in.name));
  if (identity::is_immutable_policy(name)) return bad(fmt::format("cannot delete \"{}\" policy", name));
  if (name == "default") return bad("cannot delete default policy");
  SR_LET(const auto entry, parts_.policies.get(p.txn, name));
  if (entry) parts_.policies.erase(p.txn, name);
  return schema::Empty{};
}

namespace {
constexpr std::array kRoutes{
    route<&Sys::list_policies>(Verb::list, "policies/acl", "List ACL policies"),
    route<&Sys::list_policies>(Verb::read, "policies/acl", "List ACL policies", engine::guarded,
                               "policies-list-acl-policies"),
    route<&Sys::read_policy>(Verb::read, "policies/acl/{name...}", "Read an ACL policy", engine::folds,
                             "policies-read-acl-policy"),
    route<&Sys::write_policy>(Verb::write, "policies/acl/{name...}", "Write an ACL policy", engine::folds,
                              "policies-write-acl-policy"),
    route<&Sys::write_policy>(Verb::patch, "policies/acl/{name...}", "Change parts of an ACL policy",
                              engine::folds, "policies-patch-acl-policy"),
    route<&Sys::list_policies_below>(Verb::list, "policies/acl/{name...}", "List ACL policies of a folder",
                                     engine::folds),
    route<&Sys::delete_policy>(Verb::erase, "policies/acl/{name...}", "Delete an ACL policy", engine::folds,
                               "policies-delete-acl-policy"),
    route<&Sys::list_rules>(Verb::list, "policy", "List ACL policies (old form)"),
    route<&Sys::list_rules>(Verb::read, "policy", "List ACL policies (old form)", engine::guarded,
                            "policies-list"),
    route<&Sys::read_rules>(Verb::read, "policy/{name...}", "Read an ACL policy (old form)", engine::folds,
                            "policies-read-acl-policy2"),
    route<&Sys::write_policy>(Verb::write, "policy/{name...}", "Write an ACL policy (old form)",
                              engine::folds, "policies-write-acl-policy2"),
    route<&Sys::list_rules_below>(Verb::list, "policy/{name...}", "List ACL policies of a folder (old form)",
                                  engine::folds),
    route<&Sys::delete_policy>(Verb::erase, "policy/{name...}", "Delete an ACL policy (old form)",
                               engine::folds, "policies-delete-acl-policy2"),
};
}  // namespace
std::span<const engine::Route> policy_routes() { return kRoutes; }

}  // namespace strongroom::system::sys
