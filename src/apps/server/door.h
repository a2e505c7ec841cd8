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
  std::uint64_t refused() const noexcept { return refused_.value(); }  // requests the core never saw

 private:
  core::Core& core_;
  Random& random_;
  const Clock& clock_;
  struct Port {
    json::Limits json;
    std::vector<strongroom::server::ReplyHeader> headers;
    std::optional<Nanoseconds> patience;
    bool open_metrics = false;
    bool open_in_flight = false;
    std::shared_ptr<const core::CrossOrigin> cross_origin;  // null: as the store has it
    bool open_rekey = false;
    bool open_generate_root = false;
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;
  void release(wire::http::Loop&, wire::http::Ticket, const Port&, wire::vault::Outbound&&) const;
  // Answers what a page of another origin may not ask; otherwise the headers that its answer gets.
  std::optional<wire::vault::Outbound> judge_origin(const wire::http::HttpRequest&, const Port&,
                                                    Headers&) const;
  static bool opens(const Port&, std::string_view path);
  std::vector<Port> ports_;
  metrics::Counter refused_;
};

}  // namespace strongroom::apps::server
