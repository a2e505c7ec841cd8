#include "barrier/format_record.h"

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace strongroom::barrier {
namespace {
constexpr std::string_view kMagic = "SRFM";
constexpr std::size_t kChecksum = 8;

std::string checksum(std::string_view s) {
  const crypto::Digest d = crypto::sha256(as_view(s));
  return std::string(crypto::as_text(d).substr(0, kChecksum));
}
}  // namespace

std::string FormatRecord::encode() const {
  std::string out(kMagic);
  out.push_back(static_cast<char>(kVersion >> 8));
  out.push_back(static_cast<char>(kVersion & 0xff));
  out += store_id;
  out.push_back(static_cast<char>(seal.type.size()));
  out += seal.type;
  put_u32(out, seal.shares);
  put_u32(out, seal.threshold);
  out.push_back(static_cast<char>(wrapped_root.size() >> 8));
  out.push_back(static_cast<char>(wrapped_root.size() & 0xff));
  out += wrapped_root;
  return out + checksum(out);
}

Result<FormatRecord> FormatRecord::decode(std::string_view in) {
  const auto damaged = [] { return fail(Code::corrupt, "the store's format record is damaged"); };
  if (in.size() < 6 || !in.starts_with(kMagic)) return damaged();
  if (const auto version = get_be(in.substr(4, 2)); version != kVersion)
    return fail(Code::failed_precondition,
                "the store's format is version " + std::to_string(version) + ", this program knows up to 1");
  if (in.size() < 6 + 16 + 1 + 8 + 2 + kChecksum) return damaged();
  const std::string_view sum = in.substr(in.size() - kChecksum);
  in.remove_suffix(kChecksum);
  if (sum != checksum(in)) return damaged();
  FormatRecord r;
  in.remove_prefix(6);
  r.store_id = in.substr(0, 16);
  in.remove_prefix(16);
  const auto type = static_cast<std::uint8_t>(in[0]);
  if (in.size() < 1u + type + 8 + 2) return damaged();
  r.seal.type = in.substr(1, type);
  in.remove_prefix(1u + type);
  r.seal.shares = static_cast<std::uint32_t>(get_be(in.substr(0, 4)));
  r.seal.threshold = static_cast<std::uint32_t>(get_be(in.substr(4, 4)));
  if (in.size() != 10 + get_be(in.substr(8, 2))) return damaged();
  r.wrapped_root = in.substr(10);
  return r;
}

}  // namespace strongroom::barrier
