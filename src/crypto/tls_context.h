// The TLS side of a listener: an immutable server context (certificate, versions, suites) and a filter that
// turns wire bytes into text and back. OpenSSL never sees a socket, so plain and TLS connections share one
// loop. No key byte leaves this file.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

struct ssl_ctx_st;
struct ssl_st;

namespace strongroom::crypto {

enum class TlsVersion : std::uint8_t { tls12, tls13 };
// What ALPN offers, or chooses from.
enum class TlsProtocols : std::uint8_t { http1, http2_then_http1 };

// Asked: a client may show a certificate, which is not judged here. Required: it must, and its chain must end
// at the given CAs.
enum class ClientCertificates : std::uint8_t { not_asked, asked, required };

struct TlsSettings {
  std::string certificate_file = {};  // PEM: the leaf, then its chain
  std::string key_file = {};          // PEM, without a passphrase
  TlsVersion least = TlsVersion::tls12;
  TlsVersion most = TlsVersion::tls13;
  ClientCertificates client_certificates = ClientCertificates::not_asked;
  std::string client_ca_file = {};  // PEM; for `required`
  TlsProtocols protocols = TlsProtocols::http1;
  std::vector<std::string> cipher_suites = {};  // IANA, Go or OpenSSL names; empty: a modern default
};

// Immutable, so any number of threads may make filters from it. Connections keep what they need of it alive.
class TlsContext {
 public:
  // Code::invalid_argument names the file or the setting at fault.
  static Result<std::shared_ptr<const TlsContext>> server(const TlsSettings&);
  // Trusts exactly the certificates in `ca_pem`. Host names are not checked here.
  static Result<std::shared_ptr<const TlsContext>> client(std::string_view ca_pem,
                                                          TlsProtocols = TlsProtocols::http1);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

 private:
  friend class TlsFilter;
  enum class Side : std::uint8_t { server, client };
  TlsContext(ssl_ctx_st* owned, Side side) noexcept : context_(owned), side_(side) {}
  ssl_ctx_st* context_;
  Side side_;
};

// One connection. Not thread-safe; lives and dies on its loop. Never waits: what it wants to send is appended
// to `out`, which must outlive it and may be emptied between calls.
class TlsFilter {
 public:
  enum class State : std::uint8_t { open, closed, failed };
  TlsFilter(const TlsContext&, SecretText& out);
  TlsFilter(const TlsFilter&) = delete;
  TlsFilter& operator=(const TlsFilter&) = delete;
  ~TlsFilter();

  // Wire bytes that arrived; they must stay until read() has returned 0.
  void offer(std::string_view wire) noexcept { in_ = wire; }
  // The next piece of text, at most a record; 0 when there is no more: then state() tells why. Handshake
  // answers and alerts go to `out`.
  std::size_t read(std::span<char> into);
  State state() const noexcept { return state_; }
  bool established() const noexcept;
  std::string_view version() const noexcept;   // "TLSv1.3"
  std::string_view protocol() const noexcept;  // what ALPN chose: "h2", "http/1.1", or empty
  bool resumed() const noexcept;
  // Encrypts all of it into `out`. False when the connection has failed or its handshake is not complete.
  [[nodiscard]] bool send(std::string_view text);
  void close();                                     // appends close_notify
  void start();                                     // client side: appends the first flight
  std::vector<std::byte> peer_certificate() const;  // DER of the leaf, empty when there is none

 private:
  friend struct TlsFilterBio;
  std::string_view in_;
  SecretText& out_;
  ssl_st* ssl_;
  State state_ = State::open;
};

// A fresh P-256 key and a certificate for it, signed by itself, for development servers and tests.
struct SelfSigned {
  std::string certificate_pem;
  SecretText key_pem;
};
// `names` are DNS names or IP addresses; the first is the common name too. Valid from an hour ago for `days`.
Result<SelfSigned> self_signed_certificate(std::span<const std::string> names, int days);

}  // namespace strongroom::crypto
