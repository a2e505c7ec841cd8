// Key shares that leave the server encrypted to operators' PGP keys, and the recovery keys of a server that
// unseals by itself.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/recovery.h"
#include "crypto/random.h"
#include "seals/shamir/shamir_seal.h"
#include "seals/static/static_seal.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {
namespace fs = std::filesystem;

// Public keys made for these tests: RSA, and Ed25519 with a subkey of Curve25519.
const std::string kAlice =
    "mQENBGWSAIABCAC8w7VFZIAaM4kvuExZUy/MOQzC1ydUrMVRR6NVSyBiD+ScRY42EZOan7F748LOFUCQtfwSeC1lidiFsVwinaL7"
    "P90+NipOSfUC7lltBtLMpn6+B/1ItALLT/wDZURVUiohXhPyQ/rP/zjH4kVYBw+JQeZz2VkzACgRhnGaj99t1VddQwhTa197QuZ0"
    "BeseyO0IjzrTh9ra3xTmtVuq9bGWJowVaZfhM8BOBM1zfUI+0J+148hYRi1feUb5sMRHTCjdekftKK0tap821Ri3kT+c4Qni3SiO"
    "LBoFcD4X3TY7VFJX0sbLhKQfCT2vdWjtXeghIqD81A0tM/Cq0Nv3KBi9ABEBAAG0EWFsaWNlQGV4YW1wbGUuY29tiQFOBBMBCgA4"
    "FiEEkJYZrOb27eWzkkdXuuhYyV2ESEIFAmWSAIACGw8FCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQuuhYyV2ESEJv0AgAm4ny"
    "r96M9OL/ns3RubR570uNcLKlJotNYCqNIg7Kc7/xdKJ5PMEk/czbqi7kB3l9MK5PeoORnmvlP0AAHixtzp5KFuCspGQ3/2oxSsBi"
    "OxR52U+0o9s3n+zLZLpEF+67Q4lfLWit7XuBgbdTRdrgRABDFBBLQj/2/qWXWFkxnMzhkKPS388Z6aHCn1RO5EnaRwnCG+dxbAuU"
    "9U+xBUQos0Rg8Rnu4D4hmKp5ATy0kIBs9M40TI47Pydkpw98vOP9OSMhigEzL/jmKpDzOd4Hl5m3iZZiVqBIBpCJl87OrlQx1p6M"
    "kzo6FkhmYfaX+ajL8VEK6Zo/u9exVM9eCIpEjQ==";
const std::string kBob =
    "mDMEZZIAgBYJKwYBBAHaRw8BAQdAGPUX05gsLvgXvtnsQmOFG9gEG4pVV3l+Gf2DmdEqwna0D2JvYkBleGFtcGxlLmNvbYiQBBMW"
    "CAA4FiEEAYsb0lOka48I5fP7ux3Ru7ssvnQFAmWSAIACGwEFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQux3Ru7ssvnSODQEA"
    "sY5bYUC11mebjUDKBu2E2DngPBWWxNj8holNf9K0MZABAOc4uKxa3aWJgWPjPg2x/HIEOukuGQ0gqoMG9LzQZo4MuDgEZZIAgBIK"
    "KwYBBAGXVQEFAQEHQGJJ/4LONeuVNCFe3SH3B36Gjd0u3SyGtdYcgguvhhUiAwEIB4h4BBgWCAAgFiEEAYsb0lOka48I5fP7ux3R"
    "u7ssvnQFAmWSAIACGwwACgkQux3Ru7ssvnT3UQD5Adpv5OI8wkUVw5i4k7Im5/wfRoc/gFaZ4QzumXkYe30BAPVnQ888vwae23ZE"
    "090GyYO5WCcdFln+c2YqYtmiqGYI";

std::string quoted(std::initializer_list<std::string> texts) {
  std::string out;
  for (const auto& t : texts) out += (out.empty() ? "\"" : ",\"") + t + "\"";
  return "[" + out + "]";
}

TEST(PgpShares, ABadKeyIsRefusedBeforeAnythingIsFounded) {
  TestServer server;
  ASSERT_TRUE(server.start());
  const auto refused = [&](const std::string& more) {
    const auto a = server.call("PUT", "sys/init", R"({"secret_shares":2,"secret_threshold":2,)" + more + "}");
    EXPECT_EQ(a.status, 400) << a.body;
    EXPECT_EQ(server.call("GET", "sys/init").text("initialized"), "false");
    return a.error();
  };
  EXPECT_EQ(
      refused("\"pgp_keys\":" + quoted({kAlice})),
      "invalid seal configuration: count mismatch between number of provided PGP keys and number of shares");
  EXPECT_EQ(refused("\"pgp_keys\":" + quoted({kAlice, "nonsense!"})),
            "pgp_keys: number 2: PGP key: is neither base64 nor armoured");
  EXPECT_EQ(
      refused("\"pgp_keys\":" + quoted({kBob, "keybase:alice"})),
      "pgp_keys: number 2: PGP key: keybase names are not looked up; give the key in base64 or armoured");
  EXPECT_EQ(refused("\"root_token_pgp_key\":\"" + kBob.substr(0, 200) + "\""),
            "root_token_pgp_key: PGP key: a packet is cut short");
  EXPECT_EQ(refused("\"recovery_pgp_keys\":" + quoted({kAlice, kBob})),
            "parameters recovery_pgp_keys not applicable to seal type shamir");
  ASSERT_EQ(server.init().status, 200);
}

TEST(PgpShares, NoShareAndNoTokenLeavesInClear) {
  TestServer server;
  ASSERT_TRUE(server.start());
  const auto a = server.call("PUT", "sys/init",
                             R"({"secret_shares":2,"secret_threshold":2,"pgp_keys":)" +
                                 quoted({kAlice, kBob}) + R"(,"root_token_pgp_key":")" + kBob + "\"}");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto keys = a.texts("keys");
  const auto base64 = a.texts("keys_base64");
  ASSERT_EQ(keys.size(), 2u);
  ASSERT_EQ(base64.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_GT(keys[i].size(), 200u);
    EXPECT_EQ(from_hex(keys[i]), from_base64(base64[i]));
    EXPECT_NE(server.call("PUT", "sys/unseal", "{\"key\":\"" + keys[i] + "\"}").status, 200);
  }
  EXPECT_FALSE(a.text("root_token").starts_with("hvs."));
  EXPECT_TRUE(from_base64(a.text("root_token")).has_value());
}

TEST(PgpShares, WhatGpgDecryptsUnsealsAndIsTheRootToken) {
  if (std::system("gpg --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "gpg is not installed";
  std::string home = fs::temp_directory_path() / "sr-gpg-XXXXXX";
  ASSERT_NE(mkdtemp(home.data()), nullptr);
  const auto gpg = [&](const std::string& arguments) {
    std::string out;
    std::FILE* pipe = popen(("gpg --homedir " + home + " --batch --pinentry-mode loopback --passphrase '' " +
                             arguments + " 2>/dev/null")
                                .c_str(),
                            "r");
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
      out.append(buffer.data(), n);
    pclose(pipe);
    return out;
  };
  TestServer server;
  // The keys are as old as the server's clock says.
  const auto now = std::chrono::floor<Seconds>(server.clock.now()).time_since_epoch().count();
  std::vector<std::string> keys;
  for (const std::string kind : {"rsa2048 cert,sign,encr", "future-default default"}) {
    const std::string name = "k" + std::to_string(keys.size()) + "@example.com";
    gpg("--faked-system-time " + std::to_string(now) + " --quick-gen-key " + name + " " + kind + " never");
    keys.push_back(to_base64(as_view(gpg("--export " + name))));
  }
  ASSERT_TRUE(server.start());
  const auto a = server.call("PUT", "sys/init",
                             R"({"secret_shares":2,"secret_threshold":2,"pgp_keys":)" +
                                 quoted({keys[0], keys[1]}) + R"(,"root_token_pgp_key":")" + keys[1] + "\"}");
  ASSERT_EQ(a.status, 200) << a.body;
  const auto decrypted = [&](const std::string& base64) {
    const std::string file = home + "/message";
    const auto bytes = from_base64(base64).value();
    std::ofstream(file, std::ios::binary | std::ios::trunc) << as_text(View(bytes));
    return gpg("--decrypt " + file);
  };
  std::string state;
  for (const auto& k : a.texts("keys_base64")) {
    const auto share = decrypted(k);
    EXPECT_EQ(share.size(), 66u);
    state = server.call("PUT", "sys/unseal", "{\"key\":\"" + share + "\"}").text("sealed");
  }
  EXPECT_EQ(state, "false");
  const auto token = decrypted(a.text("root_token"));
  EXPECT_EQ(server.call("GET", "auth/token/lookup-self", {}, token).text("data/policies/0"), "root");
  [[maybe_unused]] const int ended =
      std::system(("gpgconf --homedir " + home + " --kill all 2>/dev/null").c_str());
  fs::remove_all(home);
}

// ---- recovery keys

class RecoveryKeys : public ::testing::Test {
 protected:
  RecoveryKeys() {
    options_.seal = [](Random& random) {
      return std::make_unique<seals::static_key::StaticSeal>(
          random, seals::static_key::StaticKey{"1", crypto::Key::copy_of(View(Bytes(32, std::byte{7})))});
    };
    options_.shares = 3;
    options_.threshold = 2;
    server_ = std::make_unique<TestServer>(options_);
  }
  // Whether these shares, in hexadecimal, are the recovery keys.
  Status checked(std::initializer_list<std::string> shares) {
    const auto snapshot = server_->store().snapshot().value();
    store::Txn txn(*snapshot, server_->barrier());
    crypto::SystemRandom random;
    seals::shamir::ShamirSeal quorum(random);
    SR_TRY(core::recovery::expect(txn, quorum));
    for (const auto& s : shares) {
      const Bytes raw = from_hex(s).value();
      SR_TRY(quorum.add_share(Secret::copy_of(View(raw))));
    }
    return core::recovery::check(txn, quorum);
  }
  TestServer::Options options_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(RecoveryKeys, AreDealtAtInitAndKnownAfterARestart) {
  ASSERT_TRUE(server_->start());
  auto status = server_->call("GET", "sys/seal-status");
  EXPECT_EQ(status.text("recovery_seal"), "true");
  EXPECT_EQ(status.text("t"), "0");
  const auto init = server_->init();
  ASSERT_EQ(init.status, 200) << init.body;
  EXPECT_EQ(init.find("keys"), "[]");
  EXPECT_EQ(init.texts("recovery_keys").size(), 3u);
  EXPECT_EQ(from_hex(init.texts("recovery_keys")[2]), from_base64(init.texts("recovery_keys_base64")[2]));
  for (int i = 0; i < 2; ++i) {
    status = server_->call("GET", "sys/seal-status");
    EXPECT_EQ(status.text("sealed"), "false");
    EXPECT_EQ(status.text("recovery_seal"), "true");
    EXPECT_EQ(status.text("recovery_seal_type"), "shamir");
    EXPECT_EQ(status.text("t"), "2");
    EXPECT_EQ(status.text("n"), "3");
    const auto& s = server_->shares();
    EXPECT_TRUE(checked({s[0], s[1]}));
    EXPECT_TRUE(checked({s[2], s[0]}));
    std::string wrong = s[1];
    wrong[0] = wrong[0] == '0' ? '1' : '0';
    EXPECT_EQ(checked({s[0], wrong}).error().code, Code::invalid_argument);
    EXPECT_FALSE(checked({s[0]}));
    ASSERT_TRUE(server_->restart());
  }
  server_->root("PUT", "sys/seal");
  EXPECT_EQ(server_->call("GET", "sys/seal-status").text("n"), "3");
}

TEST_F(RecoveryKeys, MayBeLeftOut) {
  ASSERT_TRUE(server_->start());
  const auto init = server_->call("PUT", "sys/init", "{}");
  ASSERT_EQ(init.status, 200) << init.body;
  EXPECT_FALSE(init.find("recovery_keys"));
  EXPECT_EQ(server_->call("GET", "sys/seal-status").text("n"), "0");
  EXPECT_EQ(checked({}).error().code, Code::failed_precondition);
}

TEST_F(RecoveryKeys, WishesThatCannotBeAreRefused) {
  ASSERT_TRUE(server_->start());
  const auto refused = [&](const std::string& body) {
    const auto a = server_->call("PUT", "sys/init", body);
    EXPECT_EQ(a.status, 400) << a.body;
    EXPECT_EQ(server_->call("GET", "sys/init").text("initialized"), "false");
    return a.error();
  };
  EXPECT_EQ(refused(R"({"secret_shares":2,"secret_threshold":2})"),
            "parameters secret_shares,secret_threshold not applicable to seal type static");
  EXPECT_EQ(refused("{\"pgp_keys\":" + quoted({kAlice}) + "}"),
            "parameters pgp_keys not applicable to seal type static");
  EXPECT_EQ(refused(R"({"recovery_shares":2,"recovery_threshold":1})"),
            "invalid recovery configuration: threshold must be greater than one for multiple shares");
  EXPECT_EQ(refused(R"({"recovery_shares":2,"recovery_threshold":3})"),
            "invalid recovery configuration: threshold must be between 1 and the number of shares");
  EXPECT_EQ(refused(R"({"recovery_shares":300,"recovery_threshold":2})"),
            "invalid recovery configuration: shares must be between 1 and 255");
  EXPECT_EQ(
      refused(R"({"recovery_shares":2,"recovery_threshold":2,"recovery_pgp_keys":)" + quoted({kAlice}) + "}"),
      "invalid recovery configuration: count mismatch between number of provided PGP keys and number of "
      "shares");
}

TEST_F(RecoveryKeys, LeaveEncryptedWhenPgpKeysAreGiven) {
  ASSERT_TRUE(server_->start());
  const auto a = server_->call(
      "PUT", "sys/init",
      R"({"recovery_shares":2,"recovery_threshold":2,"recovery_pgp_keys":)" + quoted({kAlice, kBob}) + "}");
  ASSERT_EQ(a.status, 200) << a.body;
  for (const auto& k : a.texts("recovery_keys")) EXPECT_GT(k.size(), 200u);
}

// ---- ceremonies

std::string given(const std::string& share, const std::string& nonce) {
  return "{\"key\":\"" + share + "\",\"nonce\":\"" + nonce + "\"}";
}

TEST(PgpShares, ARootTokenAndNewSharesLeaveEncrypted) {
  auto server = TestServer::ready();
  const auto bad = server->root("PUT", "sys/generate-root-token/attempt", R"({"pgp_key":"!"})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.error(), "pgp_key: PGP key: is neither base64 nor armoured");
  const auto begun = server->root("PUT", "sys/generate-root-token/attempt", "{\"pgp_key\":\"" + kBob + "\"}");
  ASSERT_EQ(begun.status, 200) << begun.body;
  EXPECT_EQ(begun.text("data/pgp_fingerprint"), "018b1bd253a46b8f08e5f3fbbb1dd1bbbb2cbe74");
  EXPECT_EQ(begun.text("data/otp"), "");
  const auto made = server->root("PUT", "sys/generate-root-token/update",
                                 given(server->shares()[0], begun.text("data/nonce")));
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_GT(from_base64(made.text("data/encoded_token")).value().size(), 150u);

  const auto rekey =
      server->root("PUT", "sys/rotate/root/init",
                   R"({"secret_shares":2,"secret_threshold":2,"pgp_keys":)" + quoted({kAlice, kBob}) + "}");
  ASSERT_EQ(rekey.status, 200) << rekey.body;
  EXPECT_EQ(rekey.text("data/pgp_fingerprints/0"), "909619ace6f6ede5b3924757bae858c95d844842");
  const auto shares =
      server->root("PUT", "sys/rotate/root/update", given(server->shares()[0], rekey.text("data/nonce")));
  ASSERT_EQ(shares.status, 200) << shares.body;
  ASSERT_EQ(shares.texts("data/keys").size(), 2u) << shares.body;
  for (const auto& k : shares.texts("data/keys")) EXPECT_GT(k.size(), 200u);
  EXPECT_EQ(server->root("GET", "sys/rotate/root/backup").error(), "no backed-up keys found");
}

TEST(PgpRekey, ABackupIsKeptWithTheNewKeyUntilItIsForgotten) {
  const auto server = TestServer::ready();
  const auto begin = [&](const std::string& more) {
    return server->root("PUT", "sys/rotate/root/init",
                        R"({"secret_shares":2,"secret_threshold":2,"backup":true)" + more + "}");
  };
  EXPECT_EQ(begin("").status, 400) << "without PGP keys a backup would be the shares themselves";
  const auto rekey = begin(",\"pgp_keys\":" + quoted({kAlice, kBob}));
  ASSERT_EQ(rekey.status, 200) << rekey.body;
  EXPECT_EQ(rekey.text("data/backup"), "true");
  EXPECT_EQ(server->root("GET", "sys/rotate/root/backup").status, 400) << "nothing is kept before it counts";
  const auto shares =
      server->root("PUT", "sys/rotate/root/update", given(server->shares()[0], rekey.text("data/nonce")));
  ASSERT_EQ(shares.status, 200) << shares.body;
  const auto kept = server->root("GET", "sys/rotate/root/backup");
  ASSERT_EQ(kept.status, 200) << kept.body;
  EXPECT_EQ(kept.text("data/nonce"), rekey.text("data/nonce"));
  const auto alice = rekey.text("data/pgp_fingerprints/0");
  EXPECT_EQ(kept.text("data/keys/" + alice + "/0"), shares.texts("data/keys")[0]);
  EXPECT_EQ(kept.text("data/keys_base64/" + rekey.text("data/pgp_fingerprints/1") + "/0"),
            shares.texts("data/keys_base64")[1]);
  EXPECT_EQ(kept.text("keys/" + alice + "/0"), shares.texts("data/keys")[0])
      << "repeated at the top, as in Vault";
  EXPECT_EQ(server->root("GET", "sys/rotate/recovery/backup").status, 400);
  EXPECT_EQ(server->call("GET", "sys/rotate/root/backup", {}, server->token_with(R"(["default"])")).status,
            403);
  EXPECT_EQ(server->root("DELETE", "sys/rotate/root/backup").status, 204);
  EXPECT_EQ(server->root("GET", "sys/rotate/root/backup").status, 400);
  EXPECT_EQ(server->root("DELETE", "sys/rotate/root/backup").status, 204);
}

TEST_F(RecoveryKeys, PermitARootTokenAndNewRecoveryKeys) {
  ASSERT_TRUE(server_->start());
  ASSERT_EQ(server_->init().status, 200);
  const auto old = server_->shares();
  const auto quorum = [&](const std::string& path, const std::string& nonce, const std::string& first,
                          const std::string& second) {
    EXPECT_EQ(server_->root("PUT", path, given(first, nonce)).status, 200);
    return server_->root("PUT", path, given(second, nonce));
  };
  auto begun = server_->root("PUT", "sys/generate-root-token/attempt", "{}");
  ASSERT_EQ(begun.status, 200) << begun.body;
  EXPECT_EQ(begun.text("data/required"), "2");
  std::string wrong = old[1];
  wrong[0] = wrong[0] == '0' ? '1' : '0';
  EXPECT_EQ(quorum("sys/generate-root-token/update", begun.text("data/nonce"), old[0], wrong).status, 400);
  const auto made = quorum("sys/generate-root-token/update", begun.text("data/nonce"), old[0], old[2]);
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.text("data/complete"), "true");

  begun = server_->root("PUT", "sys/rotate/recovery/init", R"({"secret_shares":5,"secret_threshold":3})");
  ASSERT_EQ(begun.status, 200) << begun.body;
  const auto fresh = quorum("sys/rotate/recovery/update", begun.text("data/nonce"), old[1], old[2]);
  ASSERT_EQ(fresh.status, 200) << fresh.body;
  const auto keys = fresh.texts("data/keys");
  ASSERT_EQ(keys.size(), 5u);
  EXPECT_TRUE(checked({keys[4], keys[0], keys[2]}));
  EXPECT_FALSE(checked({old[0], old[1], old[2]}));
  EXPECT_EQ(server_->call("GET", "sys/seal-status").text("n"), "5");
  ASSERT_TRUE(server_->restart());
  EXPECT_EQ(server_->call("GET", "sys/seal-status").text("n"), "5");
  EXPECT_TRUE(checked({keys[1], keys[0], keys[3]}));
}

}  // namespace
}  // namespace strongroom::testkit
