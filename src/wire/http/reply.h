// HttpReply: what a hook answers, before it becomes HTTP. The edge adds Date, Content-Length, Cache-Control
// and Strict-Transport-Security; a hook must not set those.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/feed.h"
#include "base/secret.h"

namespace strongroom::wire::http {

struct HttpReply {
  int status = 200;          // 200 to 599
  SecretText body;           // not sent with 204 and 304, nor in answer to HEAD
  std::string content_type;  // empty: application/json
  // Control bytes in names or values are replaced: no value can start another header.
  std::vector<std::pair<std::string, std::string>> headers;
  // The body goes on with what comes here, until it is over. The connection's alone from then on.
  std::shared_ptr<Feed> feed;
};

// The standard phrase of RFC 9110, or "Status" for a number it does not define.
std::string_view reason_phrase(int status) noexcept;

// The whole reply as wire bytes. `fixed_lines` are complete header lines that every reply carries.
struct ReplyShape {
  enum class Body : std::uint8_t { full, head_only };
  enum class Connection : std::uint8_t { keep, keep_1_0, close };
  // `chunked`: pieces follow, each by append_chunk(), after the last an empty one. `to_the_end`: pieces
  // follow as they are until the connection closes (HTTP/1.0).
  enum class Length : std::uint8_t { counted, chunked, to_the_end };
  Body body = Body::full;
  Connection connection = Connection::keep;
  Length length = Length::counted;
};
void append_reply(SecretText& out, const HttpReply&, ReplyShape, std::string_view fixed_lines);
void append_chunk(SecretText& out, std::string_view piece);  // RFC 9112 section 7.1

// {"errors":["text"]}; the text is ours, never the client's.
HttpReply error_reply(int status, std::string_view text);

// The lines every reply carries, with this Date (RFC 9110 section 5.6.7).
std::string fixed_reply_lines(std::chrono::sys_seconds now);
// The same for HTTP/2, out of those lines: their Date, and the values that never change.
inline constexpr std::string_view kCacheControl = "no-store";
inline constexpr std::string_view kStrictTransport = "max-age=31536000; includeSubDomains";
std::string_view date_of(std::string_view fixed_lines) noexcept;
// Without control bytes.
void append_clean(SecretText& out, std::string_view text);

}  // namespace strongroom::wire::http
