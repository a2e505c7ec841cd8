#include "crypto/aes_block.h"

#include "crypto/evp.h"
#include "crypto/lent.h"
#include "crypto/secure_memory.h"

namespace strongroom::crypto {
namespace {
struct Pair {
  CipherContext encrypt = new_cipher();
  CipherContext decrypt = new_cipher();
};
}  // namespace

struct AesBlock::Contexts {
  Key key;
  Lent<Pair> lent;

  std::unique_ptr<Pair> make() const {
    auto p = std::make_unique<Pair>();
    const unsigned char* k = raw(key.reveal(Reveal::to_cipher));
    must(EVP_EncryptInit_ex2(p->encrypt.get(), aes_256_ecb_method(), k, nullptr, nullptr) == 1 &&
             EVP_DecryptInit_ex2(p->decrypt.get(), aes_256_ecb_method(), k, nullptr, nullptr) == 1 &&
             EVP_CIPHER_CTX_set_padding(p->encrypt.get(), 0) == 1 &&
             EVP_CIPHER_CTX_set_padding(p->decrypt.get(), 0) == 1,
         "AES key");
    return p;
  }
};

AesBlock::AesBlock(View key) : contexts_(std::make_unique<Contexts>()) { contexts_->key = Key::copy_of(key); }
AesBlock::AesBlock(AesBlock&&) noexcept = default;
AesBlock& AesBlock::operator=(AesBlock&&) noexcept = default;
AesBlock::~AesBlock() = default;

AesBlock::Block AesBlock::encrypt(const Block& in) const noexcept {
  Block out;
  contexts_->lent.with(
      [this] { return contexts_->make(); },
      [&](Pair& p) {
        int n = 0;
        must(EVP_EncryptUpdate(p.encrypt.get(), raw_out(out), &n, raw(View(in)), 16) == 1 && n == 16, "AES");
      });
  return out;
}

AesBlock::Block AesBlock::decrypt(const Block& in) const noexcept {
  Block out;
  contexts_->lent.with(
      [this] { return contexts_->make(); },
      [&](Pair& p) {
        int n = 0;
        must(EVP_DecryptUpdate(p.decrypt.get(), raw_out(out), &n, raw(View(in)), 16) == 1 && n == 16, "AES");
      });
  return out;
}

}  // namespace strongroom::crypto
