#include "system/sys/specs.h"

#include <algorithm>

#include "engine/openapi.h"

namespace strongroom::system::sys {
namespace {
using engine::route;
using engine::Verb;
using schema::field;

// What is always there has its name in the path even when the others are generic.
bool is_fixed(std::string_view type) {
  static constexpr std::string_view fixed[] = {"system", "token", "identity", "cubbyhole"};
  return std::ranges::find(fixed, type) != std::end(fixed);
}

// "team/kv/" -> "team_kv_mount_path".
std::string parameter_of(std::string_view mount) {
  std::string out;
  for (const char c : mount.substr(0, mount.size() - 1)) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += word ? c : '_';
  }
  return out + "_mount_path";
}
}  // namespace

struct Specs::Query {
  bool generic_mount_paths = false;
  std::optional<std::string> context;
  static constexpr auto fields() {
    return std::array{
        field<&Query::generic_mount_paths>(
            "generic_mount_paths",
            "Writes mount points as parameters, {kv_mount_path}, in place of their names.", schema::plain)
            .starts_as("false"),
        field<&Query::context>("context", "Accepted for old clients; has no effect.", schema::plain)};
  }
};

Result<std::optional<schema::StoredJson>> Specs::openapi(engine::Blocking& p, const Query& in) const {
  SR_LET(const auto router, mounts_.router(p.txn));
  std::shared_ptr<const identity::Acl> acl;
  if (p.caller.known()) {
    const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
    SR_LET(acl, permissions_.acl_of(p.txn, policies));
  }
  p.aside.for_anybody = acl == nullptr;
  engine::OpenApi document;
  for (const auto& [path, m] : router->all()) {
    if (m->entry.listing_visibility != "unauth" && !(acl && (acl->is_root() || acl->reaches(path)))) continue;
    engine::OpenApi::Place place{path, m->view.type, engine::tag_of(m->view.clazz, m->view.type), "", ""};
    if (in.generic_mount_paths && !is_fixed(m->view.type)) {
      const bool auth = m->view.clazz == engine::Class::auth;
      const auto own = std::string_view(path).substr(auth ? 5 : 0);
      place.mount_parameter = parameter_of(own);
      place.mount_default = own.substr(0, own.size() - 1);
      place.prefix = (auth ? "auth/{" : "{") + place.mount_parameter + "}/";
    }
    document.add(place, m->routes);
  }
  p.aside.frame = engine::Frame::raw;
  p.aside.text = document.document(version_);
  return std::optional<schema::StoredJson>();
}

namespace {
constexpr std::array kRoutes{
    route<&Specs::openapi>(Verb::read, "internal/specs/openapi",
                           "The OpenAPI document of the mounts that the caller can see", engine::open,
                           "internal-generate-open-api-document"),
    route<&Specs::openapi>(Verb::write, "internal/specs/openapi",
                           "The OpenAPI document of the mounts that the caller can see", engine::open,
                           "internal-generate-open-api-document-with-parameters"),
};
}  // namespace
std::span<const engine::Route> Specs::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
