#include "system/sys/resultant_acl.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;

void write(json::Writer& w, const hcl::Value& v) {
  switch (v.kind) {
    case hcl::Kind::boolean:
      return w.boolean(v.boolean);
    case hcl::Kind::string:
      return w.string(v.text);
    case hcl::Kind::number:
      if (const auto n = v.integer()) return w.integer(*n);
      return w.string(v.text);
    case hcl::Kind::list:
      w.begin_array();
      for (const auto& e : v.list) write(w, e);
      return w.end_array();
    default:
      return w.null();
  }
}
void write(json::Writer& w, std::string_view name, const identity::ParameterValues& parameters) {
  if (parameters.empty()) return;
  w.key(name);
  w.begin_object();
  for (const auto& [parameter, values] : parameters) {
    w.key(parameter);
    w.begin_array();
    for (const auto& v : values) write(w, v);
    w.end_array();
  }
  w.end_object();
}
void write(json::Writer& w, const identity::AclRule& rule) {
  w.begin_object();
  w.key("capabilities");
  w.begin_array();
  for (const auto& name : rule.capabilities.names()) w.string(name);
  w.end_array();
  if (rule.constraints) {
    const auto& c = *rule.constraints;
    write(w, "allowed_parameters", c.allowed);
    write(w, "denied_parameters", c.denied);
    if (!c.required.empty()) {
      w.key("required_parameters");
      w.begin_array();
      for (const auto& r : c.required) w.string(r);
      w.end_array();
    }
    const auto seconds = [&](std::string_view name, Nanoseconds ttl) {
      if (ttl.count() == 0) return;
      w.key(name);
      w.integer(std::chrono::duration_cast<Seconds>(ttl).count());
    };
    seconds("min_wrapping_ttl", c.min_wrapping_ttl);
    seconds("max_wrapping_ttl", c.max_wrapping_ttl);
    if (c.pagination_limit != 0) {
      w.key("pagination_limit");
      w.integer(c.pagination_limit);
    }
  }
  w.end_object();
}
}  // namespace

struct ResultantAcl::Shown {
  std::optional<schema::StoredJson> exact_paths, glob_paths;
  bool root = false;
  static constexpr auto fields() {
    return std::array{
        field<&Shown::exact_paths>("exact_paths", "Rules for one path each, and those with \"+\".",
                                   schema::omit_empty),
        field<&Shown::glob_paths>("glob_paths", "Rules for all paths that begin so.", schema::omit_empty),
        field<&Shown::root>("root", "Whether the caller may do everything.")};
  }
};

Result<ResultantAcl::Shown> ResultantAcl::show(Prompt& p, const schema::Empty&) const {
  const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
  SR_LET(const auto acl, permissions_.acl_of(p.txn, policies));
  Shown out;
  out.root = acl->is_root();
  if (out.root) return out;
  json::Writer exact(out.exact_paths.emplace().bytes);
  json::Writer glob(out.glob_paths.emplace().bytes);
  exact.begin_object();
  glob.begin_object();
  for (const auto& rule : acl->rules()) {
    std::string_view pattern = rule.pattern;
    const bool prefix = pattern.ends_with('*');
    if (prefix) pattern.remove_suffix(1);
    auto& w = prefix ? glob : exact;
    w.key(pattern);
    write(w, rule);
  }
  exact.end_object();
  glob.end_object();
  return out;
}

namespace {
constexpr std::array kRoutes{
    route<&ResultantAcl::show>(Verb::read, "internal/ui/resultant-acl",
                               "Show what the caller's policies come to", engine::guarded,
                               "internal-ui-read-resultant-acl"),
};
}  // namespace
std::span<const engine::Route> ResultantAcl::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
