// One epoll loop, one thread. It takes all requests that are ready in one wake-up, hands them over as one
// batch, and sends replies when any thread releases them. Nothing here waits but epoll_wait; it knows nothing
// of any API.
#pragma once
#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/env.h"
#include "base/fd.h"
#include "wire/http/listener.h"
#include "wire/http/meters.h"
#include "wire/http/session.h"
#include "wire/http/ticket.h"

namespace strongroom::wire::http {

class Loop {
 public:
  // All hooks run on the loop's thread and must not block. The batch hook may release at once.
  using BatchHook = std::function<void(Loop&, std::vector<Arrival>)>;
  // How long this body may be; at most the listener's limit. Called once for each complete head.
  using BodyLimit = std::function<std::size_t(const HttpRequest& head)>;
  // The client of a request in flight has closed, or sent its last byte (a half-close): a blocking handler
  // should stop. At most once for a ticket; a reply released later is still sent if the socket takes it.
  using GoneHook = std::function<void(Ticket)>;
  using Job = std::move_only_function<void()>;

  struct Settings {
    std::size_t connections = 10'000;  // of this loop; more wait in the backlog
    Seconds drain{10};                 // after it, connections in flight are cut
    BatchHook batch = {};
    BodyLimit body_limit = {};  // optional
    GoneHook gone = {};         // optional
    Meters* meters = nullptr;   // optional
  };

  // `listeners` and `clock` must outlive the loop.
  static Result<std::unique_ptr<Loop>> open(Settings, std::span<const std::unique_ptr<Listener>> listeners,
                                            const Clock& clock);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  // On a thread of the caller's; returns when a drain is complete.
  void run();
  // Any thread, once per ticket; a stale ticket is ignored.
  void release(std::vector<Release>);
  // Any thread. Runs at the loop's next turn; destroyed without running when the loop has ended.
  void post(Job);
  // Any thread: stop listening, answer what is in flight, end. Idle connections are closed at once.
  void drain();
  // Any thread; for metrics.
  std::size_t connections() const noexcept { return live_count_.load(std::memory_order_relaxed); }

 private:
  using Phase = Session::Phase;
  struct Port {
    const Listener* listener = nullptr;
    Fd fd;
    HeadRule rule;
  };
  struct Connection {
    Connection(Fd f, SessionShare& share, SessionOrigin origin, const crypto::TlsContext* tls)
        : fd(std::move(f)), session(share, std::move(origin), tls) {}
    Fd fd;
    Session session;
    const Limits* limits = nullptr;
    const Listener* listener = nullptr;
    std::string from;                                           // the address that was counted
    std::unique_ptr<ProxyHeader> preface;                       // until it is clear what the first bytes are
    std::shared_ptr<const std::vector<std::byte>> certificate;  // DER; of a TLS client that sent one
    std::uint32_t interest = EPOLLIN;
    Phase phase = Phase::in_flight;
    bool shut = false;
    bool secured = false;     // its TLS handshake is complete, and counted
    bool answered = false;    // HTTP/2: in answered_
    std::uint32_t round = 0;  // HTTP/2: of the session when the phase began
    bool handed_over =
        false;  // the request in flight is with the hook, which has not been told that it is gone
  };
  struct Slot {
    std::uint32_t generation = 0;   // of the request: the ticket
    std::uint32_t incarnation = 0;  // of the connection: events of a dropped one are ignored
    MonoTime deadline = MonoTime::max();
    std::unique_ptr<Connection> connection;
  };

  Loop(Settings, const Clock&);
  Status watch_port(std::size_t index);
  void turn(std::span<const epoll_event> events);
  void handle(const epoll_event&);
  void wake();
  void listen(bool on);
  void accept(std::size_t port);
  void admit(Fd, std::size_t port, HttpRequest::Peer);
  void readable(std::uint32_t slot);
  void take(std::uint32_t slot);
  bool take_bytes(Connection&, std::string_view wire);
  void count_handshake(Connection&);
  void run_jobs();
  void hand_over();
  void deliver();
  void follow(std::uint32_t slot, Feed&);
  void settle(std::uint32_t slot);
  bool send_some(Connection&);
  void tell_gone(std::uint32_t slot);
  void tell_gone_streams(std::uint32_t slot);
  void begin_drain();
  void sweep();
  void end(std::uint32_t slot);
  void drop(std::uint32_t slot);
  void read_clock();
  std::uint64_t event_name(std::uint32_t slot) const noexcept {
    return std::uint64_t{slots_[slot].incarnation} << 32 | slot;
  }

  const Settings settings_;
  const Clock& clock_;
  Fd epoll_;
  Fd wake_;
  std::vector<Port> ports_;
  SessionShare share_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Arrival> arrivals_;
  std::size_t live_ = 0;
  bool listening_ = false;
  bool draining_ = false;
  MonoTime now_{};
  MonoTime swept_{};
  MonoTime drain_by_ = MonoTime::max();
  std::chrono::sys_seconds date_{};
  std::array<char, 32 * 1024> buffer_{};  // all reads land here, wiped after each
  std::vector<Release> delivering_;       // reused
  std::vector<std::uint32_t> answered_;   // HTTP/2: slots whose replies become frames together; reused
  std::atomic<std::size_t> live_count_ = 0;
  std::atomic<std::thread::id> thread_;
  std::atomic<bool> drain_asked_ = false;
  std::mutex mutex_;
  std::vector<Release> mailbox_;  // under mutex_
  std::vector<Job> jobs_;         // under mutex_
};

}  // namespace strongroom::wire::http
