// init, unseal, seal, seal-status, health, leader: what answers in every state of the server.
#include <fmt/format.h>

#include <algorithm>

#include "system/sys/key_shares.h"
#include "system/sys/sys.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
std::unexpected<Error> bad(std::string text) { return fail(Code::invalid_argument, std::move(text)); }
// What Vault takes for a boolean in a query; there is no standby that it could matter to.
bool is_flag(std::string_view text) {
  for (const std::string_view known :
       {"", "1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"})
    if (text == known) return true;
  return false;
}
}  // namespace

struct Sys::InitState {
  bool initialized = false;
  static constexpr auto fields() {
    return std::array{
        field<&InitState::initialized>("initialized", "Whether the store has been initialised.")};
  }
};
struct Sys::Init {
  std::optional<std::int64_t> secret_shares, secret_threshold, recovery_shares, recovery_threshold,
      stored_shares;
  std::vector<std::string> pgp_keys, recovery_pgp_keys;
  std::string root_token_pgp_key;
  static constexpr auto fields() {
    return std::array{
        field<&Init::secret_shares>("secret_shares", "Number of unseal key shares, 1 to 255."),
        field<&Init::secret_threshold>("secret_threshold",
                                       "How many of them unseal; at least 2 when there are several."),
        field<&Init::recovery_shares>("recovery_shares", "Not supported by this version."),
        field<&Init::recovery_threshold>("recovery_threshold", "Not supported by this version."),
        field<&Init::stored_shares>("stored_shares", "Accepted for old clients; has no effect."),
        field<&Init::pgp_keys>("pgp_keys", "Not supported by this version."),
        field<&Init::recovery_pgp_keys>("recovery_pgp_keys", "Not supported by this version."),
        field<&Init::root_token_pgp_key>("root_token_pgp_key", "Not supported by this version.")};
  }
};
struct Sys::Keys {
  std::vector<Secret> keys, keys_base64;
  Secret root_token;
  std::optional<std::string> audit_verifier_key;
  static constexpr auto fields() {
    return std::array{field<&Keys::keys>("keys", "Unseal key shares in hexadecimal.", schema::unrecorded),
                      field<&Keys::keys_base64>("keys_base64", "The same in base64.", schema::unrecorded),
                      field<&Keys::root_token>("root_token", "The first root token."),
                      field<&Keys::audit_verifier_key>(
                          "audit_verifier_key", "Public key of the audit log (C2SP).", schema::omit_empty)};
  }
};
struct Sys::SealStatus {
  std::string type;
  bool initialized = false, sealed = true;
  std::int64_t t = 0, n = 0, progress = 0;
  std::string nonce;
  std::string version;
  bool migration = false;
  std::optional<std::string> cluster_name, cluster_id;
  bool recovery_seal = false;
  std::string storage_type;
  static constexpr auto fields() {
    return std::array{
        field<&SealStatus::type>("type", "Kind of seal.", kPlain),
        field<&SealStatus::initialized>("initialized", "Whether the store has been initialised."),
        field<&SealStatus::sealed>("sealed", "Whether the server is sealed."),
        field<&SealStatus::t>("t", "Shares that unseal."),
        field<&SealStatus::n>("n", "Shares there are."),
        field<&SealStatus::progress>("progress", "Shares given so far."),
        field<&SealStatus::nonce>("nonce", "Names this attempt to unseal."),
        field<&SealStatus::version>("version", "Version of the server.", kPlain),
        field<&SealStatus::migration>("migration", "Whether the seal is being changed."),
        field<&SealStatus::cluster_name>("cluster_name", "Name of the cluster.", schema::omit_empty),
        field<&SealStatus::cluster_id>("cluster_id", "Id of the cluster.", schema::omit_empty),
        field<&SealStatus::recovery_seal>("recovery_seal", "Whether recovery keys exist."),
        field<&SealStatus::storage_type>("storage_type", "Kind of storage.", kPlain)};
  }
};
struct Sys::Unseal {
  std::optional<Secret> key;
  bool reset = false, migrate = false;
  static constexpr auto fields() {
    return std::array{field<&Unseal::key>("key", "One key share, hexadecimal or base64.", schema::unrecorded),
                      field<&Unseal::reset>("reset", "Forget the shares given so far."),
                      field<&Unseal::migrate>("migrate", "Not supported by this version.")};
  }
};
struct Sys::HealthQuery {
  std::optional<std::string> activecode, standbycode, sealedcode, uninitcode, standbyok, perfstandbyok,
      drsecondarycode, performancestandbycode;
  static constexpr auto fields() {
    return std::array{
        field<&HealthQuery::activecode>("activecode", "Status when active."),
        field<&HealthQuery::standbycode>("standbycode", "Status of a standby."),
        field<&HealthQuery::sealedcode>("sealedcode", "Status when sealed."),
        field<&HealthQuery::uninitcode>("uninitcode", "Status when not initialised."),
        field<&HealthQuery::standbyok>("standbyok", "Whether a standby answers as active."),
        field<&HealthQuery::perfstandbyok>("perfstandbyok", "The same for read-only nodes."),
        field<&HealthQuery::drsecondarycode>("drsecondarycode", "Accepted; has no effect."),
        field<&HealthQuery::performancestandbycode>("performancestandbycode", "Accepted; has no effect.")};
  }
};
struct Sys::Health {
  bool initialized = false, sealed = true, standby = true, performance_standby = false;
  std::string replication_performance_mode, replication_dr_mode;
  std::int64_t server_time_utc = 0;
  std::string version;
  std::optional<std::string> cluster_name, cluster_id;
  static constexpr auto fields() {
    return std::array{
        field<&Health::initialized>("initialized", "Whether the store has been initialised."),
        field<&Health::sealed>("sealed", "Whether the server is sealed."),
        field<&Health::standby>("standby", "Whether another node is active."),
        field<&Health::performance_standby>("performance_standby", "Whether it only reads."),
        field<&Health::replication_performance_mode>("replication_performance_mode", "Always disabled."),
        field<&Health::replication_dr_mode>("replication_dr_mode", "Always disabled."),
        field<&Health::server_time_utc>("server_time_utc", "Unix time of the server."),
        field<&Health::version>("version", "Version of the server."),
        field<&Health::cluster_name>("cluster_name", "Name of the cluster.", schema::omit_empty),
        field<&Health::cluster_id>("cluster_id", "Id of the cluster.", schema::omit_empty)};
  }
};
struct Sys::Leader {
  bool ha_enabled = false, is_self = false;
  std::string leader_address, leader_cluster_address;
  bool performance_standby = false;
  std::int64_t performance_standby_last_remote_wal = 0;
  static constexpr auto fields() {
    return std::array{
        field<&Leader::ha_enabled>("ha_enabled", "Whether there is a cluster."),
        field<&Leader::is_self>("is_self", "Whether this node leads it."),
        field<&Leader::leader_address>("leader_address", "Address of the leader."),
        field<&Leader::leader_cluster_address>("leader_cluster_address", "Cluster address of the leader."),
        field<&Leader::performance_standby>("performance_standby", "Always false."),
        field<&Leader::performance_standby_last_remote_wal>("performance_standby_last_remote_wal",
                                                            "Always 0.")};
  }
};

Result<Sys::InitState> Sys::init_state(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::bare;
  return InitState{parts_.life.seal_state().initialised};
}

Result<Sys::Keys> Sys::init(engine::Blocking& p, const Init& in) const {
  p.aside.frame = engine::Frame::bare;
  if (!in.pgp_keys.empty() || !in.recovery_pgp_keys.empty() || !in.root_token_pgp_key.empty())
    return bad("pgp_keys, recovery_pgp_keys, root_token_pgp_key: are not supported by this version");
  if (in.recovery_shares.value_or(0) != 0 || in.recovery_threshold.value_or(0) != 0)
    return bad("recovery_shares, recovery_threshold: are not supported by this version");
  const auto state = parts_.life.seal_state();
  if (state.initialised) return fail(Code::failed_precondition, "Vault is already initialized");
  barrier::SealConfig wish;
  wish.type = state.config.type;
  const auto shares = in.secret_shares.value_or(0);
  const auto threshold = in.secret_threshold.value_or(0);
  if (wish.type == "shamir") {
    if (shares < 1 || shares > 255)
      return bad("invalid seal configuration: shares must be between 1 and 255");
    if (threshold < 1 || threshold > shares)
      return bad("invalid seal configuration: threshold must be between 1 and the number of shares");
    if (shares > 1 && threshold == 1)
      return bad("invalid seal configuration: threshold must be greater than one for multiple shares");
    wish.shares = static_cast<std::uint32_t>(shares);
    wish.threshold = static_cast<std::uint32_t>(threshold);
  } else if (shares != 0 || threshold != 0) {
    return bad("secret_shares, secret_threshold: this seal opens by itself and has no shares");
  }
  SR_LET(auto founded, parts_.life.init(wish));
  Keys keys;
  auto texts = encode_shares(founded.shares);
  keys.keys = std::move(texts.hex);
  keys.keys_base64 = std::move(texts.base64);
  keys.root_token = std::move(founded.root_token);
  if (!founded.verifier_key.empty()) keys.audit_verifier_key = founded.verifier_key;
  return keys;
}

Sys::SealStatus Sys::status_now() const {
  const auto state = parts_.life.seal_state();
  SealStatus s;
  s.type = state.config.type;
  s.initialized = state.initialised;
  s.sealed = state.sealed;
  s.t = state.config.threshold;
  s.n = state.config.shares;
  s.progress = state.progress.gathered;
  s.nonce = state.progress.nonce;
  s.version = parts_.version;
  s.storage_type = state.storage_type;
  if (!state.sealed) {
    s.cluster_name = state.cluster_name;
    s.cluster_id = state.cluster_id;
  }
  return s;
}

Result<Sys::SealStatus> Sys::seal_status(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::bare;
  return status_now();
}

Result<Sys::SealStatus> Sys::unseal(engine::Blocking& p, const Unseal& in) const {
  p.aside.frame = engine::Frame::bare;
  if (in.migrate) return bad("migrate: is not supported by this version");
  const bool has_key = in.key && !in.key->empty();
  if (!in.reset && !has_key)
    return bad("'key' must be specified in request body as JSON, or 'reset' set to true");
  if (in.reset) {
    if (!parts_.life.seal_state().sealed) return bad("vault is unsealed");
    parts_.life.unseal_reset();
    return status_now();
  }
  SR_LET(const auto share, decode_share(*in.key));
  SR_TRY(parts_.life.unseal_with(share));
  return status_now();
}

Result<schema::Empty> Sys::seal(engine::Blocking&, const schema::Empty&) const {
  SR_TRY(parts_.life.seal_now());
  return schema::Empty{};
}

Result<Sys::Health> Sys::health(Prompt& p, const HealthQuery& in) const {
  p.aside.frame = engine::Frame::bare;
  const auto state = parts_.life.seal_state();
  const auto code = [](const std::optional<std::string>& wish, int usual) -> Result<int> {
    if (!wish) return usual;
    int value = 0;
    for (const char c : *wish) {
      if (c < '0' || c > '9' || value > 99) return fail(Code::invalid_argument, "");
      value = value * 10 + (c - '0');
    }
    if (value < 200 || value > 599) return fail(Code::invalid_argument, "");
    return value;
  };
  for (const auto* flag : {&in.standbyok, &in.perfstandbyok}) {
    if (!*flag) continue;
    static constexpr std::string_view known[] = {"",  "1", "t", "T",     "true",  "TRUE", "True",
                                                 "0", "f", "F", "false", "FALSE", "False"};
    if (std::ranges::find(known, std::string_view(**flag)) == std::end(known))
      return fail(Code::invalid_argument, "");
  }
  SR_LET(const int active, code(in.activecode, 200));
  SR_LET(const int sealed, code(in.sealedcode, 503));
  SR_LET(const int uninit, code(in.uninitcode, 501));
  SR_LET([[maybe_unused]] const int standby, code(in.standbycode, 429));
  for (const auto* wish : {&in.standbyok, &in.perfstandbyok})
    if (*wish && !is_flag(**wish)) return fail(Code::invalid_argument, "");
  Health h;
  h.initialized = state.initialised;
  h.sealed = state.sealed;
  h.standby = state.sealed;
  h.replication_performance_mode = state.sealed ? "unknown" : "disabled";
  h.replication_dr_mode = state.sealed ? "unknown" : "disabled";
  h.server_time_utc = std::chrono::floor<Seconds>(p.now).time_since_epoch().count();
  h.version = parts_.version;
  if (!state.sealed) {
    h.cluster_name = state.cluster_name;
    h.cluster_id = state.cluster_id;
  }
  p.aside.status = !state.initialised ? uninit : state.sealed ? sealed : active;
  return h;
}

Result<Sys::Leader> Sys::leader(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::bare;
  if (parts_.life.seal_state().sealed) return fail(Code::sealed, "Vault is sealed");
  return Leader{};
}

namespace {
constexpr unsigned kAlways = engine::open | engine::sealed_ok;
constexpr std::array kRoutes{
    route<&Sys::init_state>(Verb::read, "init", "Whether the server is initialised",
                            kAlways | engine::unlogged, "read-initialization-status"),
    route<&Sys::init>(Verb::write, "init", "Initialise the server", kAlways, "initialize-system"),
    route<&Sys::seal_status>(Verb::read, "seal-status", "State of the seal", kAlways | engine::unlogged,
                             "seal-status"),
    route<&Sys::unseal>(Verb::write, "unseal", "Give a key share", kAlways, "unseal"),
    route<&Sys::seal>(Verb::write, "seal", "Seal the server", engine::sudo, "seal"),
    route<&Sys::health>(Verb::read, "health", "Health of the server", kAlways | engine::unlogged,
                        "read-health-status"),
    route<&Sys::leader>(Verb::read, "leader", "The leader of the cluster", kAlways | engine::unlogged,
                        "leader-status"),
};
}  // namespace
std::span<const engine::Route> life_routes() { return kRoutes; }

}  // namespace strongroom::system::sys
