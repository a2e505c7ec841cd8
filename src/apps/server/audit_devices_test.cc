#include "apps/server/audit_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "audit/test_fixture.h"

namespace strongroom::apps::server {
namespace {
using core::AuditDevice;
using testing::HasSubstr;
using Applied = core::AuditDevices::Applied;

class DevicesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sr-devices-XXXXXX").native();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "devices");
    log_ = *audit::Log::open({}, {}, env_);
    devices_ = make(Devices::Api::open);
  }
  void TearDown() override {
    devices_.reset();
    log_.reset();
    std::filesystem::remove_all(root_);
  }
  std::unique_ptr<Devices> make(Devices::Api api, const std::string& below = "devices") {
    return std::make_unique<Devices>(
        Devices::Rules{api, below.empty() ? "" : (root_ / below).string(), root_ / "sinks"}, *log_, env_);
  }
  AuditDevice device(std::string path, std::map<std::string, std::string> options,
                     std::string type = "file") const {
    AuditDevice d;
    d.path = std::move(path);
    d.type = std::move(type);
    d.options = std::move(options);
    d.id = d.path + "1";
    return d;
  }
  std::string refusal(const AuditDevice& d) const {
    const auto done = devices_->check(d);
    return done ? "" : done.error().message;
  }
  class Lines final : public Log {
   public:
    void write(Level, std::string_view message, std::initializer_list<FieldValue>) noexcept override {
      opened_in_vain_ += message.starts_with("an audit device cannot be opened") ? 1 : 0;
    }
    int opened_in_vain_ = 0;
  };
  audit::test::World world_;
  Lines lines_;
  Env env_{world_.clock, world_.random, world_.workers, lines_};
  std::filesystem::path root_;
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<Devices> devices_;
};

TEST_F(DevicesTest, C01_AFileIsOnlyInTheDirectoryThatIsForIt) {
  EXPECT_EQ(refusal(device("a/", {{"file_path", "a.log"}})), "");
  EXPECT_EQ(refusal(device("a/", {{"path", (root_ / "devices/a.log").string()}})), "");
  EXPECT_EQ(refusal(device("a/", {{"file_path", "stdout"}})), "");
  EXPECT_EQ(refusal(device("a/", {{"file_path", "discard"}})), "");
  EXPECT_THAT(refusal(device("a/", {{"file_path", (root_ / "a.log").string()}})),
              HasSubstr("audit_device_directory"));
  EXPECT_THAT(refusal(device("a/", {{"file_path", "../a.log"}})), HasSubstr("must not begin with a dot"));
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "devices")) << "looking makes nothing";
  devices_ = make(Devices::Api::open, "");
  EXPECT_THAT(refusal(device("a/", {{"file_path", "a.log"}})), HasSubstr("names as audit_device_directory"));
  EXPECT_EQ(refusal(device("a/", {{"file_path", "discard"}})), "");
}

TEST_F(DevicesTest, C01_NothingMakesAFileAProgram) {
  EXPECT_THAT(refusal(device("a/", {{"file_path", "a"}, {"prefix", "#!/bin/sh\n"}})), HasSubstr("prefixing"));
  for (const auto* mode : {"0700", "0777", "0666", "0660", "0644"})
    EXPECT_THAT(refusal(device("a/", {{"file_path", "a"}, {"mode", mode}})), HasSubstr("options.mode"))
        << mode;
  EXPECT_EQ(refusal(device("a/", {{"file_path", "a"}, {"mode", "0640"}})), "");
}

TEST_F(DevicesTest, D05_RawValuesAreRefusedWithTheReason) {
  EXPECT_THAT(refusal(device("a/", {{"file_path", "a"}, {"log_raw", "true"}})),
              HasSubstr("raw values are never logged"));
  EXPECT_EQ(refusal(device("a/", {{"file_path", "a"}, {"log_raw", "false"}})), "");
}

TEST_F(DevicesTest, NamesWhatToUseInPlaceOfKindsThatAreNotBuilt) {
  for (const auto* type : {"syslog", "socket", "http"})
    EXPECT_THAT(refusal(device("a/", {{"address", "127.0.0.1:1"}}, type)), HasSubstr("enable a file device"));
  EXPECT_THAT(refusal(device("a/", {}, "nonsense")), HasSubstr("unknown backend type"));
  EXPECT_EQ(refusal(device("a/", {})), "file_path is required");
}

TEST_F(DevicesTest, TheApiIsClosedUnlessTheConfigurationOpensIt) {
  EXPECT_TRUE(devices_->admits());
  EXPECT_FALSE(make(Devices::Api::closed)->admits());
}

TEST_F(DevicesTest, OpensWhatIsWantedAndForgetsWhatIsNot) {
  const std::vector both{device("a/", {{"file_path", "a.log"}}), device("b/", {{"file_path", "b.log"}})};
  EXPECT_EQ(devices_->acknowledged(), 0u) << "it is not known yet who wants what";
  EXPECT_EQ(devices_->apply(both), Applied::all);
  struct stat st{};
  ASSERT_EQ(::stat((root_ / "devices/a.log").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_TRUE(std::filesystem::exists(root_ / "sinks/a-a%2f1.pos"));
  EXPECT_EQ(devices_->apply(std::span(both).subspan(1)), Applied::all);
  EXPECT_FALSE(std::filesystem::exists(root_ / "sinks/a-a%2f1.pos"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "sinks/b-b%2f1.pos"));
}

TEST_F(DevicesTest, WhatCannotBeOpenedSaysWhyAndKeepsItsRecords) {
  auto d = device("a/", {{"file_path", "folder/a.log"}});
  d.from = 0;
  EXPECT_EQ(devices_->apply(std::span(&d, 1)), Applied::some);
  EXPECT_THAT(devices_->trouble("a/"), HasSubstr("No such file or directory"));
  EXPECT_EQ(devices_->acknowledged(), 0u);
  EXPECT_EQ(devices_->apply(std::span(&d, 1)), Applied::some);
  EXPECT_EQ(lines_.opened_in_vain_, 1) << "once, until the reason changes";
  std::filesystem::create_directories(root_ / "devices/folder");
  EXPECT_EQ(devices_->apply(std::span(&d, 1)), Applied::all);
  EXPECT_EQ(devices_->trouble("a/"), "");
}

TEST_F(DevicesTest, ListsThoseOfTheConfigurationWithTheirOptions) {
  strongroom::server::AuditFileConfig c;
  c.name = "kit";
  c.file_path = (root_ / "kit.log").string();
  c.mode = 0640;
  c.description = "of the file";
  ASSERT_TRUE(devices_->open_configured({c}));
  const auto all = devices_->configured();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.front().path, "kit/");
  EXPECT_EQ(all.front().options,
            (std::map<std::string, std::string>{{"file_path", c.file_path}, {"mode", "0640"}}));
}

}  // namespace
}  // namespace strongroom::apps::server
