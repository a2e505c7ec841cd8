// What the cryptography of one request costs, with the lengths that requests have.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "crypto/aes_block.h"
#include "crypto/ed25519.h"
#include "crypto/gcm.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "crypto/xaes.h"

namespace strongroom::crypto {
namespace {

const Bytes kKey(32, std::byte{7});
const Bytes kText(300, std::byte{8});
const Bytes kExtra(100, std::byte{9});
const Bytes kNonce(24);

void sha256_of_40_bytes(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(sha256(View(kText).first(40)));
}
BENCHMARK(sha256_of_40_bytes);

void hmac_of_40_bytes(benchmark::State& state) {
  const Hmac h{View(kKey)};
  for (auto _ : state) benchmark::DoNotOptimize(h.mac(View(kText).first(40)));
}
BENCHMARK(hmac_of_40_bytes);

void aes_block(benchmark::State& state) {
  const AesBlock aes{View(kKey)};
  AesBlock::Block b{};
  for (auto _ : state) benchmark::DoNotOptimize(b = aes.encrypt(b));
}
BENCHMARK(aes_block);

template <class Cipher>
void seal_300_bytes(benchmark::State& state) {
  const Cipher c{View(kKey)};
  Bytes out(kText.size() + Cipher::kTag);
  for (auto _ : state) {
    c.seal(typename Cipher::Nonce(kNonce.data(), Cipher::kNonce), View(kExtra), kText, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(seal_300_bytes<Gcm>);
BENCHMARK(seal_300_bytes<Xaes>)->Threads(1)->Threads(2);

template <class Cipher>
void open_300_bytes(benchmark::State& state) {
  const Cipher c{View(kKey)};
  Bytes sealed(kText.size() + Cipher::kTag);
  c.seal(typename Cipher::Nonce(kNonce.data(), Cipher::kNonce), View(kExtra), kText, sealed);
  Bytes out(kText.size());
  for (auto _ : state)
    benchmark::DoNotOptimize(
        c.open(typename Cipher::Nonce(kNonce.data(), Cipher::kNonce), View(kExtra), sealed, out));
}
BENCHMARK(open_300_bytes<Gcm>);
BENCHMARK(open_300_bytes<Xaes>)->Threads(1)->Threads(2);

void xaes_of_a_new_key(benchmark::State& state) {
  Bytes out(kText.size() + Xaes::kTag);
  for (auto _ : state)
    Xaes{View(kKey)}.seal(Xaes::Nonce(kNonce.data(), Xaes::kNonce), View(kExtra), kText, out);
}
BENCHMARK(xaes_of_a_new_key);

void random_16_bytes(benchmark::State& state) {
  SystemRandom random;
  std::array<std::byte, 16> out;
  for (auto _ : state) {
    random.fill(out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(random_16_bytes);

void ed25519_sign(benchmark::State& state) {
  const Ed25519Key key(Secret::copy_of(View(kKey)));
  for (auto _ : state) benchmark::DoNotOptimize(key.sign(View(kText).first(100)));
}
BENCHMARK(ed25519_sign);

}  // namespace
}  // namespace strongroom::crypto
