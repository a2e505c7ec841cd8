// sys/metrics: what the server counts, for Prometheus and in Vault's JSON. Vault API: GET sys/metrics. Names
// and labels are fixed at the start (docs/metrics.md); no path, token or name of a mount is among them.
#pragma once
#include <memory>
#include <string>

#include "base/metrics.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Metrics final : public engine::Engine {
 public:
  explicit Metrics(std::shared_ptr<const metrics::Registry> registry) : registry_(std::move(registry)) {}
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Query;
  Result<schema::Empty> metrics(engine::Blocking&, const Query&) const;

 private:
  std::shared_ptr<const metrics::Registry> registry_;
};

// The exposition format of Prometheus, version 0.0.4.
std::string prometheus_text(const metrics::Registry&);
// The shape of Vault's JSON; values count from the start of the server.
SecretText vault_json(const metrics::Registry&, WallTime now);

// Of the process: processor time, memory, files. Names as Prometheus' own clients have them.
void describe_process(metrics::Registry&, std::string version);

}  // namespace strongroom::system::sys
