// sys/wrapping/*: wrap, look up, unwrap and rewrap. A wrapping token is good for one use; whoever finds it
// used knows that somebody else has read what it held. Vault API: sys/wrapping/*.
#pragma once
#include "core/wrapping.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Wrapping final : public engine::Engine {
 public:
  explicit Wrapping(const core::Wrapping& wrapping) : wrapping_(wrapping) {}
  std::string_view type() const noexcept override { return "wrapping"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Anything;
  struct Named;
  struct Shown;
  Result<schema::StoredJson> wrap(engine::Prompt&, const Anything&) const;
  Result<Shown> lookup(engine::Prompt&, const Named&) const;
  Result<std::optional<schema::StoredJson>> unwrap(engine::Prompt&, const Named&) const;
  Result<schema::Empty> rewrap(engine::Prompt&, const Named&) const;

 private:
  const core::Wrapping& wrapping_;
};

}  // namespace strongroom::system::sys
