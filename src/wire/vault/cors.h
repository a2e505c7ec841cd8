// Cross-origin requests of browsers, as Vault answers them. Pure functions: which rules hold is the caller's
// matter. A request without an Origin is none of this file's.
#pragma once
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cross_origin.h"
#include "wire/vault/vault.h"

namespace strongroom::wire::vault {

struct CrossOriginVerdict {
  std::optional<Outbound> answer;                            // refused, or a preflight; empty: serve it
  std::vector<std::pair<std::string, std::string>> headers;  // of the reply to what is served
};
// `requested` is Access-Control-Request-Method.
CrossOriginVerdict judge_origin(const core::CrossOrigin&, std::string_view origin, std::string_view method,
                                std::string_view requested);

}  // namespace strongroom::wire::vault
