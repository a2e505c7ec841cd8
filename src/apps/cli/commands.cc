// The whole table, and the flags that commands share.
#include <algorithm>

#include "apps/cli/command.h"

namespace strongroom::apps::cli {
namespace {

constexpr Flag kHttpFlags[] = {
    {"address", Takes::text, "The server: http://, https:// or unix://. Default https://127.0.0.1:8200.",
     "ADDR"},
    {"agent-address", Takes::text, "The address of an agent to use instead.", "AGENT_ADDR"},
    {"ca-cert", Takes::text, "PEM file of the authorities that may sign the server's certificate.", "CACERT"},
    {"ca-path", Takes::text, "Folder of such PEM files.", "CAPATH"},
    {"client-cert", Takes::text, "PEM file of a client certificate.", "CLIENT_CERT"},
    {"client-key", Takes::text, "PEM file of its private key.", "CLIENT_KEY"},
    {"tls-server-name", Takes::text, "The name the server's certificate must have, if not the address's.",
     "TLS_SERVER_NAME"},
    {"tls-skip-verify", Takes::nothing,
     "Do not check the server's certificate. Anyone in between can then read the token.", "SKIP_VERIFY"},
    {"namespace", Takes::text, "The namespace to work in.", "NAMESPACE", "ns"},
    {"wrap-ttl", Takes::duration, "Wrap the reply in a one-time token that lives so long.", "WRAP_TTL"},
    {"header", Takes::pairs, "A header NAME=VALUE to send. May be repeated."},
    {"mfa", Takes::text, "Credentials of a second factor.", "MFA"},
    {"policy-override", Takes::nothing, "Override a soft-mandatory policy."},
    {"unlock-key", Takes::text, "Key that unlocks a namespace."},
    {"disable-redirects", Takes::nothing, "Do not follow a redirect. Otherwise one is followed.",
     "DISABLE_REDIRECTS"},
    {"non-interactive", Takes::nothing, "Never ask on the terminal."},
    {"output-curl-string", Takes::nothing, "Print the request as a curl command instead of sending it."},
    {"output-policy", Takes::nothing, "Print the policy that the request needs instead of sending it."},
    {"log-level", Takes::text, "Accepted for Vault's sake; the commands write no log.", "LOG_LEVEL"},
    {"log-format", Takes::text, "Accepted for Vault's sake; the commands write no log.", "LOG_FORMAT"},
};
constexpr Flag kFormatFlag = {"format", Takes::text, "table, json or yaml; read also knows raw.", "FORMAT"};
constexpr Flag kFieldFlag = {"field", Takes::text,
                             "Print this field alone, without a line break unless on a terminal."};
constexpr Flag kMountFlag = {"mount", Takes::text,
                             "Where the engine is mounted; the path is then relative to it."};

constexpr Group kGroups[] = {
    {"server", "Start a server; strongroom server -h tells how"},
    {"operator", "Initialize, unseal and seal the server; its keys"},
    {"token", "Make, inspect, renew and revoke tokens"},
    {"kv", "Read and write secrets with versions"},
    {"kv metadata", "Versions and settings of a secret"},
    {"secrets", "Mount, tune and list secrets engines"},
    {"policy", "Read and write policies"},
    {"auth", "Mount, tune and list auth methods"},
    {"lease", "Show, prolong and revoke leases"},
    {"plugin", "What the server can mount"},
    {"audit", "Show, verify and archive the audit log; audit devices"},
    {"store", "Check the store"},
    {"print", "Print what commands would use"},
};

}  // namespace

std::span<const Flag> http_flags() { return kHttpFlags; }
std::span<const Group> all_groups() { return kGroups; }

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (const auto part : {server_commands(), token_commands(), kv_commands(), path_commands(),
                          mount_commands(), auth_commands(), policy_commands(), record_commands(),
                          audit_commands(), lease_commands(), key_commands(), root_commands(),
                          operator_commands(), plugin_commands(), debug_commands(), about_commands()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Flag> flags_of(const Command& c) {
  std::vector<Flag> all(c.flags.begin(), c.flags.end());
  if ((c.shared & kMount) != 0) all.push_back(kMountFlag);
  if ((c.shared & kFormat) != 0) all.push_back(kFormatFlag);
  if ((c.shared & kField) != 0) all.push_back(kFieldFlag);
  if ((c.shared & kHttp) != 0)
    for (const Flag& f : kHttpFlags)  // a command may have its own flag of a shared one's name
      if (std::none_of(c.flags.begin(), c.flags.end(), [&](const Flag& own) { return own.name == f.name; }))
        all.push_back(f);
  return all;
}

}  // namespace strongroom::apps::cli
