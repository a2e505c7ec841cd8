#include "barrier/directory.h"

#include <chrono>
#include <map>
#include <set>

#include "barrier/test_world.h"

namespace strongroom::barrier {
namespace {
using Names = std::vector<std::string>;
constexpr std::uint32_t kMount = World::kMount;

TEST(Directory, LinksEveryFolderAboveAName) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.link(kMount, 0, "a/b/c").link(kMount, 0, "a/b").link(kMount, 0, "a/b/c")));
  EXPECT_EQ(w.list(""), Names{"a/"});
  EXPECT_EQ(w.list("a/"), (Names{"b", "b/"}));
  EXPECT_EQ(w.list("a/b/"), Names{"c"});
  EXPECT_EQ(w.list("a/b/c/"), Names{});
  EXPECT_EQ(w.list("", {}, 10, 1), Names{});  // another space
}

TEST(Directory, UnlinkingTheLastNameRemovesEmptyFoldersUpwards) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.link(kMount, 0, "a/b/c").link(kMount, 0, "a/b").link(kMount, 0, "z")));
  ASSERT_TRUE(w.commit(Step{}.unlink(kMount, 0, "a/b/c")));
  EXPECT_EQ(w.list("a/"), Names{"b"});
  ASSERT_TRUE(w.commit(Step{}.unlink(kMount, 0, "a/b").unlink(kMount, 0, "never/was")));
  EXPECT_EQ(w.list(""), Names{"z"});
  ASSERT_TRUE(w.commit(Step{}.unlink(kMount, 0, "z")));
  EXPECT_EQ(w.list(""), Names{});
  EXPECT_TRUE(w.keys_of(static_cast<std::uint32_t>(store::Table::directory)).empty());
  EXPECT_EQ(w.findings(), Names{});
}

TEST(Directory, ComesBackInTheGroupInWhichItVanished) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.link(kMount, 0, "a/b")));
  ASSERT_TRUE(w.commit({Step{}.unlink(kMount, 0, "a/b"), Step{}.link(kMount, 0, "a/c")}));
  EXPECT_EQ(w.list(""), Names{"a/"});
  EXPECT_EQ(w.list("a/"), Names{"c"});
}

TEST(Directory, PagesAfterANameThatNeedNotExist) {
  World w;
  Step s;
  for (int i = 0; i < 1000; ++i) s.link(kMount, 0, fmt::format("n{:04}", i));
  ASSERT_TRUE(w.commit(std::move(s)));
  const auto page = w.barrier.list(*w.snapshot(), kMount, 0, "", "n0500", 3);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->more);
  EXPECT_EQ(w.list("", "n0500", 3), (Names{"n0501", "n0502", "n0503"}));
  EXPECT_EQ(w.list("", "n0500x", 1), Names{"n0501"});
  EXPECT_EQ(w.list("", "n0997", 2), (Names{"n0998", "n0999"}));
  EXPECT_FALSE(w.barrier.list(*w.snapshot(), kMount, 0, "", "n0997", 2)->more);
  EXPECT_TRUE(w.barrier.list(*w.snapshot(), kMount, 0, "", "n0996", 2)->more);
  EXPECT_EQ(w.list("", "zzz", 5), Names{});
  EXPECT_EQ(w.barrier.list(*w.snapshot(), kMount, 0, "no-slash", "", 1).error().code, Code::invalid_argument);
}

TEST(Directory, KeepsNoNameInTheClear) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.link(kMount, 0, "conspicuous/names")));
  for (const auto& key : w.keys_of(static_cast<std::uint32_t>(store::Table::directory)))
    for (const std::string_view word : {"conspicuous", "names"}) {
      EXPECT_EQ(key.find(word), std::string::npos);
      EXPECT_EQ(w.stored(key).find(word), std::string::npos);
    }
}

TEST(Directory, TakesNamesOfEverySizeAndByte) {
  World w;
  std::set<std::string> want;
  SeededRandom dice(3);
  Step s;
  for (int i = 0; i < 600; ++i) {
    std::string name(1 + dice.below(400), '\0');
    for (char& c : name) c = static_cast<char>(1 + dice.below(255));
    std::ranges::replace(name, '/', '_');
    want.insert(name);
    s.link(kMount, 3, name);
  }
  ASSERT_TRUE(w.commit(std::move(s)));
  EXPECT_EQ(w.list("", {}, 1000, 3), Names(want.begin(), want.end()));
}

// Random links and unlinks in a few directories, against std::set; every page and the whole store are
// checked.
void agrees_with_a_set(std::uint64_t seed, std::size_t names, int groups, std::size_t per_group,
                       int link_percent) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  World w;
  SeededRandom dice(seed);
  std::set<std::string> paths;
  const auto random_path = [&] {
    static constexpr std::string_view kDirs[] = {"", "a/", "a/b/", "a/b/c/", "d/", "a-/"};
    return std::string(kDirs[dice.below(6)]) + fmt::format("n{}", dice.below(names));
  };
  const auto check = [&] {
    std::map<std::string, std::set<std::string>> want;
    for (const std::string& p : paths)
      for (std::size_t end = p.size(), slash;; end = slash + 1) {
        slash = end < 2 ? std::string::npos : p.rfind('/', end - 2);
        const std::string dir = slash == std::string::npos ? "" : p.substr(0, slash + 1);
        want[dir].insert(p.substr(dir.size(), end - dir.size()));
        if (slash == std::string::npos) break;
      }
    for (const std::string_view dir : {"", "a/", "a/b/", "a/b/c/", "d/", "a-/"}) {
      const auto& have = want[std::string(dir)];
      ASSERT_EQ(w.list(dir), Names(have.begin(), have.end())) << dir;
      const std::string after = fmt::format("n{}", dice.below(names));
      const std::size_t most = 1 + dice.below(300);
      Names page;
      for (auto at = have.upper_bound(after); at != have.end() && page.size() < most; ++at)
        page.push_back(*at);
      ASSERT_EQ(w.list(dir, after, most), page) << dir;
    }
    const auto found = w.findings();
    ASSERT_TRUE(found.empty()) << found.front();
  };
  for (int g = 0; g < groups; ++g) {
    std::vector<Step> group(1 + dice.below(4));
    for (Step& s : group)
      for (std::size_t i = 0; i < per_group; ++i) {
        const std::string path = random_path();
        if (dice.below(100) < static_cast<std::size_t>(link_percent)) {
          s.link(kMount, 0, path);
          s.put(w.node(path), "v");
          paths.insert(path);
        } else {
          s.unlink(kMount, 0, path);
          s.erase(w.node(path));
          paths.erase(path);
        }
      }
    ASSERT_TRUE(w.commit(group));
    if (g % 8 == 7) check();
    if (g == groups * 2 / 3) link_percent = 100 - link_percent;  // grow, then shrink
  }
  check();
}
TEST(Directory, AgreesWithASetWhenSmall) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) agrees_with_a_set(seed, 4, 60, 3, 60);
}
TEST(Directory, AgreesWithASetWhenLarge) { agrees_with_a_set(11, 4000, 60, 300, 80); }
TEST(Directory, AgreesWithASetWhenItShrinks) {
  agrees_with_a_set(12, 600, 120, 200, 90);
  agrees_with_a_set(13, 200'000, 40, 800, 95);
}

TEST(Directory, EmptiesCompletelyFromThreeLevels) {
  World w;
  constexpr int kNames = 60'000;
  const auto name = [](int i) { return fmt::format("name-{:06}", (i * 7919) % kNames); };
  for (int i = 0; i < kNames; i += 2000) {
    Step s;
    for (int j = i; j < i + 2000; ++j) s.link(kMount, 0, name(j));
    ASSERT_TRUE(w.commit(std::move(s)));
  }
  EXPECT_EQ(w.list("").size(), static_cast<std::size_t>(kNames));
  for (int i = 0; i < kNames; i += 2000) {
    Step s;
    for (int j = i; j < i + 2000; ++j) s.unlink(kMount, 0, name(kNames - 1 - j));
    ASSERT_TRUE(w.commit(std::move(s)));
    EXPECT_EQ(w.list("").size(), static_cast<std::size_t>(kNames - i - 2000));
  }
  EXPECT_TRUE(w.keys_of(static_cast<std::uint32_t>(store::Table::directory)).empty());
}

TEST(Directory, NamesInOrderFillTheirChunks) {
  World w;
  for (int i = 0; i < 20'000; i += 1000) {
    Step s;
    for (int j = i; j < i + 1000; ++j) s.link(kMount, 0, fmt::format("{:08}", j));
    ASSERT_TRUE(w.commit(std::move(s)));
  }
  EXPECT_LT(w.keys_of(static_cast<std::uint32_t>(store::Table::directory)).size(), 20'000u / 150);
}

TEST(Directory, AChunkErasedByASweepStaysErased) {
  World w;
  ASSERT_TRUE(w.commit(Step{}.link(kMount, 0, "a")));
  const auto chunks = w.keys_of(static_cast<std::uint32_t>(store::Table::directory));
  ASSERT_EQ(chunks.size(), 1u);
  ASSERT_TRUE(w.commit({Step{}.link(kMount, 0, "b"), Step{}.erase(chunks[0])}));
  EXPECT_TRUE(w.keys_of(static_cast<std::uint32_t>(store::Table::directory)).empty());
  EXPECT_EQ(w.findings(), Names{});
}

TEST(Directory, AFolderThatComesAndGoesWithinAGroupLeavesNothing) {
  World w;
  Step s;
  s.link(kMount, 0, "a/b/c").unlink(kMount, 0, "a/b/c");
  ASSERT_TRUE(w.commit(std::move(s)));
  EXPECT_TRUE(w.keys_of(static_cast<std::uint32_t>(store::Table::directory)).empty());
  EXPECT_EQ(w.findings(), Names{});
}

TEST(Directory, ADamagedChunkIsCorruptAndNotAShortList) {
  World w;
  Step s;
  for (int i = 0; i < 1000; ++i) s.link(kMount, 0, std::to_string(i));
  ASSERT_TRUE(w.commit(std::move(s)));
  const auto chunks = w.keys_of(static_cast<std::uint32_t>(store::Table::directory));
  ASSERT_GT(chunks.size(), 3u);
  for (const auto& key : chunks) {
    const std::string good = w.stored(key);
    if (!key.ends_with(std::string(4, '\0'))) {
      w.raw({{key, std::nullopt}});
      EXPECT_EQ(w.barrier.list(*w.snapshot(), kMount, 0, "", "", 5000).error().code, Code::corrupt);
    }
    std::string bad = good;
    bad.back() = static_cast<char>(bad.back() ^ 1);
    w.raw({{key, bad}});
    EXPECT_EQ(w.barrier.list(*w.snapshot(), kMount, 0, "", "", 5000).error().code, Code::corrupt);
    w.raw({{key, good}});
  }
}

TEST(Directory, PrintsItsCostWithAHundredThousandNames) {
  using SteadyClock = std::chrono::steady_clock;
  World w;
  SeededRandom dice(5);
  std::chrono::duration<double, std::micro> link{};
  constexpr int kNames = 100'000;
  for (int i = 0; i < kNames; i += 64) {
    Step s;
    for (int j = i; j < i + 64; ++j) s.link(kMount, 0, fmt::format("service-{:012x}", dice.next() >> 16));
    const auto before = w.snapshot();
    const store::Draft d{before->revision() + 1, {}, s.edits, {}};
    store::Group g;
    const auto start = SteadyClock::now();
    ASSERT_TRUE(w.barrier.seal(*before, {&d, 1}, g.writes));
    link += SteadyClock::now() - start;
    w.raw(std::move(g.writes));
  }
  const auto s = w.snapshot();
  const auto start = SteadyClock::now();
  for (int i = 0; i < 100; ++i) {
    const auto page =
        w.barrier.list(*s, kMount, 0, "", fmt::format("service-{:012x}", dice.next() >> 16), 1000);
    ASSERT_TRUE(page);
  }
  const std::chrono::duration<double, std::micro> list = SteadyClock::now() - start;
  RecordProperty("link_us", fmt::format("{:.2f}", link.count() / kNames));
  fmt::print("link: {:.2f} us, page of 1,000: {:.1f} us\n", link.count() / kNames, list.count() / 100);
}

}  // namespace
}  // namespace strongroom::barrier
