#include "seals/static/static_seal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypto/xaes.h"

namespace strongroom::seals::static_key {
namespace {
constexpr char kVersion = 1;
constexpr std::string_view kUse = "strongroom static seal";
constexpr std::size_t kKey = crypto::Key::kSize;
constexpr std::size_t kNonce = crypto::Xaes::kNonce;

std::optional<crypto::Key> decode(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::optional<Bytes> bytes = text.size() == 2 * kKey ? from_hex(text) : from_base64(text);
  std::optional<crypto::Key> key;
  if (bytes && bytes->size() == kKey) key = crypto::Key::copy_of(View(*bytes));
  if (bytes && !bytes->empty()) explicit_bzero(bytes->data(), bytes->size());
  return key;
}

Result<crypto::Key> from_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(Code::invalid_argument, "seal \"static\": the key file cannot be opened: " + path);
  SecretText text(256, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = read(file.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::invalid_argument, "seal \"static\": the key file cannot be read: " + path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  const std::string_view content = view(text).substr(0, have);
  if (content.size() == kKey) return crypto::Key::copy_of(as_view(content));
  if (auto key = decode(content)) return *std::move(key);
  return fail(Code::invalid_argument,
              "seal \"static\": the key file must hold 32 bytes, raw or in hexadecimal or base64: " + path);
}
}  // namespace

Result<StaticKey> read_static_key(std::string_view id, std::string_view source) {
  if (id.empty() || id.size() > 255)
    return fail(Code::invalid_argument, "seal \"static\": a key id must be 1 to 255 bytes");
  constexpr std::string_view kFile = "file://";
  constexpr std::string_view kEnv = "env://";
  if (source.starts_with(kFile)) {
    auto key = from_file(std::string(source.substr(kFile.size())));
    if (!key) return std::unexpected(std::move(key).error());
    return StaticKey{std::string(id), *std::move(key)};
  }
  if (source.starts_with(kEnv)) {
    const std::string name(source.substr(kEnv.size()));
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr)
      return fail(Code::invalid_argument, "seal \"static\": the environment variable is not set: " + name);
    if (auto key = decode(value)) return StaticKey{std::string(id), *std::move(key)};
    return fail(
        Code::invalid_argument,
        "seal \"static\": the environment variable must hold 32 bytes in hexadecimal or base64: " + name);
  }
  if (auto key = decode(source)) return StaticKey{std::string(id), *std::move(key)};
  return fail(
      Code::invalid_argument,
      "seal \"static\": a key must be file:///path, env://NAME, or 32 bytes in hexadecimal or base64");
}

std::unique_ptr<barrier::Seal> StaticSeal::another() const {
  const auto copy = [](const StaticKey& k) { return StaticKey{k.id, k.key.clone()}; };
  return std::make_unique<StaticSeal>(random_, copy(current_),
                                      previous_ ? std::optional(copy(*previous_)) : std::nullopt);
}

Status StaticSeal::expect(const barrier::SealConfig& stored) {
  if (stored.type != kType)
    return fail(Code::failed_precondition, "the store was sealed by another seal: " + stored.type);
  return {};
}

Result<barrier::Seal::Progress> StaticSeal::add_share(const Secret&) {
  return fail(Code::unsupported,
              "this seal opens by itself when the server starts and takes no key shares: restart the server");
}

Result<std::string> StaticSeal::wrap(const Secret& root_key) {
  std::string out{kVersion, static_cast<char>(current_.id.size())};
  out += current_.id;
  const std::size_t head = out.size();
  out.resize(head + kNonce + root_key.size() + crypto::Xaes::kTag);
  const auto bytes = std::as_writable_bytes(std::span(out));
  random_.fill(bytes.subspan(head, kNonce));
  crypto::Xaes(current_.key.reveal(Reveal::to_cipher))
      .seal(crypto::Xaes::Nonce(bytes.data() + head, kNonce), {as_view(kUse), as_view(out).first(head)},
            root_key.reveal(Reveal::to_cipher), bytes.subspan(head + kNonce));
  return out;
}

namespace {
// The key id, or nothing when the bytes are malformed.
std::optional<std::string_view> key_id(std::string_view wrapped) noexcept {
  if (wrapped.size() < 2 || wrapped[0] != kVersion) return std::nullopt;
  const auto n = static_cast<std::uint8_t>(wrapped[1]);
  if (wrapped.size() != 2u + n + kNonce + kKey + crypto::Xaes::kTag) return std::nullopt;
  return wrapped.substr(2, n);
}
}  // namespace

Result<Secret> StaticSeal::unwrap(std::string_view wrapped) {
  const auto id = key_id(wrapped);
  if (!id) return fail(Code::corrupt, "the wrapped root key is malformed");
  const StaticKey* key = nullptr;
  if (previous_ && *id == previous_->id) key = &*previous_;
  if (*id == current_.id) key = &current_;
  if (key == nullptr)
    return fail(
        Code::invalid_argument,
        "seal \"static\": the store was sealed under a key that is not configured; put the old one into "
        "previous_key and previous_key_id");
  const std::size_t head = 2 + id->size();
  std::vector<std::byte, WipingAllocator<std::byte>> out(kKey);
  if (!crypto::Xaes(key->key.reveal(Reveal::to_cipher))
           .open(crypto::Xaes::Nonce(as_view(wrapped).data() + head, kNonce),
                 {as_view(kUse), as_view(wrapped).first(head)}, as_view(wrapped).subspan(head + kNonce), out))
    return fail(Code::invalid_argument, "seal \"static\": the configured key does not open this store");
  return Secret::copy_of(View(out));
}

bool StaticSeal::outdated(std::string_view wrapped) const noexcept {
  const auto id = key_id(wrapped);
  return id && *id != current_.id;
}

}  // namespace strongroom::seals::static_key
