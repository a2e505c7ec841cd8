#include "apps/server/options.h"

#include <cstdlib>
#include <string_view>

namespace strongroom::apps::server {

const char* const kServerHelp = R"(Usage: strongroom server [options]

  Starts a server. It answers sealed until it is initialised and unsealed:

      $ strongroom server -config=/etc/strongroom/strongroom.hcl

  For a first look, -dev starts one in memory, unsealed, without TLS; everything is lost when it ends:

      $ strongroom server -dev -dev-root-token-id=root

Options:
  -config=PATH               A file in HCL or JSON, or a directory of them. May be given several times.
  -test-server-config        Check the configuration, with the files of certificates and keys it names, and end.
  -log-level=LEVEL           trace, debug, info, warn or error. Default info.
  -log-format=FORMAT         standard or json.
  -log-file=PATH             Append to this file instead of stderr.

Development:
  -dev                       In memory, one key share, unsealed, secret/ mounted as KV version 2.
  -dev-root-token-id=ID      The root token. Default: a random one. Environment: STRONGROOM_DEV_ROOT_TOKEN_ID.
  -dev-listen-address=ADDR   Default 127.0.0.1:8200. Environment: STRONGROOM_DEV_LISTEN_ADDRESS.
  -dev-no-store-token        Do not write the root token to ~/.vault-token.
  -dev-tls                   Serve TLS with a certificate made at start.
  -dev-tls-cert-dir=DIR      Where to write it. Default: a new directory below the system's temporary one.
  -dev-kv-v1                 Mount secret/ as KV version 1.

Signals: SIGHUP reads certificates again and reopens log and audit files; SIGTERM and SIGINT drain and end.
)";

namespace {
// BAO_ and VAULT_ names are read too, in this order.
std::string from_environment(const char* name) {
  for (const char* prefix : {"STRONGROOM_", "BAO_", "VAULT_"})
    if (const char* v = std::getenv((std::string(prefix) + name).c_str())) return v;
  return {};
}
}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options o;
  o.dev_root_token_id = from_environment("DEV_ROOT_TOKEN_ID");
  o.dev_listen_address = from_environment("DEV_LISTEN_ADDRESS");
  o.log_level = from_environment("LOG_LEVEL");
  o.log_format = from_environment("LOG_FORMAT");
  struct TextFlag {
    std::string_view name;
    std::string* value;
  };
  struct Switch {
    std::string_view name;
    bool* value;
  };
  std::string config;
  const TextFlag texts[] = {{"config", &config},
                            {"log-level", &o.log_level},
                            {"log-format", &o.log_format},
                            {"log-file", &o.log_file},
                            {"dev-root-token-id", &o.dev_root_token_id},
                            {"dev-listen-address", &o.dev_listen_address},
                            {"dev-tls-cert-dir", &o.dev_tls_cert_dir}};
  const Switch switches[] = {{"dev", &o.dev},
                             {"dev-no-store-token", &o.dev_no_store_token},
                             {"dev-tls", &o.dev_tls},
                             {"dev-kv-v1", &o.dev_kv_v1},
                             {"test-server-config", &o.test_only},
                             {"help", &o.help},
                             {"h", &o.help}};
  for (int i = 2; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (!arg.starts_with('-'))
      return fail(Code::invalid_argument, "server takes flags only; see strongroom server -help");
    arg.remove_prefix(arg.starts_with("--") ? 2 : 1);
    const auto equals = arg.find('=');
    const auto name = arg.substr(0, equals);
    bool known = false;
    for (const auto& s : switches) {
      if (s.name != name) continue;
      known = true;
      const auto value = equals == std::string_view::npos ? "true" : arg.substr(equals + 1);
      if (value != "true" && value != "false")
        return fail(Code::invalid_argument, "-" + std::string(name) + ": must be true or false");
      *s.value = value == "true";
    }
    for (const auto& t : texts) {
      if (t.name != name) continue;
      known = true;
      if (equals != std::string_view::npos) {
        *t.value = arg.substr(equals + 1);
      } else {
        if (i + 1 == argc) return fail(Code::invalid_argument, "-" + std::string(name) + ": needs a value");
        *t.value = argv[++i];
      }
      if (t.value == &config) {
        if (config.empty()) return fail(Code::invalid_argument, "-config: needs the path of a file");
        o.configs.push_back(std::exchange(config, {}));
      }
    }
    if (!known)
      return fail(Code::invalid_argument,
                  "unknown flag -" + std::string(name) + "; see strongroom server -help");
  }
  if (!o.log_format.empty() && o.log_format != "standard" && o.log_format != "json")
    return fail(Code::invalid_argument,
                "the log format must be standard or json: -log-format, or LOG_FORMAT of the environment");
  return o;
}

}  // namespace strongroom::apps::server
