#include "system/sys/sys.h"

namespace strongroom::system::sys {

Sys::Sys(Parts parts) : parts_(std::move(parts)) {
  for (const auto table :
       {life_routes(), mount_routes(), policy_routes(), capability_routes(), record_routes()})
    routes_.insert(routes_.end(), table.begin(), table.end());
  for (const auto* area : parts_.areas)
    for (auto route : area->routes({})) {
      route.area = area;
      routes_.push_back(route);
    }
}

}  // namespace strongroom::system::sys
