// sys/internal/specs: the server describes itself. Vault API: sys/internal/specs/openapi. Tells of the mounts
// that the caller can see, and nothing that is stored in them.
#pragma once
#include <string>

#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Specs final : public engine::Engine {
 public:
  Specs(core::MountTable& mounts, core::Permissions& permissions, std::string version)
      : mounts_(mounts), permissions_(permissions), version_(std::move(version)) {}
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Query;
  Result<std::optional<schema::StoredJson>> openapi(engine::Blocking&, const Query&) const;

 private:
  core::MountTable& mounts_;
  core::Permissions& permissions_;
  std::string version_;
};

}  // namespace strongroom::system::sys
