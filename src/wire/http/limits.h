// What one listener bears from its clients. The defaults are Vault's where Vault has one. Values, no
// behaviour.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/env.h"

namespace strongroom::wire::http {

struct Limits {
  std::size_t head = 32 * 1024;         // request line and header fields together, bytes
  std::size_t fields = 100;             // header fields of one request
  std::size_t body = 32 * 1024 * 1024;  // bytes; a request's head may lower it, see HeadRule
  std::uint32_t streams = 100;          // HTTP/2: requests of one connection at a time
  Seconds receive_head{10};             // from the first byte to the end of the head; also the TLS handshake
  Seconds receive_body{30};             // from the end of the head to the end of the body
  Seconds send{60};                     // a whole reply
  Seconds idle{300};                    // between two requests
  std::size_t connections = 0;          // of the listener at a time; 0: as many as the server bears
  std::size_t connections_of_client = 0;  // of one address at a time, before any proxy's word; 0: no limit
  Seconds linger{2};                      // after our last words, so that the client can read them
};

}  // namespace strongroom::wire::http
