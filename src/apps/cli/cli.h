// The command line of Strongroom. run() is its whole face: main() calls it for every command but `server`.
#pragma once

namespace strongroom::apps::cli {

int run(int argc, char** argv);  // the exit code: 0 done, 1 a local error, 2 an error of the server

}  // namespace strongroom::apps::cli
