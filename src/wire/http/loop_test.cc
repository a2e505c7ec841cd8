#include "wire/http/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "wire/http/edge_fixture.h"

namespace strongroom::wire::http {
namespace {
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n";

// A loop on its own thread. The hook answers each request with its target and peer, unless held.
class LoopTest : public testing::Test {
 protected:
  void TearDown() override { stop(); }
  void listen_on(ListenerSettings s) {
    auto l = Listener::open(std::move(s), static_cast<std::uint32_t>(listeners_.size()));
    ASSERT_TRUE(l) << l.error().message << l.error().detail;
    listeners_.push_back(std::move(*l));
  }
  void start(Loop::Settings s = {}) {
    if (listeners_.empty()) listen_on({.address = "127.0.0.1:0"});
    if (!s.batch)
      s.batch = [](Loop& loop, std::vector<Arrival> batch) { answer_all(loop, std::move(batch)); };
    auto l = Loop::open(std::move(s), listeners_, clock_);
    ASSERT_TRUE(l) << l.error().message;
    loop_ = std::move(*l);
    thread_ = std::jthread([this] { loop_->run(); });
  }
  void stop() {
    if (!loop_) return;
    loop_->drain();
    thread_.join();
    loop_.reset();
  }
  std::uint16_t port(std::size_t i = 0) const { return listeners_[i]->port(); }
  // After this every event that had happened before has been handled.
  void turn() {
    std::promise<void> done;
    loop_->post([&] { done.set_value(); });
    done.get_future().wait();
    std::promise<void> again;
    loop_->post([&] { again.set_value(); });
    again.get_future().wait();
  }
  void pass(Nanoseconds time) {
    clock_.move(time);
    turn();
  }
  static void answer_all(Loop& loop, std::vector<Arrival> batch) {
    std::vector<Release> out;
    for (auto& [ticket, request] : batch)
      out.push_back({ticket, reply(200, std::string(request->target()) + " from " + request->peer.address)});
    loop.release(std::move(out));
  }

  static Loop::BatchHook feeding(const std::shared_ptr<Feed>& feed) {
    return [feed = std::weak_ptr(feed)](Loop& loop, std::vector<Arrival> batch) {
      std::vector<Release> out;
      for (auto& a : batch) out.push_back({a.ticket, fed(feed.lock())});
      loop.release(std::move(out));
    };
  }

  MovedClock clock_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<Loop> loop_;
  std::jthread thread_;
};

// Keeps arrivals until a test releases them.
class Holder {
 public:
  Loop::BatchHook hook() {
    return [this](Loop&, std::vector<Arrival> batch) {
      const std::lock_guard guard(mutex_);
      ++batches_;
      for (auto& a : batch) held_.push_back(std::move(a));
      changed_.notify_all();
    };
  }
  Loop::GoneHook gone_hook() {
    return [this](Ticket t) {
      const std::lock_guard guard(mutex_);
      gone_.push_back(t);
      changed_.notify_all();
    };
  }
  Ticket wait_for_request(std::size_t number = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= number; });
    return held_[number - 1].ticket;
  }
  Ticket wait_for_gone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !gone_.empty(); });
    return gone_.front();
  }
  std::size_t gone_count() {
    const std::lock_guard guard(mutex_);
    return gone_.size();
  }
  std::size_t count() {
    const std::lock_guard guard(mutex_);
    return held_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrival> held_;
  std::vector<Ticket> gone_;
  std::size_t batches_ = 0;
};
std::vector<Release> one(Ticket t, HttpReply r) {
  std::vector<Release> out;
  out.push_back({t, std::move(r)});
  return out;
}

TEST_F(LoopTest, AnswersWithTheHeadersOfEveryReply) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  const auto text = c.replies(1);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nStrict-Transport-Security: max-age=31536000; includeSubDomains\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nDate: Tue, 25 Nov 2025 01:02:03 GMT\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\n\r\n/v1/a from 127.0.0.1"));
}

TEST_F(LoopTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client c(port());
  std::string all;
  for (int i = 0; i < 500; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(c.send(all));
  const auto text = c.replies(500);
  std::size_t at = 0;
  for (int i = 0; i < 500; ++i) {
    at = text.find("/" + std::to_string(i) + " from", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(LoopTest, ReadsNoPipelinedRequestWhileTheClientTakesNoReply) {
  constexpr std::size_t kAsked = 60;
  constexpr std::size_t kSockets = 30;  // megabytes that lie in the sockets of both, at most
  std::atomic<std::size_t> served = 0;
  start({.batch = [&](Loop& loop, std::vector<Arrival> batch) {
    served += batch.size();
    for (const auto& a : batch) loop.release(one(a.ticket, reply(200, std::string(1 << 20, 'x'))));
  }});
  Client c(port());
  std::string all;
  for (std::size_t i = 0; i < kAsked; ++i) all += kGet;
  ASSERT_TRUE(c.send(all));
  for (std::size_t i = 0; i < 4 * kAsked; ++i) turn();
  EXPECT_LT(served, kSockets);
  EXPECT_GT(c.replies(kAsked).size(), kAsked << 20);
  EXPECT_EQ(served, kAsked);
}

TEST_F(LoopTest, TakesRepliesFromAnyThread) {
  Holder holder;
  start({.batch = holder.hook()});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  const Ticket t = holder.wait_for_request();
  loop_->release(one(t, reply(418, "short and stout")));
  EXPECT_THAT(c.replies(1), HasSubstr("short and stout"));
}

TEST_F(LoopTest, ASecondReplyToOneTicketNeverAnswersTheNextRequest) {
  Holder holder;
  start({.batch = holder.hook()});
  Client c(port());
  ASSERT_TRUE(c.send(std::string(kGet) + std::string(kGet)));
  const Ticket first = holder.wait_for_request(1);
  loop_->release(one(first, reply(200, "first")));
  EXPECT_THAT(c.replies(1), HasSubstr("first"));
  const Ticket second = holder.wait_for_request(2);
  EXPECT_NE(first, second);
  loop_->release(one(first, reply(200, "wrong")));
  turn();
  loop_->release(one(second, reply(200, "second")));
  const auto text = c.replies(1);
  EXPECT_THAT(text, HasSubstr("second"));
  EXPECT_THAT(text, testing::Not(HasSubstr("wrong")));
}

TEST_F(LoopTest, TellsWhenTheClientOfARequestInFlightHasGone) {
  Holder holder;
  start({.batch = holder.hook(), .gone = holder.gone_hook()});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  const Ticket t = holder.wait_for_request();
  c.close();
  EXPECT_EQ(holder.wait_for_gone(), t);
  loop_->release(one(t, reply(200, "nobody")));
  turn();
  EXPECT_EQ(holder.gone_count(), 1U);
}

TEST_F(LoopTest, NeverHandsOverARequestWhoseClientHasGone) {
  std::optional<Client> c;
  std::atomic<int> batches = 0;
  std::atomic<int> gone = 0;
  start({.batch =
             [&](Loop& loop, std::vector<Arrival> batch) {
               ++batches;
               c->reset();
               answer_all(loop, std::move(batch));
             },
         .gone = [&](Ticket) { ++gone; }});
  c.emplace(port());
  std::promise<void> sent;
  loop_->post([&] { sent.get_future().wait(); });  // so that both requests come in one piece
  ASSERT_TRUE(c->send(std::string(kGet) + std::string(kGet)));
  sent.set_value();
  while (batches == 0 || loop_->connections() != 0) turn();
  turn();  // what the hook did to the client happened before this returns
  EXPECT_EQ(batches, 1);
  EXPECT_EQ(gone, 0);
}

TEST_F(LoopTest, PutsAtMostOneRequestOfAConnectionIntoABatch) {
  std::atomic<std::size_t> largest = 0;
  start({.batch = [&](Loop& loop, std::vector<Arrival> batch) {
    largest = std::max(largest.load(), batch.size());
    answer_all(loop, std::move(batch));
  }});
  Client c(port());
  std::string all;
  for (int i = 0; i < 100; ++i) all += kGet;
  ASSERT_TRUE(c.send(all));
  c.replies(100);
  EXPECT_EQ(largest, 1U);
}

TEST_F(LoopTest, ForgetsIdleClientsInSilence) {
  Holder holder;
  start({.batch = holder.hook(), .gone = holder.gone_hook()});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  loop_->release(one(holder.wait_for_request(), reply(200, "x")));
  c.replies(1);
  c.close();
  turn();
  EXPECT_EQ(holder.gone_count(), 0U);
}

TEST_F(LoopTest, AnswersAHalfClosedClient) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send(std::string(kGet) + std::string(kGet)));
  c.half_close();
  const auto text = c.to_the_end();
  EXPECT_NE(text.find("200 OK"), text.rfind("200 OK"));
}

TEST_F(LoopTest, CutsASlowHeadThoughBytesTrickleIn) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send("GET / HTTP/1.1\r\n"));
  for (int i = 0; i < 9; ++i) {
    turn();
    ASSERT_TRUE(c.send("X: y\r\n"));
    pass(Seconds(1));
  }
  EXPECT_EQ(loop_->connections(), 1U);
  pass(Seconds(3));
  EXPECT_EQ(c.to_the_end(), "");
  EXPECT_EQ(loop_->connections(), 0U);
}

TEST_F(LoopTest, CutsASlowBody) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"));
  turn();
  pass(Seconds(29));
  EXPECT_EQ(loop_->connections(), 1U);
  pass(Seconds(2));
  EXPECT_EQ(c.to_the_end(), "");
}

TEST_F(LoopTest, CutsAnIdleConnection) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  c.replies(1);
  turn();
  pass(Seconds(299));
  EXPECT_EQ(loop_->connections(), 1U);
  pass(Seconds(2));
  EXPECT_EQ(c.to_the_end(), "");
}

TEST_F(LoopTest, CutsAClientThatNeverSpeaks) {
  start();
  Client c(port());
  turn();
  turn();
  pass(Seconds(11));
  EXPECT_EQ(c.to_the_end(), "");
}

TEST_F(LoopTest, NeverCutsARequestInFlight) {
  Holder holder;
  start({.batch = holder.hook()});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  const Ticket t = holder.wait_for_request();
  pass(std::chrono::hours(5));
  loop_->release(one(t, reply(200, "at last")));
  EXPECT_THAT(c.replies(1), HasSubstr("at last"));
}

TEST_F(LoopTest, LetsTheClientReadItsLastWordsBeforeItCloses) {
  start();
  Client c(port());
  ASSERT_TRUE(c.send("GARBAGE\r\n\r\n"));
  EXPECT_THAT(c.to_the_end(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(loop_->connections(), 1U);
  pass(Seconds(3));
  EXPECT_EQ(loop_->connections(), 0U);
}

TEST_F(LoopTest, DrainAnswersWhatIsInFlightAndClosesTheRest) {
  Holder holder;
  start({.batch = holder.hook()});
  Client busy(port());
  Client idle(port());
  ASSERT_TRUE(busy.send(kGet));
  const Ticket t = holder.wait_for_request();
  loop_->drain();
  EXPECT_EQ(idle.to_the_end(), "");
  loop_->release(one(t, reply(200, "done")));
  const auto text = busy.to_the_end();
  EXPECT_THAT(text, HasSubstr("done"));
  EXPECT_THAT(text, HasSubstr("Connection: close\r\n"));
  busy.close();
  thread_.join();
  EXPECT_FALSE(Client(port()).connected());
  loop_.reset();
}

TEST_F(LoopTest, DrainCutsWhatTakesTooLong) {
  Holder holder;
  start({.drain = Seconds(10), .batch = holder.hook(), .gone = holder.gone_hook()});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  const Ticket t = holder.wait_for_request();
  loop_->drain();
  turn();
  clock_.move(Seconds(11));
  loop_->drain();  // wakes it
  EXPECT_EQ(c.to_the_end(), "");
  EXPECT_EQ(holder.wait_for_gone(), t);
  thread_.join();
  loop_.reset();
}

TEST_F(LoopTest, WaitsWithNewClientsAboveTheConnectionLimit) {
  start({.connections = 2});
  Client a(port());
  Client b(port());
  ASSERT_TRUE(a.send(kGet));
  ASSERT_TRUE(b.send(kGet));
  a.replies(1);
  b.replies(1);
  Client c(port());  // in the backlog
  ASSERT_TRUE(c.send(kGet));
  turn();
  EXPECT_EQ(loop_->connections(), 2U);
  a.close();
  EXPECT_THAT(c.replies(1), HasSubstr("200 OK"));
}

TEST_F(LoopTest, AsksForTheBodyLimitOnceForEachHead) {
  std::atomic<int> asked = 0;
  start({.body_limit = [&](const HttpRequest& head) -> std::size_t {
    ++asked;
    return head.has_header("X-Vault-Token") ? 1000 : 10;
  }});
  const std::string body(20, 'b');
  Client with(port());
  ASSERT_TRUE(
      with.send("POST / HTTP/1.1\r\nHost: x\r\nX-Vault-Token: t\r\nContent-Length: 20\r\n\r\n" + body));
  EXPECT_THAT(with.replies(1), StartsWith("HTTP/1.1 200"));
  Client without(port());
  ASSERT_TRUE(without.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n" + body));
  EXPECT_THAT(without.to_the_end(), StartsWith("HTTP/1.1 413 Content Too Large"));
  Client chunked(port());
  ASSERT_TRUE(
      chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n3\r\n"));
  EXPECT_THAT(chunked.to_the_end(), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(asked, 3);
}

TEST_F(LoopTest, RunsJobsOnItsThread) {
  start();
  std::promise<std::thread::id> where;
  loop_->post([&] { where.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(where.get_future().get(), thread_.get_id());
}

TEST_F(LoopTest, SendsAReplyLargerThanTheSocketHolds) {
  start({.batch = [](Loop& loop, std::vector<Arrival> batch) {
    loop.release(one(batch.front().ticket, reply(200, std::string(20'000'000, 'x'))));
  }});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  EXPECT_GT(c.replies(1).size(), 20'000'000U);
}

TEST_F(LoopTest, TakesABodyOf32MiB) {
  std::atomic<std::size_t> size = 0;
  start({.batch = [&](Loop& loop, std::vector<Arrival> batch) {
    size = batch.front().request->body.size();
    answer_all(loop, std::move(batch));
  }});
  Client c(port());
  ASSERT_TRUE(c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n"));
  ASSERT_TRUE(c.send(std::string(33554432, 'y')));
  EXPECT_THAT(c.replies(1), HasSubstr("200 OK"));
  EXPECT_EQ(size, 33554432U);
}

TEST_F(LoopTest, ServesSeveralListenersAndTellsThemApart) {
  listen_on({.address = "127.0.0.1:0"});
  listen_on({.address = "127.0.0.1:0", .limits = {.body = 3}});
  start({.batch = [](Loop& loop, std::vector<Arrival> batch) {
    for (auto& [ticket, request] : batch)
      loop.release(one(ticket, reply(200, "listener " + std::to_string(request->listener))));
  }});
  Client a(port(0));
  Client b(port(1));
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd";
  ASSERT_TRUE(a.send(post));
  EXPECT_THAT(a.replies(1), HasSubstr("listener 0"));
  ASSERT_TRUE(b.send(kGet));
  EXPECT_THAT(b.replies(1), HasSubstr("listener 1"));
  ASSERT_TRUE(b.send(post));
  EXPECT_THAT(b.replies(1), HasSubstr("413"));
}

TEST_F(LoopTest, BelievesForwardedForFromAnAuthorisedProxyOnly) {
  ListenerSettings s{.address = "127.0.0.1:0"};
  s.forwarded_for.authorized_addrs = {"127.0.0.2"};
  listen_on(s);
  start();
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
  Client proxy(port(), "127.0.0.2");
  ASSERT_TRUE(proxy.send(get));
  EXPECT_THAT(proxy.replies(1), HasSubstr("from 203.0.113.9"));
  Client other(port());
  ASSERT_TRUE(other.send(get));
  const auto text = other.to_the_end();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(text, HasSubstr("client address not authorized for x-forwarded-for"));
}
TEST_F(LoopTest, SendsWhatAFeedGetsAtOnceAndEndsItWithTheServer) {
  const auto feed = std::make_shared<Feed>(1 << 20);
  start({.batch = feeding(feed)});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  std::string text;
  const auto until = [&](std::string_view wanted) {
    while (text.find(wanted) == text.npos && c.more()) text += c.replies(1);
    return text.find(wanted) != text.npos;
  };
  EXPECT_TRUE(until("chunked"));
  feed->push("one");
  EXPECT_TRUE(until("3\r\none\r\n"));
  pass(Seconds(3600));
  feed->push("two");
  EXPECT_TRUE(until("3\r\ntwo\r\n"));
  loop_->drain();
  text += c.to_the_end();
  EXPECT_THAT(text, testing::EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(LoopTest, LetsGoOfAFeedWhoseClientHasGone) {
  const auto feed = std::make_shared<Feed>(1 << 20);
  start({.batch = feeding(feed)});
  Client c(port());
  ASSERT_TRUE(c.send(kGet));
  EXPECT_TRUE(c.more());
  c.close();
  while (loop_->connections() != 0) turn();
  feed->push("nobody");
  EXPECT_EQ(feed.use_count(), 1);
}

}  // namespace
}  // namespace strongroom::wire::http
