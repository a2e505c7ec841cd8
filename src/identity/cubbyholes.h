// Cubbyholes: the private store of each token, and the reply that a wrapping token holds. Named by the
// token's creation number, so that a cubbyhole is one range and nobody but the token's own requests can name
// it. Goes when its token is gone.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/secret.h"
#include "crypto/hmac.h"
#include "store/txn.h"

namespace strongroom::identity {

// What a wrapping token stands for.
struct WrappedReply {
  std::string creation_path;  // of the request whose reply this is
  WallTime creation_time{};
  Seconds creation_ttl{};
  SecretText envelope;      // the reply as its front door would have sent it
  bool unrecorded = false;  // it has key shares: the audit log has nothing of it when it is unwrapped
};

// State is in the store; the key for names comes with unseal and goes with seal. Any thread.
class Cubbyholes {
 public:
  static constexpr std::size_t kMostRecords = 1000;  // of one token

  void open(const Secret& names_key);
  void close() noexcept;

  // Records are JSON objects by path ("a/b"); the payload is the caller's own bytes.
  Result<std::optional<SecretText>> get(store::Txn&, std::uint64_t token, std::string_view path) const;
  Status put(store::Txn&, std::uint64_t token, std::string_view path, std::string_view payload) const;
  Status erase(store::Txn&, std::uint64_t token, std::string_view path) const;
  // Names below `folder` ("" or ending in '/'), sorted; folders end in '/'.
  Result<std::vector<std::string>> list(store::Txn&, std::uint64_t token, std::string_view folder) const;

  void put_reply(store::Txn&, std::uint64_t token, const WrappedReply&) const;
  Result<std::optional<WrappedReply>> reply(store::Txn&, std::uint64_t token) const;

  // Erases all of a token's, at most kMostRecords + 1 keys.
  Status erase_all(store::Txn&, std::uint64_t token) const;

 private:
  Result<std::string> key(std::uint64_t token, std::string_view path) const;
  mutable std::mutex mutex_;
  std::shared_ptr<const crypto::Hmac> names_;  // under mutex_; null while sealed
};

}  // namespace strongroom::identity
