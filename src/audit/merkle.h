// The RFC 6962 Merkle tree over the log's stored bytes. A frontier is the tree's right edge: all it takes to
// append and to know the root.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace strongroom::audit {

using Hash = crypto::Digest;

Hash leaf_hash(std::string_view stored) noexcept;              // SHA-256(0x00 | stored)
Hash node_hash(const Hash& left, const Hash& right) noexcept;  // SHA-256(0x01 | left | right)

class Frontier {
 public:
  // The roots of the full subtrees, largest first; nothing when their number does not fit the size.
  static std::optional<Frontier> parse(std::uint64_t size, std::string_view bytes);
  std::string bytes() const;
  static std::size_t bytes_for(std::uint64_t size) noexcept;

  void append(const Hash& leaf) noexcept;
  std::uint64_t size() const noexcept { return size_; }
  Hash root() const noexcept;

 private:
  std::uint64_t size_ = 0;
  std::array<Hash, 64> full_;  // full_[i]: root of the subtree of 2^i leaves, when bit i of size_ is set
};

}  // namespace strongroom::audit
