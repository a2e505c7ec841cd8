// sys/remount: moves a mount to another path. Records are keyed by the mount's number, so that a move is a
// change of the mount table: one commit, whatever the mount holds. Vault API: sys/remount.
#pragma once
#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Remount final : public engine::Engine {
 public:
  Remount(core::MountTable& mounts, core::Permissions& permissions)
      : mounts_(mounts), permissions_(permissions) {}
  std::string_view type() const noexcept override { return "remount"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Move;
  struct Queued;
  struct Which;
  struct Moved;
  Result<Queued> move(engine::Prompt&, const Move&) const;
  Result<std::optional<Moved>> status(engine::Prompt&, const Which&) const;

 private:
  core::MountTable& mounts_;
  core::Permissions& permissions_;
};

}  // namespace strongroom::system::sys
