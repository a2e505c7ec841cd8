#include "wire/vault/cors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strongroom::wire::vault {
namespace {
constexpr std::array<std::string_view, 7> kMethods{"DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST", "SCAN"};
}  // namespace

CrossOriginVerdict judge_origin(const core::CrossOrigin& rules, std::string_view origin,
                                std::string_view method, std::string_view requested) {
  CrossOriginVerdict v;
  const bool any = rules.origins.size() == 1 && rules.origins.front() == "*";
  if (!any && std::ranges::find(rules.origins, origin) == rules.origins.end()) {
    v.answer = refusal(403, "origin not allowed");
    return v;
  }
  const bool preflight = method == "OPTIONS";
  if (preflight && std::ranges::find(kMethods, requested) == kMethods.end()) {
    v.answer.emplace();
    v.answer->status = 405;
    return v;
  }
  v.headers.emplace_back("Access-Control-Allow-Origin", origin);
  v.headers.emplace_back("Vary", "Origin");
  if (rules.credentials && !any) v.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  if (!preflight) return v;
  v.headers.emplace_back("Access-Control-Allow-Methods", fmt::format("{}", fmt::join(kMethods, ",")));
  v.headers.emplace_back("Access-Control-Allow-Headers",
                         fmt::format("{}", fmt::join(core::allowed_headers(rules), ",")));
  v.headers.emplace_back("Access-Control-Max-Age", "300");
  v.answer.emplace();
  v.answer->headers = std::exchange(v.headers, {});
  return v;
}

}  // namespace strongroom::wire::vault
