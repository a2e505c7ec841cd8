// The whole server on a machine that loses power: store and audit log on one disk, several callers at once, a
// power cut in any write, unsynced sectors kept or lost by dice. After each restart everything that was
// acknowledged must be there, in the store and in the log, and nothing twice. SR_SEEDS sets how many machines
// are tried, SR_SEED runs one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "audit/verify.h"
#include "testkit/sim_directory.h"
#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

using Id = std::array<std::byte, 16>;

// What a caller was told, to be found in the log for ever.
struct Told {
  Id id{};
  int status = 0;
  bool changed = false;  // a transaction: its record has a revision
  std::string what;
};

struct KnownToken {
  std::string id;
  std::int64_t uses = 0;  // at least this many were acknowledged
  std::int64_t limit = 0;
  std::int64_t doubtful = 0;  // uses that may have happened
  std::size_t parent = SIZE_MAX;
  std::size_t perhaps_parent = SIZE_MAX;  // unless the answer that never came had made it an orphan
  enum class State : std::uint8_t { alive, revoked, doubtful } state = State::alive;
};

// A value that is there, or one of several when the answers to writes never came.
struct KnownValue {
  std::optional<std::string> value;
  std::vector<std::optional<std::string>> perhaps;
};

struct Step {
  enum class Kind : std::uint8_t {
    write,
    read,
    erase,
    list,
    create,
    use,
    revoke,
    revoke_orphan,
    denied,
    unknown_token
  } kind = Kind::read;
  std::string path;
  std::string value;
  std::size_t token = 0;
  std::int64_t limit = 0;
};

// What all runs together have met, so that a test that meets nothing shows.
struct Met {
  std::uint64_t answers = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t changes = 0;
  std::uint64_t refusals = 0;
  std::uint64_t unavailable = 0;
  std::uint64_t orphaned = 0;  // by revoke-orphan
  std::uint64_t cuts_in_work = 0;
  std::uint64_t cuts_in_start = 0;
  std::uint64_t recovered = 0;  // records that recovery took from the outbox
};
Met met;

// One client: asks, waits for the answer, remembers. Its paths and tokens are its own.
struct Caller {
  std::size_t number = 0;
  std::string token;
  std::map<std::string, KnownValue> values;
  std::vector<KnownToken> tokens;
  std::optional<Step> open;      // asked and not settled
  std::optional<Answer> answer;  // under the world's mutex until settled
};

class World {
 public:
  explicit World(std::uint64_t seed) : dice_(seed), options_(options(seed)), server_(options_) {
    const auto callers = 1 + dice_() % 6;
    for (std::size_t i = 0; i < callers; ++i) {
      callers_.emplace_back();
      callers_.back().number = i;
    }
  }

  void run() {
    const int lives = 2 + static_cast<int>(dice_() % 3);
    for (int life = 0; life < lives && !lost_; ++life) {
      SCOPED_TRACE(testing::Message() << "life " << life);
      begin();
      if (lost_ || testing::Test::HasFatalFailure()) return;
      work();
      end();
      if (testing::Test::HasFatalFailure()) return;
    }
    if (lost_) return;
    begin();
  }

 private:
  static TestServer::Options options(std::uint64_t seed) {
    TestServer::Options o;
    o.seed = seed;
    o.sector = seed % 2 == 0 ? 512 : 4096;
    o.log.segment_bytes = 2'000 + seed % 7 * 9'000;
    o.log.group_bytes = seed % 3 == 0 ? 1 : 64 * 1024;
    o.log.checkpoint_every = seed % 5 == 0 ? Nanoseconds(Seconds(3600)) : Nanoseconds(0);
    o.log.reserve_bytes = 4'096;
    return o;
  }

  // ---- a start, with power cuts in the middle of it; then everything is checked
  void begin() {
    for (int tries = 0;; ++tries) {
      ASSERT_LT(tries, 20);
      if (tries < 3 && dice_() % 3 == 0) server_.disk.crash_after(dice_() % 40);
      const auto started = server_.start();
      if (!started) {
        ASSERT_TRUE(server_.disk.crashed()) << started.error().message;
        server_.disk.restart(dice_());
        continue;
      }
      if (server_.shares().empty()) {
        const auto init = server_.init();
        if (!init.ok()) {
          if (init.error() == "Vault is already initialized") {  // made, but nobody has the shares
            lost_ = true;
            return;
          }
          ASSERT_TRUE(server_.disk.crashed()) << init.status << init.body;
          server_.crash(dice_());
          continue;
        }
      }
      const auto unsealed = server_.unseal();
      if (!unsealed.ok() || server_.core().sealed()) {
        ASSERT_TRUE(server_.disk.crashed()) << unsealed.status << unsealed.body;
        server_.crash(dice_());
        continue;
      }
      if (!ready_ && !prepare()) {
        ASSERT_TRUE(server_.disk.crashed());
        server_.crash(dice_());
        continue;
      }
      // A cut that was planned for later falls into the work. First this, then the question: the log's own
      // thread may reach the cut at any moment.
      server_.disk.crash_after(1u << 30);
      if (server_.disk.crashed()) {
        server_.crash(dice_());
        continue;
      }
      met.cuts_in_start += static_cast<std::uint64_t>(tries);
      check();
      return;
    }
  }

  bool prepare() {
    if (!server_.root("GET", "sys/mounts/secret").ok() &&
        !server_.root("POST", "sys/mounts/secret", R"({"type":"kv","options":{"version":"2"}})").ok())
      return false;
    server_.policy("sim",
                   R"(path "secret/+/mine/*" { capabilities = ["create","read","update","delete","list"] }
                             path "auth/token/create" { capabilities = ["update"] }
                             path "auth/token/revoke-orphan" { capabilities = ["update", "sudo"] }
                             path "auth/token/revoke" { capabilities = ["update"] })");
    if (!server_.root("GET", "sys/policies/acl/sim").ok()) return false;
    for (auto& c : callers_) {
      if (!c.token.empty()) continue;
      const auto made = server_.root("POST", "auth/token/create", R"({"policies":["sim"]})");
      if (!made.ok()) return false;
      c.token = made.text("auth/client_token");
    }
    ready_ = true;
    return true;
  }

  // ---- a life
  void work() {
    if (dice_() % 4 != 0) server_.disk.crash_after(dice_() % 250);
    const auto steps = 20 + dice_() % 60;
    for (std::size_t i = 0; i < steps && !server_.disk.crashed(); ++i) {
      if (dice_() % 60 == 0) server_.disk.fail_sync_after(dice_() % 6);
      if (dice_() % 50 == 0) server_.disk.set_capacity(server_.disk.used() + dice_() % 40'000);
      if (dice_() % 12 == 0) server_.disk.set_capacity(UINT64_MAX);
      if (dice_() % 25 == 0) server_.core().tick();
      if (dice_() % 60 == 0) server_.clock.advance(Seconds(dice_() % 10));
      auto& caller = idle();
      settle(caller);
      ask(caller);
    }
  }

  void end() {
    server_.disk.set_capacity(UINT64_MAX);
    met.cuts_in_work += server_.disk.crashed() ? 1 : 0;
    const auto how = dice_() % 4;
    if (how == 0) {
      server_.stop();  // in order; the page cache survives
    } else if (how == 1 && !server_.disk.crashed()) {
      (void)server_.root("PUT", "sys/seal");
      server_.stop();
    } else {
      server_.crash(dice_());
    }
    if (server_.disk.crashed()) server_.disk.restart(dice_());
    server_.disk.fail_sync_after(1u << 30);
    for (auto& c : callers_) settle(c);
  }

  // ---- asking
  Caller& idle() {
    std::unique_lock lock(mutex_);
    const auto start = dice_() % callers_.size();
    for (;;) {
      for (std::size_t i = 0; i < callers_.size(); ++i) {
        auto& c = callers_[(start + i) % callers_.size()];
        if (!c.open || c.answer) return c;
      }
      answered_.wait(lock);
    }
  }

  static std::string path_of(const Caller& c, std::size_t k) {
    return fmt::format("mine/{}/{}", c.number, k);
  }

  void ask(Caller& c) {
    Step s;
    Ask a;
    a.token = c.token;
    const auto roll = dice_() % 100;
    s.path = path_of(c, dice_() % 5);
    std::vector<std::size_t> alive;
    for (std::size_t i = 0; i < c.tokens.size(); ++i)
      if (c.tokens[i].state == KnownToken::State::alive) alive.push_back(i);
    if (roll < 30) {
      s.kind = Step::Kind::write;
      s.value = std::to_string(++values_) + std::string(dice_() % 10 == 0 ? dice_() % 3000 : 0, 'x');
      a.method = "POST";
      a.target = "secret/data/" + s.path;
      a.body = fmt::format(R"({{"data":{{"v":"{}"}}}})", s.value);
    } else if (roll < 50) {
      s.kind = Step::Kind::read;
      a.target = "secret/data/" + s.path;
    } else if (roll < 57) {
      s.kind = Step::Kind::erase;
      a.method = "DELETE";
      a.target = "secret/metadata/" + s.path;
    } else if (roll < 62) {
      s.kind = Step::Kind::list;
      a.method = "LIST";
      a.target = fmt::format("secret/metadata/mine/{}", c.number);
    } else if (roll < 74 || alive.empty()) {
      s.kind = Step::Kind::create;
      s.token = SIZE_MAX;
      if (dice_() % 3 == 0 && !alive.empty()) {
        const auto parent = alive[dice_() % alive.size()];
        if (c.tokens[parent].limit == 0) {
          s.token = parent;
          a.token = c.tokens[parent].id;
        }
      }
      s.limit = dice_() % 2 == 0 ? static_cast<std::int64_t>(1 + dice_() % 4) : 0;
      a.method = "POST";
      a.target = "auth/token/create";
      a.body = fmt::format(R"({{"policies":["sim"],"num_uses":{}}})", s.limit);
    } else if (roll < 86) {
      s.kind = Step::Kind::use;
      s.token = alive[dice_() % alive.size()];
      a.token = c.tokens[s.token].id;
      a.target = "secret/data/" + s.path;
    } else if (roll < 92) {
      s.kind = dice_() % 2 == 0 ? Step::Kind::revoke : Step::Kind::revoke_orphan;
      s.token = alive[dice_() % alive.size()];
      a.method = "POST";
      a.target = s.kind == Step::Kind::revoke ? "auth/token/revoke" : "auth/token/revoke-orphan";
      a.body = fmt::format(R"({{"token":"{}"}})", c.tokens[s.token].id);
    } else if (roll < 97) {
      s.kind = Step::Kind::denied;
      a.target = "secret/data/theirs/x";
    } else {
      s.kind = Step::Kind::unknown_token;
      a.token = "hvs.nobodyknowsthisone";
      a.target = "secret/data/" + s.path;
    }
    {
      const std::lock_guard lock(mutex_);
      c.open = std::move(s);
      c.answer.reset();
    }
    server_.submit(std::move(a), [this, &c](Answer answer) {
      const std::lock_guard lock(mutex_);
      c.answer = std::move(answer);
      answered_.notify_all();
    });
  }

  void doom(Caller& c, std::size_t token, KnownToken::State state) {
    if (c.tokens[token].state == KnownToken::State::revoked) return;
    c.tokens[token].state = state;
    for (std::size_t i = 0; i < c.tokens.size(); ++i) {
      if (c.tokens[i].parent == token) doom(c, i, state);
      if (c.tokens[i].perhaps_parent == token) doom(c, i, KnownToken::State::doubtful);
    }
  }

  // The caller reads its answer and remembers what it now knows.
  void settle(Caller& c) {
    Step s;
    Answer a;
    {
      const std::lock_guard lock(mutex_);
      if (!c.open) return;
      ASSERT_TRUE(c.answer) << "a request without an answer";
      s = *std::exchange(c.open, std::nullopt);
      a = *std::exchange(c.answer, std::nullopt);
    }
    ++met.answers;
    met.acknowledged += a.ok() ? 1 : 0;
    met.refusals += a.status == 403 ? 1 : 0;
    met.unavailable += a.status == 503 ? 1 : 0;
    const bool heard = a.status == 200 || a.status == 204 || a.status == 403 || a.status == 404 ||
                       (a.status == 400 && s.kind == Step::Kind::revoke_orphan);
    if (!heard) {
      EXPECT_EQ(a.status, 503) << a.body;
    }
    using Kind = Step::Kind;
    bool changed = false;
    switch (s.kind) {
      case Kind::write: {
        auto& v = c.values[s.path];
        if (a.ok()) {
          v = {s.value, {}};
          changed = true;
        } else {
          EXPECT_EQ(a.status, 503) << a.body;
          v.perhaps.emplace_back(s.value);
        }
        break;
      }
      case Kind::erase: {
        auto& v = c.values[s.path];
        if (a.ok()) {
          v = {};
        } else {
          EXPECT_EQ(a.status, 503) << a.body;
          v.perhaps.emplace_back(std::nullopt);
        }
        break;
      }
      case Kind::read:
        if (a.status != 503) expect_value(c, s.path, a);
        break;
      case Kind::list:
        if (a.status != 503) expect_names(c, a);
        break;
      case Kind::create:
        if (a.ok()) {
          changed = true;
          KnownToken t;
          t.id = a.text("auth/client_token");
          t.limit = s.limit;
          t.parent = s.token;
          c.tokens.push_back(std::move(t));
        } else {
          EXPECT_EQ(a.status, 503) << a.body;
        }
        break;
      case Kind::use: {
        auto& t = c.tokens[s.token];
        if (a.status == 503) {
          ++t.doubtful;
        } else if (a.status == 403) {
          EXPECT_GT(t.limit, 0) << "a live token was refused";
          EXPECT_GE(t.uses + t.doubtful, t.limit) << "a token was refused before its uses were spent";
          doom(c, s.token, KnownToken::State::revoked);
        } else {
          expect_value(c, s.path, a);
          ++t.uses;
          changed = t.limit > 0;
          if (t.limit > 0) {
            EXPECT_LE(t.uses, t.limit) << "more uses than the token has";
            if (t.uses == t.limit) doom(c, s.token, KnownToken::State::revoked);
          }
        }
        break;
      }
      case Kind::revoke:
        if (a.ok()) {
          changed = c.tokens[s.token].limit == 0;  // one with a limit may have been spent before
          doom(c, s.token, KnownToken::State::revoked);
        } else {
          EXPECT_EQ(a.status, 503) << a.body;
          doom(c, s.token, KnownToken::State::doubtful);
        }
        break;
      case Kind::revoke_orphan: {
        auto& t = c.tokens[s.token];
        for (auto& child : c.tokens) {
          if (child.parent != s.token) continue;
          child.parent = SIZE_MAX;
          if (!a.ok()) child.perhaps_parent = s.token;
        }
        // One with a limit may have been spent before: then nothing is left to revoke.
        if (a.ok() || (a.status == 400 && t.limit > 0)) {
          changed = a.ok() && t.limit == 0;
          t.state = KnownToken::State::revoked;
          met.orphaned += a.ok() ? 1 : 0;
        } else {
          EXPECT_EQ(a.status, 503) << a.body;
          t.state = KnownToken::State::doubtful;
        }
        break;
      }
      case Kind::denied:
      case Kind::unknown_token:
        if (a.status != 503) {
          EXPECT_EQ(a.status, 403) << a.body;
        }
        break;
    }
    met.changes += changed ? 1 : 0;
    if (heard)
      told_.push_back({a.id, a.status, changed, fmt::format("{} {}", static_cast<int>(s.kind), s.path)});
    if (testing::Test::HasFailure()) ADD_FAILURE() << "answer " << a.status << " " << a.body;
  }

  static std::optional<std::string> value_in(const Answer& a) {
    return a.status == 200 ? a.find("data/data/v") : std::optional<std::string>();
  }
  void expect_value(Caller& c, const std::string& path, const Answer& a) {
    auto& v = c.values[path];
    const auto found = value_in(a);
    if (std::ranges::find(v.perhaps, found) != v.perhaps.end()) v.value = found;
    v.perhaps.clear();
    EXPECT_EQ(found, v.value) << path;
  }
  void expect_names(Caller& c, const Answer& a) {
    const auto listed = a.texts("data/keys");
    const std::set<std::string> found(listed.begin(), listed.end());
    for (std::size_t k = 0; k < 5; ++k) {
      const auto& v = c.values[path_of(c, k)];
      if (!v.perhaps.empty()) continue;
      EXPECT_EQ(found.contains(std::to_string(k)), v.value.has_value())
          << "listing of caller " << c.number << ", name " << k;
    }
  }

  // ---- everything promised holds
  void check() {
    for (auto& c : callers_) {
      for (auto& [path, v] : c.values) {
        const auto a = server_.root("GET", "secret/data/" + path);
        ASSERT_TRUE(a.status == 200 || a.status == 404) << a.status << a.body;
        expect_value(c, path, a);
      }
      if (ready_) expect_names(c, server_.root("LIST", fmt::format("secret/metadata/mine/{}", c.number)));
      for (std::size_t i = 0; i < c.tokens.size(); ++i) {
        auto& t = c.tokens[i];
        const auto a = server_.root("POST", "auth/token/lookup", fmt::format(R"({{"token":"{}"}})", t.id));
        ASSERT_TRUE(a.status == 200 || a.status == 403) << a.status << a.body;
        if (t.state == KnownToken::State::revoked) {
          EXPECT_EQ(a.status, 403) << "a revoked token is there";
        }
        if (t.state == KnownToken::State::doubtful) {
          if (a.ok()) {
            t.state = KnownToken::State::alive;  // its children tell for themselves
            for (auto& child : c.tokens)
              if (child.perhaps_parent == i) child.parent = std::exchange(child.perhaps_parent, SIZE_MAX);
          } else {
            doom(c, i, KnownToken::State::revoked);
          }
        }
        if (t.state == KnownToken::State::alive) {
          if (t.limit == 0) {
            EXPECT_EQ(a.status, 200) << "an acknowledged token is gone";
          } else if (a.ok()) {
            const auto left = std::strtoll(a.text("data/num_uses").c_str(), nullptr, 10);
            EXPECT_LE(left, t.limit - t.uses) << "a use was forgotten";
            EXPECT_GE(left, t.limit - t.uses - t.doubtful) << "a use was invented";
          } else {
            EXPECT_GE(t.uses + t.doubtful, t.limit);
            doom(c, i, KnownToken::State::revoked);
          }
        }
        if (t.state == KnownToken::State::revoked) {
          EXPECT_EQ(server_.call("GET", "auth/token/lookup-self", {}, t.id).status, 403)
              << "a revoked token works";
        }
      }
    }
    check_log();
    const auto report = server_.core().verify_store();
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& finding : report->findings) ADD_FAILURE() << "store: " << finding;
  }

  void check_log() {
    const auto all = server_.records();
    const auto revision = (*server_.store().snapshot())->revision();
    std::map<std::uint64_t, std::size_t> revisions;
    std::map<Id, std::vector<const audit::Record*>> by_id;
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i].sequence, i);
      const auto& r = all[i].record;
      met.recovered += r.mark == audit::Mark::recovered ? 1 : 0;
      if (r.revision != 0) {
        EXPECT_EQ(++revisions[r.revision], 1u) << "revision " << r.revision << " has two records";
      }
      // Nothing was claimed, and nobody was told anything: recovery may have added what became of it.
      if (r.outcome == "outcome_unknown") continue;
      if (r.request_id != Id{}) by_id[r.request_id].push_back(&r);
    }
    EXPECT_EQ(revisions.size(), revision) << "records of revisions, and the store's newest revision";
    if (!revisions.empty()) {
      EXPECT_EQ(revisions.begin()->first, 1u);
      EXPECT_EQ(revisions.rbegin()->first, revision);
    }
    std::set<Id> applied;
    for (const auto& [id, records] : by_id) {
      EXPECT_EQ(records.size(), 1u) << "a request has several records";
      if (records.size() > 1)
        for (const auto* r : records)
          ADD_FAILURE() << r->operation << " " << r->path << " " << r->outcome << " revision " << r->revision
                        << " mark " << static_cast<int>(r->mark);
    }
    for (const auto& t : told_) {
      const auto at = by_id.find(t.id);
      if (at == by_id.end()) {
        ADD_FAILURE() << "answered " << t.status << " and not in the log: " << t.what;
        continue;
      }
      const auto& r = *at->second.front();
      EXPECT_NE(r.mark, audit::Mark::not_applied) << t.what;
      if (t.status < 300) {
        EXPECT_EQ(r.outcome, "ok") << t.what;
      }
      if (t.status == 403) {
        EXPECT_TRUE(r.outcome == "unauthenticated" || r.outcome == "permission_denied")
            << t.what << " " << r.outcome;
      }
      if (t.changed) {
        EXPECT_NE(r.revision, 0u) << t.what;
      }
    }
    ASSERT_TRUE(server_.log().sign_now());
    SimDirectory directory(server_.disk);
    const auto verified = audit::verify(directory, server_.log().verifier_key());
    ASSERT_TRUE(verified) << verified.error().message;
    for (const auto& finding : verified->findings) ADD_FAILURE() << "log: " << finding.text;
    EXPECT_GE(verified->signed_records, all.size());
  }

  std::mt19937_64 dice_;
  const TestServer::Options options_;
  TestServer server_;
  std::deque<Caller> callers_;
  std::vector<Told> told_;
  std::uint64_t values_ = 0;
  bool ready_ = false;
  bool lost_ = false;  // initialised, and the shares were never heard of

  std::mutex mutex_;
  std::condition_variable answered_;
};

void run(std::uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "SR_SEED=" << seed);
  World(seed).run();
}

TEST(Simulation, NothingAcknowledgedIsLostByStoreOrLog) {
  if (const auto one = from_environment("SR_SEED", 0); one != 0) return run(one);
  const auto seeds = from_environment("SR_SEEDS", 200);
  const auto first = from_environment("SR_FIRST_SEED", 1);
  std::cout << "seeds " << first << " to " << first + seeds - 1 << "\n";
  for (auto seed = first; seed < first + seeds; ++seed) {
    run(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "SR_SEED=" << seed;
  }
  std::cout << fmt::format(
      "{} answers: {} acknowledged ({} changes, {} by revoke-orphan), {} refused, {} unavailable; power "
      "cuts: {} in work, {} in "
      "starts; "
      "{} recovered records seen\n",
      met.answers, met.acknowledged, met.changes, met.orphaned, met.refusals, met.unavailable,
      met.cuts_in_work, met.cuts_in_start, met.recovered);
}

}  // namespace
}  // namespace strongroom::testkit
