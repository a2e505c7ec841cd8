#include "wire/http/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/fd.h"

namespace strongroom::wire::http {

Status sd_notify(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return {};
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof to.sun_path || (*path != '/' && *path != '@'))
    return fail(Code::invalid_argument, "NOTIFY_SOCKET: must be an absolute path or an abstract name");
  std::memcpy(to.sun_path, path, size);
  if (*path == '@') to.sun_path[0] = '\0';

  std::string text(state);
  if (state.find("RELOADING=1") != std::string_view::npos) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);  // systemd compares it with its own, so no injected clock will do
    text += "\nMONOTONIC_USEC=" + std::to_string(static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                                                 static_cast<std::uint64_t>(now.tv_nsec) / 1'000);
  }
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto to_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  if (!fd || ::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                      reinterpret_cast<const sockaddr*>(&to), to_size) < 0)
    return fail(Code::unavailable, "the service manager could not be notified", std::strerror(errno));
  return {};
}

}  // namespace strongroom::wire::http
