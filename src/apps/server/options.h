// The flags of `strongroom server`, as Vault spells them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace strongroom::apps::server {

struct Options {
  std::vector<std::string> configs;
  bool help = false;
  bool test_only = false;  // -test-server-config: check and end
  bool dev = false;
  std::string dev_root_token_id;
  std::string dev_listen_address;
  bool dev_no_store_token = false;
  bool dev_tls = false;
  std::string dev_tls_cert_dir;
  bool dev_kv_v1 = false;
  std::string log_level;  // empty: the configuration's
  std::string log_format;
  std::string log_file;
};

Result<Options> parse_options(int argc, char** argv);
extern const char* const kServerHelp;

}  // namespace strongroom::apps::server
