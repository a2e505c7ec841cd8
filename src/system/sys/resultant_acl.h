// sys/internal/ui/resultant-acl: what the caller's policies come to. Vault API: the same.
#pragma once
#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class ResultantAcl final : public engine::Engine {
 public:
  explicit ResultantAcl(core::Permissions& permissions) : permissions_(permissions) {}
  std::string_view type() const noexcept override { return "resultant-acl"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Shown;
  Result<Shown> show(engine::Prompt&, const schema::Empty&) const;

 private:
  core::Permissions& permissions_;
};

}  // namespace strongroom::system::sys
