// What runs here: requests in flight, versions that ran, the one node, the configuration without secrets.
// Vault API: sys/in-flight-req, sys/version-history, sys/ha-status, sys/config/state/sanitized,
// sys/config/reload.
#pragma once
#include <string>

#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class ServerState final : public engine::Engine {
 public:
  struct Parts {
    const core::Traffic& traffic;
    std::string version;
    std::string api_address;       // of sys/ha-status; may be empty
    std::string sanitized_config;  // a JSON object that holds no secret; empty: there is no configuration
  };
  explicit ServerState(Parts parts) : parts_(std::move(parts)) {}
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct InFlight;
  struct Versions;
  struct Nodes;
  struct Subsystem;
  Result<std::map<std::string, InFlight>> in_flight(engine::Prompt&, const schema::Empty&) const;
  Result<Versions> versions(engine::Prompt&, const schema::Empty&) const;
  Result<Nodes> ha_status(engine::Prompt&, const schema::Empty&) const;
  Result<std::optional<schema::StoredJson>> sanitized(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> reload(engine::Prompt&, const Subsystem&) const;

 private:
  const Parts parts_;
};

}  // namespace strongroom::system::sys
