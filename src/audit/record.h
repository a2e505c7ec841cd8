// Record: one audited event as it is stored, and as exporters read it. Sensitive values are already HMACs
// when they arrive here. docs/formats/audit.md has the encoding; at most 64 KiB encoded.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/error.h"

namespace strongroom::audit {

using Mac = std::array<std::byte, 32>;  // HMAC-SHA256 under the audit key

enum class What : std::uint8_t {
  request,
  server,
  aggregate
};  // server: init, seal, unseal, expiry, recovery, reload
enum class Mark : std::uint8_t { plain, recovered, not_applied };

// Redacted JSON as a compact binary tree (docs/formats/audit.md): strings are text or 32-byte MACs.
using Tree = std::string;

struct Actor {  // the token that asked, or the token that was made
  std::optional<Mac> client_token;
  std::optional<Mac> accessor;
  std::string display_name;
  std::vector<std::string> policies;
  std::vector<std::string> token_policies;
  std::vector<std::string> identity_policies;
  std::vector<std::string> granting_policies;
  std::string token_type;  // service, batch, default
  std::string entity_id;
  std::string issue_time;      // RFC 3339, empty: none
  std::int64_t token_ttl = 0;  // seconds
  std::int64_t remaining_uses = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  enum class Verdict : std::uint8_t { none, allowed, refused } verdict = Verdict::none;
  bool entity_created = false;  // by this very login
  std::string namespace_id;     // where the token lives; empty: root
  bool operator==(const Actor&) const = default;
};

struct MountRef {
  std::string point;
  std::string type;
  std::string accessor;
  std::string clazz;  // "secret", "auth"
  bool operator==(const MountRef&) const = default;
};

struct Wrapped {  // the wrapping token that was answered instead of the data
  Mac token{};
  Mac accessor{};
  std::int64_t ttl = 0;       // seconds
  std::string creation_time;  // RFC 3339
  std::string creation_path;
  std::optional<Mac> wrapped_accessor;
  bool operator==(const Wrapped&) const = default;
};

struct Record {
  What what = What::request;
  Mark mark = Mark::plain;
  WallTime time{};              // when the request arrived
  Nanoseconds response_time{};  // until it was durable
  std::array<std::byte, 16> request_id{};
  std::uint64_t revision = 0;  // of the store; 0: no transaction
  std::string operation;  // read, list, create, update, patch, delete; for server events the event's name
  std::string namespace_id = "root";
  std::string namespace_path;
  std::string path;
  MountRef mount;
  std::string remote_address;
  std::uint16_t remote_port = 0;
  std::int64_t wrap_ttl = 0;
  std::optional<Actor> actor;
  std::optional<Mac> presented_token;  // also of an unknown token
  Tree request;                        // redacted parameters; empty: none
  std::string outcome = "ok";          // base Code name
  std::string error;                   // the client's error text, never input
  Tree response;                       // redacted data
  std::optional<Actor> issued;         // response.auth
  std::vector<std::string> warnings;
  std::optional<std::string> lease;  // response.secret.lease_id ("" when the answer has a duration only)
  std::uint64_t count = 0;           // aggregate records
  Tree headers;                      // name -> list; only headers that are configured; empty: none
  std::optional<Wrapped> wrapped;
  bool operator==(const Record&) const = default;
};

constexpr std::size_t kMostRecord = 64 * 1024;  // encoded

// Compact binary form and back; parse is strict and total (Code::corrupt). Also used for the outbox.
// Encoding never fails and never exceeds kMostRecord: a record that would is bounded first.
std::string encode(const Record&);
void encode_onto(std::string& out, const Record&);  // appends
Result<Record> decode(std::string_view);

// Makes a record fit: trees become digests (the largest first), then lists and texts are cut. Digests are
// SHA-256 over the redacted tree; Redactor::bound makes keyed ones and should have run before.
using Digester = std::function<Mac(std::string_view tree)>;
void bound(Record&, const Digester&);

}  // namespace strongroom::audit
