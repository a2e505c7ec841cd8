// sys/generate-root, sys/rekey, sys/rotate and their kin: root tokens and new key shares by a quorum of
// share holders, and the keys that encrypt. Vault API: sys/generate-root/*, sys/rekey/*, sys/rotate/*,
// sys/key-status, sys/step-down, sys/decode-token.
#pragma once
#include "core/ceremonies.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Ceremonies final : public engine::Engine {
 public:
  using Holders = core::Ceremonies::Holders;
  using Frame = engine::Frame;
  explicit Ceremonies(core::Ceremonies& core) : core_(core) {}
  std::string_view type() const noexcept override { return "ceremonies"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Share;
  struct RootWish;
  struct RootState;
  template <Frame F>
  Result<RootState> root_state(engine::Blocking&, const schema::Empty&) const;
  template <Frame F>
  Result<RootState> begin_root(engine::Blocking&, const RootWish&) const;
  template <Frame F>
  Result<RootState> give_root(engine::Blocking&, const Share&) const;
  Result<schema::Empty> cancel_root(engine::Blocking&, const schema::Empty&) const;

  struct RekeyWish;
  struct RekeyState;
  struct VerifyState;
  template <Holders H, Frame F>
  Result<RekeyState> rekey_state(engine::Blocking&, const schema::Empty&) const;
  template <Holders H, Frame F>
  Result<RekeyState> begin_rekey(engine::Blocking&, const RekeyWish&) const;
  template <Holders H, Frame F>
  Result<RekeyState> give_rekey(engine::Blocking&, const Share&) const;
  template <Holders H>
  Result<schema::Empty> cancel_rekey(engine::Blocking&, const schema::Empty&) const;
  template <Holders H, Frame F>
  Result<VerifyState> verify_state(engine::Blocking&, const schema::Empty&) const;
  template <Holders H, Frame F>
  Result<VerifyState> give_verify(engine::Blocking&, const Share&) const;
  template <Holders H, Frame F>
  Result<VerifyState> restart_verify(engine::Blocking&, const schema::Empty&) const;
  struct Backup;
  template <Holders H>
  Result<Backup> backup(engine::Prompt&, const schema::Empty&) const;
  template <Holders H>
  Result<schema::Empty> forget_backup(engine::Prompt&, const schema::Empty&) const;

  struct KeyStatus;
  struct RotateConfig;
  struct RotateWish;
  Result<KeyStatus> key_status(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> rotate(engine::Blocking&, const schema::Empty&) const;
  Result<schema::Empty> rotate_root(engine::Blocking&, const schema::Empty&) const;
  Result<RotateConfig> rotate_config(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> set_rotate_config(engine::Prompt&, const RotateWish&) const;

  struct Encoded;
  struct Decoded;
  Result<Decoded> decode_token(engine::Prompt&, const Encoded&) const;
  Result<schema::Empty> step_down(engine::Prompt&, const schema::Empty&) const;

 private:
  core::Ceremonies& core_;
};

}  // namespace strongroom::system::sys
