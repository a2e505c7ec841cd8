#include "wire/http/session.h"

#include <strings.h>

#include <cstring>

namespace strongroom::wire::http {
namespace {
constexpr std::size_t kRecord = 16 * 1024;  // of TLS: what goes out at once
constexpr std::size_t kSpares = 64;
constexpr std::size_t kLargestSpare = 64 * 1024;
}  // namespace

Session::Session(SessionShare& share, SessionOrigin origin, const crypto::TlsContext* tls)
    : share_(share), origin_(std::move(origin)) {
  if (tls != nullptr) tls_ = std::make_unique<crypto::TlsFilter>(*tls, out_);
}

Session::~Session() {
  if (feed_) feed_->on_more(nullptr);
  wipe(out_);
}

void Session::need_buffer() {
  if (out_.capacity() > 64 || share_.spares.empty()) return;
  if (!out_.empty()) share_.spares.back().append(out_);
  out_.swap(share_.spares.back());
  share_.spares.pop_back();
}

void Session::sent(std::size_t n) noexcept {
  out_sent_ += n;
  if (out_sent_ < out_.size()) return forget_sent();
  out_sent_ = 0;
  round_ += http2_ != nullptr;
  wipe(out_);
  if (out_.capacity() <= 64) return;
  SecretText gone;
  gone.swap(out_);
  if (gone.capacity() <= kLargestSpare && share_.spares.size() < kSpares)
    share_.spares.push_back(std::move(gone));
}

// A client that reads on and never to the end must not make us keep what it has.
void Session::forget_sent() noexcept {
  const std::size_t left = out_.size() - out_sent_;
  if (out_sent_ < kMostUnsent || out_sent_ < left) return;
  std::memmove(out_.data(), out_.data() + out_sent_, left);
  explicit_bzero(out_.data() + left, out_sent_);
  out_.resize(left);
  out_sent_ = 0;
}

void Session::received(std::string_view wire) {
  if (closing_ || wire.empty()) return;  // lingering: read and forget
  if (!tls_) return plain(wire);
  if (std::exchange(untouched_, false) && wire.front() >= 'A' && wire.front() <= 'Z')
    return refuse_plain_on_tls();
  need_buffer();
  tls_->offer(wire);
  while (const std::size_t n = tls_->read(share_.plain)) {
    plain({share_.plain.data(), n});
    explicit_bzero(share_.plain.data(), n);
  }
  if (tls_->state() == crypto::TlsFilter::State::closed) eof_ = true;
  if (tls_->state() == crypto::TlsFilter::State::failed) closing_ = broken_ = true;  // the alert is in out_
  if (out_sent_ == out_.size()) sent(0);
}

// A TLS record never starts with a capital letter; people who forget the "s" need to be told.
void Session::refuse_plain_on_tls() {
  tls_.reset();
  head_only_ = false;
  answer(error_reply(400, "Client sent an HTTP request to an HTTPS server."), Keep::no);
}

void Session::plain(std::string_view text) {
  if (closing_) return;
  if (tls_ && !std::exchange(agreed_, true) && tls_->protocol() == "h2")
    http2_ = std::make_unique<Http2>(share_, origin_);
  if (http2_) return http2_->received(text);
  if (busy()) {
    pending_.append(text);
  } else if (waiting() != 0) {
    pending_.append(text);
    parse_pending();
  } else {
    parse(text);
    if (!closing_) pending_.append(text);
  }
}

void Session::parse_pending() {
  std::string_view text = view(pending_).substr(pending_from_);
  parse(text);
  const std::size_t used = waiting() - text.size();
  pending_from_ += used;
  if (closing_ || pending_from_ == pending_.size()) {
    wipe(pending_);
    pending_.shrink_to_fit();
    pending_from_ = 0;
  }
}

// Until a request is complete, refused or out of bytes.
void Session::parse(std::string_view& text) {
  if (!parser_) {
    auto blank = std::make_unique<HttpRequest>();
    blank->peer = origin_.peer;
    blank->listener = origin_.listener;
    blank->transport = tls_ ? HttpRequest::Transport::tls : HttpRequest::Transport::plain;
    parser_ = std::make_unique<Http1>(origin_.limits, origin_.rule, std::move(blank));
  }
  switch (parser_->feed(text)) {
    case Http1::Got::more:
      if (parser_->head_done() && parser_->take_expect()) write("HTTP/1.1 100 Continue\r\n\r\n");
      return;
    case Http1::Got::refused: {
      const HttpReply refusal = error_reply(parser_->refusal(), parser_->why());
      parser_.reset();
      head_only_ = false;
      http_1_0_ = false;
      return answer(refusal, Keep::no);
    }
    case Http1::Got::request:
      ready_ = parser_->take();
      parser_.reset();
      in_flight_ = true;
      head_only_ = ready_->method() == "HEAD";
      keep_alive_ = ready_->keep_alive;
      http_1_0_ = ready_->http_1_0;
  }
}

std::unique_ptr<HttpRequest> Session::next() {
  if (http2_) return closing_ ? nullptr : http2_->next();
  if (!busy() && !closing_ && waiting() != 0 && !owes_reading()) parse_pending();
  return std::move(ready_);
}

void Session::answer(const HttpReply& r, Keep keep) {
  const bool feeds = r.feed != nullptr && !head_only_;
  const bool last = keep == Keep::no || !keep_alive_ || (feeds && http_1_0_);
  in_flight_ = false;
  fresh_ = false;
  if (broken_) return;
  using Connection = ReplyShape::Connection;
  write_reply(r, {head_only_ ? ReplyShape::Body::head_only : ReplyShape::Body::full,
                  last        ? Connection::close
                  : http_1_0_ ? Connection::keep_1_0
                              : Connection::keep,
                  r.feed == nullptr ? ReplyShape::Length::counted
                  : http_1_0_       ? ReplyShape::Length::to_the_end
                                    : ReplyShape::Length::chunked});
  if (feeds) {
    feed_ = r.feed;
    feed_length_ = http_1_0_ ? ReplyShape::Length::to_the_end : ReplyShape::Length::chunked;
    keep_alive_ = !last;
    return;
  }
  if (last) close();
}

void Session::close() {
  closing_ = true;
  wipe(pending_);
  pending_from_ = 0;
  if (tls_) tls_->close();
}

void Session::flush_feed() {
  const bool chunked = feed_length_ == ReplyShape::Length::chunked;
  SecretText piece;
  while (feed_ && unsent().size() < kMostUnsent) {
    wipe(piece);
    const auto state = feed_->take(piece, kRecord);
    if (!piece.empty()) {
      if (chunked)
        append_chunk(share_.text, view(piece));
      else
        share_.text.append(piece);
      write(view(share_.text));
      wipe(share_.text);
    }
    if (state == Feed::State::over || broken_) return end_feed();
    if (piece.empty()) return;
  }
}

void Session::end_feed() {
  feed_->on_more(nullptr);
  feed_.reset();
  if (feed_length_ == ReplyShape::Length::chunked) write("0\r\n\r\n");
  if (!keep_alive_) close();
}

void Session::answer(std::uint32_t stream, HttpReply&& r, Keep keep) {
  if (!http2_) return answer(r, keep);
  http2_->answer(stream, std::move(r));
  if (keep == Keep::no) http2_->wind_down();
}

void Session::flush_frames() {
  while (!closing_ && unsent().size() < kMostUnsent) {
    http2_->pull(share_.text, kRecord);
    if (share_.text.empty()) break;
    write(view(share_.text));
    wipe(share_.text);
  }
  if (!closing_ && http2_->over()) {
    closing_ = true;
    tls_->close();
  }
}

void Session::wind_down() {
  if (http2_) return http2_->wind_down();
  keep_alive_ = false;
  if (feed_) feed_->end();
}

void Session::expire() {
  if (http2_) http2_->expire();
}

std::vector<std::uint32_t> Session::take_gone() {
  return http2_ ? http2_->take_gone() : std::vector<std::uint32_t>();
}

bool Session::forget(std::uint32_t stream) { return http2_ && http2_->forget(stream); }

void Session::all_gone() {
  if (http2_) http2_->all_gone();
}

void Session::say_goodbye() {
  if (!tls_ || closing_) return;
  wind_down();
  flush();
  if (!closing_) tls_->close();
}

void Session::write_reply(const HttpReply& r, ReplyShape shape) {
  need_buffer();
  if (!tls_) return append_reply(out_, r, shape, share_.fixed_lines);
  append_reply(share_.text, r, shape, share_.fixed_lines);
  write(view(share_.text));
  wipe(share_.text);
  if (share_.text.capacity() > kLargestSpare) share_.text.shrink_to_fit();
}

void Session::write(std::string_view text) {
  need_buffer();
  if (!tls_)
    out_.append(text);
  else if (!tls_->send(text))
    closing_ = broken_ = true;
}

Session::Phase Session::phase() const noexcept {
  if (!unsent().empty()) return Phase::sending;
  if (http2_ && !closing_) {
    switch (http2_->phase()) {
      case Http2::Phase::opened:
        return Phase::opened;
      case Http2::Phase::head:
        return Phase::head;
      case Http2::Phase::busy:
        return Phase::in_flight;
      case Http2::Phase::idle:
        return Phase::idle;
    }
  }
  if (busy()) return Phase::in_flight;
  if (closing_) return Phase::lingering;
  if (parser_) return parser_->head_done() ? Phase::body : Phase::head;
  return fresh_ ? Phase::opened : Phase::idle;
}

}  // namespace strongroom::wire::http
