#include "base/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace strongroom {

std::optional<IpAddress> IpAddress::parse(std::string_view s) noexcept {
  char text[INET6_ADDRSTRLEN];
  if (s.empty() || s.size() >= sizeof text) return std::nullopt;
  std::memcpy(text, s.data(), s.size());
  text[s.size()] = '\0';
  if (std::strlen(text) != s.size()) return std::nullopt;
  IpAddress a;
  if (inet_pton(AF_INET, text, a.bytes.data()) == 1) return a;
  if (inet_pton(AF_INET6, text, a.bytes.data()) != 1) return std::nullopt;
  a.family = Family::v6;
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!std::equal(kMapped.begin(), kMapped.end(), a.bytes.begin())) return a;
  IpAddress v4;
  std::copy(a.bytes.begin() + 12, a.bytes.end(), v4.bytes.begin());
  return v4;
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(family == Family::v4 ? AF_INET : AF_INET6, bytes.data(), out, sizeof out);
}

std::optional<Cidr> Cidr::parse(std::string_view s) noexcept {
  const std::size_t slash = s.find('/');
  const auto address = IpAddress::parse(s.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned most = address->family == IpAddress::Family::v4 ? 32 : 128;
  Cidr c;
  c.network_ = *address;
  c.bits_ = most;
  if (slash == std::string_view::npos) return c;
  const auto digits = s.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), c.bits_);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || c.bits_ > most)
    return std::nullopt;
  return c;
}

bool Cidr::contains(const IpAddress& a) const noexcept {
  if (a.family != network_.family) return false;
  const std::size_t whole = bits_ / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  network_.bytes.begin()))
    return false;
  const unsigned rest = bits_ % 8;
  return rest == 0 || ((a.bytes[whole] ^ network_.bytes[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::text() const {
  const unsigned most = network_.family == IpAddress::Family::v4 ? 32 : 128;
  return bits_ == most ? network_.text() : network_.text() + "/" + std::to_string(bits_);
}

}  // namespace strongroom
