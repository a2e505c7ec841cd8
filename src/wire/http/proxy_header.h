// ProxyHeader: the PROXY protocol, versions 1 and 2 (the HAProxy project's "The PROXY protocol", 2020-03-05):
// a load balancer tells who its client is before the first byte of that client. Counts only from the
// addresses that the listener trusts.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "base/error.h"
#include "wire/http/request.h"

namespace strongroom::wire::http {

struct ProxyHeaderSettings {
  // Vault's three: whoever sends one is believed; only authorised ones are, others' are read and not
  // believed; only authorised ones may connect at all.
  enum class Behavior : std::uint8_t { off, use_always, allow_authorized, deny_unauthorized };
  Behavior behavior = Behavior::off;
  std::vector<std::string> authorized_addrs;  // addresses or CIDRs
};

// Immutable after parse(); any thread.
class ProxyRule {
 public:
  enum class Verdict : std::uint8_t { none, believe, read_only, refuse };
  static Result<ProxyRule> parse(const ProxyHeaderSettings&);  // the error names the entry
  Verdict of(const HttpRequest::Peer&) const;

 private:
  ProxyHeaderSettings::Behavior behavior_ = ProxyHeaderSettings::Behavior::off;
  std::vector<Cidr> authorized_;
};

// Gathers the first bytes of one connection until it is clear what they are.
class ProxyHeader {
 public:
  enum class State : std::uint8_t { more, done, bad };
  explicit ProxyHeader(bool believed) noexcept : believed_(believed) {}
  // At most kMost bytes are kept.
  State offer(std::string_view wire);
  // After done: the client, if there was a header that tells one and its sender is believed.
  const std::optional<HttpRequest::Peer>& client() const noexcept { return client_; }
  std::string_view rest() const noexcept { return std::string_view(text_).substr(used_); }  // what follows

 private:
  static constexpr std::size_t kMost = 4096;
  State version_1();
  State version_2();
  const bool believed_;
  std::string text_;
  std::size_t used_ = 0;
  std::optional<HttpRequest::Peer> client_;
};

}  // namespace strongroom::wire::http
