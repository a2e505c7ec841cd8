#include "wire/http/loop.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "base/cidr.h"

namespace strongroom::wire::http {
namespace {
constexpr std::uint32_t kWake = ~0U;
constexpr std::uint32_t kFirstPort = ~0U - 64;  // up to 63 listeners
constexpr int kTickMilliseconds = 1000;

HttpRequest::Peer peer_of(const sockaddr_storage& a) {
  IpAddress ip;
  if (a.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(a);
    std::memcpy(ip.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return {ip.text(), ntohs(v4.sin_port)};
  }
  if (a.ss_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(a);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    std::memcpy(ip.bytes.data(), v6.sin6_addr.s6_addr + 12, 4);
  } else {
    ip.family = IpAddress::Family::v6;
    std::memcpy(ip.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return {ip.text(), ntohs(v6.sin6_port)};
}

bool transient(int error) noexcept { return error == EAGAIN || error == EINTR; }
}  // namespace

Result<std::unique_ptr<Loop>> Loop::open(Settings s, std::span<const std::unique_ptr<Listener>> listeners,
                                         const Clock& clock) {
  if (listeners.size() > 63) return fail(Code::invalid_argument, "listener: at most 63 are possible");
  std::unique_ptr<Loop> loop(new Loop(std::move(s), clock));
  if (!loop->epoll_ || !loop->wake_)
    return fail(Code::unavailable, "cannot watch connections", std::strerror(errno));
  epoll_event e{EPOLLIN, {.u64 = kWake}};
  if (epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, loop->wake_.get(), &e) != 0)
    return fail(Code::unavailable, "cannot watch connections", std::strerror(errno));
  loop->ports_.reserve(listeners.size());
  for (const auto& l : listeners) {
    SR_LET(Fd fd, l->descriptor());
    const Listener& listener = *l;
    const BodyLimit& body_limit = loop->settings_.body_limit;
    loop->ports_.push_back(
        {&listener, std::move(fd), [&listener, &body_limit](HttpRequest& head) -> HeadVerdict {
           if (const auto why = listener.forwarded_for().apply(head); !why.empty()) return {0, 400, why};
           const std::size_t most = listener.settings().limits.body;
           return {body_limit ? std::min(most, body_limit(head)) : most, 0, {}};
         }});
  }
  loop->listen(true);
  return loop;
}

Loop::Loop(Settings s, const Clock& clock)
    : settings_(std::move(s)),
      clock_(clock),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  read_clock();
}

Loop::~Loop() = default;

void Loop::read_clock() {
  share_.now = now_ = clock_.ticks();
  const auto date = std::chrono::floor<Seconds>(clock_.now());
  if (date == date_ && !share_.fixed_lines.empty()) return;
  date_ = date;
  share_.fixed_lines = fixed_reply_lines(date);
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  std::array<epoll_event, 256> events;
  while (!draining_ || live_ != 0) {
    const int patience = arrivals_.empty() ? kTickMilliseconds : 0;
    const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience);
    read_clock();
    turn(std::span(events).first(static_cast<std::size_t>(std::max(n, 0))));
  }
}

void Loop::turn(std::span<const epoll_event> events) {
  for (const auto& e : events) handle(e);
  if (drain_asked_.load(std::memory_order_relaxed) && !draining_) begin_drain();
  if (now_ - swept_ >= Seconds(1) || draining_) sweep();
  run_jobs();
  // One wake-up, one batch. Replies may free pipelined requests; those wait for the next turn, so that a
  // client that pipelines has no more than one request in a batch.
  hand_over();
  deliver();
}

void Loop::hand_over() {
  std::erase_if(arrivals_, [&](const Arrival& a) {
    const Slot& slot = slots_[a.ticket.slot];
    if (slot.generation != a.ticket.generation || !slot.connection) return true;  // its client has gone
    slot.connection->handed_over = true;
    return false;
  });
  if (!arrivals_.empty()) settings_.batch(*this, std::exchange(arrivals_, {}));
}

void Loop::handle(const epoll_event& e) {
  const auto slot = static_cast<std::uint32_t>(e.data.u64);
  if (slot == kWake) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto r = ::read(wake_.get(), &count, sizeof count);
  } else if (slot >= kFirstPort) {
    accept(slot - kFirstPort);
  } else if (slots_[slot].incarnation != static_cast<std::uint32_t>(e.data.u64 >> 32)) {
    // Dropped earlier in this wake-up.
  } else if ((e.events & (EPOLLERR | EPOLLHUP)) != 0) {
    drop(slot);
  } else if ((e.events & EPOLLIN) != 0) {
    readable(slot);
  } else {
    settle(slot);
  }
}

void Loop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
}

void Loop::release(std::vector<Release> done) {
  if (done.empty()) return;
  bool first = false;
  {
    const std::lock_guard guard(mutex_);
    first = mailbox_.empty();
    if (first)
      mailbox_.swap(done);
    else
      std::move(done.begin(), done.end(), std::back_inserter(mailbox_));
  }
  // The loop's own thread looks into the mailbox before it sleeps.
  if (first && std::this_thread::get_id() != thread_.load(std::memory_order_relaxed)) wake();
}

void Loop::post(Job job) {
  bool first = false;
  {
    const std::lock_guard guard(mutex_);
    first = jobs_.empty();
    jobs_.push_back(std::move(job));
  }
  if (first) wake();
}

void Loop::drain() {
  drain_asked_ = true;
  wake();
}

void Loop::run_jobs() {
  std::vector<Job> jobs;
  {
    const std::lock_guard guard(mutex_);
    jobs.swap(jobs_);
  }
  for (auto& job : jobs) job();
}

void Loop::listen(bool on) {
  if (draining_ || listening_ == on) return;
  listening_ = on;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    // Exclusive: a Unix socket is shared by all loops, and one client should wake one of them.
    epoll_event e{EPOLLIN | EPOLLEXCLUSIVE, {.u64 = kFirstPort + i}};
    epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, ports_[i].fd.get(), &e);
  }
}

void Loop::accept(std::size_t port) {
  for (int i = 0; i < 64; ++i) {
    if (live_ >= settings_.connections)
      return listen(false);  // the backlog waits; the next sweep listens again
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    Fd fd(::accept4(ports_[port].fd.get(), reinterpret_cast<sockaddr*>(&from), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // Out of descriptors or memory: wait for the next sweep.
      if (!transient(errno) && errno != ECONNABORTED) listen(false);
      return;
    }
    admit(std::move(fd), port, peer_of(from));
  }
}

void Loop::admit(Fd fd, std::size_t port, HttpRequest::Peer peer) {
  const Port& p = ports_[port];
  const Limits& limits = p.listener->settings().limits;
  const auto proxied = p.listener->proxy_rule().of(peer);
  if (proxied == ProxyRule::Verdict::refuse || !p.listener->enter(peer.address)) return;
  const auto from = peer.address;
  const auto tls = p.listener->tls();
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t s = free_.back();
  epoll_event e{EPOLLIN, {.u64 = event_name(s)}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &e) != 0)
    return p.listener->leave(from);  // out of memory: the client may try again
  free_.pop_back();
  slots_[s].connection = std::make_unique<Connection>(
      std::move(fd), share_, SessionOrigin{limits, p.rule, std::move(peer), p.listener->number()}, tls.get());
  auto& c = *slots_[s].connection;
  c.limits = &limits;
  c.listener = p.listener;
  c.from = from;
  if (proxied != ProxyRule::Verdict::none)
    c.preface = std::make_unique<ProxyHeader>(proxied == ProxyRule::Verdict::believe);
  if (settings_.meters != nullptr) settings_.meters->connections.add();
  live_count_.store(++live_, std::memory_order_relaxed);
  settle(s);
}

void Loop::take(std::uint32_t s) {
  Session& session = slots_[s].connection->session;
  auto r = session.next();
  if (!r) return;
  slots_[s].connection->handed_over = false;
  for (; r; r = session.multiplexed() ? session.next() : nullptr) {
    r->certificate = slots_[s].connection->certificate;
    const std::uint32_t stream = r->stream;
    arrivals_.push_back({{s, slots_[s].generation, stream}, std::move(r)});
  }
}

void Loop::readable(std::uint32_t s) {
  Session& session = slots_[s].connection->session;
  const auto n = ::recv(slots_[s].connection->fd.get(), buffer_.data(), buffer_.size(), 0);
  if (n > 0) {
    const bool good = take_bytes(*slots_[s].connection, {buffer_.data(), static_cast<std::size_t>(n)});
    explicit_bzero(buffer_.data(), static_cast<std::size_t>(n));
    if (!good) return drop(s);
    if (!slots_[s].connection->secured) count_handshake(*slots_[s].connection);
  } else if (n == 0) {
    session.received_eof();
  } else if (!transient(errno)) {
    return drop(s);
  }
  take(s);
  if (session.multiplexed()) tell_gone_streams(s);
  settle(s);
}

// False: the connection is not what this listener serves.
bool Loop::take_bytes(Connection& c, std::string_view wire) {
  if (!c.preface) {
    c.session.received(wire);
    return true;
  }
  switch (c.preface->offer(wire)) {
    case ProxyHeader::State::more:
      return true;
    case ProxyHeader::State::bad:
      return false;
    case ProxyHeader::State::done:
      break;
  }
  const auto preface = std::move(c.preface);
  if (preface->client()) c.session.comes_from(*preface->client());
  if (!preface->rest().empty()) c.session.received(preface->rest());
  return true;
}

void Loop::count_handshake(Connection& c) {
  const auto* tls = c.session.tls();
  c.secured = tls == nullptr || tls->established();
  if (!c.secured || tls == nullptr) return;
  if (auto der = tls->peer_certificate(); !der.empty())
    c.certificate = std::make_shared<const std::vector<std::byte>>(std::move(der));
  if (settings_.meters == nullptr) return;
  settings_.meters->handshakes.add();
  if (tls->resumed()) settings_.meters->resumed.add();
  if (tls->protocol() == "h2") settings_.meters->http2.add();
}

void Loop::deliver() {
  for (;;) {
    {
      const std::lock_guard guard(mutex_);
      delivering_.swap(mailbox_);
    }
    if (delivering_.empty()) return;
    for (auto& [ticket, reply] : delivering_) {
      if (ticket.slot >= slots_.size()) continue;
      Slot& slot = slots_[ticket.slot];
      if (slot.generation != ticket.generation || !slot.connection ||
          !slot.connection->session.in_flight(ticket.stream))
        continue;
      Connection& c = *slot.connection;
      const auto feed = reply.feed;
      c.session.answer(ticket.stream, std::move(reply),
                       draining_ ? Session::Keep::no : Session::Keep::as_asked);
      if (feed && c.session.feeding()) follow(ticket.slot, *feed);
      if (c.session.multiplexed()) {
        // Replies that are released together go out together.
        if (!std::exchange(c.answered, true)) answered_.push_back(ticket.slot);
        continue;
      }
      ++slot.generation;  // one reply for one request
      take(ticket.slot);
      settle(ticket.slot);
    }
    delivering_.clear();
    for (const std::uint32_t s : answered_)
      if (slots_[s].connection && std::exchange(slots_[s].connection->answered, false)) settle(s);
    answered_.clear();
  }
}

// Whatever the feed gets is sent at once. The session calls this off before it lets go of the feed.
void Loop::follow(std::uint32_t s, Feed& feed) {
  feed.on_more([this, s, incarnation = slots_[s].incarnation] {
    post([this, s, incarnation] {
      if (slots_[s].incarnation != incarnation || !slots_[s].connection) return;
      slots_[s].connection->session.resume();
      settle(s);
    });
  });
}

// False: the connection is lost.
bool Loop::send_some(Connection& c) {
  for (c.session.flush(); !c.session.unsent().empty(); c.session.flush()) {
    const auto text = c.session.unsent();
    const auto n = ::send(c.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0) return transient(errno);
    c.session.sent(static_cast<std::size_t>(n));
    if (static_cast<std::size_t>(n) < text.size()) return true;  // the socket is full
  }
  return true;
}

// After every event: send, then close, then what to wait for and until when.
void Loop::settle(std::uint32_t s) {
  Connection& c = *slots_[s].connection;
  const bool busy = !c.session.unsent().empty() || c.session.feeding();
  if (!send_some(c)) return drop(s);
  if (busy && !c.session.multiplexed()) take(s);  // what waited for replies to go
  if (c.session.done()) return drop(s);
  if (c.session.multiplexed()) take(s);
  if (c.session.in_flight() && c.session.at_eof()) tell_gone(s);
  const Phase phase = c.session.phase();
  if (phase == Phase::lingering && !std::exchange(c.shut, true)) ::shutdown(c.fd.get(), SHUT_WR);
  // A deadline belongs to a phase: trickled bytes do not extend it. In flight, the core owns the time. An
  // HTTP/2 connection may be sending for ever, so there it is each round that must end; its streams have
  // their own.
  const std::uint32_t round = phase == Phase::sending ? c.session.round() : c.round;
  const bool begins = std::exchange(c.phase, phase) != phase;
  if (std::exchange(c.round, round) != round || begins) {
    const Limits& l = *c.limits;
    switch (phase) {
      case Phase::opened:
      case Phase::head:
        slots_[s].deadline = now_ + l.receive_head;
        break;
      case Phase::body:
        slots_[s].deadline = now_ + l.receive_body;
        break;
      case Phase::in_flight:
        slots_[s].deadline = MonoTime::max();
        break;
      case Phase::idle:
        slots_[s].deadline = now_ + l.idle;
        break;
      case Phase::sending:
        slots_[s].deadline = now_ + l.send;
        break;
      case Phase::lingering:
        slots_[s].deadline = now_ + l.linger;
        break;
    }
  }
  const std::uint32_t interest = (c.session.wants_bytes() ? std::uint32_t{EPOLLIN} : 0U) |
                                 (c.session.unsent().empty() ? 0U : std::uint32_t{EPOLLOUT});
  if (std::exchange(c.interest, interest) == interest) return;
  epoll_event e{interest, {.u64 = event_name(s)}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.fd.get(), &e) != 0) drop(s);
}

void Loop::tell_gone(std::uint32_t s) {
  if (slots_[s].connection->session.multiplexed()) {
    slots_[s].connection->session.all_gone();
    return tell_gone_streams(s);
  }
  if (std::exchange(slots_[s].connection->handed_over, false) && settings_.gone)
    settings_.gone({s, slots_[s].generation});
}

// Those the hook has not seen it never sees.
void Loop::tell_gone_streams(std::uint32_t s) {
  for (const std::uint32_t stream : slots_[s].connection->session.take_gone()) {
    const Ticket t{s, slots_[s].generation, stream};
    const auto at =
        std::find_if(arrivals_.begin(), arrivals_.end(), [&](const Arrival& a) { return a.ticket == t; });
    if (at == arrivals_.end()) {
      if (settings_.gone) settings_.gone(t);
    } else if (slots_[s].connection->session.forget(stream)) {
      arrivals_.erase(at);
    }
  }
}

void Loop::begin_drain() {
  // Clients whose connection the kernel has already accepted get their answer.
  for (std::size_t i = 0; i < ports_.size(); ++i) accept(i);
  listen(false);
  draining_ = true;
  drain_by_ = now_ + settings_.drain;
  for (auto& p : ports_) p.fd.reset();
  for (std::uint32_t s = 0; s < slots_.size(); ++s) {
    if (!slots_[s].connection) continue;
    if (const auto& session = slots_[s].connection->session; !session.multiplexed() && !session.feeding())
      continue;
    // Of idle ones the sweep takes what has just come, then says goodbye.
    if (slots_[s].connection->phase == Phase::idle || slots_[s].connection->phase == Phase::opened) continue;
    slots_[s].connection->session.wind_down();
    settle(s);
  }
}

void Loop::sweep() {
  swept_ = now_;
  listen(live_ < settings_.connections);
  for (std::uint32_t s = 0; s < slots_.size(); ++s) {
    if (!slots_[s].connection) continue;
    if (slots_[s].deadline <= now_ || now_ >= drain_by_) {
      end(s);
      continue;
    }
    if (slots_[s].connection->session.multiplexed()) {
      slots_[s].connection->session.expire();
      tell_gone_streams(s);
      settle(s);
      if (!slots_[s].connection) continue;
    }
    if (draining_) {
      const auto unused = [&] {
        return slots_[s].connection &&
               (slots_[s].connection->phase == Phase::idle || slots_[s].connection->phase == Phase::opened);
      };
      if (unused()) readable(s);  // a request may have just come
      if (unused()) end(s);
    }
  }
}

// Closes from our side; a TLS client is told that nothing was cut off, if it is in order.
void Loop::end(std::uint32_t s) {
  Connection& c = *slots_[s].connection;
  if (c.phase == Phase::idle) {
    c.session.say_goodbye();
    send_some(c);
  }
  drop(s);
}

void Loop::drop(std::uint32_t s) {
  if (const auto& c = *slots_[s].connection;
      settings_.meters != nullptr && !c.secured && c.session.tls() != nullptr)
    settings_.meters->failed_handshakes.add();
  if (slots_[s].connection->session.in_flight()) tell_gone(s);
  slots_[s].connection->listener->leave(slots_[s].connection->from);
  slots_[s].connection.reset();  // closing the descriptor takes it out of epoll
  ++slots_[s].generation;
  ++slots_[s].incarnation;
  slots_[s].deadline = MonoTime::max();
  free_.push_back(s);
  live_count_.store(--live_, std::memory_order_relaxed);
  listen(true);  // there is room again
}

}  // namespace strongroom::wire::http
