// The life of the server: init, unseal, seal, and what must hold before anybody is let in.
#include <fmt/format.h>

#include "core/core.h"
#include "core/pgp_recipients.h"
#include "core/recovery.h"
#include "core/texts.h"
#include "core/versions.h"
#include "crypto/secure_memory.h"

namespace strongroom::core {
namespace {

// The store as it will be once the founding writes are in it: everything of init becomes durable in one
// group.
class FoundingSnapshot final : public store::Snapshot {
 public:
  explicit FoundingSnapshot(const std::vector<store::Write>& writes) {
    for (const auto& w : writes)
      if (w.value) entries_[w.key] = *w.value;
  }
  store::Revision revision() const noexcept override { return 0; }
  Result<std::optional<std::string_view>> get(std::string_view key) const override {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return std::nullopt;
    return std::optional<std::string_view>(at->second);
  }
  Status scan(std::string_view first, std::string_view last, const Visit& visit) const override {
    for (auto at = entries_.lower_bound(first); at != entries_.end() && at->first < last; ++at)
      if (!visit(at->first, at->second)) break;
    return {};
  }

 private:
  std::map<std::string, std::string, std::less<>> entries_;
};

}  // namespace

// Holds life_ and publishes what changed when it ends.
class Core::Living {
 public:
  explicit Living(Core& core) : core_(core), lock_(core.life_) {}
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;
  ~Living() { core_.tell(); }

 private:
  Core& core_;
  std::lock_guard<std::mutex> lock_;
};

Status Core::start() {
  const Living living(*this);
  SR_LET(const auto snapshot, parts_.store.snapshot());
  SR_LET(auto id, barrier::Barrier::store_id(*snapshot));
  if (!id) return {};
  initialised_ = true;
  store_id_ = *std::move(id);
  SR_LET(const auto config, barrier::Barrier::seal_config(*snapshot));
  SR_TRY(parts_.seal.expect(config));
  if (parts_.seal.opening() != barrier::Seal::Opening::unattended) return {};
  SR_TRY(parts_.barrier.unseal(*snapshot, parts_.seal));
  SR_TRY(open_after_unseal(*snapshot));
  if (const auto done = reseal_outdated(*snapshot); !done)
    parts_.env.log.warn("the root key is still wrapped by the previous key of the seal",
                        {{"code", std::string(name(done.error().code))}, {"detail", done.error().detail}});
  return {};
}

// The key of the seal was replaced in the configuration: from now on the store needs the previous one no
// more.
Status Core::reseal_outdated(const store::Snapshot& snapshot) {
  SR_LET(const bool outdated, barrier::Barrier::outdated(snapshot, parts_.seal));
  if (!outdated) return {};
  SR_LET(auto format, parts_.barrier.reseal(parts_.seal));
  store::Txn txn(snapshot, parts_.barrier);
  txn.put(std::move(format.key), SecretText(*format.value));
  SR_TRY(commit_own(txn, "reseal", 0));
  parts_.env.log.info("the root key is wrapped by the current key of the seal; the previous one can go");
  return {};
}

void Core::resealed(const barrier::SealConfig& config) {
  const std::lock_guard guard(told_mutex_);
  if (parts_.seal.opening() == barrier::Seal::Opening::unattended) {
    recovery_ = config;
    return;
  }
  resealed_ = config;
  told_.config = config;
}

void Core::tell() {
  Told now{initialised_, parts_.seal.config(), parts_.seal.progress()};
  const std::lock_guard guard(told_mutex_);
  if (resealed_) now.config = *resealed_;
  told_ = std::move(now);
}

SealState Core::seal_state() const {
  SealState s;
  {
    const std::lock_guard guard(told_mutex_);
    s.initialised = told_.initialised;
    s.config = told_.config;
    s.recovery = recovery_;
    s.progress = told_.progress;
  }
  if (!s.recovery && parts_.seal.opening() == barrier::Seal::Opening::unattended) s.recovery.emplace();
  s.sealed = sealed();
  s.storage_type = settings_.storage_type;
  if (!s.sealed) {
    const std::lock_guard guard(keys_mutex_);
    s.cluster_name = cluster_name_;
    s.cluster_id = cluster_id_;
  }
  return s;
}

Result<Founded> Core::init(const InitWish& wish) {
  const Living living(*this);
  if (initialised_) return fail(Code::failed_precondition, "Vault is already initialized");
  // Whatever can be wrong with a PGP key shows now: once there is a key, its shares must not be lost.
  auto& random = parts_.env.random;
  const auto now = server_time();
  SR_LET(const auto holders, PgpRecipients::parse("pgp_keys", wish.pgp_keys, now, random));
  SR_LET(const auto recovery_holders,
         PgpRecipients::parse("recovery_pgp_keys", wish.recovery_pgp_keys, now, random));
  std::vector<std::string> root_key;
  if (!wish.root_token_pgp_key.empty()) root_key.push_back(wish.root_token_pgp_key);
  SR_LET(const auto root_holder, PgpRecipients::parse("root_token_pgp_key", root_key, now, random));
  if (!holders.empty() && holders.size() != wish.seal.shares)
    return fail(Code::invalid_argument, "pgp_keys: there must be one for each key share");
  if (!recovery_holders.empty() && (!wish.recovery || recovery_holders.size() != wish.recovery->shares))
    return fail(Code::invalid_argument, "recovery_pgp_keys: there must be one for each recovery key");
  if (wish.recovery && parts_.recovery == nullptr)
    return fail(Code::invalid_argument, "this seal has no recovery keys");
  Founded founded;
  SR_LET(founded.shares, parts_.seal.deal(wish.seal));
  const auto undo = [this](Error e) {
    if (parts_.recovery != nullptr) parts_.recovery->reset();
    tokens_.close();
    parts_.barrier.seal_keys();
    parts_.seal.reset();
    return std::unexpected(std::move(e));
  };
  auto made_keys = parts_.barrier.found(parts_.seal);
  if (!made_keys) return undo(std::move(made_keys).error());
  auto& founding = *made_keys;
  const FoundingSnapshot empty(founding.writes);
  for (std::size_t i = 0; i < founded.shares.size() && i < parts_.seal.config().threshold; ++i)
    if (auto given = parts_.seal.add_share(founded.shares[i]); !given) return undo(std::move(given).error());
  if (auto opened = parts_.barrier.unseal(empty, parts_.seal); !opened)
    return undo(std::move(opened).error());
  if (auto opened = open_tokens(0); !opened) return undo(std::move(opened).error());

  store::Txn txn(empty, parts_.barrier);
  policies_.put(txn, {"default", std::string(identity::default_policy_text()), now, 1, false});
  policies_.put(txn,
                {"response-wrapping", std::string(identity::response_wrapping_policy_text()), now, 1, false});
  txn.put(mount_epoch_key(), SecretText("m"));
  txn.put(setting("cluster-id"), SecretText(uuid(random)));
  txn.put(setting("cluster-name"),
          SecretText(settings_.cluster_name.empty() ? "strongroom-cluster-" + hex8(random)
                                                    : settings_.cluster_name));
  txn.put(setting("fixed-accessors"), SecretText(hex8(random) + hex8(random) + hex8(random)));
  identity::NewToken root(identity::Lifetime::forever());
  root.policies = {"root"};
  root.display_name = "root";
  root.path = "auth/token/root";
  root.renewable = false;
  auto made = tokens_.create(txn, root, now, random);
  if (!made) return undo(std::move(made).error());
  founded.root_token = std::move(made->id);
  if (wish.recovery) {
    auto shares = parts_.recovery->deal(*wish.recovery);
    if (!shares) return undo(std::move(shares).error());
    if (auto kept = recovery::store(txn, *parts_.recovery, random); !kept)
      return undo(std::move(kept).error());
    auto safe = recovery_holders.encrypt_shares(*std::move(shares), random);
    if (!safe) return undo(std::move(safe).error());
    founded.recovery_shares = *std::move(safe);
  }
  auto safe = holders.encrypt_shares(std::move(founded.shares), random);
  if (!safe) return undo(std::move(safe).error());
  founded.shares = *std::move(safe);
  if (!root_holder.empty()) {
    auto token = root_holder.encrypt_token(founded.root_token, random);
    if (!token) return undo(std::move(token).error());
    founded.root_token = *std::move(token);
  }

  audit::Record record;
  record.what = audit::What::server;
  record.time = now;
  record.operation = "init";
  auto t = txn.take();
  t.record = audit::encode(record);
  store::Draft draft{1, t.puts, t.edits, t.record};
  store::Group group;
  group.first = group.last = draft.revision;
  group.writes = std::move(founding.writes);
  if (auto sealed = parts_.barrier.seal(empty, std::span(&draft, 1), group.writes); !sealed)
    return undo(std::move(sealed).error());
  auto epoch = parts_.store.lead();
  if (!epoch) return undo(std::move(epoch).error());
  if (auto applied = parts_.store.apply(group, *epoch); !applied) {
    parts_.barrier.settled(store::Sealer::Fate::dropped);
    return undo(std::move(applied).error());
  }
  parts_.barrier.settled(store::Sealer::Fate::applied);
  initialised_ = true;
  store_id_ = founding.store_id;
  const auto config = parts_.seal.config();
  undo({});
  SR_TRY(parts_.seal.expect(config));
  if (parts_.seal.opening() == barrier::Seal::Opening::unattended) {
    SR_LET(const auto newest, parts_.store.snapshot());
    SR_TRY(parts_.barrier.unseal(*newest, parts_.seal));
    SR_TRY(open_after_unseal(*newest));
    founded.verifier_key = verifier_key();
  }
  return founded;
}

Status Core::open_tokens(std::uint64_t block) {
  using P = barrier::Barrier::Purpose;
  SR_LET(const auto hash, parts_.barrier.purpose_key(P::token_hash));
  SR_LET(const auto locator, parts_.barrier.purpose_key(P::token_locator));
  SR_LET(const auto accessor, parts_.barrier.purpose_key(P::accessor_locator));
  SR_LET(const auto batch, parts_.barrier.purpose_key(P::batch_token));
  return tokens_.open({hash, locator, accessor, batch}, block);
}

Status Core::unseal_with(const Secret& share) {
  // Not to wait for it: the workers are needed by what ends before the keys go.
  if (sealing_) return fail(Code::unavailable, "the server is being sealed; try again");
  const Living living(*this);
  if (!initialised_) return fail(Code::failed_precondition, "Vault is not initialized");
  if (!sealed()) return {};
  const auto progress = parts_.seal.add_share(share);
  if (!progress && progress.error().code == Code::conflict) return {};  // the same share does not count twice
  if (!progress) return std::unexpected(progress.error());
  if (!progress->complete) return {};
  SR_LET(const auto snapshot, parts_.store.snapshot());
  if (auto opened = parts_.barrier.unseal(*snapshot, parts_.seal); !opened) {
    parts_.seal.reset();
    parts_.env.log.warn("not unsealed", {{"reason", opened.error().message}});
    return opened;
  }
  auto opened = open_after_unseal(*snapshot);
  if (!opened) {
    close_keys();
    // Whoever gave the last share has the reason, but may not be who can mend it.
    parts_.env.log.error("not unsealed", {{"reason", opened.error().message}});
  }
  return opened;
}

void Core::unseal_reset() {
  const Living living(*this);
  parts_.seal.reset();
}

Status Core::open_after_unseal(const store::Snapshot& snapshot) {
  parts_.seal.reset();  // shares and wrapping key are done with
  using P = barrier::Barrier::Purpose;
  SR_LET(const auto audit_key, parts_.barrier.purpose_key(P::audit_hmac));
  SR_TRY(parts_.log.unseal(*this, store_id_));
  SR_TRY(recover_outbox());
  if (!committer_)
    committer_ = std::make_unique<store::Committer>(parts_.store, parts_.barrier, *this, parts_.env.log,
                                                    settings_.commits);

  store::Txn txn(snapshot, parts_.barrier);
  SR_LET(const auto mark, txn.get(setting("time-mark")));
  if (mark && mark->size() == 8) {
    const auto stored = static_cast<std::int64_t>(get_be(view(*mark)));
    const auto ahead = stored - parts_.env.clock.ticks().time_since_epoch().count();
    if (ahead > time_ahead_) time_ahead_ = ahead;
  }
  SR_LET(const auto block, txn.get(setting("token-block")));
  const std::uint64_t next = block && block->size() == 8 ? get_be(view(*block)) + 1 : 1;
  std::string text;
  put_u64(text, next);
  txn.put(setting("token-block"), SecretText(text));
  put_time_mark(txn, server_time());
  SR_LET(const auto recovery, recovery::config(txn));
  if (recovery) {
    const std::lock_guard guard(told_mutex_);
    recovery_ = recovery;
  }
  SR_LET(const auto name, txn.get(setting("cluster-name")));
  SR_LET(const auto id, txn.get(setting("cluster-id")));
  SR_LET(auto accessors, txn.get(setting("fixed-accessors")));
  if (accessors && accessors->size() == 16) {  // of a server that had no cubbyholes
    accessors->append(hex8(parts_.env.random));
    txn.put(setting("fixed-accessors"), SecretText(view(*accessors)));
  }
  SR_LET(const auto cross_origin, txn.get(cross_origin_key()));
  SR_TRY(publish_cross_origin(cross_origin));
  SR_TRY(note_version(txn, settings_.version, server_time()));
  SR_TRY(ceremonies_.note_term(txn));
  SR_TRY(commit_own(txn, "unseal", 0));
  SR_TRY(open_tokens(next));
  SR_LET(const auto cubbyhole_names, parts_.barrier.purpose_key(P::cubbyhole_names));
  cubbyholes_.open(cubbyhole_names);
  {
    const std::lock_guard guard(keys_mutex_);
    audit_key_ = std::make_shared<const audit::Redactor>(audit_key);
    cluster_name_ = name ? view(*name) : std::string_view();
    cluster_id_ = id ? view(*id) : std::string_view();
    verifier_key_ = parts_.log.verifier_key();
    fixed_.clear();
    const auto hex = accessors ? std::string(view(*accessors)) : std::string(24, '0');
    for (const auto& [path, type, engine, clazz, accessor_hex, about] :
         {std::tuple{"sys/", "system", sys_, engine::Class::secret, hex.substr(0, 8),
                     "system endpoints used for control, policy and debugging"},
          std::tuple{"auth/token/", "token", token_engine_, engine::Class::auth, hex.substr(8, 8),
                     "token based credentials"},
          std::tuple{"cubbyhole/", "cubbyhole", cubbyhole_engine_, engine::Class::secret, hex.substr(16),
                     "per-token private secret storage"}}) {
      Mounted m;
      m.entry.path = m.view.path = path;
      m.entry.type = m.view.type = type;
      m.entry.accessor = m.view.accessor =
          (clazz == engine::Class::auth ? "auth_" : "") + std::string(type) + "_" + accessor_hex;
      m.entry.description = m.view.description = about;
      // As Vault shows them.
      m.entry.local = m.entry.type == "cubbyhole";
      m.entry.seal_wrap = m.entry.type == "system";
      if (m.entry.type == "system") m.entry.passthrough_request_headers = {"Accept"};
      m.entry.uuid = m.view.uuid = cluster_id_;
      m.view.clazz = clazz;
      m.engine = engine;
      m.routes = engine->routes(m.view);
      fixed_.push_back(std::move(m));
    }
  }
  SR_TRY(check_foundations());
  sealed_.store(false, std::memory_order_release);
  apply_audit_devices_soon();
  health_recorded_ = parts_.env.clock.ticks().time_since_epoch().count();
  if (!crypto::key_pages_locked())
    parts_.env.log.warn("keys are not locked in memory: raise the limit on locked memory (RLIMIT_MEMLOCK)");
  parts_.env.log.info("unsealed", {{"revision", std::to_string(committer_->newest())}});
  return {};
}

// Every mount and policy must open and parse before anybody is let in: a lost or damaged one is found here,
// not when it would have decided.
Status Core::check_foundations() {
  SR_LET(const auto snapshot, parts_.store.snapshot());
  store::Txn txn(*snapshot, parts_.barrier);
  SR_LET([[maybe_unused]] const auto routes, router(txn));
  SR_LET(const auto names, policies_.names(txn));
  for (const auto& n : names) {
    if (n == "root") continue;
    SR_LET(const auto entry, policies_.get(txn, n));
    if (!entry) return fail(Code::corrupt, "a policy is listed but missing", n);
    SR_LET([[maybe_unused]] const auto parsed, identity::parse_policy(n, entry->text));
  }
  return {};
}

void Core::close_keys() noexcept {
  sealed_.store(true, std::memory_order_release);
  tokens_.close();
  cubbyholes_.close();
  policies_.forget();
  {
    const std::lock_guard guard(askers_mutex_);
    askers_.clear();
  }
  {
    const std::lock_guard guard(router_mutex_);
    router_.reset();
    open_mounts_.clear();
  }
  {
    const std::lock_guard guard(keys_mutex_);
    audit_key_.reset();
  }
  ceremonies_.forget();
  parts_.log.seal();
  parts_.barrier.seal_keys();
  parts_.seal.reset();
  const std::lock_guard guard(told_mutex_);
  if (!resealed_) return;
  std::ignore = parts_.seal.expect(*resealed_);
  resealed_.reset();
}

Status Core::seal_now() {
  if (sealed() || sealing_.exchange(true)) return {};
  const Living living(*this);
  if (sealed()) {
    sealing_ = false;
    return {};
  }
  sealed_.store(true, std::memory_order_release);
  record_counts(Health::now);
  bool asked = false;
  {
    // What is in flight ends first, so that its record is written under a key. One of them asked for this.
    std::unique_lock lock(flights_mutex_);
    flights_done_.wait_for(lock, std::chrono::seconds(10), [&] { return keyed_flights_ <= 1; });
    asked = keyed_flights_ != 0;
  }
  if (asked) {
    closing_ = std::this_thread::get_id();  // the keys go when its own record is written
  } else {
    close_keys();
    sealing_ = false;
  }
  parts_.env.log.info("sealed", {});
  return {};
}

std::string Core::verifier_key() const {
  const std::lock_guard guard(keys_mutex_);
  return verifier_key_;
}

void Core::put_time_mark(store::Txn& txn, WallTime time) {
  std::string text;
  put_u64(text, static_cast<std::uint64_t>(time.time_since_epoch().count()));
  txn.put(setting("time-mark"), SecretText(text));
}

WallTime Core::server_time() const {
  // Never behind the furthest that the wall clock has been, and never standing still: where that clock was
  // set back, time goes on at the pace of the ticks, or nothing would end until the clock has caught up.
  const auto now = parts_.env.clock.now().time_since_epoch().count();
  const auto ticks = parts_.env.clock.ticks().time_since_epoch().count();
  auto ahead = time_ahead_.load(std::memory_order_relaxed);
  while (now - ticks - ahead >= kTimeStep.count() &&
         !time_ahead_.compare_exchange_weak(ahead, now - ticks, std::memory_order_relaxed)) {
  }
  return WallTime{Nanoseconds(std::max(now, ticks + ahead))};
}

}  // namespace strongroom::core
