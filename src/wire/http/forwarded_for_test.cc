#include "wire/http/forwarded_for.h"

#include <gtest/gtest.h>

namespace strongroom::wire::http {
namespace {
struct Row {
  const char* name;
  ForwardedForSettings settings;
  std::string peer;
  std::vector<std::string> headers;
  std::string address;  // expected
  std::string refusal;  // expected to be part of it
};
void PrintTo(const Row& r, std::ostream* out) { *out << r.name; }

class ForwardedForTable : public testing::TestWithParam<Row> {};
TEST_P(ForwardedForTable, GivesTheEffectiveAddress) {
  const Row& row = GetParam();
  auto rule = ForwardedFor::parse(row.settings);
  ASSERT_TRUE(rule);
  HttpRequest r;
  r.start("GET", "/");
  r.peer = {row.peer, 99};
  for (const auto& h : row.headers) r.add_field("X-Forwarded-For", h);
  const auto refusal = rule->apply(r);
  if (row.refusal.empty()) {
    EXPECT_EQ(refusal, "");
  } else {
    EXPECT_NE(refusal.find(row.refusal), std::string_view::npos) << refusal;
  }
  EXPECT_EQ(r.peer.address, row.address);
  EXPECT_EQ(r.peer.port, 99);
}
const ForwardedForSettings kOne{{"10.0.0.0/8"}, 0, true, true};
const ForwardedForSettings kSkip{{"10.0.0.0/8"}, 1, true, true};
const ForwardedForSettings kLenient{{"10.0.0.0/8"}, 0, false, false};
const ForwardedForSettings kSix{{"2001:db8::/32", "::1"}, 0, true, true};
INSTANTIATE_TEST_SUITE_P(
    Table, ForwardedForTable,
    testing::Values(
        Row{"OffIgnoresTheHeader", {}, "10.0.0.1", {"1.2.3.4"}, "10.0.0.1", ""},
        Row{"OneEntry", kOne, "10.0.0.1", {"1.2.3.4"}, "1.2.3.4", ""},
        Row{"TheLastOfAList", kOne, "10.0.0.1", {"6.6.6.6, 1.2.3.4"}, "1.2.3.4", ""},
        Row{"TheLastOfManyHeaders", kOne, "10.0.0.1", {"6.6.6.6", "5.5.5.5 ,\t1.2.3.4 "}, "1.2.3.4", ""},
        Row{"SkipsHopsFromTheRight", kSkip, "10.0.0.1", {"6.6.6.6, 1.2.3.4", "10.0.0.2"}, "1.2.3.4", ""},
        Row{"SkipsTooFar", kSkip, "10.0.0.1", {"1.2.3.4"}, "10.0.0.1", "hops to skip"},
        Row{"NotPresent", kOne, "10.0.0.1", {}, "10.0.0.1", "missing x-forwarded-for header"},
        Row{"NotPresentAllowed", kLenient, "10.0.0.1", {}, "10.0.0.1", ""},
        Row{"NotAuthorised", kOne, "11.0.0.1", {"1.2.3.4"}, "11.0.0.1", "client address not authorized"},
        Row{"NotAuthorisedIsNotBelieved", kLenient, "11.0.0.1", {"1.2.3.4"}, "11.0.0.1", ""},
        Row{"UnixSocketIsNotAuthorised", kOne, "", {"1.2.3.4"}, "", "not authorized"},
        Row{"WithPort", kOne, "10.0.0.1", {"1.2.3.4:5555"}, "1.2.3.4", ""},
        Row{"SixWithPort", kOne, "10.0.0.1", {"[2001:DB8::1]:5555"}, "2001:db8::1", ""},
        Row{"SixBare", kSix, "2001:db8::9", {"2001:db8:0::1"}, "2001:db8::1", ""},
        Row{"SixLoopback", kSix, "::1", {"::ffff:1.2.3.4"}, "1.2.3.4", ""},
        Row{"FourIsNotInSix", kSix, "10.0.0.1", {"1.2.3.4"}, "10.0.0.1", "not authorized"},
        Row{"Garbage", kOne, "10.0.0.1", {"unknown"}, "10.0.0.1", "not an IP address"},
        Row{"EmptyEntry", kOne, "10.0.0.1", {"1.2.3.4,"}, "10.0.0.1", "not an IP address"},
        Row{"Unclosed", kOne, "10.0.0.1", {"[2001:db8::1"}, "10.0.0.1", "not an IP address"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ForwardedFor, RefusesWhatIsNoAddress) {
  for (const char* bad :
       {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::/129", "host", "10.0.0.0/8x"}) {
    const auto rule = ForwardedFor::parse({{"10.0.0.1", bad}, 0, true, true});
    ASSERT_FALSE(rule) << bad;
    EXPECT_EQ(rule.error().message, "x_forwarded_for_authorized_addrs: entry 2 is not an IP address or CIDR");
  }
}

TEST(Cidr, ContainsItsAddressesOnly) {
  const auto in = [](const char* block, const char* address) {
    return Cidr::parse(block)->contains(*IpAddress::parse(address));
  };
  EXPECT_TRUE(in("10.1.2.3/8", "10.255.0.0"));
  EXPECT_FALSE(in("10.1.2.3/8", "11.0.0.0"));
  EXPECT_TRUE(in("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(in("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(in("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(in("0.0.0.0/0", "::1"));
  EXPECT_TRUE(in("::/0", "::1"));
  EXPECT_TRUE(in("1.2.3.4", "::ffff:1.2.3.4"));
  EXPECT_TRUE(in("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(in("2001:db8::/33", "2001:db8:8000::"));
}
}  // namespace
}  // namespace strongroom::wire::http
