#include "stores/embedded/embedded_store.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "store/conformance.h"

namespace strongroom::stores {

// A directory that goes away with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sr-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::filesystem::path store() const { return path_ / "store"; }

 private:
  std::filesystem::path path_;
};

class EmbeddedBackend {
 public:
  static constexpr bool kDurable = true;
  EmbeddedBackend() { open(); }
  store::Store& store() { return *store_; }
  void restart() {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = EmbeddedStore::open({.path = directory_.store(), .ballast_bytes = 1u << 20}, log_);
    if (!opened) ADD_FAILURE() << opened.error().message;
    store_ = *std::move(opened);
  }
  TemporaryDirectory directory_;
  NoLog log_;
  std::unique_ptr<EmbeddedStore> store_;
};

namespace {

class EmbeddedTest : public testing::Test {
 protected:
  Result<std::unique_ptr<EmbeddedStore>> open() {
    return EmbeddedStore::open({.path = directory_.store()}, log_);
  }
  std::filesystem::path file(const char* name) { return directory_.store() / name; }
  static Status put(EmbeddedStore& store, std::uint64_t epoch, std::string key, std::string value) {
    store::Group group;
    group.first = (*store.snapshot())->revision() + 1;
    group.last = group.first;
    group.writes.push_back({std::move(key), std::move(value)});
    return store.apply(group, epoch);
  }
  static mode_t mode(const std::filesystem::path& path) {
    struct stat found = {};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    return found.st_mode & 0777;
  }
  TemporaryDirectory directory_;
  NoLog log_;
};

TEST_F(EmbeddedTest, KeepsItsFilesToItself) {
  const auto store = *open();
  EXPECT_EQ(mode(directory_.store()), 0700u);
  for (const char* name : {"data.mdb", "lock.mdb", "lock", "FORMAT", "ballast"})
    EXPECT_EQ(mode(file(name)), 0600u) << name;
  EXPECT_GE(std::filesystem::file_size(file("ballast")), 8u << 20);
}

TEST_F(EmbeddedTest, RefusesASecondProcess) {
  const auto first = *open();
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
  EXPECT_NE(second.error().message.find("in use by another process"), std::string::npos)
      << second.error().message;
}

TEST_F(EmbeddedTest, RefusesANewerFormat) {
  {
    const auto store = *open();
  }
  std::ofstream(file("FORMAT")) << "strongroom store\nversion 2\nengine lmdb\n";
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("format 2"), std::string::npos) << opened.error().message;
}

TEST_F(EmbeddedTest, RefusesDamagedOrForeignFormats) {
  {
    const auto store = *open();
  }
  for (const char* content : {"", "strongroom store\n", "strongroom store\nversion x\nengine lmdb\n",
                              "strongroom store\nversion 0\nengine lmdb\n", "other\nversion 1\nengine lmdb\n",
                              "strongroom store\nversion 1\nengine other\n"}) {
    std::ofstream(file("FORMAT")) << content;
    EXPECT_EQ(open().error().code, Code::failed_precondition) << content;
  }
}

TEST_F(EmbeddedTest, RefusesALostDataFile) {
  {
    const auto store = *open();
  }
  std::filesystem::remove(file("data.mdb"));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("missing"), std::string::npos) << opened.error().message;
}

TEST_F(EmbeddedTest, RefusesADataFileWithoutFormatAndFinishesACreation) {
  {
    const auto store = *open();
    std::filesystem::remove(file("FORMAT"));
  }
  {
    auto finished = open();
    ASSERT_TRUE(finished) << "a crash before FORMAT was named";
    ASSERT_TRUE((*finished)->lead());
  }
  std::filesystem::remove(file("FORMAT"));
  EXPECT_FALSE(open()) << "not ours";
}

TEST_F(EmbeddedTest, RefusesAForeignOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  {
    const auto store = *open();
  }
  ASSERT_EQ(::chown(file("data.mdb").c_str(), 12345, 12345), 0);
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("belongs to user 12345"), std::string::npos)
      << opened.error().message;
}

TEST_F(EmbeddedTest, TightensALooseDirectory) {
  {
    const auto store = *open();
  }
  std::filesystem::permissions(directory_.store(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const auto store = *open();
  EXPECT_EQ(mode(directory_.store()), 0700u);
}

TEST_F(EmbeddedTest, HidesAndProtectsItsOwnRecord) {
  const auto store = *open();
  const std::uint64_t epoch = *store->lead();
  EXPECT_EQ(put(*store, epoch, std::string("\0\0\0\2\0", 5), "x").error().code, Code::invalid_argument);
  EXPECT_EQ(*(*store->snapshot())->get(std::string_view("\0\0\0\2\0", 5)), std::nullopt);
}

TEST_F(EmbeddedTest, ScansMayNest) {
  const auto store = *open();
  const std::uint64_t epoch = *store->lead();
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(put(*store, epoch, key, key));
  const auto snapshot = *store->snapshot();
  std::string seen;
  EXPECT_TRUE(snapshot->scan("a", "z", [&](std::string_view outer, std::string_view) {
    EXPECT_TRUE(snapshot->scan("a", "z", [&](std::string_view inner, std::string_view) {
      seen += outer;
      seen += inner;
      return true;
    }));
    return true;
  }));
  EXPECT_EQ(seen, "aaabacbabbbccacbcc");
}

TEST_F(EmbeddedTest, ReopeningWaitsForSnapshots) {
  const auto store = *open();
  const std::uint64_t epoch = *store->lead();
  ASSERT_TRUE(put(*store, epoch, "a", "1"));
  auto snapshot = *store->snapshot();
  std::thread reader([held = std::move(snapshot)]() mutable {
    EXPECT_EQ(**held->get("a"), "1");
    held.reset();
  });
  EXPECT_TRUE(store->reopen());
  reader.join();
  EXPECT_TRUE(put(*store, epoch, "a", "2"));
}

// A group writes the same number under two keys; readers on other threads never see them differ.
TEST_F(EmbeddedTest, ReadersSeeWholeGroupsWhileOthersWriteAndReopen) {
  const auto store = *open();
  const std::uint64_t epoch = *store->lead();
  std::atomic<bool> stop = false;
  std::atomic<int> looked = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      store::Revision newest = 0;
      while (!stop) {
        const auto snapshot = store->snapshot();
        if (!snapshot) continue;  // being reopened
        const auto a = *(*snapshot)->get("a");
        const auto b = *(*snapshot)->get("b");
        EXPECT_EQ(a, b);
        EXPECT_GE((*snapshot)->revision(), newest) << "a later snapshot is not older";
        newest = (*snapshot)->revision();
        EXPECT_EQ(a ? std::stoull(std::string(*a)) : 0, newest);
        ++looked;
      }
    });
  }
  for (store::Revision r = 1; r <= 60; ++r) {
    store::Group group;
    group.first = r;
    group.last = r;
    group.writes = {{"a", std::to_string(r)}, {"b", std::to_string(r)}};
    EXPECT_TRUE(store->apply(group, epoch));
    if (r % 20 == 0) {
      EXPECT_TRUE(store->reopen());
    }
  }
  while (looked < 10) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace strongroom::stores

namespace strongroom::store::conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, StoreConformance, strongroom::stores::EmbeddedBackend);
}  // namespace strongroom::store::conformance
