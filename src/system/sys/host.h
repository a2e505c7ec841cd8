// sys/host-info: the machine as the kernel describes it. Vault API: GET sys/host-info. Nothing that names the
// machine for ever (its machine id) and no process but the count of them.
#pragma once
#include "engine/engine.h"

namespace strongroom::system::sys {

class Host final : public engine::Engine {
 public:
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Machine;
  Result<Machine> host_info(engine::Blocking&, const schema::Empty&) const;
};

}  // namespace strongroom::system::sys
