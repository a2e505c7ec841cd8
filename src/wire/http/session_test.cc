#include "wire/http/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "wire/http/edge_fixture.h"

namespace strongroom::wire::http {
namespace {
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Phase = Session::Phase;
using Keep = Session::Keep;

constexpr std::string_view kGet = "GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(Session, AnswersOneRequest) {
  LooseSession s;
  EXPECT_EQ(s.session.phase(), Phase::opened);
  s.session.received(kGet.substr(0, 10));
  EXPECT_EQ(s.session.phase(), Phase::head);
  EXPECT_EQ(s.session.next(), nullptr);
  s.session.received(kGet.substr(10));
  EXPECT_EQ(s.session.phase(), Phase::in_flight);
  const auto r = s.session.next();
  ASSERT_NE(r, nullptr);
  EXPECT_EQ(r->target(), "/v1/a");
  EXPECT_EQ(r->peer.address, "192.0.2.7");
  EXPECT_EQ(r->peer.port, 4711);
  EXPECT_EQ(r->listener, 3U);
  EXPECT_EQ(r->transport, HttpRequest::Transport::plain);
  EXPECT_EQ(s.session.next(), nullptr);
  s.session.answer(reply(200, "{}"), Keep::as_asked);
  EXPECT_EQ(s.session.phase(), Phase::sending);
  EXPECT_EQ(s.take_output(),
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
            "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(s.session.phase(), Phase::idle);
}

TEST(Session, HoldsPipelinedRequestsUntilTheFirstIsAnswered) {
  LooseSession s;
  std::string all;
  for (int i = 0; i < 3; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  s.session.received(all);
  EXPECT_FALSE(s.session.wants_bytes());
  for (int i = 0; i < 3; ++i) {
    const auto r = s.session.next();
    ASSERT_NE(r, nullptr);
    EXPECT_EQ(r->target(), "/" + std::to_string(i));
    EXPECT_EQ(s.session.next(), nullptr);
    s.session.answer(reply(200, "x"), Keep::as_asked);
  }
  EXPECT_EQ(s.session.next(), nullptr);
  EXPECT_TRUE(s.session.wants_bytes());
}

TEST(Session, HoldsPipelinedRequestsWhileALargeReplyWaits) {
  LooseSession s;
  s.session.received(std::string(kGet) + std::string(kGet));
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, std::string(100'000, 'x')), Keep::as_asked);
  EXPECT_EQ(s.session.next(), nullptr);
  EXPECT_FALSE(s.session.wants_bytes());
  s.session.sent(50'000);
  EXPECT_NE(s.session.next(), nullptr);
}

TEST(Session, KeepsNothingOfWhatItHasSent) {
  LooseSession s;
  s.session.received(kGet);
  std::string heard;
  std::size_t said = 0;
  const auto held = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const auto before = held();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(s.session.next(), nullptr);
    s.session.answer(reply(200, std::string(100'000, static_cast<char>('a' + i % 26))), Keep::as_asked);
    said += 100'000;
    // Never to the end, so there is always something that waits.
    const std::size_t n = s.session.unsent().size() - 10;
    if (i % 100 == 99) heard += s.session.unsent().substr(n - 20, 20);
    s.session.sent(n);
    s.session.received(kGet);
  }
  EXPECT_LT(held(), before + said / 50);
  EXPECT_EQ(heard.substr(0, 20), std::string(20, static_cast<char>('a' + 99 % 26)));
}

TEST(Session, ReadsBytewisePipelinedBodies) {
  LooseSession s;
  const std::string wire =
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
  std::string bodies;
  for (const char c : wire) {
    s.session.received({&c, 1});
    if (const auto r = s.session.next()) {
      bodies += std::string(view(r->body)) + ";";
      s.session.answer(reply(204, ""), Keep::as_asked);
    }
  }
  EXPECT_EQ(bodies, "hello;abc;");
}

TEST(Session, SaysContinueOnceTheHeadIsAccepted) {
  LooseSession s;
  s.session.received("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n");
  EXPECT_EQ(s.take_output(), "");
  s.session.received("\r\n");
  EXPECT_EQ(s.take_output(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(s.session.phase(), Phase::body);
  s.session.received("abc");
  EXPECT_NE(s.session.next(), nullptr);
  EXPECT_EQ(s.take_output(), "");
}

TEST(Session, NeverSaysContinueToABodyItWillRefuse) {
  Limits l;
  l.body = 2;
  LooseSession s(l);
  s.session.received("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const auto text = s.take_output();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_THAT(text, EndsWith("{\"errors\":[\"the request body is longer than the limit\"]}\n"));
  EXPECT_EQ(s.session.phase(), Phase::lingering);
}

TEST(Session, SendsNoBodyWith204AndNoLength) {
  LooseSession s;
  s.session.received(kGet);
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(204, "ignored"), Keep::as_asked);
  const auto text = s.take_output();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(text, EndsWith("\r\n\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("Content-Length")));
}

TEST(Session, AnswersHeadWithTheLengthOnly) {
  LooseSession s;
  s.session.received("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, "12345"), Keep::as_asked);
  const auto text = s.take_output();
  EXPECT_THAT(text, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(text, EndsWith("\r\n\r\n"));
}

TEST(Session, KeepsAnHttp10ConnectionOnlyWhenAsked) {
  LooseSession s;
  s.session.received("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, ""), Keep::as_asked);
  EXPECT_THAT(s.take_output(), HasSubstr("Connection: keep-alive\r\n"));
  s.session.received("GET / HTTP/1.0\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, ""), Keep::as_asked);
  EXPECT_THAT(s.take_output(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(s.session.phase(), Phase::lingering);
}

TEST(Session, ForgetsWhatFollowsARefusal) {
  LooseSession s;
  std::string wire(kGet);
  wire += "\xff junk\r\n\r\n";
  wire += kGet;
  s.session.received(wire);
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, "a"), Keep::as_asked);
  EXPECT_EQ(s.session.next(), nullptr);
  s.session.received(kGet);
  EXPECT_EQ(s.session.next(), nullptr);
  const auto text = s.take_output();
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("junk")));
  EXPECT_EQ(s.session.phase(), Phase::lingering);
}

TEST(Session, WritesExtraHeadersThatCannotStartAnother) {
  LooseSession s;
  s.session.received(kGet);
  ASSERT_NE(s.session.next(), nullptr);
  HttpReply r = reply(307, "");
  r.headers.emplace_back("Location", "/v1/a\r\nSet-Cookie: evil=1");
  r.content_type = "text/plain\r\nX: y";
  s.session.answer(r, Keep::as_asked);
  const auto text = s.take_output();
  EXPECT_THAT(text, HasSubstr("\r\nLocation: /v1/a  Set-Cookie: evil=1\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nContent-Type: text/plain  X: y\r\n"));
}

TEST(Session, GivesItsBufferBackWhenAllIsSent) {
  LooseSession s;
  for (int i = 0; i < 3; ++i) {
    s.session.received(kGet);
    ASSERT_NE(s.session.next(), nullptr);
    s.session.answer(reply(200, std::string(500, 'x')), Keep::as_asked);
    const std::size_t size = s.session.unsent().size();
    s.session.sent(size - 10);
    EXPECT_EQ(s.session.unsent(), "xxxxxxxxxx");
    EXPECT_EQ(s.session.phase(), Phase::sending);
    s.session.sent(10);
    EXPECT_EQ(s.share.spares.size(), 1U);
  }
}

TEST(Session, IsDoneAfterEofAndTheLastAnswer) {
  LooseSession s;
  s.session.received(kGet);
  s.session.received_eof();
  EXPECT_FALSE(s.session.done());
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, ""), Keep::as_asked);
  EXPECT_FALSE(s.session.done());
  s.take_output();
  EXPECT_TRUE(s.session.done());
}

TEST(Session, ClosesWhenTheServerWillNotKeepIt) {
  LooseSession s;
  s.session.received(std::string(kGet) + std::string(kGet));
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(reply(200, ""), Keep::no);
  EXPECT_THAT(s.take_output(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(s.session.next(), nullptr);
}

TEST(Reply, NamesEveryStatusItUses) {
  for (const int status : {200, 204, 307, 400, 403, 404, 405, 413, 429, 431, 473, 500, 501, 503, 505})
    EXPECT_NE(reason_phrase(status), "") << status;
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(473), "Status");
}
std::string body_of(const std::string& reply_text) {
  return reply_text.substr(reply_text.find("\r\n\r\n") + 4);
}

TEST(Session, SendsAFeedInChunksAsItComes) {
  LooseSession s;
  const auto feed = std::make_shared<Feed>(1000);
  s.session.received(std::string(kGet) + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(fed(feed, "first"), Keep::as_asked);
  s.session.flush();
  const auto head = s.take_output();
  EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(body_of(head), "5\r\nfirst\r\n");
  EXPECT_EQ(s.session.phase(), Phase::in_flight);
  EXPECT_EQ(s.session.next(), nullptr) << "what was pipelined waits";
  feed->push("sixteen bytes...");
  s.session.flush();
  EXPECT_EQ(s.take_output(), "10\r\nsixteen bytes...\r\n");
  feed->push("z");
  feed->end();
  s.session.flush();
  EXPECT_EQ(s.take_output(), "1\r\nz\r\n0\r\n\r\n");
  EXPECT_FALSE(s.session.feeding());
  const auto next = s.session.next();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->target(), "/next");
}

TEST(Session, AFeedOfHttp10EndsWithTheConnection) {
  LooseSession s;
  const auto feed = std::make_shared<Feed>(1000);
  s.session.received("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(fed(feed), Keep::as_asked);
  feed->push("text");
  s.session.flush();
  const auto text = s.take_output();
  EXPECT_THAT(text, Not(HasSubstr("chunked")));
  EXPECT_THAT(text, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(body_of(text), "text");
  feed->end();
  s.session.flush();
  EXPECT_EQ(s.session.phase(), Phase::lingering);
}

TEST(Session, AFeedIsNotSentInAnswerToHead) {
  LooseSession s;
  const auto feed = std::make_shared<Feed>(1000);
  s.session.received("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_NE(s.session.next(), nullptr);
  feed->push("text");
  s.session.answer(fed(feed), Keep::as_asked);
  s.session.flush();
  EXPECT_THAT(s.take_output(), EndsWith("\r\n\r\n"));
  EXPECT_EQ(s.session.phase(), Phase::idle);
  EXPECT_EQ(feed.use_count(), 1);
}

TEST(Session, AFeedWaitsForAClientThatDoesNotRead) {
  LooseSession s;
  const auto feed = std::make_shared<Feed>(1 << 20);
  s.session.received(kGet);
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(fed(feed), Keep::as_asked);
  ASSERT_TRUE(feed->push(std::string(1 << 20, 'x')));
  s.session.flush();
  EXPECT_LT(s.session.unsent().size(), 128U * 1024);
  EXPECT_FALSE(feed->push(std::string(256 * 1024, 'y'))) << "only what the client took has made room";
}

TEST(Session, AFeedEndsWithItsConnection) {
  const auto feed = std::make_shared<Feed>(1000);
  int woken = 0;
  {
    LooseSession s;
    s.session.received(kGet);
    ASSERT_NE(s.session.next(), nullptr);
    s.session.answer(fed(feed), Keep::as_asked);
    s.session.flush();
    feed->on_more([&] { ++woken; });
    s.session.received_eof();
    std::ignore = s.take_output();
    EXPECT_TRUE(s.session.done());
  }
  feed->push("nobody is there");
  EXPECT_EQ(woken, 0);
  EXPECT_EQ(feed.use_count(), 1);
}

TEST(Session, WindingDownEndsAFeedWithWhatWaits) {
  LooseSession s;
  const auto feed = std::make_shared<Feed>(1000);
  s.session.received(kGet);
  ASSERT_NE(s.session.next(), nullptr);
  s.session.answer(fed(feed), Keep::as_asked);
  s.session.flush();
  std::ignore = s.take_output();
  feed->push("bye");
  s.session.wind_down();
  s.session.flush();
  EXPECT_EQ(s.take_output(), "3\r\nbye\r\n0\r\n\r\n");
  EXPECT_EQ(s.session.phase(), Phase::lingering);
}

}  // namespace
}  // namespace strongroom::wire::http
