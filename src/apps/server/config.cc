#include "apps/server/config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "apps/server/config_section.h"

namespace strongroom::server {
namespace {

constexpr std::size_t kMostFile = std::size_t{1} << 20;

constexpr std::string_view kOneNode = "this server is one node; it has no effect";
constexpr std::string_view kNotBuilt = "it is not supported";

constexpr std::array kOtherKeys = std::to_array<OtherKey>({
    {"ha_storage", Unbuilt::note, kOneNode},
    {"service_registration", Unbuilt::note, "it has no effect"},
    {"user_lockout", Unbuilt::note, "no auth method with passwords is built in; it has no effect"},
    {"disable_clustering", Unbuilt::note, kOneNode},
    {"disable_standby_reads", Unbuilt::note, kOneNode},
    {"disable_performance_standby", Unbuilt::note, kOneNode},
    {"enable_response_header_raft_node_id", Unbuilt::note, kOneNode},
    {"cache_size", Unbuilt::note, "the store caches by itself; it has no effect"},
    {"disable_cache", Unbuilt::note, "the store caches by itself; it has no effect"},
    {"disable_sealwrap", Unbuilt::note, "it has no effect"},
    {"disable_indexing", Unbuilt::note, "it has no effect"},
    {"disable_ssct_tokens", Unbuilt::note, "it has no effect"},
    {"detect_deadlocks", Unbuilt::note, "it has no effect"},
    {"log_rotate_bytes", Unbuilt::note, "rotate the log with logrotate and SIGHUP; it has no effect"},
    {"log_rotate_duration", Unbuilt::note, "rotate the log with logrotate and SIGHUP; it has no effect"},
    {"log_rotate_max_files", Unbuilt::note, "rotate the log with logrotate and SIGHUP; it has no effect"},
    {"log_requests_level", Unbuilt::note, "requests are in the audit log; it has no effect"},
    {"imprecise_lease_role_tracking", Unbuilt::note, "it has no effect"},
    {"enable_post_unseal_trace", Unbuilt::note, "it has no effect"},
    {"license_path", Unbuilt::note, "no licence is needed"},
    {"reporting", Unbuilt::note, "nothing is reported to anyone"},
    {"experiments", Unbuilt::note, "it has no effect"},
    {"feature_flags", Unbuilt::note, "it has no effect"},
    {"plugin_file_uid", Unbuilt::note, "no outside plugin is run; it has no effect"},
    {"plugin_file_permissions", Unbuilt::note, "no outside plugin is run; it has no effect"},
    {"plugin_tmpdir", Unbuilt::note, "no outside plugin is run; it has no effect"},
    {"plugin_auto_download", Unbuilt::refuse_if_true, "no outside plugin is run"},
    {"plugin_auto_register", Unbuilt::refuse_if_true, "no outside plugin is run"},
    {"plugin_download_behavior", Unbuilt::note, "no outside plugin is run; it has no effect"},
    {"plugin_download_max_size", Unbuilt::note, "no outside plugin is run; it has no effect"},
    {"plugin", Unbuilt::refuse, "no outside plugin is run"},
    {"raw_storage_endpoint", Unbuilt::refuse_if_true,
     "raw access would pass by policies and the audit log's meaning"},
    {"enable_raw_endpoint", Unbuilt::refuse_if_true,
     "raw access would pass by policies and the audit log's meaning"},
    {"introspection_endpoint", Unbuilt::refuse_if_true, kNotBuilt},
    {"allow_audit_log_prefixing", Unbuilt::refuse_if_true,
     "a prefix could turn an audit file into a program"},
    {"administrative_namespace_path", Unbuilt::refuse_if_true, kNotBuilt},
    {"initialize", Unbuilt::refuse, kNotBuilt},
    {"entropy", Unbuilt::refuse, kNotBuilt},
    {"kms_library", Unbuilt::refuse, kNotBuilt},
    {"unsafe_relative_paths", Unbuilt::refuse_if_true, "a path with .. has no single meaning"},
    {"unsafe_cross_namespace_identity", Unbuilt::refuse_if_true, "a namespace is a border"},
    {"unsafe_allow_unaudited_requests", Unbuilt::refuse_if_true, "nothing happens here without a record"},
    {"allow_unauthenticated_workflows", Unbuilt::refuse_if_true, kNotBuilt},
});

constexpr std::array kOtherListenerKeys = std::to_array<OtherKey>({
    {"cluster_address", Unbuilt::note, kOneNode},
    {"purpose", Unbuilt::note, "it has no effect"},
    {"role", Unbuilt::note, "it has no effect"},
    {"tls_prefer_server_cipher_suites", Unbuilt::note, "it has no effect"},
    {"tls_auto_reload", Unbuilt::note, "send SIGHUP to reload the certificate; it has no effect"},
    {"tls_key_exchange_preferences", Unbuilt::refuse_if_true, kNotBuilt},
    {"tls_acme_ca_directory", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_ca_root", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_cache_path", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_test_ca_directory", Unbuilt::refuse,
     "certificates are read from files; ACME is not supported"},
    {"tls_acme_eab_key_id", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_eab_mac_key", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_key_type", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_email", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_domains", Unbuilt::refuse, "certificates are read from files; ACME is not supported"},
    {"tls_acme_disable_http_challenge", Unbuilt::refuse,
     "certificates are read from files; ACME is not supported"},
    {"tls_acme_disable_alpn_challenge", Unbuilt::refuse,
     "certificates are read from files; ACME is not supported"},
    {"max_request_json_memory", Unbuilt::note,
     "the JSON of a request has at most 100000 values, which bounds it; it has no effect"},
    {"max_request_json_strings", Unbuilt::note,
     "the JSON of a request has at most 100000 values, and as many names; it has no effect"},
    {"x_forwarded_for_client_cert_header", Unbuilt::refuse_if_true, "client certificates are not supported"},
    {"x_forwarded_for_client_cert_decoders", Unbuilt::refuse_if_true,
     "client certificates are not supported"},
    {"x_forwarded_for_client_cert_header_decoders", Unbuilt::refuse_if_true,
     "client certificates are not supported"},
    {"x_forwarded_for_client_cert_keep_unauthorized", Unbuilt::refuse_if_true,
     "client certificates are not supported"},
    {"x_forwarded_for_client_cert_keep_not_forwarded", Unbuilt::refuse_if_true,
     "client certificates are not supported"},
    {"disable_replication_status_endpoints", Unbuilt::note, "it has no effect"},
    {"disable_request_limiter", Unbuilt::note, "it has no effect"},
    {"redact_addresses", Unbuilt::refuse_if_true, kNotBuilt},
    {"redact_cluster_name", Unbuilt::refuse_if_true, kNotBuilt},
    {"redact_version", Unbuilt::refuse_if_true, kNotBuilt},
    {"chroot_namespace", Unbuilt::refuse_if_true, kNotBuilt},
    {"profiling", Unbuilt::note, "there is no profiling endpoint; it has no effect"},
});

constexpr std::string_view kPulled = "metrics are fetched from sys/metrics; it has no effect";
constexpr std::array kOtherTelemetryKeys = std::to_array<OtherKey>({
    {"disable_hostname", Unbuilt::note, "no metric carries a host's name"},
    {"prometheus_retention_time", Unbuilt::note, "metrics are kept as long as the server runs"},
    {"metrics_prefix", Unbuilt::note, "names are fixed; it has no effect"},
    {"usage_gauge_period", Unbuilt::note, "it has no effect"},
    {"maximum_gauge_cardinality", Unbuilt::note, "labels are fixed and few; it has no effect"},
    {"num_lease_metrics_buckets", Unbuilt::note, "it has no effect"},
    {"add_lease_metrics_namespace_labels", Unbuilt::note, "it has no effect"},
    {"add_mount_point_rollback_metrics", Unbuilt::note, "it has no effect"},
    {"lease_metrics_epsilon", Unbuilt::note, "it has no effect"},
    {"enable_hostname_label", Unbuilt::note, "no metric carries a host's name"},
    {"filter_default", Unbuilt::note, "every metric is shown; it has no effect"},
    {"prefix_filter", Unbuilt::note, "every metric is shown; it has no effect"},
    {"statsite_address", Unbuilt::note, kPulled},
    {"statsd_address", Unbuilt::note, kPulled},
    {"dogstatsd_addr", Unbuilt::note, kPulled},
    {"dogstatsd_tags", Unbuilt::note, kPulled},
    {"circonus_api_token", Unbuilt::note, kPulled},
    {"circonus_api_app", Unbuilt::note, kPulled},
    {"circonus_api_url", Unbuilt::note, kPulled},
    {"circonus_submission_interval", Unbuilt::note, kPulled},
    {"circonus_submission_url", Unbuilt::note, kPulled},
    {"circonus_check_id", Unbuilt::note, kPulled},
    {"circonus_check_force_metric_activation", Unbuilt::note, kPulled},
    {"circonus_check_instance_id", Unbuilt::note, kPulled},
    {"circonus_check_search_tag", Unbuilt::note, kPulled},
    {"circonus_check_display_name", Unbuilt::note, kPulled},
    {"circonus_check_tags", Unbuilt::note, kPulled},
    {"circonus_broker_id", Unbuilt::note, kPulled},
    {"circonus_broker_select_tag", Unbuilt::note, kPulled},
    {"stackdriver_project_id", Unbuilt::note, kPulled},
    {"stackdriver_location", Unbuilt::note, kPulled},
    {"stackdriver_namespace", Unbuilt::note, kPulled},
    {"stackdriver_debug_logs", Unbuilt::note, kPulled},
});

constexpr std::array kOtherStorageKeys = std::to_array<OtherKey>({
    {"node_id", Unbuilt::note, kOneNode},
    {"retry_join", Unbuilt::note, kOneNode},
    {"retry_join_as_non_voter", Unbuilt::note, kOneNode},
    {"performance_multiplier", Unbuilt::note, kOneNode},
    {"autopilot_reconcile_interval", Unbuilt::note, kOneNode},
    {"autopilot_update_interval", Unbuilt::note, kOneNode},
    {"trailing_logs", Unbuilt::note, kOneNode},
    {"snapshot_threshold", Unbuilt::note, kOneNode},
    {"snapshot_interval", Unbuilt::note, kOneNode},
    {"max_entry_size", Unbuilt::note, "it has no effect"},
    {"max_transaction_size", Unbuilt::note, "it has no effect"},
    {"raft_wal", Unbuilt::note, kOneNode},
});

constexpr std::array kOtherAuditKeys = std::to_array<OtherKey>({
    {"local", Unbuilt::note, kOneNode},
    {"path", Unbuilt::note, "it has no effect"},
    {"type", Unbuilt::note, "it has no effect"},
});
constexpr std::array kOtherAuditOptions = std::to_array<OtherKey>({
    {"prefix", Unbuilt::refuse_if_true, "a prefix could turn an audit file into a program"},
    {"log_raw", Unbuilt::refuse_if_true, "an audit record never holds a secret in the clear"},
    {"path", Unbuilt::refuse_if_true, "use file_path"},
});

// ---- Values with a form of their own

bool is_port(std::string_view s) {
  unsigned v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  return error == std::errc{} && end == s.data() + s.size() && v <= 65535;
}

// host:port with Vault's default port; nothing if it has no such form.
std::optional<std::string> tcp_address(std::string_view s) {
  if (s.empty() || s.find_first_of(" \t{}/") != std::string_view::npos) return std::nullopt;
  if (s.front() == '[') {
    const std::size_t close = s.find(']');
    if (close == std::string_view::npos || close == 1) return std::nullopt;
    if (close + 1 == s.size()) return std::string(s) + ":8200";
    if (s[close + 1] != ':' || !is_port(s.substr(close + 2))) return std::nullopt;
    return std::string(s);
  }
  const std::size_t colon = s.find(':');
  if (colon == std::string_view::npos) return std::string(s) + ":8200";
  if (s.rfind(':') != colon || !is_port(s.substr(colon + 1))) return std::nullopt;
  return (colon == 0 ? "[::]" : "") + std::string(s);
}

bool is_url(std::string_view s) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (s.starts_with(scheme) && s.size() > scheme.size())
      return s.find_first_of(" \t\r\n", 0) == std::string_view::npos && s.find('@') == std::string_view::npos;
  return false;
}

bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_status(std::string_view s) {
  if (s == "default") return true;
  if (s.size() != 3 || s[0] < '1' || s[0] > '5') return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return s.substr(1) == "xx" || (digit(s[1]) && digit(s[2]));
}

bool is_key_reference(std::string_view s) {
  return (s.starts_with("file://") && s.size() > 7) || (s.starts_with("env://") && s.size() > 6);
}

bool is_below(std::string_view path, std::string_view directory) {
  namespace fs = std::filesystem;
  const fs::path p = fs::path(path).lexically_normal();
  fs::path d = fs::path(directory).lexically_normal();
  if (!d.has_filename()) d = d.parent_path();
  return std::mismatch(d.begin(), d.end(), p.begin(), p.end()).first == d.end();
}

// ---- Stanzas

StorageConfig storage_of(Reading& reading, const hcl::Block& block) {
  StorageConfig out;
  Section s(reading, *block.body, "storage");
  out.type = block.labels.front();
  out.file = reading.file;
  out.line = block.at.line;
  if (out.type == "inmem") {
    out.kind = StorageConfig::Kind::memory;
    reading.remark(Remark::Kind::note, block.at, "storage inmem: everything is lost when the server stops");
  } else if (out.type == "file" || out.type == "raft") {
    reading.remark(
        Remark::Kind::note, block.at,
        fmt::format(
            "storage {}: the embedded store is used at its path; data of another server in it is not read",
            out.type));
  } else if (out.type != "embedded") {
    reading.refuse(block.at, "storage must be embedded, raft, file or inmem; other types are not supported");
  }
  if (out.kind == StorageConfig::Kind::embedded) {
    out.path = s.text("path");
    if (out.path.empty()) reading.refuse(block.at, "storage needs a path");
    out.map_bytes = s.number("map_bytes", 0, std::uint64_t{1} << 20, std::uint64_t{1} << 46);
  }
  s.finish(kOtherStorageKeys);
  return out;
}

std::optional<TlsFiles> tls_of(Reading& reading, Section& s, const hcl::Block& block,
                               ListenerConfig::Kind kind) {
  const bool off =
      s.boolean("tls_disable", kind == ListenerConfig::Kind::unix_socket && !s.has("tls_cert_file"));
  TlsFiles tls;
  tls.certificate_file = s.text("tls_cert_file");
  tls.key_file = s.text("tls_key_file");
  const std::string least = s.text("tls_min_version", "tls12");
  const std::string most = s.text("tls_max_version", "tls13");
  tls.cipher_suites = s.strings("tls_cipher_suites");
  tls.disable_client_certs = s.boolean("tls_disable_client_certs", false);
  tls.require_client_certs = s.boolean("tls_require_and_verify_client_cert", false);
  tls.client_ca_file = s.text("tls_client_ca_file");
  if (tls.require_client_certs && tls.disable_client_certs)
    s.refuse("tls_disable_client_certs", "contradicts tls_require_and_verify_client_cert");
  if (tls.require_client_certs && tls.client_ca_file.empty())
    s.refuse("tls_require_and_verify_client_cert",
             "needs tls_client_ca_file, which says whose certificates are good");
  tls.tls13_only = least == "tls13";
  tls.tls12_only = most == "tls12";
  if (least != "tls12" && least != "tls13")
    s.refuse("tls_min_version", "must be tls12 or tls13; older versions are not safe");
  if (most != "tls12" && most != "tls13")
    s.refuse("tls_max_version", "must be tls12 or tls13; older versions are not safe");
  if (tls.tls13_only && tls.tls12_only) s.refuse("tls_max_version", "must not be below tls_min_version");
  if (off) return std::nullopt;
  if (tls.certificate_file.empty() || tls.key_file.empty())
    reading.refuse(block.at, "listener needs tls_cert_file and tls_key_file, or tls_disable = true");
  return tls;
}

// {"X-Name" = ["value", …], …} of one status.
void headers_of_status(Reading& reading, const hcl::Item& status, std::vector<ReplyHeader>& out) {
  const hcl::Value* object = &status.value;
  if (object->kind == hcl::Kind::list && object->list.size() == 1) object = &object->list.front();
  if (!is_status(status.key))
    return reading.refuse(
        status.at, "custom_response_headers: a status must be default, a class such as 2xx, or a number");
  if (object->kind != hcl::Kind::object || !status.labels.empty())
    return reading.refuse(status.at, "custom_response_headers: each status must have an object of headers");
  for (const hcl::Item& header : object->object.items) {
    std::string lowered = header.key;
    for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!is_token(header.key) || lowered.starts_with("x-vault-") || lowered == "content-length" ||
        lowered == "transfer-encoding" || lowered == "connection")
      reading.refuse(header.at, "custom_response_headers: this is not a header name that may be set");
    std::string value;
    const auto add = [&](const hcl::Value& v) {
      const bool good = v.kind == hcl::Kind::string && std::none_of(v.text.begin(), v.text.end(), [](char c) {
                          return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                        });
      if (!good)
        reading.refuse(v.at, "custom_response_headers: a value must be a string without control characters");
      value += value.empty() ? v.text : "; " + v.text;
    };
    if (header.value.kind == hcl::Kind::list)
      std::for_each(header.value.list.begin(), header.value.list.end(), add);
    else
      add(header.value);
    out.push_back({status.key, header.key, std::move(value)});
  }
}

void cors_of(Section& s, ListenerConfig& out) {
  const bool enabled = s.boolean("cors_enabled", false);
  core::CrossOrigin rules{s.strings("cors_allowed_origins"), s.strings("cors_allowed_headers"),
                          s.boolean("cors_allow_credentials", false)};
  if (!enabled) return;
  if (auto good = core::check(rules); !good) return s.refuse("cors_enabled", good.error().message);
  out.cors = std::move(rules);
}

ListenerConfig listener_of(Reading& reading, const hcl::Block& block) {
  ListenerConfig out;
  Section s(reading, *block.body, "listener");
  out.file = reading.file;
  out.line = block.at.line;
  const std::string_view type = block.labels.front();
  if (type == "unix") {
    out.kind = ListenerConfig::Kind::unix_socket;
    out.address = s.text("address");
    if (out.address.empty())
      reading.refuse(block.at, "listener unix needs the path of its socket as address");
    if (s.has("socket_mode")) out.socket_mode = s.file_mode("socket_mode", 0600);
    out.socket_user = s.text("socket_user");
    out.socket_group = s.text("socket_group");
  } else if (type == "tcp") {
    const auto address = tcp_address(s.text("address", out.address));
    if (!address) s.refuse("address", "must be host:port");
    out.address = address.value_or(out.address);
  } else {
    reading.refuse(block.at, "listener must be tcp or unix");
  }
  out.tls = tls_of(reading, s, block, out.kind);
  out.http2 = !s.boolean("http2_disable", false);
  out.http2_streams =
      static_cast<std::uint32_t>(s.number("http2_max_concurrent_streams", out.http2_streams, 1, 10'000));
  out.idle_timeout = s.duration("http_idle_timeout", out.idle_timeout);
  out.read_header_timeout = s.duration("http_read_header_timeout", out.read_header_timeout);
  out.read_timeout = s.duration("http_read_timeout", out.read_timeout);
  out.write_timeout = s.duration("http_write_timeout", out.write_timeout);
  if (s.has("max_request_duration"))
    out.max_request_duration = s.duration("max_request_duration", Seconds(90));
  out.max_request_size = s.number("max_request_size", out.max_request_size, 1, std::uint64_t{1} << 30);
  if (s.has("max_json_depth")) out.max_json_depth = s.number("max_json_depth", 300, 1, 1000);
  if (s.has("max_json_string_value_length"))
    out.max_json_string = s.number("max_json_string_value_length", 1 << 20, 1);
  if (s.has("max_json_object_entry_count"))
    out.max_json_members = s.number("max_json_object_entry_count", 10'000, 1);
  if (s.has("max_json_array_element_count"))
    out.max_json_elements = s.number("max_json_array_element_count", 10'000, 1);
  out.forwarded_for_addresses = s.strings("x_forwarded_for_authorized_addrs");
  out.proxy_protocol_behavior = s.text("proxy_protocol_behavior");
  out.proxy_protocol_addresses = s.strings("proxy_protocol_authorized_addrs");
  if (const auto& b = out.proxy_protocol_behavior;
      !b.empty() && b != "use_always" && b != "allow_authorized" && b != "deny_unauthorized")
    s.refuse("proxy_protocol_behavior", "must be use_always, allow_authorized or deny_unauthorized");
  else if (!b.empty() && b != "use_always" && out.proxy_protocol_addresses.empty())
    s.refuse("proxy_protocol_behavior", "needs proxy_protocol_authorized_addrs, which says whom to believe");
  out.max_connections = s.number("max_connections", 0, 0, 1'000'000);
  out.max_connections_per_client = s.number("max_connections_per_client", 0, 0, 1'000'000);
  out.forwarded_for_hop_skips = static_cast<std::uint32_t>(s.number("x_forwarded_for_hop_skips", 0, 0, 100));
  out.forwarded_for_reject_not_present = s.boolean("x_forwarded_for_reject_not_present", true);
  out.forwarded_for_reject_not_authorized = s.boolean("x_forwarded_for_reject_not_authorized", true);
  out.open_rekey = !s.boolean("disable_unauthed_rekey_endpoints", true);
  out.open_generate_root = !s.boolean("disable_unauthed_generate_root_endpoints", true);
  for (const hcl::Block& all : s.blocks("custom_response_headers", 0))
    for (const hcl::Item& status : all.body->items) headers_of_status(reading, status, out.headers);
  for (const hcl::Block& b : s.blocks("telemetry", 0)) {
    Section t(reading, *b.body, "telemetry");
    out.open_metrics = t.boolean("unauthenticated_metrics_access", out.open_metrics);
    t.finish({});
  }
  for (const hcl::Block& b : s.blocks("inflight_requests_logging", 0)) {
    Section t(reading, *b.body, "inflight_requests_logging");
    out.open_in_flight = t.boolean("unauthenticated_in_flight_requests_access", out.open_in_flight);
    t.finish({});
  }
  cors_of(s, out);
  s.finish(kOtherListenerKeys);
  return out;
}

SealConfig seal_of(Reading& reading, const hcl::Block& block) {
  SealConfig out;
  Section s(reading, *block.body, "seal");
  if (s.boolean("disabled", false))
    s.refuse("disabled", "is refused: changing the seal is done with the operator command");
  const std::string_view type = block.labels.front();
  if (type == "static") {
    out.kind = SealConfig::Kind::static_key;
    out.current_key_id = s.text("current_key_id");
    out.current_key = s.text("current_key");
    out.previous_key_id = s.text("previous_key_id");
    out.previous_key = s.text("previous_key");
    if (out.current_key_id.empty()) reading.refuse(block.at, "seal static needs current_key_id");
    const std::string_view rule = "must be file:///path or env://NAME; a key has no place in this file";
    if (!is_key_reference(out.current_key))
      reading.refuse(block.at, fmt::format("seal: current_key {}", rule));
    if (!out.previous_key.empty() && !is_key_reference(out.previous_key)) s.refuse("previous_key", rule);
  } else if (type != "shamir") {
    reading.refuse(block.at, "seal must be shamir or static; other types are not supported");
  }
  s.finish({});
  return out;
}

AuditFileConfig audit_of(Reading& reading, const hcl::Block& block) {
  AuditFileConfig out;
  out.name = block.labels[1];
  if (block.labels[0] != "file")
    reading.refuse(block.at, "audit must be of the type file; other types are not supported");
  if (!is_token(out.name)) reading.refuse(block.at, "audit: the name must be letters, digits, - and _");
  Section s(reading, *block.body, "audit");
  out.description = s.text("description");
  const auto all = s.blocks("options", 0);
  if (all.size() != 1) {
    reading.refuse(block.at, "audit needs one options block with file_path");
  } else {
    Section o(reading, *all.front().body, "audit options");
    out.file_path = o.text("file_path");
    if (out.file_path.empty()) reading.refuse(block.at, "audit needs file_path in its options");
    const unsigned mode = o.file_mode("mode", 0600);
    out.mode = mode == 0 ? 0600 : mode;
    if ((mode & 0111) != 0) o.refuse("mode", "must not make the audit file a program");
    if ((mode & 0002) != 0) o.refuse("mode", "must not let everyone write the audit file");
    const std::string format = o.text("format", "json");
    if (format != "json") o.refuse("format", "must be json");
    out.hmac_accessor = o.boolean("hmac_accessor", true);
    out.elide_list_responses = o.boolean("elide_list_responses", false);
    o.finish(kOtherAuditOptions);
  }
  s.finish(kOtherAuditKeys);
  return out;
}

AuditLogConfig audit_log_of(Reading& reading, const hcl::Block& block, AuditLogConfig out) {
  Section s(reading, *block.body, "audit_log");
  out.path = s.text("path", out.path);
  out.segment_bytes =
      s.number("segment_bytes", out.segment_bytes, std::uint64_t{1} << 20, std::uint64_t{1} << 32);
  out.reserve_bytes = s.number("reserve_bytes", out.reserve_bytes, 0, std::uint64_t{1} << 40);
  if (s.has("retention")) out.retention = s.duration("retention", {});
  if (out.retention && out.retention->count() == 0) out.retention.reset();
  s.finish({});
  return out;
}

LogConfig log_of(Section& s, LogConfig out) {
  std::string level = s.text("log_level", out.level);
  std::transform(level.begin(), level.end(), level.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (level == "err") level = "error";
  if (level == "warning") level = "warn";
  if (level == "notice") level = "info";
  if (level != "trace" && level != "debug" && level != "info" && level != "warn" && level != "error")
    s.refuse("log_level", "must be trace, debug, info, warn or error");
  out.level = level;
  if (s.has("log_format")) {
    const std::string format = s.text("log_format");
    if (format == "json")
      out.format = LogConfig::Format::json;
    else if (format == "standard" || format == "text" || format.empty())
      out.format = LogConfig::Format::text;
    else
      s.refuse("log_format", "must be standard or json");
  }
  out.file = s.text("log_file", out.file);
  return out;
}

void read_top(Reading& reading, const hcl::Body& body, Config& c) {
  Section s(reading, body, "");
  auto stores = s.blocks("storage", 1);
  for (hcl::Block& b : s.blocks("backend", 1)) stores.push_back(std::move(b));
  if (stores.size() > 1) reading.refuse(stores[1].at, "there is more than one storage");
  for (const hcl::Block& b : stores) c.storage = storage_of(reading, b);
  for (const hcl::Block& b : s.blocks("listener", 1)) c.listeners.push_back(listener_of(reading, b));
  const auto seals = s.blocks("seal", 1);
  if (seals.size() > 1) reading.refuse(seals[1].at, "there is more than one seal");
  for (const hcl::Block& b : seals) c.seal = seal_of(reading, b);
  for (const hcl::Block& b : s.blocks("audit", 2)) {
    AuditFileConfig device = audit_of(reading, b);
    const bool known = std::any_of(c.audit_files.begin(), c.audit_files.end(),
                                   [&](const AuditFileConfig& a) { return a.name == device.name; });
    if (known) reading.refuse(b.at, "there is another audit device of this name");
    c.audit_files.push_back(std::move(device));
  }
  for (const hcl::Block& b : s.blocks("telemetry", 0))
    Section(reading, *b.body, "telemetry").finish(kOtherTelemetryKeys);
  for (const hcl::Block& b : s.blocks("audit_log", 0))
    c.audit_log = audit_log_of(reading, b, std::move(c.audit_log));
  c.log = log_of(s, std::move(c.log));
  c.default_lease_ttl = s.duration("default_lease_ttl", c.default_lease_ttl);
  c.max_lease_ttl = s.duration("max_lease_ttl", c.max_lease_ttl);
  c.default_max_request_duration = s.duration("default_max_request_duration", c.default_max_request_duration);
  c.api_addr = s.text("api_addr", c.api_addr);
  if (!c.api_addr.empty() && !is_url(c.api_addr))
    s.refuse("api_addr", "must be a URL such as https://host:8200");
  c.cluster_addr = s.text("cluster_addr", c.cluster_addr);
  if (!c.cluster_addr.empty() && !is_url(c.cluster_addr))
    s.refuse("cluster_addr", "must be a URL such as https://host:8201");
  if (s.has("cluster_addr"))
    reading.remark(Remark::Kind::note, body.find("cluster_addr")->at,
                   fmt::format("cluster_addr: {}", kOneNode));
  for (const auto& [key, why] : {std::pair{"api_addr", "no reply names this address"},
                                 std::pair{"disable_mlock", "keys alone are locked in memory, always"}})
    if (s.has(key))
      reading.remark(Remark::Kind::note, body.find(key)->at,
                     fmt::format("{}: {}; it has no effect", key, why));
  c.cluster_name = s.text("cluster_name", c.cluster_name);
  c.pid_file = s.text("pid_file", c.pid_file);
  c.plugin_directory = s.text("plugin_directory", c.plugin_directory);
  if (s.has("plugin_directory"))
    reading.remark(Remark::Kind::note, body.find("plugin_directory")->at,
                   "plugin_directory: no outside plugin is run; it has no effect");
  const bool ui = s.boolean("ui", c.ui);
  if (ui && !c.ui)
    reading.remark(Remark::Kind::note, body.find("ui")->at,
                   "ui: there is no web interface; it has no effect");
  c.ui = ui;
  c.disable_mlock = s.boolean("disable_mlock", c.disable_mlock);
  c.unsafe_allow_api_audit_creation =
      s.boolean("unsafe_allow_api_audit_creation", c.unsafe_allow_api_audit_creation);
  c.audit_device_directory = s.text("audit_device_directory", c.audit_device_directory);
  if (!c.audit_device_directory.empty() && !c.audit_device_directory.starts_with('/'))
    s.refuse("audit_device_directory", "must be an absolute path");
  c.enable_response_header_hostname =
      s.boolean("enable_response_header_hostname", c.enable_response_header_hostname);
  for (const auto& opened : s.strings("enable_unauthenticated_access")) {
    if (opened == "rekey")
      c.open_rekey = true;
    else if (opened == "generate-root")
      c.open_generate_root = true;
    else
      s.refuse("enable_unauthenticated_access", "knows \"rekey\" and \"generate-root\"");
  }
  s.finish(kOtherKeys);
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMostFile + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) return fail(Code::invalid_argument, fmt::format("{}: cannot be read", path.string()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMostFile)
    return fail(Code::too_large, fmt::format("{}: must be at most 1 MiB", path.string()));
  return text;
}

Result<std::vector<std::filesystem::path>> files_of(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || !fs::exists(status))
    return fail(Code::not_found, fmt::format("{}: there is no such file or directory", path));
  if (!fs::is_directory(status)) return std::vector<fs::path>{path};
  std::vector<fs::path> out;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if ((extension == ".hcl" || extension == ".json") && it->is_regular_file(error))
      out.push_back(it->path());
  }
  if (error) return fail(Code::invalid_argument, fmt::format("{}: cannot be read", path));
  if (out.empty())
    return fail(Code::not_found, fmt::format("{}: there is no .hcl or .json file in this directory", path));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<Config> add_config(Config base, std::string_view file, std::string_view text) {
  auto body = hcl::parse(text, {.bytes = kMostFile});
  if (!body) {
    Error e = std::move(body).error();
    e.message = fmt::format("{}, {}", file, e.message);
    return std::unexpected(std::move(e));
  }
  Reading reading{.file = file};
  read_top(reading, *body, base);
  if (reading.error) return std::unexpected(*std::move(reading.error));
  std::stable_sort(reading.remarks.begin(), reading.remarks.end(),
                   [](const Remark& a, const Remark& b) { return a.line < b.line; });
  base.remarks.insert(base.remarks.end(), std::make_move_iterator(reading.remarks.begin()),
                      std::make_move_iterator(reading.remarks.end()));
  return base;
}

Result<Config> complete_config(Config c) {
  const auto bad = [&](std::string_view rule) {
    // What is missing may be there under a misspelled name.
    std::string text = fmt::format("configuration: {}", rule);
    for (const Remark& r : c.remarks)
      if (r.kind == Remark::Kind::warning) text += "\n  " + r.to_string();
    return fail(Code::invalid_argument, std::move(text));
  };
  if (!c.storage)
    return bad("there is no storage block; add storage \"embedded\" { path = \"/var/lib/strongroom\" }");
  if (c.listeners.empty()) return bad("there is no listener block; add listener \"tcp\" { … }");
  if (c.max_lease_ttl < Seconds(1) || c.default_lease_ttl < Seconds(1))
    return bad("default_lease_ttl and max_lease_ttl must be at least 1 second");
  if (c.default_lease_ttl > c.max_lease_ttl) return bad("default_lease_ttl must not be above max_lease_ttl");
  for (std::size_t i = 0; i < c.listeners.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (c.listeners[i].address == c.listeners[k].address && !c.listeners[i].address.ends_with(":0"))
        return fail(Code::invalid_argument, fmt::format("{}, line {}: another listener has the same address",
                                                        c.listeners[i].file, c.listeners[i].line));
  for (const ListenerConfig& l : c.listeners) {
    if (l.kind != ListenerConfig::Kind::tcp || l.tls) continue;
    const auto host = std::string_view(l.address).substr(0, l.address.rfind(':'));
    if (host == "localhost" || host == "[::1]" || host.starts_with("127.")) continue;
    c.remarks.push_back({Remark::Kind::warning, l.file, l.line,
                         "tls_disable on an address that other machines reach: tokens and secrets cross the "
                         "network in clear"});
  }
  // An audit file among the plugins would be one step from a program that the server runs.
  if (!c.plugin_directory.empty())
    for (const AuditFileConfig& a : c.audit_files)
      if (is_below(a.file_path, c.plugin_directory))
        return bad("an audit file must not be in plugin_directory");
  if (c.audit_log.path.empty() && c.storage->kind == StorageConfig::Kind::embedded)
    c.audit_log.path = (std::filesystem::path(c.storage->path) / "audit").string();
  // What callers of the API may write must not be where the server keeps or reads anything else.
  if (const auto& d = c.audit_device_directory; !d.empty()) {
    if (d.find_first_not_of('/') == d.npos)
      return bad("audit_device_directory must not be the root directory");
    for (const auto& [path, what] :
         {std::pair(c.storage->path, "the storage path"), std::pair(c.audit_log.path, "the audit log's path"),
          std::pair(c.plugin_directory, "plugin_directory"), std::pair(c.log.file, "log_file"),
          std::pair(c.pid_file, "pid_file")})
      if (!path.empty() && (is_below(path, d) || is_below(d, path)))
        return bad(fmt::format("audit_device_directory must be a directory of its own, apart from {}", what));
    struct stat st{};
    if (::stat(d.c_str(), &st) != 0 || !S_ISDIR(st.st_mode))
      return bad("audit_device_directory must be a directory that is there");
    if ((st.st_mode & 0002) != 0) return bad("audit_device_directory must not be writable by everyone");
  }
  return c;
}

Result<Config> load_config(const std::vector<std::string>& paths) {
  Config config;
  for (const std::string& path : paths) {
    SR_LET(const auto files, files_of(path));
    for (const auto& file : files) {
      SR_LET(const std::string text, read_file(file));
      SR_LET(config, add_config(std::move(config), file.string(), text));
    }
  }
  return complete_config(std::move(config));
}

}  // namespace strongroom::server
