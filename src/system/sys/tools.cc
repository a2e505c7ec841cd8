#include "system/sys/tools.h"

#include <charconv>

#include "crypto/digest.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::int64_t kMostBytes = 128 * 1024;
enum class Format : std::uint8_t { hex, base64 };
Result<Format> format_named(std::string_view name) {
  if (name == "hex") return Format::hex;
  if (name == "base64") return Format::base64;
  return bad("format: unsupported encoding format; must be \"hex\" or \"base64\"");
}
std::string encoded(View bytes, Format f) { return f == Format::hex ? to_hex(bytes) : to_base64(bytes); }
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}
}  // namespace

struct Tools::Random {
  std::string first, second;  // of the path: source, urlbytes
  std::optional<std::int64_t> bytes;
  std::string format = "base64", source = "platform";
  static constexpr auto fields() {
    return std::array{
        field<&Random::first>("first", "Number of bytes, or where they come from.", schema::in_path),
        field<&Random::second>("urlbytes", "Number of bytes, in the path.", schema::in_path),
        field<&Random::bytes>("bytes", "Number of bytes, 1 to 131072.").starts_as("32"),
        field<&Random::format>("format", "How the bytes are written.")
            .starts_as("\"base64\"")
            .one_of("base64|hex"),
        field<&Random::source>("source", "platform; seal and all take the platform's too.")
            .starts_as("\"platform\"")};
  }
};
struct Tools::RandomBytes {
  Secret random_bytes;
  static constexpr auto fields() {
    return std::array{
        field<&RandomBytes::random_bytes>("random_bytes", "The bytes, in the format asked for.")};
  }
};
struct Tools::Hash {
  std::optional<std::string> urlalgorithm;
  std::string algorithm = "sha2-256", input, format = "hex";
  static constexpr auto fields() {
    return std::array{
        field<&Hash::urlalgorithm>("urlalgorithm", "Name of the algorithm, in the path; wins over the body.",
                                   schema::in_path),
        field<&Hash::algorithm>("algorithm", "The hash function.")
            .starts_as("\"sha2-256\"")
            .one_of("sha2-224|sha2-256|sha2-384|sha2-512|sha3-224|sha3-256|sha3-384|sha3-512"),
        field<&Hash::input>("input", "What to hash, in base64."),
        field<&Hash::format>("format", "How the digest is written.")
            .starts_as("\"hex\"")
            .one_of("hex|base64")};
  }
};
struct Tools::Sum {
  std::string sum;
  static constexpr auto fields() {
    return std::array{field<&Sum::sum>("sum", "The digest, in the format asked for.")};
  }
};

Result<Tools::RandomBytes> Tools::random(Prompt& p, const Random& in) const {
  auto source = in.source;
  std::string_view count;
  if (!in.second.empty()) {
    source = in.first;
    count = in.second;
  } else if (in.first == "platform" || in.first == "seal" || in.first == "all") {
    source = in.first;
  } else {
    count = in.first;
  }
  if (source != "platform" && source != "seal" && source != "all")
    return bad("source: unsupported entropy source; must be \"platform\" or \"seal\", or \"all\"");
  auto bytes = in.bytes.value_or(32);
  if (!count.empty()) {
    const auto asked = whole_number(count);
    if (!asked) return bad("error parsing url-set byte count: must be a whole number");
    bytes = *asked;
  }
  if (bytes < 1) return bad("'bytes' cannot be less than 1");
  if (bytes > kMostBytes) return bad("'bytes' should be less than 131072");
  SR_LET(const auto format, format_named(in.format));
  if (source != "platform")
    p.aside.warnings.emplace_back("no seal/entropy augmentation available, using platform entropy source");
  Bytes raw(static_cast<std::size_t>(bytes));
  p.random.fill(raw);
  auto text = encoded(raw, format);
  RandomBytes out{Secret::copy_of(std::string_view(text))};
  wipe(text);
  wipe(raw);
  return out;
}

Result<Tools::Sum> Tools::hash(Prompt&, const Hash& in) const {
  const auto kind = crypto::digest_named(in.urlalgorithm.value_or(in.algorithm));
  if (!kind) return bad("algorithm: unsupported algorithm; see the help of this path for the names");
  SR_LET(const auto format, format_named(in.format));
  const auto input = from_base64(in.input);
  if (!input) return bad("unable to decode input as base64");
  return Sum{encoded(crypto::digest(*kind, *input), format)};
}

namespace {
constexpr std::array kRoutes{
    route<&Tools::random>(Verb::write, "tools/random", "Generate random bytes", engine::guarded,
                          "generate-random"),
    route<&Tools::random>(Verb::write, "tools/random/{first}", "Generate random bytes", engine::guarded,
                          "generate-random-with-source"),
    route<&Tools::random>(Verb::write, "tools/random/{first}/{urlbytes}", "Generate random bytes",
                          engine::guarded, "generate-random-with-source-and-bytes"),
    route<&Tools::hash>(Verb::write, "tools/hash", "Hash the given data", engine::guarded, "generate-hash"),
    route<&Tools::hash>(Verb::write, "tools/hash/{urlalgorithm}", "Hash the given data", engine::guarded,
                        "generate-hash-with-algorithm"),
};
}  // namespace
std::span<const engine::Route> Tools::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
