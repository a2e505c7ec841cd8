// Offline verification: reads files, needs no key but the public one. What it promises is in
// docs/formats/audit.md; whatever it finds it places: segment, record, sequence.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/disk.h"

namespace strongroom::audit {

struct Finding {
  enum class Kind : std::uint8_t {
    changed,             // a record's bytes are not those that were signed
    removed,             // a record is missing, or a whole body that was not archived
    unplaced,            // changed somewhere between two checkpoints; the hashes were changed as well
    segment_missing,     // a segment's files are gone
    frame_changed,       // a checksum or a header, around records that are right
    hashes_changed,      // the .leaves file is not what it was; the records are right
    checkpoint_changed,  // a checkpoint does not verify, or does not fit
    key_changed,         // key.pub is not the key that was given
    cut,                 // fewer records than a checkpoint from outside covers: cut, or an older copy
    fork,                // other records than a checkpoint from outside (or an earlier one) covers
  } kind = Kind::changed;
  std::uint64_t segment = 0;              // 0: none
  std::optional<std::uint64_t> record;    // index in the segment
  std::optional<std::uint64_t> sequence;  // the first that is concerned
  std::optional<std::uint64_t> last;      // the last, when it is a range
  std::string text;                       // one sentence
};
std::string_view name(Finding::Kind) noexcept;

struct VerifyReport {
  std::vector<Finding> findings;  // empty: sound
  std::uint64_t records = 0;      // present, or known by their hash
  std::uint64_t signed_records = 0;
  std::uint64_t archived_records = 0;  // checked by their hash only
  std::uint64_t segments = 0;
  std::string newest;  // the newest checkpoint that verifies, a signed note; empty: none
  std::string tail;    // what follows the last whole record, when there is something
  bool sound() const noexcept { return findings.empty(); }
};

struct VerifyOptions {
  std::optional<std::string> outside;  // a signed note that was kept elsewhere
  std::optional<std::string> since;    // a signed note: bodies are checked from its size on, hashes before it
};

// Code::invalid_argument: the key or a note that was given is malformed or not of this log; not_found: no
// log.
Result<VerifyReport> verify(const std::filesystem::path& directory, std::string_view verifier_key,
                            const VerifyOptions& = {});
Result<VerifyReport> verify(Disk&, std::string_view verifier_key, const VerifyOptions& = {});

}  // namespace strongroom::audit
