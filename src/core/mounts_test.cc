#include "core/mounts.h"

#include <gtest/gtest.h>

#include "engines/kv/kv.h"
#include "store/committer.h"
#include "store/memory_store.h"
#include "store/plain_sealer.h"
#include "store/tables.h"

namespace strongroom::core {
namespace {

class Deaf final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

class RouterTest : public testing::Test {
 protected:
  RouterTest() : committer_(store_, sealer_, deaf_, log_, {}) {}

  void put(std::uint32_t number, const std::string& path, const std::string& type = "kv") {
    MountEntry e;
    e.path = path;
    e.type = type;
    put(number, e);
  }
  void put(std::uint32_t number, const MountEntry& e) {
    const auto snapshot = *store_.snapshot();
    store::Txn txn(*snapshot, sealer_);
    txn.put(mount_key(number), pack(e));
    txn.put(mount_epoch_key(), SecretText("m"));
    ASSERT_TRUE(committer_.commit(txn.take()));
  }
  Result<std::shared_ptr<const Router>> load() {
    const auto snapshot = *store_.snapshot();
    store::Txn txn(*snapshot, sealer_);
    Mounted sys;
    sys.entry.path = sys.view.path = "sys/";
    return Router::load(txn, {sys}, {{"kv", &kv_}}, Seconds(10), Seconds(20));
  }
  static std::string at(const Router& router, std::string_view path) {
    const auto* m = router.find(path);
    return m == nullptr ? "(none)" : m->entry.path;
  }

  store::MemoryStore store_;
  store::PlainSealer sealer_;
  Deaf deaf_;
  NoLog log_;
  store::Committer committer_;
  engines::kv::Kv kv_;
};

TEST_F(RouterTest, TheLongestMountThatIsAPrefixBySegmentsWins) {
  put(256, "secret/");
  put(257, "team/");
  put(258, "team/blue/kv/");
  const auto router = *load();
  const std::pair<const char*, const char*> cases[] = {{"secret/data/a", "secret/"},
                                                       {"secret/", "secret/"},
                                                       {"secret", "(none)"},
                                                       {"secrets/data", "(none)"},
                                                       {"secretx/", "(none)"},
                                                       {"team/x", "team/"},
                                                       {"team/blue", "team/"},
                                                       {"team/blue/kv", "team/"},
                                                       {"team/blue/kv/", "team/blue/kv/"},
                                                       {"team/blue/kv/a/b", "team/blue/kv/"},
                                                       {"team/blue/kvx/a", "team/"},
                                                       {"sys/mounts", "sys/"},
                                                       {"", "(none)"},
                                                       {"/", "(none)"},
                                                       {"/secret/", "(none)"},
                                                       {"Secret/a", "(none)"}};
  for (const auto& [path, mount] : cases) EXPECT_EQ(at(*router, path), mount) << path;
  EXPECT_NE(router->exact("team/"), nullptr);
  EXPECT_EQ(router->exact("team"), nullptr);
  EXPECT_EQ(router->all().size(), 4u);
}

TEST_F(RouterTest, AMountThatIsBeingErasedRoutesNothing) {
  MountEntry e;
  e.path = "old/";
  e.type = "kv";
  e.deleting = true;
  put(256, e);
  const auto router = *load();
  EXPECT_EQ(at(*router, "old/a"), "(none)");
}

TEST_F(RouterTest, BelongsToTheRevisionOfTheTable) {
  put(256, "a/");
  const auto before = *load();
  put(257, "b/");
  const auto after = *load();
  EXPECT_LT(before->epoch(), after->epoch());
  EXPECT_EQ(at(*before, "b/x"), "(none)");
  EXPECT_EQ(at(*after, "b/x"), "b/");
}

TEST_F(RouterTest, OptionsChooseTheRoutesAndTtlsHaveDefaults) {
  MountEntry e;
  e.path = "two/";
  e.type = "kv";
  e.options = {{"version", "2"}};
  e.max_lease_ttl = Seconds(7);
  put(256, e);
  put(257, "one/");
  const auto router = *load();
  const auto* two = router->exact("two/");
  const auto* one = router->exact("one/");
  ASSERT_TRUE(two != nullptr && one != nullptr);
  EXPECT_GT(two->routes.size(), one->routes.size());
  EXPECT_EQ(two->view.default_lease_ttl, Seconds(10));
  EXPECT_EQ(two->view.max_lease_ttl, Seconds(7));
  EXPECT_EQ(one->view.max_lease_ttl, Seconds(20));
}

TEST_F(RouterTest, AnEngineThatIsNotBuiltInIsAnErrorAndNotAHole) {
  put(256, "x/", "nonesuch");
  EXPECT_EQ(load().error().code, Code::corrupt);
}

MountEntry full() {
  MountEntry e;
  e.number = 300;
  e.path = "a/b/";
  e.type = "kv";
  e.accessor = "kv_12345678";
  e.uuid = "u";
  e.description = std::string("d\0x", 3);
  e.options = {{"version", "2"}, {"", ""}};
  e.has_options = true;
  e.default_lease_ttl = Seconds(-5);
  e.max_lease_ttl = Seconds(1LL << 40);
  e.force_no_cache = e.seal_wrap = e.deleting = true;
  e.listing_visibility = "unauth";
  e.audit_non_hmac_request_keys = {"a", "b"};
  e.audit_non_hmac_response_keys = {""};
  e.passthrough_request_headers = {"X-A"};
  e.allowed_response_headers = {"X-B"};
  e.wrapped_keys = std::string(100, '\xff');
  return e;
}

TEST(MountEntry, ComesBackAsItWas) {
  const auto e = full();
  const auto stored = pack(e);
  const auto back = unpack_mount(300, view(stored));
  ASSERT_TRUE(back);
  EXPECT_EQ(pack(*back), stored);
  EXPECT_EQ(back->number, 300u);
  EXPECT_EQ(back->description, e.description);
  EXPECT_EQ(back->options, e.options);
  EXPECT_EQ(back->max_lease_ttl, e.max_lease_ttl);
  EXPECT_TRUE(back->deleting && back->seal_wrap && back->force_no_cache && !back->local);
}

TEST(MountEntry, CutShortAnywhereIsCorrupt) {
  const auto stored = pack(full());
  for (std::size_t n = 0; n < stored.size(); ++n) {
    const auto back = unpack_mount(300, view(stored).substr(0, n));
    ASSERT_FALSE(back) << n;
    EXPECT_EQ(back.error().code, Code::corrupt);
  }
  EXPECT_FALSE(unpack_mount(300, std::string(view(stored)) + "x"));
}

}  // namespace
}  // namespace strongroom::core
