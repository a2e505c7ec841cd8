// Listener: one address the server answers on. ListenerSettings is what the configuration says; Listener is
// the bound socket, from which every loop takes its own descriptor, with the TLS context that can be
// reloaded.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/fd.h"
#include "crypto/tls_context.h"
#include "wire/http/forwarded_for.h"
#include "wire/http/limits.h"
#include "wire/http/proxy_header.h"

namespace strongroom::wire::http {

struct ListenerSettings {
  enum class Kind : std::uint8_t { tcp, unix_socket };
  Kind kind = Kind::tcp;
  std::string address = {};  // "127.0.0.1:8200", "[::]:8200", "localhost:0"; or the path of a Unix socket
  std::optional<crypto::TlsSettings> tls = {};  // absent: plain
  std::optional<mode_t> socket_mode = {};       // Unix sockets; default 0600
  std::string socket_user = {};                 // name or number; empty: unchanged
  std::string socket_group = {};
  ForwardedForSettings forwarded_for = {};
  ProxyHeaderSettings proxy_header = {};
  Limits limits = {};
};

// Must outlive the loops that serve it. descriptor(), tls() and reload() may be called from any thread.
class Listener {
 public:
  // Binds, so that a bad address fails here. An address on which someone answers is refused; a stale Unix
  // socket is removed. `number` comes back as HttpRequest::listener.
  static Result<std::unique_ptr<Listener>> open(ListenerSettings, std::uint32_t number);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();  // removes the Unix socket it made

  // A listening descriptor of its own for one loop.
  Result<Fd> descriptor() const;
  std::uint16_t port() const noexcept { return port_; }  // the bound one; 0 for a Unix socket
  const std::string& address() const noexcept {
    return address_;
  }  // as bound: "127.0.0.1:41234", or the path
  std::uint32_t number() const noexcept { return number_; }
  const ListenerSettings& settings() const noexcept { return settings_; }
  const ForwardedFor& forwarded_for() const noexcept { return forwarded_for_; }
  const ProxyRule& proxy_rule() const noexcept { return proxy_rule_; }
  // One more connection from this address, if the limits allow it; each that came in must leave. Any thread.
  bool enter(const std::string& address) const;
  void leave(const std::string& address) const noexcept;

  std::shared_ptr<const crypto::TlsContext> tls() const;  // null: plain
  // Reads certificate and key again, for connections accepted from now on. On an error the old ones stay in
  // use.
  Status reload();

 private:
  Listener(ListenerSettings s, std::uint32_t number) : settings_(std::move(s)), number_(number) {}
  Status bind_tcp();
  Status bind_unix();

  const ListenerSettings settings_;
  const std::uint32_t number_;
  std::string address_;
  std::uint16_t port_ = 0;
  ForwardedFor forwarded_for_;
  ProxyRule proxy_rule_;
  Fd bound_;  // TCP: bound but never listening, it keeps the port; Unix: the one listening socket
  dev_t device_ = 0;
  ino_t inode_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<const crypto::TlsContext> tls_;  // under mutex_
  mutable std::mutex count_mutex_;
  mutable std::size_t connections_ = 0;                             // under count_mutex_
  mutable std::unordered_map<std::string, std::size_t> by_client_;  // under count_mutex_; if there is a limit
};

}  // namespace strongroom::wire::http
