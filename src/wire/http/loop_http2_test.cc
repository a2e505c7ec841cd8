// HTTP/2 through a loop, over TLS and sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "wire/http/http2_client.h"
#include "wire/http/loop.h"
#include "wire/http/tls_fixture.h"

namespace strongroom::wire::http {
namespace {
using testing::HasSubstr;
using testing::StartsWith;
using Body = Http2Client::Body;

// A client over TLS that pumps until something is so.
class WireClient {
 public:
  WireClient(std::uint16_t port, const std::string& ca_pem)
      : tls(port, ca_pem, crypto::TlsProtocols::http2_then_http1) {}
  bool send() { return tls.send(h2.take_output()); }
  template <class F>
  bool until(F holds) {
    while (!holds()) {
      send();
      const auto text = tls.some();
      if (text.empty() || !h2.received(text)) return holds();
    }
    send();
    return true;
  }
  bool answered(int stream) {
    return until([&] { return h2.answers[stream].closed; });
  }
  TlsClient tls;
  Http2Client h2;
};

class LoopHttp2 : public testing::Test {
 protected:
  void TearDown() override { stop(); }
  void start(Limits limits = {}, crypto::TlsProtocols protocols = crypto::TlsProtocols::http2_then_http1,
             Seconds drain = Seconds(10)) {
    ListenerSettings s = tls_on(folder_, cert_);
    s.tls->protocols = protocols;
    s.limits = limits;
    auto l = Listener::open(std::move(s), 0);
    ASSERT_TRUE(l) << l.error().message;
    listeners_.push_back(std::move(*l));
    Loop::Settings settings;
    settings.drain = drain;
    settings.meters = &meters_;
    settings.batch = [this](Loop& loop, std::vector<Arrival> batch) {
      std::vector<Release> out;
      const std::lock_guard guard(mutex_);
      ++batches_;
      largest_ = std::max(largest_, batch.size());
      for (auto& a : batch) {
        if (a.request->target().starts_with("/held"))
          held_.push_back(std::move(a));
        else
          out.push_back(
              {a.ticket, reply(200, std::string(a.request->target()) + std::string(view(a.request->body)))});
      }
      loop.release(std::move(out));
      changed_.notify_all();
    };
    settings.gone = [this](Ticket t) {
      const std::lock_guard guard(mutex_);
      gone_.push_back(t);
      changed_.notify_all();
    };
    auto loop = Loop::open(std::move(settings), listeners_, clock_);
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(*loop);
    thread_ = std::jthread([this] { loop_->run(); });
  }
  void stop() {
    if (!loop_) return;
    loop_->drain();
    thread_.join();
    loop_.reset();
  }
  void turn() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> done;
      loop_->post([&] { done.set_value(); });
      done.get_future().wait();
    }
  }
  void pass(Nanoseconds time) {
    clock_.move(time);
    turn();
  }
  Ticket wait_for_held(std::size_t number = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= number; });
    return held_[number - 1].ticket;
  }
  std::vector<Ticket> wait_for_gone(std::size_t number = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_.size() >= number; });
    return gone_;
  }
  void release(Ticket t, std::string_view text) {
    std::vector<Release> one;
    one.push_back({t, reply(200, text)});
    loop_->release(std::move(one));
  }
  std::uint16_t port() const { return listeners_[0]->port(); }

  const Folder folder_;
  const crypto::SelfSigned cert_ = certificate();
  MovedClock clock_;
  Meters meters_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<Loop> loop_;
  std::jthread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrival> held_;
  std::vector<Ticket> gone_;
  std::size_t batches_ = 0;
  std::size_t largest_ = 0;
};

TEST_F(LoopHttp2, IsChosenByAlpn) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  EXPECT_EQ(c.tls.protocol(), "h2");
  c.h2.get("/a");
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].status, 200);
  EXPECT_EQ(c.h2.answers[1].body, "/a");
  EXPECT_EQ(meters_.http2.value(), 1U);

  TlsClient old(port(), cert_.certificate_pem);
  EXPECT_EQ(old.protocol(), "http/1.1");
  ASSERT_TRUE(old.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_THAT(old.reply_text(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(meters_.http2.value(), 1U);
  EXPECT_EQ(meters_.handshakes.value(), 2U);
}

TEST_F(LoopHttp2, IsNotSpokenWhereItIsSwitchedOff) {
  start({}, crypto::TlsProtocols::http1);
  TlsClient c(port(), cert_.certificate_pem, crypto::TlsProtocols::http2_then_http1);
  EXPECT_EQ(c.protocol(), "http/1.1");
  ASSERT_TRUE(c.send(raw::hello()));
  EXPECT_THAT(c.to_the_end(), StartsWith("HTTP/1.1 505"));
}

TEST_F(LoopHttp2, TakesWhatComesTogetherAsOneBatch) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  for (int i = 0; i < 100; ++i) c.h2.get("/" + std::to_string(i));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(c.answered(1 + 2 * i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(c.h2.answers[1 + 2 * i].body, "/" + std::to_string(i));
  EXPECT_LT(batches_, 20U);
  EXPECT_GT(largest_, 1U);
}

TEST_F(LoopHttp2, AnswersOthersWhileSomeAreHeld) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.get("/held");
  c.h2.get("/quick");
  ASSERT_TRUE(c.answered(3));
  EXPECT_FALSE(c.h2.answers[1].closed);
  const Ticket t = wait_for_held();
  EXPECT_EQ(t.stream, 1U);
  release(t, "at last");
  release(t, "twice");  // ignored
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].body, "at last");
}

TEST_F(LoopHttp2, TellsWhichStreamsAreGone) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.get("/held/1");
  c.h2.get("/held/2");
  c.send();
  wait_for_held(2);
  c.h2.reset(3);
  c.send();
  EXPECT_EQ(wait_for_gone(1), std::vector<Ticket>{wait_for_held(2)});
  release(wait_for_held(2), "for nobody");
  c.tls.close();
  const auto all = wait_for_gone(2);
  EXPECT_EQ(all[1], wait_for_held(1));
}

TEST_F(LoopHttp2, CarriesLargeBodiesBothWays) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  const std::string body(5'000'000, 'b');
  c.h2.ask(Http2Client::head("PUT", "/"), body, Body::whole);
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].body.size(), body.size() + 1);
}

TEST_F(LoopHttp2, EndsAnIdleConnectionPolitely) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.get("/");
  ASSERT_TRUE(c.answered(1));
  turn();
  pass(Seconds(301));
  c.until([&] { return c.h2.goaway >= 0; });
  EXPECT_EQ(c.h2.goaway, NGHTTP2_NO_ERROR);
  EXPECT_EQ(c.tls.to_the_end(), "");
  EXPECT_EQ(c.tls.state(), crypto::TlsFilter::State::closed);
}

TEST_F(LoopHttp2, CutsAClientThatAsksNothing) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.send();
  turn();
  pass(Seconds(11));
  c.tls.to_the_end();
  turn();
  EXPECT_EQ(loop_->connections(), 0U);
}

TEST_F(LoopHttp2, CutsAHeadThatDoesNotEnd) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  ASSERT_TRUE(
      c.tls.send(raw::hello() + raw::frame(raw::headers, 0, 1, raw::block(Http2Client::head("GET", "/")))));
  turn();
  pass(Seconds(11));
  c.tls.to_the_end();
  turn();
  EXPECT_EQ(loop_->connections(), 0U);
}

TEST_F(LoopHttp2, CutsASlowBodyAndKeepsTheConnection) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.ask(Http2Client::head("PUT", "/slow"), "abc", Body::unfinished);
  c.h2.get("/");
  ASSERT_TRUE(c.answered(3));
  pass(Seconds(31));
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].error, NGHTTP2_CANCEL);
  c.h2.get("/again");
  ASSERT_TRUE(c.answered(5));
  EXPECT_EQ(c.h2.answers[5].status, 200);
}

TEST_F(LoopHttp2, CutsAReplyThatIsNotTaken) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.window(0);
  c.h2.get("/blocked");
  c.until([&] { return c.h2.answers[1].status == 200; });
  pass(Seconds(61));
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].error, NGHTTP2_CANCEL);
}

TEST_F(LoopHttp2, CutsAClientThatReadsNothing) {
  Limits limits;
  start(limits);
  WireClient c(port(), cert_.certificate_pem);
  c.h2.get("/held");
  c.tls.send(c.h2.take_output() + raw::frame(raw::settings, 0, 0, std::string("\0\x4\x7f\xff\xff\xff", 6)) +
             raw::frame(raw::window, 0, 0, std::string("\x7f\0\0\0", 4)));
  release(wait_for_held(), std::string(30'000'000, 'x'));
  turn();
  pass(Seconds(61));
  turn();
  EXPECT_EQ(loop_->connections(), 0U);
}

TEST_F(LoopHttp2, DrainAnswersWhatHasBegunAndSaysSo) {
  start();
  WireClient busy(port(), cert_.certificate_pem);
  WireClient idle(port(), cert_.certificate_pem);
  busy.h2.get("/held");
  busy.send();
  idle.h2.get("/");
  ASSERT_TRUE(idle.answered(1));
  const Ticket t = wait_for_held();
  loop_->drain();
  busy.until([&] { return busy.h2.goaway >= 0; });
  EXPECT_EQ(busy.h2.goaway, NGHTTP2_NO_ERROR);
  EXPECT_EQ(busy.h2.goaway_last, 1);
  idle.until([&] { return idle.h2.goaway >= 0; });
  EXPECT_EQ(idle.h2.goaway, NGHTTP2_NO_ERROR);
  release(t, "last");
  ASSERT_TRUE(busy.answered(1));
  EXPECT_EQ(busy.h2.answers[1].body, "last");
  busy.tls.to_the_end();
  busy.tls.close();
  thread_.join();
  loop_.reset();
}

TEST_F(LoopHttp2, AnswersAHalfClosedClient) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  c.h2.get("/a");
  c.send();
  c.tls.half_close();
  ASSERT_TRUE(c.answered(1));
  EXPECT_EQ(c.h2.answers[1].body, "/a");
}

TEST_F(LoopHttp2, EndsAFloodOfResets) {
  start();
  WireClient c(port(), cert_.certificate_pem);
  ASSERT_TRUE(c.tls.send(raw::hello()));
  for (std::uint32_t i = 0; i < 3000; ++i)
    if (!c.tls.send(raw::request(2 * i + 1, Http2Client::head("GET", "/held")) +
                    raw::frame(raw::rst_stream, 0, 2 * i + 1, std::string("\0\0\0\x8", 4))))
      break;
  c.tls.to_the_end();
  c.tls.close();
  turn();
  const std::lock_guard guard(mutex_);
  EXPECT_LE(held_.size(), 100U);
}
}  // namespace
}  // namespace strongroom::wire::http
