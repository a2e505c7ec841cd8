// lease: what was given for a time.
#include <fmt/format.h>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

Result<int> lookup(Session& s) {
  if (s.args().empty()) return fail(Code::invalid_argument, "Missing ID!");
  const std::string id(trimmed(s.arg(0)));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("lease_id"), w.string(id);
  w.end_object();
  SR_LET(const Answer a, s.demand({.method = "PUT", .path = "sys/leases/lookup", .body = std::move(body)},
                                  fmt::format("error looking up lease id {}", id)));
  return s.print(a);
}

Result<int> renew(Session& s) {
  if (s.args().empty()) return fail(Code::invalid_argument, "Missing ID!");
  const std::string id(trimmed(s.arg(0)));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("increment"), w.integer(s.flags.seconds("increment").value_or(0));
  w.key("lease_id"), w.string(id);
  w.end_object();
  SR_LET(const Answer a, s.demand({.method = "PUT", .path = "sys/leases/renew", .body = std::move(body)},
                                  fmt::format("Error renewing {}", id)));
  return s.print(a);
}

Result<int> revoke(Session& s) {
  const bool force = s.flags.on("force"), prefix = s.flags.on("prefix"), sync = s.flags.on("sync");
  if (force && !prefix)
    return fail(Code::invalid_argument, "Specifying -force requires also specifying -prefix");
  const std::string id(trimmed(s.arg(0)));
  if (force)
    s.console.error_line(wrapped_lines(
        "Warning! Force-removing leases can cause Strongroom to become out of sync with secret engines!"));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("sync"), w.boolean(sync);
  w.end_object();
  const std::string path = force    ? "sys/leases/revoke-force/" + id
                           : prefix ? "sys/leases/revoke-prefix/" + id
                                    : "sys/leases/revoke/" + id;
  const std::string doing = force    ? fmt::format("Error force revoking leases with prefix {}", id)
                            : prefix ? fmt::format("Error revoking leases with prefix {}", id)
                                     : fmt::format("Error revoking lease {}", id);
  SR_LET([[maybe_unused]] const Answer a,
         s.demand({.method = "PUT", .path = path, .body = force ? SecretText{} : std::move(body)}, doing));
  if (force)
    s.console.line("Success! Force revoked any leases with prefix: " + id);
  else if (sync && prefix)
    s.console.line("Success! Revoked any leases with prefix: " + id);
  else if (sync)
    s.console.line("Success! Revoked lease: " + id);
  else
    s.console.line("All revocation operations queued successfully!");
  return 0;
}

constexpr Flag kRenew[] = {{"increment", Takes::duration, "Ask for this time from now.", {}, "i"}};
constexpr Flag kRevoke[] = {
    {"prefix", Takes::nothing, "ID is a path: revoke all leases below it."},
    {"force",
     Takes::nothing,
     "With -prefix: forget the leases even where the engine could not take back what it gave.",
     {},
     "f"},
    {"sync", Takes::nothing, "Wait until it is done."}};

constexpr Command kCommands[] = {
    {"lease lookup",
     "ID",
     "Show a lease",
     "",
     "strongroom lease lookup database/creds/app/2f6a614c",
     kHttp | kFormat,
     {},
     0,
     1,
     &lookup},
    {"lease renew", "ID", "Prolong a lease", "The server may give less time than was asked for.",
     "strongroom lease renew -increment=1h database/creds/app/2f6a614c", kHttp | kFormat, kRenew, 0, 1,
     &renew},
    {"lease revoke", "ID", "End a lease and take back what it gave", "",
     "strongroom lease revoke database/creds/app/2f6a614c\nstrongroom lease revoke -prefix database/creds",
     kHttp, kRevoke, 1, 1, &revoke},
};

}  // namespace

std::span<const Command> lease_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
