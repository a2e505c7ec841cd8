// sys/internal/counters: how many tokens there are; and paths whose answer is that there is nothing.
// Vault API: sys/internal/counters/*, sys/replication/status.
#pragma once
#include "engine/engine.h"

namespace strongroom::system::sys {

class Counters final : public engine::Engine {
 public:
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Tokens;
  struct Entities;
  Result<Tokens> tokens(engine::Blocking&, const schema::Empty&) const;
  Result<Entities> entities(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> requests(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> replication(engine::Prompt&, const schema::Empty&) const;
};

}  // namespace strongroom::system::sys
