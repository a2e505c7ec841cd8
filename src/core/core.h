// Core: joins everything behind the wire. A request comes in decoded, its credential becomes a token, policy
// decides, a typed handler runs on one snapshot, and nothing leaves before its record is durable. Owns the
// committer; knows no concrete engine, store or seal.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>

#include "audit/log.h"
#include "audit/record.h"
#include "audit/redact.h"
#include "barrier/barrier.h"
#include "base/env.h"
#include "core/call.h"
#include "core/ceremonies.h"
#include "core/floods.h"
#include "core/meters.h"
#include "core/mounts.h"
#include "core/services.h"
#include "core/wrapping.h"
#include "identity/cubbyholes.h"
#include "identity/policies.h"
#include "identity/tokens.h"
#include "store/committer.h"
#include "store/store.h"

namespace strongroom::core {

struct Settings {
  Seconds default_lease_ttl{768 * 3600};
  Seconds max_lease_ttl{768 * 3600};
  Nanoseconds max_request_duration = Seconds(90);  // how long a request may wait for a worker
  std::string cluster_name;                        // empty: made at init
  std::string storage_type;
  std::string version;  // of the product, for documents
  store::Committer::Limits commits;
  Floods::Limits refusals;
};

class Core final : public store::CommitListener,
                   public audit::SegmentKeys,
                   public Lifecycle,
                   public MountTable,
                   public Permissions,
                   public Records,
                   public AuditControl,
                   public Traffic,
                   public Grounds {
 public:
  struct Parts {
    Env env;
    store::Store& store;
    barrier::Barrier& barrier;
    barrier::Seal& seal;
    audit::Log& log;
    barrier::Seal* recovery = nullptr;  // deals recovery keys, where `seal` opens by itself
  };
  Core(Parts, Settings);
  ~Core() override;

  // What is always mounted.
  struct Fixed {
    const engine::Engine& sys;
    const engine::Engine& token;
    const engine::Engine& cubbyhole;
  };
  // Once, before the first request: the fixed mounts and the kinds that can be mounted.
  void install(const Fixed&, Router::Engines kinds);
  // Reads the store's state; opens it when the seal is unattended and the store is initialised.
  Status start();

  // ---- requests. `done` is called exactly once, on any thread, when the reply may leave.
  using Done = std::move_only_function<void(std::unique_ptr<Request>, Reply)>;
  // Requests that became ready together share one snapshot. Used by one thread, short-lived.
  class Turn {
   public:
    explicit Turn(Core& core) : core_(core) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();  // hands all transactions of the turn to the committer together
    void serve(std::unique_ptr<Request>, Done);

   private:
    friend class Core;
    const store::Snapshot* snapshot();
    Core& core_;
    std::unique_ptr<store::Snapshot> snapshot_;
    std::vector<store::Committer::Submission> ready_;
  };
  // Housekeeping: expiry, sweeping, erasure of unmounted ranges. Called about once a second by one thread.
  void tick();
  // No new requests are admitted; waits until those in flight are answered.
  void drain();
  // Whether this token works now: asked before a large body is taken. Any thread.
  bool knows(std::string_view presented) const;
  bool sealed() const noexcept { return sealed_.load(std::memory_order_acquire); }
  bool healthy() const noexcept;
  identity::Tokens& tokens() noexcept { return tokens_; }
  identity::Policies& policies() noexcept { return policies_; }
  const identity::Cubbyholes& cubbyholes() const noexcept { return cubbyholes_; }
  const Wrapping& wrapping() const noexcept { return wrapping_; }
  Ceremonies& ceremonies() noexcept { return ceremonies_; }

  // ---- Lifecycle
  SealState seal_state() const override;
  Result<Founded> init(const InitWish&) override;
  Status unseal_with(const Secret& share) override;
  void unseal_reset() override;
  Status seal_now() override;
  std::string verifier_key() const override;
  WallTime server_time() const override;
  // ---- MountTable
  Result<std::shared_ptr<const Router>> router(store::Txn&) override;
  Status enable(store::Txn&, MountEntry) override;
  Status change(store::Txn&, const MountEntry&) override;
  Status disable(store::Txn&, const Mounted&) override;
  // ---- Permissions, Records
  Result<std::shared_ptr<const identity::Acl>> acl_of(store::Txn&,
                                                      const std::vector<std::string>& policies) override;
  Result<StoreReport> verify_store() override;
  Result<std::vector<SecretText>> audit_lines(std::uint64_t after, std::size_t most) override;
  Result<std::uint64_t> archive_audit(std::uint64_t before, std::string_view destination) override;
  std::string checkpoint() const override;
  // ---- Traffic
  std::vector<InFlight> in_flight() const override;
  void describe(metrics::Registry&) const override;
  std::shared_ptr<const CrossOrigin> cross_origin() const override;
  // ---- AuditControl
  AuditDevices& devices() noexcept override { return *audit_devices_; }
  Result<std::string> audit_hash(std::string_view text) const override;
  std::uint64_t audit_size() const noexcept override { return parts_.log.size(); }
  // ---- Grounds
  Result<std::unique_ptr<store::Snapshot>> newest_state() override;
  Status commit_event(store::Txn&, std::string event, std::uint64_t count) override;
  void resealed(const barrier::SealConfig&) override;
  // ---- audit::SegmentKeys, store::CommitListener
  Result<Secret> segment_key(std::uint64_t segment) const override;
  Result<Secret> signing_key() const override;
  void committed(std::span<const store::Draft>) noexcept override;

  // How audit_lines and archive_audit reach the log's files; set by main, which knows the directory.
  struct AuditFiles {
    std::function<Result<std::vector<SecretText>>(std::uint64_t after, std::size_t most)> lines;
    std::function<Result<std::uint64_t>(std::uint64_t before, std::string_view destination)> archive;
  };
  void set_audit_files(AuditFiles files) { audit_files_ = std::move(files); }
  // Before start(); outlives this. Without it there are no devices.
  void set_audit_devices(AuditDevices& devices) { audit_devices_ = &devices; }

 private:
  enum class Where : std::uint8_t { loop, worker, committer };
  struct Outcome {
    Reply reply;
    std::optional<store::Transaction> txn;
    std::optional<audit::Record> record;  // none: not logged
  };
  struct Flight;
  class Living;
  struct Asker;  // a token with what audit and policy need of it
  class Run;     // one pass of a request through the pipeline

  Outcome run(Request&, const store::Snapshot*, Where);
  void finish(std::unique_ptr<Flight>, Turn* turn = nullptr);
  void rerun(std::unique_ptr<Flight>);
  void serve_on_worker(std::unique_ptr<Flight>);
  // A commit that did not come about: its failure is on record before the caller hears of it.
  void commit_failed(std::unique_ptr<Flight>, const Error&);
  void log_then_answer(std::unique_ptr<Flight>);
  void close_then_answer(std::unique_ptr<Flight>);
  void answer(std::unique_ptr<Flight>);
  Status open_after_unseal(const store::Snapshot&);
  Status reseal_outdated(const store::Snapshot&);
  Status recover_outbox();
  Status open_tokens(std::uint64_t block);  // with the barrier's keys
  Status check_foundations();
  Status append_and_wait(audit::Record);
  static void put_time_mark(store::Txn&, WallTime);  // server time is never before it again
  // A transaction of the server's own, with a record that says what it did; the second commits it.
  store::Transaction own(store::Txn&, std::string event, std::uint64_t count) const;
  Status commit_own(store::Txn&, std::string event, std::uint64_t count);
  std::shared_ptr<const Asker> asker(std::shared_ptr<const identity::TokenRecord>,
                                     std::string_view presented);
  void erase_outbox();
  // Appends what was only counted: refusals at once, health checks once an hour or at `Health::now`.
  enum class Health : std::uint8_t { hourly, now };
  void record_counts(Health);
  // Makes the devices those that the store has now. After a commit that changed them on a worker; when that
  // did not work out, with the next tick.
  void apply_audit_devices();
  void apply_audit_devices_soon() noexcept;
  void close_keys() noexcept;
  // A reply without an end ends with its token, and when the server seals: looked at with every tick.
  void watch(const std::shared_ptr<Feed>&, const Credential&);
  void end_feeds();

  Parts parts_;
  Settings settings_;
  identity::Tokens tokens_;
  identity::Policies policies_;
  identity::Cubbyholes cubbyholes_;
  const Wrapping wrapping_;
  Ceremonies ceremonies_;
  const engine::Engine* sys_ = nullptr;
  const engine::Engine* token_engine_ = nullptr;
  const engine::Engine* cubbyhole_engine_ = nullptr;
  Router::Engines kinds_;
  AuditFiles audit_files_;
  Floods floods_;
  std::atomic<std::int64_t> health_recorded_{0};  // ns of the clock's ticks
  NoAuditDevices no_audit_devices_;
  AuditDevices* audit_devices_ = &no_audit_devices_;
  const std::string audit_devices_key_ = core::audit_devices_key();
  std::mutex audit_devices_mutex_;  // one apply at a time, on the newest snapshot
  std::atomic<bool> audit_devices_due_{false};
  std::unique_ptr<store::Committer> committer_;  // made at the first unseal

  std::atomic<bool> sealed_{true};
  std::atomic<bool> sealing_{false};  // until the keys are gone
  // The thread whose request sealed the server and has not been recorded yet: only that one closes the keys.
  std::atomic<std::thread::id> closing_{};
  // In steps, so that the loops do not fight for it: where time runs backwards, it is by one at most.
  static constexpr Nanoseconds kTimeStep = std::chrono::milliseconds(10);
  mutable std::atomic<std::int64_t> time_ahead_{INT64_MIN / 2};  // ns that server time is ahead of the ticks
  WallTime time_saved_{};                                        // the mark of tick()
  std::mutex life_;                                              // serialises init, unseal, seal
  bool initialised_ = false;                                     // under life_
  std::string store_id_;                                         // under life_

  // What seal_state() tells, so that asking never waits for a running unseal.
  struct Told {
    bool initialised = false;
    barrier::SealConfig config;
    barrier::Seal::Progress progress;
  };
  mutable std::mutex told_mutex_;
  Told told_;  // under told_mutex_
  // Since the unseal the shares were made anew: what the seal is to expect when it is asked next.
  std::optional<barrier::SealConfig> resealed_;  // under told_mutex_
  std::optional<barrier::SealConfig> recovery_;  // under told_mutex_
  void tell();                                   // holding life_

  mutable std::mutex keys_mutex_;
  std::shared_ptr<const audit::Redactor> audit_key_;  // under keys_mutex_
  std::string cluster_name_, cluster_id_;             // under keys_mutex_
  std::string verifier_key_;                          // under keys_mutex_
  std::vector<Mounted> fixed_;                        // under keys_mutex_

  std::mutex router_mutex_;
  std::shared_ptr<const Router> router_;  // under router_mutex_
  std::set<std::uint32_t> open_mounts_;   // under router_mutex_

  std::mutex askers_mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const Asker>> askers_;  // under askers_mutex_

  mutable std::mutex flights_mutex_;
  std::condition_variable flights_done_;
  std::size_t flights_ = 0;        // under flights_mutex_
  std::size_t keyed_flights_ = 0;  // those that sealing waits for; under flights_mutex_
  bool draining_ = false;          // under flights_mutex_
  Flight* first_ = nullptr;        // all of them, under flights_mutex_

  Meters meters_;
  mutable std::mutex cross_origin_mutex_;
  std::shared_ptr<const CrossOrigin> cross_origin_;  // under cross_origin_mutex_
  Status publish_cross_origin(const std::optional<SecretText>& stored);

  struct Watched {
    std::weak_ptr<Feed> feed;
    SecretText token;
  };
  std::mutex watched_mutex_;
  std::vector<Watched> watched_;  // under watched_mutex_

  std::atomic<std::uint64_t> outbox_erased_{0};
};

}  // namespace strongroom::core
