#include "apps/server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/server/sanitized.h"
#include "schema/json.h"

namespace strongroom::server {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Config read(std::string_view text) {
  auto c = add_config({}, "s.hcl", text);
  EXPECT_TRUE(c) << c.error().message;
  return c ? *std::move(c) : Config{};
}
std::string refusal(std::string_view text) {
  const auto c = add_config({}, "s.hcl", text);
  return c ? "accepted" : c.error().message;
}
std::string remarks(const Config& c) {
  std::string out;
  for (const Remark& r : c.remarks) out += r.to_string() + "\n";
  return out;
}
std::string refused_as_a_whole(std::string_view text) {
  auto c = add_config({}, "s.hcl", text);
  EXPECT_TRUE(c) << c.error().message;
  auto whole = complete_config(*std::move(c));
  return whole ? "accepted" : whole.error().message;
}

constexpr std::string_view kLarge = R"(
ui            = true
disable_mlock = true
api_addr      = "https://vault.example:8200"
cluster_addr  = "https://10.0.0.1:8201"
cluster_name  = "prod"
default_lease_ttl = "1h"
max_lease_ttl     = 7200
log_level  = "WARN"
log_format = "json"
log_file   = "/var/log/strongroom.log"
pid_file   = "/run/strongroom.pid"
unsafe_allow_api_audit_creation = true

storage "raft" {
  path    = "/var/lib/strongroom"
  node_id = "node1"
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/cert.pem"
  tls_key_file  = "/etc/key.pem"
  tls_min_version = "tls13"
  tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
  http_idle_timeout = "1m"
  http_read_header_timeout = 5
  max_request_size = 1048576
  http2_disable = true
  http2_max_concurrent_streams = 7
  max_request_duration = "30s"
  max_json_depth = 50
  x_forwarded_for_authorized_addrs = ["10.0.0.0/8", "::1"]
  x_forwarded_for_hop_skips = "1"
  x_forwarded_for_reject_not_present = "false"
  custom_response_headers {
    "default" = { "Strict-Transport-Security" = ["max-age=31536000", "includeSubDomains"] }
    "4xx" = { "X-Custom" = "v" }
  }
  telemetry { unauthenticated_metrics_access = true }
}
listener "unix" {
  address = "/run/strongroom.sock"
  socket_mode = "0660"
  socket_group = "app"
}

seal "static" {
  current_key_id = "k1"
  current_key = "file:///etc/strongroom/key"
}
audit "file" "main" {
  description = "for the collector"
  options { file_path = "/var/log/audit.log" mode = "0640" hmac_accessor = "false" }
}
audit_log {
  path = "/var/lib/log"
  segment_bytes = 67108864
  retention = "8760h"
  reserve_bytes = 268435456
}
telemetry { prometheus_retention_time = "30s" }
)";

TEST(Config, ReadsVaultsStanzas) {
  const Config c = read(kLarge);
  ASSERT_TRUE(c.storage);
  EXPECT_EQ(c.storage->kind, StorageConfig::Kind::embedded);
  EXPECT_EQ(c.storage->type, "raft");
  EXPECT_EQ(c.storage->path, "/var/lib/strongroom");
  ASSERT_EQ(c.listeners.size(), 2u);
  const ListenerConfig& tcp = c.listeners[0];
  EXPECT_EQ(tcp.address, "0.0.0.0:8200");
  ASSERT_TRUE(tcp.tls);
  EXPECT_TRUE(tcp.tls->tls13_only);
  EXPECT_EQ(tcp.tls->cipher_suites.size(), 2u);
  EXPECT_EQ(tcp.idle_timeout, Seconds(60));
  EXPECT_EQ(tcp.read_header_timeout, Seconds(5));
  EXPECT_EQ(tcp.read_timeout, Seconds(30));
  EXPECT_EQ(tcp.max_request_size, 1048576u);
  EXPECT_FALSE(tcp.http2);
  EXPECT_EQ(tcp.http2_streams, 7u);
  EXPECT_EQ(tcp.max_request_duration, Nanoseconds(Seconds(30)));
  EXPECT_EQ(tcp.max_json_depth, 50u);
  EXPECT_THAT(tcp.forwarded_for_addresses, ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_EQ(tcp.forwarded_for_hop_skips, 1u);
  EXPECT_FALSE(tcp.forwarded_for_reject_not_present);
  EXPECT_TRUE(tcp.forwarded_for_reject_not_authorized);
  ASSERT_EQ(tcp.headers.size(), 2u);
  EXPECT_EQ(tcp.headers[0].value, "max-age=31536000; includeSubDomains");
  EXPECT_EQ(tcp.headers[1].status, "4xx");
  EXPECT_EQ(c.listeners[1].kind, ListenerConfig::Kind::unix_socket);
  EXPECT_EQ(c.listeners[1].socket_mode, 0660u);
  EXPECT_FALSE(c.listeners[1].tls);
  EXPECT_EQ(c.seal.kind, SealConfig::Kind::static_key);
  ASSERT_EQ(c.audit_files.size(), 1u);
  EXPECT_EQ(c.audit_files[0].name, "main");
  EXPECT_EQ(c.audit_files[0].mode, 0640u);
  EXPECT_FALSE(c.audit_files[0].hmac_accessor);
  EXPECT_EQ(c.audit_log.segment_bytes, 67108864u);
  EXPECT_EQ(c.audit_log.retention, Nanoseconds(std::chrono::hours(8760)));
  EXPECT_EQ(c.log.level, "warn");
  EXPECT_EQ(c.log.format, LogConfig::Format::json);
  EXPECT_EQ(c.default_lease_ttl, Seconds(3600));
  EXPECT_EQ(c.max_lease_ttl, Seconds(7200));
  EXPECT_TRUE(c.ui && c.disable_mlock && c.unsafe_allow_api_audit_creation);
  for (const Remark& r : c.remarks) EXPECT_EQ(r.kind, Remark::Kind::note) << r.to_string();
  EXPECT_THAT(remarks(c), HasSubstr("s.hcl, line 17: storage: node_id: this server is one node"));
  for (const char* key : {"api_addr", "disable_mlock"})
    EXPECT_THAT(remarks(c), HasSubstr(std::string(key) + ": ")) << "accepted without effect, so it says so";
  EXPECT_THAT(remarks(c), HasSubstr("storage raft: the embedded store is used at its path"));
  EXPECT_TRUE(std::is_sorted(c.remarks.begin(), c.remarks.end(),
                             [](const Remark& a, const Remark& b) { return a.line < b.line; }));
}

TEST(Config, ReadsJsonToTheSameEnd) {
  for (
      const char* text :
      {R"({"storage": {"file": {"path": "/d"}}, "listener": {"tcp": {"address": "127.0.0.1:0", "tls_disable": true}}})",
       R"({"backend": {"file": {"path": "/d"}}, "listener": [{"tcp": {"address": "127.0.0.1:0", "tls_disable": "true"}}]})",
       R"({"storage": [{"file": [{"path": "/d"}]}], "listener": {"tcp": [{"address": "127.0.0.1:0", "tls_disable": 1}]}})"}) {
    const Config c = read(text);
    ASSERT_TRUE(c.storage) << text;
    EXPECT_EQ(c.storage->path, "/d");
    ASSERT_EQ(c.listeners.size(), 1u) << text;
    EXPECT_EQ(c.listeners[0].address, "127.0.0.1:0");
    EXPECT_FALSE(c.listeners[0].tls);
  }
}

TEST(Config, WarnsOfUnknownKeysWithTheirPlace) {
  const Config c = read(
      "uii = true\nlistener \"tcp\" {\n  tls_disable = true\n  adress = \"x\"\n}\n\"pass word=hunter2\" = 1");
  EXPECT_THAT(remarks(c), HasSubstr("s.hcl, line 1: uii is not known and has no effect"));
  EXPECT_THAT(remarks(c), HasSubstr("s.hcl, line 4: listener: adress is not known and has no effect"));
  EXPECT_THAT(remarks(c), Not(HasSubstr("hunter2")));
  EXPECT_EQ(c.remarks.size(), 3u);
  for (const Remark& r : c.remarks) EXPECT_EQ(r.kind, Remark::Kind::warning);
}

TEST(Config, RefusesWrongTypesWithFileAndLine) {
  EXPECT_EQ(refusal("\nui = \"hunter2\""), "s.hcl, line 2, column 1: ui must be true or false");
  EXPECT_EQ(refusal("listener \"tcp\" {\n  tls_disable = [1]\n}"),
            "s.hcl, line 2, column 3: listener: tls_disable must be true or false");
  for (const char* text :
       {"ui = []",
        "max_lease_ttl = \"hunter2\"",
        "max_lease_ttl = -1",
        "max_lease_ttl = true",
        "api_addr = 5",
        "api_addr = \"hunter2\"",
        "api_addr = \"https://user:hunter2@host\"",
        "log_level = \"hunter2\"",
        "log_format = \"hunter2\"",
        "storage = \"hunter2\"",
        "storage {}",
        "storage \"hunter2\" {}",
        "storage \"file\" {}",
        "storage \"file\" { path = 1 }",
        "storage \"inmem\" {} backend \"inmem\" {}",
        "storage \"embedded\" { path = \"/d\" map_bytes = 5 }",
        "listener \"hunter2\" { tls_disable = true }",
        "listener \"tcp\" {}",
        "listener \"tcp\" { tls_disable = true address = \"a:b\" }",
        "listener \"tcp\" { tls_disable = true address = \"1:2:3\" }",
        "listener \"tcp\" { tls_disable = true address = \"{{ GetPrivateIP }}:1\" }",
        "listener \"tcp\" { tls_cert_file = \"hunter2\" }",
        "listener \"tcp\" { tls_disable = true tls_min_version = \"tls11\" }",
        "listener \"tcp\" { tls_disable = true max_request_size = 0 }",
        "listener \"tcp\" { tls_disable = true max_request_size = 99999999999 }",
        "listener \"tcp\" { tls_disable = true http_idle_timeout = {} }",
        "listener \"tcp\" { tls_disable = true tls_require_and_verify_client_cert = true }",
        "listener \"tcp\" { tls_disable = true proxy_protocol_behavior = \"hunter2\" }",
        "listener \"tcp\" { tls_disable = true tls_acme_domains = [\"hunter2\"] }",
        "listener \"tcp\" { tls_disable = true x_forwarded_for_authorized_addrs = [1] }",
        "listener \"tcp\" { tls_disable = true redact_version = true }",
        "listener \"unix\" {}",
        "listener \"unix\" { address = \"/x\" socket_mode = \"9\" }",
        "listener \"tcp\" { tls_disable = true custom_response_headers { default = 1 } }",
        "listener \"tcp\" { tls_disable = true custom_response_headers { hunter2 = {} } }",
        "listener \"tcp\" { tls_disable = true custom_response_headers { default = { \"A b\" = \"x\" } } }",
        "listener \"tcp\" { tls_disable = true custom_response_headers { default = { \"X-VAULT-Y\" = \"x\" } "
        "} }",
        "listener \"tcp\" { tls_disable = true custom_response_headers { default = { \"A\" = "
        "\"x\\r\\nhunter2: 1\" } } }",
        "seal \"awskms\" {}",
        "seal \"static\" {}",
        "seal \"static\" { current_key_id = \"a\" current_key = \"hunter2\" }",
        "seal \"shamir\" {} seal \"shamir\" {}",
        "raw_storage_endpoint = true",
        "allow_audit_log_prefixing = true",
        "initialize \"x\" {}",
        "unsafe_relative_paths = true",
        "audit \"syslog\" \"x\" { options {} }",
        "audit \"file\" \"x\" {}",
        "audit \"file\" {}",
        "audit \"file\" \"x y\" { options { file_path = \"/a\" } }",
        "audit \"file\" \"x\" { options { file_path = \"/a\" log_raw = true } }",
        "audit \"file\" \"x\" { options { file_path = \"/a\" format = \"jsonx\" } }",
        "audit_log { segment_bytes = 1 }",
        "audit_log { retention = [] }",
        "audit \"file\" \"x\" { options { file_path = \"/a\" } } audit \"file\" \"x\" { options { file_path "
        "= \"/b\" } }",
        "ui = true ui = true",
        "ui = hunter2"})
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("s.hcl, line 1, column "), Not(HasSubstr("hunter2")))) << text;
  for (const char* text :
       {"raw_storage_endpoint = false", "allow_audit_log_prefixing = \"false\"",
        "listener \"tcp\" { tls_disable = true redact_version = false }",
        "listener \"tcp\" { tls_disable = true tls_require_and_verify_client_cert = \"false\" }"})
    EXPECT_EQ(refusal(text), "accepted") << text;
}

// CVE-2025-6000: an audit device, a prefix and an executable mode wrote a plugin.
TEST(Config, C01_AnAuditFileIsNeverAProgram) {
  const auto with = [](std::string_view options) {
    return fmt::format("audit \"file\" \"x\" {{ options {{ file_path = \"/var/audit.log\" {} }} }}", options);
  };
  EXPECT_EQ(refusal(with("")), "accepted");
  for (const char* mode : {"0700", "0755", "0610", "0601", "777"})
    EXPECT_THAT(refusal(with(fmt::format("mode = \"{}\"", mode))),
                HasSubstr("must not make the audit file a program"));
  EXPECT_THAT(refusal(with("mode = \"0602\"")), HasSubstr("must not let everyone write"));
  EXPECT_THAT(refusal(with("prefix = \"#!/bin/sh\"")),
              HasSubstr("a prefix could turn an audit file into a program"));
  EXPECT_THAT(refusal("allow_audit_log_prefixing = true"), HasSubstr("a prefix could turn"));
  const Config open = read(with("mode = \"0000\""));
  EXPECT_EQ(open.audit_files.at(0).mode, 0600u);
  for (const char* path : {"/opt/plugins/x", "/opt/plugins/../plugins/x", "/opt/./plugins/deep/x"})
    EXPECT_THAT(refused_as_a_whole(fmt::format("plugin_directory = \"/opt/plugins/\"\nstorage \"inmem\" {{}} "
                                               "listener \"tcp\" {{ tls_disable = true }}\n"
                                               "audit \"file\" \"x\" {{ options {{ file_path = \"{}\" }} }}",
                                               path)),
                HasSubstr("must not be in plugin_directory"))
        << path;
}

TEST(Config, C01_TheDirectoryOfAuditDevicesIsOneOfItsOwn) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sr-config-XXXXXX").native();
  const std::string root = ::mkdtemp(pattern.data());
  std::filesystem::create_directories(root + "/devices");
  std::filesystem::create_directories(root + "/open");
  std::filesystem::permissions(root + "/open", std::filesystem::perms::all);
  const auto with = [&](std::string_view directory, std::string_view more = "") {
    return refused_as_a_whole(
        fmt::format("storage \"file\" {{ path = \"{}/data\" }} listener \"tcp\" {{ tls_disable = true }}\n"
                    "audit_device_directory = \"{}\"\n{}",
                    root, directory, more));
  };
  EXPECT_EQ(with(root + "/devices"), "accepted");
  for (const auto& d : {root, root + "/data", root + "/data/audit", root + "/data/x/../y", root + "/./data"})
    EXPECT_THAT(with(d), HasSubstr("must be a directory of its own")) << d;
  EXPECT_THAT(with(root + "/devices", fmt::format("plugin_directory = \"{}/devices/p\"", root)),
              HasSubstr("apart from plugin_directory"));
  EXPECT_THAT(with(root + "/none"), HasSubstr("must be a directory that is there"));
  EXPECT_THAT(with(root + "/open"), HasSubstr("must not be writable by everyone"));
  EXPECT_THAT(with("/"), HasSubstr("must not be the root directory"));
  EXPECT_THAT(refusal("audit_device_directory = \"devices\""), HasSubstr("must be an absolute path"));
  std::filesystem::remove_all(root);
}

TEST(Config, FillsInPorts) {
  const auto address = [](std::string_view a) {
    return read(fmt::format("listener \"tcp\" {{ tls_disable = true address = \"{}\" }}", a))
        .listeners.at(0)
        .address;
  };
  EXPECT_EQ(address("10.0.0.1"), "10.0.0.1:8200");
  EXPECT_EQ(address(":8300"), "[::]:8300");
  EXPECT_EQ(address("[::1]"), "[::1]:8200");
  EXPECT_EQ(address("[::1]:1"), "[::1]:1");
  EXPECT_EQ(read("listener \"tcp\" { tls_disable = true }").listeners.at(0).address, "127.0.0.1:8200");
}

TEST(Config, WantsAWholeConfiguration) {
  EXPECT_THAT(refused_as_a_whole("ui = false"), HasSubstr("no storage block"));
  EXPECT_THAT(refused_as_a_whole("storage \"inmem\" {}"), HasSubstr("no listener block"));
  constexpr std::string_view base =
      "storage \"embedded\" { path = \"/d\" } listener \"tcp\" { tls_disable = true }\n";
  EXPECT_EQ(refused_as_a_whole(base), "accepted");
  EXPECT_THAT(refused_as_a_whole(std::string(base) + "default_lease_ttl = 10 max_lease_ttl = 5"),
              HasSubstr("must not be above"));
  EXPECT_THAT(refused_as_a_whole(std::string(base) + "listener \"tcp\" { tls_disable = true }"),
              HasSubstr("line 2: another listener"));
  auto c = add_config({}, "s.hcl", base);
  ASSERT_TRUE(c);
  EXPECT_EQ(complete_config(*std::move(c))->audit_log.path, "/d/audit");
}

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sr_config_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string put(const std::string& name, std::string_view text) {
    std::ofstream(directory_ / name) << text;
    return (directory_ / name).string();
  }
  std::filesystem::path directory_;
};

TEST_F(ConfigFiles, MergeInOrder) {
  put("20.json",
      R"({"listener": {"tcp": {"address": "127.0.0.1:2", "tls_disable": true}}, "cluster_name": "second"})");
  put("10.hcl",
      "storage \"inmem\" {}\ncluster_name = \"first\"\nlistener \"tcp\" { address = \"127.0.0.1:1\" "
      "tls_disable = true }");
  put("notes.txt", "not read");
  const auto c = load_config({directory_.string()});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->cluster_name, "second");
  ASSERT_EQ(c->listeners.size(), 2u);
  EXPECT_EQ(c->listeners[0].address, "127.0.0.1:1");
  const std::string more = put("more.conf", "cluster_name = \"third\"");
  EXPECT_EQ(load_config({directory_.string(), more})->cluster_name, "third");
}

TEST_F(ConfigFiles, SayWhatIsMissing) {
  EXPECT_THAT(load_config({(directory_ / "none.hcl").string()}).error().message,
              HasSubstr("there is no such file"));
  EXPECT_THAT(load_config({directory_.string()}).error().message,
              HasSubstr("there is no .hcl or .json file"));
  const std::string bad = put("bad.hcl", "\n\nui = ");
  EXPECT_THAT(load_config({bad}).error().message, HasSubstr("bad.hcl, line 3, column 6"));
  const std::string large = put("large.hcl", std::string(2 << 20, '#'));
  EXPECT_THAT(load_config({large}).error().message, HasSubstr("at most 1 MiB"));
}

TEST(Config, ListenersOpenWhatTheySay) {
  const Config c = read(R"(
storage "inmem" {}
listener "tcp" {
  tls_disable = true
  telemetry { unauthenticated_metrics_access = true }
  inflight_requests_logging { unauthenticated_in_flight_requests_access = "true" }
  cors_enabled = true
  cors_allowed_origins = ["https://a.example", "https://b.example"]
  cors_allowed_headers = "X-Mine"
}
listener "tcp" { address = "127.0.0.1:8300" tls_disable = true }
)");
  ASSERT_EQ(c.listeners.size(), 2u);
  EXPECT_TRUE(c.listeners[0].open_metrics);
  EXPECT_TRUE(c.listeners[0].open_in_flight);
  ASSERT_TRUE(c.listeners[0].cors);
  EXPECT_EQ(c.listeners[0].cors->origins.size(), 2u);
  EXPECT_EQ(c.listeners[0].cors->headers, std::vector<std::string>{"X-Mine"});
  EXPECT_FALSE(c.listeners[1].open_metrics);
  EXPECT_FALSE(c.listeners[1].open_in_flight);
  EXPECT_FALSE(c.listeners[1].cors);
}

TEST(Config, ACorsRuleThatOpensTooMuchIsRefused) {
  for (const auto* lines :
       {"cors_enabled = true", "cors_enabled = true cors_allowed_origins = \"*,https://a.example\"",
        "cors_enabled = true cors_allowed_origins = \"*\" cors_allow_credentials = true"})
    EXPECT_FALSE(add_config({}, "f", std::string("listener \"tcp\" { tls_disable = true\n") + lines + "\n}"))
        << lines;
}

// What a file may hold that others must not see is not in what sys/config/state/sanitized shows.
TEST(Sanitized, ShowsNothingOfKeys) {
  Config c = read(kLarge);
  c.seal.current_key = "env://canary-key";
  c.seal.current_key_id = "canary-id";
  c.listeners[0].headers.push_back({"default", "X-Secret", "canary-header"});
  c.listeners[0].tls->key_file = "/canary-path/key.pem";
  const auto shown = apps::server::sanitized(c);
  EXPECT_EQ(shown.find("canary"), shown.npos) << shown;
  EXPECT_TRUE(json::Doc::parse(shown));
  EXPECT_NE(shown.find("\"type\":\"static\""), shown.npos);
  EXPECT_NE(shown.find("/var/lib/strongroom"), shown.npos);
}

}  // namespace
}  // namespace strongroom::server
