// Retention: takes the bodies of old segments out of the log's directory and leaves their hashes, so that the
// whole tree still verifies. Works beside a running server; never touches what is not signed yet, what does
// not fit its hashes, or what an exporter still needs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "audit/checkpoint.h"
#include "base/env.h"
#include "base/error.h"

namespace strongroom::audit {

struct Retention {
  std::uint64_t before = UINT64_MAX;    // only segments whose records are all below this sequence
  std::optional<WallTime> older_than;   // and that were last written before
  std::uint64_t exported = UINT64_MAX;  // the lowest position of any exporter
  std::filesystem::path destination;    // where bodies go; empty: they are deleted
};

struct Archived {
  std::vector<std::uint64_t> segments;
  std::uint64_t bytes = 0;
  std::uint64_t first_kept = 0;  // sequence of the first record whose body is still here
};

// Signs the marker that tells an archived body from one that somebody took away.
struct Archivist {
  VerifierKey verifier;
  crypto::Ed25519Key key;
  static Result<Archivist> of(std::string_view verifier_key, const Secret& signing_key);
};

// Code::corrupt when a body does not fit its hashes: verify first. What was moved before stays moved.
Result<Archived> archive(const std::filesystem::path& directory, const Retention&, const Archivist&);

}  // namespace strongroom::audit
