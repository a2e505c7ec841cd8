#include "store/txn.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"
#include "store/plain_sealer.h"

namespace strongroom::store {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

class TxnTest : public testing::Test {
 protected:
  TxnTest() {
    const std::uint64_t epoch = *store_.lead();
    const std::vector<Put> puts = make({{"b", "stored b"}, {"d", "stored d"}, {"f", "stored f"}});
    const std::vector<Draft> drafts = {{1, puts, {}, {}}};
    Group group;
    group.last = 1;
    EXPECT_TRUE(sealer_.seal(**store_.snapshot(), drafts, group.writes));
    EXPECT_TRUE(store_.apply(group, epoch));
    snapshot_ = *store_.snapshot();
  }
  static std::vector<Put> make(std::initializer_list<std::pair<const char*, const char*>> rows) {
    std::vector<Put> puts;
    for (const auto& [key, value] : rows) puts.push_back({key, SecretText(value)});
    return puts;
  }
  static std::string text(const Result<std::optional<SecretText>>& r) {
    if (!r) return "error";
    return *r ? std::string(view(**r)) : "absent";
  }
  static Rows rows(Txn& txn, std::string_view first, std::string_view last) {
    Rows out;
    EXPECT_TRUE(txn.scan(first, last, [&](std::string_view key, const SecretText& value) {
      out.emplace_back(key, view(value));
      return true;
    }));
    return out;
  }

  MemoryStore store_;
  PlainSealer sealer_;
  std::unique_ptr<Snapshot> snapshot_;
};

TEST_F(TxnTest, OwnWritesShadowTheSnapshot) {
  Txn txn(*snapshot_, sealer_);
  txn.put("b", "mine");
  txn.erase("d");
  txn.put("a", "new");
  EXPECT_EQ(text(txn.get("b")), "mine");
  EXPECT_EQ(text(txn.get("d")), "absent");
  EXPECT_EQ(text(txn.get("a")), "new");
  EXPECT_EQ(text(txn.get("f")), "stored f");
  EXPECT_EQ(*txn.revision_of("b"), Revision{1}) << "what is uncommitted has no revision";
  EXPECT_EQ(*txn.revision_of("a"), std::nullopt);
}

TEST_F(TxnTest, ScanMergesOwnWrites) {
  Txn txn(*snapshot_, sealer_);
  txn.put("a", "1");
  txn.put("b", "2");
  txn.erase("d");
  txn.put("e", "3");
  txn.put("g", "4");
  txn.put("x", "outside");
  EXPECT_EQ(rows(txn, "a", "h"), (Rows{{"a", "1"}, {"b", "2"}, {"e", "3"}, {"f", "stored f"}, {"g", "4"}}));
  EXPECT_EQ(rows(txn, "b", "e"), (Rows{{"b", "2"}}));
  std::vector<std::string> keys;
  EXPECT_TRUE(txn.scan_keys("a", "f", [&](std::string_view key) {
    keys.emplace_back(key);
    return keys.size() < 2;
  }));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
}

TEST_F(TxnTest, AScanMayEraseAndWriteWhatItVisits) {
  Txn txn(*snapshot_, sealer_);
  txn.put("g", "own");
  Rows seen;
  EXPECT_TRUE(txn.scan("a", "z", [&](std::string_view key, const SecretText& value) {
    seen.emplace_back(key, view(value));
    txn.erase(Key(key));
    if (key == "b") txn.put("c", "ahead");
    if (key == "d") txn.put("a", "behind");
    if (key == "d") txn.erase("f");
    return true;
  }));
  EXPECT_EQ(seen, (Rows{{"b", "stored b"}, {"c", "ahead"}, {"d", "stored d"}, {"g", "own"}}));
  EXPECT_EQ(rows(txn, "a", "z"), (Rows{{"a", "behind"}}));
}

TEST_F(TxnTest, TakesReadSetAndWrites) {
  Txn txn(*snapshot_, sealer_);
  EXPECT_TRUE(txn.get("b"));
  EXPECT_TRUE(txn.revision_of("b"));
  EXPECT_TRUE(txn.get("absent"));
  txn.put("own", "x");
  EXPECT_TRUE(txn.get("own"));
  EXPECT_TRUE(txn.scan_keys("c", "z", [](std::string_view) { return false; }));
  EXPECT_EQ(rows(txn, "m", "n"), Rows{});
  txn.edit({LateEdit::Op::link, 256, 0, "dir/name"});
  const Transaction taken = txn.take();
  EXPECT_EQ(taken.snapshot, 1u);
  std::vector<std::pair<std::string, std::string>> reads;
  for (const Read& read : taken.reads) reads.emplace_back(read.first, read.last);
  EXPECT_EQ(reads, (Rows{{"b", ""}, {"absent", ""}, {"c", std::string("d\0", 2)}, {"m", "n"}}));
  ASSERT_EQ(taken.puts.size(), 1u);
  EXPECT_EQ(taken.puts[0].key, "own");
  EXPECT_EQ(taken.edits.size(), 1u);
  EXPECT_FALSE(txn.dirty());
}

TEST_F(TxnTest, DroppingWritesKeepsTheReads) {
  Txn txn(*snapshot_, sealer_);
  EXPECT_TRUE(txn.get("b"));
  txn.put("b", "x");
  txn.drop_writes();
  EXPECT_EQ(text(txn.get("b")), "stored b");
  const Transaction taken = txn.take();
  EXPECT_TRUE(taken.empty());
  EXPECT_FALSE(taken.reads.empty());
}

}  // namespace
}  // namespace strongroom::store
