// The HTTP/1.1 grammar (RFC 9112): Boost.Beast's parser writing into our HttpRequest. Accepts any method
// token (LIST), Content-Length and chunked bodies; refuses what two parsers could read differently. Does no
// I/O.
#pragma once
#include <boost/beast/http/basic_parser.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "wire/http/limits.h"
#include "wire/http/request.h"

namespace strongroom::wire::http {

// What a listener says to a complete head, before the body: how long the body may be, or a refusal.
struct HeadVerdict {
  std::size_t most_body = 0;
  int refusal = 0;            // a status, or 0
  std::string_view why = {};  // static text that names the rule
};
using HeadRule = std::function<HeadVerdict(HttpRequest&)>;

// Parses one request; build a new one for the next. Lives inside a Session.
class Http1 final : boost::beast::http::basic_parser<true> {
 public:
  enum class Got : std::uint8_t { more, request, refused };
  Http1(const Limits&, const HeadRule&, std::unique_ptr<HttpRequest> blank);
  // Takes from the front of `in`; what stays must be given again, with what came after it.
  Got feed(std::string_view& in);
  std::unique_ptr<HttpRequest> take() { return std::move(request_); }
  bool head_done() const noexcept { return head_done_; }
  int refusal() const noexcept { return status_; }
  std::string_view why() const noexcept { return why_; }                 // static text, names the rule
  bool take_expect() noexcept { return std::exchange(expect_, false); }  // the client waits for 100 Continue

 private:
  using Text = boost::beast::string_view;
  using ParseError = boost::beast::error_code;
  void refuse(int status, std::string_view why, ParseError&);
  void explain(const ParseError&, std::string_view rest);
  void grow_body(Text piece);
  void on_request_impl(boost::beast::http::verb, Text method, Text target, int version, ParseError&) override;
  void on_field_impl(boost::beast::http::field, Text name, Text value, ParseError&) override;
  void on_header_impl(ParseError&) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ParseError&) override;
  std::size_t on_body_impl(Text, ParseError&) override;
  void on_chunk_header_impl(std::uint64_t size, Text, ParseError&) override;
  std::size_t on_chunk_body_impl(std::uint64_t, Text, ParseError&) override;
  void on_finish_impl(ParseError&) override { expect_ = false; }
  void on_response_impl(int, Text, int, ParseError&) override {}

  const Limits& limits_;
  const HeadRule& rule_;
  std::unique_ptr<HttpRequest> request_;
  std::string_view input_;  // during feed()
  std::string_view why_;
  std::uint64_t most_body_ = 0;
  int status_ = 0;
  int hosts_ = 0;
  int codings_ = 0;
  int lengths_ = 0;
  bool head_done_ = false;
  bool expect_ = false;
};

}  // namespace strongroom::wire::http
