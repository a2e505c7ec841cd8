// The contract of Store as one typed test suite, run against every backend.
// Use: a Backend type with `Store& store()` (open, empty) and `void restart()` (closed and opened anew, as a
// new process would), then INSTANTIATE_TYPED_TEST_SUITE_P(Name, StoreConformance, Backend). A backend without
// persistence sets `static constexpr bool kDurable = false`.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/tables.h"

namespace strongroom::store::conformance {

using Rows = std::vector<std::pair<std::string, std::string>>;

inline std::string text(const Snapshot& snapshot, std::string_view key) {
  const auto found = snapshot.get(key);
  if (!found) return "error";
  return *found ? std::string(**found) : "absent";
}

inline Rows rows(const Snapshot& snapshot, std::string_view first, std::string_view last) {
  Rows out;
  const Status scanned = snapshot.scan(first, last, [&](std::string_view key, std::string_view value) {
    out.emplace_back(key, value);
    return true;
  });
  EXPECT_TRUE(scanned);
  return out;
}

template <class Backend>
class StoreConformance : public testing::Test {
 protected:
  Store& store() { return backend_.store(); }
  std::unique_ptr<Snapshot> snapshot() { return *store().snapshot(); }
  void lead() { epoch_ = *store().lead(); }
  // One transaction.
  Status apply(std::vector<Write> writes) {
    const Revision next = snapshot()->revision() + 1;
    Group group;
    group.first = next;
    group.last = next;
    group.writes = std::move(writes);
    return store().apply(group, epoch_);
  }
  static Write put(std::string key, std::string value) { return {std::move(key), std::move(value)}; }
  static Write erase(std::string key) { return {std::move(key), std::nullopt}; }

  Backend backend_;
  std::uint64_t epoch_ = 0;
};
TYPED_TEST_SUITE_P(StoreConformance);

TYPED_TEST_P(StoreConformance, StartsEmptyAtRevisionZero) {
  EXPECT_EQ(this->snapshot()->revision(), 0u);
  EXPECT_EQ(text(*this->snapshot(), "k"), "absent");
  this->lead();
  EXPECT_EQ(this->snapshot()->revision(), 0u) << "leading is no transaction";
  EXPECT_TRUE(rows(*this->snapshot(), "", "\xff").empty()) << "the backend's own records are not visible";
}

TYPED_TEST_P(StoreConformance, AppliesWholeGroups) {
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1"), this->put("b", "2")}));
  ASSERT_TRUE(this->apply({this->put("a", "3"), this->erase("b"), this->put("c", "")}));
  const auto s = this->snapshot();
  EXPECT_EQ(s->revision(), 2u);
  EXPECT_EQ(text(*s, "a"), "3");
  EXPECT_EQ(text(*s, "b"), "absent");
  EXPECT_EQ(text(*s, "c"), "");
}

TYPED_TEST_P(StoreConformance, ALaterWriteOfAKeyWinsWithinTheGroup) {
  this->lead();
  ASSERT_TRUE(this->apply({this->put("z", "0"), this->put("a", "1"), this->erase("a"), this->put("b", "1"),
                           this->put("a", "2"), this->put("b", "2"), this->erase("b")}));
  EXPECT_EQ(rows(*this->snapshot(), "", "\xff"), (Rows{{"a", "2"}, {"z", "0"}}));
}

TYPED_TEST_P(StoreConformance, SnapshotsAreIsolated) {
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1"), this->put("b", "1")}));
  const auto before = this->snapshot();
  const std::string_view view = **before->get("a");
  ASSERT_TRUE(this->apply({this->put("a", "2"), this->erase("b"), this->put("c", "2")}));
  EXPECT_EQ(view, "1");
  EXPECT_EQ(before->revision(), 1u);
  EXPECT_EQ(rows(*before, "", "\xff"), (Rows{{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(rows(*this->snapshot(), "", "\xff"), (Rows{{"a", "2"}, {"c", "2"}}));
}

TYPED_TEST_P(StoreConformance, ScansInByteOrderWithinBounds) {
  this->lead();
  const std::string zero("a\0", 2);
  ASSERT_TRUE(this->apply({this->put("b", "4"), this->put("a\x7f", "2"), this->put("a", "0"),
                           this->put(zero, "1"), this->put("a\xff", "3")}));
  const auto s = this->snapshot();
  EXPECT_EQ(rows(*s, "", "\xff"),
            (Rows{{"a", "0"}, {zero, "1"}, {"a\x7f", "2"}, {"a\xff", "3"}, {"b", "4"}}));
  EXPECT_EQ(rows(*s, "a", "b").size(), 4u) << "the first key is in";
  EXPECT_EQ(rows(*s, "a\x7f", "a\xff"), (Rows{{"a\x7f", "2"}})) << "the last key is out";
  EXPECT_TRUE(rows(*s, "b", "b").empty());
  EXPECT_TRUE(rows(*s, "b", "a").empty());
  EXPECT_TRUE(rows(*s, "c", "d").empty());
  std::size_t seen = 0;
  ASSERT_TRUE(s->scan("a", "c", [&](std::string_view, std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2u) << "false ends the scan";
}

TYPED_TEST_P(StoreConformance, TakesLongKeysAndBigValues) {
  this->lead();
  const std::string longest(kMostKey, 'k');
  const std::string big(3u << 20, 'v');
  ASSERT_TRUE(this->apply(
      {this->put(longest, "long"), this->put("big", big), this->put("page", std::string(4096, 'p'))}));
  EXPECT_EQ(text(*this->snapshot(), longest), "long");
  EXPECT_EQ(text(*this->snapshot(), "big"), big);
  EXPECT_EQ(text(*this->snapshot(), "page"), std::string(4096, 'p'));
  EXPECT_EQ(this->apply({this->put(longest + "k", "x")}).error().code, Code::invalid_argument);
  EXPECT_EQ(this->apply({this->put("ok", "x"), this->put("", "x")}).error().code, Code::invalid_argument);
  EXPECT_EQ(text(*this->snapshot(), "ok"), "absent");
  EXPECT_EQ(text(*this->snapshot(), longest + "k"), "absent");
}

TYPED_TEST_P(StoreConformance, ErasingWhatIsAbsentIsFine) {
  this->lead();
  ASSERT_TRUE(this->apply({this->erase("nothing")}));
  EXPECT_EQ(this->snapshot()->revision(), 1u);
}

TYPED_TEST_P(StoreConformance, HousekeepingConsumesNoRevision) {
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1")}));
  Group alone;
  alone.first = 2;
  alone.last = 1;
  alone.writes = {this->erase("a"), this->put("b", "2")};
  ASSERT_TRUE(this->store().apply(alone, this->epoch_));
  EXPECT_EQ(this->snapshot()->revision(), 1u);
  EXPECT_EQ(rows(*this->snapshot(), "", "\xff"), (Rows{{"b", "2"}}));
}

TYPED_TEST_P(StoreConformance, RevisionsAreDense) {
  this->lead();
  Group group;
  group.first = 1;
  group.last = 3;
  ASSERT_TRUE(this->store().apply(group, this->epoch_));
  EXPECT_EQ(this->snapshot()->revision(), 3u);
  EXPECT_FALSE(this->store().apply(group, this->epoch_)) << "a gap or a repetition is a defect";
  group.first = 5;
  group.last = 5;
  EXPECT_FALSE(this->store().apply(group, this->epoch_));
  EXPECT_EQ(this->snapshot()->revision(), 3u);
}

TYPED_TEST_P(StoreConformance, ANewLeaderFencesTheOldOne) {
  EXPECT_EQ(this->apply({this->put("a", "nobody leads")}).error().code, Code::fenced);
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1")}));
  const std::uint64_t old = this->epoch_;
  this->lead();
  EXPECT_GT(this->epoch_, old);
  Group late;
  late.first = 2;
  late.last = 2;
  late.writes = {this->put("a", "late")};
  EXPECT_EQ(this->store().apply(late, old).error().code, Code::fenced);
  EXPECT_EQ(text(*this->snapshot(), "a"), "1");
  EXPECT_TRUE(this->apply({this->put("a", "2")}));
}

TYPED_TEST_P(StoreConformance, KeepsStateRevisionAndEpochWhenOpenedAgain) {
  if constexpr (!TypeParam::kDurable) GTEST_SKIP() << "not durable";
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1"), this->put("b", std::string(10'000, 'b'))}));
  ASSERT_TRUE(this->apply({this->put("c", "2"), this->erase("a")}));
  const std::uint64_t old = this->epoch_;
  this->backend_.restart();
  EXPECT_EQ(this->snapshot()->revision(), 2u);
  EXPECT_EQ(rows(*this->snapshot(), "", "\xff"), (Rows{{"b", std::string(10'000, 'b')}, {"c", "2"}}));
  this->lead();
  EXPECT_GT(this->epoch_, old);
  EXPECT_TRUE(this->apply({this->put("d", "3")}));
}

TYPED_TEST_P(StoreConformance, ReopenKeepsWhatWasAcknowledged) {
  this->lead();
  ASSERT_TRUE(this->apply({this->put("a", "1")}));
  ASSERT_TRUE(this->store().reopen());
  EXPECT_EQ(text(*this->snapshot(), "a"), "1");
  EXPECT_EQ(this->snapshot()->revision(), 1u);
  EXPECT_TRUE(this->apply({this->put("a", "2")})) << "the epoch survives";
}

TYPED_TEST_P(StoreConformance, AgreesWithAnOrderedMapOnRandomGroups) {
  this->lead();
  const std::uint64_t seed = 20261125;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 dice(seed);
  std::map<std::string, std::string> model;
  const auto key = [&] {
    std::string k(1 + dice() % 3, '\0');
    for (char& c : k) c = static_cast<char>(dice() % 2 == 0 ? dice() % 8 : 0xf8 + dice() % 8);
    return k;
  };
  for (int step = 0; step < 60; ++step) {
    const auto before = this->snapshot();
    const Rows frozen(model.begin(), model.end());
    Group group;
    group.first = before->revision() + 1;
    group.last = before->revision() + 1 + dice() % 3;
    for (auto n = dice() % 40; n > 0; --n) {
      const std::string k = key();
      if (dice() % 3 == 0) {
        group.writes.push_back(this->erase(k));
        model.erase(k);
      } else {
        const std::string v(dice() % 3000, static_cast<char>('a' + dice() % 26));
        group.writes.push_back(this->put(k, v));
        model[k] = v;
      }
    }
    ASSERT_TRUE(this->store().apply(group, this->epoch_));
    ASSERT_EQ(rows(*before, "", std::string(4, '\xff')), frozen);
    const auto after = this->snapshot();
    ASSERT_EQ(after->revision(), group.last);
    std::string first = key();
    std::string last = key();
    if (last < first) std::swap(first, last);
    ASSERT_EQ(rows(*after, first, last), Rows(model.lower_bound(first), model.lower_bound(last)));
    ASSERT_EQ(rows(*after, "", std::string(4, '\xff')), Rows(model.begin(), model.end()));
  }
}

REGISTER_TYPED_TEST_SUITE_P(StoreConformance, StartsEmptyAtRevisionZero, AppliesWholeGroups,
                            ALaterWriteOfAKeyWinsWithinTheGroup, SnapshotsAreIsolated,
                            ScansInByteOrderWithinBounds, TakesLongKeysAndBigValues,
                            ErasingWhatIsAbsentIsFine, HousekeepingConsumesNoRevision, RevisionsAreDense,
                            ANewLeaderFencesTheOldOne, KeepsStateRevisionAndEpochWhenOpenedAgain,
                            ReopenKeepsWhatWasAcknowledged, AgreesWithAnOrderedMapOnRandomGroups);

}  // namespace strongroom::store::conformance
