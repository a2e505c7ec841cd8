// Seal: wraps the root key and nothing else. An implementation gathers what it needs (key shares, a key file)
// before wrap/unwrap are called. Never stores the root key. Callers serialise all calls.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::barrier {

struct SealConfig {             // stored in clear beside the wrapped root key; shown by seal-status
  std::string type;             // "shamir", "static"
  std::uint32_t shares = 0;     // shamir only
  std::uint32_t threshold = 0;  // shamir only
};

class Seal {
 public:
  struct Progress {
    std::uint32_t gathered = 0;  // shares so far
    std::string nonce;           // of this attempt, a UUID; empty before the first share
    bool complete = false;       // unwrap may be called
  };
  // Whether it opens by itself at start, or operators bring shares.
  enum class Opening : std::uint8_t { by_shares, unattended };

  virtual ~Seal() = default;
  // An empty one of the same kind: gathers shares, or deals new ones, beside the one in use.
  virtual std::unique_ptr<Seal> another() const = 0;
  virtual Opening opening() const noexcept = 0;
  virtual SealConfig config() const = 0;
  // A new store: checks the wish (shares 1..255, threshold 1..shares, at least 2 when there are several),
  // makes the wrapping key, and returns the shares to hand out (none when unattended). wrap() may follow.
  virtual Result<std::vector<Secret>> deal(const SealConfig&) = 0;
  // An existing store: what its format record says. Code::failed_precondition when the type is another.
  virtual Status expect(const SealConfig&) = 0;
  // Code::invalid_argument: malformed; Code::conflict: given already. Unattended seals refuse shares.
  virtual Result<Progress> add_share(const Secret& share) = 0;
  virtual Progress progress() const = 0;
  virtual void reset() noexcept = 0;  // forgets shares and wrapping key
  virtual Result<std::string> wrap(const Secret& root_key) = 0;
  virtual Result<Secret> unwrap(std::string_view wrapped) = 0;  // Code::invalid_argument: wrong key
  // Whether this was wrapped under a key that has been replaced: it opens, and should be wrapped anew.
  virtual bool outdated(std::string_view /*wrapped*/) const noexcept { return false; }
};

}  // namespace strongroom::barrier
