// What the core offers to system areas: narrow interfaces, so that a system engine never sees the core.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/seal.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "core/audit_settings.h"
#include "core/cross_origin.h"
#include "core/mounts.h"
#include "engine/engine.h"
#include "identity/acl.h"
#include "store/txn.h"

namespace strongroom::core {

// What a new server is to be.
struct InitWish {
  barrier::SealConfig seal;
  std::optional<barrier::SealConfig> recovery;  // for a seal that opens by itself; absent: no recovery keys
  // OpenPGP keys in base64 or armoured, one for each share, to which the shares are encrypted; none: in
  // clear.
  std::vector<std::string> pgp_keys;
  std::vector<std::string> recovery_pgp_keys;
  std::string root_token_pgp_key;
};

struct Founded {
  std::vector<Secret> shares;           // encrypted: binary OpenPGP messages
  std::vector<Secret> recovery_shares;  // likewise
  Secret root_token;                    // encrypted: base64 of an OpenPGP message
  std::string verifier_key;             // C2SP, of the audit log
};

struct SealState {
  bool initialised = false;
  bool sealed = true;
  barrier::SealConfig config;
  // Whether the seal opens by itself, so that recovery keys take the place of unseal keys; how many there are
  // is known since the first unseal of this process.
  std::optional<barrier::SealConfig> recovery;
  barrier::Seal::Progress progress;
  std::string cluster_name;  // empty while sealed
  std::string cluster_id;
  std::string storage_type;
};

// Life of the whole server. Handlers of these are blocking.
class Lifecycle {
 public:
  virtual ~Lifecycle() = default;
  virtual SealState seal_state() const = 0;
  virtual Result<Founded> init(const InitWish&) = 0;    // refuses a bad PGP key before anything is made
  virtual Status unseal_with(const Secret& share) = 0;  // the last share opens
  virtual void unseal_reset() = 0;
  virtual Status seal_now() = 0;
  virtual std::string verifier_key() const = 0;  // empty before the first unseal
  virtual WallTime server_time() const = 0;
};

class MountTable {
 public:
  virtual ~MountTable() = default;
  virtual Result<std::shared_ptr<const Router>> router(store::Txn&) = 0;
  // The entry's path, type and wishes are set; number, accessor, uuid and keys are made here.
  virtual Status enable(store::Txn&, MountEntry) = 0;
  virtual Status change(store::Txn&, const MountEntry&) = 0;
  // At once out of the router; its records are erased later, resumably.
  virtual Status disable(store::Txn&, const Mounted&) = 0;
};

// What a token may do, for sys/capabilities and sys/internal/ui.
class Permissions {
 public:
  virtual ~Permissions() = default;
  virtual Result<std::shared_ptr<const identity::Acl>> acl_of(store::Txn&,
                                                              const std::vector<std::string>& policies) = 0;
};

// What goes on, for operators and for the front door.
class Traffic {
 public:
  // A request that has not been answered yet.
  struct InFlight {
    std::array<std::byte, 16> id{};
    WallTime started{};
    engine::Verb verb = engine::Verb::read;
    std::string address;  // empty on a Unix socket
    std::uint16_t port = 0;
    std::string path;  // its first 128 bytes
  };
  virtual ~Traffic() = default;
  virtual std::vector<InFlight> in_flight() const = 0;
  virtual void describe(metrics::Registry&) const = 0;
  // As the last commit left it; null: pages of other origins may not call.
  virtual std::shared_ptr<const CrossOrigin> cross_origin() const = 0;
};

// What is beside the built-in audit log, and how to search it.
class AuditControl {
 public:
  virtual ~AuditControl() = default;
  virtual AuditDevices& devices() noexcept = 0;
  // As the text stands in records: "hmac-sha256:...". Code::sealed.
  virtual Result<std::string> audit_hash(std::string_view text) const = 0;
  virtual std::uint64_t audit_size() const noexcept = 0;  // records in the log
};

// The audit log and the store, for operators.
class Records {
 public:
  struct StoreReport {
    bool verified = false;
    std::uint64_t revision = 0;
    std::vector<std::string> findings;
  };
  virtual ~Records() = default;
  virtual Result<StoreReport> verify_store() = 0;
  // Records after `sequence` as Vault-format JSON lines, at most `most`.
  virtual Result<std::vector<SecretText>> audit_lines(std::uint64_t after, std::size_t most) = 0;
  virtual Result<std::uint64_t> archive_audit(std::uint64_t before, std::string_view destination) = 0;
  virtual std::string checkpoint() const = 0;  // the newest signed one
};

}  // namespace strongroom::core
