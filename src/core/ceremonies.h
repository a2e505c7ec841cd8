// Ceremonies: what needs a quorum of the holders of key shares while the server is unsealed (a root token,
// new shares, a new root key), and the rotation of the keys that encrypt. An attempt lives in memory alone
// and dies with the seal; its result is one durable commit. Never shows a share to anybody but who asked for
// new ones.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/barrier.h"
#include "base/env.h"
#include "base/secret.h"
#include "core/pgp_recipients.h"
#include "identity/tokens.h"
#include "store/store.h"
#include "store/txn.h"

namespace strongroom::core {

// What the ceremonies need of the core.
class Grounds {
 public:
  virtual ~Grounds() = default;
  virtual Result<std::unique_ptr<store::Snapshot>> newest_state() = 0;
  // Durable, with a record of its own that says what happened.
  virtual Status commit_event(store::Txn&, std::string event, std::uint64_t count) = 0;
  // Another number of shares opens the store, or is the recovery key's, from now on.
  virtual void resealed(const barrier::SealConfig&) = 0;
  virtual WallTime server_time() const = 0;
};

// Any thread. Handlers that call what changes something are blocking: it waits until it is durable.
class Ceremonies {
 public:
  struct Parts {
    Env env;
    barrier::Barrier& barrier;
    const barrier::Seal& seal;  // the one in use: tells its kind, and makes others
    const identity::Tokens& tokens;
    Grounds& grounds;
    const barrier::Seal* recovery = nullptr;  // likewise of the recovery key, where `seal` opens by itself
  };
  explicit Ceremonies(Parts parts) : parts_(std::move(parts)) {}

  // Whose shares: of the key that unseals, or of the recovery key of a server that unseals by itself.
  enum class Holders : std::uint8_t { unseal, recovery };

  // ---- a root token
  struct RootState {
    bool started = false, complete = false;
    std::string nonce;
    std::uint32_t progress = 0, required = 0;
    std::size_t otp_length = 0;
    std::string pgp_fingerprint;
    Secret otp;                 // in the reply that starts it, when it was made here
    std::string encoded_token;  // in the reply that completes it
  };
  struct RootWish {
    std::optional<Secret> otp;  // absent: made here
    std::string pgp_key;        // base64; instead of an OTP
  };
  Result<RootState> root_state();
  Result<RootState> begin_root(const RootWish&);
  Result<RootState> give_root(const Secret& share, std::string_view nonce);
  void cancel_root();

  // ---- new shares
  struct RekeyWish {
    std::int64_t shares = 0, threshold = 0;
    std::vector<std::string> pgp_keys;
    bool backup = false, verify = false;
  };
  struct RekeyState {
    bool started = false, complete = false;
    std::string nonce;
    std::uint32_t t = 0, n = 0, progress = 0, required = 0;
    std::vector<std::string> pgp_fingerprints;
    bool backup = false, verification_required = false;
    std::string verification_nonce;
    std::vector<Secret> keys;  // in the reply that completes it: raw bytes, or encrypted with PGP
  };
  struct VerifyState {
    bool started = false, complete = false;
    std::string nonce;
    std::uint32_t t = 0, n = 0, progress = 0;
  };
  Result<RekeyState> rekey_state(Holders);
  Result<RekeyState> begin_rekey(Holders, const RekeyWish&);
  Result<RekeyState> give_rekey(Holders, const Secret& share, std::string_view nonce);
  void cancel_rekey(Holders);
  // The encrypted shares that the store keeps because `backup` was asked for; nothing when it keeps none.
  struct Backup {
    std::string nonce;                                      // of the attempt that made them
    std::vector<std::pair<std::string, std::string>> keys;  // fingerprint of the PGP key, encrypted share
  };
  Result<std::optional<Backup>> backup(store::Txn&, Holders) const;
  Status forget_backup(store::Txn&, Holders) const;
  // The new shares prove themselves before they are in force.
  Result<VerifyState> verify_state(Holders);
  Result<VerifyState> give_verify(Holders, const Secret& share, std::string_view nonce);
  Result<VerifyState> restart_verify(Holders);

  // ---- keys that encrypt
  struct KeyState {
    std::uint32_t term = 0;
    WallTime installed{};
    std::uint64_t encryptions = 0;
  };
  struct RotateConfig {
    bool enabled = true;
    std::int64_t max_operations = kMostOperations;
    Seconds interval{};  // zero: never by time
  };
  static constexpr std::int64_t kMostOperations = 3'865'470'566;
  static constexpr std::int64_t kLeastOperations = 1'000'000;
  static constexpr Seconds kLeastInterval{24 * 3600};
  Result<KeyState> key_state(store::Txn&) const;
  Status rotate_keyring();
  // A new root key for a seal that wraps it without anybody's shares. Code::failed_precondition otherwise.
  Status rotate_root();
  Result<RotateConfig> rotate_config(store::Txn&) const;
  Status set_rotate_config(store::Txn&, const RotateConfig&) const;

  // ---- life: called by the core
  // Notes when the newest term came, where nobody has; part of the transaction that unseals.
  Status note_term(store::Txn&);
  void tick();             // rotation that is due; attempts that nobody ended
  void forget() noexcept;  // at the seal: every attempt

 private:
  struct Root {
    std::string nonce;
    std::unique_ptr<barrier::Seal> quorum;
    Secret otp;
    PgpRecipients holder;  // instead of the OTP
    MonoTime deadline{};
  };
  struct Rekey {
    std::string nonce;
    barrier::SealConfig wish;
    PgpRecipients holders;
    bool verify = false, backup = false;
    std::string to_keep;                    // the backup, packed; goes into the store with the new key
    std::unique_ptr<barrier::Seal> quorum;  // of the old shares
    MonoTime deadline{};
    // With verification, once the old shares were given: the new key, which is not in force, a value wrapped
    // by it, and the new shares that have come back.
    std::unique_ptr<barrier::Seal> fresh;
    std::string wrapped_probe;
    std::unique_ptr<barrier::Seal> proof;
    std::string verification_nonce;
  };
  // The answer to the last share, for whoever gives that very share again: the first reply may be lost, and a
  // pass of the request that lost a race comes a second time.
  template <class State>
  struct Answered {
    State state;
    Secret share;
    MonoTime until;
  };

  // Whose shares permit anything on this server, and the seal of their kind.
  Holders own() const noexcept;
  const barrier::Seal& kind() const noexcept;
  Status has_shares(Holders) const;
  // The configuration of their shares that is in force, and an empty seal that gathers shares by it.
  Result<barrier::SealConfig> in_force() const;
  Result<std::unique_ptr<barrier::Seal>> new_quorum() const;
  // Adds a share; with the last one, whether they are the keys of this store.
  enum class Given : std::uint8_t { more_needed, complete };
  Result<Given> give(barrier::Seal& quorum, const Secret& share);
  Status may_fail();   // Code::quota_exceeded after too many wrong quorums
  void failed_once();  // a wrong quorum
  enum class Term : std::uint8_t { stays, changes };
  Status install(std::vector<store::Write> writes, std::string event, Term);
  Status put_in_force(barrier::Seal& fresh);
  Result<RekeyState> finish_rekey();
  Result<RootState> finish_root();
  RootState shown(const Root&) const;
  Result<RekeyState> shown(const Rekey&) const;
  VerifyState shown_verify(const Rekey&) const;
  Status rotate_locked();
  void expire();  // attempts past their deadline
  MonoTime now() const { return parts_.env.clock.ticks(); }

  Parts parts_;
  std::mutex mutex_;  // of everything below
  std::optional<Root> root_;
  std::optional<Rekey> rekey_;
  std::optional<Answered<RootState>> root_answer_;
  std::optional<Answered<RekeyState>> rekey_answer_;
  std::uint64_t saved_ = 0;  // encryptions of this life that are stored
  // Wrong quorums are bounded: a few at once, then one every few seconds.
  double failures_left_ = kMostFailures;
  MonoTime failures_at_{};
  static constexpr double kMostFailures = 10;
  std::atomic<std::uint64_t> earlier_{0};  // encryptions under the newest term in earlier lives
};

}  // namespace strongroom::core
