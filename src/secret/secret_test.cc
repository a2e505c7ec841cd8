#include <gtest/gtest.h>

#include <random>

#include "secret/fake_storage.h"
#include "secret/object.h"

namespace strongroom::secret {
namespace {

WallTime at(int seconds) { return WallTime{Seconds{1'800'000'000 + seconds}}; }

Metadata example() {
  Metadata m;
  m.current = 300;
  m.oldest = 3;
  m.edition = 7;
  m.max_versions = 4'000'000'000;
  m.metadata_cas_required = true;
  m.delete_after = Seconds{5400};
  m.created = at(0);
  m.updated = WallTime{Nanoseconds{-5}};
  m.custom = {{"env", "prod"}, {"owner", std::string(512, 'x')}};
  m.versions = {
      {3, at(1), {}, false}, {4, at(2), at(9), false}, {299, at(3), at(9), true}, {300, at(4), {}, true}};
  return m;
}

TEST(Records, ComeBackAsTheyWere) {
  for (const auto& m : {Metadata{}, example()}) {
    const auto bytes = encode(m);
    const auto back = decode_metadata(view(bytes));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, m);
  }
  const Rules rules{12, true, false, Seconds{90}};
  EXPECT_EQ(*decode_rules(view(encode(rules))), rules);
}

TEST(Records, OneVersionIsFoundWithoutTheOthers) {
  const auto bytes = encode(example());
  const auto newest = glance(view(bytes), 0);
  ASSERT_TRUE(newest && *newest);
  EXPECT_EQ((*newest)->version, example().versions.back());
  EXPECT_EQ((*newest)->custom, example().custom);
  EXPECT_EQ((*glance(view(bytes), 4))->version, example().versions[1]);
  for (const Seq absent : {1u, 2u, 5u, 301u}) EXPECT_FALSE(*glance(view(bytes), absent));
  EXPECT_FALSE(*glance(view(encode(Metadata{})), 0));
}

// The bytes of docs/formats/secret.md, written by hand.
TEST(Records, AreTheDocumentedBytes) {
  Metadata m;
  m.current = 200;
  m.cas_required = true;
  m.created = WallTime{Nanoseconds{1}};
  m.updated = WallTime{Nanoseconds{258}};
  m.custom = {{"a", "bc"}};
  m.versions = {{200, WallTime{Nanoseconds{2}}, WallTime{Nanoseconds{3}}, true}};
  const std::string_view want(
      "\x01\x01\xc8\x01\x00\x00\x00\x00"
      "\0\0\0\0\0\0\0\x01"
      "\0\0\0\0\0\0\x01\x02"
      "\x01\x01"
      "a\x02"
      "bc"
      "\xc8\x01\x03"
      "\0\0\0\0\0\0\0\x02"
      "\0\0\0\0\0\0\0\x03",
      8 + 16 + 6 + 3 + 16);
  EXPECT_EQ(view(encode(m)), want);
  EXPECT_EQ(payload_suffix(258), std::string("\x01\0\0\0\0\0\0\x01\x02", 9));
  EXPECT_EQ(view(encode_plain(WallTime{Nanoseconds{1}}, "{}")),
            std::string_view("\x02\0\0\0\0\0\0\0\x01{}", 11));
}

TEST(Records, EveryCutAndEveryUnknownBitIsRefused) {
  const auto bytes = encode(example());
  int read = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n)
    if (decode_metadata(view(bytes).substr(0, n))) ++read;
  EXPECT_EQ(read, 0);
  auto newer = bytes;
  newer[1] = '\x04';
  EXPECT_EQ(decode_metadata(view(newer)).error().code, Code::corrupt);
  newer = bytes;
  newer[0] = '\x09';
  EXPECT_EQ(decode_metadata(view(newer)).error().code, Code::corrupt);
  EXPECT_FALSE(decode_rules("\x01\x00\x80\x00\x00"));  // a number that is not in its shortest form
  EXPECT_FALSE(decode_rules(std::string_view("\x01\x00\x00\x00\x00", 5)));
}

TEST(Records, RandomBytesNeverHarm) {
  std::mt19937 dice(7);
  const auto good = encode(example());
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    for (int n = static_cast<int>(dice() % 4); n >= 0; --n)
      bytes[dice() % bytes.size()] = static_cast<char>(dice());
    if (const auto m = decode_metadata(view(bytes))) {
      EXPECT_EQ(*decode_metadata(view(encode(*m))), *m);
    }
    (void)glance(view(bytes), dice() % 400);
  }
}

class Objects : public testing::Test {
 protected:
  Object open(std::string_view path = "a/b") { return *Object::open(storage, node(path)); }
  engine::Node node(std::string_view path = "a/b") { return *storage.node(0, path); }
  void write(std::string_view payload, int when, const Rules& rules = {}) {
    auto o = open();
    o.add(rules, at(when), SecretText(payload));
    o.save();
    storage.commit();
  }
  std::string payload(Seq seq, int when) {
    const auto got = read(storage, node(), seq, at(when));
    if (!got || !*got) return "absent";
    return (*got)->state == State::live ? std::string(view((*got)->payload)) : "gone";
  }
  FakeStorage storage;
};

TEST_F(Objects, AReadCostsTwoGetsAndAWriteTwoPuts) {
  write("one", 1);
  storage.gets = storage.puts = storage.erases = 0;
  EXPECT_EQ(payload(0, 2), "one");
  EXPECT_EQ(storage.gets, 2);
  write("two", 2);
  EXPECT_EQ(storage.puts, 2);
  EXPECT_EQ(storage.gets, 3);
  EXPECT_EQ(storage.erases, 0);
}

TEST_F(Objects, KeepAsManyVersionsAsAskedAndEraseTheRest) {
  for (int i = 1; i <= 12; ++i) write(std::to_string(i), i);
  EXPECT_EQ(open().metadata().oldest, 3u);
  EXPECT_EQ(storage.records(node())->size(), 11u);  // metadata and ten payloads
  EXPECT_EQ(payload(2, 20), "absent");
  EXPECT_EQ(payload(3, 20), "3");
  write("13", 13, {.max_versions = 2});
  EXPECT_EQ(storage.records(node())->size(), 3u);
  EXPECT_EQ(payload(11, 20), "absent");
  EXPECT_EQ(payload(12, 20), "12");
}

TEST_F(Objects, VersionsAreDeletedByHandOrByTimeAndComeBack) {
  write("one", 1, {.delete_after = Seconds{10}});
  EXPECT_EQ(payload(0, 10), "one");
  EXPECT_EQ(payload(0, 11), "gone");
  auto o = open();
  const std::array<Seq, 2> seqs{1, 9};
  EXPECT_TRUE(o.undelete(seqs));
  EXPECT_FALSE(o.undelete(seqs));
  o.save();
  EXPECT_EQ(payload(0, 100), "one");
  EXPECT_TRUE(o.soft_delete(seqs, at(50)));
  EXPECT_FALSE(o.soft_delete(seqs, at(51)));
  o.save();
  EXPECT_EQ(payload(0, 50), "gone");
  EXPECT_EQ(storage.records(node())->size(), 2u);
}

TEST_F(Objects, DestroyedPayloadsAreErasedAndStayDestroyed) {
  write("one", 1);
  auto o = open();
  const Seq one = 1;
  EXPECT_TRUE(o.destroy({&one, 1}));
  EXPECT_FALSE(o.undelete({&one, 1}));
  o.save();
  EXPECT_EQ(payload(1, 2), "gone");
  EXPECT_EQ(storage.records(node())->size(), 1u);
  write("two", 3);
  EXPECT_EQ(payload(0, 4), "two");
}

TEST_F(Objects, TheShorterLifeOfSecretAndMountHolds) {
  auto o = open();
  o.edit().delete_after = Seconds{30};
  EXPECT_EQ(o.add({.delete_after = Seconds{90}}, at(0), {}).deletion, at(30));
  EXPECT_EQ(o.add({.delete_after = Seconds{20}}, at(0), {}).deletion, at(20));
  EXPECT_EQ(o.add({}, at(0), {}).deletion, at(30));
}

TEST_F(Objects, AreListedOnceAndVanishWholly) {
  write("one", 1);
  write("two", 2);
  ASSERT_EQ(storage.list(0, "a/", "", 0)->names.size(), 1u);
  open().remove();
  storage.commit();
  EXPECT_TRUE(storage.list(0, "", "", 0)->names.empty());
  EXPECT_EQ(storage.node_count(), 0u);
}

TEST_F(Objects, ALostPayloadIsAnErrorAndNoAbsence) {
  write("one", 1);
  storage.erase(node(), payload_suffix(1));
  const auto got = read(storage, node(), 0, at(2));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::corrupt);
}

TEST_F(Objects, APlainSecretIsItsFirstVersion) {
  storage.put(node(), {}, encode_plain(at(5), "plain"));
  EXPECT_EQ(payload(0, 9), "plain");
  EXPECT_EQ(payload(2, 9), "absent");
  EXPECT_EQ(open().metadata().created, at(5));
  write("two", 10);
  EXPECT_EQ(payload(1, 11), "plain");
  EXPECT_EQ(payload(0, 11), "two");
  EXPECT_EQ(storage.records(node())->size(), 3u);
}

}  // namespace
}  // namespace strongroom::secret
