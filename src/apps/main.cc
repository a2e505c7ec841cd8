// The one binary: `strongroom server ...` is the server, everything else a command for one.
#include <string_view>

#include "apps/cli/cli.h"
#include "apps/server/server.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "server") return strongroom::apps::server::run(argc, argv);
  return strongroom::apps::cli::run(argc, argv);
}
