// The HTTP/2 protocol (RFC 9113) of one connection, on nghttp2: text out of TLS in, requests out, replies in,
// frames out. Many requests are in flight, each named by its stream. Does no I/O, reads no clock and knows no
// TLS: a Session feeds it.
//
// What bounds it: streams (also those reset while the hook still works on them), header bytes as HTTP/1.1,
// body bytes of each request by the HeadRule and of all by reservation, replies by what the client takes, and
// everything that costs us more than the client by a budget of glitches, after which the connection ends with
// ENHANCE_YOUR_CALM.
//
// Secrets: request text lives in HttpRequest's wiped arena. nghttp2 works on memory that is wiped when it is
// freed; its HPACK decoder keeps a token's header field for as long as the connection lives (4 KiB at most).
// The encoder has no table: no header of a reply outlives its frame.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/secret.h"
#include "wire/http/http1.h"
#include "wire/http/limits.h"
#include "wire/http/reply.h"
#include "wire/http/request.h"

struct nghttp2_session;

namespace strongroom::wire::http {

struct SessionShare;
struct SessionOrigin;

// Inside a Session, on its loop's thread only.
class Http2 {
 public:
  enum class Phase : std::uint8_t { opened, head, busy, idle };

  Http2(const SessionShare&, const SessionOrigin&);  // outlive it
  Http2(const Http2&) = delete;
  Http2& operator=(const Http2&) = delete;
  ~Http2();

  void received(std::string_view text);
  // A complete request, once; its `stream` names it. None while the client does not take its replies.
  std::unique_ptr<HttpRequest> next();
  void answer(std::uint32_t stream, HttpReply&&);  // ignored unless awaited
  // Requests that next() gave away and answer() has not answered.
  bool awaits(std::uint32_t stream) const noexcept;
  bool awaits_any() const noexcept { return awaited_ != 0; }
  // Streams whose client has lost interest since the last call; each is named once. Their answer is due
  // still.
  std::vector<std::uint32_t> take_gone() { return std::move(gone_); }
  bool forget(
      std::uint32_t stream);  // one of those that will not be answered; false: its client is there still
  void all_gone();            // the client can no longer hear: all that are awaited become gone

  // Appends frames to `text` until it has `most` bytes or a little more, or there are none.
  void pull(SecretText& text, std::size_t most);
  void wind_down();  // GOAWAY: what has begun is finished, feeds end, nothing new begins
  void resume();     // one of the feeds has more
  bool feeding() const noexcept { return feeds_ != 0; }
  void expire();               // resets streams whose body or reply took too long; about once a second
  bool over() const noexcept;  // everything is said
  Phase phase() const noexcept;

 private:
  friend struct Http2Callbacks;
  struct Stream;
  Stream& open(std::uint32_t id);
  Stream* find(std::uint32_t id) const noexcept;
  void close(Stream&) noexcept;
  void field(Stream&, std::string_view name, std::string_view value);
  void head_done(Stream&);
  void body(Stream&, std::string_view piece);
  void request_done(Stream&);
  void reserve(Stream&);
  void refuse(Stream&);
  void submit(Stream&, HttpReply&&);
  void reset(const Stream&, std::uint32_t error) noexcept;
  void gone(Stream&);
  void refill(Stream&);
  void end_feed(Stream&) noexcept;
  void glitch();
  void end(std::uint32_t error) noexcept;

  const SessionShare& share_;
  const SessionOrigin& origin_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;  // in order of their ids, which only grow
  std::vector<std::uint32_t> gone_;
  SecretText* out_ = nullptr;   // during pull()
  std::size_t enough_ = 0;      // during pull()
  std::size_t reserved_ = 0;    // body bytes promised to streams beyond their first window
  std::size_t unsent_ = 0;      // bytes of replies that wait for the client
  std::size_t held_heads_ = 0;  // bytes of heads whose requests have not been handed over
  std::size_t awaited_ = 0;
  std::size_t feeds_ = 0;  // replies that go on with a feed
  std::size_t ready_ = 0;  // streams that next() will give
  MonoTime budget_at_;
  int budget_;
  bool in_head_ = false;
  bool any_request_ = false;
  bool winding_down_ = false;
  bool ended_ = false;
};

}  // namespace strongroom::wire::http
