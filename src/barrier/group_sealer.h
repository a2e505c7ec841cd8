// Turns the drafts of one group into stored writes, with the set hash and the directory indexes brought up to
// date. One group, the committer's thread.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "barrier/directory.h"
#include "barrier/keys.h"
#include "barrier/set_hash.h"
#include "store/sealer.h"

namespace strongroom::barrier {

class GroupSealer {
 public:
  // `staged`: the keyring record that may take the place of today's; empty when there is none.
  GroupSealer(const Keys& keys, const store::Snapshot& newest, Random& random, std::vector<store::Write>& out,
              std::string_view staged = {})
      : keys_(keys),
        newest_(newest),
        random_(random),
        out_(out),
        staged_(staged),
        directories_(keys, newest) {}

  Status begin();
  Status add(const store::Draft&);
  Status finish();
  bool took_staged() const noexcept { return took_staged_; }

 private:
  using Stored = std::optional<std::string_view>;
  Status put(std::string_view key, std::optional<std::string_view> plain, store::Revision);
  Status put_self_protected(const store::Put&);
  Status put_chunk(const DirectoryEdits::Changed&);
  Result<store::Write> write(std::string_view key, std::optional<std::string_view> plain, store::Revision);
  // What a key contributed before, or will from now on; nothing for nothing.
  Result<std::optional<crypto::Digest>> share(std::string_view key, Stored) const;
  void exchange(const std::optional<crypto::Digest>& before,
                const std::optional<crypto::Digest>& after) noexcept;

  const Keys& keys_;
  const store::Snapshot& newest_;
  Random& random_;
  std::vector<store::Write>& out_;
  const std::string_view staged_;
  bool took_staged_ = false;
  DirectoryEdits directories_;
  SetHash set_;
  store::Revision last_ = 0;
  // What keys written in this group contribute now; empty: erased.
  std::unordered_map<std::string, std::optional<crypto::Digest>> written_;
};

// The stored set hash. Code::corrupt when it is missing or does not open.
Result<SetHash> read_set_hash(const Keys&, const store::Snapshot&);

}  // namespace strongroom::barrier
