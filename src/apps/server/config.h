// Config: what the configuration files say, in the stanzas of Vault and OpenBao (HCL or JSON; several files
// merge). Reading them is all it does: it opens nothing, and it holds no secret. What would weaken the server
// if it were ignored is refused; what is harmless is noted; what is unknown draws a warning.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "core/cross_origin.h"

namespace strongroom::server {

struct TlsFiles {
  std::string certificate_file = {};
  std::string key_file = {};
  bool tls13_only = false;                      // tls_min_version = "tls13"
  bool tls12_only = false;                      // tls_max_version = "tls12"
  std::vector<std::string> cipher_suites = {};  // names as written; empty: the default set
  bool disable_client_certs = false;
  bool require_client_certs = false;
  std::string client_ca_file = {};
};

// One header that replies of some status carry.
struct ReplyHeader {
  std::string status;  // "default", "2xx" or "404"
  std::string name;
  std::string value;
};

struct ListenerConfig {
  enum class Kind : std::uint8_t { tcp, unix_socket };
  Kind kind = Kind::tcp;
  std::string address = "127.0.0.1:8200";  // host:port, or the path of the socket
  std::optional<TlsFiles> tls = {};        // absent: tls_disable, or a Unix socket without a certificate
  std::optional<unsigned> socket_mode = {};
  std::string socket_user = {};
  std::string socket_group = {};

  bool http2 = true;  // with TLS, for clients that offer it; http2_disable
  std::uint32_t http2_streams = 100;

  Nanoseconds idle_timeout = Seconds(300);
  Nanoseconds read_header_timeout = Seconds(10);
  Nanoseconds read_timeout = Seconds(30);
  Nanoseconds write_timeout{0};                          // 0: the server's own limit
  std::optional<Nanoseconds> max_request_duration = {};  // absent: default_max_request_duration
  std::uint64_t max_request_size = std::uint64_t{32} << 20;
  std::optional<std::uint64_t> max_json_depth = {};  // absent: the reader's own limits
  std::optional<std::uint64_t> max_json_string = {};
  std::optional<std::uint64_t> max_json_members = {};
  std::optional<std::uint64_t> max_json_elements = {};

  std::vector<std::string> forwarded_for_addresses =
      {};  // addresses or CIDRs; empty: X-Forwarded-For is not read
  std::uint32_t forwarded_for_hop_skips = 0;
  bool forwarded_for_reject_not_present = true;
  bool forwarded_for_reject_not_authorized = true;
  std::string proxy_protocol_behavior = {};  // empty: off
  std::vector<std::string> proxy_protocol_addresses = {};
  std::uint64_t max_connections = 0;             // 0: as many as the server bears
  std::uint64_t max_connections_per_client = 0;  // 0: no limit

  bool open_metrics = false;    // telemetry { unauthenticated_metrics_access }
  bool open_in_flight = false;  // inflight_requests_logging { unauthenticated_in_flight_requests_access }

  // Cross-origin rules of this listener, in place of those of sys/config/cors; absent: those.
  std::optional<core::CrossOrigin> cors = {};
  // What is answered without a token: disable_unauthed_… = false opens it (OpenBao).
  bool open_rekey = false;
  bool open_generate_root = false;

  std::vector<ReplyHeader> headers = {};
  std::string file = {};  // where it stands
  unsigned line = 0;
};

struct StorageConfig {
  enum class Kind : std::uint8_t { embedded, memory };
  Kind kind = Kind::embedded;
  std::string type = {};  // as written: embedded, file, raft or inmem
  std::string path = {};
  std::uint64_t map_bytes = 0;  // 0: the store's own choice
  std::string file = {};
  unsigned line = 0;
};

struct SealConfig {
  enum class Kind : std::uint8_t { shamir, static_key };
  Kind kind = Kind::shamir;
  // Static seal. A key is named, never written here: "file:///path" or "env://NAME".
  std::string current_key_id = {};
  std::string current_key = {};
  std::string previous_key_id = {};
  std::string previous_key = {};
};

// A device that writes Vault's audit format to a file.
struct AuditFileConfig {
  std::string name = {};
  std::string file_path = {};  // or "stdout", "discard"
  unsigned mode = 0600;
  bool hmac_accessor = true;
  bool elide_list_responses = false;
  std::string description = {};
};

// The built-in log.
struct AuditLogConfig {
  std::string path = {};                      // empty: "audit" below the storage path
  std::uint64_t segment_bytes = 0;            // 0: the log's own choice
  std::uint64_t reserve_bytes = 0;            // 0: the log's own choice
  std::optional<Nanoseconds> retention = {};  // absent: bodies are kept for ever
};

struct LogConfig {
  std::string level = "info";  // trace, debug, info, warn, error
  enum class Format : std::uint8_t { text, json };
  Format format = Format::text;
  std::string file = {};  // empty: stderr
};

struct Remark {
  enum class Kind : std::uint8_t {
    warning,  // probably a mistake
    note,     // accepted, with what it means here
  };
  Kind kind = Kind::warning;
  std::string file;
  unsigned line = 0;
  std::string text;
  std::string to_string() const;  // "server.hcl, line 3: …"
};

struct Config {
  std::optional<StorageConfig> storage = {};
  std::vector<ListenerConfig> listeners = {};
  SealConfig seal = {};
  std::vector<AuditFileConfig> audit_files = {};
  AuditLogConfig audit_log = {};
  LogConfig log = {};

  Nanoseconds default_lease_ttl = std::chrono::hours(768);
  Nanoseconds max_lease_ttl = std::chrono::hours(768);
  Nanoseconds default_max_request_duration = Seconds(90);
  std::string api_addr = {};
  std::string cluster_addr = {};
  std::string cluster_name = {};
  std::string pid_file = {};
  std::string plugin_directory = {};
  bool ui = false;
  bool disable_mlock = false;
  bool unsafe_allow_api_audit_creation = false;  // devices may be enabled with sys/audit
  std::string audit_device_directory = {};       // where those may have files; empty: nowhere
  bool enable_response_header_hostname = false;
  // enable_unauthenticated_access (Vault): the same as the switches of the listeners, for all of them.
  bool open_rekey = false;
  bool open_generate_root = false;

  std::vector<Remark> remarks = {};  // in the order of the files
};

// Adds one file's text to what earlier files said: single values replace, listeners and audit devices add up.
// Code::invalid_argument: "server.hcl, line 3, column 5: tls_disable must be true or false".
Result<Config> add_config(Config base, std::string_view file, std::string_view text);
// What must hold over all files: there is storage, a listener, TTLs in order. Fills what one value takes from
// another.
Result<Config> complete_config(Config);
// Files and directories in the order given (in a directory: its *.hcl and *.json in the order of their
// names); add_config for each, then complete_config.
Result<Config> load_config(const std::vector<std::string>& paths);

}  // namespace strongroom::server
