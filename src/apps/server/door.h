// Door: between the HTTP loops and the core. Decodes what arrived, hands it to the core, and releases the
// encoded reply to the loop it came from. Any loop's thread.
#pragma once
#include <vector>

#include "core/core.h"
#include "wire/http/loop.h"

namespace strongroom::apps::server {

class Door {
 public:
  Door(core::Core& core, Random& random, const Clock& clock) : core_(core), random_(random), clock_(clock) {}
  void take(wire::http::Loop&, std::vector<wire::http::Arrival>);
  // A body without a token is at most 1 MiB.
  static std::size_t body_limit(const wire::http::HttpRequest& head);

 private:
  core::Core& core_;
  Random& random_;
  const Clock& clock_;
};

}  // namespace strongroom::apps::server
