// Root tokens and new shares by a quorum of share holders, and the rotation of keys, on the whole server: as
// clients see it, in the audit log, and through power cuts at every write.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "seals/shamir/shamir_seal.h"
#include "seals/static/static_seal.h"
#include "store/tables.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

TestServer::Options of_shares(std::uint32_t shares, std::uint32_t threshold, std::uint64_t seed = 1) {
  TestServer::Options o;
  o.shares = shares;
  o.threshold = threshold;
  o.seed = seed;
  return o;
}
std::string share(const std::string& key, const std::string& nonce) {
  return fmt::format(R"({{"key":"{}","nonce":"{}"}})", key, nonce);
}
std::string wish(int shares, int threshold, bool verify) {
  return fmt::format(R"({{"secret_shares":{},"secret_threshold":{},"require_verification":{}}})", shares,
                     threshold, verify);
}
std::string decoded(const std::string& encoded, const std::string& otp) {
  auto raw = from_base64(encoded).value_or(Bytes());
  EXPECT_EQ(raw.size(), otp.size());
  std::string out;
  for (std::size_t i = 0; i < raw.size() && i < otp.size(); ++i)
    out.push_back(static_cast<char>(std::to_integer<unsigned>(raw[i]) ^ static_cast<unsigned char>(otp[i])));
  return out;
}
// Whether these shares, and enough of them, open a server that is sealed.
bool opens(TestServer& s, const std::vector<std::string>& shares) {
  s.call("PUT", "sys/unseal", R"({"reset":true})");
  for (const auto& k : shares) {
    const auto a = s.call("PUT", "sys/unseal", "{\"key\":\"" + k + "\"}");
    if (!a.ok()) break;
    if (a.text("sealed") == "false") return true;
  }
  s.call("PUT", "sys/unseal", R"({"reset":true})");
  return false;
}
Answer write(TestServer& s, const std::string& path, const std::string& value) {
  return s.root("POST", "secret/data/" + path, "{\"data\":{\"v\":\"" + value + "\"}}");
}
std::string value(TestServer& s, const std::string& path) {
  return s.root("GET", "secret/data/" + path).text("data/data/v");
}

TEST(GenerateRoot, AQuorumMakesARootTokenThatOnlyTheOtpShows) {
  auto s = TestServer::ready(of_shares(3, 2));
  s->gate = core::Request::Gate::open;
  const auto begun = s->call("PUT", "sys/generate-root/attempt");
  ASSERT_EQ(begun.status, 200) << begun.body;
  const auto nonce = begun.text("nonce");
  const auto otp = begun.text("otp");
  EXPECT_EQ(std::to_string(otp.size()), begun.text("otp_length"));
  EXPECT_EQ(s->call("GET", "sys/generate-root/attempt").text("otp"), "") << "it is shown once";
  EXPECT_EQ(s->call("PUT", "sys/generate-root/attempt").status, 400) << "one at a time";

  EXPECT_EQ(s->call("PUT", "sys/generate-root/update", share(s->shares()[0], "wrong")).status, 400);
  const auto first = s->call("PUT", "sys/generate-root/update", share(s->shares()[0], nonce));
  EXPECT_EQ(first.text("progress"), "1");
  EXPECT_EQ(first.text("complete"), "false");
  EXPECT_EQ(s->call("PUT", "sys/generate-root/update", share(s->shares()[0], nonce)).status, 400)
      << "the same share again";
  const auto last = s->call("PUT", "sys/generate-root/update", share(s->shares()[2], nonce));
  ASSERT_EQ(last.text("complete"), "true") << last.body;
  EXPECT_EQ(last.text("encoded_token"), last.text("encoded_root_token"));

  const auto token = decoded(last.text("encoded_token"), otp);
  EXPECT_EQ(last.body.find(token), std::string::npos);
  const auto self = s->call("GET", "auth/token/lookup-self", {}, token);
  EXPECT_EQ(self.text("data/policies"), R"(["root"])") << self.body;
  EXPECT_EQ(self.text("data/path"), "auth/token/root");
  EXPECT_EQ(s->call("PUT", "sys/decode-token",
                    fmt::format(R"({{"encoded_token":"{}","otp":"{}"}})", last.text("encoded_token"), otp))
                .text("data/token"),
            token);
  EXPECT_EQ(s->call("GET", "sys/generate-root/attempt").text("started"), "false");
  // Whoever gave the last share may have lost the reply.
  EXPECT_EQ(s->call("PUT", "sys/generate-root/update", share(s->shares()[2], nonce)).text("encoded_token"),
            last.text("encoded_token"));
  s->clock.advance(Seconds(61));
  EXPECT_EQ(s->call("PUT", "sys/generate-root/update", share(s->shares()[2], nonce)).status, 400);
  int made = 0;
  for (const auto& r : s->records()) made += r.record.operation == "generate-root" && r.record.revision != 0;
  EXPECT_EQ(made, 1) << "one durable record for one token";
}

TEST(GenerateRoot, AWrongQuorumStartsAgainAndTooManyAreRefused) {
  auto s = TestServer::ready(of_shares(3, 2));
  const auto nonce = s->root("PUT", "sys/generate-root-token/attempt", "{}").text("data/nonce");
  const auto give = [&](const std::string& key) {
    return s->root("PUT", "sys/generate-root-token/update", share(key, nonce));
  };
  const auto wrong = std::string(64, 'a') + "09";
  EXPECT_EQ(give(s->shares()[0]).text("data/progress"), "1");
  EXPECT_EQ(give(wrong).status, 400);
  const auto state = s->root("GET", "sys/generate-root-token/attempt");
  EXPECT_EQ(state.text("data/progress"), "0");
  EXPECT_EQ(state.text("data/nonce"), nonce) << "the attempt itself goes on";
  int status = 0;
  for (int i = 0; i < 40 && status != 429; ++i) status = give(i % 2 == 0 ? s->shares()[0] : wrong).status;
  EXPECT_EQ(status, 429);
  s->clock.advance(Seconds(60));
  give(s->shares()[1]);
  EXPECT_EQ(s->root("DELETE", "sys/generate-root-token/attempt").status, 204);
  const auto again = s->root("PUT", "sys/generate-root-token/attempt", "{}");
  s->root("PUT", "sys/generate-root-token/update", share(s->shares()[1], again.text("data/nonce")));
  EXPECT_EQ(s->root("PUT", "sys/generate-root-token/update", share(s->shares()[2], again.text("data/nonce")))
                .text("data/complete"),
            "true");
}

TEST(GenerateRoot, AnAttemptEndsWithTheSealAndAfterADay) {
  auto s = TestServer::ready(of_shares(2, 2));
  const auto nonce = s->root("PUT", "sys/generate-root-token/attempt", "{}").text("data/nonce");
  s->root("PUT", "sys/generate-root-token/update", share(s->shares()[0], nonce));
  s->root("PUT", "sys/seal");
  ASSERT_EQ(s->unseal().status, 200);
  EXPECT_EQ(s->root("GET", "sys/generate-root-token/attempt").text("data/started"), "false");
  s->root("PUT", "sys/generate-root-token/attempt", "{}");
  EXPECT_EQ(s->root("GET", "sys/generate-root-token/attempt").text("data/started"), "true");
  s->clock.advance(Seconds(24 * 3600 + 1));
  EXPECT_EQ(s->root("GET", "sys/generate-root-token/attempt").text("data/started"), "false");
}

TEST(Rekey, NewSharesOpenAndOldOnesDoNot) {
  auto s = TestServer::ready(of_shares(1, 1));
  ASSERT_EQ(write(*s, "a", "one").status, 200);
  s->gate = core::Request::Gate::open;
  const auto old = s->shares();
  const auto begun = s->call("PUT", "sys/rekey/init", wish(5, 3, false));
  ASSERT_EQ(begun.status, 200) << begun.body;
  const auto done = s->call("PUT", "sys/rekey/update", share(old[0], begun.text("nonce")));
  const auto fresh = done.texts("keys");
  ASSERT_EQ(fresh.size(), 5u) << done.body;
  EXPECT_EQ(s->call("PUT", "sys/rekey/update", share(old[0], begun.text("nonce"))).texts("keys"), fresh)
      << "a lost reply can be had again";
  EXPECT_EQ(s->call("GET", "sys/seal-status").text("t"), "3");
  EXPECT_EQ(s->call("GET", "sys/rekey/init").text("required"), "3");
  ASSERT_EQ(write(*s, "b", "two").status, 200);
  s->root("PUT", "sys/seal");
  EXPECT_FALSE(opens(*s, old));
  EXPECT_EQ(s->call("GET", "sys/seal-status").text("n"), "5");
  ASSERT_TRUE(opens(*s, {fresh[4], fresh[0], fresh[2]}));
  EXPECT_EQ(value(*s, "a"), "one");
  EXPECT_EQ(value(*s, "b"), "two");
  ASSERT_TRUE(s->restart());
  EXPECT_FALSE(opens(*s, old));
  ASSERT_TRUE(opens(*s, {fresh[1], fresh[3], fresh[2]}));
  EXPECT_EQ(value(*s, "b"), "two");
  EXPECT_EQ(s->root("POST", "sys/internal/store/verify").text("data/verified"), "true");
}

TEST(Rekey, WithVerificationTheOldSharesHoldUntilTheNewOnesHaveComeBack) {
  auto s = TestServer::ready(of_shares(3, 2));
  const auto old = s->shares();
  const auto give = [&](const std::string& key, const std::string& nonce) {
    return s->root("PUT", "sys/rotate/root/update", share(key, nonce));
  };
  const auto verify = [&](const std::string& key, const std::string& nonce) {
    return s->root("PUT", "sys/rotate/root/verify", share(key, nonce));
  };
  EXPECT_EQ(s->root("GET", "sys/rotate/root/verify").status, 400);
  const auto nonce = s->root("PUT", "sys/rotate/root/init", wish(3, 2, true)).text("data/nonce");
  EXPECT_EQ(s->root("PUT", "sys/rotate/root/init", wish(3, 2, true)).status, 400);
  EXPECT_EQ(verify(old[0], nonce).status, 400);
  EXPECT_EQ(give(old[0], nonce).text("data/progress"), "1");
  const auto done = give(old[1], nonce);
  const auto fresh = done.texts("data/keys");
  const auto vn = done.text("data/verification_nonce");
  ASSERT_EQ(fresh.size(), 3u) << done.body;

  EXPECT_EQ(verify(fresh[0], nonce).status, 400) << "the nonce is another";
  EXPECT_EQ(verify(fresh[0], vn).text("data/progress"), "1");
  EXPECT_EQ(verify(fresh[0], vn).status, 400) << "the same share again";
  EXPECT_EQ(verify(old[1], vn).status, 400);
  const auto vn2 = s->root("GET", "sys/rotate/root/verify").text("data/nonce");
  EXPECT_NE(vn2, vn) << "a wrong share starts the verification again";
  EXPECT_EQ(verify(fresh[0], vn2).text("data/progress"), "1");
  const auto vn3 = s->root("DELETE", "sys/rotate/root/verify").text("data/nonce");
  EXPECT_EQ(s->root("GET", "sys/rotate/root/verify").text("data/progress"), "0");

  // Sealed in between, nothing has changed, and the attempt is gone.
  s->root("PUT", "sys/seal");
  EXPECT_FALSE(opens(*s, {fresh[0], fresh[1]}));
  ASSERT_TRUE(opens(*s, {old[0], old[2]}));
  EXPECT_EQ(verify(fresh[0], vn3).status, 400);

  const auto second = s->root("PUT", "sys/rotate/root/init", wish(1, 1, true)).text("data/nonce");
  give(old[0], second);
  const auto last = give(old[2], second);
  const auto one = last.texts("data/keys");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(verify(one[0], last.text("data/verification_nonce")).text("data/complete"), "true");
  s->root("PUT", "sys/seal");
  EXPECT_FALSE(opens(*s, {old[0], old[2]}));
  EXPECT_TRUE(opens(*s, one));
}

TEST(Rekey, WhoeverHasAnOldFormatRecordAndOldSharesOpensNoLaterKeyring) {
  auto s = TestServer::ready(of_shares(1, 1));
  const auto old = s->shares();
  const auto format_key = store::table_key(store::Table::format);
  const std::string old_format(**(*s->store().snapshot())->get(format_key));
  const auto nonce = s->root("PUT", "sys/rotate/root/init", wish(1, 1, false)).text("data/nonce");
  ASSERT_EQ(s->root("PUT", "sys/rotate/root/update", share(old[0], nonce)).status, 200);
  // The store as a thief of an old backup's format record would assemble it.
  struct Mixed final : store::Snapshot {
    Mixed(const store::Snapshot& now, std::string key, std::string format)
        : now_(now), key_(std::move(key)), format_(std::move(format)) {}
    store::Revision revision() const noexcept override { return now_.revision(); }
    Result<std::optional<std::string_view>> get(std::string_view key) const override {
      if (key == key_) return std::optional<std::string_view>(format_);
      return now_.get(key);
    }
    Status scan(std::string_view first, std::string_view last, const Visit& visit) const override {
      return now_.scan(first, last, visit);
    }
    const store::Snapshot& now_;
    std::string key_, format_;
  };
  const auto now = *s->store().snapshot();
  const Mixed mixed(*now, format_key, old_format);
  SeededRandom random(5);
  barrier::Barrier thief(random);
  const auto config = *barrier::Barrier::seal_config(mixed);
  const auto seal = std::make_unique<seals::shamir::ShamirSeal>(random);
  ASSERT_TRUE(seal->expect(config));
  ASSERT_TRUE(seal->add_share(Secret::copy_of(View(*from_hex(old[0])))));
  const auto opened = thief.unseal(mixed, *seal);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::invalid_argument);
}

// A power cut in any write of the last step: the store is whole, and opens with the old shares or the new
// ones. When the answer came it is the new ones; with verification somebody has both.
void cut_the_rekey(bool verify) {
  std::map<std::string, int> met;
  for (std::uint64_t after = 0; after < 40; ++after)
    for (std::uint64_t dice = 0; dice < 3; ++dice) {
      SCOPED_TRACE(fmt::format("cut after {} writes, dice {}", after, dice));
      auto s = TestServer::ready(of_shares(1, 1, 100 + after * 3 + dice));
      ASSERT_EQ(write(*s, "a", "one").status, 200);
      s->records();
      const auto old = s->shares();
      const auto nonce = s->root("PUT", "sys/rotate/root/init", wish(1, 1, verify)).text("data/nonce");
      std::vector<std::string> fresh;
      Answer last;
      if (verify) {
        const auto done = s->root("PUT", "sys/rotate/root/update", share(old[0], nonce));
        fresh = done.texts("data/keys");
        ASSERT_EQ(fresh.size(), 1u);
        s->disk.crash_after(after);
        last =
            s->root("PUT", "sys/rotate/root/verify", share(fresh[0], done.text("data/verification_nonce")));
      } else {
        s->disk.crash_after(after);
        last = s->root("PUT", "sys/rotate/root/update", share(old[0], nonce));
        fresh = last.texts("data/keys");
      }
      s->crash(dice);
      ASSERT_TRUE(s->start());
      const bool with_old = opens(*s, old);
      if (with_old) {
        s->root("PUT", "sys/seal");
      }
      const bool with_new = !fresh.empty() && opens(*s, fresh);
      if (last.ok()) {
        EXPECT_TRUE(with_new);
        EXPECT_FALSE(with_old);
      } else if (verify) {
        EXPECT_NE(with_old, with_new) << "one of the two, and never both";
      }
      ++met[last.ok() ? "answered" : with_old ? "old" : with_new ? "new" : "unanswered"];
      if (!with_new && !with_old) continue;  // in force, and the reply was lost with the machine
      if (with_old && !with_new) {
        ASSERT_TRUE(opens(*s, old));
      }
      EXPECT_EQ(value(*s, "a"), "one");
      EXPECT_EQ(s->root("POST", "sys/internal/store/verify").text("data/verified"), "true");
      int recorded = 0;
      for (const auto& r : s->records()) recorded += r.record.operation == "rekey" && r.record.revision != 0;
      EXPECT_EQ(recorded, with_new ? 1 : 0) << "the change and its record are one commit";
    }
  EXPECT_GT(met["answered"], 0);
  EXPECT_GT(met["old"], 0);
  for (const auto& [what, n] : met) testing::Test::RecordProperty(what, n);
  // With verification the new shares have been handed out before anything changes: none is never the answer.
  if (verify) {
    EXPECT_EQ(met["unanswered"], 0);
  }
}
TEST(Rekey, SharesOfACancelledAttemptAreNotGivenAgain) {
  auto s = TestServer::ready(of_shares(1, 1));
  const auto nonce = s->root("PUT", "sys/rotate/root/init", wish(1, 1, true)).text("data/nonce");
  const auto last = share(s->shares()[0], nonce);
  EXPECT_EQ(s->root("PUT", "sys/rotate/root/update", last).text("data/complete"), "true");
  EXPECT_EQ(s->root("PUT", "sys/rotate/root/update", last).text("data/complete"), "true") << "a lost reply";
  EXPECT_EQ(s->root("DELETE", "sys/rotate/root/init").status, 204);
  EXPECT_EQ(s->root("PUT", "sys/rotate/root/update", last).status, 400);
}

TEST(RekeyThroughPowerCuts, WithVerificationOldOrNewSharesOpenAndNeverNone) { cut_the_rekey(true); }
TEST(RekeyThroughPowerCuts, TheCommitIsAtomicWithItsRecord) { cut_the_rekey(false); }

TEST(RekeyThroughPowerCuts, AGeneratedRootTokenIsThereWithItsRecordOrNotAtAll) {
  for (std::uint64_t after = 0; after < 25; ++after) {
    SCOPED_TRACE(after);
    auto s = TestServer::ready(of_shares(1, 1, 500 + after));
    const auto begun = s->root("PUT", "sys/generate-root-token/attempt", "{}");
    s->records();
    s->disk.crash_after(after);
    const auto done =
        s->root("PUT", "sys/generate-root-token/update", share(s->shares()[0], begun.text("data/nonce")));
    s->crash(after);
    ASSERT_TRUE(s->start());
    ASSERT_EQ(s->unseal().status, 200);
    const auto live = s->root("LIST", "auth/token/accessors").texts("data/keys").size();
    int made = 0;
    for (const auto& r : s->records())
      made += r.record.operation == "generate-root" && r.record.revision != 0;
    EXPECT_EQ(live, 1u + static_cast<std::size_t>(made));
    if (done.ok()) {
      EXPECT_EQ(made, 1);
      const auto token = decoded(done.text("data/encoded_token"), begun.text("data/otp"));
      EXPECT_EQ(s->call("GET", "auth/token/lookup-self", {}, token).status, 200);
    }
  }
}

// The use is spent first, in a commit of its own: what a power cut between the two leaves is a use that is
// gone.
TEST(Rotation, IsNeverDoneWithoutTheUseOfItsTokenThroughPowerCuts) {
  std::map<std::string, int> met;
  for (std::uint64_t after = 0; after < 25; ++after) {
    SCOPED_TRACE(after);
    auto s = TestServer::ready(of_shares(1, 1, 600 + after));
    s->policy("op", R"(path "sys/rotate" { capabilities = ["update","sudo"] })");
    const auto token = s->token_with(R"(["op"])", R"("num_uses":5)");
    s->records();
    s->disk.crash_after(after);
    const auto done = s->call("POST", "sys/rotate", {}, token);
    s->crash(after);
    ASSERT_TRUE(s->start());
    ASSERT_EQ(s->unseal().status, 200);
    const auto term = s->root("GET", "sys/key-status").text("term");
    const auto uses =
        s->root("POST", "auth/token/lookup", "{\"token\":\"" + token + "\"}").text("data/num_uses");
    const auto left = "term " + term + ", uses " + uses;
    ++met[left];
    if (done.ok()) {
      EXPECT_EQ(left, "term 2, uses 4");
    }
    EXPECT_TRUE(left == "term 1, uses 5" || left == "term 1, uses 4" || left == "term 2, uses 4") << left;
  }
  EXPECT_EQ(met.size(), 3u) << "the cuts met each of the three";
}

TEST(Rotation, ANewTermEncryptsAndTheOldOnesStillRead) {
  auto s = TestServer::ready();
  ASSERT_EQ(write(*s, "a", "one").status, 200);
  const auto before = s->root("GET", "sys/key-status");
  EXPECT_EQ(before.text("term"), "1");
  EXPECT_EQ(before.text("data/term"), "1");
  s->clock.advance(Seconds(10));
  EXPECT_EQ(s->root("PUT", "sys/rotate").status, 204);
  const auto after = s->root("GET", "sys/key-status");
  EXPECT_EQ(after.text("term"), "2");
  EXPECT_GT(after.text("install_time"), before.text("install_time"));
  EXPECT_LT(std::stoi(after.text("encryptions")), std::stoi(before.text("encryptions")));
  ASSERT_EQ(write(*s, "b", "two").status, 200);
  EXPECT_EQ(s->root("PUT", "sys/rotate/keyring").status, 204);
  ASSERT_EQ(s->root("POST", "sys/mounts/other", R"({"type":"kv"})").status, 204);
  ASSERT_EQ(s->root("POST", "other/c", R"({"v":"three"})").status, 204);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(value(*s, "a"), "one");
    EXPECT_EQ(value(*s, "b"), "two");
    EXPECT_EQ(s->root("GET", "other/c").text("data/v"), "three");
    EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "3");
    EXPECT_EQ(s->root("POST", "sys/internal/store/verify").text("data/verified"), "true");
    ASSERT_TRUE(s->restart());
    ASSERT_EQ(s->unseal().status, 200);
  }
  int rotated = 0;
  for (const auto& r : s->records()) rotated += r.record.operation == "rotate" && r.record.revision != 0;
  EXPECT_EQ(rotated, 2);
}

// A request that lost a race for the uses of its token ran again, rotation and all; the last time it ran in
// the committer, which waited for itself.
TEST(Rotation, IsDoneOnceForEachRequestHoweverManyShareATokensUses) {
  auto s = TestServer::ready();
  s->policy("op", R"(path "*" { capabilities = ["create","read","update","sudo"] })");
  const auto token = s->token_with(R"(["op"])", R"("num_uses":1000)");
  std::atomic<int> rotated{0}, others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 30; ++i) {
        if (t % 3 == 0) {
          if (s->call("POST", "sys/rotate", {}, token).ok()) ++rotated;
        } else if (s->call("GET", "auth/token/lookup-self", {}, token).ok()) {
          ++others;
        }
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(others, 120);
  EXPECT_EQ(rotated, 60);
  EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), std::to_string(1 + rotated));
  EXPECT_EQ(s->root("POST", "auth/token/lookup", "{\"token\":\"" + token + "\"}").text("data/num_uses"),
            "820");
}

TEST(GenerateRoot, TheLastUseOfATokenIsEnough) {
  auto s = TestServer::ready(of_shares(1, 1));
  s->policy("op", R"(path "sys/generate-root-token/*" { capabilities = ["update"] })");
  const auto nonce = s->root("PUT", "sys/generate-root-token/attempt", "{}").text("data/nonce");
  const auto token = s->token_with(R"(["op"])", R"("num_uses":2)");
  EXPECT_EQ(
      s->call("PUT", "sys/generate-root-token/update", share(std::string(64, 'a'), nonce), token).status,
      400);
  EXPECT_EQ(s->call("PUT", "sys/generate-root-token/update", share(s->shares()[0], nonce), token)
                .text("data/complete"),
            "true");
  EXPECT_EQ(s->call("PUT", "sys/generate-root-token/attempt", "{}", token).status, 403);
}

TEST(Rotation, IsDoneByTheServerWhenTimeOrCountSaySo) {
  auto s = TestServer::ready();
  EXPECT_EQ(s->root("POST", "sys/rotate/config", R"({"interval":"1h"})").status, 400);
  EXPECT_EQ(s->root("POST", "sys/rotate/config", R"({"max_operations":10})").status, 400);
  EXPECT_EQ(s->root("POST", "sys/rotate/config", R"({"interval":"48h"})").status, 204);
  EXPECT_EQ(s->root("GET", "sys/rotate/config").text("data/interval"), "48h0m0s");
  s->clock.advance(Seconds(47 * 3600));
  s->core().tick();
  EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "1");
  s->clock.advance(Seconds(2 * 3600));
  s->core().tick();
  EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "2");
  s->core().tick();
  EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "2") << "once";
  EXPECT_EQ(s->root("POST", "sys/rotate/config", R"({"enabled":false})").status, 204);
  s->clock.advance(Seconds(100 * 3600));
  s->core().tick();
  EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "2");
  ASSERT_TRUE(s->restart());
  ASSERT_EQ(s->unseal().status, 200);
  const auto config = s->root("GET", "sys/rotate/config");
  EXPECT_EQ(config.text("data/enabled"), "false");
  EXPECT_EQ(config.text("data/interval"), "48h0m0s");
}

TEST(Rotation, ThroughPowerCutsEveryValueStaysReadable) {
  for (std::uint64_t after = 0; after < 30; ++after) {
    SCOPED_TRACE(after);
    auto s = TestServer::ready(of_shares(1, 1, 900 + after));
    ASSERT_EQ(write(*s, "a", "one").status, 200);
    s->records();
    s->disk.crash_after(after);
    const auto rotated = s->root("PUT", "sys/rotate");
    const auto wrote = write(*s, "b", "two");
    s->crash(after);
    ASSERT_TRUE(s->start());
    ASSERT_EQ(s->unseal().status, 200);
    EXPECT_EQ(value(*s, "a"), "one");
    if (rotated.ok()) {
      EXPECT_EQ(s->root("GET", "sys/key-status").text("term"), "2");
    }
    if (wrote.ok()) {
      EXPECT_EQ(value(*s, "b"), "two");
    }
    EXPECT_EQ(s->root("POST", "sys/internal/store/verify").text("data/verified"), "true");
  }
}

// Not even as an HMAC: a share is too much to leave a trace of.
TEST(KeyShares, AreInTheAuditLogInNoForm) {
  auto s = TestServer::ready(of_shares(3, 2));
  s->gate = core::Request::Gate::open;
  std::vector<std::string> shares = s->shares();
  const auto nonce = s->call("PUT", "sys/rekey/init", wish(3, 2, true)).text("nonce");
  s->call("PUT", "sys/rekey/update", share(shares[0], nonce));
  const auto done = s->call("PUT", "sys/rekey/update", share(shares[1], nonce));
  const auto fresh = done.texts("keys");
  shares.insert(shares.end(), fresh.begin(), fresh.end());
  const auto vn = done.text("verification_nonce");
  s->call("PUT", "sys/rekey/verify", share(fresh[0], vn));
  s->call("PUT", "sys/rekey/verify", share(fresh[1], vn));
  s->call("PUT", "sys/rekey/update", "{\"kye\":\"" + shares[0] + "\"}");
  s->call("PUT", "sys/generate-root/update", share(shares[0], "x"));
  s->root("PUT", "sys/generate-root-token/update", share(shares[0], "x"));
  std::size_t with_key = 0;
  for (const auto& r : s->records()) {
    for (const auto& k : shares) {
      const auto raw = *from_hex(k);
      for (const std::string& text : {k, to_base64(View(raw)), std::string(as_text(View(raw)))}) {
        EXPECT_EQ(r.record.request.find(text), std::string::npos);
        EXPECT_EQ(r.record.response.find(text), std::string::npos);
      }
    }
    // A member "key", "keys", "keys_base64" or a misspelled one, and null: CBOR.
    for (const auto* tree : {&r.record.request, &r.record.response})
      for (const std::string& name : {std::string("\x63key"), std::string("\x64keys"),
                                      std::string("\x6bkeys_base64"), std::string("\x63kye")})
        if (const auto at = tree->find(name);
            at != std::string::npos &&
            (r.record.path.starts_with("sys/rekey") || r.record.path.starts_with("sys/generate-root"))) {
          ++with_key;
          EXPECT_EQ((*tree)[at + name.size()], '\xf6') << r.record.path << " " << name.substr(1);
        }
  }
  EXPECT_GE(with_key, 8u);
  for (const auto& line : s->log_lines.lines())
    for (const auto& k : shares) EXPECT_EQ(line.find(k), std::string::npos);
}

TEST(KeyShares, LeaveNoTraceWhenTheyAreUnwrappedEither) {
  auto s = TestServer::ready(of_shares(1, 1));
  Ask ask;
  ask.method = "PUT";
  ask.target = "sys/rotate/root/update";
  ask.token = s->root_token();
  ask.wrap_ttl = "60";
  ask.body =
      share(s->shares()[0], s->root("PUT", "sys/rotate/root/init", wish(1, 1, false)).text("data/nonce"));
  auto token = s->send(ask).text("wrap_info/token");
  const auto named = [&] { return "{\"token\":\"" + token + "\"}"; };
  token = s->root("POST", "sys/wrapping/rewrap", named()).text("wrap_info/token");
  const auto unwrapped = s->root("POST", "sys/wrapping/unwrap", named());
  ASSERT_EQ(unwrapped.texts("data/keys").size(), 1u) << unwrapped.body;
  std::size_t unwraps = 0;
  for (const auto& r : s->records()) {
    if (r.record.path != "sys/wrapping/unwrap") continue;
    ++unwraps;
    EXPECT_EQ(r.record.response.find("keys"), std::string::npos);
  }
  EXPECT_EQ(unwraps, 1u);
}

TEST(StaticSeal, AReplacedKeyOfTheSealIsNeededForOneStartOnly) {
  using seals::static_key::StaticKey;
  using seals::static_key::StaticSeal;
  SeededRandom random(77);
  const auto key1 = crypto::Key::random(random);
  const auto key2 = crypto::Key::random(random);
  enum class Phase { first, both, second, first_again } phase = Phase::first;
  TestServer::Options o;
  o.seal = [&](Random& r) -> std::unique_ptr<barrier::Seal> {
    const auto one = [&] { return StaticKey{"1", key1.clone()}; };
    const auto two = [&] { return StaticKey{"2", key2.clone()}; };
    switch (phase) {
      case Phase::both:
        return std::make_unique<StaticSeal>(r, two(), one());
      case Phase::second:
        return std::make_unique<StaticSeal>(r, two());
      default:
        return std::make_unique<StaticSeal>(r, one());
    }
  };
  TestServer s(o);
  ASSERT_TRUE(s.start());
  const auto init = s.call("PUT", "sys/init", "{}");
  ASSERT_EQ(init.status, 200) << init.body;
  const auto root = init.text("root_token");
  EXPECT_EQ(s.call("PUT", "sys/rotate/root", {}, root).status, 204) << "it needs nobody's shares here";
  EXPECT_EQ(s.call("PUT", "sys/rotate/root/init", wish(1, 1, false), root).status, 400);
  EXPECT_EQ(s.call("PUT", "sys/generate-root-token/attempt", "{}", root).status, 400);
  phase = Phase::both;
  ASSERT_TRUE(s.restart());
  EXPECT_FALSE(s.core().sealed());
  phase = Phase::second;
  ASSERT_TRUE(s.restart()) << "the previous key is needed no more";
  EXPECT_FALSE(s.core().sealed());
  EXPECT_EQ(s.call("GET", "auth/token/lookup-self", {}, root).status, 200);
  phase = Phase::first_again;
  EXPECT_FALSE(s.restart()) << "and the old key opens nothing";
}

}  // namespace
}  // namespace strongroom::testkit
