// Tells systemd how the service is (sd_notify(3)): one datagram to $NOTIFY_SOCKET, nothing when that is
// unset.
#pragma once
#include <string_view>

#include "base/error.h"

namespace strongroom::wire::http {

// `state` is lines such as "READY=1", "STOPPING=1" or "STATUS=...". For a reload ("RELOADING=1") the
// monotonic time that Type=notify-reload asks for is added here.
Status sd_notify(std::string_view state);

}  // namespace strongroom::wire::http
