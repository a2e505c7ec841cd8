// The one binary: `strongroom server ...` is the server, everything else a command for one.
#include <string_view>

#include "apps/cli/cli.h"
#if __has_include("apps/server/server.h")
#include "apps/server/server.h"
#endif

int main(int argc, char** argv) {
#if __has_include("apps/server/server.h")
  if (argc > 1 && std::string_view(argv[1]) == "server") return strongroom::apps::server::run(argc, argv);
#endif
  return strongroom::apps::cli::run(argc, argv);
}
