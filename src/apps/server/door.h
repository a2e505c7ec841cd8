// Door: between the HTTP loops and the core. Decodes what arrived, hands it to the core, and releases the
// encoded reply to the loop it came from. Any loop's thread.
#pragma once
#include <vector>

#include "apps/server/config.h"
#include "core/core.h"
#include "wire/http/loop.h"
#include "wire/vault/vault.h"

namespace strongroom::apps::server {

class Door {
 public:
  // One config for each listener, in the order of their numbers.
  Door(core::Core& core, Random& random, const Clock& clock, const strongroom::server::Config&);
  void take(wire::http::Loop&, std::vector<wire::http::Arrival>);
  // A body is at most 1 MiB unless its request has a token that works.
  std::size_t body_limit(const wire::http::HttpRequest& head) const;

 private:
  core::Core& core_;
  Random& random_;
  const Clock& clock_;
  struct Port {
    json::Limits json;
    std::vector<strongroom::server::ReplyHeader> headers;
    std::optional<Nanoseconds> patience;
  };
  void release(wire::http::Loop&, wire::http::Ticket, const Port&, wire::vault::Outbound&&) const;
  std::vector<Port> ports_;
};

}  // namespace strongroom::apps::server
