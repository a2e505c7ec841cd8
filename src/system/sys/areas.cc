#include "system/sys/areas.h"

#include "system/sys/wrapping.h"

namespace strongroom::system::sys {

Areas make_areas(core::Core& core, const Surroundings& /*around*/) {
  Areas areas;
  areas.push_back(std::make_unique<Wrapping>(core.wrapping()));
  return areas;
}

}  // namespace strongroom::system::sys
