#include "system/sys/areas.h"

#include "system/sys/specs.h"
#include "system/sys/wrapping.h"

namespace strongroom::system::sys {

Areas make_areas(core::Core& core, const Surroundings& around) {
  Areas areas;
  areas.push_back(std::make_unique<Wrapping>(core.wrapping()));
  areas.push_back(std::make_unique<Specs>(core, core, around.version));
  return areas;
}

}  // namespace strongroom::system::sys
