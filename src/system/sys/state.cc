#include "system/sys/state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "core/versions.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;

std::string_view method_of(Verb verb) {
  static constexpr std::string_view names[] = {"GET", "LIST", "POST", "PATCH", "DELETE", "SCAN"};
  return names[static_cast<std::size_t>(verb)];
}
}  // namespace

// ------------------------------------------------------------------ requests in flight

struct ServerState::InFlight {
  schema::Timestamp start_time;
  std::string client_remote_address, request_path, request_method;
  static constexpr auto fields() {
    return std::array{field<&InFlight::start_time>("start_time", "When it arrived.", kPlain),
                      field<&InFlight::client_remote_address>("client_remote_address",
                                                              "Address and port of the client.", kPlain),
                      field<&InFlight::request_path>("request_path", "Its path, at most 128 bytes."),
                      field<&InFlight::request_method>("request_method", "Its method.", kPlain)};
  }
};

Result<std::map<std::string, ServerState::InFlight>> ServerState::in_flight(Prompt& p,
                                                                            const schema::Empty&) const {
  p.aside.frame = engine::Frame::raw;
  std::map<std::string, InFlight> out;
  for (auto& f : parts_.traffic.in_flight()) {
    const auto h = to_hex(f.id);
    auto id = fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4), h.substr(16, 4),
                          h.substr(20));
    std::string from;
    if (!f.address.empty())
      from = f.address.find(':') == f.address.npos ? fmt::format("{}:{}", f.address, f.port)
                                                   : fmt::format("[{}]:{}", f.address, f.port);
    out.emplace(std::move(id),
                InFlight{{f.started}, std::move(from), "/v1/" + f.path, std::string(method_of(f.verb))});
  }
  return out;
}

// ------------------------------------------------------------------ versions

namespace {
struct VersionJson {
  std::string commit_date;
  std::optional<std::string> previous_version;
  schema::Timestamp timestamp_installed;
  static constexpr auto fields() {
    return std::array{field<&VersionJson::commit_date>("commit_date", "Kept for old clients; empty.", kPlain),
                      field<&VersionJson::previous_version>(
                          "previous_version", "The version before; null for the first.", kPlain),
                      field<&VersionJson::timestamp_installed>("timestamp_installed",
                                                               "When it first opened this store.", kPlain)};
  }
};
}  // namespace

struct ServerState::Versions {
  std::map<std::string, VersionJson> key_info;
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{
        field<&Versions::key_info>("key_info", "When each was first run, by version.", kPlain),
        field<&Versions::keys>("keys", "Versions that have opened this store, the oldest first.", kPlain)};
  }
};

Result<ServerState::Versions> ServerState::versions(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto all, core::versions(p.txn));
  Versions out;
  for (const auto& v : all) {
    VersionJson one;
    if (!out.keys.empty()) one.previous_version = out.keys.back();
    one.timestamp_installed = {v.first_run};
    out.keys.push_back(v.version);
    out.key_info.emplace(v.version, std::move(one));
  }
  return out;
}

// ------------------------------------------------------------------ the node

namespace {
struct NodeJson {
  std::string hostname, api_address, cluster_address;
  bool active_node = true;
  std::optional<std::string> last_echo;
  std::string version;
  static constexpr auto fields() {
    return std::array{
        field<&NodeJson::hostname>("hostname", "Name of the machine.", kPlain),
        field<&NodeJson::api_address>("api_address", "Where clients reach it, as configured.", kPlain),
        field<&NodeJson::cluster_address>("cluster_address", "Empty: there is one node.", kPlain),
        field<&NodeJson::active_node>("active_node", "Whether it serves."),
        field<&NodeJson::last_echo>("last_echo", "Always null: there is one node.", kPlain),
        field<&NodeJson::version>("version", "What it runs.", kPlain)};
  }
};
}  // namespace

struct ServerState::Nodes {
  std::vector<NodeJson> nodes;
  static constexpr auto fields() {
    return std::array{field<&Nodes::nodes>("nodes", "The nodes of the cluster: this one.", kPlain)};
  }
};

Result<ServerState::Nodes> ServerState::ha_status(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return Nodes{{{host.data(), parts_.api_address, "", true, std::nullopt, parts_.version}}};
}

// ------------------------------------------------------------------ the configuration

Result<std::optional<schema::StoredJson>> ServerState::sanitized(Prompt&, const schema::Empty&) const {
  if (parts_.sanitized_config.empty()) return std::nullopt;
  return schema::StoredJson{SecretText(parts_.sanitized_config)};
}

struct ServerState::Subsystem {
  std::string subsystem;
  static constexpr auto fields() {
    return std::array{field<&Subsystem::subsystem>("subsystem", "What to reload.", schema::in_path | kPlain)};
  }
};

// As OpenBao has it: the path is there, no subsystem is. SIGHUP reloads.
Result<schema::Empty> ServerState::reload(Prompt&, const Subsystem&) const {
  return fail(Code::not_found, engine::kUnsupportedPath);
}

namespace {
using S = ServerState;
constexpr std::array kRoutes{
    route<&S::in_flight>(Verb::read, "in-flight-req", "Requests that have not been answered yet",
                         engine::by_listener, "collect-in-flight-request-information"),
    route<&S::versions>(Verb::list, "version-history", "Versions that have opened this store",
                        engine::guarded, "version-history"),
    route<&S::ha_status>(Verb::read, "ha-status", "Nodes of the cluster", engine::guarded, "ha-status"),
    route<&S::sanitized>(Verb::read, "config/state/sanitized", "The configuration without anything secret",
                         engine::guarded, "read-sanitized-configuration-state"),
    route<&S::reload>(Verb::write, "config/reload/{subsystem}",
                      "Reloads nothing: send SIGHUP to reload certificates and files", engine::guarded,
                      "reload-subsystem"),
};
}  // namespace
std::span<const engine::Route> ServerState::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
