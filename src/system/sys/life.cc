// init, unseal, seal, seal-status, health, leader: what answers in every state of the server.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "system/sys/key_shares.h"
#include "system/sys/sys.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;

Status check_counts(std::string_view what, std::optional<std::int64_t> shares,
                    std::optional<std::int64_t> threshold, const std::vector<std::string>& pgp_keys) {
  const auto wrong = [&](std::string_view rule) {
    return bad(fmt::format("invalid {} configuration: {}", what, rule));
  };
  const auto n = shares.value_or(0);
  const auto t = threshold.value_or(0);
  if (n < 1 || n > 255) return wrong("shares must be between 1 and 255");
  if (t < 1 || t > n) return wrong("threshold must be between 1 and the number of shares");
  if (n > 1 && t == 1) return wrong("threshold must be greater than one for multiple shares");
  if (!pgp_keys.empty() && pgp_keys.size() != static_cast<std::size_t>(n))
    return wrong("count mismatch between number of provided PGP keys and number of shares");
  return {};
}
// What Vault takes for a boolean in a query; there is no standby that it could matter to.
bool is_flag(std::string_view text) { return text.empty() || parse_bool(text); }
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
        field<&Init::recovery_shares>(
            "recovery_shares",
            "With a seal that opens by itself: number of recovery keys, 1 to 255; 0 for none."),
        field<&Init::recovery_threshold>(
            "recovery_threshold",
            "How many recovery keys are needed together; at least 2 when there are several."),
        field<&Init::stored_shares>("stored_shares", "Accepted for old clients; has no effect."),
        field<&Init::pgp_keys>(
            "pgp_keys",
            "OpenPGP public keys in base64 or armoured, one for each share, which is encrypted to it."),
        field<&Init::recovery_pgp_keys>("recovery_pgp_keys", "The same for the recovery keys."),
        field<&Init::root_token_pgp_key>(
            "root_token_pgp_key", "An OpenPGP public key to which the first root token is encrypted.")};
  }
};
struct Sys::Keys {
  std::vector<Secret> keys, keys_base64;
  std::optional<std::vector<Secret>> recovery_keys, recovery_keys_base64;
  Secret root_token;
  std::optional<std::string> audit_verifier_key;
  static constexpr auto fields() {
    return std::array{field<&Keys::keys>("keys", "Unseal key shares in hexadecimal.", schema::unrecorded),
                      field<&Keys::keys_base64>("keys_base64", "The same in base64.", schema::unrecorded),
                      field<&Keys::recovery_keys>("recovery_keys", "Recovery keys in hexadecimal.",
                                                  schema::omit_empty | schema::unrecorded),
                      field<&Keys::recovery_keys_base64>("recovery_keys_base64", "The same in base64.",
                                                         schema::omit_empty | schema::unrecorded),
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
  std::optional<std::string> recovery_seal_type;
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
        field<&SealStatus::recovery_seal>(
            "recovery_seal", "Whether the seal opens by itself; t and n then count recovery keys."),
        field<&SealStatus::recovery_seal_type>("recovery_seal_type", "How the recovery key is shared.",
                                               kPlain | schema::omit_empty),
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
  const auto state = parts_.life.seal_state();
  if (state.initialised) return fail(Code::failed_precondition, "Vault is already initialized");
  core::InitWish wish;
  wish.seal.type = state.config.type;
  wish.pgp_keys = in.pgp_keys;
  wish.recovery_pgp_keys = in.recovery_pgp_keys;
  wish.root_token_pgp_key = in.root_token_pgp_key;
  // The parameters of the other kind of seal, those that were given.
  std::string foreign;
  const auto must_not = [&](bool given, std::string_view name) {
    if (given) foreign += (foreign.empty() ? "" : ",") + std::string(name);
  };
  const bool by_shares = !state.recovery;
  must_not(by_shares && in.recovery_shares.value_or(0) != 0, "recovery_shares");
  must_not(by_shares && in.recovery_threshold.value_or(0) != 0, "recovery_threshold");
  must_not(by_shares && !in.recovery_pgp_keys.empty(), "recovery_pgp_keys");
  must_not(!by_shares && in.secret_shares.value_or(0) != 0, "secret_shares");
  must_not(!by_shares && in.secret_threshold.value_or(0) != 0, "secret_threshold");
  must_not(!by_shares && !in.pgp_keys.empty(), "pgp_keys");
  if (!foreign.empty())
    return bad("parameters " + foreign + " not applicable to seal type " + wish.seal.type);
  if (by_shares) {
    SR_TRY(check_counts("seal", in.secret_shares, in.secret_threshold, in.pgp_keys));
    wish.seal.shares = static_cast<std::uint32_t>(in.secret_shares.value_or(0));
    wish.seal.threshold = static_cast<std::uint32_t>(in.secret_threshold.value_or(0));
  } else if (in.recovery_shares.value_or(0) != 0 || in.recovery_threshold.value_or(0) != 0 ||
             !in.recovery_pgp_keys.empty()) {
    SR_TRY(check_counts("recovery", in.recovery_shares, in.recovery_threshold, in.recovery_pgp_keys));
    wish.recovery = {"shamir", static_cast<std::uint32_t>(in.recovery_shares.value_or(0)),
                     static_cast<std::uint32_t>(in.recovery_threshold.value_or(0))};
  }
  SR_LET(auto founded, parts_.life.init(wish));
  Keys keys;
  auto texts = encode_shares(founded.shares);
  keys.keys = std::move(texts.hex);
  keys.keys_base64 = std::move(texts.base64);
  if (!founded.recovery_shares.empty()) {
    texts = encode_shares(founded.recovery_shares);
    keys.recovery_keys = std::move(texts.hex);
    keys.recovery_keys_base64 = std::move(texts.base64);
  }
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
  if (state.recovery) {
    s.recovery_seal = true;
    s.recovery_seal_type = "shamir";
    s.t = state.recovery->threshold;
    s.n = state.recovery->shares;
  }
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
