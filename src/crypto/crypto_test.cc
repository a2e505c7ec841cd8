#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>

#include "crypto/aes_block.h"
#include "crypto/ed25519.h"
#include "crypto/equal.h"
#include "crypto/gcm.h"
#include "crypto/hkdf.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/secure_memory.h"
#include "crypto/sha256.h"
#include "crypto/xaes.h"

namespace strongroom::crypto {
namespace {

Bytes hex(std::string_view s) { return *from_hex(s); }
std::string hex_of(View v) { return to_hex(v); }
Bytes repeat(unsigned char b, std::size_t n) { return Bytes(n, static_cast<std::byte>(b)); }

template <class Cipher>
Bytes sealed(const Cipher& c, const Bytes& nonce, View aad, View plain) {
  Bytes out(plain.size() + Cipher::kTag);
  c.seal(typename Cipher::Nonce(nonce.data(), Cipher::kNonce), aad, plain, out);
  return out;
}
template <class Cipher>
std::optional<Bytes> opened(const Cipher& c, const Bytes& nonce, View aad, View bytes) {
  Bytes out(bytes.size() < Cipher::kTag ? 0 : bytes.size() - Cipher::kTag);
  if (!c.open(typename Cipher::Nonce(nonce.data(), Cipher::kNonce), aad, bytes, out)) return std::nullopt;
  return out;
}

// FIPS 180-4 examples.
TEST(Sha256, MatchesPublishedDigests) {
  EXPECT_EQ(hex_of(sha256(as_view(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256(as_view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      hex_of(sha256({as_view("abcdbcdecdefdefgefghfghighijhi"), as_view("jkijkljklmklmnlmnomnopnopq")})),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, StreamsAndStartsAnew) {
  Sha256 s;
  const std::string thousand(1000, 'a');
  for (int i = 0; i < 1000; ++i) s.update(as_view(thousand));
  EXPECT_EQ(hex_of(s.finish()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  s.update(as_view("abc"));
  EXPECT_EQ(s.finish(), sha256(as_view("abc")));
}

// RFC 4231 test cases 1, 2, 3, 6 and 7.
TEST(Hmac, MatchesRfc4231) {
  EXPECT_EQ(hex_of(Hmac(repeat(0x0b, 20)).mac("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_of(Hmac(as_view("Jefe")).mac({as_view("what do ya want "), as_view("for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_of(Hmac(repeat(0xaa, 20)).mac(View(repeat(0xdd, 50)))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex_of(Hmac(repeat(0xaa, 131)).mac("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex_of(Hmac(repeat(0xaa, 131))
                       .mac("This is a test using a larger than block-size key and a larger than block-size "
                            "data. The key needs to be hashed before being used by the HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Hmac, GivesOneAnswerOnEveryThread) {
  const Hmac h(as_view("key"));
  const Digest want = h.mac("message");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) wrong += h.mac("message") != want;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

// RFC 5869 appendix A, cases 1 to 3.
TEST(Hkdf, MatchesRfc5869) {
  EXPECT_EQ(
      hex_of(hkdf_sha256(repeat(0x0b, 22), hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), 42)
                 .reveal(Reveal::to_cipher)),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  Bytes ikm, salt, info;
  for (unsigned i = 0; i < 80; ++i) {
    ikm.push_back(static_cast<std::byte>(i));
    salt.push_back(static_cast<std::byte>(0x60 + i));
    info.push_back(static_cast<std::byte>(0xb0 + i));
  }
  EXPECT_EQ(hex_of(hkdf_sha256(ikm, salt, info, 82).reveal(Reveal::to_cipher)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(hex_of(hkdf_sha256(repeat(0x0b, 22), {}, {}, 42).reveal(Reveal::to_cipher)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// FIPS 197 appendix C.3.
TEST(AesBlock, MatchesFips197AndInverts) {
  Bytes key;
  AesBlock::Block plain;
  for (unsigned i = 0; i < 32; ++i) key.push_back(static_cast<std::byte>(i));
  for (unsigned i = 0; i < 16; ++i) plain[i] = static_cast<std::byte>(i * 0x11);
  const AesBlock aes(key);
  EXPECT_EQ(hex_of(aes.encrypt(plain)), "8ea2b7ca516745bfeafc49904b496089");
  EXPECT_EQ(aes.decrypt(aes.encrypt(plain)), plain);
}

// "The Galois/Counter Mode of Operation", cases 13 to 16.
TEST(Gcm, MatchesPublishedVectors) {
  const Bytes zero12(12), zero16(16);
  const Gcm zero(Bytes(32));
  EXPECT_EQ(hex_of(sealed(zero, zero12, {}, {})), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(hex_of(sealed(zero, zero12, {}, zero16)),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  const Gcm c(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const Bytes plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b1"
          "6aedf5"
          "aa0de657ba637b39");
  const Bytes aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes nonce = hex("cafebabefacedbaddecaf888");
  const Bytes got = sealed(c, nonce, aad, plain);
  EXPECT_EQ(
      hex_of(got),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e"
      "6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(opened(c, nonce, aad, got), plain);
}

// C2SP XAES-256-GCM, "Test vectors".
TEST(Xaes, MatchesC2spVectors) {
  const Bytes nonce = as_bytes_copy("ABCDEFGHIJKLMNOPQRSTUVWX");
  EXPECT_EQ(hex_of(sealed(Xaes(repeat(1, 32)), nonce, {}, as_view("XAES-256-GCM"))),
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
  EXPECT_EQ(
      hex_of(sealed(Xaes(repeat(3, 32)), nonce, as_view("c2sp.org/XAES-256-GCM"), as_view("XAES-256-GCM"))),
      "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

// C2SP XAES-256-GCM, "Accumulated randomized tests": inputs from SHAKE-128, outputs into another.
TEST(Xaes, MatchesC2spAccumulatedVectors) {
  std::vector<unsigned char> stream(10'000 * (32 + 24 + 2 + 510));
  EVP_MD_CTX* rng = EVP_MD_CTX_new();
  ASSERT_EQ(EVP_DigestInit_ex(rng, EVP_shake128(), nullptr), 1);
  ASSERT_EQ(EVP_DigestFinalXOF(rng, stream.data(), stream.size()), 1);
  EVP_MD_CTX_free(rng);
  View left = std::as_bytes(std::span(stream));
  const auto take = [&](std::size_t n) {
    Bytes out(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(n));
    left = left.subspan(n);
    return out;
  };
  const auto take_vector = [&] {
    const auto n = std::to_integer<std::size_t>(take(1)[0]);
    return take(n);
  };
  EVP_MD_CTX* sum = EVP_MD_CTX_new();
  ASSERT_EQ(EVP_DigestInit_ex(sum, EVP_shake128(), nullptr), 1);
  for (int i = 0; i < 10'000; ++i) {
    const Bytes key = take(32);
    const Bytes nonce = take(24);
    const Bytes plain = take_vector();
    const Bytes aad = take_vector();
    const Xaes c(key);
    const Bytes got = sealed(c, nonce, aad, plain);
    ASSERT_EQ(opened(c, nonce, aad, got), plain) << i;
    ASSERT_EQ(EVP_DigestUpdate(sum, got.data(), got.size()), 1);
  }
  std::array<std::byte, 32> result;
  ASSERT_EQ(EVP_DigestFinalXOF(sum, reinterpret_cast<unsigned char*>(result.data()), result.size()), 1);
  EVP_MD_CTX_free(sum);
  EXPECT_EQ(hex_of(result), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
}

template <class Cipher>
void refuses_every_change() {
  const Cipher c(repeat(7, 32));
  Bytes nonce = repeat(9, Cipher::kNonce);
  Bytes aad = as_bytes_copy("aad");
  Bytes got = sealed(c, nonce, aad, as_view("plain text of some length"));
  for (Bytes* part : {&nonce, &aad, &got})
    for (std::size_t i = 0; i < part->size() * 8; ++i) {
      (*part)[i / 8] ^= static_cast<std::byte>(1u << (i % 8));
      EXPECT_FALSE(opened(c, nonce, aad, got)) << i;
      (*part)[i / 8] ^= static_cast<std::byte>(1u << (i % 8));
    }
  EXPECT_TRUE(opened(c, nonce, aad, got));
  for (std::size_t n = 0; n < got.size(); ++n) EXPECT_FALSE(opened(c, nonce, aad, View(got).first(n))) << n;
  EXPECT_FALSE(opened(Cipher(repeat(8, 32)), nonce, aad, got));
}
TEST(Gcm, RefusesEveryChange) { refuses_every_change<Gcm>(); }
TEST(Xaes, RefusesEveryChange) { refuses_every_change<Xaes>(); }

TEST(Xaes, WipesWhatDidNotVerifyAndNamesNoBytes) {
  const Xaes c(repeat(7, 32));
  const Bytes nonce = repeat(9, 24);
  Bytes got = sealed(c, nonce, {}, as_view("plain text"));
  got.back() ^= std::byte{1};
  Bytes out(10, std::byte{0x55});
  const Status s = c.open(Xaes::Nonce(nonce.data(), 24), View{}, got, out);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::corrupt);
  EXPECT_EQ(out, Bytes(10));
}

TEST(Xaes, SealsInPlace) {
  const Xaes c(repeat(7, 32));
  const Bytes nonce = repeat(9, 24);
  Bytes buffer = as_bytes_copy("0123456789");
  buffer.resize(26);
  c.seal(Xaes::Nonce(nonce.data(), 24), View{}, View(buffer).first(10), buffer);
  EXPECT_EQ(buffer, sealed(c, nonce, {}, as_view("0123456789")));
}

TEST(Xaes, WorksFromMoreThreadsThanItKeepsContextsFor) {
  const Xaes c(repeat(7, 32));
  const Bytes nonce = repeat(9, 24);
  const Bytes want = sealed(c, nonce, as_view("aad"), as_view("text"));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        wrong += sealed(c, nonce, as_view("aad"), as_view("text")) != want;
        wrong += opened(c, nonce, as_view("aad"), want) != as_bytes_copy("text");
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

// RFC 8032 section 7.1, tests 1 to 3.
TEST(Ed25519, MatchesRfc8032) {
  struct Case {
    std::string_view seed, key, message, signature;
  };
  for (const Case& t :
       {Case{
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"},
        Case{
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"},
        Case{
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"}}) {
    const Ed25519Key key(Secret::copy_of(View(hex(t.seed))));
    EXPECT_EQ(hex_of(key.public_key()), t.key);
    EXPECT_EQ(hex_of(key.sign(hex(t.message))), t.signature);
    Bytes signature = hex(t.signature);
    EXPECT_TRUE(ed25519_verify(hex(t.key), hex(t.message), signature));
    EXPECT_FALSE(ed25519_verify(hex(t.key), as_view("other"), signature));
    EXPECT_FALSE(ed25519_verify(hex(t.key), hex(t.message), View(signature).first(63)));
    EXPECT_FALSE(ed25519_verify(View(hex(t.key)).first(31), hex(t.message), signature));
    signature[5] ^= std::byte{1};
    EXPECT_FALSE(ed25519_verify(hex(t.key), hex(t.message), signature));
  }
}

TEST(Equal, ComparesLengthAndEveryByte) {
  EXPECT_TRUE(equal(std::string_view(), std::string_view()));
  EXPECT_TRUE(equal("abc", "abc"));
  EXPECT_FALSE(equal("abc", "abd"));
  EXPECT_FALSE(equal("abc", "ab"));
  EXPECT_TRUE(equal(Secret::copy_of("x"), Secret::copy_of("x")));
}

TEST(SystemRandom, NeverRepeatsAndFillsEverySize) {
  SystemRandom random;
  std::set<Bytes> seen;
  for (int i = 0; i < 2000; ++i) {
    Bytes b(16);
    random.fill(b);
    EXPECT_TRUE(seen.insert(b).second);
    if (i % 100 == 0) SystemRandom::forget();
  }
  Bytes large(100'000);
  random.fill(large);
  EXPECT_EQ(std::set<std::byte>(large.begin(), large.end()).size(), 256u);
}

TEST(SystemRandom, AForkedChildDrawsOtherBytes) {
  SystemRandom random;
  Bytes warm(16);
  random.fill(warm);  // the buffer now holds bytes that parent and child would share
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  Bytes mine(16);
  random.fill(mine);
  if (child == 0) _exit(write(pipe_fds[1], mine.data(), mine.size()) == 16 ? 0 : 1);
  Bytes theirs(16);
  EXPECT_EQ(read(pipe_fds[0], theirs.data(), theirs.size()), 16);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_NE(mine, theirs);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(Key, MovesWithoutLeavingItselfBehind) {
  SystemRandom random;
  Key a = Key::random(random);
  const Bytes bytes(a.reveal(Reveal::to_cipher).begin(), a.reveal(Reveal::to_cipher).end());
  const Key b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): that it is empty is the point
  EXPECT_TRUE(equal(b.reveal(Reveal::to_cipher), View(bytes)));
  EXPECT_TRUE(equal(b.clone().reveal(Reveal::to_cipher), View(bytes)));
  std::vector<Key> many;
  for (int i = 0; i < 2000; ++i) many.push_back(Key::random(random));  // more than one page
  EXPECT_TRUE(equal(b.reveal(Reveal::to_cipher), View(bytes)));
}

}  // namespace
}  // namespace strongroom::crypto
