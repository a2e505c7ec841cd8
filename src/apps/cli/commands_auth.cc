// auth: the table of auth methods.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/mounts.h"

namespace strongroom::apps::cli {
namespace {

Result<int> enable(Session& s) { return enable_mount(s, Mounts::auth); }
Result<int> disable(Session& s) { return disable_mount(s, Mounts::auth); }
Result<int> tune(Session& s) { return tune_mount(s, Mounts::auth); }
Result<int> list(Session& s) { return list_mounts(s, Mounts::auth); }
Result<int> move(Session& s) { return move_mount(s, Mounts::auth); }

// How one logs in with each method, by its type.
struct Method {
  std::string_view type;
  std::string_view text;
};
constexpr Method kMethods[] = {
    {"token",
     "Usage: strongroom login [TOKEN]\n\n"
     "  A token is checked and kept for later commands.\n\n"
     "      $ strongroom login\n"
     "      Token (will be hidden):\n\n"
     "      $ strongroom login - < token.txt\n"},
    {"userpass",
     "Usage: strongroom login -method=userpass username=NAME [password=-]\n\n"
     "  A name and a password that the server keeps. Without password it is asked for and not shown.\n\n"
     "      $ strongroom login -method=userpass username=ann\n"
     "      Password (will be hidden):\n"},
    {"ldap",
     "Usage: strongroom login -method=ldap username=NAME [password=-]\n\n"
     "  A name and a password that a directory knows. Without password it is asked for and not shown.\n\n"
     "      $ strongroom login -method=ldap username=ann\n"
     "      Password (will be hidden):\n"},
    {"radius",
     "Usage: strongroom login -method=radius username=NAME [password=-]\n\n"
     "  A name and a password that a RADIUS server knows. Without password it is asked for and not shown.\n\n"
     "      $ strongroom login -method=radius username=ann\n"
     "      Password (will be hidden):\n"},
    {"approle",
     "Usage: strongroom write auth/approle/login role_id=ID secret_id=-\n\n"
     "  For programs: a role's name and a secret. The reply holds the token.\n\n"
     "      $ strongroom write -field=token auth/approle/login role_id=ID secret_id=- < secret.txt\n"},
    {"jwt",
     "Usage: strongroom login -method=jwt role=ROLE jwt=-\n\n"
     "  A signed token of another party.\n\n"
     "      $ strongroom login -method=jwt role=build jwt=- < jwt.txt\n"},
    {"kubernetes",
     "Usage: strongroom login -method=kubernetes role=ROLE [jwt=-]\n\n"
     "  A service account of a cluster. Without jwt the pod's own is read.\n\n"
     "      $ strongroom login -method=kubernetes role=app\n"},
    {"cert",
     "Usage: strongroom login -method=cert [name=ROLE] -client-cert=FILE -client-key=FILE\n\n"
     "  The client certificate of the connection.\n\n"
     "      $ strongroom login -method=cert -client-cert=me.pem -client-key=me.key\n"},
};

Result<int> help(Session& s) {
  const auto text_of = [](std::string_view type) {
    const auto found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                    [&](const Method& m) { return m.type == type; });
    return found == std::end(kMethods) ? std::string_view{} : found->text;
  };
  const std::string_view asked = trimmed(s.arg(0));
  if (const auto text = text_of(asked); !text.empty()) {
    s.console.out(text);
    return 0;
  }
  SR_LET(const Answer a, s.demand({.method = "GET", .path = "sys/auth"}, "Error listing auth methods"));
  const std::string path = clean_path(asked) + "/";
  const json::Node mount = member(a.payload(), path);
  if (!mount.is_object()) {
    s.console.error_line(fmt::format("No auth method available on the server at \"{}\"", path));
    s.console.error_line("strongroom auth list shows which there are.");
    return 1;
  }
  const auto text = text_of(member_text(mount, "type"));
  if (text.empty()) {
    s.console.error_line(
        fmt::format("No method-specific CLI handler available for auth method \"{}\"\nstrongroom path-help "
                    "auth/{} explains its paths.",
                    asked, path));
    return 2;
  }
  s.console.out(text);
  return 0;
}

constexpr Flag kList[] = {{"detailed", Takes::nothing, "Show lifetimes, options and versions too."}};
#define SR_TUNE_FLAGS                                                                                        \
  {"description", Takes::text, "What the method is for."},                                                   \
      {"default-lease-ttl", Takes::duration, "How long its tokens live."},                                   \
      {"max-lease-ttl", Takes::duration, "How long its tokens live at most."},                               \
      {"options", Takes::pairs, "An option KEY=VALUE of the method. May be repeated."},                      \
      {"version", Takes::number, "The method's version, where it has several."},                             \
      {"plugin-version", Takes::text, "The plugin's version."},                                              \
      {"token-type", Takes::text, "What its tokens are: default-service, default-batch, service or batch."}, \
      {"listing-visibility", Takes::text,                                                                    \
       "Whether the mount is listed to those without a token: unauth or hidden."},                           \
      {"audit-non-hmac-request-keys", Takes::texts,                                                          \
       "A request field the audit log shows in the clear. May be repeated."},                                \
      {"audit-non-hmac-response-keys", Takes::texts,                                                         \
       "A reply field the audit log shows in the clear. May be repeated."},                                  \
      {"passthrough-request-headers", Takes::texts,                                                          \
       "A request header the method gets to see. May be repeated."},                                         \
      {"allowed-response-headers", Takes::texts, "A reply header the method may set. May be repeated."}
constexpr Flag kTune[] = {
    SR_TUNE_FLAGS,
    {"user-lockout-threshold", Takes::number, "A user is locked out after so many failed logins."},
    {"user-lockout-duration", Takes::duration, "For how long."},
    {"user-lockout-counter-reset-duration", Takes::duration, "Failed logins are forgotten after this time."},
    {"user-lockout-disable", Takes::nothing, "Lock nobody out here."}};
constexpr Flag kEnable[] = {
    {"path", Takes::text, "Where to mount it, below auth/. Default: the type's name."},
    {"plugin-name", Takes::text, "The method's name, when TYPE is \"plugin\"."},
    SR_TUNE_FLAGS,
    {"local", Takes::nothing, "Not replicated."},
    {"seal-wrap", Takes::nothing, "Wrap critical values by the seal too."},
    {"external-entropy-access", Takes::nothing, "Let it use the seal's random numbers."}};
#undef SR_TUNE_FLAGS

constexpr Command kCommands[] = {
    {"auth list", "", "List the auth methods", "", "strongroom auth list\nstrongroom auth list -detailed",
     kHttp | kFormat, kList, 0, 0, &list},
    {"auth enable", "TYPE", "Mount an auth method", "Its paths are then below auth/PATH.",
     "strongroom auth enable -path=people userpass", kHttp, kEnable, 1, 1, &enable},
    {"auth tune", "PATH", "Change an auth method's settings", "Only what is named changes.",
     "strongroom auth tune -default-lease-ttl=1h people", kHttp, kTune, 1, 1, &tune},
    {"auth move",
     "FROM TO",
     "Mount an auth method at another path",
     "Both paths begin with auth/. Its tokens are revoked. Says when the move has ended.",
     "strongroom auth move auth/people auth/staff",
     kHttp,
     {},
     2,
     2,
     &move},
    {"auth disable",
     "PATH",
     "Unmount an auth method",
     "All tokens that it gave are revoked, and its users and roles are gone for ever.",
     "strongroom auth disable people",
     kHttp,
     {},
     1,
     1,
     &disable},
    {"auth help",
     "TYPE|PATH",
     "Explain how to log in with an auth method",
     "",
     "strongroom auth help token",
     kHttp,
     {},
     1,
     1,
     &help},
};

}  // namespace

std::span<const Command> auth_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
