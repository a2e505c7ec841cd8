// Tokens: records, identifiers and trees. A token names its record by an encrypted creation number and proves
// itself by a keyed hash; neither needs an index. A token whose ancestor is gone is gone. State lives in the
// store; keys come with unseal and go with seal. Any thread.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/secret.h"
#include "crypto/aes_block.h"
#include "crypto/hmac.h"
#include "store/txn.h"

namespace strongroom::identity {

struct TokenRecord {
  std::uint64_t number = 0;              // from the key, not stored
  std::array<std::byte, 32> hash{};      // HMAC of the whole token
  std::vector<std::uint64_t> ancestors;  // nearest first, at most 32
  std::vector<std::string> policies;     // sorted, lower case
  std::string display_name;
  std::string path;  // where it was made: auth/token/create
  std::map<std::string, std::string> meta;
  WallTime created{};
  WallTime expires{};       // zero: never
  WallTime last_renewal{};  // zero: never
  Seconds creation_ttl{};
  Seconds explicit_max_ttl{};
  Seconds max_ttl{};          // what bounded it when it was made
  std::int64_t num_uses = 0;  // left; 0: unlimited
  bool renewable = false;
  bool orphan = false;
  bool chosen_id = false;      // found through an index of chosen ids
  bool has_cubbyhole = false;  // something may be in its cubbyhole
  bool root() const noexcept { return policies.size() == 1 && policies.front() == "root"; }
};

struct NewToken {
  std::vector<std::string> policies;
  std::string display_name;
  std::string path;
  std::map<std::string, std::string> meta;
  Seconds ttl{};  // zero: never expires
  Seconds explicit_max_ttl{};
  Seconds max_ttl{};
  std::int64_t num_uses = 0;
  bool renewable = true;
  const TokenRecord* parent = nullptr;  // null: an orphan
  std::string_view chosen_id;           // empty: random
  bool has_cubbyhole = false;
};

struct MadeToken {
  Secret id;
  TokenRecord record;
};

class Tokens {
 public:
  // `block` was taken from the store at this unseal: creation numbers are block << 32 | counter, never
  // reused.
  Status open(const Secret& hash_key, const Secret& locator_key, const Secret& accessor_key,
              std::uint64_t block);
  void close() noexcept;

  // The record a presented token names, if its hash fits, its ancestors are there and it has not expired.
  Result<std::shared_ptr<const TokenRecord>> find(store::Txn&, std::string_view presented,
                                                  WallTime now) const;
  Result<std::shared_ptr<const TokenRecord>> find_by_accessor(store::Txn&, std::string_view accessor,
                                                              WallTime now) const;
  Result<std::shared_ptr<const TokenRecord>> find_by_number(store::Txn&, std::uint64_t number,
                                                            WallTime now) const;
  // As this transaction leaves it so far, own writes included; nothing when it is gone.
  Result<std::optional<TokenRecord>> reload(store::Txn&, std::uint64_t number) const;
  std::string accessor_of(std::uint64_t number) const;

  Result<MadeToken> create(store::Txn&, const NewToken&, WallTime now, Random&) const;
  void save(store::Txn&, const TokenRecord&) const;
  // Erases the record: it and every descendant is dead when this commits. The leftovers of descendants are
  // swept later.
  void revoke(store::Txn&, const TokenRecord&) const;
  // Before the first record is put into its cubbyhole. Code::unauthenticated when the token is gone.
  Status mark_cubbyhole(store::Txn&, std::uint64_t number) const;
  // Dead tokens whose cubbyholes are to be erased, at most `most`; and: that is done.
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

  static std::string key(std::uint64_t number);

 private:
  struct Keys {
    Keys(const Secret& hash, const Secret& locator, const Secret& accessor, std::uint64_t block);
    crypto::Hmac hash;
    crypto::AesBlock locator;
    crypto::AesBlock accessor;
    // With the keys, so that a number is never made of one unseal's block and another's counter.
    const std::uint64_t block;
    mutable std::atomic<std::uint64_t> counter{0};
  };
  Result<std::shared_ptr<const TokenRecord>> load(store::Txn&, std::uint64_t number) const;
  Result<bool> alive(store::Txn&, const TokenRecord&, WallTime now) const;
  std::shared_ptr<const Keys> keys() const;

  struct Cache;
  std::shared_ptr<const Keys> keys_;  // under mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace strongroom::identity
