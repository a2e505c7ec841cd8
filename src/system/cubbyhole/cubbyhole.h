// cubbyhole/: the private store of each token. Vault API: cubbyhole/*. What a token keeps here nobody else
// can name, and it goes with the token.
#pragma once
#include "engine/engine.h"
#include "identity/cubbyholes.h"
#include "identity/tokens.h"

namespace strongroom::system::cubbyhole {

class Cubbyhole final : public engine::Engine {
 public:
  explicit Cubbyhole(const identity::Cubbyholes& cubbyholes, const identity::Tokens& tokens)
      : cubbyholes_(cubbyholes), tokens_(tokens) {}
  std::string_view type() const noexcept override { return "cubbyhole"; }
  std::string_view about() const noexcept override {
    return "A private place of each token: nobody else can read it, not even root, and it goes when the "
           "token "
           "goes. Built in; cannot be disabled.";
  }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct At;
  struct Write;
  struct Folder;
  struct Names;
  Result<std::optional<schema::StoredJson>> read(engine::Prompt&, const At&) const;
  Result<schema::Empty> write(engine::Prompt&, const Write&) const;
  Result<bool> exists(engine::Prompt&, const Write&) const;
  Result<schema::Empty> erase(engine::Prompt&, const At&) const;
  Result<std::optional<Names>> list(engine::Prompt&, const Folder&) const;
  Result<std::optional<Names>> list_all(engine::Prompt&, const schema::Empty&) const;

 private:
  const identity::Cubbyholes& cubbyholes_;
  const identity::Tokens& tokens_;
};

}  // namespace strongroom::system::cubbyhole
