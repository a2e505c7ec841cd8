// Test code only: an HTTP/2 client made with nghttp2, on strings, and frames written by hand for what such a
// client never sends.
#pragma once
#include <nghttp2/nghttp2.h>

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strongroom::wire::http {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

class Http2Client {
 public:
  struct Answer {
    int status = 0;
    bool continued = false;  // a 100 came first
    bool closed = false;
    std::uint32_t error = 0;
    std::map<std::string, std::string> headers;
    std::string body;
  };

  Http2Client() {
    nghttp2_session_callbacks* c = nullptr;
    nghttp2_session_callbacks_new(&c);
    nghttp2_session_callbacks_set_on_header_callback(
        c, [](nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* name, std::size_t name_size,
              const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
          Answer& a = self(user).answers[f->hd.stream_id];
          const std::string n(reinterpret_cast<const char*>(name), name_size);
          const std::string v(reinterpret_cast<const char*>(value), value_size);
          if (n != ":status")
            a.headers[n] = v;
          else if (v == "100")
            a.continued = true;
          else
            a.status = std::atoi(v.c_str());
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        c, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
              void* user) {
          self(user).answers[id].body.append(reinterpret_cast<const char*>(bytes), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        c, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
          self(user).answers[id].closed = true;
          self(user).answers[id].error = error;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        c, [](nghttp2_session*, const nghttp2_frame* f, void* user) {
          if (f->hd.type == NGHTTP2_GOAWAY) {
            self(user).goaway = static_cast<int>(f->goaway.error_code);
            self(user).goaway_last = f->goaway.last_stream_id;
          }
          return 0;
        });
    nghttp2_option* o = nullptr;
    nghttp2_option_new(&o);
    nghttp2_option_set_no_http_messaging(o, 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, 1000);
    nghttp2_session_client_new2(&session_, c, this, o);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(c);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  static HeaderLines head(std::string method, std::string path, HeaderLines more = {}) {
    HeaderLines out{{":method", std::move(method)},
                    {":scheme", "https"},
                    {":authority", "x"},
                    {":path", std::move(path)}};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  int get(std::string path) { return ask(head("GET", std::move(path)), "", Body::none); }
  enum class Body : std::uint8_t { none, whole, unfinished };
  int ask(const HeaderLines& lines, std::string body, Body kind) {
    auto all = fields(lines);
    Upload& up =
        uploads_.emplace_back(std::make_unique<Upload>(Upload{std::move(body), 0, kind})).operator*();
    nghttp2_data_provider source{};
    source.source.ptr = &up;
    source.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* from, void*) -> ssize_t {
      auto& u = *static_cast<Upload*>(from->ptr);
      const std::size_t n = u.text.copy(reinterpret_cast<char*>(to), room, u.sent);
      u.sent += n;
      if (u.sent == u.text.size() && u.kind == Body::whole) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (n == 0 && u.kind == Body::unfinished) return NGHTTP2_ERR_DEFERRED;
      return static_cast<ssize_t>(n);
    };
    return nghttp2_submit_request(session_, nullptr, all.data(), all.size(),
                                  kind == Body::none ? nullptr : &source, nullptr);
  }
  void finish(int stream) {
    for (auto& u : uploads_) u->kind = Body::whole;
    nghttp2_session_resume_data(session_, stream);
  }
  void trailer(int stream, const HeaderLines& lines) {
    auto all = fields(lines);
    nghttp2_submit_trailer(session_, stream, all.data(), all.size());
  }
  void reset(int stream) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL); }
  void window(std::int32_t size) {  // of each stream
    const nghttp2_settings_entry e{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(size)};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &e, 1);
  }
  std::string take_output() {
    std::string out;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t n = 0; (n = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    return out;
  }
  bool received(std::string_view text) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(text.data()),
                                    text.size()) >= 0;
  }

  std::map<int, Answer> answers;
  int goaway = -1;  // its error code
  int goaway_last = -1;

 private:
  struct Upload {
    std::string text;
    std::size_t sent;
    Body kind;
  };
  static Http2Client& self(void* p) { return *static_cast<Http2Client*>(p); }
  static std::vector<nghttp2_nv> fields(const HeaderLines& lines) {
    std::vector<nghttp2_nv> out;
    const auto bytes = [](const std::string& s) {
      return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(s.data()));
    };
    for (const auto& [n, v] : lines)
      out.push_back({bytes(n), bytes(v), n.size(), v.size(), NGHTTP2_NV_FLAG_NONE});
    return out;
  }
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Upload>> uploads_;
};

// Frames by hand.
namespace raw {
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : std::uint8_t {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push,
  ping,
  goaway,
  window,
  continuation
};
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kEndHeaders = 4;
inline std::string frame(Type type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  const auto byte = [&out](std::size_t n) { out.push_back(static_cast<char>(n & 0xff)); };
  byte(payload.size() >> 16);
  byte(payload.size() >> 8);
  byte(payload.size());
  byte(type);
  byte(flags);
  for (int shift = 24; shift >= 0; shift -= 8) byte(stream >> shift);
  return out.append(payload);
}
inline std::string hello() { return std::string(kPreface) + frame(settings, 0, 0, ""); }
// HPACK without a table and without Huffman: what no encoder would refuse to write.
inline std::string block(const HeaderLines& lines) {
  std::string out;
  const auto text = [&out](const std::string& s) {
    if (s.size() < 127) {
      out.push_back(static_cast<char>(s.size()));
    } else {
      out.push_back(127);
      std::size_t rest = s.size() - 127;
      for (; rest >= 128; rest >>= 7) out.push_back(static_cast<char>((rest & 127) | 128));
      out.push_back(static_cast<char>(rest));
    }
    out += s;
  };
  for (const auto& [n, v] : lines) {
    out.push_back(0);
    text(n);
    text(v);
  }
  return out;
}
inline std::string request(std::uint32_t stream, const HeaderLines& lines,
                           std::uint8_t more_flags = kEndStream) {
  return frame(headers, static_cast<std::uint8_t>(kEndHeaders | more_flags), stream, block(lines));
}
}  // namespace raw

}  // namespace strongroom::wire::http
