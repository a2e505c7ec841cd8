#include "wire/http/http2.h"

#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "wire/http/session.h"

namespace strongroom::wire::http {
namespace {
constexpr std::size_t kWindow = 65535;                   // of a stream; HTTP/2's own default
constexpr std::int32_t kConnectionWindow = 1024 * 1024;  // of all streams; what arrives is taken at once
constexpr std::size_t kUnsentReplies = 1024 * 1024;      // beyond it the next request waits
constexpr std::size_t kLargestHeads = 8;                 // of this length wait for their bodies at a time
constexpr std::size_t kQueuedFrames = 2000;              // that a client does not read
constexpr int kGlitches = 1000;                          // at once
constexpr int kGlitchesPerSecond = 100;                  // come back
constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

constexpr std::string_view kHead = "the request line and header fields are longer than the limit";
constexpr std::string_view kFields = "the request has more header fields than the limit";
constexpr std::string_view kBody = "the request body is longer than the limit";
constexpr std::string_view kHost = "the request must name one host";
constexpr std::string_view kScheme = "the scheme of the request must be https";
constexpr std::string_view kMethod = "the CONNECT method is not supported";

std::string_view to_view(const std::uint8_t* p, std::size_t n) noexcept {
  return {reinterpret_cast<const char*>(p), n};
}

// nghttp2's memory, wiped when it is freed: header fields pass through it and stay in its tables. Its one
// large block, a frame buffer of which a page is used as a rule, gets pages of its own: those nobody touches
// cost an idle connection nothing, and are given back to the kernel rather than overwritten.
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLarge = 4 * kPage;
void wiped_free(void* p, void*) {
  if (p == nullptr) return;
  auto* const bytes = static_cast<char*>(p);
  const std::size_t size = malloc_usable_size(p);
  explicit_bzero(bytes, std::min(size, kPage));
  std::size_t gone = std::min(size, kPage);
  if (size >= kLarge && reinterpret_cast<std::uintptr_t>(p) % kPage == 0 &&
      madvise(p, size / kPage * kPage, MADV_DONTNEED) == 0)
    gone = size / kPage * kPage;
  explicit_bzero(bytes + gone, size - gone);
  std::free(p);
}
void* wiped_malloc(std::size_t n, void*) {
  if (n < kLarge || n > 64 * kLarge) return std::malloc(n);
  const std::size_t size = (n + kPage - 1) / kPage * kPage;
  void* const p = std::aligned_alloc(kPage, size);
  if (p != nullptr) madvise(p, size, MADV_DONTNEED);
  return p;
}
void* wiped_calloc(std::size_t n, std::size_t size, void*) { return std::calloc(n, size); }
void* wiped_realloc(void* p, std::size_t n, void*) {
  if (p == nullptr) return wiped_malloc(n, nullptr);
  void* const fresh = wiped_malloc(n, nullptr);
  if (fresh == nullptr) return nullptr;
  std::memcpy(fresh, p, std::min(n, malloc_usable_size(p)));
  wiped_free(p, nullptr);
  return fresh;
}
}  // namespace

struct Http2::Stream {
  // What happens next: its head or body comes, next() takes it, the hook answers, the reply is sent. `deaf`:
  // the client has reset it and the hook does not know yet, so it counts still.
  enum class State : std::uint8_t { head, body, ready, awaited, sending, deaf };
  std::uint32_t id = 0;
  State state = State::head;
  bool head_only = false;
  bool expects_continue = false;
  bool has_host = false;
  bool has_authority = false;
  bool told = false;          // that its client is gone
  bool wants_window = false;  // it waits for a reservation
  bool cut = false;           // its time is over
  int refusal = 0;
  std::string_view why;
  std::unique_ptr<HttpRequest> request;
  std::uint64_t announced = kUnknown;  // Content-Length
  std::size_t most_body = 0;
  std::size_t reserved = 0;
  std::size_t unreturned = 0;  // of the stream's window
  std::size_t held_head = 0;   // bytes of the head, until the request is handed over
  SecretText reply;
  std::size_t reply_sent = 0;
  std::shared_ptr<Feed> feed;  // the reply goes on with it
  MonoTime since{};            // of the state; of the last piece of a feed
};

// nghttp2 calls these while it reads or writes. The stream's own pointer is null for those we do not serve.
struct Http2Callbacks {
  static Http2& self(void* p) noexcept { return *static_cast<Http2*>(p); }
  static Http2::Stream* stream(nghttp2_session* s, std::int32_t id) noexcept {
    return static_cast<Http2::Stream*>(nghttp2_session_get_stream_user_data(s, id));
  }

  static int begin_headers(nghttp2_session* s, const nghttp2_frame* f, void* user) {
    Http2& h = self(user);
    h.in_head_ = true;
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    // nghttp2 counts the streams that are open; those the hook still works on count here too. A head costs
    // its client next to nothing when its fields are in the table, so the heads that wait are bounded
    // together.
    if (h.streams_.size() >= h.origin_.limits.streams ||
        h.held_heads_ >= kLargestHeads * h.origin_.limits.head) {
      h.in_head_ = false;
      h.glitch();
      nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    Http2::Stream& fresh = h.open(static_cast<std::uint32_t>(f->hd.stream_id));
    nghttp2_session_set_stream_user_data(s, f->hd.stream_id, &fresh);
    return 0;
  }

  static int header(nghttp2_session* s, const nghttp2_frame* f, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* user) {
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // a trailer
    if (Http2::Stream* const at = stream(s, f->hd.stream_id))
      self(user).field(*at, to_view(name, name_size), to_view(value, value_size));
    return 0;
  }

  // nghttp2 would pass over such a field in silence; two readers of it could differ.
  static int invalid_header(nghttp2_session* s, const nghttp2_frame* f, const std::uint8_t*, std::size_t,
                            const std::uint8_t*, std::size_t, std::uint8_t, void* user) {
    self(user).in_head_ = false;
    nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame* f, int, void* user) {
    Http2& h = self(user);
    if (f->hd.type == NGHTTP2_HEADERS) h.in_head_ = false;
    h.glitch();
    return 0;
  }

  static int data(nghttp2_session* s, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    nghttp2_session_consume_connection(s, size);
    if (Http2::Stream* const at = stream(s, id)) self(user).body(*at, to_view(bytes, size));
    return 0;
  }

  static int frame_received(nghttp2_session* s, const nghttp2_frame* f, void* user) {
    Http2& h = self(user);
    const bool ends = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    const bool ack = (f->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (f->hd.type) {
      case NGHTTP2_HEADERS:
        h.in_head_ = false;
        if (Http2::Stream* const at = stream(s, f->hd.stream_id)) {
          if (f->headers.cat == NGHTTP2_HCAT_REQUEST) h.head_done(*at);
          if (ends) h.request_done(*at);
        }
        break;
      case NGHTTP2_DATA:
        if (ends) {
          if (Http2::Stream* const at = stream(s, f->hd.stream_id)) h.request_done(*at);
        } else if (f->hd.length == f->data.padlen) {
          h.glitch();  // it carries nothing
        }
        break;
      case NGHTTP2_PING:
      case NGHTTP2_SETTINGS:
        if (!ack) h.glitch();
        break;
      case NGHTTP2_RST_STREAM:
      case NGHTTP2_PRIORITY:
      case NGHTTP2_PRIORITY_UPDATE:
        h.glitch();
        break;
      default:
        break;
    }
    return 0;
  }

  static int frame_sent(nghttp2_session* s, const nghttp2_frame* f, void* user) {
    const bool ends = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (f->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        // Answered before the whole request has come: the rest is not wanted.
        if (ends && nghttp2_session_get_stream_remote_close(s, f->hd.stream_id) == 0)
          nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, f->hd.stream_id, NGHTTP2_NO_ERROR);
        break;
      case NGHTTP2_RST_STREAM:
        // A client that makes us reset its streams costs as much as one that does it itself.
        if (f->rst_stream.error_code != NGHTTP2_NO_ERROR) self(user).glitch();
        break;
      default:
        break;
    }
    return 0;
  }

  static int closed(nghttp2_session* s, std::int32_t id, std::uint32_t, void* user) {
    self(user).in_head_ = false;
    if (Http2::Stream* const at = stream(s, id)) {
      nghttp2_session_set_stream_user_data(s, id, nullptr);
      self(user).close(*at);
    }
    return 0;
  }

  static ssize_t read_reply(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    auto& at = *static_cast<Http2::Stream*>(source->ptr);
    if (at.reply_sent == at.reply.size() && at.feed) {
      self(user).refill(at);
      if (at.reply.empty() && at.feed) return NGHTTP2_ERR_DEFERRED;
    }
    const std::size_t left = at.reply.size() - at.reply_sent;
    const std::size_t n = std::min(left, room);
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == left && !at.feed) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }

  static int send_reply(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head, std::size_t size,
                        nghttp2_data_source* source, void* user) {
    Http2& h = self(user);
    auto& at = *static_cast<Http2::Stream*>(source->ptr);
    h.out_->append(reinterpret_cast<const char*>(frame_head), 9);
    h.out_->append(at.reply, at.reply_sent, size);
    at.reply_sent += size;
    h.unsent_ -= size;
    return h.out_->size() >= h.enough_ ? NGHTTP2_ERR_PAUSE : 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* c = nullptr;
      if (nghttp2_session_callbacks_new(&c) != 0) std::abort();  // out of memory
      nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(c, header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(c, invalid_header);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data);
      nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
      nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(c, closed);
      nghttp2_session_callbacks_set_send_data_callback(c, send_reply);
      return c;
    }();
    return made;
  }

  static const nghttp2_option* options() {
    static const nghttp2_option* const made = [] {
      nghttp2_option* o = nullptr;
      if (nghttp2_option_new(&o) != 0) std::abort();  // out of memory
      nghttp2_option_set_no_auto_window_update(o, 1);
      nghttp2_option_set_no_closed_streams(o, 1);
      nghttp2_option_set_max_deflate_dynamic_table_size(o, 0);
      return o;
    }();
    return made;
  }
};

Http2::Http2(const SessionShare& share, const SessionOrigin& origin)
    : share_(share), origin_(origin), budget_at_(share.now), budget_(kGlitches) {
  nghttp2_mem memory{nullptr, wiped_malloc, wiped_free, wiped_calloc, wiped_realloc};
  if (nghttp2_session_server_new3(&session_, Http2Callbacks::all(), this, Http2Callbacks::options(),
                                  &memory) != 0)
    std::abort();  // out of memory
  const std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, origin.limits.streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(origin.limits.head)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2::~Http2() {
  for (const auto& s : streams_)
    if (s->feed) s->feed->on_more(nullptr);
  nghttp2_session_del(session_);
}

void Http2::received(std::string_view text) {
  if (ended_) return;
  const auto n =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (n < 0)
    end(n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  else if (nghttp2_session_get_outbound_queue_size(session_) > kQueuedFrames)
    end(NGHTTP2_ENHANCE_YOUR_CALM);
  else if (nghttp2_session_want_read(session_) == 0)
    all_gone();
}

// Whatever costs us work or memory and the client next to nothing.
void Http2::glitch() {
  if (share_.now - budget_at_ >= Seconds(1)) {
    const auto passed = std::chrono::floor<Seconds>(share_.now - budget_at_);
    budget_at_ += passed;
    budget_ =
        static_cast<int>(std::min<std::int64_t>(kGlitches, budget_ + passed.count() * kGlitchesPerSecond));
  }
  if (--budget_ < 0) end(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2::end(std::uint32_t error) noexcept {
  if (std::exchange(ended_, true)) return;
  nghttp2_session_terminate_session(session_, error);
  all_gone();
}

Http2::Stream& Http2::open(std::uint32_t id) {
  auto fresh = std::make_unique<Stream>();
  fresh->id = id;
  fresh->request = std::make_unique<HttpRequest>();
  fresh->request->peer = origin_.peer;
  fresh->request->listener = origin_.listener;
  fresh->request->stream = id;
  fresh->request->transport = HttpRequest::Transport::tls;
  streams_.push_back(std::move(fresh));
  return *streams_.back();
}

Http2::Stream* Http2::find(std::uint32_t id) const noexcept {
  const auto at =
      std::lower_bound(streams_.begin(), streams_.end(), id, [](const auto& s, auto n) { return s->id < n; });
  return at != streams_.end() && (*at)->id == id ? at->get() : nullptr;
}

// nghttp2 knows the stream no more.
void Http2::close(Stream& s) noexcept {
  using State = Stream::State;
  reserved_ -= std::exchange(s.reserved, 0);
  held_heads_ -= std::exchange(s.held_head, 0);
  if (s.feed) end_feed(s);
  unsent_ -= s.reply.size() - s.reply_sent;
  if (s.state == State::awaited) {
    gone(s);
    s.state = State::deaf;
  } else {
    if (s.state == State::ready) --ready_;
    const std::uint32_t id = s.id;
    streams_.erase(std::lower_bound(streams_.begin(), streams_.end(), id,
                                    [](const auto& x, auto n) { return x->id < n; }));
  }
  if (ended_) return;
  for (const auto& other : streams_)
    if (other->wants_window) reserve(*other);
}

void Http2::gone(Stream& s) {
  if (!std::exchange(s.told, true)) gone_.push_back(s.id);
}

bool Http2::forget(std::uint32_t stream) {
  Stream* const s = find(stream);
  if (s == nullptr || s->state != Stream::State::deaf) return false;
  --awaited_;
  close(*s);
  return true;
}

void Http2::all_gone() {
  for (const auto& s : streams_)
    if (s->state == Stream::State::awaited) gone(*s);
}

void Http2::field(Stream& s, std::string_view name, std::string_view value) {
  if (s.refusal != 0) return;
  HttpRequest& r = *s.request;
  const auto refused = [&s](int status, std::string_view why) {
    s.refusal = status;
    s.why = why;
  };
  if (r.field_count() == origin_.limits.fields) return refused(431, kFields);
  if (r.head_size() + name.size() + value.size() > origin_.limits.head) return refused(431, kHead);
  if (name == ":method") return r.set_method(value);
  if (name == ":path") return r.set_target(value);
  if (name == ":scheme") return value == "https" ? void() : refused(400, kScheme);
  if (name == ":authority") {
    s.has_authority = s.has_host = true;
    return r.add_field("host", value);
  }
  if (name == "host") {
    // The name may come twice when it is the same, which adds nothing.
    if (s.has_host && (!s.has_authority || r.header("host") != value)) return refused(400, kHost);
    if (std::exchange(s.has_host, true)) return;
  } else if (name == "content-length") {
    std::from_chars(value.data(), value.data() + value.size(), s.announced);  // nghttp2 has checked it
  } else if (name == "expect") {
    s.expects_continue = value == "100-continue";
  }
  r.add_field(name, value);
}

void Http2::head_done(Stream& s) {
  any_request_ = true;
  s.since = share_.now;
  s.state = Stream::State::body;
  s.head_only = s.request->method() == "HEAD";
  if (s.refusal == 0 && s.request->method() == "CONNECT") {
    s.refusal = 501;
    s.why = kMethod;
  }
  if (s.refusal == 0 && (!s.has_host || s.request->header("host").empty())) {
    s.refusal = 400;
    s.why = kHost;
  }
  if (s.refusal == 0) {
    const HeadVerdict v = origin_.rule(*s.request);
    s.refusal = v.refusal;
    s.why = v.why;
    s.most_body = std::min(v.most_body, origin_.limits.body);
    if (s.refusal == 0 && s.announced != kUnknown && s.announced > s.most_body) {
      s.refusal = 413;
      s.why = kBody;
    }
  }
  if (s.refusal != 0) return refuse(s);
  s.held_head = s.request->head_size();
  held_heads_ += s.held_head;
  if (!s.expects_continue ||
      nghttp2_session_get_stream_remote_close(session_, static_cast<std::int32_t>(s.id)) != 0)
    return;
  std::uint8_t name[] = ":status";
  std::uint8_t value[] = "100";
  const nghttp2_nv line{name, value, sizeof name - 1, sizeof value - 1, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(s.id), nullptr, &line, 1,
                         nullptr);
}

void Http2::refuse(Stream& s) {
  glitch();
  held_heads_ -= std::exchange(s.held_head, 0);
  s.request.reset();
  submit(s, error_reply(s.refusal, s.why));
}

void Http2::body(Stream& s, std::string_view piece) {
  if (s.state != Stream::State::body) return;  // answered already
  if (piece.size() > s.most_body - s.request->body.size()) {
    s.refusal = 413;
    s.why = kBody;
    return refuse(s);
  }
  s.request->body.append(piece);
  s.unreturned += piece.size();
  // The first window bounds a small body; a larger one needs room that others do not have.
  if (s.announced > kWindow && s.request->body.size() >= kWindow / 2) reserve(s);
}

// All bodies that are larger than a window fit into one largest body together, so some wait for others. One
// that has begun can always end.
void Http2::reserve(Stream& s) {
  if (s.reserved == 0) {
    const auto need = static_cast<std::size_t>(std::min<std::uint64_t>(s.announced, s.most_body));
    s.wants_window = reserved_ != 0 && need > origin_.limits.body - std::min(reserved_, origin_.limits.body);
    if (s.wants_window) return;
    s.reserved = need;
    reserved_ += need;
  }
  if (s.state == Stream::State::body)
    nghttp2_session_consume_stream(session_, static_cast<std::int32_t>(s.id), std::exchange(s.unreturned, 0));
}

void Http2::request_done(Stream& s) {
  if (s.state != Stream::State::body) return;  // refused
  s.state = Stream::State::ready;
  s.wants_window = false;
  ++ready_;
}

std::unique_ptr<HttpRequest> Http2::next() {
  if (ready_ == 0 || ended_ || unsent_ > kUnsentReplies) return nullptr;
  for (const auto& s : streams_) {
    if (s->state != Stream::State::ready) continue;
    s->state = Stream::State::awaited;
    --ready_;
    ++awaited_;
    held_heads_ -= std::exchange(s->held_head, 0);
    return std::move(s->request);
  }
  return nullptr;
}

bool Http2::awaits(std::uint32_t stream) const noexcept {
  const Stream* const s = find(stream);
  return s != nullptr && (s->state == Stream::State::awaited || s->state == Stream::State::deaf);
}

void Http2::answer(std::uint32_t stream, HttpReply&& reply) {
  Stream* const s = find(stream);
  if (s == nullptr) return;
  if (s->state == Stream::State::awaited) {
    --awaited_;
    submit(*s, std::move(reply));
  } else {
    forget(stream);
  }
}

void Http2::submit(Stream& s, HttpReply&& r) {
  s.state = Stream::State::sending;
  s.since = share_.now;
  s.wants_window = false;
  const bool no_body = r.status == 204 || r.status == 304;
  // Values that must be made are collected first, so that they do not move.
  SecretText text;
  text.reserve(64 + r.content_type.size() + [&] {
    std::size_t sum = 0;
    for (const auto& [name, value] : r.headers) sum += name.size() + value.size();
    return sum;
  }());
  const auto kept = [&text](std::string_view value) {
    const std::size_t from = text.size();
    append_clean(text, value);
    return view(text).substr(from);
  };
  std::vector<nghttp2_nv> lines;
  lines.reserve(8 + r.headers.size());
  const auto line = [&lines](std::string_view name, std::string_view value, int flags) {
    const auto bytes = [](std::string_view s_) {
      return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(s_.data()));  // never written to
    };
    lines.push_back({bytes(name), bytes(value), name.size(), value.size(), static_cast<std::uint8_t>(flags)});
  };
  constexpr int kFixed = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  std::array<char, 20> digits;
  const auto number = [&digits](std::uint64_t n) {
    const auto last = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    return std::string_view(digits.data(), static_cast<std::size_t>(last - digits.data()));
  };
  line(":status", kept(number(static_cast<std::uint64_t>(r.status))), NGHTTP2_NV_FLAG_NO_COPY_NAME);
  line("cache-control", kCacheControl, kFixed);
  line("strict-transport-security", kStrictTransport, kFixed);
  line("date", date_of(share_.fixed_lines), NGHTTP2_NV_FLAG_NO_COPY_NAME);
  if (r.status != 200 || !r.body.empty() || !r.content_type.empty())  // as in HTTP/1.1
    line("content-type", r.content_type.empty() ? "application/json" : kept(r.content_type),
         NGHTTP2_NV_FLAG_NO_COPY_NAME);
  if (!no_body && !r.feed) line("content-length", kept(number(r.body.size())), NGHTTP2_NV_FLAG_NO_COPY_NAME);
  // A field of the reply is nobody's to index: it may be what the client came for.
  for (const auto& [name, value] : r.headers) line(name, kept(value), NGHTTP2_NV_FLAG_NO_INDEX);

  nghttp2_data_provider source{{.ptr = &s}, Http2Callbacks::read_reply};
  const bool bare = no_body || s.head_only || (r.body.empty() && !r.feed);
  if (!bare) {
    s.reply = std::move(r.body);
    unsent_ += s.reply.size();
    s.feed = std::move(r.feed);
    feeds_ += s.feed != nullptr;
  }
  if (nghttp2_submit_response(session_, static_cast<std::int32_t>(s.id), lines.data(), lines.size(),
                              bare ? nullptr : &source) != 0)
    reset(s, NGHTTP2_INTERNAL_ERROR);
}

// The next piece of the feed, if there is one.
void Http2::refill(Stream& s) {
  constexpr std::size_t kPiece = 16 * 1024;
  wipe(s.reply);
  s.reply_sent = 0;
  s.since = share_.now;
  const auto state = s.feed->take(s.reply, kPiece);
  unsent_ += s.reply.size();
  if (state == Feed::State::over) end_feed(s);
}

void Http2::end_feed(Stream& s) noexcept {
  s.feed->on_more(nullptr);
  s.feed.reset();
  --feeds_;
}

void Http2::resume() {
  if (feeds_ == 0 || ended_) return;
  for (const auto& s : streams_)
    if (s->feed) nghttp2_session_resume_data(session_, static_cast<std::int32_t>(s->id));
}

void Http2::reset(const Stream& s, std::uint32_t error) noexcept {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<std::int32_t>(s.id), error);
}

void Http2::pull(SecretText& text, std::size_t most) {
  out_ = &text;
  enough_ = most;
  while (text.size() < most) {
    const std::size_t before = text.size();
    const std::uint8_t* bytes = nullptr;
    const auto n = nghttp2_session_mem_send(session_, &bytes);
    if (n > 0) text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    if (n < 0) ended_ = true;  // out of memory
    if (n < 0 || text.size() == before) break;
  }
  out_ = nullptr;
}

void Http2::wind_down() {
  if (ended_ || std::exchange(winding_down_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  for (const auto& s : streams_) {
    if (!s->feed) continue;
    s->feed->end();
    nghttp2_session_resume_data(session_, static_cast<std::int32_t>(s->id));
  }
}

void Http2::expire() {
  for (const auto& s : streams_) {
    const bool late =
        (s->state == Stream::State::body && s->since + origin_.limits.receive_body <= share_.now) ||
        (s->state == Stream::State::sending && !(s->feed && s->reply_sent == s->reply.size()) &&
         s->since + origin_.limits.send <= share_.now);
    if (late && !std::exchange(s->cut, true)) reset(*s, NGHTTP2_CANCEL);
  }
}

bool Http2::over() const noexcept {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

Http2::Phase Http2::phase() const noexcept {
  if (in_head_) return Phase::head;
  if (!streams_.empty()) return Phase::busy;
  return any_request_ ? Phase::idle : Phase::opened;
}

}  // namespace strongroom::wire::http
