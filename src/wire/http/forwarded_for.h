// ForwardedFor: who the client is when proxies stand before us (Vault's x_forwarded_for_* listener options).
// The header counts only from authorised addresses; otherwise every address rule in the product could be
// spoofed.
#pragma once
#include <string>
#include <vector>

#include "base/cidr.h"
#include "base/error.h"
#include "wire/http/request.h"

namespace strongroom::wire::http {

struct ForwardedForSettings {
  std::vector<std::string> authorized_addrs;  // addresses or CIDRs; empty: the header is never looked at
  std::uint32_t hop_skips = 0;                // entries to skip from the right
  bool reject_not_present = true;
  bool reject_not_authorized = true;
};

// Immutable after parse(); any thread.
class ForwardedFor {
 public:
  static Result<ForwardedFor> parse(const ForwardedForSettings&);  // the error names the entry
  // Puts the effective address into request.peer. The refusal, if any, is a static text for a 400.
  std::string_view apply(HttpRequest&) const;
  bool enabled() const noexcept { return !authorized_.empty(); }

 private:
  std::vector<Cidr> authorized_;
  std::size_t hop_skips_ = 0;
  bool reject_not_present_ = true;
  bool reject_not_authorized_ = true;
};

}  // namespace strongroom::wire::http
