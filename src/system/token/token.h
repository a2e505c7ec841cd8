// auth/token: creating, looking up, renewing and revoking tokens, and the roles that rule their creation.
// Vault API: auth/token/*. Entity aliases are refused by name until there are entities.
#pragma once
#include "engine/engine.h"
#include "identity/policies.h"
#include "identity/token_roles.h"
#include "identity/tokens.h"

namespace strongroom::system::token {

class Token final : public engine::Engine {
 public:
  Token(const identity::Tokens& tokens, const identity::Policies& policies)
      : tokens_(tokens), policies_(policies), roles_(tokens) {}
  std::string_view type() const noexcept override { return "token"; }
  engine::Class clazz() const noexcept override { return engine::Class::auth; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;
  std::string_view about() const noexcept override {
    return "Tokens: how callers prove who they are. A token has policies, a time to live and a parent; "
           "revoking it revokes what it created.";
  }

  // create.cc
  struct Create;
  struct AgainstRole;
  Result<schema::Empty> create(engine::Prompt&, const Create&) const;
  Result<schema::Empty> create_orphan(engine::Prompt&, const Create&) const;
  Result<schema::Empty> create_against(engine::Prompt&, const AgainstRole&) const;

  // lookup.cc
  struct Named;
  struct ByAccessor;
  struct Shown;
  struct Accessors;
  Result<Shown> lookup(engine::Prompt&, const Named&) const;
  Result<Shown> lookup_self(engine::Prompt&, const schema::Empty&) const;
  Result<Shown> lookup_accessor(engine::Prompt&, const ByAccessor&) const;
  Result<std::optional<Accessors>> list_accessors(engine::Blocking&, const schema::Empty&) const;

  // renew.cc
  struct Renew;
  struct RenewSelf;
  struct RenewAccessor;
  Result<schema::Empty> renew(engine::Prompt&, const Renew&) const;
  Result<schema::Empty> renew_self(engine::Prompt&, const RenewSelf&) const;
  Result<schema::Empty> renew_accessor(engine::Prompt&, const RenewAccessor&) const;

  // revoke.cc
  Result<schema::Empty> revoke(engine::Prompt&, const Named&) const;
  Result<schema::Empty> revoke_self(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> revoke_accessor(engine::Prompt&, const ByAccessor&) const;
  Result<schema::Empty> revoke_orphan(engine::Prompt&, const Named&) const;
  Result<schema::Empty> tidy(engine::Prompt&, const schema::Empty&) const;

  // roles.cc
  struct RoleAt;
  struct RoleWrite;
  struct RoleShown;
  struct RolePage;
  struct RoleNames;
  Result<schema::Empty> write_role(engine::Prompt&, const RoleWrite&) const;
  Result<bool> role_exists(engine::Prompt&, const RoleWrite&) const;
  Result<std::optional<RoleShown>> read_role(engine::Prompt&, const RoleAt&) const;
  Result<schema::Empty> delete_role(engine::Prompt&, const RoleAt&) const;
  Result<std::optional<RoleNames>> list_roles(engine::Prompt&, const RolePage&) const;

 private:
  using Record = std::shared_ptr<const identity::TokenRecord>;
  enum class Parent : std::uint8_t { caller, none };
  struct Making;  // what the steps of one creation share
  Result<schema::Empty> make(engine::Prompt&, const Create&, Parent, const identity::TokenRole*) const;
  Result<std::vector<std::string>> wanted_policies(const Making&) const;
  Status set_terms(const Making&, identity::NewToken&) const;

  Result<Record> caller(engine::Prompt&) const;
  Result<Shown> show(engine::Prompt&, const identity::TokenRecord&, std::string_view id) const;
  Result<schema::Empty> extend(engine::Prompt&, const identity::TokenRecord&, Seconds increment,
                               Secret id) const;

  const identity::Tokens& tokens_;
  const identity::Policies& policies_;
  const identity::TokenRoles roles_;
};

}  // namespace strongroom::system::token
