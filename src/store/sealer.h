// Where plaintext becomes ciphertext: the store layer declares what it needs of the barrier and knows nothing
// of keys.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "store/store.h"

namespace strongroom::store {

// A plaintext write; the value is wiped when the transaction dies.
struct Put {
  Key key;
  std::optional<SecretText> value;  // empty: erase
};

// A change of an ordered directory index, applied inside the committer in commit order, so that writers of
// one directory never conflict. Linking "a/b/c" enters c in a/b/, b/ in a/, a/ in the root, as far as they
// are missing; unlinking removes c, and upwards each directory that has become empty. Both are idempotent.
struct LateEdit {
  enum class Op : std::uint8_t { link, unlink } op = Op::link;
  std::uint32_t mount = 0;  // table number of the mount
  std::uint8_t space = 0;   // tree within the mount (engine::Storage)
  SecretText path;
};

// One transaction on its way into a group, with the revision it will have.
struct Draft {
  Revision revision = 0;
  std::span<const Put> puts;
  std::span<const LateEdit> edits;
  std::string_view record;  // its audit record (already sealed or plain, as the log wants it); empty: none
};

// Read side. Any thread.
class Cipher {
 public:
  virtual ~Cipher() = default;
  virtual Result<SecretText> open(std::string_view key,
                                  std::string_view stored) const = 0;  // Code::corrupt names the key
  virtual Result<Revision> revision_of(
      std::string_view stored) const = 0;  // from the header, unauthenticated
};

// Write side. The committer's thread only.
class Sealer {
 public:
  virtual ~Sealer() = default;
  // Turns the drafts of one group into stored writes: values encrypted under their revision, late edits done,
  // the set hash updated, records put under their outbox keys. `newest` is the state before the group.
  virtual Status seal(const Snapshot& newest, std::span<const Draft> drafts, std::vector<Write>& out) = 0;
  // The fate of the group is known; on anything but applied, forget what seal() cached.
  enum class Fate : std::uint8_t { applied, dropped };
  virtual void settled(Fate) noexcept = 0;
};

}  // namespace strongroom::store
