// version and completion: the program itself.
#include <fmt/format.h>

#include "apps/cli/help.h"
#include "apps/cli/session.h"
#ifndef SR_VERSION
#define SR_VERSION "0.1.0"
#endif
#ifndef SR_COMMIT
#define SR_COMMIT "unknown"
#endif

namespace strongroom::apps::cli {
namespace {

Result<int> version(Session& s) {
  s.console.line(fmt::format("Strongroom v{} ({})", SR_VERSION, SR_COMMIT));
  return 0;
}

Result<int> completion(Session& s) {
  if (s.arg(0) == "bash")
    s.console.out(bash_completion());
  else if (s.arg(0) == "zsh")
    s.console.out(zsh_completion());
  else if (s.arg(0) == "markdown")  // for scripts/generate
    s.console.out(reference_page());
  else
    return fail(Code::invalid_argument, "Unknown shell; strongroom completion knows bash and zsh");
  return 0;
}

constexpr Command kCommands[] = {
    {"version",
     "",
     "Print the version",
     "The second word is the version.",
     "strongroom version",
     0,
     {},
     0,
     0,
     &version},
    {"completion",
     "bash|zsh",
     "Print a completion script for a shell",
     "",
     "source <(strongroom completion bash)",
     0,
     {},
     1,
     1,
     &completion},
};

}  // namespace

std::span<const Command> about_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
