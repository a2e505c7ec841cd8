#include "system/sys/areas.h"

#include "system/sys/audit.h"
#include "system/sys/ceremonies.h"
#include "system/sys/counters.h"
#include "system/sys/host.h"
#include "system/sys/loggers.h"
#include "system/sys/metrics.h"
#include "system/sys/remount.h"
#include "system/sys/resultant_acl.h"
#include "system/sys/settings.h"
#include "system/sys/specs.h"
#include "system/sys/state.h"
#include "system/sys/tools.h"
#include "system/sys/wrapping.h"

namespace strongroom::system::sys {

Areas make_areas(core::Core& core, const Surroundings& around) {
  Areas areas;
  areas.push_back(std::make_unique<Wrapping>(core.wrapping()));
  areas.push_back(std::make_unique<Specs>(core, core, around.version));
  areas.push_back(std::make_unique<Tools>());
  areas.push_back(std::make_unique<Remount>(core, core));
  areas.push_back(std::make_unique<ResultantAcl>(core));
  auto counted = std::make_shared<metrics::Registry>();
  describe_process(*counted, around.version);
  core.describe(*counted);
  if (around.describe) around.describe(*counted);
  areas.push_back(std::make_unique<Metrics>(std::move(counted)));
  areas.push_back(std::make_unique<BrowserSettings>());
  areas.push_back(std::make_unique<Host>());
  areas.push_back(std::make_unique<Audit>(core));
  areas.push_back(std::make_unique<ServerState>(
      ServerState::Parts{core, around.version, around.api_address, around.sanitized_config}));
  areas.push_back(std::make_unique<Plugins>(core, around.built, around.version));
  areas.push_back(std::make_unique<Loggers>(around.logs, around.followers));
  areas.push_back(std::make_unique<Counters>());
  areas.push_back(std::make_unique<Ceremonies>(core.ceremonies()));
  return areas;
}

}  // namespace strongroom::system::sys
