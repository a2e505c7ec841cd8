// HttpRequest: one parsed request with the connection's facts. It owns all of its text in one arena that is
// wiped when it dies; views handed out die with it. It decides nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "core/request_headers.h"

namespace strongroom::wire::http {

// Moves between threads inside a unique_ptr; used by one thread at a time.
class HttpRequest final : public core::RequestHeaders {
 public:
  enum class Transport : std::uint8_t { plain, tls };
  struct Peer {
    std::string address;  // "192.0.2.1", "2001:db8::1"; empty for a Unix socket
    std::uint16_t port = 0;
  };
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  HttpRequest();

  // Building, by the parser (and by tests of hooks).
  void start(std::string_view method, std::string_view target);
  void set_method(std::string_view method) { method_ = add(method); }
  void set_target(std::string_view target) { target_ = add(target); }
  void add_field(std::string_view name, std::string_view value);

  std::string_view method() const noexcept { return at(method_); }
  std::string_view target() const noexcept { return at(target_); }  // raw, as sent: path and query
  std::size_t field_count() const noexcept { return fields_.size(); }
  Field field(std::size_t i) const noexcept { return {at(fields_[i].name), at(fields_[i].value)}; }
  // Header fields by name, ASCII case folded.
  bool has_header(std::string_view name) const noexcept;
  std::string_view header(std::string_view name) const noexcept;            // the first value, or empty
  std::vector<std::string_view> all(std::string_view name) const override;  // every value, in order
  std::size_t head_size() const noexcept { return text_.size(); }           // bytes of text in the arena

  SecretText body;
  Peer peer;  // the effective client: from X-Forwarded-For when an authorised proxy sent it
  std::shared_ptr<const std::vector<std::byte>> certificate;  // DER of a TLS client's; null: it sent none
  std::uint32_t listener = 0;
  std::uint32_t stream = 0;  // of HTTP/2; 0: HTTP/1.1
  Transport transport = Transport::plain;
  bool keep_alive = true;
  bool http_1_0 = false;

 private:
  struct Piece {
    std::uint32_t from = 0;
    std::uint32_t size = 0;
  };
  struct Pair {
    Piece name;
    Piece value;
  };
  Piece add(std::string_view);
  std::string_view at(Piece p) const noexcept { return {text_.data() + p.from, p.size}; }
  SecretText text_;  // tokens arrive in header fields
  Piece method_;
  Piece target_;
  std::vector<Pair> fields_;
};

}  // namespace strongroom::wire::http
