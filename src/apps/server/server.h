// `strongroom server`: reads the configuration, builds every object and passes it in, serves until a signal.
#pragma once

namespace strongroom::apps::server {

// argv[1] is "server". Returns the exit code.
int run(int argc, char** argv);

}  // namespace strongroom::apps::server
