// The Vault front door: HTTP semantics of the Vault API in, calls out; replies in, Vault's envelope out. Pure
// functions; everything that clients of Vault expect of the wire and nothing else lives here.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/env.h"
#include "base/feed.h"
#include "base/secret.h"
#include "core/call.h"

namespace strongroom::wire::vault {

// The parts of an HTTP request that mean something here.
struct Inbound {
  std::string_view method;
  std::string_view target;         // raw path and query
  std::string_view token;          // X-Vault-Token
  std::string_view authorization;  // Authorization
  std::string_view name_space;     // X-Vault-Namespace
  std::string_view wrap_ttl;       // X-Vault-Wrap-TTL
  std::string_view wrap_format;    // X-Vault-Wrap-Format
  std::string_view content_type;
  SecretText body;
  json::Limits json;  // of the listener
};

struct Outbound {
  int status = 200;
  SecretText body;
  std::string content_type;  // empty: application/json
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<Feed> feed;  // what the body goes on with
};

// The largest body that a request without a token may have.
constexpr std::size_t kMostUnauthenticatedBody = 1u << 20;

// Either a request for the core, or an answer that needs no core (redirects, malformed input).
std::variant<std::unique_ptr<core::Request>, Outbound> decode(Inbound, Random&);
Outbound encode(const core::Request&, const core::Reply&);
// The body of encode(), as a wrapping token keeps it: Vault's members and no others.
SecretText envelope(const core::Request&, const core::Reply&);
Outbound refusal(int status, std::string_view text);

}  // namespace strongroom::wire::vault
