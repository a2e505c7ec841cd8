// sys/loggers: how much each part of the server writes to the server's log, changed while it runs; a restart
// takes the configuration's level again. Vault API: sys/loggers.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Loggers final : public engine::Engine {
 public:
  // They outlive this.
  explicit Loggers(std::vector<NamedLog*> logs) : logs_(std::move(logs)) {}
  std::string_view type() const noexcept override { return "system"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Level;
  struct At;
  struct LevelAt;
  struct Follow;
  using Levels = std::map<std::string, std::string>;
  Result<Levels> list(engine::Prompt&, const schema::Empty&) const;
  Result<Levels> read(engine::Prompt&, const At&) const;
  Result<schema::Empty> set_all(engine::Prompt&, const Level&) const;
  Result<schema::Empty> set_one(engine::Prompt&, const LevelAt&) const;
  Result<schema::Empty> reset_all(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> reset_one(engine::Prompt&, const At&) const;
  // Following the log needs replies without an end, which the edge does not have: refused with the way out.
  Result<schema::Empty> monitor(engine::Prompt&, const Follow&) const;

 private:
  NamedLog* find(std::string_view name) const;
  const std::vector<NamedLog*> logs_;
};

}  // namespace strongroom::system::sys
