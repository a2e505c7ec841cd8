// Reads stored records in sequence order, decrypting them. What `audit show` and exporters that are behind
// use; verification does not, as it needs no key.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/disk.h"
#include "audit/record.h"
#include "audit/segment.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::audit {

struct StoredRecord {
  std::uint64_t sequence = 0;
  std::uint64_t segment = 0;
  Record record;
};

// Frames of one segment file from a place on, through a buffer. Says where it stands.
class FrameScanner {
 public:
  FrameScanner(const DiskFile& file, std::uint64_t segment, std::uint64_t offset)
      : file_(file), segment_(segment), offset_(offset), start_(offset) {}
  // The next frame; its views live until the next call. Stays where it is at a fault.
  Result<FrameResult> next();
  std::uint64_t offset() const noexcept { return offset_; }  // of the frame that next() would read

 private:
  std::string_view window() const noexcept { return std::string_view(buffer_).substr(offset_ - start_); }
  const DiskFile& file_;
  std::uint64_t segment_;
  std::uint64_t offset_;
  std::string buffer_;
  std::uint64_t start_;  // offset of the buffer's first byte
};

class RecordCursor {
 public:
  struct Keys {
    Secret segment_key;
    std::string store_id;
  };
  using KeysOf = std::function<Result<Keys>(std::uint64_t segment)>;  // Code::sealed while there are none
  using EndOf = std::function<std::uint64_t()>;                       // first sequence not to be read

  static constexpr std::uint64_t kWhateverIsThere = UINT64_MAX;  // an end that is not known

  RecordCursor(Disk&, KeysOf, EndOf);
  ~RecordCursor();
  // Records from `from` on, at most `limit`; fewer at the end. Reading on where the last call ended costs no
  // search. Records whose body was archived are skipped. Code::corrupt names the place.
  Result<std::vector<StoredRecord>> read(std::uint64_t from, std::size_t limit);

 private:
  struct Place;
  Status seek(std::uint64_t sequence);
  Status enter(std::uint64_t segment);
  Result<std::optional<std::uint64_t>> segment_after(std::uint64_t segment) const;

  Disk& disk_;
  KeysOf keys_of_;
  EndOf end_of_;
  std::unique_ptr<Place> place_;
};

}  // namespace strongroom::audit
