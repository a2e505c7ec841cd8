// Shared by the tests of this folder: a clock that tests move, a session on a string, and a blocking client.
// Test code only; nothing of the product includes it.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <string>
#include <string_view>

#include "base/env.h"
#include "base/fd.h"
#include "wire/http/session.h"

namespace strongroom::wire::http {

class MovedClock final : public Clock {
 public:
  WallTime now() const noexcept override { return WallTime(Seconds(1'764'032'523)) + elapsed_.load(); }
  MonoTime ticks() const noexcept override { return MonoTime(Seconds(1000)) + elapsed_.load(); }
  void move(Nanoseconds by) { elapsed_.store(elapsed_.load() + by); }

 private:
  std::atomic<Nanoseconds> elapsed_{Nanoseconds{}};
};

// A session and everything it borrows.
struct LooseSession {
  explicit LooseSession(Limits l = {})
      : LooseSession(l, [l](HttpRequest&) { return HeadVerdict{l.body, 0, {}}; }) {}
  LooseSession(Limits l, HeadRule r, const crypto::TlsContext* tls = nullptr)
      : limits(l), rule(std::move(r)), session(share, {limits, rule, {"192.0.2.7", 4711}, 3}, tls) {
    share.fixed_lines = fixed_reply_lines(std::chrono::sys_seconds(Seconds(784111777)));
  }
  std::string take_output() {
    std::string text(session.unsent());
    session.sent(text.size());
    return text;
  }
  Limits limits;
  HeadRule rule;
  SessionShare share;
  Session session;
};

inline HttpReply reply(int status, std::string_view body) {
  HttpReply r;
  r.status = status;
  r.body = SecretText(body);
  return r;
}

inline HttpReply fed(std::shared_ptr<Feed> feed, std::string_view body = "") {
  HttpReply r = reply(200, body);
  r.content_type = "text/plain";
  r.feed = std::move(feed);
  return r;
}

// A client that waits for bytes, never for time. 20 s without progress is a failure.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* from = nullptr)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    if (from != nullptr && (inet_pton(AF_INET, from, &a.sin_addr) != 1 ||
                            ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0))
      fd_.reset();
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, path.data(), path.size());
    connect(reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  bool connected() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // More bytes into received(); false at the end or on an error.
  bool more() {
    char buffer[16 * 1024];
    const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }
  // Until `wanted` replies with their bodies are there, or the end. The text of all of them.
  std::string replies(std::size_t wanted) {
    for (;;) {
      std::size_t at = 0;
      for (std::size_t have = 0; have < wanted; ++have) {
        const std::size_t head = received_.find("\r\n\r\n", at);
        if (head == std::string::npos) break;
        const std::size_t length = received_.find("Content-Length: ", at);
        std::size_t size = 0;
        if (length != std::string::npos && length < head)
          size = std::stoul(received_.substr(length + 16, 20));
        if (received_.size() < head + 4 + size) break;
        at = head + 4 + size;
        if (have + 1 == wanted) return cut(at);
      }
      if (!more()) return cut(received_.size());
    }
  }
  std::string to_the_end() {
    while (more()) {
    }
    return cut(received_.size());
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  void reset() {  // RST instead of FIN
    const linger at_once{1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

 private:
  void connect(const sockaddr* a, socklen_t size) {
    const timeval patience{20, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd_ && ::connect(fd_.get(), a, size) != 0) fd_.reset();
  }
  std::string cut(std::size_t n) {
    std::string out = received_.substr(0, n);
    received_.erase(0, n);
    return out;
  }
  Fd fd_;
  std::string received_;
};

}  // namespace strongroom::wire::http
