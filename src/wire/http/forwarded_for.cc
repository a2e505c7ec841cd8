#include "wire/http/forwarded_for.h"

#include <algorithm>

namespace strongroom::wire::http {
namespace {
constexpr std::string_view kHeader = "x-forwarded-for";

std::string_view trimmed(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// An address, as proxies spell it: bare, or with a port ("192.0.2.1:4711", "[2001:db8::1]:4711").
std::optional<IpAddress> entry_address(std::string_view s) noexcept {
  if (s.starts_with('[')) {
    const std::size_t end = s.find(']');
    if (end == std::string_view::npos || (end + 1 < s.size() && s[end + 1] != ':')) return std::nullopt;
    return IpAddress::parse(s.substr(1, end - 1));
  }
  if (std::count(s.begin(), s.end(), ':') == 1) s = s.substr(0, s.find(':'));
  return IpAddress::parse(s);
}
}  // namespace

Result<ForwardedFor> ForwardedFor::parse(const ForwardedForSettings& s) {
  ForwardedFor f;
  for (std::size_t i = 0; i < s.authorized_addrs.size(); ++i) {
    const auto block = Cidr::parse(trimmed(s.authorized_addrs[i]));
    if (!block)
      return fail(Code::invalid_argument, "x_forwarded_for_authorized_addrs: entry " + std::to_string(i + 1) +
                                              " is not an IP address or CIDR");
    f.authorized_.push_back(*block);
  }
  f.hop_skips_ = s.hop_skips;
  f.reject_not_present_ = s.reject_not_present;
  f.reject_not_authorized_ = s.reject_not_authorized;
  return f;
}

std::string_view ForwardedFor::apply(HttpRequest& r) const {
  if (authorized_.empty()) return {};
  if (!r.has_header(kHeader))
    return reject_not_present_ ? "missing x-forwarded-for header and configured to reject when not present"
                               : std::string_view{};
  const auto sender = IpAddress::parse(r.peer.address);
  const bool authorized = sender && std::any_of(authorized_.begin(), authorized_.end(),
                                                [&](const Cidr& c) { return c.contains(*sender); });
  if (!authorized)
    return reject_not_authorized_
               ? "client address not authorized for x-forwarded-for and configured to reject connection"
               : std::string_view{};
  // Several headers are one list. Counted from the right: only what authorised proxies appended can be
  // trusted.
  std::vector<std::string_view> chain;
  for (std::string_view rest : r.all(kHeader)) {
    for (std::size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      chain.push_back(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(comma + 1);
    }
    chain.push_back(trimmed(rest));
  }
  if (hop_skips_ >= chain.size())
    return "malformed x-forwarded-for configuration or request: the hops to skip reach before the first "
           "entry";
  const auto client = entry_address(chain[chain.size() - 1 - hop_skips_]);
  if (!client) return "malformed x-forwarded-for header: the entry of the client is not an IP address";
  r.peer.address = client->text();
  return {};
}

}  // namespace strongroom::wire::http
