// secrets: the table of secrets engines.
#include "apps/cli/mounts.h"

namespace strongroom::apps::cli {
namespace {

Result<int> enable(Session& s) { return enable_mount(s, Mounts::secrets); }
Result<int> disable(Session& s) { return disable_mount(s, Mounts::secrets); }
Result<int> tune(Session& s) { return tune_mount(s, Mounts::secrets); }
Result<int> list(Session& s) { return list_mounts(s, Mounts::secrets); }
Result<int> move(Session& s) { return move_mount(s, Mounts::secrets); }

constexpr Flag kList[] = {{"detailed", Takes::nothing, "Show lifetimes, options and versions too."}};
#define SR_TUNE_FLAGS                                                                   \
  {"description", Takes::text, "What the engine is for."},                              \
      {"default-lease-ttl", Takes::duration, "How long leases live."},                  \
      {"max-lease-ttl", Takes::duration, "How long leases live at most."},              \
      {"options", Takes::pairs, "An option KEY=VALUE of the engine. May be repeated."}, \
      {"version", Takes::number, "The engine's version: 1 or 2 for kv."},               \
      {"plugin-version", Takes::text, "The plugin's version."},                         \
      {"listing-visibility", Takes::text,                                               \
       "Whether the mount is listed to those without a token: unauth or hidden."},      \
      {"audit-non-hmac-request-keys", Takes::texts,                                     \
       "A request field the audit log shows in the clear. May be repeated."},           \
      {"audit-non-hmac-response-keys", Takes::texts,                                    \
       "A reply field the audit log shows in the clear. May be repeated."},             \
      {"passthrough-request-headers", Takes::texts,                                     \
       "A request header the engine gets to see. May be repeated."},                    \
      {"allowed-response-headers", Takes::texts, "A reply header the engine may set. May be repeated."}
constexpr Flag kTune[] = {SR_TUNE_FLAGS};
constexpr Flag kEnable[] = {
    {"plugin-name", Takes::text, "The engine's name, when TYPE is \"plugin\"."},
    {"path", Takes::text, "Where to mount it. Default: the type's name."},
    SR_TUNE_FLAGS,
    {"local", Takes::nothing, "Not replicated."},
    {"seal-wrap", Takes::nothing, "Wrap critical values by the seal too."},
    {"external-entropy-access", Takes::nothing, "Let it use the seal's random numbers."},
    {"force-no-cache", Takes::nothing, "Do not cache its reads."}};
#undef SR_TUNE_FLAGS

constexpr Command kCommands[] = {
    {"secrets list", "", "List the secrets engines", "",
     "strongroom secrets list\nstrongroom secrets list -detailed", kHttp | kFormat, kList, 0, 0, &list},
    {"secrets enable", "TYPE", "Mount a secrets engine", "",
     "strongroom secrets enable -path=team -version=2 kv", kHttp, kEnable, 1, 1, &enable},
    {"secrets move",
     "FROM TO",
     "Mount an engine at another path",
     "Its data and settings go with it; its leases are revoked. Says when the move has ended.",
     "strongroom secrets move team squad",
     kHttp,
     {},
     2,
     2,
     &move},
    {"secrets tune", "PATH", "Change a mount's settings", "Only what is named changes.",
     "strongroom secrets tune -description=\"secrets of the team\" team", kHttp, kTune, 1, 1, &tune},
    {"secrets disable",
     "PATH",
     "Unmount an engine and delete its data",
     "What was stored there is gone for ever.",
     "strongroom secrets disable team",
     kHttp,
     {},
     1,
     1,
     &disable},
};

}  // namespace

std::span<const Command> mount_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
