// Call: one request after a front door decoded it, and Reply: what the core answered, before a front door
// encodes it. The four wire APIs meet here.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/env.h"
#include "base/path.h"
#include "base/secret.h"
#include "core/request_headers.h"
#include "engine/engine.h"
#include "schema/field.h"

namespace strongroom::core {

// Owns every byte that the views in it point to; never moved after decoding.
struct Call {
  Path path;  // canonical; a LIST's path ends in '/'
  engine::Verb verb = engine::Verb::read;
  SecretText body;                 // as it came
  std::optional<json::Doc> json;   // of body; absent without one
  std::string query_text;          // decoded names and values, back to back
  schema::Input::Pairs query;      // views into query_text
  std::string namespace_path;      // as the header says
  Nanoseconds wrap_ttl{};          // zero: not asked for
  bool wrap_as_jwt = false;        // the wrapping token inside a JWT
  bool help = false;               // what is there, not what it holds; verb, body and query mean nothing
  std::array<std::byte, 16> id{};  // request_id
};

struct Credential {
  SecretText token;  // empty: none
};

struct Peer {
  std::string address;
  std::uint16_t port = 0;
};

struct Reply;

// Owned by exactly one thread at a time: loop, worker or committer, then loop.
struct Request {
  Call call;
  Credential credential;
  Peer peer;
  WallTime time{};
  MonoTime arrived{};                   // zero: when the core takes it
  std::optional<Nanoseconds> patience;  // how long it may wait for a worker; the server's own when absent
  unsigned attempt = 0;
  // Whether the listener opens this path to everybody: counts for routes that allow it (engine::by_listener,
  // engine::shut).
  enum class Gate : std::uint8_t { guarded, open } gate = Gate::guarded;
  std::unique_ptr<const RequestHeaders> headers;  // null: the front door has none
  // A reply as the front door that took the request would send it: what response wrapping keeps.
  SecretText (*envelope)(const Request&, const Reply&) = nullptr;
};

struct Reply {
  std::optional<Error> error;
  SecretText data;  // JSON; meaningful with has_data
  bool has_data = false;
  engine::Aside aside;
  std::string mount_type;
};

}  // namespace strongroom::core
