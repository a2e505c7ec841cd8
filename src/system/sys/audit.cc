#include "system/sys/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/path.h"
#include "core/mounts.h"
#include "core/request_headers.h"
#include "identity/policy.h"

namespace strongroom::system::sys {
namespace {
using engine::Blocking;
using engine::Prompt;
using engine::route;
using engine::sudo;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;

constexpr std::size_t kMostDevices = 16;  // each has a thread
constexpr std::size_t kMostPath = 64;
constexpr std::size_t kMostText = 4096;
constexpr std::size_t kMostHeaders = 64;

std::string new_id(Random& random) {
  std::array<std::byte, 8> b{};
  random.fill(b);
  return to_hex(b);
}
}  // namespace

struct Audit::Device {
  std::string description;
  bool local = false;
  std::map<std::string, std::string> options;
  std::string path;
  std::optional<std::string> state;
  std::string type;
  static constexpr auto fields() {
    return std::array{
        field<&Device::description>("description", "What it is for."),
        field<&Device::local>("local", "Kept for old clients."),
        field<&Device::options>("options", "How it writes."),
        field<&Device::path>("path", "Its name, with a slash at the end."),
        field<&Device::state>(
            "state", "Why it does not write now; what it misses waits in the log. Absent while all is well.",
            schema::omit_empty),
        field<&Device::type>("type", "Kind of device.")};
  }
};
struct Audit::At {
  std::string path;
  static constexpr auto fields() {
    return std::array{field<&At::path>("path", "Name of the device.", schema::in_path | kPlain)};
  }
};
struct Audit::Enable {
  std::string path, type, description;
  std::map<std::string, std::string> options;
  bool local = false;
  static constexpr auto fields() {
    return std::array{
        field<&Enable::path>("path", "Name of the device.", schema::in_path | kPlain),
        field<&Enable::type>("type", "Kind of device: file."),
        field<&Enable::description>("description", "What it is for."),
        field<&Enable::options>("options",
                                "file_path (below the server's audit_device_directory, or stdout, or "
                                "discard), mode, format."),
        field<&Enable::local>("local", "Kept for old clients; has no effect.").starts_as("false")};
  }
};
struct Audit::Text {
  std::string path;
  Secret input;
  static constexpr auto fields() {
    return std::array{
        field<&Text::path>("path", "Name of a device; all give the same hash.", schema::in_path | kPlain),
        field<&Text::input>("input", "The text whose HMAC to look for in the audit log.")};
  }
};
struct Audit::Hash {
  std::string hash;
  static constexpr auto fields() {
    return std::array{field<&Hash::hash>("hash", "The HMAC as it stands in the audit log.")};
  }
};
struct Audit::Header {
  bool hmac = false;
  static constexpr auto fields() {
    return std::array{field<&Header::hmac>("hmac", "Whether the log has its HMAC in place of the value.")};
  }
};
struct Audit::HeaderAt {
  std::string header;
  static constexpr auto fields() {
    return std::array{field<&HeaderAt::header>("header", "Name of the header.", schema::in_path | kPlain)};
  }
};
struct Audit::Headers {
  std::map<std::string, Header> headers;
  static constexpr auto fields() {
    return std::array{field<&Headers::headers>("headers", "Request headers that the audit log shows.")};
  }
};
struct Audit::SetHeader {
  std::string header;
  bool hmac = false;
  static constexpr auto fields() {
    return std::array{
        field<&SetHeader::header>("header", "Name of the header.", schema::in_path | kPlain),
        field<&SetHeader::hmac>("hmac", "Log its HMAC in place of the value.").starts_as("false")};
  }
};

// ------------------------------------------------------------------ devices

Result<std::map<std::string, Audit::Device>> Audit::list(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(auto devices, core::audit_devices(p.txn));
  std::ranges::move(control_.devices().configured(), std::back_inserter(devices));
  std::map<std::string, Device> out;
  for (auto& d : devices) {
    Device j;
    if (auto trouble = control_.devices().trouble(d.path); !trouble.empty()) j.state = std::move(trouble);
    j.description = std::move(d.description);
    j.local = d.local;
    j.options = std::move(d.options);
    j.type = std::move(d.type);
    j.path = d.path;
    out.emplace(std::move(d.path), std::move(j));
  }
  return out;
}

// Blocking: looking at a place in a file system may take long.
Result<schema::Empty> Audit::enable(Blocking& p, const Enable& in) const {
  SR_TRY(control_.devices().admits());
  core::AuditDevice d;
  d.path = core::as_mount_path(in.path);
  SR_LET([[maybe_unused]] const auto canonical, Path::from_text(d.path));
  if (d.path.size() > kMostPath) return bad("path: must be at most 63 bytes");
  SR_LET(auto devices, core::audit_devices(p.txn));
  const auto taken = [&](const core::AuditDevice& other) {
    return d.path.starts_with(other.path) || other.path.starts_with(d.path);
  };
  if (std::ranges::any_of(devices, taken) || std::ranges::any_of(control_.devices().configured(), taken))
    return bad("path already in use");
  if (devices.size() == kMostDevices) return bad("there are 16 audit devices already: disable one first");
  if (in.description.size() > kMostText) return bad("description: must be at most 4096 bytes");
  std::size_t size = 0;
  for (const auto& [name, value] : in.options) size += name.size() + value.size();
  if (size > kMostText) return bad("options: must be at most 4096 bytes together");
  d.type = in.type;
  d.description = in.description;
  d.options = in.options;
  d.local = in.local;
  SR_TRY(control_.devices().check(d));
  d.id = new_id(p.random);
  d.from = control_.audit_size();
  devices.push_back(std::move(d));
  std::ranges::sort(devices, {}, &core::AuditDevice::path);
  core::put_audit_devices(p.txn, devices);
  return schema::Empty{};
}

Result<schema::Empty> Audit::disable(Prompt& p, const At& in) const {
  const auto path = core::as_mount_path(in.path);
  for (const auto& d : control_.devices().configured())
    if (d.path == path) return bad("cannot disable configuration-managed audit device");
  SR_LET(auto devices, core::audit_devices(p.txn));
  if (std::erase_if(devices, [&](const auto& d) { return d.path == path; }) != 0)
    core::put_audit_devices(p.txn, devices);
  return schema::Empty{};
}

Result<Audit::Hash> Audit::hash(Prompt& p, const Text& in) const {
  if (in.input.empty()) return bad("the \"input\" parameter is empty");
  const auto path = core::as_mount_path(in.path);
  const auto named = [&](const core::AuditDevice& d) { return d.path == path; };
  SR_LET(const auto devices, core::audit_devices(p.txn));
  if (std::ranges::none_of(devices, named) && std::ranges::none_of(control_.devices().configured(), named))
    return bad(fmt::format("unknown audit backend \"{}\"", path));
  p.aside.frame = engine::Frame::merged;
  SR_LET(auto text, control_.audit_hash(in.input.reveal_text(Reveal::to_cipher)));
  return Hash{std::move(text)};
}

// ------------------------------------------------------------------ request headers

Result<Audit::Headers> Audit::headers(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(const auto stored, core::audited_headers(p.txn));
  Headers out;
  for (const auto& h : stored) out.headers[h.name].hmac = h.hashed;
  return out;
}

Result<std::map<std::string, Audit::Header>> Audit::header(Prompt& p, const HeaderAt& in) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(const auto stored, core::audited_headers(p.txn));
  const auto found = std::ranges::find(stored, identity::ascii_lower(in.header), &core::AuditedHeader::name);
  if (found == stored.end()) return bad("Could not find header in config");
  return std::map<std::string, Header>{{in.header, {found->hashed}}};
}

Result<schema::Empty> Audit::set_header(Prompt& p, const SetHeader& in) const {
  if (!core::is_header_name(in.header)) return bad("header: must be the name of an HTTP header field");
  SR_LET(auto stored, core::audited_headers(p.txn));
  core::AuditedHeader h{identity::ascii_lower(in.header), in.hmac};
  if (!h.hashed && core::always_hashed(h.name)) {
    h.hashed = true;
    p.aside.warnings.emplace_back(
        "hmac: is true for this header, as its values may be credentials; they are never logged in clear");
  }
  if (const auto known = std::ranges::find(stored, h.name, &core::AuditedHeader::name);
      known != stored.end()) {
    *known = std::move(h);
  } else {
    if (stored.size() == kMostHeaders) return bad("there are 64 headers already: remove one first");
    stored.push_back(std::move(h));
    std::ranges::sort(stored, {}, &core::AuditedHeader::name);
  }
  core::put_audited_headers(p.txn, stored);
  return schema::Empty{};
}

Result<schema::Empty> Audit::drop_header(Prompt& p, const HeaderAt& in) const {
  SR_LET(auto stored, core::audited_headers(p.txn));
  if (std::erase_if(stored,
                    [name = identity::ascii_lower(in.header)](const auto& h) { return h.name == name; }) != 0)
    core::put_audited_headers(p.txn, stored);
  return schema::Empty{};
}

namespace {
constexpr std::array kRoutes{
    route<&Audit::list>(Verb::read, "audit", "List the audit devices beside the built-in log", sudo,
                        "auditing-list-enabled-devices"),
    route<&Audit::enable>(Verb::write, "audit/{path...}", "Enable an audit device", sudo,
                          "auditing-enable-device"),
    route<&Audit::disable>(Verb::erase, "audit/{path...}",
                           "Disable an audit device; the built-in log goes on", sudo | engine::slashes,
                           "auditing-disable-device"),
    route<&Audit::hash>(Verb::write, "audit-hash/{path...}", "HMAC of a text as it stands in the audit log",
                        engine::guarded, "auditing-calculate-hash"),
    route<&Audit::headers>(Verb::read, "config/auditing/request-headers",
                           "List the request headers that the audit log shows", sudo,
                           "auditing-list-request-headers"),
    route<&Audit::header>(Verb::read, "config/auditing/request-headers/{header}",
                          "Show how the audit log has a request header", sudo,
                          "auditing-read-request-header-information"),
    route<&Audit::set_header>(Verb::write, "config/auditing/request-headers/{header}",
                              "Have the audit log show a request header", sudo,
                              "auditing-enable-request-header"),
    route<&Audit::drop_header>(Verb::erase, "config/auditing/request-headers/{header}",
                               "Have the audit log leave a request header out", sudo,
                               "auditing-disable-request-header"),
};
}  // namespace
std::span<const engine::Route> Audit::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
