// Help: what a path or a whole mount is, as text for people and as OpenAPI, from the route tables alone.
// Vault API: ?help=1. Tells nothing that is stored.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "engine/engine.h"

namespace strongroom::engine {

// {"help","openapi","see_also"}; `inside` is relative to the mount, empty for the mount itself. Nothing: no
// route has such a path.
std::optional<SecretText> help_page(const Engine&, const MountView&, std::span<const Route>,
                                    std::string_view inside, std::string_view version);

}  // namespace strongroom::engine
