#include "crypto/xaes.h"

#include <array>

#include "crypto/gcm_steps.h"
#include "crypto/lent.h"
#include "crypto/secure_memory.h"

namespace strongroom::crypto {
namespace {
// The block cipher that derives the message key, and a GCM context for each direction, rekeyed per message.
struct Trio {
  CipherContext derive = new_cipher();
  CipherContext seal = new_cipher();
  CipherContext open = new_cipher();
  std::array<unsigned char, 16> k1{};  // the CMAC subkey K1 of NIST SP 800-38B
  ~Trio() { explicit_bzero(k1.data(), k1.size()); }
};

// Key of one message: two one-block CMACs over counter, label 'X' and the first half of the nonce.
struct MessageKey {
  std::array<unsigned char, 32> bytes;
  MessageKey(Trio& t, Xaes::Nonce nonce) noexcept {
    std::array<unsigned char, 32> m{};
    for (std::size_t block = 0; block < 2; ++block) {
      unsigned char* p = m.data() + 16 * block;
      p[1] = static_cast<unsigned char>(block + 1);
      p[2] = 'X';
      std::memcpy(p + 4, nonce.data(), 12);
      for (std::size_t i = 0; i < 16; ++i) p[i] ^= t.k1[i];
    }
    int n = 0;
    must(EVP_EncryptUpdate(t.derive.get(), bytes.data(), &n, m.data(), 32) == 1 && n == 32, "XAES derive");
  }
  ~MessageKey() { explicit_bzero(bytes.data(), bytes.size()); }
};
}  // namespace

struct Xaes::Contexts {
  Key key;
  Lent<Trio> lent;

  std::unique_ptr<Trio> make() const {
    auto t = std::make_unique<Trio>();
    const unsigned char* k = raw(key.reveal(Reveal::to_cipher));
    std::array<unsigned char, 16> zero{};
    std::array<unsigned char, 16> l{};
    int n = 0;
    must(EVP_EncryptInit_ex2(t->derive.get(), aes_256_ecb_method(), k, nullptr, nullptr) == 1 &&
             EVP_CIPHER_CTX_set_padding(t->derive.get(), 0) == 1 &&
             EVP_EncryptUpdate(t->derive.get(), l.data(), &n, zero.data(), 16) == 1 && n == 16 &&
             EVP_EncryptInit_ex2(t->seal.get(), aes_256_gcm_method(), nullptr, nullptr, nullptr) == 1 &&
             EVP_DecryptInit_ex2(t->open.get(), aes_256_gcm_method(), nullptr, nullptr, nullptr) == 1,
         "XAES key");
    // K1 = L << 1, reduced without a branch on key bits.
    const unsigned carry = l[0] >> 7;
    for (std::size_t i = 0; i < 16; ++i)
      t->k1[i] = static_cast<unsigned char>(l[i] << 1 | (i + 1 < 16 ? l[i + 1] >> 7 : 0));
    t->k1[15] = static_cast<unsigned char>(t->k1[15] ^ (0x87u & (0u - carry)));
    explicit_bzero(l.data(), l.size());
    return t;
  }
};

Xaes::Xaes(View key) : contexts_(std::make_unique<Contexts>()) { contexts_->key = Key::copy_of(key); }
Xaes::Xaes(Xaes&&) noexcept = default;
Xaes& Xaes::operator=(Xaes&&) noexcept = default;
Xaes::~Xaes() = default;

void Xaes::seal(Nonce nonce, std::initializer_list<View> aad, View plain,
                std::span<std::byte> out) const noexcept {
  contexts_->lent.with([this] { return contexts_->make(); },
                       [&](Trio& t) {
                         const MessageKey key(t, nonce);
                         must(EVP_EncryptInit_ex2(t.seal.get(), nullptr, key.bytes.data(),
                                                  raw(nonce.subspan<12>()), nullptr) == 1,
                              "XAES nonce");
                         gcm_seal(t.seal.get(), aad, plain, out);
                       });
}

Status Xaes::open(Nonce nonce, std::initializer_list<View> aad, View sealed, std::span<std::byte> out) const {
  const bool ok = contexts_->lent.with([this] { return contexts_->make(); },
                                       [&](Trio& t) {
                                         const MessageKey key(t, nonce);
                                         must(EVP_DecryptInit_ex2(t.open.get(), nullptr, key.bytes.data(),
                                                                  raw(nonce.subspan<12>()), nullptr) == 1,
                                              "XAES nonce");
                                         return gcm_open(t.open.get(), aad, sealed, out);
                                       });
  if (!ok) return fail(Code::corrupt, "encrypted bytes do not verify");
  return {};
}

}  // namespace strongroom::crypto
