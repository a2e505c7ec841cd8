// The running configuration for sys/config/state/sanitized. An allow-list: what is not named here is not
// shown, so a key that is added later is hidden until somebody decides otherwise.
#pragma once
#include <string>

#include "apps/server/config.h"

namespace strongroom::apps::server {

// A JSON object in the shape of Vault's and OpenBao's.
std::string sanitized(const strongroom::server::Config&);

}  // namespace strongroom::apps::server
