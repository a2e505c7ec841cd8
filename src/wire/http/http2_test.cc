#include "wire/http/http2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/http/edge_fixture.h"
#include "wire/http/http2_client.h"

namespace strongroom::wire::http {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using Body = Http2Client::Body;

class Http2Test : public testing::Test {
 protected:
  void SetUp() override {
    share_.fixed_lines = fixed_reply_lines(std::chrono::sys_seconds(Seconds(784111777)));
    share_.now = MonoTime(Seconds(1000));
    begin();
  }
  void begin() { server_ = std::make_unique<Http2>(share_, origin_); }
  std::string pull() {
    SecretText out;
    for (std::size_t before = 1; before != out.size();) {
      before = out.size();
      server_->pull(out, out.size() + 16384);
    }
    return std::string(view(out));
  }
  // Until neither side has more to say.
  void talk() {
    for (;;) {
      const std::string there = client_.take_output();
      if (!there.empty()) server_->received(there);
      const std::string back = pull();
      if (!back.empty()) {
        EXPECT_TRUE(client_.received(back));
      }
      if (there.empty() && back.empty()) return;
    }
  }
  // Of a server that is fed by hand.
  void feed(std::string_view text) {
    server_->received(text);
    if (const auto back = pull(); !back.empty()) client_.received(back);
  }
  std::vector<std::unique_ptr<HttpRequest>> take_all() {
    std::vector<std::unique_ptr<HttpRequest>> out;
    while (auto r = server_->next()) out.push_back(std::move(r));
    return out;
  }
  Http2Client::Answer& answer(int stream) { return client_.answers[stream]; }

  Limits limits_;
  HeadRule rule_ = [this](HttpRequest& r) -> HeadVerdict {
    if (r.has_header("x-refuse")) return {0, 403, "refused by rule"};
    return {r.has_header("x-small") ? 10 : limits_.body, 0, {}};
  };
  SessionShare share_;
  SessionOrigin origin_{limits_, rule_, {"192.0.2.7", 4711}, 3};
  Http2Client client_;
  std::unique_ptr<Http2> server_;
};

TEST_F(Http2Test, AnswersManyRequestsInAnyOrder) {
  EXPECT_EQ(server_->phase(), Http2::Phase::opened);
  for (int i = 0; i < 50; ++i) client_.get("/v1/" + std::to_string(i));
  talk();
  EXPECT_EQ(server_->phase(), Http2::Phase::busy);
  auto all = take_all();
  ASSERT_EQ(all.size(), 50U);
  EXPECT_EQ(all[7]->target(), "/v1/7");
  EXPECT_EQ(all[7]->method(), "GET");
  EXPECT_EQ(all[7]->header("Host"), "x");
  EXPECT_EQ(all[7]->stream, 15U);
  EXPECT_EQ(all[7]->peer.address, "192.0.2.7");
  EXPECT_EQ(all[7]->listener, 3U);
  EXPECT_EQ(all[7]->transport, HttpRequest::Transport::tls);
  for (auto r = all.rbegin(); r != all.rend(); ++r) {
    EXPECT_TRUE(server_->awaits((*r)->stream));
    server_->answer((*r)->stream, reply(200, (*r)->target()));
    EXPECT_FALSE(server_->awaits((*r)->stream));
  }
  talk();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(answer(1 + 2 * i).status, 200);
    EXPECT_EQ(answer(1 + 2 * i).body, "/v1/" + std::to_string(i));
    EXPECT_TRUE(answer(1 + 2 * i).closed);
  }
  EXPECT_EQ(server_->phase(), Http2::Phase::idle);
  EXPECT_FALSE(server_->awaits_any());
}

TEST_F(Http2Test, SendsTheHeadersOfEveryReply) {
  client_.get("/");
  talk();
  HttpReply r = reply(307, "{}");
  r.headers.emplace_back("Location", "/v1/a\r\nset-cookie: evil=1");
  server_->answer(server_->next()->stream, std::move(r));
  talk();
  const auto& a = answer(1);
  EXPECT_EQ(a.status, 307);
  EXPECT_EQ(a.headers.at("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(a.headers.at("cache-control"), "no-store");
  EXPECT_EQ(a.headers.at("strict-transport-security"), "max-age=31536000; includeSubDomains");
  EXPECT_EQ(a.headers.at("content-type"), "application/json");
  EXPECT_EQ(a.headers.at("content-length"), "2");
  EXPECT_EQ(a.headers.at("location"), "/v1/a  set-cookie: evil=1");
  EXPECT_EQ(a.body, "{}");
}

TEST_F(Http2Test, SendsNoBodyWith204AndNoneForHead) {
  client_.get("/");
  client_.ask(Http2Client::head("HEAD", "/"), "", Body::none);
  talk();
  server_->answer(server_->next()->stream, reply(204, "ignored"));
  server_->answer(server_->next()->stream, reply(200, "12345"));
  talk();
  EXPECT_EQ(answer(1).status, 204);
  EXPECT_EQ(answer(1).headers.count("content-length"), 0U);
  EXPECT_EQ(answer(3).headers.at("content-length"), "5");
  EXPECT_EQ(answer(3).body, "");
  EXPECT_TRUE(answer(1).closed && answer(3).closed);
}

TEST_F(Http2Test, ReadsBodiesAndForgetsTrailers) {
  client_.ask(Http2Client::head("LIST", "/v1/a", {{"content-length", "5"}}), "hello", Body::whole);
  const int late = client_.ask(Http2Client::head("PUT", "/v1/b"), "abc", Body::unfinished);
  talk();
  auto first = server_->next();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(view(first->body), "hello");
  EXPECT_EQ(first->method(), "LIST");
  EXPECT_EQ(server_->next(), nullptr);
  client_.trailer(late, {{"x-vault-token", "smuggled"}});
  talk();
  // nghttp2's client sends a trailer after its data has ended only; by hand then.
  begin();
  feed(raw::hello() + raw::request(1, Http2Client::head("PUT", "/"), 0) + raw::frame(raw::data, 0, 1, "abc") +
       raw::request(1, {{"x-vault-token", "smuggled"}}));
  const auto r = server_->next();
  ASSERT_NE(r, nullptr);
  EXPECT_EQ(view(r->body), "abc");
  EXPECT_FALSE(r->has_header("x-vault-token"));
}

TEST_F(Http2Test, ReadsABodyLargerThanAWindow) {
  const std::string large(3 * 1024 * 1024, 'x');
  client_.ask(Http2Client::head("PUT", "/", {{"content-length", std::to_string(large.size())}}), large,
              Body::whole);
  client_.ask(Http2Client::head("PUT", "/"), large, Body::whole);
  talk();
  const auto all = take_all();
  ASSERT_EQ(all.size(), 1U);  // the second announces nothing, so all there is would be reserved for it
  EXPECT_EQ(all[0]->body.size(), large.size());
  server_->answer(all[0]->stream, reply(200, large));
  talk();
  EXPECT_EQ(answer(1).body.size(), large.size());
  const auto other = take_all();
  ASSERT_EQ(other.size(), 1U);
  EXPECT_EQ(other[0]->body.size(), large.size());
}

TEST_F(Http2Test, HoldsNoMoreBodyBytesThanOneLargestBodyAndAWindowForEach) {
  limits_.body = 1024 * 1024;
  const std::string large(limits_.body, 'x');
  for (int i = 0; i < 100; ++i)
    client_.ask(Http2Client::head("PUT", "/", {{"content-length", std::to_string(large.size())}}), large,
                Body::whole);
  // None is answered, so only one gets more than its first window.
  talk();
  auto all = take_all();
  EXPECT_EQ(all.size(), 1U);
  int done = 0;
  for (; !all.empty(); all = take_all())
    for (const auto& r : all) {
      EXPECT_EQ(r->body.size(), large.size());
      server_->answer(r->stream, reply(204, ""));
      talk();
      ++done;
    }
  EXPECT_EQ(done, 100);
}

TEST_F(Http2Test, SaysContinueOnceTheHeadIsAccepted) {
  client_.ask(Http2Client::head("PUT", "/", {{"expect", "100-continue"}}), "abc", Body::unfinished);
  client_.ask(Http2Client::head("PUT", "/", {{"expect", "100-continue"}, {"x-refuse", "1"}}), "abc",
              Body::unfinished);
  talk();
  EXPECT_TRUE(answer(1).continued);
  EXPECT_FALSE(answer(3).continued);
  EXPECT_EQ(answer(3).status, 403);
}

TEST_F(Http2Test, RefusesABodyThatIsTooLongAndGoesOn) {
  client_.ask(Http2Client::head("PUT", "/", {{"x-small", "1"}, {"content-length", "11"}}), "12345678901",
              Body::whole);
  client_.ask(Http2Client::head("PUT", "/", {{"x-small", "1"}}), "12345678901", Body::whole);
  client_.get("/ok");
  talk();
  const auto all = take_all();
  ASSERT_EQ(all.size(), 1U);
  server_->answer(all[0]->stream, reply(200, "ok"));
  talk();
  for (const int stream : {1, 3}) {
    EXPECT_EQ(answer(stream).status, 413);
    EXPECT_EQ(answer(stream).body, "{\"errors\":[\"the request body is longer than the limit\"]}\n");
    EXPECT_TRUE(answer(stream).closed);
  }
  EXPECT_EQ(answer(5).status, 200);
}

TEST_F(Http2Test, RefusesAHeadThatIsTooLong) {
  client_.ask(Http2Client::head("GET", "/", {{"x-long", std::string(limits_.head, 'x')}}), "", Body::none);
  HeaderLines many;
  for (std::size_t i = 0; i <= limits_.fields; ++i) many.emplace_back("x-" + std::to_string(i), "1");
  client_.ask(Http2Client::head("GET", "/", many), "", Body::none);
  talk();
  EXPECT_EQ(answer(1).status, 431);
  EXPECT_EQ(answer(3).status, 431);
  EXPECT_EQ(server_->next(), nullptr);
}

// What is wrong with a request, and whether it is answered or its stream reset.
TEST_F(Http2Test, RefusesRequestsThatTwoReadersCouldReadDifferently) {
  const auto with = [](HeaderLines more) { return Http2Client::head("GET", "/", std::move(more)); };
  const auto without = [](std::string_view name) {
    HeaderLines all = Http2Client::head("GET", "/");
    std::erase_if(all, [&](const auto& l) { return l.first == name; });
    return all;
  };
  const std::vector<std::pair<HeaderLines, int>> cases{
      {with({{"X-Upper", "1"}}), 0},
      {with({{"connection", "close"}}), 0},
      {with({{"transfer-encoding", "chunked"}}), 0},
      {with({{"keep-alive", "1"}}), 0},
      {with({{"upgrade", "h2c"}}), 0},
      {with({{"te", "gzip"}}), 0},
      {with({{"x-a", "b\r\nc: d"}}), 0},
      {with({{"x-a", std::string("b\0c", 3)}}), 0},
      {with({{"x a", "b"}}), 0},
      {with({{"", "b"}}), 0},
      {with({{":method", "GET"}}), 0},
      {with({{":path", "/b"}}), 0},
      {with({{":status", "200"}}), 0},
      {with({{":protocol", "websocket"}}), 0},
      {with({{"content-length", "1"}}), 0},
      {with({{"content-length", "0"}, {"content-length", "1"}}), 0},
      {without(":method"), 0},
      {without(":path"), 0},
      {without(":scheme"), 0},
      {without(":authority"), 0},
      {with({{"host", "y"}}), 400},
      {{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}}, 400},
      {{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", ""}}, 0},
      {{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "v1"}}, 0},
      {{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/a b"}}, 0},
      {{{":method", "G ET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/"}}, 0},
      {{{":method", "GET"}, {":scheme", "https"}, {":authority", ""}, {":path", "/"}}, 0},
      {{{":method", "CONNECT"}, {":authority", "x:443"}}, 501},
  };
  std::uint32_t stream = 1;
  for (const auto& [lines, status] : cases) {
    SCOPED_TRACE(testing::PrintToString(lines));
    begin();
    feed(raw::hello() + raw::request(stream, lines));
    EXPECT_EQ(server_->next(), nullptr);
    if (status == 0) continue;
    Http2Client fresh;
    fresh.get("/");
    fresh.take_output();
    begin();
    server_->received(raw::hello() + raw::request(1, lines));
    fresh.received(pull());
    EXPECT_EQ(fresh.answers[1].status, status);
  }
  begin();
  feed(raw::hello() + raw::request(1, with({{"host", "x"}, {"te", "trailers"}})));
  auto good = server_->next();
  ASSERT_NE(good, nullptr);
  EXPECT_EQ(good->field_count(), 2U);  // one host, and te
  HeaderLines host = without(":authority");
  host.emplace_back("host", "y");
  begin();
  feed(raw::hello() + raw::request(1, host));
  good = server_->next();
  ASSERT_NE(good, nullptr);
  EXPECT_EQ(good->header("Host"), "y");
}

TEST_F(Http2Test, NamesAResetStreamOnceAndStillCountsIt) {
  limits_.streams = 2;
  begin();
  client_.get("/a");
  client_.get("/b");
  talk();
  ASSERT_EQ(take_all().size(), 2U);
  client_.reset(1);
  client_.reset(3);
  client_.get("/c");
  talk();
  EXPECT_THAT(server_->take_gone(), ElementsAre(1U, 3U));
  EXPECT_TRUE(server_->take_gone().empty());
  EXPECT_TRUE(server_->awaits(1));  // the hook has not finished with it
  EXPECT_EQ(take_all().size(), 0U);
  EXPECT_EQ(answer(5).error, NGHTTP2_REFUSED_STREAM);
  server_->answer(1, reply(200, "for nobody"));
  EXPECT_TRUE(server_->forget(3));
  EXPECT_FALSE(server_->forget(3));
  EXPECT_FALSE(server_->awaits_any());
  client_.get("/d");
  talk();
  EXPECT_EQ(take_all().size(), 1U);
}

TEST_F(Http2Test, WaitsWithNewRequestsWhileTheClientTakesNoReplies) {
  client_.window(0);
  for (int i = 0; i < 5; ++i) client_.get("/");
  talk();
  for (const auto& r : take_all()) server_->answer(r->stream, reply(200, std::string(300'000, 'x')));
  client_.get("/more");
  talk();
  EXPECT_EQ(server_->next(), nullptr);
  client_.window(1'000'000);
  talk();
  EXPECT_EQ(answer(9).body.size(), 300'000U);
  EXPECT_NE(server_->next(), nullptr);
}

TEST_F(Http2Test, ResetsStreamsThatTakeTooLong) {
  client_.ask(Http2Client::head("PUT", "/slow"), "abc", Body::unfinished);
  client_.window(0);
  client_.get("/");
  client_.get("/held");
  talk();
  const auto all = take_all();
  ASSERT_EQ(all.size(), 2U);
  server_->answer(all[0]->stream, reply(200, "never taken"));
  talk();
  share_.now += limits_.receive_body;
  server_->expire();
  talk();
  EXPECT_EQ(answer(1).error, NGHTTP2_CANCEL);
  EXPECT_FALSE(answer(3).closed);
  share_.now += limits_.send;
  server_->expire();
  server_->expire();
  talk();
  EXPECT_EQ(answer(3).error, NGHTTP2_CANCEL);
  EXPECT_FALSE(answer(5).closed);  // the core owns its time
  EXPECT_TRUE(server_->awaits(5));
}

TEST_F(Http2Test, FinishesWhatHasBegunWhenItWindsDown) {
  client_.get("/a");
  talk();
  const auto r = server_->next();
  server_->wind_down();
  talk();
  EXPECT_EQ(client_.goaway, NGHTTP2_NO_ERROR);
  EXPECT_EQ(client_.goaway_last, 1);
  EXPECT_FALSE(server_->over());
  server_->answer(r->stream, reply(200, "last"));
  talk();
  EXPECT_EQ(answer(1).body, "last");
  EXPECT_TRUE(server_->over());
}

TEST_F(Http2Test, SendsAFeedAsItComes) {
  const auto feed = std::make_shared<Feed>(1 << 20);
  client_.get("/follow");
  client_.get("/other");
  talk();
  const auto r = server_->next();
  const auto other = server_->next();
  server_->answer(r->stream, fed(feed, "first,"));
  talk();
  EXPECT_EQ(answer(1).body, "first,");
  EXPECT_FALSE(answer(1).closed);
  EXPECT_FALSE(answer(1).headers.contains("content-length"));
  feed->push("second,");
  server_->resume();
  talk();
  EXPECT_EQ(answer(1).body, "first,second,");
  server_->answer(other->stream, reply(200, "beside"));
  talk();
  EXPECT_EQ(answer(3).body, "beside");
  share_.now += limits_.send * 10;
  server_->expire();
  talk();
  EXPECT_FALSE(answer(1).closed) << "a feed may be silent for long";
  feed->push("last");
  feed->end();
  server_->resume();
  talk();
  EXPECT_EQ(answer(1).body, "first,second,last");
  EXPECT_TRUE(answer(1).closed);
  EXPECT_EQ(answer(1).error, NGHTTP2_NO_ERROR);
  EXPECT_FALSE(server_->feeding());
}

TEST_F(Http2Test, AFeedEndsWhenItsClientResetsIt) {
  const auto feed = std::make_shared<Feed>(1000);
  client_.get("/follow");
  talk();
  server_->answer(server_->next()->stream, fed(feed));
  talk();
  EXPECT_TRUE(server_->feeding());
  client_.reset(1);
  talk();
  EXPECT_FALSE(server_->feeding());
  EXPECT_EQ(feed.use_count(), 1);
}

TEST_F(Http2Test, WindingDownEndsAFeedWithWhatWaits) {
  const auto feed = std::make_shared<Feed>(1000);
  client_.get("/follow");
  talk();
  server_->answer(server_->next()->stream, fed(feed));
  talk();
  feed->push("bye");
  server_->wind_down();
  talk();
  EXPECT_EQ(answer(1).body, "bye");
  EXPECT_TRUE(answer(1).closed);
  EXPECT_TRUE(server_->over());
}

TEST_F(Http2Test, AFeedWhoseClientTakesNothingIsCut) {
  const auto feed = std::make_shared<Feed>(1 << 20);
  client_.get("/follow");
  talk();
  server_->answer(server_->next()->stream, fed(feed));
  feed->push(std::string(200'000, 'x'));  // more than the window, which the client opens no further
  server_->resume();
  SecretText sent;
  server_->pull(sent, 1 << 20);
  share_.now += limits_.send;
  server_->expire();
  sent.clear();
  server_->pull(sent, 1 << 20);
  EXPECT_FALSE(server_->feeding());
  EXPECT_EQ(feed.use_count(), 1);
}

// The floods: each ends the connection, and none makes us hold more than a little.
class Http2Flood : public Http2Test {
 protected:
  // Sends `piece` again and again, numbered; the number of pieces it bore.
  int flood(const std::function<std::string(int)>& piece, int most) {
    feed(raw::hello());
    for (int i = 0; i < most; ++i) {
      feed(piece(i));
      while (auto r = server_->next()) server_->answer(r->stream, reply(204, ""));
      if (server_->over()) return i;
    }
    return most;
  }
  static std::uint32_t id(int i) { return static_cast<std::uint32_t>(2 * i + 1); }
};

TEST_F(Http2Flood, OfResetsEnds) {
  const int bore = flood(
      [](int i) {
        return raw::request(id(i), Http2Client::head("GET", "/")) +
               raw::frame(raw::rst_stream, 0, id(i), std::string("\0\0\0\x8", 4));
      },
      5000);
  EXPECT_LT(bore, 1100);
  EXPECT_EQ(client_.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2Flood, OfResetsThatWeAreMadeToSendEnds) {
  // A window update of zero: a stream error.
  const int bore = flood(
      [](int i) {
        return raw::request(id(i), Http2Client::head("PUT", "/"), 0) +
               raw::frame(raw::window, 0, id(i), std::string(4, '\0'));
      },
      5000);
  EXPECT_LT(bore, 1100);
}

TEST_F(Http2Flood, OfPingsEnds) {
  EXPECT_LT(flood([](int) { return raw::frame(raw::ping, 0, 0, "12345678"); }, 5000), 1100);
  EXPECT_EQ(client_.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2Flood, OfPingsWithoutReadingEnds) {
  std::string all = raw::hello();
  for (int i = 0; i < 5000; ++i) all += raw::frame(raw::ping, 0, 0, "12345678");
  server_->received(all);
  EXPECT_LT(pull().size(), 32'000U);
  EXPECT_TRUE(server_->over());
}

TEST_F(Http2Flood, OfSettingsEnds) {
  EXPECT_LT(
      flood([](int) { return raw::frame(raw::settings, 0, 0, std::string("\0\x4\0\0\xff\xff", 6)); }, 5000),
      1100);
}

TEST_F(Http2Flood, OfEmptyDataEnds) {
  feed(raw::hello() + raw::request(1, Http2Client::head("PUT", "/"), 0));
  int bore = 0;
  for (; bore < 5000 && !server_->over(); ++bore) feed(raw::frame(raw::data, 0, 1, ""));
  EXPECT_LT(bore, 1100);
}

TEST_F(Http2Flood, OfContinuationsEnds) {
  feed(raw::hello() + raw::frame(raw::headers, 0, 1, raw::block(Http2Client::head("GET", "/"))));
  EXPECT_EQ(server_->phase(), Http2::Phase::head);
  int bore = 0;
  for (; bore < 5000 && !server_->over(); ++bore)
    feed(raw::frame(raw::continuation, 0, 1, raw::block({{"x-" + std::to_string(bore), "1"}})));
  EXPECT_LT(bore, 20);
}

TEST_F(Http2Flood, OfHeaderBytesIsNotStored) {
  // One header block that decodes to far more than it is long: a field in the table, named 10,000 times.
  std::string block = raw::block(Http2Client::head("GET", "/"));
  block += std::string("\x40\x01x\x7f\xd1\x1e", 6) + std::string(4000 + 48, 'x');
  block += std::string(8000, '\xbe');
  feed(raw::hello() + raw::frame(raw::headers, raw::kEndHeaders | raw::kEndStream, 1, block));
  EXPECT_EQ(server_->next(), nullptr);
}

// A field of 4,000 bytes in the table is named by one byte, so a request of a few bytes would hold many.
TEST_F(Http2Flood, OfHeadsThatWaitForBodiesIsRefused) {
  std::string block = raw::block(Http2Client::head("PUT", "/"));
  const std::string field = std::string("\x40\x01x\x7f\xa1\x1e", 6) + std::string(4000, 'x');
  feed(raw::hello() + raw::frame(raw::headers, raw::kEndHeaders, 1, block + field + std::string(6, '\xbe')));
  for (int i = 1; i < 100; ++i)
    feed(raw::frame(raw::headers, raw::kEndHeaders, id(i), block + std::string(7, '\xbe')));
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) feed(raw::frame(raw::data, raw::kEndStream, id(i), "x"));
  for (; const auto r = server_->next(); ++taken) EXPECT_GT(r->head_size(), 27'000U);
  EXPECT_GE(taken, 8U);
  EXPECT_LE(taken, 11U);
  // There is room again.
  feed(raw::frame(raw::headers, raw::kEndHeaders | raw::kEndStream, id(100), block));
  EXPECT_NE(server_->next(), nullptr);
}

TEST_F(Http2Flood, OfStreamsIsRefused) {
  feed(raw::hello());
  for (int i = 0; i < 500; ++i) server_->received(raw::request(id(i), Http2Client::head("PUT", "/"), 0));
  pull();
  std::size_t taken = 0;
  for (int i = 0; i < 500; ++i) server_->received(raw::frame(raw::data, raw::kEndStream, id(i), "x"));
  while (server_->next()) ++taken;
  EXPECT_LE(taken, limits_.streams);
}

TEST_F(Http2Flood, BudgetComesBackWithTime) {
  feed(raw::hello());
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < 90; ++i) feed(raw::frame(raw::ping, 0, 0, "12345678"));
    share_.now += Seconds(1);
  }
  EXPECT_FALSE(server_->over());
}

TEST_F(Http2Flood, OfGarbageEnds) {
  server_->received("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  pull();
  EXPECT_TRUE(server_->over());
  begin();
  feed(raw::hello() + raw::frame(raw::push, raw::kEndHeaders, 1, "\0\0\0\x2"));
  EXPECT_TRUE(server_->over());
  EXPECT_EQ(server_->next(), nullptr);
}

TEST_F(Http2Flood, EndTellsWhatWasInFlight) {
  feed(raw::hello() + raw::request(1, Http2Client::head("GET", "/")));
  ASSERT_NE(server_->next(), nullptr);
  for (int i = 0; i < 2000; ++i) feed(raw::frame(raw::ping, 0, 0, "12345678"));
  EXPECT_THAT(server_->take_gone(), ElementsAre(1U));
  server_->answer(1, reply(200, "late"));
  pull();
  EXPECT_TRUE(server_->over());
}
}  // namespace
}  // namespace strongroom::wire::http
