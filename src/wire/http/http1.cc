#include "wire/http/http1.h"

#include <algorithm>
#include <functional>

namespace strongroom::wire::http {
namespace {
namespace beast = boost::beast::http;

constexpr std::string_view kGrammar = "the request is not valid HTTP/1.1";
constexpr std::string_view kVersion = "the HTTP version must be 1.0 or 1.1";
constexpr std::string_view kHead = "the request line and header fields are longer than the limit";
constexpr std::string_view kFields = "the request has more header fields than the limit";
constexpr std::string_view kBody = "the request body is longer than the limit";
constexpr std::string_view kChunk = "a chunk or trailer of the request body is not valid";
constexpr std::string_view kFraming = "the request must state the length of its body in one way";
constexpr std::string_view kHost = "the request must have exactly one Host header field";
constexpr std::string_view kFold = "header fields must not be folded over lines";
constexpr std::string_view kCoding = "the only transfer coding that is supported is chunked, in HTTP/1.1";

std::string_view to_view(boost::beast::string_view s) noexcept { return {s.data(), s.size()}; }

// A well-formed request line whose version we do not speak, as against garbage.
bool asks_other_version(std::string_view rest) noexcept {
  const auto line = rest.substr(0, rest.find("\r\n"));
  if (line.size() < 9 || line.size() == rest.size()) return false;
  const auto v = line.substr(line.size() - 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return v.starts_with(" HTTP/") && digit(v[6]) && v[7] == '.' && digit(v[8]) && v != " HTTP/1.1" &&
         v != " HTTP/1.0";
}
}  // namespace

Http1::Http1(const Limits& limits, const HeadRule& rule, std::unique_ptr<HttpRequest> blank)
    : limits_(limits), rule_(rule), request_(std::move(blank)) {
  eager(true);
  header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.head, 1U << 30)));
  body_limit(boost::none);  // counted here: the limit is known only when the head is complete
}

Http1::Got Http1::feed(std::string_view& in) {
  // Beast's chunk parser asserts that it sees at least "0" and two line ends at once. No chunked body has
  // fewer bytes to come before its end, so waiting for that many never waits too long.
  constexpr std::size_t kShortestEnd = 5;
  if (head_done_ && chunked() && in.size() < kShortestEnd) return Got::more;
  ParseError e;
  while (!in.empty() && !is_done() && !e) {
    input_ = in;
    in.remove_prefix(put(boost::asio::const_buffer(in.data(), in.size()), e));
  }
  input_ = {};
  if (e && e != beast::error::need_more) {
    if (status_ == 0) explain(e, in);
  } else if (!is_done() && in.size() > limits_.head) {
    // An endless head, chunk extension or trailer.
    status_ = is_header_done() ? 400 : 431;
    why_ = is_header_done() ? kChunk : kHead;
  }
  if (status_ != 0) return Got::refused;
  return is_done() ? Got::request : Got::more;
}

void Http1::refuse(int status, std::string_view why, ParseError& e) {
  status_ = status;
  why_ = why;
  e = beast::error::bad_value;
}

void Http1::explain(const ParseError& e, std::string_view rest) {
  status_ = 400;
  why_ = head_done_ ? kChunk : kGrammar;
  if (e == beast::error::header_limit) {
    status_ = 431;
    why_ = kHead;
  } else if (e == beast::error::bad_version && asks_other_version(rest)) {
    status_ = 505;
    why_ = kVersion;
  } else if (e == beast::error::bad_content_length || e == beast::error::multiple_content_length ||
             e == beast::error::bad_transfer_encoding) {
    why_ = kFraming;
  }
}

void Http1::on_request_impl(beast::verb, Text method, Text target, int version, ParseError&) {
  request_->start(to_view(method), to_view(target));
  request_->http_1_0 = version == 10;
}

void Http1::on_field_impl(beast::field f, Text name, Text value, ParseError& e) {
  if (head_done_) return;  // trailers never become headers
  if (request_->field_count() == limits_.fields) return refuse(431, kFields, e);
  if (request_->head_size() + name.size() + value.size() > limits_.head) return refuse(431, kHead, e);
  // A folded value was copied out of the input, or begins on a later line than its name.
  const std::less_equal<const char*> before;
  const char* const name_end = name.data() + name.size();
  const char* const input_end = input_.data() + input_.size();
  if (!value.empty() && !(before(name_end, value.data()) && before(value.data() + value.size(), input_end)))
    return refuse(400, kFold, e);
  if (!value.empty() && std::string_view(name_end, value.data()).find('\n') != std::string_view::npos)
    return refuse(400, kFold, e);
  hosts_ += f == beast::field::host;
  codings_ += f == beast::field::transfer_encoding;
  lengths_ += f == beast::field::content_length;
  if (f == beast::field::content_length && value.find_first_not_of("0123456789") != Text::npos)
    return refuse(400, kFraming, e);  // "5, 5" has a meaning, but not to everyone
  if (f == beast::field::expect) expect_ = boost::beast::iequals(value, "100-continue");
  request_->add_field(to_view(name), to_view(value));
}

void Http1::on_header_impl(ParseError& e) {
  head_done_ = true;
  request_->keep_alive = keep_alive();
  if (hosts_ > 1 || (hosts_ == 0 && !request_->http_1_0))
    return refuse(400, kHost, e);  // RFC 9112 section 3.2
  if (lengths_ > 1 || codings_ > 1) return refuse(400, kFraming, e);
  if (codings_ > 0 && (!chunked() || request_->http_1_0)) return refuse(501, kCoding, e);
  // "gzip, chunked": Beast frames it, but we could not decode it.
  if (codings_ > 0 && !boost::beast::iequals(Text(request_->header("transfer-encoding").data(),
                                                  request_->header("transfer-encoding").size()),
                                             "chunked"))
    return refuse(501, kCoding, e);
  const HeadVerdict v = rule_(*request_);
  if (v.refusal != 0) return refuse(v.refusal, v.why, e);
  most_body_ = std::min(v.most_body, limits_.body);
  if (const auto size = content_length(); size && *size > most_body_) refuse(413, kBody, e);
}

void Http1::on_body_init_impl(const boost::optional<std::uint64_t>& size, ParseError&) {
  // A claimed length costs the client nothing, so it reserves little before bytes have come.
  constexpr std::uint64_t kTrusted = 64 * 1024;
  if (size) request_->body.reserve(static_cast<std::size_t>(std::min(*size, kTrusted)));
}

void Http1::grow_body(Text piece) { request_->body.append(piece.data(), piece.size()); }

std::size_t Http1::on_body_impl(Text piece, ParseError&) {
  grow_body(piece);
  return piece.size();
}

void Http1::on_chunk_header_impl(std::uint64_t size, Text, ParseError& e) {
  if (size > most_body_ - request_->body.size()) refuse(413, kBody, e);
}

std::size_t Http1::on_chunk_body_impl(std::uint64_t, Text piece, ParseError&) {
  grow_body(piece);
  return piece.size();
}

}  // namespace strongroom::wire::http
