#include "crypto/tls_context.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace strongroom::crypto {
namespace {
class TlsContextTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tls_context_test.XXXXXX";
    folder_ = mkdtemp(name);
    auto made = self_signed_certificate(names_, 10);
    ASSERT_TRUE(made);
    cert_ = std::move(*made);
    settings_.certificate_file = write("cert.pem", cert_.certificate_pem);
    settings_.key_file = write("key.pem", view(cert_.key_pem));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::string refusal(const TlsSettings& s) {
    const auto c = TlsContext::server(s);
    return c ? "" : c.error().message;
  }
  std::vector<std::string> names_{"vault.example", "127.0.0.1", "::1"};
  std::filesystem::path folder_;
  SelfSigned cert_;
  TlsSettings settings_;
};

// Two filters joined by their buffers.
struct Pair {
  Pair(const TlsContext& s, const TlsContext& c) : server(s, from_server), client(c, from_client) {
    client.start();
    for (int i = 0; i < 10; ++i) exchange();
  }
  void exchange() {
    to_server += pass(server, from_client);
    to_client += pass(client, from_server);
  }
  static std::string pass(TlsFilter& to, SecretText& wire) {
    const SecretText moving = std::exchange(wire, {});
    to.offer(view(moving));
    std::string text;
    char piece[1000];
    while (const std::size_t n = to.read(piece)) text.append(piece, n);
    return text;
  }
  SecretText from_server;
  SecretText from_client;
  TlsFilter server;
  TlsFilter client;
  std::string to_server;
  std::string to_client;
};

TEST_F(TlsContextTest, CarriesTextBothWaysAndCloses) {
  const auto s = TlsContext::server(settings_);
  const auto c = TlsContext::client(cert_.certificate_pem);
  ASSERT_TRUE(s && c);
  Pair p(**s, **c);
  ASSERT_TRUE(p.server.established());
  ASSERT_TRUE(p.client.established());
  EXPECT_EQ(p.client.version(), "TLSv1.3");
  EXPECT_FALSE(p.client.peer_certificate().empty());
  const std::string large(100'000, 'x');
  ASSERT_TRUE(p.client.send("question"));
  ASSERT_TRUE(p.server.send(large));
  p.exchange();
  EXPECT_EQ(p.to_server, "question");
  EXPECT_EQ(p.to_client, large);
  p.server.close();
  p.exchange();
  EXPECT_EQ(p.client.state(), TlsFilter::State::closed);
}

TEST_F(TlsContextTest, FailsOnGarbageAndSendsAnAlert) {
  const auto s = TlsContext::server(settings_);
  ASSERT_TRUE(s);
  SecretText out;
  TlsFilter f(**s, out);
  EXPECT_FALSE(f.send("too early"));
  f.offer({"\x16\x03\x01\x00\x05hello and more", 19});
  char text[100];
  EXPECT_EQ(f.read(text), 0U);
  EXPECT_EQ(f.state(), TlsFilter::State::failed);
  EXPECT_FALSE(out.empty());
  EXPECT_FALSE(f.send("x"));
  f.close();
}

TEST_F(TlsContextTest, AClientRefusesACertificateItDoesNotTrust) {
  const auto other = self_signed_certificate(names_, 10);
  const auto s = TlsContext::server(settings_);
  const auto c = TlsContext::client(other->certificate_pem);
  ASSERT_TRUE(s && c);
  Pair p(**s, **c);
  EXPECT_EQ(p.client.state(), TlsFilter::State::failed);
}

TEST_F(TlsContextTest, HoldsToItsVersionsAndSuites) {
  auto s = settings_;
  s.most = TlsVersion::tls12;
  s.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"};
  const auto server = TlsContext::server(s);
  ASSERT_TRUE(server) << server.error().message;
  const auto client = TlsContext::client(cert_.certificate_pem);
  Pair p(**server, **client);
  EXPECT_TRUE(p.client.established());
  EXPECT_EQ(p.client.version(), "TLSv1.2");
}

TEST_F(TlsContextTest, NamesTheSettingAtFault) {
  auto s = settings_;
  s.least = TlsVersion::tls13;
  s.most = TlsVersion::tls12;
  EXPECT_EQ(refusal(s), "tls_min_version: must not be above tls_max_version");
  s = settings_;
  s.cipher_suites = {"TLS_AES_128_GCM_SHA256", "TLS_MADE_UP"};
  EXPECT_EQ(refusal(s), "tls_cipher_suites: entry 2 is not a known cipher suite");
  s.cipher_suites = {"ALL:!aNULL"};
  EXPECT_EQ(refusal(s), "tls_cipher_suites: entry 1 is not a known cipher suite");
  s.cipher_suites = {"TLS_AES_999_GCM_SHA256"};
  EXPECT_EQ(refusal(s), "tls_cipher_suites: names an unknown TLS 1.3 cipher suite");
  s = settings_;
  s.certificate_file = "/nowhere";
  EXPECT_EQ(refusal(s), "tls_cert_file: cannot open /nowhere: No such file or directory");
  s.certificate_file = write("text.pem", "no certificate");
  EXPECT_EQ(refusal(s),
            "tls_cert_file: " + s.certificate_file + " cannot be read as a PEM certificate chain");
  s = settings_;
  s.key_file = settings_.certificate_file;
  EXPECT_EQ(refusal(s).substr(0, 13), "tls_key_file:");
  const auto other = self_signed_certificate(names_, 10);
  s.key_file = write("other.pem", view(other->key_pem));
  EXPECT_EQ(refusal(s).substr(0, 13), "tls_key_file:");
}

TEST_F(TlsContextTest, NeverAsksTheTerminalForAPassphrase) {
  // An encrypted PKCS#8 frame is enough: the callback is asked before its content matters.
  auto s = settings_;
  s.key_file = write("locked.pem",
                     "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
                     "-----END RSA PRIVATE KEY-----\n");
  EXPECT_EQ(refusal(s).substr(0, 13), "tls_key_file:");
}

TEST_F(TlsContextTest, RefusesNamesThatWouldChangeTheCertificate) {
  for (const std::string bad : {"", "a,DNS:evil", "a b", "a=b", "dirName:x", "1:2"}) {
    const std::vector<std::string> names{bad};
    EXPECT_FALSE(self_signed_certificate(names, 10)) << bad;
  }
  EXPECT_FALSE(self_signed_certificate({}, 10));
  EXPECT_FALSE(TlsContext::client("nothing"));
}
}  // namespace
}  // namespace strongroom::crypto
