// Policies in the store: texts by name, and compiled Acls cached by the revision of the epoch key that every
// policy write touches. Any thread.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "identity/acl.h"
#include "identity/policy.h"
#include "store/txn.h"

namespace strongroom::identity {

struct PolicyEntry {
  std::string name;
  std::string text;
  WallTime modified{};
  std::int64_t version = 0;
  bool cas_required = false;
};

class Policies {
 public:
  Result<std::optional<PolicyEntry>> get(store::Txn&, std::string_view canonical_name) const;
  // The text must have parsed.
  void put(store::Txn&, const PolicyEntry&) const;
  void erase(store::Txn&, std::string_view canonical_name) const;
  Result<std::vector<std::string>> names(store::Txn&) const;  // with root; sorted
  // What these policies together permit, as of this transaction's snapshot. Names that do not exist grant
  // nothing.
  Result<std::shared_ptr<const Acl>> acl(store::Txn&, const std::vector<std::string>& names,
                                         WallTime now) const;
  void forget() noexcept;  // at seal
  static std::string epoch_key();

 private:
  struct Compiled {
    store::Revision epoch = 0;
    std::shared_ptr<const Acl> acl;
  };
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, Compiled> cache_;  // under mutex_; by joined names
};

}  // namespace strongroom::identity
