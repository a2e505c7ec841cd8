#include "wire/http/reply.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace strongroom::wire::http {

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

namespace {
void append_number(SecretText& out, std::uint64_t n) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}
}  // namespace

void append_clean(SecretText& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
}

void append_reply(SecretText& out, const HttpReply& r, ReplyShape shape, std::string_view fixed_lines) {
  const bool no_body = r.status == 204 || r.status == 304;
  out.reserve(out.size() + 320 + r.body.size());
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(r.status));
  out.push_back(' ');
  out.append(reason_phrase(r.status));
  out.append("\r\n");
  out.append(fixed_lines);
  // Vault names the type on 204 too, and its clients have seen nothing else; not in answer to a preflight.
  if (r.status != 200 || !r.body.empty() || !r.content_type.empty()) {
    out.append("Content-Type: ");
    if (r.content_type.empty())
      out.append("application/json");
    else
      append_clean(out, r.content_type);
    out.append("\r\n");
  }
  if (shape.length == ReplyShape::Length::chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (!no_body && shape.length == ReplyShape::Length::counted) {
    out.append("Content-Length: ");
    append_number(out, r.body.size());
    out.append("\r\n");
  }
  for (const auto& [name, value] : r.headers) {
    append_clean(out, name);
    out.append(": ");
    append_clean(out, value);
    out.append("\r\n");
  }
  if (shape.connection == ReplyShape::Connection::close)
    out.append("Connection: close\r\n");
  else if (shape.connection == ReplyShape::Connection::keep_1_0)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (no_body || shape.body != ReplyShape::Body::full) return;
  if (shape.length != ReplyShape::Length::chunked)
    out.append(r.body);
  else if (!r.body.empty())
    append_chunk(out, view(r.body));
}

void append_chunk(SecretText& out, std::string_view piece) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out.append("\r\n");
  out.append(piece);
  out.append("\r\n");
}

HttpReply error_reply(int status, std::string_view text) {
  HttpReply r;
  r.status = status;
  r.body.append("{\"errors\":[\"");
  r.body.append(text);
  r.body.append("\"]}\n");
  return r;
}

std::string fixed_reply_lines(std::chrono::sys_seconds now) {
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(now - day);
  return fmt::format(
      "Cache-Control: {}\r\nStrict-Transport-Security: {}\r\n"
      "Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
      kCacheControl, kStrictTransport, kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string_view date_of(std::string_view fixed_lines) noexcept {
  constexpr std::size_t kDate = 29;  // the date, and the line end after it
  return fixed_lines.size() < kDate + 2 ? std::string_view()
                                        : fixed_lines.substr(fixed_lines.size() - kDate - 2, kDate);
}

}  // namespace strongroom::wire::http
