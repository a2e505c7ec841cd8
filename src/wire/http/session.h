// One connection without I/O: wire bytes in, requests out, replies in, wire bytes out. It speaks HTTP/1.1,
// where one request is in flight and pipelined bytes wait their turn, or HTTP/2 when ALPN has chosen it,
// where many are: then multiplexed() holds and an Http2 inside does the work. It never reads a clock: the
// loop looks at phase() and owns the time.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "crypto/tls_context.h"
#include "wire/http/http1.h"
#include "wire/http/http2.h"
#include "wire/http/limits.h"
#include "wire/http/reply.h"
#include "wire/http/request.h"

namespace strongroom::wire::http {

// What the sessions of one loop share, so that an idle connection owns no buffer. Not thread-safe; outlives
// them.
struct SessionShare {
  std::string fixed_lines;              // header lines of every reply, with the current Date
  std::vector<SecretText> spares;       // empty output buffers with their capacity
  SecretText text;                      // a reply before TLS
  std::array<char, 16 * 1024> plain{};  // text out of TLS, wiped after each use
  MonoTime now{};                       // of the loop's turn
};

// What a session knows of its listener and its client.
struct SessionOrigin {
  const Limits& limits;  // borrowed: outlive the session
  const HeadRule& rule;
  HttpRequest::Peer peer;
  std::uint32_t listener = 0;
};

// Owned by the loop, used on its thread only.
class Session {
 public:
  enum class Keep : std::uint8_t { no, as_asked };
  // Each has its own time limit.
  enum class Phase : std::uint8_t { opened, head, body, in_flight, idle, sending, lingering };

  // `tls` is null for a plain connection; it need not outlive the constructor.
  Session(SessionShare&, SessionOrigin, const crypto::TlsContext* tls);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Who the client is, as an authorised proxy says, before its first byte.
  void comes_from(HttpRequest::Peer peer) { origin_.peer = std::move(peer); }
  void received(std::string_view wire);
  void received_eof() noexcept { eof_ = true; }  // a half-close: what was asked is still answered
  // A complete request, once. HTTP/2: call it until there is none.
  std::unique_ptr<HttpRequest> next();
  void answer(const HttpReply&, Keep);  // to the one request in flight
  void answer(std::uint32_t stream, HttpReply&&, Keep);
  void say_goodbye();  // TLS: close_notify, before the loop closes an idle connection

  bool multiplexed() const noexcept { return http2_ != nullptr; }
  // Frames that are due, and what a feed has, become unsent(), as far as that is short.
  void flush() {
    if (http2_)
      flush_frames();
    else if (feed_)
      flush_feed();
  }
  void resume() {  // one of the feeds has more
    if (http2_) http2_->resume();
  }
  bool feeding() const noexcept { return http2_ ? http2_->feeding() : feed_ != nullptr; }
  void wind_down();  // what has begun is finished, feeds end, nothing new begins
  // HTTP/2 only; nothing happens in HTTP/1.1.
  void expire();                           // about once a second
  std::vector<std::uint32_t> take_gone();  // streams in flight that the client has reset, each once
  bool forget(std::uint32_t stream);  // one that was reset and that nobody will answer; false: it was not
  void all_gone();                    // the client can no longer hear
  std::uint32_t round() const noexcept { return round_; }  // grows whenever the client has taken all we had

  std::string_view unsent() const noexcept { return view(out_).substr(out_sent_); }
  void sent(std::size_t n) noexcept;

  const crypto::TlsFilter* tls() const noexcept { return tls_.get(); }  // null: plain
  Phase phase() const noexcept;
  bool wants_bytes() const noexcept { return !eof_ && !owes_reading() && !(busy() && waiting() != 0); }
  bool in_flight() const noexcept { return http2_ ? http2_->awaits_any() : in_flight_; }
  bool in_flight(std::uint32_t stream) const noexcept {
    return http2_ ? http2_->awaits(stream) : in_flight_ && stream == 0;
  }
  bool at_eof() const noexcept { return eof_; }
  bool done() const noexcept { return eof_ && !in_flight() && unsent().empty(); }

 private:
  // Beyond it frames of HTTP/2 and feeds wait, and pipelined requests of HTTP/1.1 unread.
  static constexpr std::size_t kMostUnsent = 64 * 1024;
  bool owes_reading() const noexcept { return unsent().size() >= kMostUnsent; }
  void forget_sent() noexcept;
  void flush_frames();
  void flush_feed();
  void end_feed();
  bool busy() const noexcept { return in_flight_ || feed_ != nullptr; }  // HTTP/1.1: what comes must wait
  std::size_t waiting() const noexcept { return pending_.size() - pending_from_; }
  void plain(std::string_view text);
  void close();  // no more requests
  void parse(std::string_view& text);
  void parse_pending();
  void write(std::string_view text);
  void write_reply(const HttpReply&, ReplyShape);
  void need_buffer();
  void refuse_plain_on_tls();

  SessionShare& share_;
  SessionOrigin origin_;
  SecretText out_;  // before tls_, which writes here
  std::size_t out_sent_ = 0;
  std::unique_ptr<crypto::TlsFilter> tls_;
  std::unique_ptr<Http2> http2_;
  std::unique_ptr<Http1> parser_;  // from a request's first byte to its last
  SecretText pending_;             // bounded: the loop stops reading while these wait
  std::size_t pending_from_ = 0;
  std::unique_ptr<HttpRequest> ready_;
  std::shared_ptr<Feed> feed_;  // HTTP/1.1: the reply that is being sent goes on with it
  ReplyShape::Length feed_length_ = ReplyShape::Length::chunked;
  std::uint32_t round_ = 0;
  bool untouched_ = true;  // no byte has come
  bool agreed_ = false;    // ALPN has been looked at
  bool fresh_ = true;      // nothing has been answered
  bool in_flight_ = false;
  bool closing_ = false;
  bool broken_ = false;
  bool eof_ = false;
  bool head_only_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
};

}  // namespace strongroom::wire::http
