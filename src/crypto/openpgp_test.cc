#include "crypto/openpgp.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "crypto/evp.h"
#include "crypto/openpgp_packets.h"
#include "crypto/random.h"

namespace strongroom::crypto {
namespace {
namespace fs = std::filesystem;

// Two keys made by GnuPG 2.2.40 on 1 January 2024 for these tests, and their secret numbers.
// An RSA key that signs and encrypts by itself.
constexpr std::string_view kAlice =
    "mQENBGWSAIABCAC8w7VFZIAaM4kvuExZUy/MOQzC1ydUrMVRR6NVSyBiD+ScRY42EZOan7F748LOFUCQtfwSeC1lidiFsVwinaL7"
    "P90+NipOSfUC7lltBtLMpn6+B/1ItALLT/wDZURVUiohXhPyQ/rP/zjH4kVYBw+JQeZz2VkzACgRhnGaj99t1VddQwhTa197QuZ0"
    "BeseyO0IjzrTh9ra3xTmtVuq9bGWJowVaZfhM8BOBM1zfUI+0J+148hYRi1feUb5sMRHTCjdekftKK0tap821Ri3kT+c4Qni3SiO"
    "LBoFcD4X3TY7VFJX0sbLhKQfCT2vdWjtXeghIqD81A0tM/Cq0Nv3KBi9ABEBAAG0EWFsaWNlQGV4YW1wbGUuY29tiQFOBBMBCgA4"
    "FiEEkJYZrOb27eWzkkdXuuhYyV2ESEIFAmWSAIACGw8FCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQuuhYyV2ESEJv0AgAm4ny"
    "r96M9OL/ns3RubR570uNcLKlJotNYCqNIg7Kc7/xdKJ5PMEk/czbqi7kB3l9MK5PeoORnmvlP0AAHixtzp5KFuCspGQ3/2oxSsBi"
    "OxR52U+0o9s3n+zLZLpEF+67Q4lfLWit7XuBgbdTRdrgRABDFBBLQj/2/qWXWFkxnMzhkKPS388Z6aHCn1RO5EnaRwnCG+dxbAuU"
    "9U+xBUQos0Rg8Rnu4D4hmKp5ATy0kIBs9M40TI47Pydkpw98vOP9OSMhigEzL/jmKpDzOd4Hl5m3iZZiVqBIBpCJl87OrlQx1p6M"
    "kzo6FkhmYfaX+ajL8VEK6Zo/u9exVM9eCIpEjQ==";
constexpr std::string_view kAliceModulus =
    "bcc3b54564801a33892fb84c59532fcc390cc2d72754acc55147a3554b20620fe49c458e3611939a9fb17be3c2ce154090b5"
    "fc12782d6589d885b15c229da2fb3fdd3e362a4e49f502ee596d06d2cca67ebe07fd48b402cb4ffc03654455522a215e13f2"
    "43facfff38c7e24558070f8941e673d9593300281186719a8fdf6dd5575d4308536b5f7b42e67405eb1ec8ed088f3ad387da"
    "dadf14e6b55baaf5b196268c156997e133c04e04cd737d423ed09fb5e3c858462d5f7946f9b0c4474c28dd7a47ed28ad2d6a"
    "9f36d518b7913f9ce109e2dd288e2c1a05703e17dd363b545257d2c6cb84a41f093daf7568ed5de82122a0fcd40d2d33f0aa"
    "d0dbf72818bd";
constexpr std::string_view kAliceSecret =
    "49785301a35048e26e2ee8a8aecbb5fae2e9989c6d6e83a079364cd851d954d1a2c5403d4dc62191393eb75dbae0c35cd1f6"
    "431a5d342e252ce53c5704121ef173b60514c7fa98c6885184f4ee86f5a8880426cfea9045d624578e6ac7e1fd8cf057d1a3"
    "a5d9e5430d329f5b261bf96c0efe4770fd4ae070b801800e0c998601abde14c6ac4638b30632a78fc4a33a815fd1c8f49faa"
    "49e5ee3329c842990e2208154f2f6ab2ba1723090700633fce2653390866772197bca4f1eb8202ee0230845de95a9a6a15b6"
    "7ea9259a05e0889e19b5522623a815f942435d5ca7737a729f2c06d87d8666ebdf7ab49bbd008b6b001771ef6ffb86fccf8f"
    "90ac64883871";
// Ed25519 with a subkey of Curve25519.
constexpr std::string_view kBob =
    "mDMEZZIAgBYJKwYBBAHaRw8BAQdAGPUX05gsLvgXvtnsQmOFG9gEG4pVV3l+Gf2DmdEqwna0D2JvYkBleGFtcGxlLmNvbYiQBBMW"
    "CAA4FiEEAYsb0lOka48I5fP7ux3Ru7ssvnQFAmWSAIACGwEFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQux3Ru7ssvnSODQEA"
    "sY5bYUC11mebjUDKBu2E2DngPBWWxNj8holNf9K0MZABAOc4uKxa3aWJgWPjPg2x/HIEOukuGQ0gqoMG9LzQZo4MuDgEZZIAgBIK"
    "KwYBBAGXVQEFAQEHQGJJ/4LONeuVNCFe3SH3B36Gjd0u3SyGtdYcgguvhhUiAwEIB4h4BBgWCAAgFiEEAYsb0lOka48I5fP7ux3R"
    "u7ssvnQFAmWSAIACGwwACgkQux3Ru7ssvnT3UQD5Adpv5OI8wkUVw5i4k7Im5/wfRoc/gFaZ4QzumXkYe30BAPVnQ888vwae23ZE"
    "090GyYO5WCcdFln+c2YqYtmiqGYI";
constexpr std::string_view kBobSecret = "5f0ad4fa114d3f3a098d7bf80df61ab87d4da4b05f60022187de8cd0273a20f0";

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);

SystemRandom g_random;

Result<PgpKey> parse(std::string_view text, WallTime now = kNow) {
  return parse_pgp_key(text, now, g_random);
}
std::string refusal(std::string_view text, WallTime now = kNow) {
  const auto key = parse(text, now);
  return key ? "accepted" : key.error().message;
}
Bytes decoded(std::string_view base64) { return from_base64(base64).value(); }

// ---- a reader of messages for these tests

Bytes rsa_decrypted(View box) {
  const Bytes n = from_hex(kAliceModulus).value();
  const Bytes d = from_hex(kAliceSecret).value();
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  BIGNUM* modulus = BN_bin2bn(raw(View(n)), static_cast<int>(n.size()), nullptr);
  BIGNUM* secret = BN_bin2bn(raw(View(d)), static_cast<int>(d.size()), nullptr);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_ulong(build, OSSL_PKEY_PARAM_RSA_E, 65537);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, secret);
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* maker = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(maker);
  EXPECT_EQ(EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, params), 1);
  EVP_PKEY_CTX* c = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  Bytes in(256);
  std::ranges::copy(box, in.end() - static_cast<std::ptrdiff_t>(box.size()));
  Bytes out(256);
  std::size_t size = out.size();
  EVP_PKEY_decrypt_init(c);
  EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING);
  EXPECT_EQ(EVP_PKEY_decrypt(c, raw_out(out), &size, raw(View(in)), in.size()), 1);
  out.resize(size);
  EVP_PKEY_CTX_free(c);
  EVP_PKEY_CTX_free(maker);
  EVP_PKEY_free(key);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  BN_free(modulus);
  BN_free(secret);
  return out;
}

// Bob's key asks for SHA-256 and AES-128.
Bytes ecdh_decrypted(View point, View box, std::string_view fingerprint) {
  Bytes secret = from_hex(kBobSecret).value();
  std::ranges::reverse(secret);
  const PrivateKey own(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, raw(View(secret)), secret.size()));
  const PrivateKey peer(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, raw(point.subspan(1)), point.size() - 1));
  EVP_PKEY_CTX* c = EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr);
  Bytes shared(32);
  std::size_t size = shared.size();
  EVP_PKEY_derive_init(c);
  EVP_PKEY_derive_set_peer(c, peer.get());
  EXPECT_EQ(EVP_PKEY_derive(c, raw_out(shared), &size), 1);
  EVP_PKEY_CTX_free(c);
  std::string hashed("\x00\x00\x00\x01", 4);
  hashed += as_text(View(shared));
  hashed +=
      "\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01\x12\x03\x01\x08\x07"
      "Anonymous Sender    ";
  hashed += fingerprint;
  Bytes key(32);
  EVP_Digest(hashed.data(), hashed.size(), raw_out(key), nullptr, EVP_sha256(), nullptr);
  const CipherContext wrap = new_cipher();
  EVP_CIPHER_CTX_set_flags(wrap.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  Bytes out(box.size());
  int n = 0;
  EVP_DecryptInit_ex2(wrap.get(), EVP_aes_128_wrap(), raw(View(key)), nullptr, nullptr);
  EXPECT_EQ(EVP_DecryptUpdate(wrap.get(), raw_out(out), &n, raw(box), static_cast<int>(box.size())), 1);
  EXPECT_EQ(n, 40);
  out.resize(40 - std::to_integer<std::size_t>(out[39]));
  return out;
}

std::string opened(View session, View sealed) {
  EXPECT_EQ(session.front(), std::byte{9});
  EXPECT_EQ(session.size(), 35u);
  std::uint32_t sum = 0;
  for (const std::byte b : session.subspan(1, 32)) sum += std::to_integer<std::uint32_t>(b);
  EXPECT_EQ(get_be(as_text(session.subspan(33))), sum % 65536);
  EXPECT_EQ(sealed.front(), std::byte{1});
  sealed = sealed.subspan(1);
  constexpr std::array<unsigned char, 16> zero{};
  const CipherContext c = new_cipher();
  std::string plain(sealed.size(), '\0');
  int n = 0;
  EVP_DecryptInit_ex2(c.get(), EVP_aes_256_cfb128(), raw(session.subspan(1)), zero.data(), nullptr);
  EVP_DecryptUpdate(c.get(), reinterpret_cast<unsigned char*>(plain.data()), &n, raw(sealed),
                    static_cast<int>(sealed.size()));
  EXPECT_EQ(plain.substr(14, 2), plain.substr(16, 2));
  Bytes mdc(20);
  EVP_Digest(plain.data(), plain.size() - 20, raw_out(mdc), nullptr, EVP_sha1(), nullptr);
  EXPECT_EQ(as_text(View(mdc)), std::string_view(plain).substr(plain.size() - 20));
  EXPECT_EQ(plain.substr(plain.size() - 22, 2), "\xd3\x14");
  const std::string inner = plain.substr(18, plain.size() - 40);
  const auto literal = openpgp::read_packets(as_view(inner));
  if (!literal || literal->size() != 1 || literal->front().tag != 11) return "not a literal packet";
  EXPECT_EQ(as_text(literal->front().body).substr(0, 6), std::string_view("b\0\0\0\0\0", 6));
  return std::string(as_text(literal->front().body).substr(6));
}

TEST(OpenPgp, AMessageToAnRsaKeyOpensWithItsSecret) {
  const auto key = parse(kAlice);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->fingerprint(), "909619ace6f6ede5b3924757bae858c95d844842");
  for (const std::size_t size : {0u, 1u, 66u, 150u, 8100u, 65536u}) {
    const std::string text(size, 'x');
    const auto message = key->encrypt(as_view(text), g_random);
    ASSERT_TRUE(message);
    const auto packets = openpgp::read_packets(as_view(*message));
    ASSERT_TRUE(packets && packets->size() == 2);
    ASSERT_EQ((*packets)[0].tag, 1);
    ASSERT_EQ((*packets)[1].tag, 18);
    openpgp::Reader in((*packets)[0].body);
    EXPECT_EQ(in.number(1), 3u);
    EXPECT_EQ(to_hex(*in.take(8)), "bae858c95d844842");
    EXPECT_EQ(in.number(1), 1u);
    EXPECT_EQ(opened(rsa_decrypted(*in.mpi()), (*packets)[1].body), text);
    EXPECT_TRUE(in.empty());
  }
  const std::string large(65537, 'x');
  EXPECT_EQ(key->encrypt(as_view(large), g_random).error().code, Code::too_large);
}

TEST(OpenPgp, AMessageToACurve25519SubkeyOpensWithItsSecret) {
  const auto key = parse(kBob);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->fingerprint(), "018b1bd253a46b8f08e5f3fbbb1dd1bbbb2cbe74");
  const Bytes bytes = decoded(kBob);
  const auto own = openpgp::read_packets(bytes);
  std::string body("\x99\x00\x38", 3);
  body += as_text((*own)[3].body);
  Bytes subkey(20);
  EVP_Digest(body.data(), body.size(), raw_out(subkey), nullptr, EVP_sha1(), nullptr);
  const std::string text = "4fb4e6261a92aa1d";
  std::string last;
  for (int i = 0; i < 20; ++i) {
    const auto message = key->encrypt(as_view(text), g_random);
    ASSERT_TRUE(message);
    EXPECT_NE(*message, last);
    last = *message;
    const auto packets = openpgp::read_packets(as_view(*message));
    ASSERT_TRUE(packets && packets->size() == 2);
    openpgp::Reader in((*packets)[0].body);
    EXPECT_EQ(in.number(1), 3u);
    EXPECT_EQ(to_hex(*in.take(8)), "a2cae75b4211251e");
    EXPECT_EQ(in.number(1), 18u);
    const View point = *in.mpi();
    ASSERT_EQ(point.size(), 33u);
    const View box = *in.take(*in.number(1));
    EXPECT_TRUE(in.empty());
    EXPECT_EQ(opened(ecdh_decrypted(point, box, as_text(View(subkey))), (*packets)[1].body), text);
  }
}

// Whatever bit is turned: refused, or the same key and the same recipient.
TEST(OpenPgp, NoBitOfAKeyCanBeTurnedIntoAnotherRecipient) {
  const Bytes good = decoded(kBob);
  const auto packets = openpgp::read_packets(good);
  const auto subkey = static_cast<std::size_t>((*packets)[3].body.data() - good.data());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const unsigned bit : {0u, 3u, 7u}) {
      Bytes turned = good;
      turned[i] ^= static_cast<std::byte>(1u << bit);
      const auto key = parse(to_base64(turned));
      if (key) {
        EXPECT_EQ(key->fingerprint(), "018b1bd253a46b8f08e5f3fbbb1dd1bbbb2cbe74") << i;
        EXPECT_FALSE(i >= subkey && i < subkey + 56) << i;
      }
    }
  }
}

TEST(OpenPgp, AKeyThatIsCutAnywhereIsRefused) {
  for (const std::string_view text : {kAlice, kBob}) {
    const Bytes good = decoded(text);
    for (std::size_t size = 0; size < good.size(); ++size)
      EXPECT_FALSE(parse(to_base64(View(good).first(size)))) << size;
  }
}

std::string armoured(std::string_view base64, std::string_view sum, std::string_view headers = "") {
  std::string out = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
  out += headers;
  out += '\n';
  for (std::size_t i = 0; i < base64.size(); i += 64) out += std::string(base64.substr(i, 64)) + "\n";
  out += sum;
  return out + "-----END PGP PUBLIC KEY BLOCK-----\n";
}

TEST(OpenPgp, ArmourAndWrappedBase64AreRead) {
  EXPECT_EQ(refusal(armoured(kBob, "")), "accepted");
  EXPECT_EQ(refusal(armoured(kBob, "", "Version: GnuPG v2\nComment: none\n")), "accepted");
  EXPECT_EQ(refusal(armoured(kBob, "=AAAA\n")), "PGP key: the armour's checksum does not match");
  EXPECT_EQ(refusal(armoured(kBob, "=AA\n")), "PGP key: the armour's checksum is malformed");
  std::string wrapped;
  for (std::size_t i = 0; i < kBob.size(); i += 76) wrapped += std::string(kBob.substr(i, 76)) + "\r\n";
  EXPECT_EQ(refusal(wrapped), "accepted");
}

TEST(OpenPgp, WhatIsNotAPublicKeyIsNamed) {
  EXPECT_EQ(refusal(""), "PGP key: is empty");
  EXPECT_EQ(refusal("keybase:alice"),
            "PGP key: keybase names are not looked up; give the key in base64 or armoured");
  EXPECT_EQ(refusal("!secret!"), "PGP key: is neither base64 nor armoured");
  EXPECT_EQ(refusal("aGVsbG8gd29ybGQ="), "PGP key: is not an OpenPGP key in binary form");
  EXPECT_EQ(refusal("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n-----END PGP PRIVATE KEY BLOCK-----"),
            "PGP key: this is a private key; export the public key");
  EXPECT_EQ(refusal(to_base64(as_view("\xc5\x01x"))),
            "PGP key: this is a private key; export the public key");
  EXPECT_EQ(refusal(to_base64(as_view("\xc6\xe1x"))), "PGP key: partial lengths are not accepted");
  EXPECT_EQ(refusal(to_base64(as_view("\x9bx"))), "PGP key: indeterminate lengths are not accepted");
  EXPECT_EQ(refusal(to_base64(as_view("\xc2\x01x"))), "PGP key: does not begin with a public key");
  EXPECT_EQ(refusal(std::string(600 * 1024, 'A')), "PGP key: is longer than 512 KiB");
  Bytes both = decoded(kBob);
  const Bytes more = decoded(kAlice);
  both.insert(both.end(), more.begin(), more.end());
  EXPECT_EQ(refusal(to_base64(both)), "PGP key: holds more than one key");
  std::string many(as_text(View(decoded(kBob))));
  for (int i = 0; i < 1000; ++i) many += std::string("\xca\x03PGP", 5);
  EXPECT_EQ(refusal(to_base64(as_view(many))), "PGP key: has more than 1,000 packets");
}

TEST(OpenPgp, ASubkeyNeedsItsBindingAndAPrimaryKeyItsSignature) {
  const Bytes bytes = decoded(kBob);
  const auto packets = *openpgp::read_packets(bytes);  // key, name, signature, subkey, signature
  const auto of = [&](std::initializer_list<std::size_t> which) {
    std::string out;
    for (const std::size_t i : which) openpgp::put_packet(out, packets[i].tag, as_text(packets[i].body));
    return to_base64(as_view(out));
  };
  EXPECT_EQ(refusal(of({0, 1, 2, 3, 4})), "accepted");
  EXPECT_TRUE(refusal(of({0, 1, 2, 3})).starts_with("PGP key: has no usable encryption key"));
  EXPECT_TRUE(refusal(of({0, 1, 2, 3, 2})).starts_with("PGP key: has no usable encryption key"));
  EXPECT_TRUE(refusal(of({0, 1, 2})).starts_with("PGP key: has no usable encryption key"));
  EXPECT_TRUE(refusal(of({0, 1, 3, 4})).starts_with("PGP key: has no valid self-signature"));
  EXPECT_TRUE(refusal(of({0, 2, 3, 4})).starts_with("PGP key: has no valid self-signature"));
  // Of another key's subkey: the binding is not this primary key's.
  const Bytes other = decoded(kAlice);
  const auto alice = *openpgp::read_packets(other);
  std::string grafted;
  for (const auto& p : alice) openpgp::put_packet(grafted, p.tag, as_text(p.body));
  for (const std::size_t i : {3u, 4u}) openpgp::put_packet(grafted, packets[i].tag, as_text(packets[i].body));
  const auto key = parse(to_base64(as_view(grafted)));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->encrypt({}, g_random)->substr(4, 8), std::string_view("\xba\xe8\x58\xc9\x5d\x84\x48\x42"));
}

TEST(OpenPgp, AKeyFromTheFutureIsRefused) {
  EXPECT_TRUE(refusal(kBob, std::chrono::sys_days(std::chrono::year(2023) / 1 / 1))
                  .starts_with("PGP key: has no valid self-signature at this server's time"));
}

// ---- with GnuPG, when it is there

class Gpg : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("gpg --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "gpg is not installed";
    std::string pattern = fs::temp_directory_path() / "sr-gpg-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    home_ = pattern;
  }
  void TearDown() override {
    if (home_.empty()) return;
    (void)run("gpgconf --homedir " + home_.string() + " --kill all");
    fs::remove_all(home_);
  }
  std::string run(const std::string& command) {
    std::string out;
    std::FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      out.append(buffer.data(), n);
    pclose(pipe);
    return out;
  }
  std::string gpg(const std::string& arguments) {
    return run("gpg --homedir " + home_.string() + " --batch --pinentry-mode loopback --passphrase '' " +
               arguments);
  }
  std::string exported(const std::string& name, const std::string& how = "--export") {
    return gpg(how + " " + name);
  }
  std::string fingerprint(const std::string& name) {
    const std::string listing = gpg("--with-colons --list-keys " + name);
    return listing.substr(listing.find("\nfpr:::::::::") + 13, 40);
  }
  WallTime now() { return SystemClock().now(); }

  void round_trip(const std::string& name) {
    const std::string binary = exported(name);
    ASSERT_FALSE(binary.empty());
    const auto key = parse(to_base64(as_view(binary)), now());
    ASSERT_TRUE(key) << name << ": " << key.error().message;
    std::string upper = key->fingerprint();
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(upper, fingerprint(name));
    const auto from_armour = parse(exported(name, "--armor --export"), now());
    ASSERT_TRUE(from_armour) << from_armour.error().message;
    EXPECT_EQ(from_armour->fingerprint(), key->fingerprint());
    const std::string text = "dee37667f98d9741f46aaff305e647bd6e0dd5d9dc46002d10a727674774110679";
    const auto message = key->encrypt(as_view(text), g_random);
    ASSERT_TRUE(message);
    const fs::path file = home_ / "message";
    std::ofstream(file, std::ios::binary | std::ios::trunc) << *message;
    EXPECT_EQ(gpg("--decrypt " + file.string()), text) << name;
    EXPECT_EQ(gpg("--status-fd 1 --decrypt " + file.string()).find("GOODMDC") != std::string::npos, true);
  }

  fs::path home_;
};

TEST_F(Gpg, DecryptsWhatIsEncryptedToEveryKindOfKey) {
  gpg("--quick-gen-key one@example.com default default never");
  round_trip("one@example.com");
  gpg("--quick-gen-key two@example.com future-default default never");
  round_trip("two@example.com");
  for (const std::string curve : {"nistp256", "nistp384", "nistp521"}) {
    const std::string name = curve + "@example.com";
    gpg("--quick-gen-key " + name + " " + curve + " cert,sign never");
    gpg("--quick-add-key " + fingerprint(name) + " " + curve + " encr never");
    round_trip(name);
  }
}

TEST_F(Gpg, ChoosesTheNewestSubkeyThatIsNotRevokedOrExpired) {
  gpg("--faked-system-time 20240101T000000 --quick-gen-key a@example.com ed25519 cert never");
  const std::string own = fingerprint("a@example.com");
  EXPECT_TRUE(
      refusal(to_base64(as_view(exported(own)))).starts_with("PGP key: has no usable encryption key"));
  gpg("--faked-system-time 20240102T000000 --quick-add-key " + own + " cv25519 encr never");
  gpg("--faked-system-time 20240103T000000 --quick-add-key " + own + " rsa2048 encr 2024-06-01");
  gpg("--faked-system-time 20240104T000000 --quick-add-key " + own + " rsa2048 sign never");
  const std::string key = to_base64(as_view(exported(own)));
  const auto algorithm = [&](WallTime at) {
    const auto parsed = parse(key, at);
    if (!parsed) return std::string(parsed.error().message);
    const auto message = *parsed->encrypt({}, g_random);
    const auto packets = *openpgp::read_packets(as_view(message));
    return to_hex(packets[0].body.subspan(9, 1));
  };
  EXPECT_EQ(algorithm(std::chrono::sys_days(std::chrono::year(2024) / 3 / 1)), "01");
  EXPECT_EQ(algorithm(std::chrono::sys_days(std::chrono::year(2024) / 7 / 1)), "12");
}

TEST_F(Gpg, AnExpiredKeyIsRefused) {
  gpg("--faked-system-time 20240101T000000 --quick-gen-key a@example.com rsa2048 cert,sign,encr 2024-06-01");
  const std::string key = to_base64(as_view(exported("a@example.com")));
  EXPECT_EQ(refusal(key, std::chrono::sys_days(std::chrono::year(2024) / 5 / 1)), "accepted");
  EXPECT_EQ(refusal(key, std::chrono::sys_days(std::chrono::year(2024) / 7 / 1)), "PGP key: has expired");
}

TEST_F(Gpg, ARevokedKeyIsRefused) {
  gpg("--quick-gen-key a@example.com future-default default never");
  const std::string own = fingerprint("a@example.com");
  EXPECT_EQ(refusal(to_base64(as_view(exported(own))), now()), "accepted");
  const fs::path certificate = home_ / "openpgp-revocs.d" / (own + ".rev");
  run("sed -i 's/^:---/---/' " + certificate.string());
  gpg("--import " + certificate.string());
  EXPECT_EQ(refusal(to_base64(as_view(exported(own))), now()), "PGP key: is revoked");
}

TEST_F(Gpg, APrivateKeyIsRefused) {
  gpg("--quick-gen-key a@example.com future-default default never");
  for (const std::string how : {"--export-secret-keys", "--armor --export-secret-keys"}) {
    std::string key = exported("a@example.com", how);
    ASSERT_FALSE(key.empty());
    if (!key.starts_with("-----")) key = to_base64(as_view(key));
    EXPECT_EQ(refusal(key, now()), "PGP key: this is a private key; export the public key");
  }
}

TEST_F(Gpg, SmallRsaKeysAreRefused) {
  gpg("--quick-gen-key a@example.com rsa1024 default never");
  EXPECT_EQ(refusal(to_base64(as_view(exported("a@example.com"))), now()),
            "PGP key: an RSA key must have 2048 to 8192 bits");
}

}  // namespace
}  // namespace strongroom::crypto
