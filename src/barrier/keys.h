// Keys: everything an unsealed barrier holds. Immutable but for the table of open mounts, shared by whoever
// is in the middle of an operation, wiped when the last of them is done. Key bytes never leave through here
// except through wrap(), which encrypts them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "barrier/record.h"
#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/hmac.h"
#include "crypto/secure_memory.h"
#include "crypto/xaes.h"
#include "store/store.h"

namespace strongroom::barrier {

// Purposes of named keys that only the barrier itself uses; Barrier::Purpose has the others.
inline constexpr std::uint8_t kSetHashKey = 128;
inline constexpr std::uint8_t kAuditSegmentsKey = 129;
inline constexpr std::uint8_t kRootNamesKey = 130;
inline constexpr std::uint8_t kOuterPurposes = 7;  // 0 to 6

// The content of the keyring record.
struct Keyring {
  struct Term {
    std::uint32_t number = 0;
    crypto::Key key;
  };
  struct Named {
    std::uint8_t purpose = 0;
    std::uint32_t version = 0;
    crypto::Key key;
  };
  std::uint64_t generation = 1;
  std::vector<Term> terms;  // ascending, never empty
  std::vector<Named> named;

  static Keyring fresh(Random&);
  Keyring clone() const;
  // Keys for purposes that are younger than the store, in the next generation; nothing when none lacks.
  std::optional<Keyring> completed(Random&) const;
  // The keyring record, encrypted under the root key, and back. Code::invalid_argument: not under this root
  // key.
  std::string wrap(const crypto::Key& root, std::string_view store_id, Random&) const;
  static Result<Keyring> unwrap(std::string_view record, const crypto::Key& root, std::string_view store_id);
};

class Keys {
 public:
  Keys(std::string store_id, crypto::Key root, Keyring);
  // The same with another keyring; open mounts stay open.
  static std::shared_ptr<const Keys> with_keyring(const Keys&, Keyring);
  // The same with another root key, too.
  static std::shared_ptr<const Keys> with_root(const Keys&, crypto::Key root, Keyring);

  const std::string& store_id() const noexcept { return store_id_; }
  const crypto::Key& root() const noexcept { return root_; }
  const Keyring& keyring() const noexcept { return keyring_; }
  std::uint32_t term() const noexcept { return keyring_.terms.back().number; }
  const crypto::Hmac& set_hash() const noexcept { return set_hash_; }
  Result<Secret> named(std::uint8_t purpose) const;

  Result<std::string> seal(std::string_view key, store::Revision, std::string_view plain, Random&) const;
  Result<SecretText> open(std::string_view key, std::string_view stored) const;

  Result<std::string> new_mount(std::uint32_t mount, Random&) const;
  Status open_mount(std::uint32_t mount, std::string_view wrapped) const;
  Result<std::string> rewrap_mount(std::uint32_t mount, Random&) const;
  void close_mount(std::uint32_t mount) const noexcept;
  bool mount_is_open(std::uint32_t mount) const;
  std::vector<std::uint32_t> open_mounts() const;

  // HMAC under the names key of a mount (below 256: the root's), the first 16 bytes of it.
  struct Names {
    std::string directory;  // 16 bytes
    std::string name;       // 16 bytes
  };
  Result<Names> names(std::uint32_t mount, std::uint8_t space, std::string_view directory,
                      std::string_view name) const;
  Result<std::string> directory(std::uint32_t mount, std::uint8_t space, std::string_view directory) const;

 private:
  struct Mount {
    Mount(crypto::Key data, crypto::Key names, const Keyring&);
    crypto::Key data;
    crypto::Key names;
    crypto::Hmac name_hash;
    std::vector<crypto::Xaes> ciphers;  // one for each term
  };
  // A cipher and what keeps it alive.
  struct Use {
    const crypto::Xaes* cipher = nullptr;
    std::shared_ptr<const Mount> mount;
  };
  Result<Use> cipher(std::string_view key, std::size_t term_index) const;
  Result<std::size_t> term_index(std::uint32_t term) const;
  Result<std::shared_ptr<const Mount>> mount(std::uint32_t) const;
  Result<SecretText> open_with(const crypto::Xaes&, std::string_view key, const Record&) const;

  const std::string store_id_;
  const crypto::Key root_;
  const Keyring keyring_;
  const crypto::Hmac set_hash_;
  const crypto::Hmac root_names_;
  std::vector<crypto::Xaes> ciphers_;  // of tables, one for each term
  mutable std::shared_mutex mutex_;
  mutable std::unordered_map<std::uint32_t, std::shared_ptr<const Mount>> mounts_;  // guarded by mutex_
};

}  // namespace strongroom::barrier
