// sys/tools/*: random bytes and hashes made by the server. Vault API: sys/tools/*. Keeps nothing.
#pragma once
#include "engine/engine.h"

namespace strongroom::system::sys {

class Tools final : public engine::Engine {
 public:
  std::string_view type() const noexcept override { return "tools"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Random;
  struct RandomBytes;
  struct Hash;
  struct Sum;
  Result<RandomBytes> random(engine::Prompt&, const Random&) const;
  Result<Sum> hash(engine::Prompt&, const Hash&) const;
};

}  // namespace strongroom::system::sys
