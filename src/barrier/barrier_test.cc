#include "barrier/barrier.h"

#include <thread>

#include "barrier/format_record.h"
#include "barrier/test_world.h"

namespace strongroom::barrier {
namespace {
TEST(Barrier, GivesBackWhatWasPutAndStoresNoPlaintext) {
  World w;
  const std::string node = w.node("a/b");
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("default"), "path \"*\" {}").put(node, "top secret value")));
  EXPECT_EQ(*w.read(policy_key("default")), "path \"*\" {}");
  EXPECT_EQ(*w.read(node), "top secret value");
  EXPECT_EQ(w.stored(node).find("secret"), std::string::npos);
  EXPECT_EQ(*w.barrier.revision_of(w.stored(node)), 1u);
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
}

TEST(Barrier, TheLastWriteOfAKeyInAGroupCounts) {
  World w;
  ASSERT_TRUE(
      w.commit({Step{}.put(policy_key("a"), "1"), Step{}.put(policy_key("a"), "2").put(policy_key("b"), "x"),
                Step{}.erase(policy_key("b"))}));
  EXPECT_EQ(*w.read(policy_key("a")), "2");
  EXPECT_EQ(w.read(policy_key("b")).error().code, Code::not_found);
  ASSERT_TRUE(w.commit(Step{}.erase(policy_key("a")).erase(policy_key("never"))));
  ASSERT_TRUE(w.commit({Step{}.put(policy_key("c"), "")}));
  EXPECT_EQ(*w.read(policy_key("c")), "");
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
}

TEST(Barrier, PutsRecordsUnderTheirRevisionInTheOutbox) {
  World w;
  Step step;
  step.put(policy_key("a"), "1");
  step.record = "who did what";
  ASSERT_TRUE(w.commit(std::move(step)));
  std::string key = store::table_key(store::Table::outbox);
  put_u64(key, 1);
  EXPECT_EQ(*w.read(key), "who did what");
  EXPECT_EQ(w.stored(key).find("who did"), std::string::npos);
  w.raw({{key, std::nullopt}});  // the log has it: erasure changes no count
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
}

TEST(Barrier, RefusesEveryFlippedByteOfARecord) {
  World w;
  const std::string key = policy_key("a");
  ASSERT_TRUE(w.commit(Step{}.put(key, "some value")));
  const std::string good = w.stored(key);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto opened = w.barrier.open(key, bad);
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().code, Code::corrupt) << i;
    EXPECT_NE(opened.error().detail.find(to_hex(as_view(key))), std::string::npos);
    w.raw({{key, bad}});
    EXPECT_FALSE(w.findings().empty()) << i;
  }
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_EQ(w.barrier.open(key, good.substr(0, n)).error().code, Code::corrupt) << n;
}

TEST(Barrier, RefusesARecordMovedToAnotherKey) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "1").put(policy_key("b"), "2")));
  EXPECT_EQ(w.barrier.open(policy_key("b"), w.stored(policy_key("a"))).error().code, Code::corrupt);
}

TEST(Barrier, VerifyFindsAReplayedALostAndAResurrectedRecord) {
  World w;
  const std::string key = policy_key("a");
  ASSERT_TRUE(w.commit(Step{}.put(key, "old").put(policy_key("b"), "kept")));
  const std::string old = w.stored(key);
  ASSERT_TRUE(w.commit(Step{}.put(key, "new")));
  const std::string now = w.stored(key);
  EXPECT_TRUE(w.findings().empty());
  w.raw({{key, old}});
  EXPECT_EQ(*w.read(key), "old");  // it opens: only the set hash tells
  EXPECT_EQ(w.findings().size(), 1u);
  w.raw({{key, std::nullopt}});
  EXPECT_EQ(w.findings().size(), 1u);
  w.raw({{key, now}});
  EXPECT_TRUE(w.findings().empty());
  ASSERT_TRUE(w.commit(Step{}.erase(key)));
  w.raw({{key, now}});
  EXPECT_EQ(w.findings().size(), 1u);
}

TEST(Barrier, VerifyFindsALostDirectoryChunkAndALostNode) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(w.node("dir/secret-name"), "v").link(World::kMount, 0, "dir/secret-name")));
  EXPECT_TRUE(w.findings().empty());
  const auto chunks = w.keys_of(static_cast<std::uint32_t>(store::Table::directory));
  ASSERT_EQ(chunks.size(), 2u);
  for (const std::string& c : chunks) {
    const std::string saved = w.stored(c);
    w.raw({{c, std::nullopt}});
    EXPECT_GE(w.findings().size(), 2u);
    for (const std::string& f : w.findings()) EXPECT_EQ(f.find("secret-name"), std::string::npos);
    w.raw({{c, saved}});
  }
  const std::string node = w.node("dir/secret-name");
  w.raw({{node, std::nullopt}});
  EXPECT_GE(w.findings().size(), 2u);
}

TEST(Barrier, RefusesToWriteOverALostSetHash) {
  World w;
  for (const auto& k : w.keys_of(static_cast<std::uint32_t>(store::Table::meta))) w.raw({{k, std::nullopt}});
  EXPECT_EQ(w.commit(Step{}.put(policy_key("a"), "1")).error().code, Code::corrupt);
}

TEST(Barrier, ADroppedGroupLeavesNoTrace) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "1").link(World::kMount, 0, "x/y")));
  ASSERT_TRUE(w.commit(Step{}.put(w.node("x/y"), "v")));
  const auto s = w.snapshot();
  Step lost;
  lost.put(policy_key("a"), "2").link(World::kMount, 0, "x/z");
  const store::Draft draft{s->revision() + 1, lost.puts, lost.edits, {}};
  std::vector<store::Write> out;
  ASSERT_TRUE(w.barrier.seal(*s, {&draft, 1}, out));
  w.barrier.settled(store::Sealer::Fate::dropped);
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("b"), "3")));
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
  EXPECT_EQ(w.list("x/"), std::vector<std::string>{"y"});
}

TEST(Barrier, SealedItKnowsNothing) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "1")));
  EXPECT_EQ(w.barrier.term(), 1u);
  w.barrier.seal_keys();
  EXPECT_TRUE(w.barrier.sealed());
  EXPECT_EQ(w.barrier.term(), 0u);
  EXPECT_EQ(w.read(policy_key("a")).error().code, Code::sealed);
  EXPECT_EQ(w.commit(Step{}.put(policy_key("a"), "2")).error().code, Code::sealed);
  EXPECT_EQ(w.barrier.node(World::kMount, 0, "a").error().code, Code::sealed);
  EXPECT_EQ(w.barrier.list(*w.snapshot(), World::kMount, 0, "", "", 1).error().code, Code::sealed);
  EXPECT_EQ(w.barrier.purpose_key(Barrier::Purpose::audit_hmac).error().code, Code::sealed);
  EXPECT_EQ(w.barrier.audit_segment_key(1).error().code, Code::sealed);
  EXPECT_EQ(w.barrier.new_mount_keys(300).error().code, Code::sealed);
  EXPECT_EQ(w.barrier.rotate().error().code, Code::sealed);
  ASSERT_TRUE(w.barrier.unseal(*w.snapshot(), w.seal));
  EXPECT_EQ(*w.read(policy_key("a")), "1");
}

TEST(Barrier, AnotherRootKeyDoesNotUnseal) {
  World w;
  w.barrier.seal_keys();
  FixedSeal wrong(2);
  EXPECT_EQ(w.barrier.unseal(*w.snapshot(), wrong).error().code, Code::invalid_argument);
  EXPECT_TRUE(w.barrier.sealed());
}

TEST(Barrier, AStoreThatWasNeverInitialisedHasNoId) {
  SeededRandom random(1);
  store::MemoryStore store;
  Barrier barrier(random);
  FixedSeal seal(1);
  EXPECT_EQ(*Barrier::store_id(**store.snapshot()), std::nullopt);
  EXPECT_EQ(barrier.unseal(**store.snapshot(), seal).error().code, Code::failed_precondition);
  EXPECT_EQ(Barrier::seal_config(**store.snapshot()).error().code, Code::failed_precondition);
}

TEST(Barrier, ANewerFormatIsRefusedAndADamagedOneNoticed) {
  World w;
  EXPECT_EQ((*Barrier::store_id(*w.snapshot()))->size(), 16u);
  EXPECT_EQ(Barrier::seal_config(*w.snapshot())->type, "fixed");
  const std::string key = store::table_key(store::Table::format);
  const std::string good = w.stored(key);
  std::string newer = good;
  newer[5] = 2;
  w.raw({{key, newer}});
  EXPECT_EQ(Barrier::store_id(*w.snapshot()).error().code, Code::failed_precondition);
  EXPECT_EQ(w.barrier.unseal(*w.snapshot(), w.seal).error().code, Code::failed_precondition);
  for (std::size_t i = 6; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x80);
    w.raw({{key, bad}});
    EXPECT_EQ(Barrier::store_id(*w.snapshot()).error().code, Code::corrupt) << i;
  }
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(FormatRecord::decode(good.substr(0, n))) << n;
}

TEST(Barrier, ADamagedKeyringDoesNotUnseal) {
  World w;
  const std::string key = store::table_key(store::Table::keyring);
  const std::string good = w.stored(key);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    w.raw({{key, bad}});
    EXPECT_FALSE(w.barrier.unseal(*w.snapshot(), w.seal)) << i;
  }
  w.raw({{key, std::nullopt}});
  EXPECT_EQ(w.barrier.unseal(*w.snapshot(), w.seal).error().code, Code::corrupt);
}

TEST(Barrier, ARotatedTermReadsOldRecordsAndItsKeyringIsWrittenWithItsFirstGroup) {
  World w;
  const std::string node = w.node("x");
  ASSERT_TRUE(w.commit(Step{}.put(node, "before").put(policy_key("a"), "before")));
  const std::string first_keyring = w.stored(store::table_key(store::Table::keyring));
  const auto writes = w.barrier.rotate();
  ASSERT_TRUE(writes);
  ASSERT_EQ(writes->size(), 1u);
  EXPECT_EQ(w.barrier.term(), 2u);
  EXPECT_EQ(*w.read(node), "before");
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("b"), "after").put(w.node("y"), "after")));
  EXPECT_EQ(w.stored(policy_key("b"))[4], 2);
  w.barrier.seal_keys();
  ASSERT_TRUE(w.barrier.unseal(*w.snapshot(), w.seal));
  ASSERT_TRUE(w.barrier.open_mount(World::kMount, w.mount_keys));  // still wrapped under the first term
  EXPECT_EQ(*w.read(policy_key("a")), "before");
  EXPECT_EQ(*w.read(policy_key("b")), "after");
  EXPECT_EQ(*w.read(node), "before");
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
  const auto rewrapped = w.barrier.rewrap_mount_keys(World::kMount);
  ASSERT_TRUE(rewrapped);
  EXPECT_EQ((*rewrapped)[4], 2);
  ASSERT_TRUE(w.barrier.open_mount(World::kMount, *rewrapped));
  EXPECT_EQ(w.node("x"), node);
  EXPECT_EQ(*w.read(node), "before");
  // An older keyring put back is noticed.
  w.raw({{store::table_key(store::Table::keyring), first_keyring}});
  EXPECT_EQ(w.barrier.unseal(*w.snapshot(), w.seal).error().code, Code::corrupt);
}

TEST(Barrier, AKeyringOfADroppedGroupGoesOutWithTheNext) {
  World w;
  ASSERT_TRUE(w.barrier.rotate());
  const std::string key = store::table_key(store::Table::keyring);
  const std::string before = w.stored(key);
  const auto s = w.snapshot();
  std::vector<store::Write> out;
  ASSERT_TRUE(w.barrier.seal(*s, {}, out));
  w.barrier.settled(store::Sealer::Fate::dropped);
  EXPECT_EQ(w.stored(key), before);
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "1")));
  EXPECT_NE(w.stored(key), before);
  const std::string after = w.stored(key);
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "2")));
  EXPECT_EQ(w.stored(key), after);
}

TEST(Barrier, AnotherSealIsOneWriteInATransaction) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "1")));
  FixedSeal other(2);
  auto write = w.barrier.reseal(other);
  ASSERT_TRUE(write);
  EXPECT_TRUE(w.barrier.authorise(*w.snapshot(), w.seal));
  EXPECT_EQ(w.barrier.authorise(*w.snapshot(), other).error().code, Code::invalid_argument);
  ASSERT_TRUE(w.commit(Step{}.put(write->key, *write->value)));
  EXPECT_TRUE(w.barrier.authorise(*w.snapshot(), other));
  w.barrier.seal_keys();
  EXPECT_EQ(w.barrier.unseal(*w.snapshot(), w.seal).error().code, Code::invalid_argument);
  ASSERT_TRUE(w.barrier.unseal(*w.snapshot(), other));
  EXPECT_EQ(*w.read(policy_key("a")), "1");
}

// A node of table 0 must not slip past encryption as if it were the format record.
TEST(Barrier, NothingButTheFormatAndKeyringRecordsIsStoredAsItIs) {
  World w;
  for (const std::uint32_t table : {0u, 1u, 2u}) {
    const std::string key = w.barrier.node(table, 0, "a/b")->bytes;
    ASSERT_TRUE(w.commit(Step{}.put(key, "plain secret").link(table, 0, "a/b")));
    EXPECT_EQ(w.stored(key).find("plain secret"), std::string::npos);
    EXPECT_EQ(*w.read(key), "plain secret");
  }
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
  World other(8);
  for (const auto table : {store::Table::format, store::Table::keyring}) {
    const std::string key = store::table_key(table);
    EXPECT_EQ(w.commit(Step{}.put(key, "plain secret")).error().code, Code::internal);
    EXPECT_EQ(w.commit(Step{}.put(key, other.stored(key))).error().code, Code::internal);
    EXPECT_EQ(w.commit(Step{}.erase(key)).error().code, Code::internal);
    EXPECT_TRUE(w.commit(Step{}.put(key, w.stored(key))));
  }
  const auto rotated = w.barrier.rotate();
  ASSERT_TRUE(rotated);
  EXPECT_TRUE(w.commit(Step{}.put((*rotated)[0].key, *(*rotated)[0].value)));
  EXPECT_TRUE(w.barrier.unseal(*w.snapshot(), w.seal));
}

TEST(Barrier, AMountsRecordsNeedItsKeys) {
  World w;
  const std::string node = w.node("x");
  ASSERT_TRUE(w.commit(Step{}.put(node, "v").link(World::kMount, 0, "x")));
  w.barrier.close_mount(World::kMount);
  EXPECT_EQ(w.read(node).error().code, Code::failed_precondition);
  EXPECT_FALSE(w.barrier.node(World::kMount, 0, "x"));
  EXPECT_FALSE(w.commit(Step{}.put(node, "v2")));
  EXPECT_EQ(w.findings().size(), 1u);  // its records were counted but not opened
  ASSERT_TRUE(w.barrier.open_mount(World::kMount, *w.barrier.new_mount_keys(World::kMount)));
  EXPECT_EQ(w.read(node).error().code, Code::corrupt);  // other keys
  w.barrier.close_mount(World::kMount);
  // A dead mount's records can still be erased.
  Step sweep;
  sweep.erase(node);
  for (const auto& c : w.keys_of(static_cast<std::uint32_t>(store::Table::directory))) sweep.erase(c);
  ASSERT_TRUE(w.commit(std::move(sweep)));
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
}

TEST(Barrier, MountKeysBelongToOneMountAndOneStore) {
  World w;
  EXPECT_EQ(w.barrier.open_mount(300, w.mount_keys).error().code, Code::corrupt);
  World other(8);
  EXPECT_EQ(w.barrier.open_mount(World::kMount, other.mount_keys).error().code, Code::corrupt);
  std::string bad = w.mount_keys;
  bad[40] = static_cast<char>(bad[40] ^ 1);
  EXPECT_EQ(w.barrier.open_mount(World::kMount, bad).error().code, Code::corrupt);
  EXPECT_EQ(w.barrier.new_mount_keys(9).error().code, Code::invalid_argument);
}

TEST(Barrier, NodeKeysShareTheirDirectoryAndNothingElse) {
  World w;
  const std::string a = w.node("dir/a");
  const std::string b = w.node("dir/b");
  const std::string c = w.node("other/a");
  EXPECT_EQ(a.size(), 36u);
  EXPECT_EQ(a.substr(0, 4), store::table_key(World::kMount));
  EXPECT_EQ(a.substr(0, 20), b.substr(0, 20));
  EXPECT_NE(a.substr(20), b.substr(20));
  EXPECT_NE(a.substr(4, 16), c.substr(4, 16));
  EXPECT_NE(a.substr(20), c.substr(20));
  EXPECT_NE(a, w.node("dir/a", 1));
  EXPECT_EQ(a, w.node("dir/a"));
}

TEST(Barrier, EachUseHasItsOwnKey) {
  World w;
  std::vector<std::string> seen;
  for (const auto p :
       {Barrier::Purpose::token_hash, Barrier::Purpose::token_locator, Barrier::Purpose::accessor_locator,
        Barrier::Purpose::audit_hmac, Barrier::Purpose::checkpoint_signing, Barrier::Purpose::cubbyhole_names,
        Barrier::Purpose::batch_token}) {
    const auto k = w.barrier.purpose_key(p);
    ASSERT_TRUE(k);
    EXPECT_EQ(k->size(), 32u);
    seen.emplace_back(k->reveal_text(Reveal::to_cipher));
  }
  for (const std::uint64_t segment : {0u, 1u, 2u})
    seen.emplace_back(w.barrier.audit_segment_key(segment)->reveal_text(Reveal::to_cipher));
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  w.barrier.seal_keys();
  ASSERT_TRUE(w.barrier.unseal(*w.snapshot(), w.seal));
  EXPECT_TRUE(
      std::ranges::binary_search(seen, w.barrier.audit_segment_key(2)->reveal_text(Reveal::to_cipher)));
}

TEST(Barrier, ReadsFromManyThreadsWhileItIsSealedAndUnsealed) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.put(policy_key("a"), "value")));
  const std::string stored = w.stored(policy_key("a"));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      while (!stop) {
        const auto v = w.barrier.open(policy_key("a"), stored);
        if (v ? view(*v) != "value" : v.error().code != Code::sealed) ++wrong;
      }
    });
  for (int i = 0; i < 200; ++i) {
    w.barrier.seal_keys();
    ASSERT_TRUE(w.barrier.unseal(*w.snapshot(), w.seal));
  }
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace strongroom::barrier
