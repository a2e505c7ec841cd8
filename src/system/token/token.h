// auth/token: creating, looking up, renewing and revoking tokens. Vault API: auth/token/*. What is not built
// yet (batch tokens, roles, periods) is refused by name.
#pragma once
#include "engine/engine.h"
#include "identity/policies.h"
#include "identity/tokens.h"

namespace strongroom::system::token {

class Token final : public engine::Engine {
 public:
  Token(const identity::Tokens& tokens, const identity::Policies& policies)
      : tokens_(tokens), policies_(policies) {}
  std::string_view type() const noexcept override { return "token"; }
  std::string_view about() const noexcept override {
    return "Tokens: what every other way to log in ends in. Made, looked up, renewed and revoked here. Built "
           "in; cannot be disabled.";
  }
  engine::Class clazz() const noexcept override { return engine::Class::auth; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Create;
  struct Named;
  struct ByAccessor;
  struct Renew;
  struct RenewSelf;
  struct Shown;
  struct Accessors;
  Result<schema::Empty> create(engine::Prompt&, const Create&) const;
  Result<schema::Empty> create_orphan(engine::Prompt&, const Create&) const;
  Result<Shown> lookup(engine::Prompt&, const Named&) const;
  Result<Shown> lookup_self(engine::Prompt&, const schema::Empty&) const;
  Result<Shown> lookup_accessor(engine::Prompt&, const ByAccessor&) const;
  Result<schema::Empty> renew(engine::Prompt&, const Renew&) const;
  Result<schema::Empty> renew_self(engine::Prompt&, const RenewSelf&) const;
  Result<schema::Empty> revoke(engine::Prompt&, const Named&) const;
  Result<schema::Empty> revoke_self(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> revoke_accessor(engine::Prompt&, const ByAccessor&) const;
  Result<std::optional<Accessors>> list_accessors(engine::Blocking&, const schema::Empty&) const;

 private:
  using Record = std::shared_ptr<const identity::TokenRecord>;
  enum class Parent : std::uint8_t { caller, none };
  Result<schema::Empty> make(engine::Prompt&, const Create&, Parent) const;
  Result<std::vector<std::string>> wanted_policies(const engine::Prompt&, const Create&,
                                                   const identity::TokenRecord& parent) const;
  Result<Record> caller(engine::Prompt&) const;
  Shown show(const engine::Prompt&, const identity::TokenRecord&, std::string_view id) const;
  Result<schema::Empty> extend(engine::Prompt&, const identity::TokenRecord&, Seconds increment,
                               Secret id) const;
  const identity::Tokens& tokens_;
  const identity::Policies& policies_;
};

}  // namespace strongroom::system::token
