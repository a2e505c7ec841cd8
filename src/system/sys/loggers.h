// sys/loggers: how much each part of the server writes to the server's log, changed while it runs; a restart
// takes the configuration's level again. sys/monitor: the log's lines as they are written. Vault API:
// sys/loggers, sys/monitor.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/log_followers.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Loggers final : public engine::Engine {
 public:
  // They outlive this. Without `followers` nobody can follow the log.
  Loggers(std::vector<NamedLog*> logs, LogFollowers* followers)
      : logs_(std::move(logs)), followers_(followers) {}
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
  Result<schema::Empty> monitor(engine::Prompt&, const Follow&) const;

 private:
  NamedLog* find(std::string_view name) const;
  const std::vector<NamedLog*> logs_;
  LogFollowers* const followers_;
};

}  // namespace strongroom::system::sys
