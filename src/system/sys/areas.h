// The areas of sys/ that are engines of their own, built in one place for the product and for tests. Each
// gets the narrow interfaces it needs and nothing else.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/log_followers.h"
#include "base/metrics.h"
#include "core/core.h"
#include "engine/engine.h"
#include "system/sys/plugins.h"

namespace strongroom::system::sys {

// What areas need beside the core: of the configuration and of the process.
struct Surroundings {
  std::string version;
  // Adds what the process around the core counts: edge, store, workers.
  std::function<void(metrics::Registry&)> describe = {};
  std::string api_address = {};
  std::string sanitized_config = {};  // a JSON object without anything secret
  std::vector<NamedLog*> logs = {};
  LogFollowers* followers = nullptr;  // null: nobody can follow the log
  Plugins::Built built = {};
};

using Areas = std::vector<std::unique_ptr<const engine::Engine>>;
Areas make_areas(core::Core&, const Surroundings&);

inline std::vector<const engine::Engine*> borrowed(const Areas& areas) {
  std::vector<const engine::Engine*> out;
  out.reserve(areas.size());
  for (const auto& a : areas) out.push_back(a.get());
  return out;
}

}  // namespace strongroom::system::sys
