// What the tables of secrets engines and of auth methods have in common: how they are enabled,
// shown, tuned, moved and disabled.
#pragma once
#include <string_view>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {

enum class Mounts : std::uint8_t { secrets, auth };

Result<int> enable_mount(Session&, Mounts);
Result<int> disable_mount(Session&, Mounts);
Result<int> tune_mount(Session&, Mounts);
Result<int> list_mounts(Session&, Mounts);
// "Started moving secrets engine a/ to b/ ...", then the server is asked until the move has ended.
Result<int> move_mount(Session&, Mounts);

}  // namespace strongroom::apps::cli
