// The JSON forms of a mount, shared by sys/mounts and sys/internal/ui/mounts.
#pragma once
#include "system/sys/sys.h"

namespace strongroom::system::sys {

struct Sys::MountConfig {
  std::optional<std::vector<std::string>> allowed_response_headers, audit_non_hmac_request_keys,
      audit_non_hmac_response_keys;
  Seconds default_lease_ttl{};
  bool force_no_cache = false;
  std::optional<std::string> listing_visibility;
  Seconds max_lease_ttl{};
  std::optional<std::vector<std::string>> passthrough_request_headers;
  std::optional<std::string> token_type;
  static constexpr auto fields() {
    using schema::field;
    // What somebody wrote is hashed in the log when it is read, too.
    constexpr auto theirs = schema::omit_empty;
    constexpr auto omit = schema::omit_empty | schema::plain;
    return std::array{
        field<&MountConfig::allowed_response_headers>(
            "allowed_response_headers", "Kept and shown; no engine built so far sets headers.", theirs),
        field<&MountConfig::audit_non_hmac_request_keys>("audit_non_hmac_request_keys",
                                                         "Request fields the audit log shows.", theirs),
        field<&MountConfig::audit_non_hmac_response_keys>("audit_non_hmac_response_keys",
                                                          "Reply fields the audit log shows.", theirs),
        field<&MountConfig::default_lease_ttl>("default_lease_ttl",
                                               "Default TTL in seconds; 0: the server's."),
        field<&MountConfig::force_no_cache>("force_no_cache", "Kept for old clients; has no effect."),
        field<&MountConfig::listing_visibility>("listing_visibility", "unauth shows the mount to everybody.",
                                                omit),
        field<&MountConfig::max_lease_ttl>("max_lease_ttl", "Largest TTL in seconds; 0: the server's."),
        field<&MountConfig::passthrough_request_headers>(
            "passthrough_request_headers", "Kept and shown; no engine built so far reads headers.", theirs),
        field<&MountConfig::token_type>("token_type", "Kind of tokens an auth method gives.", omit)};
  }
};

struct Sys::MountJson {
  std::string accessor;
  MountConfig config;
  std::string deprecation_status = "supported", description;
  bool external_entropy_access = false, local = false;
  std::optional<std::map<std::string, std::string>> options;
  std::string plugin_version, running_plugin_version, running_sha256;
  bool seal_wrap = false;
  std::string type, uuid;
  static constexpr auto fields() {
    using schema::field;
    constexpr auto plain = schema::plain;
    return std::array{
        field<&MountJson::accessor>("accessor", "Names the mount.", plain),
        field<&MountJson::config>("config", "How it is tuned."),
        field<&MountJson::deprecation_status>("deprecation_status", "supported.", plain),
        field<&MountJson::description>("description", "What it is for."),
        field<&MountJson::external_entropy_access>("external_entropy_access", "Always false."),
        field<&MountJson::local>("local", "Kept for old clients."),
        field<&MountJson::options>("options", "Options of the engine, for example version."),
        field<&MountJson::plugin_version>("plugin_version", "Always empty: engines are built in."),
        field<&MountJson::running_plugin_version>("running_plugin_version", "Version of the engine.", plain),
        field<&MountJson::running_sha256>("running_sha256", "Always empty: engines are built in."),
        field<&MountJson::seal_wrap>("seal_wrap", "Kept for old clients."),
        field<&MountJson::type>("type", "Kind of engine.", plain),
        field<&MountJson::uuid>("uuid", "Names the mount for ever.", plain)};
  }
};

struct Sys::At {
  std::string path;
  static constexpr auto fields() {
    return std::array{
        schema::field<&At::path>("path", "Where the engine is mounted.", schema::in_path | schema::plain)};
  }
};

}  // namespace strongroom::system::sys
