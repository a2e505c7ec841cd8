#include "apps/server/audit_devices.h"

#include <fmt/format.h>

#include <algorithm>

namespace strongroom::apps::server {

Devices::Devices(Rules rules, audit::Log& log, Env& env) : rules_(std::move(rules)), log_(log), env_(env) {}

Status Devices::open_configured(const std::vector<strongroom::server::AuditFileConfig>& files) {
  for (const auto& c : files) {
    if (!c.hmac_accessor)
      return bad("audit \"" + c.name +
                 "\": hmac_accessor = false is refused: the log has no raw accessors to give");
    if (c.elide_list_responses)
      return bad("audit \"" + c.name + "\": elide_list_responses is not supported by this version");
    Options options;
    options.file_path = c.file_path;
    options.mode = c.mode;
    Device d;
    d.what.path = c.name + "/";
    d.what.type = "file";
    d.what.description = c.description;
    d.what.options["file_path"] = c.file_path;
    if (c.mode != 0600) d.what.options["mode"] = fmt::format("{:04o}", c.mode);
    SR_LET(d.sink, Sink::open({c.name, rules_.positions, {}}, std::move(options), log_, env_));
    fixed_.push_back(std::move(d));
  }
  return {};
}

std::vector<core::AuditDevice> Devices::configured() const {
  std::vector<core::AuditDevice> out;
  out.reserve(fixed_.size());
  for (const auto& d : fixed_) out.push_back(d.what);
  return out;
}

Status Devices::admits() const {
  if (rules_.api == Api::open) return {};
  return core::NoAuditDevices().admits();
}

Result<Devices::Options> Devices::options_of(const core::AuditDevice& d) const {
  if (d.type == "syslog" || d.type == "socket" || d.type == "http")
    return bad(
        d.type +
        " audit devices are not built in this version: enable a file device and let a log shipper follow "
        "the file, or file_path=stdout and the service's journal");
  if (d.type != "file") return bad("unknown backend type: file is the one there is");
  if (const auto prefix = d.options.find("prefix"); prefix != d.options.end() && !prefix->second.empty())
    return bad(
        "audit log prefixing is not allowed: options.prefix could turn the file into a program, and breaks "
        "its "
        "JSON");
  if (!d.options.contains("file_path") && !d.options.contains("path")) return bad("file_path is required");
  SR_LET(auto options, Options::parse(d.options));
  if ((options.mode & ~0640u) != 0)
    return bad(
        "options.mode: must be 0600 or 0640: an audit file is no program and the server's alone to write");
  options.beneath = rules_.directory;
  return options;
}

Status Devices::check(const core::AuditDevice& d) const {
  SR_LET(const auto options, options_of(d));
  if (options.file_path == "stdout" || options.file_path == "discard") return {};
  if (rules_.directory.empty())
    return bad(
        "options.file_path: over the API files are made only in the directory that the server's "
        "configuration "
        "names as audit_device_directory, and it names none; use stdout, discard, or an audit block in the "
        "configuration");
  SR_LET([[maybe_unused]] const auto there,
         audit::sinks::open_beneath(rules_.directory, options.file_path, options.mode,
                                    audit::sinks::Opening::to_look));
  return {};
}

Devices::Sink::Place Devices::place_of(const core::AuditDevice& d) const {
  // A device that comes later under the same name starts anew.
  return {d.path.substr(0, d.path.size() - 1) + "-" + d.id, rules_.positions, d.from};
}

Devices::Applied Devices::apply(std::span<const core::AuditDevice> wanted) {
  // One caller at a time (the core's rule): what is opened and closed here is so without the lock.
  std::vector<Device> before;
  {
    const std::lock_guard guard(mutex_);
    before = over_api_;
  }
  std::vector<Device> after;
  auto all = Applied::all;
  for (const auto& w : wanted) {
    const auto known = std::ranges::find(before, w.id, [](const Device& d) { return d.what.id; });
    if (known != before.end() && known->sink) {
      after.push_back(std::move(*known));
      before.erase(known);
      continue;
    }
    Device d;
    d.what = w;
    auto options = options_of(w);
    if (options && options->file_path != "stdout" && options->file_path != "discard" &&
        options->beneath.empty())
      options = bad("audit_device_directory is no longer configured");
    auto sink = options ? Sink::open(place_of(w), *std::move(options), log_, env_)
                        : Result<std::unique_ptr<Sink>>(std::unexpected(std::move(options).error()));
    if (sink) {
      d.sink = *std::move(sink);
    } else {
      d.trouble = sink.error().message;
      all = Applied::some;
      if (known == before.end() || known->trouble != d.trouble)
        env_.log.error("an audit device cannot be opened; its records wait in the log",
                       {{"device", w.path}, {"reason", d.trouble}});
    }
    if (known != before.end()) before.erase(known);
    after.push_back(std::move(d));
  }
  {
    const std::lock_guard guard(mutex_);
    over_api_ = std::move(after);
    known_ = true;
  }
  for (auto& gone : before) {
    if (gone.sink) gone.sink->forget();
    gone.sink.reset();
  }
  return all;
}

std::string Devices::trouble(std::string_view path) const {
  for (const auto& d : fixed_)
    if (d.what.path == path) return d.sink->trouble();
  const std::lock_guard guard(mutex_);
  for (const auto& d : over_api_)
    if (d.what.path == path) return d.sink ? d.sink->trouble() : d.trouble;
  return {};
}

void Devices::reopen() {
  std::vector<Device> all = fixed_;
  {
    const std::lock_guard guard(mutex_);
    all.insert(all.end(), over_api_.begin(), over_api_.end());
  }
  for (const auto& d : all)
    if (d.sink)
      if (auto done = d.sink->reopen(); !done)
        env_.log.error("audit file not reopened",
                       {{"device", d.what.path}, {"reason", done.error().message}});
}

std::uint64_t Devices::acknowledged() const {
  std::uint64_t least = UINT64_MAX;
  for (const auto& d : fixed_) least = std::min(least, d.sink->acknowledged());
  const std::lock_guard guard(mutex_);
  if (!known_) return 0;
  for (const auto& d : over_api_)
    least = std::min(least, d.sink ? d.sink->acknowledged() : Sink::stored_position(place_of(d.what), log_));
  return least;
}

}  // namespace strongroom::apps::server
