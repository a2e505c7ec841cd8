#include "secret/record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace strongroom::secret {
namespace {
constexpr std::uint8_t kMetadataFormat = 1;
constexpr std::uint8_t kPlainFormat = 2;
constexpr std::uint8_t kRulesFormat = 1;
constexpr std::uint8_t kCasRequired = 1;
constexpr std::uint8_t kMetadataCasRequired = 2;
constexpr std::uint8_t kDestroyed = 1;
constexpr std::uint8_t kHasDeletion = 2;

std::unexpected<Error> broken(const char* what) { return fail(Code::corrupt, what); }
constexpr const char* kShort = "secret record: ends too early";
constexpr const char* kBits = "secret record: written by a newer server";

constexpr std::uint64_t big_endian(std::uint64_t v) noexcept {
  return std::endian::native == std::endian::little ? __builtin_bswap64(v) : v;
}

class Output {
 public:
  explicit Output(std::size_t guess) { out_.reserve(guess); }
  void byte(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void number(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) byte(static_cast<std::uint8_t>(v | 0x80));
    byte(static_cast<std::uint8_t>(v));
  }
  void time(WallTime t) {
    const auto v = big_endian(static_cast<std::uint64_t>(t.time_since_epoch().count()));
    char bytes[8];
    std::memcpy(bytes, &v, 8);
    out_.append(bytes, 8);
  }
  void text(std::string_view t) {
    number(t.size());
    out_.append(t);
  }
  SecretText take() { return std::move(out_); }

 private:
  SecretText out_;
};

// A failed read leaves ok() false and gives zeros: one check at the end of a group is enough.
class Input {
 public:
  explicit Input(std::string_view s) : s_(s) {}
  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return s_.empty(); }
  std::uint8_t byte() noexcept {
    if (s_.empty()) return lost();
    const auto v = static_cast<std::uint8_t>(s_.front());
    s_.remove_prefix(1);
    return v;
  }
  std::uint64_t number() noexcept {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto b = byte();
      if (shift == 63 && b > 1) return lost();
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return b == 0 && shift != 0 ? lost() : v;
    }
    return lost();
  }
  WallTime time() noexcept {
    if (s_.size() < 8) return lost(), WallTime{};
    std::uint64_t v = 0;
    std::memcpy(&v, s_.data(), 8);
    s_.remove_prefix(8);
    return WallTime{Nanoseconds{static_cast<std::int64_t>(big_endian(v))}};
  }
  std::string_view text() noexcept {
    const auto size = number();
    if (size > s_.size()) return lost(), std::string_view();
    const auto t = s_.substr(0, size);
    s_.remove_prefix(size);
    return t;
  }

 private:
  std::uint8_t lost() noexcept {
    ok_ = false;
    s_ = {};
    return 0;
  }
  std::string_view s_;
  bool ok_ = true;
};

// Everything before the version table.
Status read_head(Input& in, Metadata& m) {
  const auto format = in.byte();
  if (format != kMetadataFormat) return broken(in.ok() ? "secret record: unknown format" : kShort);
  const auto flags = in.byte();
  if ((flags & ~(kCasRequired | kMetadataCasRequired)) != 0) return broken(kBits);
  m.cas_required = (flags & kCasRequired) != 0;
  m.metadata_cas_required = (flags & kMetadataCasRequired) != 0;
  m.current = in.number();
  m.oldest = in.number();
  m.edition = in.number();
  const auto most = in.number();
  const auto after = in.number();
  if (most > UINT32_MAX || after > INT64_MAX) return broken("secret record: a number is out of range");
  m.max_versions = static_cast<std::uint32_t>(most);
  m.delete_after = Seconds{static_cast<std::int64_t>(after)};
  m.created = in.time();
  m.updated = in.time();
  for (auto n = in.number(); n > 0 && in.ok(); --n) {
    const auto name = in.text();
    m.custom.emplace_hint(m.custom.end(), name, in.text());
  }
  return in.ok() ? Status{} : broken(kShort);
}
Status read_version(Input& in, Version& v) {  // v holds the version before
  const auto step = in.number();
  if (step == 0 || step > UINT64_MAX - v.seq)
    return broken(in.ok() ? "secret record: versions out of order" : kShort);
  v.seq += step;
  const auto flags = in.byte();
  if ((flags & ~(kDestroyed | kHasDeletion)) != 0) return broken(kBits);
  v.destroyed = (flags & kDestroyed) != 0;
  v.created = in.time();
  v.deletion = (flags & kHasDeletion) != 0 ? in.time() : WallTime{};
  return in.ok() ? Status{} : broken(kShort);
}
std::uint8_t rule_flags(bool cas, bool metadata_cas) {
  return static_cast<std::uint8_t>((cas ? kCasRequired : 0) | (metadata_cas ? kMetadataCasRequired : 0));
}
}  // namespace

const Version* Metadata::find(Seq seq) const noexcept {
  const auto at = std::ranges::lower_bound(versions, seq, {}, &Version::seq);
  return at != versions.end() && at->seq == seq ? &*at : nullptr;
}
Version* Metadata::find(Seq seq) noexcept {
  const auto at = std::ranges::lower_bound(versions, seq, {}, &Version::seq);
  return at != versions.end() && at->seq == seq ? &*at : nullptr;
}

SecretText encode(const Metadata& m) {
  std::size_t guess = 48 + m.versions.size() * 20;
  for (const auto& [k, v] : m.custom) guess += k.size() + v.size() + 4;
  Output out(guess);
  out.byte(kMetadataFormat);
  out.byte(rule_flags(m.cas_required, m.metadata_cas_required));
  out.number(m.current);
  out.number(m.oldest);
  out.number(m.edition);
  out.number(m.max_versions);
  out.number(static_cast<std::uint64_t>(m.delete_after.count()));
  out.time(m.created);
  out.time(m.updated);
  out.number(m.custom.size());
  for (const auto& [k, v] : m.custom) {
    out.text(k);
    out.text(v);
  }
  Seq before = 0;
  for (const auto& v : m.versions) {
    out.number(v.seq - before);
    before = v.seq;
    const bool has_deletion = v.deletion != WallTime{};
    out.byte(static_cast<std::uint8_t>((v.destroyed ? kDestroyed : 0) | (has_deletion ? kHasDeletion : 0)));
    out.time(v.created);
    if (has_deletion) out.time(v.deletion);
  }
  return out.take();
}

Result<Metadata> decode_metadata(std::string_view record) {
  Input in(record);
  Metadata m;
  SR_TRY(read_head(in, m));
  Version v;
  while (!in.at_end()) {
    SR_TRY(read_version(in, v));
    m.versions.push_back(v);
  }
  if ((m.versions.empty() ? 0 : m.versions.back().seq) != m.current)
    return broken("secret record: the current version is not in its table");
  return m;
}

Result<std::optional<Glance>> glance(std::string_view record, Seq seq) {
  Input in(record);
  Metadata head;
  SR_TRY(read_head(in, head));
  if (seq == 0) seq = head.current;
  Version v;
  while (v.seq < seq && !in.at_end()) SR_TRY(read_version(in, v));
  if (v.seq != seq || seq == 0) return std::nullopt;
  return Glance{v, std::move(head.custom)};
}

SecretText encode(const Rules& r) {
  Output out(16);
  out.byte(kRulesFormat);
  out.byte(rule_flags(r.cas_required, r.metadata_cas_required));
  out.number(r.max_versions);
  out.number(static_cast<std::uint64_t>(r.delete_after.count()));
  return out.take();
}

Result<Rules> decode_rules(std::string_view record) {
  Input in(record);
  if (in.byte() != kRulesFormat) return broken("secret settings: unknown format");
  const auto flags = in.byte();
  if ((flags & ~(kCasRequired | kMetadataCasRequired)) != 0) return broken(kBits);
  const auto most = in.number();
  const auto after = in.number();
  if (!in.ok() || !in.at_end() || most > UINT32_MAX || after > INT64_MAX)
    return broken("secret settings: not as written");
  return Rules{static_cast<std::uint32_t>(most), (flags & kCasRequired) != 0,
               (flags & kMetadataCasRequired) != 0, Seconds{static_cast<std::int64_t>(after)}};
}

bool is_plain(std::string_view record) noexcept {
  return !record.empty() && record.front() == static_cast<char>(kPlainFormat);
}
SecretText encode_plain(WallTime written, std::string_view payload) {
  Output out(payload.size() + 9);
  out.byte(kPlainFormat);
  out.time(written);
  auto text = out.take();
  text.append(payload);
  return text;
}
Result<Plain> decode_plain(SecretText record) {
  if (!record.empty() && record.front() == static_cast<char>(kMetadataFormat))
    return fail(Code::failed_precondition,
                "this secret has versions: it was written while the mount was version 2 of the engine");
  Input in(view(record));
  if (in.byte() != kPlainFormat) return broken(in.ok() ? "secret record: unknown format" : kShort);
  const auto written = in.time();
  if (!in.ok()) return broken(kShort);
  record.erase(0, 9);
  return Plain{written, std::move(record)};
}

std::string payload_suffix(Seq seq) {
  std::string s;
  s.reserve(9);
  s.push_back('\x01');
  put_u64(s, seq);
  return s;
}

}  // namespace strongroom::secret
