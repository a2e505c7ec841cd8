// Seal: wraps the root key and nothing else. An implementation gathers what it needs (key shares, a key file)
// before wrap/unwrap are called. Never stores the root key.
#pragma once
#include <cstdint>
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
  virtual ~Seal() = default;
  virtual std::string_view type() const noexcept = 0;
  // Opens by itself at start, without an operator.
  enum class Opening : std::uint8_t { by_shares, unattended };
  virtual Opening opening() const noexcept = 0;
  virtual Result<std::string> wrap(const Secret& root_key) = 0;
  virtual Result<Secret> unwrap(std::string_view wrapped) = 0;  // Code::invalid_argument: wrong key
  virtual SealConfig config() const = 0;
};

}  // namespace strongroom::barrier
