#include "wire/http/listener.h"

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

#include "base/cidr.h"

namespace strongroom::wire::http {
namespace {
constexpr int kBacklog = 4096;

std::unexpected<Error> system_error(std::string message, int number) {
  return fail(Code::unavailable, std::move(message) + ": " + std::strerror(number), {});
}

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

enum class Share : std::uint8_t {
  no,
  yes
};  // SO_REUSEPORT: each loop has a socket, the kernel spreads clients
Fd tcp_socket(int family, Share share) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (share == Share::yes) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // Accepted sockets inherit these.
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, 15);
  return fd;
}

struct HostPort {
  std::string host;
  std::string port;
};
std::optional<HostPort> split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  HostPort out{address.substr(0, colon), address.substr(colon + 1)};
  if (out.host.starts_with('[') && out.host.ends_with(']'))
    out.host = out.host.substr(1, out.host.size() - 2);
  else if (out.host.find(':') != std::string::npos)
    return std::nullopt;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(out.port.data(), out.port.data() + out.port.size(), number);
  if (out.port.empty() || error != std::errc{} || end != out.port.data() + out.port.size() || number > 65535)
    return std::nullopt;
  return out;
}

template <class Number>
std::optional<Number> whole_number(const std::string& text) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}
Result<uid_t> find_user(const std::string& name) {
  if (name.empty()) return static_cast<uid_t>(-1);
  if (const auto n = whole_number<uid_t>(name)) return *n;
  char space[4096];
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, space, sizeof space, &found) != 0 || found == nullptr)
    return fail(Code::invalid_argument, "socket_user: no such user");
  return entry.pw_uid;
}
Result<gid_t> find_group(const std::string& name) {
  if (name.empty()) return static_cast<gid_t>(-1);
  if (const auto n = whole_number<gid_t>(name)) return *n;
  std::string space(64 * 1024, '\0');
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found) != 0 || found == nullptr)
    return fail(Code::invalid_argument, "socket_group: no such group");
  return entry.gr_gid;
}
}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(ListenerSettings s, std::uint32_t number) {
  std::unique_ptr<Listener> l(new Listener(std::move(s), number));
  SR_LET(l->forwarded_for_, ForwardedFor::parse(l->settings_.forwarded_for));
  SR_LET(l->proxy_rule_, ProxyRule::parse(l->settings_.proxy_header));
  SR_TRY(l->reload());
  if (l->settings_.kind == ListenerSettings::Kind::tcp)
    SR_TRY(l->bind_tcp());
  else
    SR_TRY(l->bind_unix());
  return l;
}

Status Listener::bind_tcp() {
  const auto where = split(settings_.address);
  if (!where) return fail(Code::invalid_argument, "listener address: must be host:port or [IPv6]:port");
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  // Without a host: all addresses, IPv6 and IPv4 by one socket.
  const std::string host = where->host.empty() ? "::" : where->host;
  if (const int error = getaddrinfo(host.c_str(), where->port.c_str(), &wanted, &list); error != 0)
    return fail(Code::invalid_argument, "listener address: the host cannot be resolved", gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, freeaddrinfo);
  const addrinfo& a = *list;
  // SO_REUSEPORT would let a second server share the port in silence, so ask first without it.
  if (where->port != "0") {
    const Fd probe = tcp_socket(a.ai_family, Share::no);
    const bool free = probe && ::bind(probe.get(), a.ai_addr, a.ai_addrlen) == 0;
    if (!free && errno == EADDRINUSE)
      return fail(Code::unavailable,
                  "cannot listen on " + settings_.address + ": another process listens there");
    if (!free) return system_error("cannot listen on " + settings_.address, errno);
  }
  bound_ = tcp_socket(a.ai_family, Share::yes);
  if (!bound_ || ::bind(bound_.get(), a.ai_addr, a.ai_addrlen) != 0)
    return system_error("cannot listen on " + settings_.address, errno);
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(bound_.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return system_error("cannot listen on " + settings_.address, errno);
  char text[INET6_ADDRSTRLEN + 1] = "";
  char port[8] = "";
  getnameinfo(reinterpret_cast<const sockaddr*>(&name), size, text, sizeof text, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  port_ = whole_number<std::uint16_t>(port).value_or(0);
  address_ = (name.ss_family == AF_INET6 ? "[" + std::string(text) + "]" : std::string(text)) + ":" + port;
  return {};
}

Status Listener::bind_unix() {
  const std::string& path = settings_.address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path || path.find('\0') != std::string::npos)
    return fail(Code::invalid_argument,
                "listener address: the path of a Unix socket must have 1 to 107 bytes");
  std::memcpy(name.sun_path, path.data(), path.size());
  const auto* const at = reinterpret_cast<const sockaddr*>(&name);
  SR_LET(const uid_t user, find_user(settings_.socket_user));
  SR_LET(const gid_t group, find_group(settings_.socket_group));

  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode))
      return fail(Code::failed_precondition,
                  "cannot listen on " + path + ": a file that is no socket is in the way");
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!probe || ::connect(probe.get(), at, sizeof name) == 0 || errno != ECONNREFUSED)
      return fail(Code::unavailable, "cannot listen on " + path + ": another process listens there");
    ::unlink(path.c_str());
  }
  bound_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!bound_ || ::bind(bound_.get(), at, sizeof name) != 0)
    return system_error("cannot listen on " + path, errno);
  // Nobody can connect before listen(), so the rights are in place in time.
  if (::lstat(path.c_str(), &found) != 0) return system_error("cannot listen on " + path, errno);
  device_ = found.st_dev;
  inode_ = found.st_ino;
  const auto no_user = static_cast<uid_t>(-1);
  const auto no_group = static_cast<gid_t>(-1);
  if ((user != no_user || group != no_group) && ::lchown(path.c_str(), user, group) != 0)
    return system_error("cannot change the owner of " + path, errno);
  if (::chmod(path.c_str(), settings_.socket_mode.value_or(0600)) != 0 ||
      ::listen(bound_.get(), kBacklog) != 0)
    return system_error("cannot listen on " + path, errno);
  address_ = path;
  return {};
}

Listener::~Listener() {
  struct stat found{};
  if (inode_ != 0 && ::lstat(settings_.address.c_str(), &found) == 0 && found.st_dev == device_ &&
      found.st_ino == inode_)
    ::unlink(settings_.address.c_str());
}

Result<Fd> Listener::descriptor() const {
  if (settings_.kind == ListenerSettings::Kind::unix_socket) {
    Fd copy(::fcntl(bound_.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return system_error("cannot listen on " + address_, errno);
    return copy;
  }
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(bound_.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return system_error("cannot listen on " + address_, errno);
  Fd fd = tcp_socket(name.ss_family, Share::yes);
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0)
    return system_error("cannot listen on " + address_, errno);
  return fd;
}

bool Listener::enter(const std::string& address) const {
  const auto& limits = settings_.limits;
  if (limits.connections == 0 && limits.connections_of_client == 0) return true;
  const std::lock_guard guard(count_mutex_);
  if (limits.connections != 0 && connections_ >= limits.connections) return false;
  if (limits.connections_of_client != 0) {
    auto& count = by_client_[address];
    if (count >= limits.connections_of_client) return false;
    ++count;
  }
  ++connections_;
  return true;
}

void Listener::leave(const std::string& address) const noexcept {
  const auto& limits = settings_.limits;
  if (limits.connections == 0 && limits.connections_of_client == 0) return;
  const std::lock_guard guard(count_mutex_);
  --connections_;
  if (const auto at = by_client_.find(address); at != by_client_.end() && --at->second == 0)
    by_client_.erase(at);
}

std::shared_ptr<const crypto::TlsContext> Listener::tls() const {
  const std::lock_guard guard(mutex_);
  return tls_;
}

Status Listener::reload() {
  if (!settings_.tls) return {};
  SR_LET(auto fresh, crypto::TlsContext::server(*settings_.tls));
  const std::lock_guard guard(mutex_);
  tls_ = std::move(fresh);
  return {};
}

}  // namespace strongroom::wire::http
