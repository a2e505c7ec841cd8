// Command: one row of the table that the whole command line comes from: dispatch, help, completion and the
// reference page. Example lines are run by a test.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "apps/cli/flags.h"
#include "base/error.h"

namespace strongroom::apps::cli {

class Session;

enum Shared : unsigned {  // flags that many commands have
  kHttp = 1,              // address, TLS, token's namespace ...
  kFormat = 2,
  kField = 4,
  kMount = 8,
};

inline constexpr int kAny = -1;

struct Command {
  std::string_view name;       // "kv get"
  std::string_view arguments;  // "KEY", for the usage line
  std::string_view summary;    // one line
  std::string_view text;       // what one must know, may be empty
  std::string_view example;    // lines to type
  unsigned shared;
  std::span<const Flag> flags;
  int least, most;  // arguments; kAny: no limit
  Result<int> (*run)(Session&);
};

// A word that only has subcommands.
struct Group {
  std::string_view name;
  std::string_view summary;
};

std::span<const Command> server_commands();  // status, operator
std::span<const Command> token_commands();   // login, token, print
std::span<const Command> kv_commands();
std::span<const Command> path_commands();   // read, write, list, scan, unwrap ...
std::span<const Command> mount_commands();  // secrets
std::span<const Command> policy_commands();
std::span<const Command> record_commands();  // audit show ..., store
std::span<const Command> audit_commands();   // audit devices
std::span<const Command> auth_commands();
std::span<const Command> lease_commands();
std::span<const Command> key_commands();       // operator rekey, rotate-keys
std::span<const Command> root_commands();      // operator generate-root
std::span<const Command> operator_commands();  // operator rotate ..., monitor, version-history
std::span<const Command> plugin_commands();
std::span<const Command> debug_commands();
std::span<const Command> about_commands();  // version, completion

std::vector<Command> all_commands();
std::span<const Group> all_groups();
std::vector<Flag> flags_of(const Command&);  // its own and the shared ones
std::span<const Flag> http_flags();

}  // namespace strongroom::apps::cli
