// sys/plugins: what is built in. Nothing outside is run, so nothing can be registered; reloading is done at
// once, as engines keep no state of their own. Vault API: sys/plugins/catalog, sys/plugins/reload.
#pragma once
#include <string>
#include <vector>

#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Plugins final : public engine::Engine {
 public:
  // Types of secrets engines and auth methods that can be mounted.
  struct Built {
    std::vector<std::string> secret, auth;
  };
  Plugins(core::MountTable& mounts, Built built, std::string version)
      : mounts_(mounts), built_(std::move(built)), version_("v" + std::move(version) + "+builtin") {}
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Catalog;
  struct Kind;
  struct Names;
  struct At;
  struct Plugin;
  struct Registration;
  struct Reload;
  struct Reloaded;
  Result<Catalog> catalog(engine::Prompt&, const schema::Empty&) const;
  Result<std::optional<Names>> list(engine::Prompt&, const Kind&) const;
  Result<std::optional<Plugin>> read(engine::Prompt&, const At&) const;
  Result<schema::Empty> refuse(engine::Prompt&, const Registration&) const;
  Result<Reloaded> reload(engine::Prompt&, const Reload&) const;

 private:
  const std::vector<std::string>* of(std::string_view kind) const;
  core::MountTable& mounts_;
  const Built built_;
  const std::string version_;
};

}  // namespace strongroom::system::sys
