#include "wire/http/proxy_header.h"

#include <gtest/gtest.h>

namespace strongroom::wire::http {
namespace {

using State = ProxyHeader::State;
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string second(int command, int family, const std::string& body) {
  std::string s(kSignature);
  s.push_back(static_cast<char>(0x20 | command));
  s.push_back(static_cast<char>(family));
  s.push_back(static_cast<char>(body.size() >> 8));
  s.push_back(static_cast<char>(body.size()));
  return s + body;
}
const std::string kFour("\x0a\x01\x02\x03\x7f\x00\x00\x01\x12\x67\x20\x08", 12);

// Whole, and byte by byte: the answer is the same.
State fed(ProxyHeader& whole, const std::string& text) {
  ProxyHeader slow(true);
  State last = State::more;
  for (const char c : text) {
    last = slow.offer({&c, 1});
    if (last != State::more) break;
  }
  const auto at_once = whole.offer(text);
  EXPECT_EQ(at_once, last);
  EXPECT_EQ(whole.client().has_value(), slow.client().has_value());
  return at_once;
}

TEST(ProxyHeader, ReadsVersionOne) {
  ProxyHeader h(true);
  EXPECT_EQ(fed(h, "PROXY TCP4 10.1.2.3 127.0.0.1 4711 8200\r\n"), State::done);
  ASSERT_TRUE(h.client());
  EXPECT_EQ(h.client()->address, "10.1.2.3");
  EXPECT_EQ(h.client()->port, 4711);
  ProxyHeader six(true);
  EXPECT_EQ(six.offer("PROXY TCP6 2001:db8::1 ::1 1 2\r\nGET / HTTP/1.1\r\n"), State::done);
  EXPECT_EQ(six.client()->address, "2001:db8::1");
  EXPECT_EQ(six.rest(), "GET / HTTP/1.1\r\n");
  ProxyHeader unknown(true);
  EXPECT_EQ(fed(unknown, "PROXY UNKNOWN\r\n"), State::done);
  EXPECT_FALSE(unknown.client());
}

TEST(ProxyHeader, ReadsVersionTwo) {
  ProxyHeader h(true);
  EXPECT_EQ(fed(h, second(1, 0x11, kFour)), State::done);
  ASSERT_TRUE(h.client());
  EXPECT_EQ(h.client()->address, "10.1.2.3");
  EXPECT_EQ(h.client()->port, 4711);
  ProxyHeader local(true);
  EXPECT_EQ(fed(local, second(0, 0, "")), State::done);
  EXPECT_FALSE(local.client());
  ProxyHeader with_more(true);
  EXPECT_EQ(with_more.offer(second(1, 0x11, kFour + std::string("\x04\x00\x01z", 4)) + "\x16\x03"),
            State::done);
  EXPECT_EQ(with_more.rest(), "\x16\x03");
}

TEST(ProxyHeader, TakesClientsWithoutAProxy) {
  for (const std::string plain : {"GET /v1/sys/health HTTP/1.1\r\n", "\x16\x03\x01", "POST ", "PROPFIND"}) {
    ProxyHeader h(true);
    EXPECT_EQ(fed(h, plain), State::done) << plain;
    EXPECT_FALSE(h.client());
  }
}

// G05: nothing of this may do more than end its own connection.
TEST(ProxyHeader, G05_RefusesWhatIsNoHeader) {
  for (const std::string& bad :
       {std::string("PROXY \r\n"), std::string("PROXY TCP4 10.1.2.3 127.0.0.1 4711\r\n"),
        std::string("PROXY TCP4 10.1.2.3 127.0.0.1 4711 8200 x\r\n"),
        std::string("PROXY TCP4 x 127.0.0.1 1 2\r\n"),
        std::string("PROXY TCP4 10.1.2.3 127.0.0.1 65536 2\r\n"),
        std::string("PROXY TCP4 10.1.2.3 127.0.0.1 01 2\r\n"),
        std::string("PROXY UDP4 10.1.2.3 127.0.0.1 1 2\r\n"), "PROXY " + std::string(200, 'x'),
        second(2, 0x11, kFour), second(1, 0x11, "short"), second(1, 0x21, kFour),
        std::string(kSignature) + std::string("\x31\x11\x00\x0c", 4) + kFour,
        std::string(kSignature) + std::string("\x21\x11\xff\xff", 4)}) {
    ProxyHeader h(true);
    EXPECT_EQ(h.offer(bad), State::bad) << bad;
    EXPECT_FALSE(h.client());
  }
}

TEST(ProxyRule, BelievesWhomTheListenerTrusts) {
  using B = ProxyHeaderSettings::Behavior;
  using V = ProxyRule::Verdict;
  const auto verdict = [](B b, const char* address) {
    return ProxyRule::parse({b, {"10.0.0.0/8", "::1"}})->of({address, 1});
  };
  EXPECT_EQ(verdict(B::off, "10.0.0.1"), V::none);
  EXPECT_EQ(verdict(B::use_always, "192.0.2.1"), V::believe);
  EXPECT_EQ(verdict(B::allow_authorized, "10.0.0.1"), V::believe);
  EXPECT_EQ(verdict(B::allow_authorized, "192.0.2.1"), V::read_only);
  EXPECT_EQ(verdict(B::deny_unauthorized, "::1"), V::believe);
  EXPECT_EQ(verdict(B::deny_unauthorized, "192.0.2.1"), V::refuse);
  EXPECT_FALSE(ProxyRule::parse({B::allow_authorized, {"10.0.0.0/8", "nonsense"}}));
  ProxyHeader not_believed(false);
  EXPECT_EQ(not_believed.offer("PROXY TCP4 10.1.2.3 127.0.0.1 4711 8200\r\n"), State::done);
  EXPECT_FALSE(not_believed.client());
}

}  // namespace
}  // namespace strongroom::wire::http
