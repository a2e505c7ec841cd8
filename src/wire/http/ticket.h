// What crosses between the loop and the hook: a request by its ticket, and the reply to it. A ticket names
// one request of one connection; it is stale once that is answered or its client has gone, and stale tickets
// are ignored.
#pragma once
#include <cstdint>
#include <memory>

#include "wire/http/reply.h"
#include "wire/http/request.h"

namespace strongroom::wire::http {

struct Ticket {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint32_t stream = 0;  // of HTTP/2; 0 for HTTP/1.1, where `generation` changes with each request
  bool operator==(const Ticket&) const = default;
};
struct Arrival {
  Ticket ticket;
  std::unique_ptr<HttpRequest> request;
};
struct Release {
  Ticket ticket;
  HttpReply reply;
};

}  // namespace strongroom::wire::http
