// Finds the command in the arguments and runs it; all texts and exit codes of mistakes come from here.
#pragma once
#include <span>
#include <string_view>

#include "apps/cli/console.h"

namespace strongroom::apps::cli {

int dispatch(std::span<const std::string_view> arguments, Console&);

}  // namespace strongroom::apps::cli
