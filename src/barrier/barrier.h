// Barrier: everything between plaintext and the store. Values and names are XAES-256-GCM under keys of the
// keyring's newest term; the store id, the key and the header are authenticated. Sealed, it holds no key.
// Never logs, never returns key bytes.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/seal.h"
#include "base/env.h"
#include "base/secret.h"
#include "store/sealer.h"
#include "store/store.h"

namespace strongroom::barrier {

class Keys;

// A node's place: mount number, HMAC of its directory, HMAC of its name (16 bytes each). A secret's versions
// follow under the same prefix.
struct NodeKey {
  std::string bytes;  // 36 bytes
};

// What init makes durable; the root key itself is inside, wrapped by the seal.
struct Founding {
  std::vector<store::Write> writes;  // format record, keyring, meta
  std::string store_id;              // 16 bytes
};

// Names of a page of a directory, in byte order; folders end in '/'.
struct Listing {
  std::vector<SecretText> names;
  bool more = false;
};

class Barrier final : public store::Sealer, public store::Cipher {
 public:
  explicit Barrier(Random&);
  ~Barrier() override;

  // ---- life: callers serialise these
  // A new root key, keyring and store id, wrapped by `seal`.
  Result<Founding> found(Seal& seal);
  // The store's format record; nothing when the store was never initialised. Code::failed_precondition for a
  // newer format.
  static Result<std::optional<std::string>> store_id(const store::Snapshot&);
  // The seal's part of the format record of an initialised store; Code::failed_precondition otherwise.
  static Result<SealConfig> seal_config(const store::Snapshot&);
  // Reads and unwraps the keyring with the key the seal has gathered. Code::invalid_argument when it is
  // wrong; Code::failed_precondition when the store was never initialised or is of a newer format.
  Status unseal(const store::Snapshot&, Seal& seal);
  // Whether the key that `seal` has gathered is the one that unseals this store (rekey, root token). Unsealed
  // only. Code::invalid_argument when it is not.
  Status authorise(const store::Snapshot&, Seal& seal) const;
  // The format record with the root key wrapped by another seal. It is stored as it is: put it into a
  // transaction under its key (table format), or hand it to the committer's housekeeping.
  Result<store::Write> reseal(Seal& seal);
  // Whether the root key is wrapped by a key of `seal` that has been replaced, so that reseal() is due.
  static Result<bool> outdated(const store::Snapshot&, const Seal& seal);
  // Adds a term, which encrypts from now on. The keyring record is written with the next sealed group, so
  // that no record outlives its key; the returned writes are the same record, for making it durable at once.
  Result<std::vector<store::Write>> rotate();
  // Changes that become true with one commit: the records returned go into one transaction as they are. The
  // barrier changes over when the group that has them is applied, and stays as it was when it never is. What
  // is staged later takes the place of what was staged before; serialised with rotate() by the caller.
  // A new term, which encrypts from then on.
  Result<std::vector<store::Write>> stage_term();
  // A new root key, wrapped by `seal`: whoever has the old one opens nothing that is written afterwards.
  Result<std::vector<store::Write>> stage_root(Seal& seal);
  // Records encrypted since the newest term came, in this life of the process.
  std::uint64_t encryptions() const noexcept { return encryptions_.load(std::memory_order_relaxed); }
  void seal_keys() noexcept;  // forgets every key
  bool sealed() const noexcept;
  std::uint32_t term() const noexcept;

  // ---- mounts: keys of one mount, wrapped under the keyring for the mount's entry
  Result<std::string> new_mount_keys(std::uint32_t mount);
  Status open_mount(std::uint32_t mount, std::string_view wrapped);
  void close_mount(std::uint32_t mount) noexcept;
  // The same keys wrapped under the newest term, for the mount's entry after rotate().
  Result<std::string> rewrap_mount_keys(std::uint32_t mount) const;

  // ---- names and directories (any thread, unsealed)
  Result<NodeKey> node(std::uint32_t mount, std::uint8_t space, std::string_view path) const;
  // Names after `after` (which need not exist), at most `most`; `dir` is "" or ends in '/'.
  Result<Listing> list(const store::Snapshot&, std::uint32_t mount, std::uint8_t space, std::string_view dir,
                       std::string_view after, std::size_t most) const;
  // Opens every record, recomputes the set hash over the whole store and compares, walks the directory
  // indexes of the open mounts; names what does not verify, by table and key in hexadecimal. Success says
  // that it ran.
  Status verify(const store::Snapshot&, std::vector<std::string>& findings) const;

  // ---- keys for others, random at founding, under the root keyring; each named use has its own
  enum class Purpose : std::uint8_t {  // stored in the keyring: never renumber
    token_hash = 0,
    token_locator = 1,
    accessor_locator = 2,
    audit_hmac = 3,
    checkpoint_signing = 4,
    cubbyhole_names = 5,
    batch_token = 6,
  };
  Result<Secret> purpose_key(Purpose) const;  // 32 bytes
  // Per-segment keys of the audit log: HKDF of the audit root key and the segment number.
  Result<Secret> audit_segment_key(std::uint64_t segment) const;

  // ---- store::Cipher, store::Sealer. Puts of the format record and of the keyring record, as reseal() and
  // rotate() give them, are stored as they are; everything else is encrypted.
  Result<SecretText> open(std::string_view key, std::string_view stored) const override;
  Result<store::Revision> revision_of(std::string_view stored) const override;
  Status seal(const store::Snapshot&, std::span<const store::Draft>, std::vector<store::Write>& out) override;
  void settled(Fate) noexcept override;

 private:
  struct Staged;
  Result<std::shared_ptr<const Keys>> keys() const;  // Code::sealed

  Random& random_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_;            // guarded by mutex_; empty: sealed
  std::optional<std::string> pending_keyring_;  // guarded by mutex_; goes out with the next group
  bool keyring_in_group_ = false;               // guarded by mutex_
  std::unique_ptr<Staged> staged_;              // guarded by mutex_
  bool staged_in_group_ = false;                // guarded by mutex_
  std::atomic<std::uint64_t> encryptions_{0};
};

}  // namespace strongroom::barrier
