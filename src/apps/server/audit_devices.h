// Devices: the audit devices of a running server, those of the configuration and those that were enabled over
// the API. The one place that knows which kinds of sinks there are. A device never holds up a request.
#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apps/server/config.h"
#include "audit/log.h"
#include "audit/sinks/file/file_sink.h"
#include "core/audit_settings.h"

namespace strongroom::apps::server {

// The log must outlive it. Any thread.
class Devices final : public core::AuditDevices {
 public:
  enum class Api : std::uint8_t { closed, open };
  struct Rules {
    Api api = Api::closed;            // unsafe_allow_api_audit_creation
    std::string directory;            // audit_device_directory; empty: no files over the API
    std::filesystem::path positions;  // where sinks keep their places; empty: nowhere (-dev)
  };
  Devices(Rules, audit::Log&, Env&);
  Status open_configured(const std::vector<strongroom::server::AuditFileConfig>&);

  std::vector<core::AuditDevice> configured() const override;
  Status admits() const override;
  Status check(const core::AuditDevice&) const override;
  Applied apply(std::span<const core::AuditDevice>) override;
  std::string trouble(std::string_view path) const override;

  void reopen();  // SIGHUP
  // Every device has what is below; those that could not be opened count. Nothing before the first apply().
  std::uint64_t acknowledged() const;

 private:
  using Sink = audit::sinks::FileSink;
  using Options = audit::sinks::FileSinkOptions;
  struct Device {
    core::AuditDevice what;
    std::shared_ptr<Sink> sink;  // null: it could not be opened
    std::string trouble;         // why
  };
  Result<Options> options_of(const core::AuditDevice&) const;
  Sink::Place place_of(const core::AuditDevice&) const;

  const Rules rules_;
  audit::Log& log_;
  Env& env_;
  std::vector<Device> fixed_;     // does not change after open_configured
  mutable std::mutex mutex_;      // held for moments
  std::vector<Device> over_api_;  // under mutex_
  bool known_ = false;            // under mutex_; which they are
};

}  // namespace strongroom::apps::server
