// Acl: what a set of policies permits, compiled once and immutable after. It decides as Vault does: the one
// rule with the most specific pattern decides alone; rules of the same pattern add up; deny wins. A decision
// reads the request where it lies and allocates nothing.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "identity/policy.h"
#include "schema/json.h"

namespace strongroom::identity {

enum class Operation : std::uint8_t {
  create,
  read,
  update,  // also revoke, renew and rollback
  remove,
  list,
  patch,
  scan,
  help,
};
std::string_view name(Operation) noexcept;

// The request's parameters where they are: the members of the body and the pairs of the query.
struct Parameters {
  json::Node body{};  // an object, or anything else for none
  std::span<const std::pair<std::string_view, std::string_view>> query{};
};

enum class Sudo : std::uint8_t { not_needed, needed };

struct Check {
  Operation operation = Operation::read;
  std::string_view path{};  // canonical, with the namespace's path in front; LIST and SCAN may end in a slash
  Parameters parameters{};
  std::optional<Nanoseconds> wrap_ttl{};  // set if the reply is to be wrapped
  Sudo sudo = Sudo::not_needed;
};

enum class Why : std::uint8_t {
  granted,
  granted_to_root,
  granted_help,            // help is open to every token
  no_rule,                 // no pattern matches the path
  denied,                  // the rule says deny
  capability_missing,      // the rule lacks the operation's capability
  sudo_missing,            // the path needs sudo, the rule lacks it
  wrapping_missing,        // the rule wants the reply wrapped
  wrapping_too_long,       // above max_wrapping_ttl
  wrapping_too_short,      // below min_wrapping_ttl
  wrapping_contradictory,  // policies together leave no possible TTL
  parameter_required,      // a required parameter is absent
  parameter_denied,        // a parameter, or its value, is denied
  parameter_not_allowed,   // a parameter, or its value, is not among the allowed
  page_too_large,          // limit above pagination_limit, negative or not a number
};

// Which policy gave which capabilities to a rule.
struct Contribution {
  std::string_view policy;
  std::string_view namespace_path;
  Capabilities capabilities;
};

// All rules of one pattern, merged.
struct AclRule {
  std::string pattern;  // in full: with the namespace's path, and with its "*"
  Capabilities capabilities;
  std::unique_ptr<const Constraints> constraints;  // null for none
  std::vector<Contribution> contributions;         // in the order of the policies
};

// Small and plain. Its pointers live as long as the Acl.
struct Decision {
  bool allowed = false;
  bool root = false;
  bool has_sudo = false;
  Why why = Why::no_rule;
  const AclRule* rule = nullptr;  // the rule that decided, if any
  std::string_view parameter;     // the one that decided, if one did; a name from the rule or the request
  std::optional<std::int64_t> page_limit;  // the handler must see this as "limit"

  // Calls f(const Contribution&) for each policy that grants the operation: for the audit record.
  template <class F>
  void each_granting(Operation op, F&& f) const;
};

// Why, for people. Only what the Acl itself knows.
struct Explanation {
  std::string verdict;                // one sentence
  std::string deciding;               // pattern of the rule that decided, or empty
  std::vector<std::string> policies;  // that hold the deciding rule
  std::string nearest;                // if none decided: the pattern that comes closest, or empty
  std::vector<std::string> nearest_policies;
  std::string remedy;  // if refused: what would have allowed it
};

// Looks up the values of {{identity…}} in patterns.
class TemplateValues {
 public:
  virtual ~TemplateValues() = default;
  virtual std::optional<std::string> value(std::string_view expression) const = 0;
};

struct CompileOptions {
  WallTime now{};                             // rules that expired by then are left out
  const TemplateValues* templates = nullptr;  // without it, templated rules are left out
  // A mount whose backend ignores case, with its trailing slash: patterns are lowered below it. Then the
  // paths that are put to this Acl must be lowered below it, too.
  std::string_view fold_below{};
};

class Acl {
 public:
  // Code::invalid_argument if root comes with other policies or from a namespace.
  static Result<Acl> compile(std::span<const Policy* const> policies, const CompileOptions& = {});
  Acl(Acl&&) = default;
  Acl& operator=(Acl&&) = default;

  Decision decide(const Check&) const noexcept;  // any thread
  // {"root"}, {"deny"}, or names in alphabetical order, as sys/capabilities replies.
  std::vector<std::string> capabilities(std::string_view path) const;
  // True if anything at or below a mount (path with trailing slash) is permitted: sys/internal/ui/mounts. As
  // in Vault, a rule for the mount itself hides what a shorter prefix gives below it.
  bool reaches(std::string_view mount) const noexcept;
  Explanation explain(const Check&) const;

  bool is_root() const noexcept { return root_; }
  std::span<const AclRule> rules() const noexcept { return rules_; }
  // When the first of the rules in here expires; compile again then.
  std::optional<WallTime> valid_until() const noexcept { return valid_until_; }

 private:
  struct Prefix {
    std::string_view text;  // without the "*"
    std::int32_t parent;    // the longest other prefix of this one, or -1
    const AclRule* rule;
  };
  struct Wildcard {
    std::string_view text;  // without a final "*"
    std::size_t first_plus;
    std::size_t pluses;  // whole segments
    bool is_prefix;
    const AclRule* rule;
  };
  Acl() = default;
  void index();
  const AclRule* find(std::string_view path, Operation) const noexcept;
  const AclRule* find_exact(std::string_view path) const noexcept;
  const AclRule* find_inexact(std::string_view path) const noexcept;
  const AclRule* nearest(std::string_view path) const noexcept;

  bool root_ = false;
  std::string root_namespace_;
  std::vector<std::string> names_;  // what contributions look at
  std::vector<AclRule> rules_;      // never changes after compile: the indexes point into it
  std::unordered_map<std::string_view, const AclRule*> exact_;
  std::vector<Prefix> prefixes_;     // sorted by text
  std::vector<Wildcard> wildcards_;  // highest priority first
  std::optional<WallTime> valid_until_;
};

Capability capability_for(Operation) noexcept;  // not for help

template <class F>
void Decision::each_granting(Operation op, F&& f) const {
  if (root) {
    f(Contribution{"root", {}, {}});
  } else if (allowed && rule != nullptr) {
    for (const Contribution& c : rule->contributions)
      if (c.capabilities.has(capability_for(op))) f(c);
  }
}

}  // namespace strongroom::identity
