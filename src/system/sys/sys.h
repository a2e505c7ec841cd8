// sys/: the server's own endpoints. Vault API: sys/*. One class whose handlers are grouped by area in their
// own files, each with its own table of routes.
#pragma once
#include <string>
#include <vector>

#include "core/services.h"
#include "engine/engine.h"
#include "identity/policies.h"
#include "identity/tokens.h"

namespace strongroom::system::sys {

class Sys final : public engine::Engine {
 public:
  struct Parts {
    core::Lifecycle& life;
    core::MountTable& mounts;
    core::Permissions& permissions;
    core::Records& records;
    const identity::Policies& policies;
    const identity::Tokens& tokens;
    std::string version;                 // "0.1.0"
    std::vector<std::string> mountable;  // types of secrets engines
    // Completes and checks the options of a mount of this type.
    std::function<Status(std::string_view type, std::map<std::string, std::string>&)> options;
    // Engines of their own that serve below sys/, too: one for each area (rekeying, audit devices, ...).
    // They outlive this one.
    std::vector<const engine::Engine*> areas;
  };
  explicit Sys(Parts parts);
  std::string_view type() const noexcept override { return "system"; }
  std::string_view about() const noexcept override {
    return "The server itself: sealing, mounts, policies, audit, and what operators watch. Built in; cannot "
           "be "
           "moved or disabled.";
  }
  std::span<const engine::Route> routes(const engine::MountView&) const override { return routes_; }

  // ---- life.cc
  struct InitState;
  struct Init;
  struct Keys;
  struct SealStatus;
  struct Unseal;
  struct Health;
  struct HealthQuery;
  struct Leader;
  Result<InitState> init_state(engine::Prompt&, const schema::Empty&) const;
  Result<Keys> init(engine::Blocking&, const Init&) const;
  Result<SealStatus> seal_status(engine::Prompt&, const schema::Empty&) const;
  Result<SealStatus> unseal(engine::Blocking&, const Unseal&) const;
  Result<schema::Empty> seal(engine::Blocking&, const schema::Empty&) const;
  Result<Health> health(engine::Prompt&, const HealthQuery&) const;
  Result<Leader> leader(engine::Prompt&, const schema::Empty&) const;
  // ---- mounts.cc
  struct MountJson;
  struct MountConfig;
  struct Enable;
  struct At;
  struct Tune;
  struct Tuned;
  Result<std::map<std::string, MountJson>> list_mounts(engine::Prompt&, const schema::Empty&) const;
  Result<std::map<std::string, MountJson>> list_auth(engine::Prompt&, const schema::Empty&) const;
  Result<MountJson> read_mount(engine::Prompt&, const At&) const;
  Result<MountJson> read_auth(engine::Prompt&, const At&) const;
  Result<schema::Empty> enable_auth(engine::Prompt&, const Enable&) const;
  Result<schema::Empty> disable_auth(engine::Prompt&, const At&) const;
  Result<Tuned> read_auth_tune(engine::Prompt&, const At&) const;
  Result<schema::Empty> tune_auth(engine::Prompt&, const Tune&) const;
  Result<schema::Empty> enable(engine::Prompt&, const Enable&) const;
  Result<schema::Empty> disable(engine::Prompt&, const At&) const;
  Result<Tuned> read_tune(engine::Prompt&, const At&) const;
  Result<schema::Empty> tune(engine::Prompt&, const Tune&) const;
  // ---- policies.cc
  struct PolicyAt;
  struct PolicyWrite;
  struct PolicyPrefix;
  struct PolicyJson;
  struct RulesJson;
  struct Names;
  struct NamesAndPolicies;
  Result<Names> list_policies(engine::Prompt&, const schema::Empty&) const;
  Result<NamesAndPolicies> list_rules(engine::Prompt&, const schema::Empty&) const;
  Result<std::optional<Names>> list_policies_below(engine::Prompt&, const PolicyPrefix&) const;
  Result<std::optional<NamesAndPolicies>> list_rules_below(engine::Prompt&, const PolicyPrefix&) const;
  Result<std::optional<PolicyJson>> read_policy(engine::Prompt&, const PolicyAt&) const;
  Result<std::optional<RulesJson>> read_rules(engine::Prompt&, const PolicyAt&) const;
  Result<schema::Empty> write_policy(engine::Prompt&, const PolicyWrite&) const;
  Result<schema::Empty> delete_policy(engine::Prompt&, const PolicyAt&) const;
  // ---- capabilities.cc
  struct Ask;
  Result<std::map<std::string, std::vector<std::string>>> capabilities(engine::Prompt&, const Ask&) const;
  Result<std::map<std::string, std::vector<std::string>>> capabilities_self(engine::Prompt&,
                                                                            const Ask&) const;
  Result<std::map<std::string, std::vector<std::string>>> capabilities_accessor(engine::Prompt&,
                                                                                const Ask&) const;
  struct UiMounts;
  struct UiMount;
  Result<UiMounts> ui_mounts(engine::Prompt&, const schema::Empty&) const;
  Result<UiMount> ui_mount(engine::Prompt&, const At&) const;
  // ---- records.cc
  struct StoreReport;
  struct LogQuery;
  struct LogPage;
  struct LogKey;
  struct Archive;
  struct Archived;
  Result<StoreReport> verify_store(engine::Blocking&, const schema::Empty&) const;
  Result<LogKey> audit_key(engine::Prompt&, const schema::Empty&) const;
  Result<LogPage> audit_log(engine::Blocking&, const LogQuery&) const;
  Result<Archived> archive_audit(engine::Blocking&, const Archive&) const;

 private:
  SealStatus status_now() const;
  MountJson json_of(const core::Mounted&) const;
  Result<Tuned> tuned(engine::Prompt&, const std::string& path) const;
  Result<schema::Empty> tune_at(engine::Prompt&, const Tune&, const std::string& path) const;
  Result<std::map<std::string, std::vector<std::string>>> answer(
      engine::Prompt&, const Ask&, const std::vector<std::string>& policies) const;
  Parts parts_;
  std::vector<engine::Route> routes_;
};

// The tables, one per file.
std::span<const engine::Route> life_routes();
std::span<const engine::Route> mount_routes();
std::span<const engine::Route> policy_routes();
std::span<const engine::Route> capability_routes();
std::span<const engine::Route> record_routes();

}  // namespace strongroom::system::sys
