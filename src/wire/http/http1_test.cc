#include "wire/http/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strongroom::wire::http {
namespace {
using testing::ElementsAre;

struct Outcome {
  Http1::Got got = Http1::Got::more;
  int status = 0;
  std::string why = {};
  std::unique_ptr<HttpRequest> request = {};
  std::string rest = {};
};
enum class Pieces : std::uint8_t { whole, bytes };

Limits small() {
  Limits l;
  l.head = 4096;
  l.fields = 20;
  l.body = 1000;
  return l;
}

Outcome parse(
    std::string_view wire, Pieces pieces = Pieces::whole, const Limits& limits = small(),
    const HeadRule& rule = [](HttpRequest&) { return HeadVerdict{SIZE_MAX, 0, {}}; }) {
  Http1 parser(limits, rule, std::make_unique<HttpRequest>());
  Outcome out;
  std::string pending;
  for (std::size_t i = 0; i < wire.size() && out.got == Http1::Got::more;) {
    const std::size_t step = pieces == Pieces::whole ? wire.size() : 1;
    pending += wire.substr(i, step);
    i += step;
    // Each time in fresh memory, so that a view kept from an earlier call would be caught.
    const std::string fed(pending);
    std::string_view in = fed;
    out.got = parser.feed(in);
    pending = std::string(in);
    if (out.got != Http1::Got::more) out.rest = pending + std::string(wire.substr(std::min(i, wire.size())));
  }
  out.status = parser.refusal();
  out.why = parser.why();
  if (out.got == Http1::Got::request) out.request = parser.take();
  return out;
}

constexpr std::string_view kPost = "POST /v1/a HTTP/1.1\r\nHost: x\r\n";
std::string post(std::string_view rest) { return std::string(kPost) + std::string(rest); }

TEST(Http1, ReadsARequestWholeAndBytewise) {
  for (const auto pieces : {Pieces::whole, Pieces::bytes}) {
    auto o = parse(
        "LIST /v1/kv/?a=b%20 HTTP/1.1\r\nHost: x\r\nX-Vault-Token:  s.abc \r\nA: 1\r\na: 2\r\n\r\n", pieces);
    ASSERT_EQ(o.got, Http1::Got::request);
    EXPECT_EQ(o.request->method(), "LIST");
    EXPECT_EQ(o.request->target(), "/v1/kv/?a=b%20");
    EXPECT_EQ(o.request->header("x-vault-token"), "s.abc");
    EXPECT_THAT(o.request->all("a"), ElementsAre("1", "2"));
    EXPECT_EQ(o.request->header("A"), "1");
    EXPECT_FALSE(o.request->has_header("b"));
    EXPECT_EQ(o.request->field_count(), 4U);
    EXPECT_TRUE(o.request->keep_alive);
    EXPECT_EQ(o.rest, "");
  }
}

TEST(Http1, LeavesPipelinedBytes) {
  const auto o = parse(post("Content-Length: 3\r\n\r\nabcGET /"));
  ASSERT_EQ(o.got, Http1::Got::request);
  EXPECT_EQ(view(o.request->body), "abc");
  EXPECT_EQ(o.rest, "GET /");
}

TEST(Http1, ReadsChunksAndForgetsExtensionsAndTrailers) {
  for (const auto pieces : {Pieces::whole, Pieces::bytes}) {
    const auto o = parse(post("Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n3;x=y;z=\"q\"\r\nfgh\r\n0\r\n"
                              "X-Vault-Token: t\r\n\r\nrest"),
                         pieces);
    ASSERT_EQ(o.got, Http1::Got::request) << o.why;
    EXPECT_EQ(view(o.request->body), "abcdefgh");
    EXPECT_FALSE(o.request->has_header("X-Vault-Token"));
    EXPECT_EQ(o.rest, "rest");
  }
}

TEST(Http1, TellsWhetherTheConnectionStays) {
  EXPECT_FALSE(parse(post("Connection: close\r\n\r\n")).request->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").request->keep_alive);
  const auto kept = parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.request->keep_alive);
  EXPECT_TRUE(kept.request->http_1_0);
}

struct Bad {
  const char* name;
  std::string wire;
  int status;
};
void PrintTo(const Bad& b, std::ostream* out) { *out << b.name; }

class Http1Refuses : public testing::TestWithParam<Bad> {};
TEST_P(Http1Refuses, WholeAndBytewiseWithoutAnEcho) {
  for (const auto pieces : {Pieces::whole, Pieces::bytes}) {
    const auto o = parse(GetParam().wire, pieces);
    ASSERT_EQ(o.got, Http1::Got::refused);
    EXPECT_EQ(o.status, GetParam().status) << o.why;
    EXPECT_NE(o.why, "");
    EXPECT_EQ(o.why.find("evil"), std::string::npos);
  }
}
std::string times(int n, std::string_view s) {
  std::string out;
  for (int i = 0; i < n; ++i) out += s;
  return out;
}
const std::string kChunked = "Transfer-Encoding: chunked\r\n\r\n";
INSTANTIATE_TEST_SUITE_P(
    Table, Http1Refuses,
    testing::Values(Bad{"LongField", "GET / HTTP/1.1\r\nHost: x\r\nX: " + times(5000, "a"), 431},
                    Bad{"LongTarget", "GET /" + times(5000, "a"), 431},
                    Bad{"LongMethod", times(5000, "A"), 431},
                    Bad{"ManyFields", "GET / HTTP/1.1\r\nHost: x\r\n" + times(30, "A: b\r\n") + "\r\n", 431},
                    Bad{"HugeLength", post("Content-Length: 99999999999\r\n\r\n"), 413},
                    Bad{"LengthOverflow", post("Content-Length: 99999999999999999999999\r\n\r\n"), 400},
                    Bad{"HugeChunk", post(kChunked + "ffffffff\r\n"), 413},
                    Bad{"ManyChunks", post(kChunked + times(3, "1f0\r\n" + std::string(0x1f0, 'b') + "\r\n")),
                        413},
                    Bad{"ChunkOverflow", post(kChunked + "fffffffffffffffff\r\n"), 400},
                    Bad{"ChunkNotHex", post(kChunked + "ZZ\r\nabc\r\n"), 400},
                    Bad{"ChunkWithoutLine", post(kChunked + "3\r\nabcdef\r\n0\r\n\r\n"), 400},
                    Bad{"ChunkNegative", post(kChunked + "-3\r\nabc\r\n"), 400},
                    Bad{"ChunkPrefixed", post(kChunked + "0x3\r\nabc\r\n0\r\n\r\n"), 400},
                    Bad{"EndlessExtension", post(kChunked + "3;" + times(5000, "a")), 400},
                    Bad{"EndlessTrailer", post(kChunked + "0\r\n" + times(2000, "A: b\r\n")), 400},
                    Bad{"LengthAndChunked", post("Content-Length: 5\r\n" + kChunked + "0\r\n\r\n"), 400},
                    Bad{"ChunkedAndLength",
                        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400},
                    Bad{"TwoLengths", post("Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"), 400},
                    Bad{"TwoEqualLengths", post("Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"), 400},
                    Bad{"LengthList", post("Content-Length: 5, 5\r\n\r\nabcde"), 400},
                    Bad{"NegativeLength", post("Content-Length: -1\r\n\r\n"), 400},
                    Bad{"PlusLength", post("Content-Length: +1\r\n\r\na"), 400},
                    Bad{"HexLength", post("Content-Length: 0x1\r\n\r\na"), 400},
                    Bad{"EmptyLength", post("Content-Length:\r\n\r\n"), 400},
                    Bad{"Gzip", post("Transfer-Encoding: gzip\r\n\r\n"), 501},
                    Bad{"GzipChunked", post("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501},
                    Bad{"ChunkedTwice", post("Transfer-Encoding: chunked\r\n" + kChunked), 400},
                    Bad{"ChunkedTwiceInOne", post("Transfer-Encoding: chunked, chunked\r\n\r\n"), 501},
                    Bad{"NotQuiteChunked", post("Transfer-Encoding: xchunked\r\n\r\n"), 501},
                    Bad{"ChunkedIn10", "POST / HTTP/1.0\r\nHost: x\r\n" + kChunked + "0\r\n\r\n", 501},
                    Bad{"SpaceBeforeColon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
                    Bad{"SpaceBeforeName", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400},
                    Bad{"Folded", post("X-A: evil\r\n more\r\n\r\n"), 400},
                    Bad{"FoldedFromTheStart", post("X-A:\r\n\tevil\r\n\r\n"), 400},
                    Bad{"FoldedLength", post("Content-Length:\r\n 3\r\n\r\nabc"), 400},
                    Bad{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
                    Bad{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
                    Bad{"NoVersion", "GET /\r\n\r\n", 400},
                    Bad{"OldVersion", "GET / HTTP/0.9\r\nHost: evil\r\n\r\n", 505},
                    Bad{"NewVersion", "GET / HTTP/2.0\r\nHost: evil\r\n\r\n", 505},
                    Bad{"Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
                    Bad{"NoHttp", "GET / ICAP/1.1\r\nHost: evil\r\n\r\n", 400},
                    Bad{"ControlBytes", std::string("\0\1evil\r\n\r\n", 10), 400},
                    Bad{"NulInValue", std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30), 400},
                    Bad{"CrInValue", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
                    Bad{"NulInTarget", std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28), 400},
                    Bad{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
                    Bad{"EmptyName", "GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
                    Bad{"TlsHello", "\x16\x03\x01\x02\x05\r\n\r\n", 400}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Http1, AsksTheRuleOnceTheHeadIsComplete) {
  int asked = 0;
  const HeadRule rule = [&](HttpRequest& head) {
    ++asked;
    EXPECT_EQ(head.header("host"), "x");
    EXPECT_TRUE(head.body.empty());
    return HeadVerdict{5, 0, {}};
  };
  EXPECT_EQ(parse(post("Content-Length: 5\r\n\r\nabcde"), Pieces::bytes, small(), rule).got,
            Http1::Got::request);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(parse(post("Content-Length: 6\r\n\r\n"), Pieces::bytes, small(), rule).status, 413);
  EXPECT_EQ(parse(post(kChunked + "2\r\nab\r\n4\r\n"), Pieces::bytes, small(), rule).status, 413);
  EXPECT_EQ(asked, 3);
}

TEST(Http1, ARuleCannotRaiseTheListenersLimit) {
  const HeadRule rule = [](HttpRequest&) { return HeadVerdict{SIZE_MAX, 0, {}}; };
  EXPECT_EQ(parse(post("Content-Length: 1001\r\n\r\n"), Pieces::whole, small(), rule).status, 413);
}

TEST(Http1, ARuleMayRefuseWithItsOwnText) {
  const HeadRule rule = [](HttpRequest&) { return HeadVerdict{0, 400, "the rule"}; };
  const auto o = parse(post("\r\n"), Pieces::whole, small(), rule);
  EXPECT_EQ(o.status, 400);
  EXPECT_EQ(o.why, "the rule");
}

TEST(Http1, CountsAHeadThatComesInManyShortFields) {
  // Each field arrives alone and is short; together they are too long.
  Limits l = small();
  l.head = 1000;
  l.fields = 10'000;
  const std::string wire = "GET / HTTP/1.1\r\nHost: x\r\n" + times(200, "A: bbbbbbbbbb\r\n") + "\r\n";
  EXPECT_EQ(parse(wire, Pieces::bytes, l).status, 431);
}
}  // namespace
}  // namespace strongroom::wire::http
