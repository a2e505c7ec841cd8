#include "apps/server/sanitized.h"

#include "schema/json.h"

namespace strongroom::apps::server {
namespace {

using strongroom::server::Config;
using strongroom::server::ListenerConfig;

class Object {
 public:
  explicit Object(json::Writer& w) : w_(w) { w_.begin_object(); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { w_.end_object(); }
  Object& text(std::string_view name, std::string_view value) {
    w_.key(name);
    w_.string(value);
    return *this;
  }
  Object& flag(std::string_view name, bool value) {
    w_.key(name);
    w_.boolean(value);
    return *this;
  }
  Object& number(std::string_view name, std::uint64_t value) {
    w_.key(name);
    w_.integer(static_cast<std::int64_t>(value));
    return *this;
  }
  // Vault shows seconds.
  Object& time(std::string_view name, Nanoseconds value) {
    return number(name, static_cast<std::uint64_t>(std::chrono::ceil<Seconds>(value).count()));
  }

 private:
  json::Writer& w_;
};

void listener(json::Writer& w, const ListenerConfig& l) {
  Object all(w);
  w.key("config");
  {
    Object c(w);
    c.text("address", l.address)
        .flag("tls_disable", !l.tls)
        .number("max_request_size", l.max_request_size)
        .time("http_idle_timeout", l.idle_timeout)
        .time("http_read_header_timeout", l.read_header_timeout)
        .time("http_read_timeout", l.read_timeout)
        .time("http_write_timeout", l.write_timeout)
        .flag("unauthenticated_metrics_access", l.open_metrics)
        .flag("unauthenticated_in_flight_requests_access", l.open_in_flight)
        .flag("cors_enabled", l.cors.has_value());
    // Where the certificate is; never where its key is.
    if (l.tls) c.text("tls_cert_file", l.tls->certificate_file);
    if (l.max_request_duration) c.time("max_request_duration", *l.max_request_duration);
    w.key("x_forwarded_for_authorized_addrs");
    w.begin_array();
    for (const auto& a : l.forwarded_for_addresses) w.string(a);
    w.end_array();
  }
  all.text("type", l.kind == ListenerConfig::Kind::tcp ? "tcp" : "unix");
}

}  // namespace

std::string sanitized(const Config& c) {
  SecretText out;
  json::Writer w(out);
  {
    Object all(w);
    all.text("api_addr", c.api_addr)
        .text("cluster_addr", c.cluster_addr)
        .text("cluster_name", c.cluster_name)
        .time("default_lease_ttl", c.default_lease_ttl)
        .time("max_lease_ttl", c.max_lease_ttl)
        .time("default_max_request_duration", c.default_max_request_duration)
        .flag("disable_mlock", c.disable_mlock)
        .flag("enable_ui", c.ui)
        .flag("enable_response_header_hostname", c.enable_response_header_hostname)
        .text("log_level", c.log.level)
        .text("log_format", c.log.format == strongroom::server::LogConfig::Format::json ? "json" : "standard")
        .text("log_file", c.log.file)
        .text("pid_file", c.pid_file)
        .text("plugin_directory", c.plugin_directory)
        .flag("raw_storage_endpoint", false)
        .flag("introspection_endpoint", false)
        .flag("unsafe_allow_api_audit_creation", c.unsafe_allow_api_audit_creation);
    w.key("listeners");
    w.begin_array();
    for (const auto& l : c.listeners) listener(w, l);
    w.end_array();
    w.key("seals");
    w.begin_array();
    Object(w)
        .text("type", c.seal.kind == strongroom::server::SealConfig::Kind::shamir ? "shamir" : "static")
        .flag("disabled", false);
    w.end_array();
    w.key("storage");
    {
      Object s(w);
      if (c.storage) s.text("type", c.storage->type).text("path", c.storage->path);
      s.text("cluster_addr", "").text("redirect_addr", "").flag("disable_clustering", true);
    }
    w.key("audit_log");
    {
      Object a(w);
      a.text("path", c.audit_log.path);
      if (c.audit_log.retention) a.time("retention", *c.audit_log.retention);
    }
    w.key("audit");
    w.begin_array();
    for (const auto& d : c.audit_files)
      Object(w).text("type", "file").text("name", d.name).text("file_path", d.file_path);
    w.end_array();
  }
  return std::string(view(out));
}

}  // namespace strongroom::apps::server
