// Cidr: an IPv4 or IPv6 address block, "10.0.0.0/8" or one address. IPv4 addresses mapped into IPv6 are IPv4
// here, so that one client has one spelling.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strongroom {

struct IpAddress {
  enum class Family : std::uint8_t { v4, v6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes{};  // v4 uses the first four
  static std::optional<IpAddress> parse(std::string_view) noexcept;
  std::string text() const;
  bool operator==(const IpAddress&) const = default;
};

class Cidr {
 public:
  static std::optional<Cidr> parse(std::string_view) noexcept;  // host bits may be set and are ignored
  bool contains(const IpAddress&) const noexcept;
  std::string text() const;  // an address alone without its length; host bits as they were given
  bool operator==(const Cidr&) const = default;

 private:
  IpAddress network_;
  unsigned bits_ = 0;
};

}  // namespace strongroom
