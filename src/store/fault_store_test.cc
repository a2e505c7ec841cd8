#include "store/fault_store.h"

#include "store/conformance.h"

namespace strongroom::store::conformance {

class FaultBackend {
 public:
  static constexpr bool kDurable = true;
  FaultBackend() { open(); }
  Store& store() { return *store_; }
  void restart() {
    store_.reset();
    disk_.crash();
    disk_.restart(1);
    open();
  }

 private:
  void open() {
    auto opened = FaultStore::open(disk_);
    EXPECT_TRUE(opened);
    store_ = *std::move(opened);
  }
  SimDisk disk_;
  std::unique_ptr<FaultStore> store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fault, StoreConformance, FaultBackend);

namespace {

Group one(Revision revision, std::string key) {
  Group group;
  group.first = revision;
  group.last = revision;
  group.writes.push_back({std::move(key), "v"});
  return group;
}

TEST(FaultStore, TellsAppliedFromDroppedAfterReopening) {
  SimDisk disk;
  const auto store = *FaultStore::open(disk);
  const std::uint64_t epoch = *store->lead();
  store->next_outcome(FaultStore::Unknown::applied);
  EXPECT_EQ(store->apply(one(1, "a"), epoch).error().code, Code::outcome_unknown);
  EXPECT_EQ(store->apply(one(1, "a"), epoch).error().code, Code::outcome_unknown) << "nothing until reopen()";
  ASSERT_TRUE(store->reopen());
  EXPECT_EQ((*store->snapshot())->revision(), 1u);
  store->next_outcome(FaultStore::Unknown::dropped);
  EXPECT_EQ(store->apply(one(2, "b"), epoch).error().code, Code::outcome_unknown);
  ASSERT_TRUE(store->reopen());
  EXPECT_EQ((*store->snapshot())->revision(), 1u);
  EXPECT_TRUE(store->apply(one(2, "b"), epoch));
}

TEST(FaultStore, WhatReopenFoundSurvivesAPowerCut) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SimDisk disk;
    Revision found = 0;
    {
      const auto store = *FaultStore::open(disk);
      const std::uint64_t epoch = *store->lead();
      disk.fail_sync_after(0);
      EXPECT_EQ(store->apply(one(1, std::string(480, 'a')), epoch).error().code, Code::outcome_unknown);
      ASSERT_TRUE(store->reopen());
      found = (*store->snapshot())->revision();
    }
    disk.crash();
    disk.restart(seed);
    const auto store = *FaultStore::open(disk);
    EXPECT_EQ((*store->snapshot())->revision(), found);
  }
}

}  // namespace
}  // namespace strongroom::store::conformance
