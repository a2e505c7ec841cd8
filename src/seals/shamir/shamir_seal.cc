#include "seals/shamir/shamir_seal.h"

#include <array>

#include "base/bytes.h"
#include "crypto/equal.h"
#include "crypto/xaes.h"
#include "seals/shamir/gf256.h"

namespace strongroom::seals::shamir {
namespace {
constexpr char kVersion = 1;
constexpr std::string_view kUse = "strongroom shamir seal";
constexpr std::size_t kKey = crypto::Key::kSize;
constexpr std::size_t kNonce = crypto::Xaes::kNonce;

std::string uuid(Random& random) {
  std::array<std::byte, 16> b{};
  random.fill(b);
  b[6] = (b[6] & std::byte{0x0f}) | std::byte{0x40};  // RFC 9562: version 4, variant 1
  b[8] = (b[8] & std::byte{0x3f}) | std::byte{0x80};
  std::string out = to_hex(b);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) out.insert(at, 1, '-');
  return out;
}
}  // namespace

Result<std::vector<Secret>> ShamirSeal::deal(const barrier::SealConfig& wish) {
  if (wish.shares < 1 || wish.shares > 255)
    return fail(Code::invalid_argument, "the number of shares must be 1 to 255");
  if (wish.threshold < 1 || wish.threshold > wish.shares)
    return fail(Code::invalid_argument, "the threshold must be 1 up to the number of shares");
  if (wish.shares > 1 && wish.threshold == 1)
    return fail(Code::invalid_argument, "the threshold must be at least 2 when there are several shares");
  reset();
  crypto::Key key = crypto::Key::random(random_);
  std::vector<Secret> shares;
  if (wish.shares == 1) {
    shares.push_back(Secret::copy_of(key.reveal(Reveal::to_cipher)));
  } else {
    auto dealt = split(key.reveal(Reveal::to_cipher), wish.shares, wish.threshold, random_);
    if (!dealt) return std::unexpected(std::move(dealt).error());
    shares = *std::move(dealt);
    // Once these are handed out nobody can tell a faulty machine from a lost key: check now.
    auto again = combine(std::span(shares).last(wish.threshold));
    if (!again || !crypto::equal(again->reveal(Reveal::to_cipher), key.reveal(Reveal::to_cipher)))
      return fail(Code::internal, "splitting the key failed its own check");
  }
  dealt_ = std::move(key);
  config_ = {std::string(kType), wish.shares, wish.threshold};
  return shares;
}

Status ShamirSeal::expect(const barrier::SealConfig& stored) {
  if (stored.type != kType)
    return fail(Code::failed_precondition, "the store was sealed by another seal: " + stored.type);
  if (stored.shares < 1 || stored.shares > 255 || stored.threshold < 1 || stored.threshold > stored.shares)
    return fail(Code::corrupt, "the store's seal configuration is impossible");
  reset();
  config_ = stored;
  return {};
}

Result<barrier::Seal::Progress> ShamirSeal::add_share(const Secret& share) {
  if (config_.threshold == 0) return fail(Code::failed_precondition, "the seal does not know its shares yet");
  const std::size_t size = config_.shares == 1 ? kKey : kKey + 1;
  if (share.size() != size || (size > kKey && share.reveal(Reveal::to_cipher).back() == std::byte{0}))
    return fail(Code::invalid_argument,
                "a key share must be " + std::to_string(size) + " bytes as it was handed out");
  if (shares_.size() >= config_.threshold)
    return fail(Code::failed_precondition, "enough key shares have been given");
  if (size > kKey)
    for (const Secret& s : shares_)
      if (s.reveal(Reveal::to_cipher).back() == share.reveal(Reveal::to_cipher).back())
        return fail(crypto::equal(s.reveal(Reveal::to_cipher), share.reveal(Reveal::to_cipher))
                        ? Code::conflict
                        : Code::invalid_argument,
                    "this key share has been given already");
  if (shares_.empty()) nonce_ = uuid(random_);
  shares_.push_back(share.clone());
  return progress();
}

barrier::Seal::Progress ShamirSeal::progress() const {
  Progress p;
  p.gathered = static_cast<std::uint32_t>(shares_.size());
  p.nonce = nonce_;
  p.complete = !shares_.empty() && shares_.size() >= config_.threshold;
  return p;
}

void ShamirSeal::forget_shares() noexcept {
  shares_.clear();
  nonce_.clear();
}

void ShamirSeal::reset() noexcept {
  forget_shares();
  dealt_ = crypto::Key();
}

Result<std::string> ShamirSeal::wrap(const Secret& root_key) {
  if (!dealt_) return fail(Code::failed_precondition, "the seal has dealt no shares");
  std::string out(1 + kNonce + root_key.size() + crypto::Xaes::kTag, '\0');
  const auto bytes = std::as_writable_bytes(std::span(out));
  out[0] = kVersion;
  random_.fill(bytes.subspan(1, kNonce));
  crypto::Xaes(dealt_.reveal(Reveal::to_cipher))
      .seal(crypto::Xaes::Nonce(bytes.subspan<1, kNonce>()), {as_view(kUse), as_view(out).first(1)},
            root_key.reveal(Reveal::to_cipher), bytes.subspan(1 + kNonce));
  return out;
}

Result<crypto::Key> ShamirSeal::gathered_key() {
  if (!progress().complete) return fail(Code::failed_precondition, "more key shares are needed");
  if (config_.shares == 1) return crypto::Key::copy_of(shares_[0]);
  auto key = combine(shares_);
  if (!key) return std::unexpected(std::move(key).error());
  return crypto::Key::copy_of(*key);
}

Result<Secret> ShamirSeal::unwrap(std::string_view wrapped) {
  auto key = gathered_key();
  if (!key) return std::unexpected(std::move(key).error());
  forget_shares();
  if (wrapped.size() != 1 + kNonce + kKey + crypto::Xaes::kTag || wrapped[0] != kVersion)
    return fail(Code::corrupt, "the wrapped root key is malformed");
  std::vector<std::byte, WipingAllocator<std::byte>> out(kKey);
  const auto nonce = as_view(wrapped).subspan<1, kNonce>();
  if (!crypto::Xaes(key->reveal(Reveal::to_cipher))
           .open(nonce, {as_view(kUse), as_view(wrapped).first(1)}, as_view(wrapped).subspan(1 + kNonce),
                 out))
    return fail(Code::invalid_argument, "the key shares do not open this store");
  return Secret::copy_of(View(out));
}

}  // namespace strongroom::seals::shamir
