#include "barrier/chunk.h"

#include "base/bytes.h"

namespace strongroom::barrier {
namespace {
void put_be(char* to, std::uint32_t v, std::size_t bytes) noexcept {
  for (std::size_t i = bytes; i-- > 0; v >>= 8) to[i] = static_cast<char>(v & 0xff);
}
}  // namespace

Chunk::Chunk(Kind kind) : bytes_(kHead, '\0') { bytes_[0] = static_cast<char>(kind); }

Result<Chunk> Chunk::parse(SecretText stored) {
  const auto malformed = [] { return fail(Code::corrupt, "a directory chunk is malformed"); };
  if (stored.size() < kHead || static_cast<std::uint8_t>(stored[0]) > 1) return malformed();
  Chunk c(static_cast<Kind>(stored[0]));
  c.bytes_ = std::move(stored);
  const std::string_view all = view(c.bytes_);
  c.at_.reserve(kMost);
  for (std::size_t i = kHead; i < all.size();) {
    if (all.size() - i < 2) return malformed();
    const std::size_t n = 2 + get_be(all.substr(i, 2)) + c.tail();
    if (n > all.size() - i) return malformed();
    c.at_.push_back(static_cast<std::uint32_t>(i));
    i += n;
  }
  if (c.kind() == Kind::inner && c.count() == 0) return malformed();
  return c;
}

bool Chunk::sorted() const noexcept {
  for (std::size_t i = 1; i < count(); ++i)
    if (name(i - 1) >= name(i)) return false;
  return true;
}

std::string_view Chunk::name(std::size_t i) const noexcept {
  const std::string_view all = view(bytes_);
  return all.substr(at_[i] + 2, get_be(all.substr(at_[i], 2)));
}

std::size_t Chunk::entry_size(std::size_t i) const noexcept { return 2 + name(i).size() + tail(); }

std::uint32_t Chunk::child(std::size_t i) const noexcept {
  const std::string_view n = name(i);
  return static_cast<std::uint32_t>(get_be(std::string_view(n.data() + n.size(), 4)));
}

std::uint32_t Chunk::next_id() const noexcept {
  return static_cast<std::uint32_t>(get_be(view(bytes_).substr(1, 4)));
}
void Chunk::set_next_id(std::uint32_t id) noexcept { put_be(bytes_.data() + 1, id, 4); }

std::size_t Chunk::lower_bound(std::string_view wanted) const noexcept {
  std::size_t low = 0;
  std::size_t high = count();
  while (low < high) {
    const std::size_t mid = (low + high) / 2;
    if (name(mid) < wanted)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

std::size_t Chunk::child_for(std::string_view wanted) const noexcept {
  const std::size_t i = lower_bound(wanted);
  if (i < count() && name(i) == wanted) return i;
  return i == 0 ? 0 : i - 1;
}

void Chunk::insert(std::size_t i, std::string_view name, std::uint32_t child) {
  const std::size_t at = end_of_entries_before(i);
  const std::size_t n = 2 + name.size() + tail();
  bytes_.insert(at, n, '\0');
  char* const p = bytes_.data() + at;
  put_be(p, static_cast<std::uint32_t>(name.size()), 2);
  name.copy(p + 2, name.size());
  if (tail() != 0) put_be(p + 2 + name.size(), child, 4);
  at_.insert(at_.begin() + static_cast<std::ptrdiff_t>(i), static_cast<std::uint32_t>(at));
  for (std::size_t j = i + 1; j < at_.size(); ++j) at_[j] += static_cast<std::uint32_t>(n);
}

void Chunk::erase(std::size_t i) {
  const std::size_t n = entry_size(i);
  bytes_.erase(at_[i], n);
  at_.erase(at_.begin() + static_cast<std::ptrdiff_t>(i));
  for (std::size_t j = i; j < at_.size(); ++j) at_[j] -= static_cast<std::uint32_t>(n);
}

void Chunk::rename(std::size_t i, std::string_view name) {
  const std::uint32_t to = kind() == Kind::inner ? child(i) : 0;
  erase(i);
  insert(i, name, to);
}

Chunk Chunk::split(std::size_t i) {
  Chunk right(kind());
  const std::size_t at = end_of_entries_before(i);
  right.bytes_.append(bytes_, at);
  for (std::size_t j = i; j < at_.size(); ++j)
    right.at_.push_back(static_cast<std::uint32_t>(at_[j] - at + kHead));
  bytes_.resize(at);
  at_.resize(i);
  return right;
}

void Chunk::join(const Chunk& right) {
  const std::size_t at = bytes_.size();
  bytes_.append(right.bytes_, kHead);
  for (const std::uint32_t a : right.at_) at_.push_back(static_cast<std::uint32_t>(a - kHead + at));
}

}  // namespace strongroom::barrier
