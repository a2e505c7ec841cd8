// Tokens: records, identifiers and trees. A token names its record by an encrypted creation number and proves
// itself by a keyed hash; neither needs an index. A token whose ancestor is gone is gone. A batch token has
// no record: it is one, encrypted, and dies with its parent. State lives in the store; keys come with unseal
// and go with seal. Any thread.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "base/env.h"
#include "base/secret.h"
#include "crypto/aes_block.h"
#include "crypto/hmac.h"
#include "crypto/xaes.h"
#include "identity/lifetime.h"
#include "store/txn.h"

namespace strongroom::identity {

struct TokenRecord {
  std::uint64_t number = 0;              // from the key, not stored; 0: a batch token
  std::array<std::byte, 32> hash{};      // HMAC of the whole token; none of a batch token
  std::vector<std::uint64_t> ancestors;  // nearest first, at most 32 (33 of a batch token)
  std::vector<std::string> policies;     // sorted, lower case
  std::string display_name;
  std::string path;  // where it was made: auth/token/create
  std::map<std::string, std::string> meta;
  WallTime created{};
  Expiry expires;
  WallTime last_renewal{};  // zero: not renewed yet
  Seconds creation_ttl{};
  Seconds explicit_max_ttl{};     // of its whole life, renewals included; zero: no such limit
  Seconds max_ttl{};              // what bounded it when it was made
  Seconds period{};               // what a renewal gives it; zero: not periodic
  std::int64_t num_uses = 0;      // left; 0: unlimited
  std::string role;               // empty: made without one
  std::vector<Cidr> bound_cidrs;  // where it may be used from; empty: anywhere
  bool renewable = false;
  bool orphan = false;         // made without a parent; see Tokens::is_orphan
  bool chosen_id = false;      // found through an index of chosen ids
  bool has_cubbyhole = false;  // its number goes to the graves when the record is erased
  bool batch = false;
  bool remains = false;  // nothing but a place in the tree: revoked, while its children live
  bool root() const noexcept { return policies.size() == 1 && policies.front() == "root"; }
  // Whether it may be used from this address, which is empty on a Unix socket. A root token that never ends
  // may be used from anywhere: nobody can be locked out of it.
  bool admits(std::string_view address) const noexcept;
};

struct NewToken {
  explicit NewToken(Lifetime l) : lifetime(l) {}
  Lifetime lifetime;
  std::vector<std::string> policies;
  std::string display_name;
  std::string path;
  std::map<std::string, std::string> meta;
  Seconds explicit_max_ttl{};
  Seconds max_ttl{};
  Seconds period{};
  std::int64_t num_uses = 0;
  std::string role;
  std::vector<Cidr> bound_cidrs;
  bool renewable = true;
  bool has_cubbyhole = false;
  const TokenRecord* parent = nullptr;  // null: an orphan
  std::string_view chosen_id;           // empty: random
};

struct MadeToken {
  Secret id;
  TokenRecord record;
};

class Tokens {
 public:
  struct Secrets {  // 32 bytes each
    const Secret& hash;
    const Secret& locator;
    const Secret& accessor;
    const Secret& batch;
  };
  // `block` was taken from the store at this unseal: creation numbers are block << 32 | counter, never
  // reused.
  Status open(const Secrets&, std::uint64_t block);
  void close() noexcept;

  // The record a presented token names, if its hash fits, its ancestors are there and it has not expired.
  // Where it is used from is the caller's to check: TokenRecord::admits.
  Result<std::shared_ptr<const TokenRecord>> find(store::Txn&, std::string_view presented,
                                                  WallTime now) const;
  Result<std::shared_ptr<const TokenRecord>> find_by_accessor(store::Txn&, std::string_view accessor,
                                                              WallTime now) const;
  Result<std::shared_ptr<const TokenRecord>> find_by_number(store::Txn&, std::uint64_t number,
                                                            WallTime now) const;
  // As this transaction leaves it so far, own writes included; nothing when it is gone.
  Result<std::optional<TokenRecord>> reload(store::Txn&, std::uint64_t number) const;
  std::string accessor_of(std::uint64_t number) const;  // empty for 0: a batch token has none
  // Made without a parent, or its parent was revoked without it.
  Result<bool> is_orphan(store::Txn&, const TokenRecord&) const;

  Result<MadeToken> create(store::Txn&, const NewToken&, WallTime now, Random&) const;
  // Writes nothing. Uses, a period, a chosen id and root are the caller's to refuse.
  Result<MadeToken> create_batch(const NewToken&, WallTime now, Random&) const;
  void save(store::Txn&, const TokenRecord&) const;
  void renew(store::Txn&, TokenRecord, Expiry until, WallTime now) const;
  // Erases the record: it and every descendant is dead when this commits. The leftovers of descendants are
  // swept later.
  Status revoke(store::Txn&, const TokenRecord&) const;
  // The token is dead when this commits; its children (but not batch tokens) live on as orphans.
  Status revoke_alone(store::Txn&, const TokenRecord&) const;

  // From now on the token's number is put among the graves, in the transaction that erases its record.
  Status mark_cubbyhole(store::Txn&, std::uint64_t number) const;
  // Numbers of erased tokens whose cubbyholes are to be erased, at most `most`, and the end of one.
  Result<std::vector<std::uint64_t>> graves(store::Txn&, std::size_t most) const;
  void close_grave(store::Txn&, std::uint64_t number) const;

  // All live tokens' accessors, in creation order.
  Result<std::vector<std::string>> accessors(store::Txn&, WallTime now) const;
  // Removes records whose parent is gone, and index entries of the dead: at most `most` records. True when
  // more is left.
  enum class Swept : std::uint8_t { all, more };
  Result<Swept> sweep(store::Txn&, std::size_t most) const;
  // Pops expiry entries up to `now`: revokes what has expired, puts back what was renewed. `expired` counts.
  Result<Swept> expire(store::Txn&, WallTime now, std::size_t most,
                       std::vector<std::uint64_t>& expired) const;
  // A thorough look at every record and index entry, in steps: what is dead or points nowhere goes.
  // Somebody asks; housekeeping finds where to go on, does a step, and says when it is durable.
  void ask_for_tidy() const;
  std::optional<std::string> tidy_from() const;  // nothing: nobody asked, or it is done
  struct Step {
    std::optional<std::string> next;
    std::size_t removed = 0;
  };
  Result<Step> tidy(store::Txn&, std::string_view from, WallTime now, std::size_t most) const;
  void tidied(std::optional<std::string> next) const;

  static std::string key(std::uint64_t number);
  // 16 bytes that stand for a name in store keys: its keyed hash.
  Result<std::string> hidden(std::string_view kind, std::string_view name) const;
  static std::size_t id_size() noexcept;  // of a token that was not chosen

 private:
  struct Keys {
    Keys(const Secrets&, std::uint64_t block);
    crypto::Hmac hash;
    crypto::AesBlock locator;
    crypto::AesBlock accessor;
    crypto::Xaes batch;
    // With the keys, so that a number is never made of one unseal's block and another's counter.
    const std::uint64_t block;
    mutable std::atomic<std::uint64_t> counter{0};
  };
  enum class Leaves : std::uint8_t { nothing, remains };
  Result<std::shared_ptr<const TokenRecord>> load(store::Txn&, std::uint64_t number) const;
  Result<std::shared_ptr<const TokenRecord>> find_batch(store::Txn&, const Keys&, std::string_view presented,
                                                        WallTime now) const;
  Result<bool> alive(store::Txn&, const TokenRecord&, WallTime now) const;
  Result<bool> has_children(store::Txn&, std::uint64_t number) const;
  Status bury(store::Txn&, const TokenRecord&, Leaves) const;
  std::shared_ptr<const Keys> keys() const;

  struct Cache;
  std::shared_ptr<const Keys> keys_;  // under mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<Cache> cache_;
  mutable std::optional<std::string> tidy_from_;  // under mutex_
};

}  // namespace strongroom::identity
