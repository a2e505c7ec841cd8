// Txn: what one handler reads and writes. Reads come from one snapshot and join the read set; writes stay
// here until the committer has them. One thread; dies before its snapshot.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/sealer.h"
#include "store/store.h"

namespace strongroom::store {

struct Read {  // a key read (last empty) or a range [first, last) scanned
  Key first;
  Key last;
};

// What the committer takes. Move-only in spirit: plaintext is inside.
struct Transaction {
  Revision snapshot = 0;
  std::vector<Read> reads;
  std::vector<Put> puts;
  std::vector<LateEdit> edits;
  std::string record;  // audit record for the outbox
  bool empty() const noexcept { return puts.empty() && edits.empty(); }
};

// Frees space: may use what a full disk keeps in reserve.
bool erases_only(const Transaction&) noexcept;

class Txn {
 public:
  using Visit = std::function<bool(std::string_view key, const SecretText& value)>;
  Txn(const Snapshot& snapshot, const Cipher& cipher) : snapshot_(snapshot), cipher_(cipher) {}
  ~Txn() { drop_writes(); }
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  Revision revision() const noexcept { return snapshot_.revision(); }
  // Own writes first, then the snapshot.
  Result<std::optional<SecretText>> get(std::string_view key);
  // The revision that wrote the key, without decrypting: for caches. Own uncommitted writes do not count.
  Result<std::optional<Revision>> revision_of(std::string_view key);
  Status scan(std::string_view first, std::string_view last, const Visit&);  // own writes included
  // Like scan but keys only: nothing is decrypted.
  Status scan_keys(std::string_view first, std::string_view last,
                   const std::function<bool(std::string_view)>&);
  void put(Key, SecretText value);
  void erase(Key);
  void edit(LateEdit);
  // Drops the writes made so far, keeps the read set: a denied request still spends its token's use.
  void drop_writes();
  bool dirty() const noexcept { return !puts_.empty() || !edits_.empty(); }
  // The snapshot beneath, for readers that have their own cipher rules (directory index).
  const Snapshot& snapshot() const noexcept { return snapshot_; }
  const Cipher& cipher() const noexcept { return cipher_; }
  Transaction take();

 private:
  // A row of the merged view: stored bytes, or an own write.
  using Row = std::function<Result<bool>(std::string_view key, std::optional<std::string_view> stored,
                                         const std::optional<SecretText>* mine)>;
  Status merge(std::string_view first, std::string_view last, const Row&);
  void joined(std::string_view key);  // the read set

  const Snapshot& snapshot_;
  const Cipher& cipher_;
  std::vector<Read> reads_;
  std::map<Key, std::optional<SecretText>, std::less<>> puts_;
  std::vector<LateEdit> edits_;
};

}  // namespace strongroom::store
