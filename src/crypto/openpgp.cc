#include "crypto/openpgp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <bit>
#include <initializer_list>
#include <optional>
#include <utility>

#include "base/secret.h"
#include "crypto/evp.h"
#include "crypto/openpgp_packets.h"

namespace strongroom::crypto {
namespace {
using openpgp::Packet;
using openpgp::Reader;
using openpgp::Signature;
using openpgp::Tag;
using namespace std::string_view_literals;
using WipedBytes = std::vector<std::byte, WipingAllocator<std::byte>>;

// Public-key algorithms (RFC 4880 section 9.1, RFC 6637, RFC 9580).
constexpr std::uint8_t kRsa = 1, kRsaEncrypt = 2, kRsaSign = 3, kEcdh = 18, kEcdsa = 19, kEddsa = 22;
constexpr std::size_t kMostPlain = 64 * 1024;
constexpr std::size_t kMostVerifications = 200;
constexpr std::int64_t kClockSkew =
    86400;  // a signature from tomorrow may be a clock; from next week it is not

struct FreeMore {
  void operator()(EVP_PKEY_CTX* p) const noexcept { EVP_PKEY_CTX_free(p); }
  void operator()(OSSL_PARAM_BLD* p) const noexcept { OSSL_PARAM_BLD_free(p); }
  void operator()(OSSL_PARAM* p) const noexcept { OSSL_PARAM_free(p); }
  void operator()(BIGNUM* p) const noexcept { BN_free(p); }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeMore>;

std::uint8_t u8(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }

struct Curve {
  std::string_view oid;
  const char* openssl;
  std::size_t point;  // bytes of its public value as OpenPGP writes it
  bool montgomery_or_edwards;
};
constexpr std::array<Curve, 5> kCurves{{{"\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"sv, "X25519", 33, true},
                                        {"\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, "P-256", 65, false},
                                        {"\x2b\x81\x04\x00\x22"sv, "P-384", 97, false},
                                        {"\x2b\x81\x04\x00\x23"sv, "P-521", 133, false},
                                        {"\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"sv, "ED25519", 33, true}}};
constexpr std::size_t kX25519 = 0, kEd25519 = 4;

// By OpenPGP's number. SHA-1 is here for fingerprints and the MDC; signatures do not get it.
const EVP_MD* hash_method(std::uint8_t number) noexcept {
  static const auto methods = [] {
    std::array<const EVP_MD*, 12> all{};
    all[2] = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    all[8] = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
    all[9] = EVP_MD_fetch(nullptr, "SHA2-384", nullptr);
    all[10] = EVP_MD_fetch(nullptr, "SHA2-512", nullptr);
    all[11] = EVP_MD_fetch(nullptr, "SHA2-224", nullptr);
    ERR_clear_error();
    return all;
  }();
  return number < methods.size() ? methods[number] : nullptr;
}
constexpr std::uint8_t kSha1 = 2;
bool for_signatures(std::uint8_t hash) noexcept {
  return hash >= 8 && hash <= 11 && hash_method(hash) != nullptr;
}

struct Ciphers {
  const EVP_CIPHER* stream = nullptr;
  const EVP_CIPHER* wrap = nullptr;
  std::size_t key = 0;
};
// 7, 8, 9: AES with 128, 192, 256 bits.
const Ciphers* cipher_methods(std::uint8_t number) noexcept {
  static const auto methods = [] {
    const auto fetched = [](const char* name) { return EVP_CIPHER_fetch(nullptr, name, nullptr); };
    std::array<Ciphers, 3> all{{{fetched("AES-128-CFB"), fetched("AES-128-WRAP"), 16},
                                {fetched("AES-192-CFB"), fetched("AES-192-WRAP"), 24},
                                {fetched("AES-256-CFB"), fetched("AES-256-WRAP"), 32}}};
    for (const auto& c : all) must(c.stream != nullptr && c.wrap != nullptr, "AES-CFB, AES-WRAP");
    return all;
  }();
  return number >= 7 && number <= 9 ? &methods[number - 7u] : nullptr;
}

Bytes digest_of(std::uint8_t hash, std::initializer_list<View> parts) {
  const EVP_MD* const method = hash_method(hash);
  must(method != nullptr, "a digest of OpenPGP");
  const DigestContext c = new_digest();
  Bytes out(static_cast<std::size_t>(EVP_MD_get_size(method)));
  bool ok = EVP_DigestInit_ex2(c.get(), method, nullptr) == 1;
  for (const View& part : parts) ok = ok && EVP_DigestUpdate(c.get(), part.data(), part.size()) == 1;
  must(ok && EVP_DigestFinal_ex(c.get(), raw_out(out), nullptr) == 1, "digest");
  return out;
}

// ---- public keys

// Nothing when OpenSSL refuses the numbers.
PrivateKey key_from(const char* kind, const OSSL_PARAM* params) noexcept {
  const KeyContext c(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  const bool ok = c && EVP_PKEY_fromdata_init(c.get()) == 1 &&
                  EVP_PKEY_fromdata(c.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) == 1;
  ERR_clear_error();
  if (!ok) return nullptr;
  return PrivateKey(key);
}

PrivateKey rsa_key(View modulus, View exponent) {
  const std::unique_ptr<BIGNUM, FreeMore> n(
      BN_bin2bn(raw(modulus), static_cast<int>(modulus.size()), nullptr));
  const std::unique_ptr<BIGNUM, FreeMore> e(
      BN_bin2bn(raw(exponent), static_cast<int>(exponent.size()), nullptr));
  const std::unique_ptr<OSSL_PARAM_BLD, FreeMore> build(OSSL_PARAM_BLD_new());
  must(n && e && build, "an RSA key");
  if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get())) return nullptr;
  must(OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
           OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
       "an RSA key");
  const std::unique_ptr<OSSL_PARAM, FreeMore> params(OSSL_PARAM_BLD_to_param(build.get()));
  must(params != nullptr, "an RSA key");
  return key_from("RSA", params.get());
}

PrivateKey curve_key(std::size_t curve, View point) {
  const Curve& c = kCurves[curve];
  if (point.size() != c.point) return nullptr;
  if (c.montgomery_or_edwards) {
    if (u8(point[0]) != 0x40) return nullptr;
    PrivateKey key(
        EVP_PKEY_new_raw_public_key_ex(nullptr, c.openssl, nullptr, raw(point.subspan(1)), point.size() - 1));
    ERR_clear_error();
    return key;
  }
  if (u8(point[0]) != 4) return nullptr;
  std::string group = c.openssl;
  Bytes copy(point.begin(), point.end());
  const std::array<OSSL_PARAM, 3> params{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_end()};
  return key_from("EC", params.data());
}

struct PublicKey {
  View body;
  Bytes fingerprint;
  std::int64_t created = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t curve = 0;
  std::uint8_t kdf_hash = 0;
  std::uint8_t kdf_cipher = 0;
  std::size_t size = 0;  // RSA: bytes of the modulus
  PrivateKey key;        // empty: an algorithm that is not supported here

  bool is_rsa() const noexcept { return algorithm >= kRsa && algorithm <= kRsaSign; }
  bool encrypts() const noexcept {
    return key && (algorithm == kRsa || algorithm == kRsaEncrypt || algorithm == kEcdh);
  }
};

// What is hashed of a key (RFC 4880 section 5.2.4).
std::string key_prefix(View body) {
  return {static_cast<char>(0x99), static_cast<char>(body.size() >> 8), static_cast<char>(body.size())};
}

Status read_rsa(Reader& in, PublicKey& out) {
  const auto n = in.mpi();
  const auto e = in.mpi();
  if (!n || !e || !in.empty()) return bad("PGP key: an RSA key is malformed");
  const std::size_t bits =
      n->empty() ? 0 : n->size() * 8 - static_cast<std::size_t>(std::countl_zero(u8(n->front())));
  if (bits < 2048 || bits > 8192) return bad("PGP key: an RSA key must have 2048 to 8192 bits");
  if (e->size() > 4) return bad("PGP key: an RSA key has an exponent above 32 bits");
  out.size = n->size();
  out.key = rsa_key(*n, *e);
  if (!out.key) return bad("PGP key: an RSA key is not valid");
  return {};
}

Status read_curve(Reader& in, PublicKey& out) {
  const auto malformed = [] { return bad("PGP key: a key on an elliptic curve is malformed"); };
  const auto length = in.number(1);
  const auto oid = length && *length != 0 && *length != 255 ? in.take(*length) : std::nullopt;
  const auto point = oid ? in.mpi() : std::nullopt;
  if (!point) return malformed();
  if (out.algorithm == kEcdh) {
    const auto more = in.number(1);
    const auto version = in.number(1);
    const auto hash = in.number(1);
    const auto cipher = in.number(1);
    if (!cipher || *more != 3 || *version != 1) return malformed();
    out.kdf_hash = static_cast<std::uint8_t>(*hash);
    out.kdf_cipher = static_cast<std::uint8_t>(*cipher);
  }
  if (!in.empty()) return malformed();
  const auto found = std::ranges::find(kCurves, as_text(*oid), &Curve::oid);
  const auto index = static_cast<std::size_t>(found - kCurves.begin());
  const bool fits = out.algorithm == kEddsa   ? index == kEd25519
                    : out.algorithm == kEcdsa ? index > kX25519 && index < kEd25519
                                              : index < kEd25519;
  if (!fits) return {};  // another curve: not supported, and no reason to refuse the rest
  if (out.algorithm == kEcdh && (out.kdf_hash < 8 || out.kdf_hash > 10 || !cipher_methods(out.kdf_cipher)))
    return bad("PGP key: an ECDH key asks for a digest or a cipher that is not supported");
  out.curve = static_cast<std::uint8_t>(index);
  out.key = curve_key(index, *point);
  if (!out.key) return bad("PGP key: a point is not on its curve");
  return {};
}

Result<PublicKey> read_public_key(View body) {
  Reader in(body);
  const auto version = in.number(1);
  const auto created = in.number(4);
  const auto algorithm = in.number(1);
  if (!algorithm || body.size() > 0xffff) return bad("PGP key: a key packet is malformed");
  if (*version != 4) return bad("PGP key: only version 4 keys are supported");
  PublicKey out;
  out.body = body;
  out.created = static_cast<std::int64_t>(*created);
  out.algorithm = static_cast<std::uint8_t>(*algorithm);
  out.fingerprint = digest_of(kSha1, {as_view(key_prefix(body)), body});
  if (out.is_rsa()) {
    SR_TRY(read_rsa(in, out));
  } else if (out.algorithm == kEcdh || out.algorithm == kEcdsa || out.algorithm == kEddsa) {
    SR_TRY(read_curve(in, out));
  }
  return out;
}

// ---- signatures

Bytes padded(View number, std::size_t size) {
  Bytes out(size);
  if (number.size() <= size)
    std::ranges::copy(number, out.end() - static_cast<std::ptrdiff_t>(number.size()));
  return out;
}

// ECDSA-Sig-Value; the parts of P-521 make a sequence of up to 139 bytes.
Bytes der_of(View r, View s) {
  Bytes inside;
  for (const View part : {r, s}) {
    const bool sign = part.empty() || (u8(part.front()) & 0x80) != 0;
    inside.push_back(std::byte{2});
    inside.push_back(static_cast<std::byte>(part.size() + (sign ? 1 : 0)));
    if (sign) inside.push_back(std::byte{0});
    inside.insert(inside.end(), part.begin(), part.end());
  }
  Bytes out{std::byte{0x30}};
  if (inside.size() > 127) out.push_back(std::byte{0x81});
  out.push_back(static_cast<std::byte>(inside.size()));
  out.insert(out.end(), inside.begin(), inside.end());
  return out;
}

bool verifies(const PublicKey& by, const Signature& s, View digest) {
  if (!by.key || (by.is_rsa() ? s.algorithm != kRsa && s.algorithm != kRsaSign : s.algorithm != by.algorithm))
    return false;
  Reader in(s.mpis);
  const auto first = in.mpi();
  if (!first) return false;
  bool ok = false;
  if (by.algorithm == kEddsa) {
    const auto second = in.mpi();
    if (!second || !in.empty() || first->size() > 32 || second->size() > 32) return false;
    Bytes both = padded(*first, 32);
    const Bytes rest = padded(*second, 32);
    both.insert(both.end(), rest.begin(), rest.end());
    const DigestContext c = new_digest();
    ok = EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, by.key.get()) == 1 &&
         EVP_DigestVerify(c.get(), raw(View(both)), both.size(), raw(digest), digest.size()) == 1;
  } else {
    Bytes value;
    if (by.is_rsa()) {
      if (!in.empty() || first->size() > by.size) return false;
      value = padded(*first, by.size);
    } else {
      const auto second = in.mpi();
      if (by.algorithm != kEcdsa || !second || !in.empty() || first->size() > 66 || second->size() > 66)
        return false;
      value = der_of(*first, *second);
    }
    const KeyContext c(EVP_PKEY_CTX_new_from_pkey(nullptr, by.key.get(), nullptr));
    ok = c && EVP_PKEY_verify_init(c.get()) == 1 &&
         (!by.is_rsa() || EVP_PKEY_CTX_set_rsa_padding(c.get(), RSA_PKCS1_PADDING) == 1) &&
         EVP_PKEY_CTX_set_signature_md(c.get(), hash_method(s.hash)) == 1 &&
         EVP_PKEY_verify(c.get(), raw(View(value)), value.size(), raw(digest), digest.size()) == 1;
  }
  ERR_clear_error();
  return ok;
}

// ---- the whole key

// The newest self-signature that holds for a part, and whether it was taken back.
struct Standing {
  std::optional<Signature> newest;
  bool revoked = false;

  void add(const Signature& s) {
    if (!newest || s.created >= newest->created) newest = s;
  }
};

// Walks the packets of one key once and keeps the part that encrypts.
class KeyReader {
 public:
  explicit KeyReader(std::int64_t now) noexcept : now_(now) {}

  Status read(const std::vector<Packet>& packets) {
    if (packets.empty()) return bad("PGP key: is empty");
    for (std::size_t i = 0; i < packets.size(); ++i) SR_TRY(take(packets[i], i == 0));
    close();
    return {};
  }

  // The primary key's standing, or why it must not be used.
  Status judge() {
    if (own_.revoked) return bad("PGP key: is revoked");
    if (!primary_.key) return bad("PGP key: the primary key's algorithm is not supported");
    if (!own_.newest)
      return bad(saw_weak_ ? "PGP key: its self-signatures use SHA-1 or older; sign it again with SHA-256"
                           : "PGP key: has no valid self-signature at this server's time");
    if (expired(primary_, *own_.newest)) return bad("PGP key: has expired");
    if (!best_ && primary_.encrypts() && may_encrypt(*own_.newest)) return {};
    if (!best_)
      return bad(
          "PGP key: has no usable encryption key: each is revoked, expired, not bound by a valid "
          "signature, or of an algorithm that is not supported");
    return {};
  }

  PublicKey& primary() noexcept { return primary_; }
  PublicKey& recipient() noexcept { return best_ ? *best_ : primary_; }
  // AES-256 unless the key prefers other AES only; whoever lists none reads AES-128 (RFC 9580 section 9.3).
  std::uint8_t cipher() const noexcept {
    const View wanted = own_.newest->ciphers;
    if (wanted.empty()) return 9;
    for (const std::uint8_t c : {std::uint8_t{9}, std::uint8_t{8}, std::uint8_t{7}})
      if (std::ranges::find(wanted, std::byte{c}) != wanted.end()) return c;
    return 7;
  }

 private:
  Status take(const Packet& p, bool first) {
    if (p.is(Tag::secret_key) || p.is(Tag::secret_subkey))
      return bad("PGP key: this is a private key; export the public key");
    if (first != p.is(Tag::public_key))
      return bad(first ? "PGP key: does not begin with a public key" : "PGP key: holds more than one key");
    if (first) {
      SR_LET(primary_, read_public_key(p.body));
      own_part_ = p.body;
    } else if (p.is(Tag::signature)) {
      if (const auto s = openpgp::read_signature(p.body)) take(*s);
    } else if (p.is(Tag::user_id) || p.is(Tag::user_attribute)) {
      close();
      prefix_.push_back(static_cast<char>(p.is(Tag::user_id) ? 0xb4 : 0xd1));
      put_u32(prefix_, static_cast<std::uint32_t>(p.body.size()));
      part_ = p.body;
      now_in_ = In::identity;
    } else if (p.is(Tag::public_subkey)) {
      close();
      // One that cannot be used is no reason to refuse the others: old keys keep theirs.
      auto read = read_public_key(p.body);
      if (!read) unusable_ = read.error();
      subkey_ = read ? *std::move(read) : PublicKey{};
      prefix_ = key_prefix(p.body);
      part_ = p.body;
      now_in_ = In::subkey;
    } else if (!p.is(Tag::trust) && !p.is(Tag::marker) && !p.is(Tag::padding) && p.tag < 40) {
      return bad("PGP key: has a packet that does not belong into a key");
    }
    return {};
  }

  void take(const Signature& s) {
    if (s.type == 0x20) own_.revoked = true;
    if (s.type == 0x28 && now_in_ == In::subkey) standing_.revoked = true;
    const bool fits = now_in_ == In::subkey     ? s.type == 0x18
                      : now_in_ == In::identity ? (s.type >= 0x10 && s.type <= 0x13) || s.type == 0x30
                                                : s.type == 0x1f;
    if (!fits || !is_own(s) || !timely(s)) return;
    if (s.type == 0x30) {
      if (!taken_back_ || s.created > *taken_back_) taken_back_ = s.created;
    } else {
      standing_.add(s);
    }
  }

  // Ends the part before: an identity or direct-key signatures speak for the primary key, a subkey for
  // itself.
  void close() {
    if (standing_.newest && now_in_ == In::identity && taken_back_ &&
        *taken_back_ >= standing_.newest->created)
      standing_.newest.reset();
    if (standing_.newest && now_in_ != In::subkey) own_.add(*standing_.newest);
    if (standing_.newest && now_in_ == In::subkey && !standing_.revoked && subkey_.encrypts() &&
        may_encrypt(*standing_.newest) && !expired(subkey_, *standing_.newest) &&
        (!best_ || subkey_.created >= best_->created))
      best_ = std::move(subkey_);
    standing_ = {};
    taken_back_.reset();
    prefix_.clear();
    part_ = {};
  }

  // Made by the primary key over it and the part.
  bool is_own(const Signature& s) {
    if (!s.issuer.empty()) {
      const View mine = View(primary_.fingerprint).last(s.issuer.size());
      if (!std::ranges::equal(s.issuer, mine)) return false;
    }
    if (!for_signatures(s.hash)) {
      saw_weak_ = true;
      return false;
    }
    if (++verifications_ > kMostVerifications) return false;
    std::string trailer("\x04\xff", 2);
    put_u32(trailer, static_cast<std::uint32_t>(s.hashed_part.size()));
    const Bytes digest = digest_of(s.hash, {as_view(key_prefix(own_part_)), own_part_, as_view(prefix_),
                                            part_, s.hashed_part, as_view(trailer)});
    return std::ranges::equal(View(digest).first(2), s.left) && verifies(primary_, s, digest);
  }

  bool timely(const Signature& s) const noexcept {
    return s.created <= now_ + kClockSkew && (s.lifetime == 0 || std::int64_t{s.created} + s.lifetime > now_);
  }
  bool expired(const PublicKey& key, const Signature& s) const noexcept {
    return key.created > now_ + kClockSkew || (s.key_lifetime != 0 && key.created + s.key_lifetime <= now_);
  }
  // Communications or storage (RFC 4880 section 5.2.3.21); without flags the algorithm decides.
  static bool may_encrypt(const Signature& s) noexcept { return !s.key_flags || (*s.key_flags & 0x0c) != 0; }

  enum class In : std::uint8_t { direct, identity, subkey };
  const std::int64_t now_;
  PublicKey primary_;
  View own_part_;
  Standing own_;
  std::optional<PublicKey> best_;
  std::optional<Error> unusable_;  // why a subkey could not be read
  std::size_t verifications_ = 0;
  bool saw_weak_ = false;
  // The part whose signatures are being read.
  In now_in_ = In::direct;
  std::string prefix_;
  View part_;
  PublicKey subkey_;
  Standing standing_;
  std::optional<std::uint32_t> taken_back_;
};

// ---- encryption

// RFC 6637 sections 7 and 8.
WipedBytes derived_key(View shared, View recipient, const Curve& curve, std::uint8_t hash,
                       std::uint8_t cipher) {
  std::string param;
  param.push_back(static_cast<char>(curve.oid.size()));
  param += curve.oid;
  param.push_back(static_cast<char>(kEcdh));
  param += {3, 1, static_cast<char>(hash), static_cast<char>(cipher)};
  param += "Anonymous Sender    ";
  param += as_text(recipient);
  constexpr std::array<std::byte, 4> one{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}};
  Bytes digest = digest_of(hash, {View(one), shared, as_view(param)});
  const auto size = static_cast<std::ptrdiff_t>(cipher_methods(cipher)->key);
  WipedBytes out(digest.begin(), digest.begin() + size);
  explicit_bzero(digest.data(), digest.size());
  return out;
}

// OpenSSL copies what it wraps into the context only.
std::string wrapped(View key, View plain, std::uint8_t cipher) {
  const CipherContext c = new_cipher();
  EVP_CIPHER_CTX_set_flags(c.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  Bytes out(plain.size() + 8);
  int n = 0;
  must(EVP_EncryptInit_ex2(c.get(), cipher_methods(cipher)->wrap, raw(key), nullptr, nullptr) == 1 &&
           EVP_EncryptUpdate(c.get(), raw_out(out), &n, raw(plain), static_cast<int>(plain.size())) == 1 &&
           static_cast<std::size_t>(n) == out.size(),
       "AES key wrap");
  return std::string(as_text(View(out)));
}

struct Agreement {
  Bytes ephemeral;  // as OpenPGP writes a point
  WipedBytes shared;
};

std::optional<Agreement> agree(evp_pkey_st* peer, const Curve& curve) {
  const PrivateKey own(curve.montgomery_or_edwards
                           ? EVP_PKEY_Q_keygen(nullptr, nullptr, curve.openssl)
                           : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.openssl));
  must(own != nullptr, "an ephemeral key");
  const KeyContext c(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  Agreement out;
  std::size_t size = 0;
  bool ok = c && EVP_PKEY_derive_init(c.get()) == 1 && EVP_PKEY_derive_set_peer(c.get(), peer) == 1 &&
            EVP_PKEY_derive(c.get(), nullptr, &size) == 1;
  if (ok) {
    out.shared.resize(size);
    // Refuses points of small order: the shared secret would be zero.
    ok = EVP_PKEY_derive(c.get(), raw_out(out.shared), &size) == 1 && size == out.shared.size();
  }
  ERR_clear_error();
  if (!ok) return std::nullopt;
  out.ephemeral.resize(curve.point);
  std::span<std::byte> point(out.ephemeral);
  if (curve.montgomery_or_edwards) {
    point[0] = std::byte{0x40};
    point = point.subspan(1);
  }
  std::size_t written = 0;
  must(EVP_PKEY_get_octet_string_param(own.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, raw_out(point),
                                       point.size(), &written) == 1 &&
           written == point.size(),
       "an ephemeral key's point");
  return out;
}

// OpenPGP's CFB without resynchronisation is plain CFB under a zero IV whose first block and two bytes are
// random and repeated (RFC 4880 section 5.13).
std::string integrity_protected(View key, std::uint8_t cipher, View plain, Random& random) {
  std::string header;
  const std::size_t literal = 6 + plain.size();
  openpgp::put_packet_header(header, 11, literal);
  header += {'b', 0, 0, 0, 0, 0};  // binary, no name, no date
  SecretText body;
  body.reserve(18 + header.size() + plain.size() + 22);
  body.resize(16);
  random.fill(std::as_writable_bytes(std::span(body.data(), 16)));
  body += {body[14], body[15]};
  body.append(header);
  body.append(as_text(plain));
  body += {static_cast<char>(0xd3), 0x14};
  const Bytes sum = digest_of(kSha1, {as_view(view(body))});
  body.append(as_text(View(sum)));
  std::string out;
  openpgp::put_packet_header(out, 18, body.size() + 1);
  out.push_back(1);
  const std::size_t start = out.size();
  out.resize(start + body.size());
  constexpr std::array<unsigned char, 16> zero{};
  const CipherContext c = new_cipher();
  int n = 0;
  must(EVP_EncryptInit_ex2(c.get(), cipher_methods(cipher)->stream, raw(key), zero.data(), nullptr) == 1 &&
           EVP_EncryptUpdate(c.get(), reinterpret_cast<unsigned char*>(out.data() + start), &n,
                             raw(as_view(view(body))), static_cast<int>(body.size())) == 1 &&
           static_cast<std::size_t>(n) == body.size(),
       "AES-CFB");
  return out;
}
}  // namespace

PgpKey::PgpKey(PgpKey&& o) noexcept
    : fingerprint_(std::move(o.fingerprint_)),
      recipient_(std::move(o.recipient_)),
      algorithm_(o.algorithm_),
      curve_(o.curve_),
      kdf_hash_(o.kdf_hash_),
      kdf_cipher_(o.kdf_cipher_),
      cipher_(o.cipher_),
      key_(std::exchange(o.key_, nullptr)) {}
PgpKey& PgpKey::operator=(PgpKey&& o) noexcept {
  fingerprint_ = std::move(o.fingerprint_);
  recipient_ = std::move(o.recipient_);
  algorithm_ = o.algorithm_;
  curve_ = o.curve_;
  kdf_hash_ = o.kdf_hash_;
  kdf_cipher_ = o.kdf_cipher_;
  cipher_ = o.cipher_;
  std::swap(key_, o.key_);
  return *this;
}
PgpKey::~PgpKey() { EVP_PKEY_free(key_); }

// RFC 4880 section 5.1, RFC 6637 section 10.
Result<std::string> PgpKey::session_packet(View key) const {
  WipedBytes session{std::byte{cipher_}};
  session.reserve(64);
  session.insert(session.end(), key.begin(), key.end());
  std::uint32_t sum = 0;
  for (const std::byte b : key) sum += u8(b);
  session.push_back(static_cast<std::byte>(sum >> 8));
  session.push_back(static_cast<std::byte>(sum));
  std::string body(1, 3);
  body += std::string_view(recipient_).substr(12);
  body.push_back(static_cast<char>(algorithm_));
  if (algorithm_ == kEcdh) {
    const Curve& curve = kCurves[curve_];
    const auto agreed = agree(key_, curve);
    if (!agreed) return bad("PGP key: its public point cannot be used");
    // To 40 bytes whatever the cipher, so that the length says nothing.
    session.resize(40, static_cast<std::byte>(40 - session.size()));
    const WipedBytes wrapping =
        derived_key(agreed->shared, as_view(recipient_), curve, kdf_hash_, kdf_cipher_);
    const std::string box = wrapped(wrapping, session, kdf_cipher_);
    openpgp::put_mpi(body, agreed->ephemeral);
    body.push_back(static_cast<char>(box.size()));
    body += box;
  } else {
    const KeyContext c(EVP_PKEY_CTX_new_from_pkey(nullptr, key_, nullptr));
    Bytes out(static_cast<std::size_t>(EVP_PKEY_get_size(key_)));
    std::size_t size = out.size();
    const bool ok = c && EVP_PKEY_encrypt_init(c.get()) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(c.get(), RSA_PKCS1_PADDING) == 1 &&
                    EVP_PKEY_encrypt(c.get(), raw_out(out), &size, raw(View(session)), session.size()) == 1;
    ERR_clear_error();
    if (!ok) return bad("PGP key: its RSA key cannot be used");
    openpgp::put_mpi(body, View(out).first(size));
  }
  std::string out;
  openpgp::put_packet(out, 1, body);
  return out;
}

Result<std::string> PgpKey::encrypt(View plain, Random& random) const {
  if (plain.size() > kMostPlain) return fail(Code::too_large, "PGP: the text to encrypt is above 64 KiB");
  WipedBytes key(cipher_methods(cipher_)->key);
  random.fill(key);
  SR_LET(std::string out, session_packet(key));
  out += integrity_protected(key, cipher_, plain, random);
  return out;
}

Result<PgpKey> parse_pgp_key(std::string_view text, WallTime now, Random& random) {
  SR_LET(const Bytes bytes, openpgp::binary_key(text));
  SR_LET(const auto packets, openpgp::read_packets(bytes));
  KeyReader reader(std::chrono::floor<Seconds>(now).time_since_epoch().count());
  SR_TRY(reader.read(packets));
  SR_TRY(reader.judge());
  PgpKey out;
  out.fingerprint_ = to_hex(reader.primary().fingerprint);
  PublicKey& to = reader.recipient();
  out.recipient_ = as_text(View(to.fingerprint));
  out.algorithm_ = to.algorithm;
  out.curve_ = to.curve;
  out.kdf_hash_ = to.kdf_hash;
  out.kdf_cipher_ = to.kdf_cipher;
  out.cipher_ = reader.cipher();
  out.key_ = to.key.release();
  SR_TRY(out.encrypt(as_view("trial"), random));
  return out;
}

}  // namespace strongroom::crypto
