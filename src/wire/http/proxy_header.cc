#include "wire/http/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace strongroom::wire::http {
namespace {
constexpr std::string_view kFirst = "PROXY ";
constexpr std::string_view kSecond("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kLongestLine = 107;  // version 1, with its CRLF

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t n = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (text.empty() || padded || wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}
// The next word of a line whose words are parted by one space each.
std::string_view word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto w = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return w;
}
std::uint8_t byte(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }
std::uint16_t big_endian(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(byte(text, at) << 8 | byte(text, at + 1));
}
}  // namespace

Result<ProxyRule> ProxyRule::parse(const ProxyHeaderSettings& s) {
  ProxyRule rule;
  rule.behavior_ = s.behavior;
  for (std::size_t i = 0; i < s.authorized_addrs.size(); ++i) {
    const auto block = Cidr::parse(s.authorized_addrs[i]);
    if (!block)
      return fail(Code::invalid_argument, "proxy_protocol_authorized_addrs: entry " + std::to_string(i + 1) +
                                              " is not an address or CIDR");
    rule.authorized_.push_back(*block);
  }
  return rule;
}

ProxyRule::Verdict ProxyRule::of(const HttpRequest::Peer& peer) const {
  using Behavior = ProxyHeaderSettings::Behavior;
  if (behavior_ == Behavior::off) return Verdict::none;
  if (behavior_ == Behavior::use_always) return Verdict::believe;
  const auto address = IpAddress::parse(peer.address);
  if (address && std::ranges::any_of(authorized_, [&](const Cidr& c) { return c.contains(*address); }))
    return Verdict::believe;
  return behavior_ == Behavior::deny_unauthorized ? Verdict::refuse : Verdict::read_only;
}

ProxyHeader::State ProxyHeader::offer(std::string_view wire) {
  text_.append(wire);
  const auto could_be = [&](std::string_view signature) {
    return text_.starts_with(signature.substr(0, std::min(signature.size(), text_.size())));
  };
  if (could_be(kFirst)) return text_.size() < kFirst.size() ? State::more : version_1();
  if (could_be(kSecond)) return text_.size() < kSecond.size() ? State::more : version_2();
  return State::done;  // a client without a proxy
}

ProxyHeader::State ProxyHeader::version_1() {
  const auto end = text_.find("\r\n");
  if (end == text_.npos) return text_.size() >= kLongestLine ? State::bad : State::more;
  if (end + 2 > kLongestLine) return State::bad;
  used_ = end + 2;
  std::string_view line = std::string_view(text_).substr(kFirst.size(), end - kFirst.size());
  const auto family = word(line);
  if (family == "UNKNOWN") return State::done;
  if (family != "TCP4" && family != "TCP6") return State::bad;
  const auto from = IpAddress::parse(word(line));
  const auto to = IpAddress::parse(word(line));
  const auto from_port = port_of(word(line));
  const auto to_port = port_of(word(line));
  if (!from || !to || !from_port || !to_port || !line.empty()) return State::bad;
  if (believed_) client_ = HttpRequest::Peer{from->text(), *from_port};
  return State::done;
}

ProxyHeader::State ProxyHeader::version_2() {
  constexpr std::size_t kFixed = 16;
  if (text_.size() < kFixed) return State::more;
  const std::size_t length = big_endian(text_, 14);
  if (kFixed + length > kMost) return State::bad;
  if (byte(text_, 12) >> 4 != 2) return State::bad;
  const auto command = byte(text_, 12) & 0xf;
  if (command > 1) return State::bad;
  if (text_.size() < kFixed + length) return State::more;
  used_ = kFixed + length;
  if (command == 0) return State::done;  // LOCAL: the proxy itself asks
  const auto family = byte(text_, 13);
  IpAddress from;
  std::size_t port_at = 0;
  if (family == 0x11) {  // TCP over IPv4
    if (length < 12) return State::bad;
    std::memcpy(from.bytes.data(), text_.data() + kFixed, 4);
    port_at = kFixed + 8;
  } else if (family == 0x21) {  // TCP over IPv6
    if (length < 36) return State::bad;
    from.family = IpAddress::Family::v6;
    std::memcpy(from.bytes.data(), text_.data() + kFixed, 16);
    port_at = kFixed + 32;
  } else {
    return State::done;  // unspecified or local: nothing is told
  }
  if (believed_) {
    // As a text and back, so that a mapped address is IPv4 here too.
    const auto one = IpAddress::parse(from.text());
    client_ = HttpRequest::Peer{one ? one->text() : from.text(), big_endian(text_, port_at)};
  }
  return State::done;
}

}  // namespace strongroom::wire::http
