// Which web pages of other origins may call the server: one setting of the store, published to the front door
// after each commit that changes it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/pack.h"
#include "core/texts.h"

namespace strongroom::core {

struct CrossOrigin {
  std::vector<std::string> origins;  // exact, or one "*"
  std::vector<std::string> headers;  // beside those every caller may send
  bool credentials = false;
};

// Header names every caller may send, then the setting's own.
inline std::vector<std::string> allowed_headers(const CrossOrigin& c) {
  std::vector<std::string> all{"Content-Type",
                               "Authorization",
                               "X-Vault-Token",
                               "X-Vault-MFA",
                               "X-Vault-No-Request-Forwarding",
                               "X-Vault-Wrap-Format",
                               "X-Vault-Wrap-TTL",
                               "X-Requested-With",
                               "X-Vault-AWS-IAM-Server-ID",
                               "X-Vault-Policy-Override"};
  all.insert(all.end(), c.headers.begin(), c.headers.end());
  return all;
}
// A text on what would open more than was meant.
inline Status check(const CrossOrigin& c) {
  const auto bad = [](const char* text) { return fail(Code::invalid_argument, text); };
  if (c.origins.empty()) return bad("at least one origin or the wildcard must be provided");
  if (c.origins.size() > 1)
    for (const auto& o : c.origins)
      if (o == "*") return bad("to allow all origins the '*' must be the only value for allowed_origins");
  if (c.credentials && c.origins.front() == "*")
    return bad(
        "allow_credentials: not together with '*', which would lend every page the caller's certificate");
  const auto clean = [](const std::string& s) {
    if (s.empty() || s.size() > 256) return false;
    for (const char ch : s)
      if (ch <= ' ' || ch == 0x7f || ch == ',') return false;
    return true;
  };
  for (const auto& o : c.origins)
    if (!clean(o)) return bad("allowed_origins: an origin is scheme://host:port, at most 256 bytes");
  for (const auto& h : c.headers)
    if (!clean(h)) return bad("allowed_headers: must be names of headers, at most 256 bytes each");
  if (c.origins.size() > 100 || c.headers.size() > 100)
    return bad("allowed_origins, allowed_headers: at most 100 each");
  return {};
}

inline std::string cross_origin_key() { return setting("cross-origin"); }

inline SecretText pack(const CrossOrigin& c) {
  SecretText out;
  Packer(out).number(1).texts(c.origins).texts(c.headers).number(c.credentials ? 1 : 0);
  return out;
}
inline Result<CrossOrigin> unpack_cross_origin(std::string_view bytes) {
  Unpacker in(bytes);
  if (in.number() != 1) return fail(Code::corrupt, "a setting of a newer version", "cross-origin");
  CrossOrigin c;
  c.origins = in.texts();
  c.headers = in.texts();
  c.credentials = in.number() != 0;
  SR_TRY(in.done("cross-origin"));
  return c;
}

}  // namespace strongroom::core
