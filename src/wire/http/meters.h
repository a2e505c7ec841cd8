// What the edge counts: connections and TLS handshakes. Any thread; outlives the loops.
#pragma once
#include "base/metrics.h"

namespace strongroom::wire::http {

struct Meters {
  metrics::Counter connections;
  metrics::Counter http2;                                   // connections that agreed on HTTP/2
  metrics::Counter handshakes, resumed, failed_handshakes;  // of TLS; resumed ones are among the first

  void describe(metrics::Registry& all) const {
    using metrics::Kind;
    all.number(Kind::counter, "strongroom_http_connections_total", "Connections accepted.",
               [this] { return static_cast<double>(connections.value()); });
    all.number(Kind::counter, "strongroom_http2_connections_total", "TLS connections that agreed on HTTP/2.",
               [this] { return static_cast<double>(http2.value()); });
    all.add({"strongroom_tls_handshakes_total",
             "TLS handshakes by how they ended; failed are connections that ended before theirs did.",
             Kind::counter,
             {"result"},
             {},
             [this] {
               const auto all_done = handshakes.value();
               const auto again = resumed.value();
               return std::vector<metrics::Sample>{
                   {{{"result", "full"}}, static_cast<double>(all_done - std::min(all_done, again))},
                   {{{"result", "resumed"}}, static_cast<double>(again)},
                   {{{"result", "failed"}}, static_cast<double>(failed_handshakes.value())}};
             }});
  }
};

}  // namespace strongroom::wire::http
