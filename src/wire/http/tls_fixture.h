// Test code only: a folder for certificates, a listener with TLS, and a client that speaks it through the
// same filter.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "wire/http/edge_fixture.h"
#include "wire/http/listener.h"

namespace strongroom::wire::http {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/listener_test.XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(file(name)) << text;
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

// A client that speaks TLS through the same filter.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const std::string& ca_pem,
            crypto::TlsProtocols protocols = crypto::TlsProtocols::http1)
      : context_(*crypto::TlsContext::client(ca_pem, protocols)), raw_(port), filter_(*context_, out_) {
    filter_.start();
    while (!filter_.established() && flush() && pump()) {
    }
    flush();
  }
  bool established() const { return filter_.established(); }
  std::string_view protocol() const { return filter_.protocol(); }
  std::string_view version() const { return filter_.version(); }
  std::vector<std::byte> certificate() const { return filter_.peer_certificate(); }
  crypto::TlsFilter::State state() const { return filter_.state(); }
  bool send(std::string_view text) { return filter_.send(text) && flush(); }
  std::string reply_text() {
    while (text_.find("\r\n\r\n") == std::string::npos && pump()) {
    }
    return std::exchange(text_, {});
  }
  // What has come, after waiting for something; empty at the end.
  std::string some() {
    while (text_.empty() && pump()) {
    }
    return std::exchange(text_, {});
  }
  void close() { raw_.close(); }
  void half_close() { raw_.half_close(); }
  std::string to_the_end() {
    while (pump()) {
    }
    return std::exchange(text_, {});
  }

 private:
  bool flush() {
    const bool sent = raw_.send(view(out_));
    out_.clear();
    return sent;
  }
  bool pump() {
    char wire[4096];
    const auto n = ::recv(raw_.fd(), wire, sizeof wire, 0);
    if (n <= 0) return false;
    filter_.offer({wire, static_cast<std::size_t>(n)});
    char text[4096];
    while (const std::size_t got = filter_.read(text)) text_.append(text, got);
    return filter_.state() == crypto::TlsFilter::State::open;
  }
  std::shared_ptr<const crypto::TlsContext> context_;
  Client raw_;
  SecretText out_;
  crypto::TlsFilter filter_;
  std::string text_;
};

inline crypto::SelfSigned certificate() {
  const std::vector<std::string> names{"localhost", "127.0.0.1"};
  auto c = crypto::self_signed_certificate(names, 30);
  EXPECT_TRUE(c);
  return std::move(*c);
}
inline ListenerSettings tls_on(const Folder& folder, const crypto::SelfSigned& c) {
  ListenerSettings s{.address = "127.0.0.1:0"};
  s.tls = crypto::TlsSettings{};
  s.tls->certificate_file = folder.write("cert.pem", c.certificate_pem);
  s.tls->key_file = folder.write("key.pem", view(c.key_pem));
  return s;
}

}  // namespace strongroom::wire::http
