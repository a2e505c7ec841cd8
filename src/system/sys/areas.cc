#include "system/sys/areas.h"

namespace strongroom::system::sys {

Areas make_areas(core::Core& /*core*/, const Surroundings& /*around*/) {
  Areas areas;
  return areas;
}

}  // namespace strongroom::system::sys
