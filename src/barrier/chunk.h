// Chunk: one node of a directory's tree, edited in its stored form, so that decoding is one scan and encoding
// nothing (docs/formats/barrier.md). Holds names in clear: wiped when it dies.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::barrier {

class Chunk {
 public:
  enum class Kind : std::uint8_t { leaf = 0, inner = 1 };
  static constexpr std::size_t kMost = 192;
  static constexpr std::size_t kMostBytes = 8 * 1024;
  static constexpr std::size_t kFew = 48;
  static constexpr std::size_t kJoined = 144;
  static constexpr std::size_t kJoinedBytes = 6 * 1024;

  explicit Chunk(Kind);
  // Code::corrupt when the lengths do not fit. The order is not checked: the bytes were authenticated.
  static Result<Chunk> parse(SecretText stored);
  Chunk(Chunk&&) = default;
  Chunk& operator=(Chunk&&) = default;

  Kind kind() const noexcept { return static_cast<Kind>(bytes_[0]); }
  std::size_t count() const noexcept { return at_.size(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  std::string_view name(std::size_t i) const noexcept;
  std::uint32_t child(std::size_t i) const noexcept;  // inner chunks
  std::uint32_t next_id() const noexcept;
  void set_next_id(std::uint32_t) noexcept;

  std::size_t lower_bound(std::string_view name) const noexcept;  // first entry not below it
  std::size_t child_for(std::string_view name) const noexcept;    // inner, not empty
  void insert(std::size_t i, std::string_view name, std::uint32_t child);
  void erase(std::size_t i);
  void rename(std::size_t i, std::string_view name);
  // Moves the entries from `i` on into a new chunk.
  Chunk split(std::size_t i);
  // Takes over the entries of the neighbour to the right.
  void join(const Chunk& right);

  bool sorted() const noexcept;
  bool too_large() const noexcept { return count() > kMost || (size() > kMostBytes && count() > 3); }
  bool small() const noexcept { return count() < kFew && size() < kJoinedBytes / 2; }
  bool can_join(const Chunk& right) const noexcept {
    return count() + right.count() <= kJoined && size() + right.size() <= kJoinedBytes;
  }
  std::string_view stored() const noexcept { return view(bytes_); }

 private:
  static constexpr std::size_t kHead = 5;
  std::size_t tail() const noexcept { return kind() == Kind::inner ? 4 : 0; }
  std::size_t entry_size(std::size_t i) const noexcept;
  std::size_t end_of_entries_before(std::size_t i) const noexcept {
    return i < at_.size() ? at_[i] : bytes_.size();
  }

  SecretText bytes_;
  std::vector<std::uint32_t> at_;  // where each entry starts
};

}  // namespace strongroom::barrier
