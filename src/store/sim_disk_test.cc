#include "store/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace strongroom::store {
namespace {

TEST(SimDisk, KeepsWhatWasSyncedAndThrowsDiceForTheRest) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    SimDisk disk(512);
    ASSERT_TRUE(disk.create("a"));
    ASSERT_TRUE(disk.append("a", std::string(512, 'd')));
    ASSERT_TRUE(disk.fsync("a"));
    ASSERT_TRUE(disk.sync_directory());
    ASSERT_TRUE(disk.append("a", std::string(1024, 'u')));
    disk.crash();
    EXPECT_EQ(disk.append("a", "x").error().code, Code::unavailable);
    disk.restart(seed);
    const std::string content = *disk.read("a");
    EXPECT_EQ(content.substr(0, 512), std::string(512, 'd')) << "seed " << seed;
    seen.insert(content);
  }
  EXPECT_EQ(seen.size(), 4u) << "nothing, first sector, second sector behind a hole, both";
}

TEST(SimDisk, NamesNeedADirectorySync) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    SimDisk disk;
    ASSERT_TRUE(disk.create("a"));
    ASSERT_TRUE(disk.fsync("a"));
    disk.crash();
    disk.restart(seed);
    lost |= !disk.exists("a");
  }
  EXPECT_TRUE(lost);
}

TEST(SimDisk, CrashesInTheNamedOperation) {
  SimDisk disk;
  ASSERT_TRUE(disk.create("a"));
  disk.crash_after(1);
  EXPECT_TRUE(disk.append("a", "1"));
  EXPECT_FALSE(disk.append("a", "2"));
  EXPECT_TRUE(disk.crashed());
  EXPECT_FALSE(disk.read("a"));
}

TEST(SimDisk, AFailedSyncLeavesBytesThatALaterSyncDoesNotSave) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    SimDisk disk;
    ASSERT_TRUE(disk.create("a"));
    ASSERT_TRUE(disk.sync_directory());
    ASSERT_TRUE(disk.append("a", std::string(600, 'x')));
    disk.fail_sync_after(0);
    EXPECT_EQ(disk.fsync("a").error().code, Code::outcome_unknown);
    EXPECT_TRUE(disk.fsync("a"));
    EXPECT_EQ(disk.read("a")->size(), 600u);
    disk.crash();
    disk.restart(seed);
    lost |= disk.read("a")->size() != 600;
  }
  EXPECT_TRUE(lost);
}

TEST(SimDisk, WritingAgainAfterAFailedSyncIsSafe) {
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    SimDisk disk;
    ASSERT_TRUE(disk.create("a"));
    ASSERT_TRUE(disk.sync_directory());
    ASSERT_TRUE(disk.append("a", std::string(600, 'x')));
    disk.fail_sync_after(0);
    EXPECT_FALSE(disk.fsync("a"));
    ASSERT_TRUE(disk.pwrite("a", 0, std::string(600, 'y')));
    ASSERT_TRUE(disk.fsync("a"));
    disk.crash();
    disk.restart(seed);
    EXPECT_EQ(*disk.read("a"), std::string(600, 'y'));
  }
}

TEST(SimDisk, FullDiskRefusesGrowthOnly) {
  SimDisk disk;
  ASSERT_TRUE(disk.create("a"));
  ASSERT_TRUE(disk.append("a", "0123456789"));
  disk.set_capacity(10);
  EXPECT_EQ(disk.append("a", "x").error().code, Code::no_space);
  EXPECT_TRUE(disk.pwrite("a", 0, "y"));
  EXPECT_EQ(*disk.read("a"), "y123456789");
}

}  // namespace
}  // namespace strongroom::store
