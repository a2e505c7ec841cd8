// What the tables of secrets engines and of auth methods have in common: how they are shown, tuned and moved.
#pragma once
#include <string_view>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {

enum class Mounts : std::uint8_t { secrets, auth };

Result<int> list_mounts(Session&, Mounts);
// "Started moving secrets engine a/ to b/ ...", then the server is asked until the move has ended.
Result<int> move_mount(Session&, Mounts);

// Members of a mount's configuration from the flags that were given; those of auth methods too.
void write_tunables(json::Writer&, const Flags&);
void write_options(json::Writer&, const Flags&);

}  // namespace strongroom::apps::cli
