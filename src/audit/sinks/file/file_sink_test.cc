#include "audit/sinks/file/file_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "audit/sinks/file/vault_lines.h"
#include "audit/test_fixture.h"

namespace strongroom::audit::sinks {
namespace {

std::string hmac(std::string_view s) { return "\"hmac-sha256:" + to_hex(View(test::mac_of(s))) + "\""; }

std::string lines_of(const Record& r) {
  std::string out;
  append_vault_lines(out, r);
  return out;
}

Record root_read() {
  Record r;
  r.time = WallTime(Nanoseconds(1'800'000'000'000'000'001));
  r.response_time = Nanoseconds(1000);
  r.request_id[0] = std::byte{0xab};
  r.operation = "read";
  r.path = "kv/data/a";
  r.mount = {"kv/", "kv", "kv_1", "secret"};
  r.remote_address = "127.0.0.1";
  r.remote_port = 7;
  r.presented_token = test::mac_of("t");
  Actor a;
  a.client_token = test::mac_of("t");
  a.accessor = test::mac_of("a");
  a.display_name = "root";
  a.policies = a.token_policies = a.granting_policies = {"root"};
  a.token_type = "service";
  a.issue_time = "2026-11-25T01:02:03Z";
  a.verdict = Actor::Verdict::allowed;
  r.actor = a;
  tree::Writer w(r.response);
  w.begin_map();
  w.key("data");
  w.begin_map();
  w.key("user");
  w.mac(test::mac_of("ann"));
  w.key("list");
  w.begin_array();
  w.mac(test::mac_of("x"));
  w.null();
  w.end_array();
  w.end_map();
  w.key("version");
  w.integer(1);
  w.key("n");
  w.number("1.10");
  w.end_map();
  return r;
}

// Order of members and their spelling as in the recordings of the conformance kit.
TEST(VaultLines, AreThoseOfTheFileDevice) {
  const std::string auth =
      R"("auth":{"client_token":)" + hmac("t") + R"(,"accessor":)" + hmac("a") +
      R"(,"display_name":"root","policies":["root"],"token_policies":["root"],"policy_results":{"allowed":true,)"
      R"("granting_policies":[{"name":"root","namespace_id":"root","type":"acl"}]},"token_type":"service",)"
      R"("token_issue_time":"2026-11-25T01:02:03Z"})";
  const std::string request =
      R"(,"request":{"id":"ab000000-0000-0000-0000-000000000000","operation":"read","mount_point":"kv/",)"
      R"("mount_type":"kv","mount_accessor":"kv_1","mount_class":"secret","client_token":)" +
      hmac("t") + R"(,"client_token_accessor":)" + hmac("a") +
      R"(,"namespace":{"id":"root"},"path":"kv/data/a","remote_address":"127.0.0.1","remote_port":7})";
  EXPECT_EQ(
      lines_of(root_read()),
      R"({"time":"2027-01-15T08:00:00.000000001Z","type":"request",)" + auth + request + "}\n" +
          R"({"time":"2027-01-15T08:00:00.000001001Z","type":"response",)" + auth + request +
          R"(,"response":{"mount_point":"kv/","mount_type":"kv","mount_accessor":"kv_1","mount_class":"secret",)" +
          R"("data":{"data":{"user":)" + hmac("ann") + R"(,"list":[)" + hmac("x") +
          R"(,null]},"version":1,"n":1.10}}})" + "\n");
}

TEST(VaultLines, OfARefusalCarryTheErrorTwiceAndNoAccessorInTheAnswer) {
  Record r = root_read();
  r.actor.reset();
  r.presented_token.reset();
  r.response.clear();
  r.outcome = "permission_denied";
  r.error = "permission denied";
  const std::string out = lines_of(r);
  EXPECT_NE(out.find(R"("auth":{"token_type":"default"})"), std::string::npos);
  EXPECT_NE(out.find(R"(,"error":"permission denied"})"), std::string::npos);
  EXPECT_NE(out.find(R"(,"error":"1 error occurred:\n\t* permission denied\n\n"})"), std::string::npos);
  EXPECT_NE(out.find(R"("response":{"mount_point":"kv/","mount_type":"kv","mount_class":"secret"})"),
            std::string::npos);
}

TEST(VaultLines, OfALoginTellWhoWasMadeInTheAnswer) {
  Record r = root_read();
  Actor nobody;
  nobody.token_type = "default";
  nobody.verdict = Actor::Verdict::allowed;
  Actor made = *r.actor;
  made.issue_time.clear();
  made.entity_created = true;
  made.entity_id = "e-1";
  made.token_ttl = 60;
  r.actor = nobody;
  r.presented_token.reset();
  r.issued = made;
  r.response.clear();
  const std::string out = lines_of(r);
  const std::size_t second = out.find('\n') + 1;
  EXPECT_NE(
      out.substr(0, second).find(R"("auth":{"policy_results":{"allowed":true},"token_type":"default"})"),
      std::string::npos);
  const std::string answer = out.substr(second);
  EXPECT_NE(answer.find(R"("auth":{"client_token":)" + hmac("t")), std::string::npos);
  EXPECT_NE(answer.find(R"("entity_id":"e-1","entity_created":true,"token_type":"service","token_ttl":60})"),
            std::string::npos);
  EXPECT_NE(answer.find(R"("response":{"auth":{"client_token":)"), std::string::npos);
  EXPECT_NE(answer.find(R"("entity_id":"e-1","token_type":"service","token_ttl":60},"mount_point")"),
            std::string::npos);
  EXPECT_EQ(answer.find("policy_results"), std::string::npos);
}

TEST(VaultLines, EscapeWhatJsonCannotHold) {
  Record r;
  r.path = "a\"b\\c\n\x01\xff\xc3\xa9";
  EXPECT_NE(lines_of(r).find(R"("path":"a\"b\\c\n\u0001\ufffdé")"), std::string::npos);
}

TEST(VaultLines, OfServerEventsThereAreNone) {
  Record r;
  r.what = What::server;
  EXPECT_EQ(lines_of(r), "");
}

class FileDevice : public testing::Test {
 protected:
  FileDevice() {
    log_ = open();
    EXPECT_TRUE(log_->unseal(keys_, test::kStoreId));
    options_.file_path = (folder_.path() / "audit.json").native();
  }
  std::unique_ptr<audit::Log> open() {
    LogLimits limits = test::tiny();
    limits.segment_bytes = 20'000;
    auto log = audit::Log::open(folder_.path() / "audit", limits, world_.env);
    EXPECT_TRUE(log);
    return *std::move(log);
  }
  std::unique_ptr<FileSink> device() {
    auto sink = FileSink::open({"file/", folder_.path() / "audit" / "sinks"}, options_, *log_, world_.env);
    EXPECT_TRUE(sink) << sink.error().message;
    return *std::move(sink);
  }
  // The path of each line, twice each when nothing is missing or doubled.
  std::vector<std::string> paths(const std::string& file) const {
    std::ifstream in(file);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) {
      const std::size_t at = line.find(R"("path":"p/)");
      out.push_back(at == std::string::npos ? line : line.substr(at + 10, line.find('"', at + 10) - at - 10));
    }
    return out;
  }
  static std::vector<std::string> twice(std::uint64_t first, std::uint64_t end) {
    std::vector<std::string> out;
    for (; first < end; ++first) out.insert(out.end(), 2, std::to_string(first));
    return out;
  }
  void put(std::uint64_t first, std::uint64_t end) {
    for (; first < end; ++first) ASSERT_TRUE(test::put(*log_, test::small(first)));
  }

  test::World world_;
  test::Folder folder_;
  test::FixedKeys keys_;
  std::unique_ptr<audit::Log> log_;
  FileSinkOptions options_;
};

TEST_F(FileDevice, WritesTwoLinesForEachRecordFromItsBeginningOn) {
  put(0, 3);
  const auto sink = device();
  put(3, 10);
  ASSERT_TRUE(sink->settle());
  EXPECT_EQ(paths(options_.file_path), twice(3, 10));
  EXPECT_EQ(sink->acknowledged(), 10u);
  struct stat st{};
  ASSERT_EQ(::stat(options_.file_path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST_F(FileDevice, GoesOnWhereItStoodAfterARestart) {
  {
    const auto sink = device();
    put(0, 4);
  }
  put(4, 40);  // nobody listens
  log_.reset();
  log_ = open();
  const auto sink = device();
  EXPECT_FALSE(sink->settle());  // sealed: what was missed cannot be read
  EXPECT_EQ(paths(options_.file_path), twice(0, 4));
  ASSERT_TRUE(log_->unseal(keys_, test::kStoreId));
  put(40, 42);
  ASSERT_TRUE(sink->settle());
  EXPECT_EQ(paths(options_.file_path), twice(0, 42));
}

TEST_F(FileDevice, ReopensAfterARotation) {
  const auto sink = device();
  put(0, 2);
  ASSERT_TRUE(sink->settle());
  const std::string old = options_.file_path + ".1";
  std::filesystem::rename(options_.file_path, old);
  ASSERT_TRUE(sink->reopen());
  ASSERT_TRUE(sink->settle());
  put(2, 4);
  ASSERT_TRUE(sink->settle());
  EXPECT_EQ(paths(old), twice(0, 2));
  EXPECT_EQ(paths(options_.file_path), twice(2, 4));
}

TEST_F(FileDevice, FallsBehindWhenItCannotWriteAndMissesNothing) {
  options_.file_path = "/dev/full";
  options_.mode = 0;
  {
    const auto sink = device();
    put(0, 5);
    EXPECT_FALSE(sink->settle());
    EXPECT_EQ(sink->acknowledged(), 0u);
  }
  options_.file_path = (folder_.path() / "audit.json").native();
  const auto sink = device();
  ASSERT_TRUE(sink->settle());
  EXPECT_EQ(paths(options_.file_path), twice(0, 5));
}

// A pipe whose reader has stopped: it is said, it holds up nobody's end, and nothing is missing afterwards.
TEST_F(FileDevice, EndsThoughItsReaderTakesNothing) {
  const auto pipe = (folder_.path() / "pipe").native();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  options_.file_path = pipe;
  EXPECT_FALSE(FileSink::open({"pipe/", {}}, options_, *log_, world_.env)) << "nobody reads it";
  const Fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  ASSERT_GE(::fcntl(reader.get(), F_SETPIPE_SZ, 4096), 4096);
  std::uint64_t in_the_pipe = 0;
  {
    const auto sink = device();
    put(0, 40);
    EXPECT_FALSE(sink->settle());
    EXPECT_FALSE(sink->trouble().empty());
    in_the_pipe = sink->acknowledged();
    EXPECT_LT(in_the_pipe, 10u);
  }
  options_.file_path = (folder_.path() / "audit.json").native();
  const auto sink = device();
  ASSERT_TRUE(sink->settle());
  EXPECT_TRUE(sink->trouble().empty());
  EXPECT_EQ(paths(options_.file_path), twice(in_the_pipe, 40));
}

TEST_F(FileDevice, ForgetsItsPositionWhenDisabled) {
  {
    const auto sink = device();
    put(0, 1);
    sink->forget();
  }
  put(1, 2);
  const auto sink = device();
  put(2, 3);
  ASSERT_TRUE(sink->settle());
  std::vector<std::string> expected = twice(0, 1);
  for (const std::string& s : twice(2, 3)) expected.push_back(s);
  EXPECT_EQ(paths(options_.file_path), expected);
}

TEST_F(FileDevice, BeginsAtTheRecordThatItIsToHaveFirst) {
  put(0, 6);
  options_.beneath = folder_.path().string();
  auto sink = FileSink::open({"late", {}, 2}, options_, *log_, world_.env);
  ASSERT_TRUE(sink) << sink.error().message;
  put(6, 8);
  ASSERT_TRUE((*sink)->settle());
  EXPECT_EQ(paths(options_.file_path), twice(2, 8));
}

// C01 of the catalogue: whoever may only name a file in the directory has no other, and no program.
class FileBeneath : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory() / "sub");
    std::filesystem::create_directories(folder_.path() / "outside");
  }
  std::filesystem::path directory() const { return folder_.path() / "devices"; }
  std::filesystem::path outside() const { return folder_.path() / "outside"; }
  Result<Fd> open(const std::string& file, Opening opening = Opening::for_real) const {
    return open_beneath(directory(), file, 0600, opening);
  }
  void write(const std::filesystem::path& p, mode_t mode) const {
    std::ofstream(p) << "x";
    ASSERT_EQ(::chmod(p.c_str(), mode), 0);
  }
  test::Folder folder_;
};

TEST_F(FileBeneath, IsMadeForItsOwnerAloneOrFoundAgain) {
  for (const auto& name : {std::string("a.log"), (directory() / "b.log").string(), std::string("sub/c.log"),
                           (directory() / "sub/d.log").string()}) {
    const auto looked = open(name, Opening::to_look);
    ASSERT_TRUE(looked) << name << looked.error().message;
    EXPECT_FALSE(*looked) << name << ": looking makes nothing";
    const auto made = open(name);
    ASSERT_TRUE(made) << name << made.error().message;
    struct stat st{};
    ASSERT_EQ(::fstat(made->get(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_TRUE(open(name)) << name << " again";
    EXPECT_TRUE(*open(name, Opening::to_look)) << name;
  }
}

TEST_F(FileBeneath, C01_IsNowhereElse) {
  std::filesystem::create_symlink(outside(), directory() / "link");
  std::filesystem::create_symlink(outside() / "made-by-link", directory() / "dangling");
  for (const auto& name : {std::string("../outside/x"),
                           std::string("sub/../../outside/x"),
                           std::string("/etc/sr-c01"),
                           (outside() / "x").string(),
                           directory().string(),
                           directory().string() + "-not/x",
                           (directory() / "../outside/x").string(),
                           std::string("link/x"),
                           std::string("dangling"),
                           std::string(""),
                           std::string("/"),
                           std::string("."),
                           std::string(".."),
                           std::string("sub"),
                           std::string("sub/"),
                           std::string("none/x"),
                           std::string(".profile"),
                           std::string("a b"),
                           std::string("a\n"),
                           std::string("a\0b", 3),
                           std::string("sub//x"),
                           std::string(2000, 'a')}) {
    EXPECT_FALSE(open(name)) << name;
    EXPECT_FALSE(open(name, Opening::to_look)) << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(outside()));
}

TEST_F(FileBeneath, C01_IsNeverAProgramNorAnotherThing) {
  write(directory() / "program", 0700);
  write(directory() / "shared", 0666);
  write(outside() / "other", 0600);
  std::filesystem::create_hard_link(outside() / "other", directory() / "linked");
  ASSERT_EQ(::mkfifo((directory() / "pipe").c_str(), 0600), 0);
  for (const auto* name : {"program", "shared", "linked", "pipe"}) {
    EXPECT_FALSE(open(name)) << name;
    EXPECT_FALSE(open(name, Opening::to_look)) << name;
  }
  write(directory() / "mine", 0640);
  EXPECT_TRUE(open("mine"));
}

TEST(FileDeviceOptions, AreCheckedByName) {
  const auto code = [](std::map<std::string, std::string> o) {
    const auto r = FileSinkOptions::parse(o);
    return r ? std::string() : r.error().message;
  };
  EXPECT_EQ(code({{"file_path", "/x"},
                  {"mode", "0640"},
                  {"log_raw", "false"},
                  {"hmac_accessor", "true"},
                  {"format", "json"}}),
            "");
  EXPECT_NE(code({}).find("file_path"), std::string::npos);
  EXPECT_NE(code({{"file_path", "/x"}, {"log_raw", "true"}}).find("raw values are never logged"),
            std::string::npos);
  EXPECT_NE(code({{"file_path", "/x"}, {"hmac_accessor", "false"}}).find("always hashed"), std::string::npos);
  EXPECT_NE(code({{"file_path", "/x"}, {"mode", "999"}}).find("octal"), std::string::npos);
  EXPECT_NE(code({{"file_path", "/x"}, {"format", "jsonx"}}).find("json"), std::string::npos);
  EXPECT_NE(code({{"file_path", "/x"}, {"nonsense", "1"}}).find("no option"), std::string::npos);
  EXPECT_EQ(FileSinkOptions::parse({{"file_path", "/x"}, {"mode", "0640"}})->mode, 0640u);
}

}  // namespace
}  // namespace strongroom::audit::sinks
