#include "crypto/gcm.h"

#include "crypto/gcm_steps.h"
#include "crypto/lent.h"
#include "crypto/secure_memory.h"

namespace strongroom::crypto {
namespace {
struct Pair {
  CipherContext seal = new_cipher();
  CipherContext open = new_cipher();
};
}  // namespace

struct Gcm::Contexts {
  Key key;
  Lent<Pair> lent;

  std::unique_ptr<Pair> make() const {
    auto p = std::make_unique<Pair>();
    const unsigned char* k = raw(key.reveal(Reveal::to_cipher));
    must(EVP_EncryptInit_ex2(p->seal.get(), aes_256_gcm_method(), k, nullptr, nullptr) == 1 &&
             EVP_DecryptInit_ex2(p->open.get(), aes_256_gcm_method(), k, nullptr, nullptr) == 1,
         "GCM key");
    return p;
  }
};

Gcm::Gcm(View key) : contexts_(std::make_unique<Contexts>()) { contexts_->key = Key::copy_of(key); }
Gcm::Gcm(Gcm&&) noexcept = default;
Gcm& Gcm::operator=(Gcm&&) noexcept = default;
Gcm::~Gcm() = default;

void Gcm::seal(Nonce nonce, std::initializer_list<View> aad, View plain,
               std::span<std::byte> out) const noexcept {
  contexts_->lent.with([this] { return contexts_->make(); },
                       [&](Pair& p) {
                         must(EVP_EncryptInit_ex2(p.seal.get(), nullptr, nullptr, raw(nonce), nullptr) == 1,
                              "GCM nonce");
                         gcm_seal(p.seal.get(), aad, plain, out);
                       });
}

Status Gcm::open(Nonce nonce, std::initializer_list<View> aad, View sealed, std::span<std::byte> out) const {
  const bool ok = contexts_->lent.with(
      [this] { return contexts_->make(); },
      [&](Pair& p) {
        must(EVP_DecryptInit_ex2(p.open.get(), nullptr, nullptr, raw(nonce), nullptr) == 1, "GCM nonce");
        return gcm_open(p.open.get(), aad, sealed, out);
      });
  if (!ok) return fail(Code::corrupt, "encrypted bytes do not verify");
  return {};
}

}  // namespace strongroom::crypto
