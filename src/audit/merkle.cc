#include "audit/merkle.h"

#include <bit>
#include <cstring>

namespace strongroom::audit {

Hash leaf_hash(std::string_view stored) noexcept {
  static constexpr std::byte kLeaf[] = {std::byte{0}};
  return crypto::sha256({View(kLeaf), as_view(stored)});
}

Hash node_hash(const Hash& left, const Hash& right) noexcept {
  std::array<std::byte, 65> both;
  both[0] = std::byte{1};
  std::memcpy(both.data() + 1, left.data(), left.size());
  std::memcpy(both.data() + 33, right.data(), right.size());
  return crypto::sha256(View(both));
}

std::size_t Frontier::bytes_for(std::uint64_t size) noexcept {
  return static_cast<std::size_t>(std::popcount(size)) * sizeof(Hash);
}

std::optional<Frontier> Frontier::parse(std::uint64_t size, std::string_view bytes) {
  if (bytes.size() != bytes_for(size)) return std::nullopt;
  Frontier f;
  f.size_ = size;
  for (std::size_t level = 64; level-- > 0;) {
    if ((size >> level & 1) == 0) continue;
    std::memcpy(f.full_[level].data(), bytes.data(), sizeof(Hash));
    bytes.remove_prefix(sizeof(Hash));
  }
  return f;
}

std::string Frontier::bytes() const {
  std::string out;
  for (std::size_t level = 64; level-- > 0;)
    if ((size_ >> level & 1) != 0) out.append(as_text(full_[level]));
  return out;
}

void Frontier::append(const Hash& leaf) noexcept {
  Hash node = leaf;
  std::size_t level = 0;
  for (; (size_ >> level & 1) != 0; ++level) node = node_hash(full_[level], node);
  full_[level] = node;
  ++size_;
}

Hash Frontier::root() const noexcept {
  if (size_ == 0) return crypto::sha256(View{});
  std::optional<Hash> right;
  for (std::size_t level = 0; level < 64; ++level) {
    if ((size_ >> level & 1) == 0) continue;
    right = right ? node_hash(full_[level], *right) : full_[level];
  }
  return *right;
}

}  // namespace strongroom::audit
