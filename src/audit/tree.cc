#include "audit/tree.h"

#include <cstring>

namespace strongroom::audit::tree {
namespace {
constexpr unsigned kUnsigned = 0;
constexpr unsigned kNegative = 1;
constexpr unsigned kBytes = 2;
constexpr unsigned kText = 3;
constexpr char kNumberTag = '\xc7';
constexpr char kDigestTag = '\xc6';

// Keys that take one byte or two. Part of the format: a change needs a new version of the record.
constexpr std::string_view kKnownKeys[] = {"data",          "metadata",
                                           "created_time",  "custom_metadata",
                                           "deletion_time", "destroyed",
                                           "version",       "options",
                                           "cas",           "error",
                                           "keys",          "token",
                                           "accessor",      "id",
                                           "policies",      "ttl",
                                           "type",          "password",
                                           "username",      "value",
                                           "path",          "role",
                                           "role_id",       "secret_id",
                                           "meta",          "creation_time",
                                           "creation_ttl",  "display_name",
                                           "entity_id",     "expire_time",
                                           "issue_time",    "explicit_max_ttl",
                                           "num_uses",      "orphan",
                                           "renewable",     "increment",
                                           "lease_id",      "config",
                                           "policy",        "name"};
constexpr std::size_t kLongestKnown = 16;

// Codes by length, so that a name is compared with a few others.
struct KnownKeys {
  std::array<std::array<std::int8_t, 12>, kLongestKnown + 1> by_length{};
  constexpr KnownKeys() {
    for (auto& row : by_length) row.fill(-1);
    for (std::size_t code = 0; code < std::size(kKnownKeys); ++code) {
      auto& row = by_length[kKnownKeys[code].size()];
      for (auto& slot : row)
        if (slot < 0) {
          slot = static_cast<std::int8_t>(code);
          break;
        }
    }
  }
};
constexpr KnownKeys kKnown;

int known_key(std::string_view name) noexcept {
  if (name.size() > kLongestKnown) return -1;
  for (const std::int8_t code : kKnown.by_length[name.size()]) {
    if (code < 0) return -1;
    if (kKnownKeys[static_cast<std::size_t>(code)] == name) return code;
  }
  return -1;
}

std::unexpected<Error> bad(const char* what) {
  return fail(Code::corrupt, std::string("audit tree: ") + what);
}
}  // namespace

void Writer::head(unsigned major, std::uint64_t value) {
  const auto top = static_cast<unsigned char>(major << 5);
  const auto put = [&](unsigned info, int bytes) {
    out_.push_back(static_cast<char>(top | info));
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
      out_.push_back(static_cast<char>(value >> shift));
  };
  if (value < 24)
    out_.push_back(static_cast<char>(top | value));
  else if (value <= 0xff)
    put(24, 1);
  else if (value <= 0xffff)
    put(25, 2);
  else if (value <= 0xffffffff)
    put(26, 4);
  else
    put(27, 8);
}

void Writer::key(std::string_view name) {
  if (const int code = known_key(name); code >= 0)
    head(kUnsigned, static_cast<std::uint64_t>(code));
  else
    text(name);
}

void Writer::text(std::string_view s) {
  head(kText, s.size());
  out_.append(s);
}

void Writer::mac(const Mac& mac) {
  head(kBytes, mac.size());
  out_.append(as_text(View(mac)));
}

void Writer::integer(std::int64_t value) {
  if (value >= 0)
    head(kUnsigned, static_cast<std::uint64_t>(value));
  else
    head(kNegative, ~static_cast<std::uint64_t>(value));
}

void Writer::number(std::string_view source) {
  out_.push_back(kNumberTag);
  text(source);
}

void Writer::digest(const Mac& value, std::uint64_t count) {
  out_.push_back(kDigestTag);
  begin_map();
  text("digest");
  mac(value);
  text("members");
  integer(static_cast<std::int64_t>(count));
  end_map();
}

Result<std::uint64_t> Reader::argument(unsigned low) {
  if (low < 24) return low;
  if (low > 27) return bad("a length of an unknown form");
  const std::size_t bytes = std::size_t{1} << (low - 24);
  if (rest_.size() < bytes) return bad("cut short");
  const std::uint64_t value = get_be(rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
  const std::uint64_t least = low == 24 ? 24 : low == 25 ? 0x100 : low == 26 ? 0x10000 : 0x100000000;
  if (value < least) return bad("a length longer than needed");
  return value;
}

Result<std::string_view> Reader::text_body(unsigned low) {
  SR_LET(const std::uint64_t size, argument(low));
  if (size > rest_.size()) return bad("cut short");
  const std::string_view s = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return s;
}

Result<Mac> Reader::mac_body(unsigned low) {
  SR_LET(const std::string_view s, text_body(low));
  Mac mac;
  if (s.size() != mac.size()) return bad("a MAC of a wrong size");
  std::memcpy(mac.data(), s.data(), mac.size());
  return mac;
}

Result<Item> Reader::value() {
  const auto head = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  const unsigned low = head & 31;
  Item item;
  switch (head >> 5) {
    case kUnsigned:
    case kNegative: {
      SR_LET(const std::uint64_t v, argument(low));
      if (v > INT64_MAX) return bad("an integer beyond 64 bits");
      item.kind = Kind::integer;
      item.integer = static_cast<std::int64_t>(head >> 5 == kUnsigned ? v : ~v);
      return item;
    }
    case kBytes: {
      SR_LET(item.mac, mac_body(low));
      item.kind = Kind::mac;
      return item;
    }
    case kText: {
      SR_LET(item.text, text_body(low));
      item.kind = Kind::text;
      return item;
    }
    default:
      break;
  }
  switch (head) {
    case 0xbf:
    case 0x9f:
      if (depth_ == kMostDepth) return bad("too deep");
      is_map_[depth_++] = head == 0xbf;
      item.kind = head == 0xbf ? Kind::begin_map : Kind::begin_array;
      return item;
    case 0xf4:
    case 0xf5:
      item.kind = Kind::boolean;
      item.boolean = head == 0xf5;
      return item;
    case 0xf6:
      item.kind = Kind::null;
      return item;
    case 0xc7: {
      if (rest_.empty() || static_cast<unsigned char>(rest_.front()) >> 5 != kText)
        return bad("a number without text");
      const unsigned text_low = static_cast<unsigned char>(rest_.front()) & 31;
      rest_.remove_prefix(1);
      SR_LET(item.text, text_body(text_low));
      item.kind = Kind::number;
      return item;
    }
    case 0xc6: {
      static constexpr std::string_view kBefore =
          "\xbf\x66"
          "digest\x58\x20";
      static constexpr std::string_view kBetween = "\x67members";
      if (!rest_.starts_with(kBefore) || rest_.size() < kBefore.size() + item.mac.size())
        return bad("a digest of a wrong form");
      rest_.remove_prefix(kBefore.size());
      std::memcpy(item.mac.data(), rest_.data(), item.mac.size());
      rest_.remove_prefix(item.mac.size());
      if (!rest_.starts_with(kBetween)) return bad("a digest of a wrong form");
      rest_.remove_prefix(kBetween.size());
      if (rest_.empty() || static_cast<unsigned char>(rest_.front()) >> 5 != kUnsigned)
        return bad("a digest of a wrong form");
      const unsigned count_low = static_cast<unsigned char>(rest_.front()) & 31;
      rest_.remove_prefix(1);
      SR_LET(const std::uint64_t count, argument(count_low));
      if (count > INT64_MAX || rest_.empty() || rest_.front() != '\xff')
        return bad("a digest of a wrong form");
      rest_.remove_prefix(1);
      item.kind = Kind::digest;
      item.integer = static_cast<std::int64_t>(count);
      return item;
    }
    default:
      return bad("an item of an unknown kind");
  }
}

Result<Item> Reader::next() {
  if (done_) {
    if (!rest_.empty()) return bad("bytes after the end");
    return Item{};
  }
  if (rest_.empty()) return bad("cut short");
  const bool in_map = depth_ > 0 && is_map_[depth_ - 1];
  if (rest_.front() == '\xff') {
    if (depth_ == 0 || value_due_) return bad("an end without a beginning");
    rest_.remove_prefix(1);
    Item item;
    item.kind = Kind::end;
    item.of_map = is_map_[--depth_];
    done_ = depth_ == 0;
    return item;
  }
  if (in_map && !value_due_) {
    const auto head = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    Item item;
    if (head >> 5 == kUnsigned) {
      SR_LET(const std::uint64_t code, argument(head & 31));
      if (code >= std::size(kKnownKeys)) return bad("a key of an unknown code");
      item.text = kKnownKeys[code];
    } else if (head >> 5 == kText) {
      SR_LET(item.text, text_body(head & 31));
      if (known_key(item.text) >= 0) return bad("a key that has a code");
    } else {
      return bad("a key that is no text");
    }
    item.kind = Kind::key;
    value_due_ = true;
    return item;
  }
  value_due_ = false;
  auto item = value();
  if (item && item->kind != Kind::begin_map && item->kind != Kind::begin_array) done_ = depth_ == 0;
  return item;
}

Status validate(std::string_view tree) {
  Reader reader(tree);
  while (true) {
    SR_LET(const Item item, reader.next());
    if (item.kind == Kind::finish) return {};
  }
}

std::uint64_t members(std::string_view tree) {
  Reader reader(tree);
  std::uint64_t count = 0;
  std::size_t depth = 0;
  bool map = false;
  while (true) {
    const auto item = reader.next();
    if (!item || item->kind == Kind::finish) return count;
    if (item->kind == Kind::digest) return depth == 0 ? static_cast<std::uint64_t>(item->integer) : count + 1;
    if (depth == 1 && item->kind != Kind::end && (map ? item->kind == Kind::key : true)) ++count;
    if (item->kind == Kind::begin_map || item->kind == Kind::begin_array) {
      if (depth == 0) map = item->kind == Kind::begin_map;
      ++depth;
    }
    if (item->kind == Kind::end) --depth;
  }
}

}  // namespace strongroom::audit::tree
