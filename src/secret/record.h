// The records of a versioned secret and their bytes (docs/formats/secret.md). Plaintext for the barrier:
// holds times, counts and custom metadata, never a payload.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::secret {

using Seq = std::uint64_t;
using Custom = std::map<std::string, std::string>;

enum class State : std::uint8_t { live, deleted, destroyed };

struct Version {
  Seq seq = 0;
  WallTime created{};
  WallTime deletion{};  // zero: none; later than now: planned
  bool destroyed = false;
  State state(WallTime now) const noexcept {
    if (destroyed) return State::destroyed;
    return deletion != WallTime{} && deletion <= now ? State::deleted : State::live;
  }
  friend bool operator==(const Version&, const Version&) = default;
};

struct Metadata {
  Seq current = 0;            // 0: no version yet
  Seq oldest = 0;             // below it everything was trimmed
  std::uint64_t edition = 0;  // changes of the metadata itself
  std::uint32_t max_versions = 0;
  bool cas_required = false;
  bool metadata_cas_required = false;
  Seconds delete_after{};
  WallTime created{};
  WallTime updated{};
  Custom custom;
  std::vector<Version> versions;  // by seq
  const Version* find(Seq) const noexcept;
  Version* find(Seq) noexcept;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

// What a mount demands of all its secrets.
struct Rules {
  std::uint32_t max_versions = 0;
  bool cas_required = false;
  bool metadata_cas_required = false;
  Seconds delete_after{};
  friend bool operator==(const Rules&, const Rules&) = default;
};

// One version out of a metadata record, without decoding the rest.
struct Glance {
  Version version;
  Custom custom;
};

SecretText encode(const Metadata&);
Result<Metadata> decode_metadata(std::string_view record);  // Code::corrupt
// Seq 0 is the current version. Nothing: no such version.
Result<std::optional<Glance>> glance(std::string_view record, Seq);

SecretText encode(const Rules&);
Result<Rules> decode_rules(std::string_view record);

// A secret without versions (KV version 1). A mount that turns to version 2 reads it as version 1 of a
// secret.
struct Plain {
  WallTime written{};
  SecretText payload;
};
bool is_plain(std::string_view record) noexcept;
SecretText encode_plain(WallTime written, std::string_view payload);
Result<Plain> decode_plain(SecretText record);

std::string payload_suffix(Seq);

}  // namespace strongroom::secret
