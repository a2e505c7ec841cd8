#include "engines/kv/kv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engines/kv/driver.h"

namespace strongroom::engines::kv {
namespace {

using testing::HasSubstr;

std::string member(const std::string& json_text, std::initializer_list<std::string_view> path) {
  const auto doc = json::Doc::parse(json_text);
  if (!doc) return "not JSON";
  auto at = doc->root();
  for (const auto name : path) {
    const auto next = at.find(name);
    if (!next) return "absent";
    at = *next;
  }
  return std::string(at.source());
}
std::string data_of(const Reply& r) { return member(r.data, {"data"}); }

TEST(KvV2, GivesPayloadsBackByteForByte) {
  Driver kv("2");
  for (const std::string_view payload :
       {R"({"a":1e400,"b":12345678901234567890123,"c":1.10})", R"({ "z" : 1 ,"a":[ -0, 0.0 ]})",
        R"({"k":"v\u00e4\/","k":"twice"})", "{}"}) {
    ASSERT_EQ(kv.write("data/a", "{\"data\":" + std::string(payload) + "}").status, 200);
    EXPECT_EQ(data_of(kv.read("data/a")), payload);
  }
  EXPECT_EQ(data_of(kv.read("data/a", {{"version", "1"}})),
            R"({"a":1e400,"b":12345678901234567890123,"c":1.10})");
}

TEST(KvV2, PatchKeepsTheBytesOfWhatItDoesNotTouch) {
  Driver kv("2");
  kv.write("data/a", R"({"data":{"n":1e400,"o":{"x":1.10,"y":2},"s":"\u0041"}})");
  ASSERT_EQ(kv.patch("data/a", R"({"data":{"o":{"y":null,"z":12345678901234567890123}}})").status, 200);
  EXPECT_EQ(data_of(kv.read("data/a")),
            R"({"n":1e400,"o":{"x":1.10,"z":12345678901234567890123},"s":"\u0041"})");
}

TEST(KvV2, TellsCreateFromUpdate) {
  Driver kv("2");
  EXPECT_TRUE(kv.write("data/a", R"({"data":{}})").created);
  EXPECT_FALSE(kv.write("data/a", R"({"data":{}})").created);
  EXPECT_FALSE(kv.write("metadata/a", R"({"max_versions":1})").created);
  EXPECT_TRUE(kv.write("metadata/b", R"({"max_versions":1})").created);
  EXPECT_FALSE(kv.write("data/b", R"({"data":{}})").created) << "metadata alone is a secret too";
  kv.erase("data/a");
  EXPECT_FALSE(kv.write("data/a", R"({"data":{}})").created) << "a deleted version is still there";
  kv.erase("metadata/a");
  EXPECT_TRUE(kv.write("data/a", R"({"data":{}})").created);
}

TEST(KvV2, NumbersOutOfRangeAreRefusedByName) {
  Driver kv("2");
  kv.write("data/a", R"({"data":{}})");
  for (const std::string_view path : {"config", "metadata/a"}) {
    for (const std::string_view v : {"-1", "100001", "4294967295", "1.5"}) {
      const auto r = kv.write(path, "{\"max_versions\":" + std::string(v) + "}");
      EXPECT_EQ(r.status, 400) << path << v;
      EXPECT_THAT(r.error, HasSubstr("max_versions: must be"));
    }
    for (const std::string_view v : {"-1", "\"-1s\"", "\"876001h\"", "\"soon\""}) {
      const auto r = kv.write(path, "{\"delete_version_after\":" + std::string(v) + "}");
      EXPECT_EQ(r.status, 400) << path << v;
      EXPECT_THAT(r.error, HasSubstr("delete_version_after: must be"));
    }
    EXPECT_EQ(kv.write(path, R"({"max_versions":100000,"delete_version_after":"876000h"})").status, 204);
    EXPECT_EQ(kv.write(path, R"({"max_versions":null,"delete_version_after":null})").status, 204);
  }
  EXPECT_EQ(member(kv.read("metadata/a").data, {"max_versions"}), "0");
  EXPECT_EQ(member(kv.read("config").data, {"delete_version_after"}), "\"0s\"");
  EXPECT_THAT(kv.read("subkeys/a", {{"depth", "-1"}}).error, HasSubstr("depth: must be 0 or more"));
  for (const std::string_view v :
       {"[0]", "[-1]", "[1.5]", "[true]", "[9223372036854775808]", "\"1,x\"", "{}", "[[1]]"})
    EXPECT_EQ(kv.write("destroy/a", "{\"versions\":" + std::string(v) + "}").status, 400) << v;
}

TEST(KvV2, APatchMayNotPassTheLimitsOfCustomMetadata) {
  Driver kv("2");
  std::string names;
  for (int i = 0; i < 64; ++i) names += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":\"v\"";
  ASSERT_EQ(kv.write("metadata/a", "{\"custom_metadata\":{" + names + "}}").status, 204);
  EXPECT_EQ(kv.patch("metadata/a", R"({"custom_metadata":{"one-more":"v"}})").status, 400);
  EXPECT_EQ(kv.patch("metadata/a", R"({"custom_metadata":{"one-more":"v","k0":null}})").status, 204);
  EXPECT_EQ(kv.patch("metadata/a", R"({"custom_metadata":{"k1":""}})").status, 400);
  EXPECT_EQ(kv.patch("metadata/a", R"({"custom_metadata":{"k1":"a\u0085b"}})").status, 400);
  EXPECT_EQ(member(kv.read("metadata/a").data, {"custom_metadata", "k1"}), "\"v\"")
      << "what is refused changes nothing";
  EXPECT_EQ(kv.patch("metadata/a", R"({"custom_metadata":null})").status, 204);
  EXPECT_EQ(member(kv.read("metadata/a").data, {"custom_metadata"}), "null");
}

TEST(KvV2, MetadataHasACheckAndSetOfItsOwn) {
  Driver kv("2");
  EXPECT_EQ(kv.write("metadata/a", R"({"max_versions":1,"metadata_cas":1})").status, 400);
  EXPECT_EQ(kv.write("metadata/a", R"({"metadata_cas_required":true,"metadata_cas":0})").status, 204);
  EXPECT_THAT(kv.write("metadata/a", R"({"max_versions":2})").error,
              HasSubstr("metadata check-and-set parameter required"));
  EXPECT_THAT(kv.patch("metadata/a", R"({"max_versions":2,"metadata_cas":0})").error,
              HasSubstr("metadata check-and-set parameter does not match the current version"));
  EXPECT_EQ(kv.patch("metadata/a", R"({"max_versions":2,"metadata_cas":"1"})").status, 204);
  EXPECT_EQ(kv.patch("metadata/a", R"({"max_versions":2,"metadata_cas":null})").status, 400);
  EXPECT_EQ(member(kv.read("metadata/a").data, {"current_metadata_version"}), "2");
  EXPECT_EQ(kv.write("data/a", R"({"data":{}})").status, 200) << "data does not need it";
  EXPECT_EQ(member(kv.read("metadata/a").data, {"current_metadata_version"}), "2");
  kv.write("config", R"({"metadata_cas_required":true})");
  EXPECT_EQ(kv.write("metadata/b", R"({"max_versions":2})").status, 400);
  const auto told = kv.write("metadata/b", R"({"metadata_cas_required":false,"metadata_cas":0})");
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.aside.warnings.size(), 1u);
}

TEST(KvV2, ACheckAndSetThatIsNoNumberIsNeverTakenForNone) {
  Driver kv("2");
  for (const std::string_view cas : {"null", "\"\"", "{}", "[0]", "true", "1e0", "9223372036854775808"}) {
    const auto r = kv.write("data/a", "{\"data\":{},\"options\":{\"cas\":" + std::string(cas) + "}}");
    EXPECT_EQ(r.status, 400) << cas;
    EXPECT_THAT(r.error, HasSubstr("cas: must be a whole number")) << cas;
  }
  EXPECT_EQ(kv.write("data/a", R"({"data":{},"options":null})").status, 200);
}

TEST(KvV2, ErasingASecretLeavesNothingBehind) {
  Driver kv("2");
  for (int i = 0; i < 15; ++i) kv.write("data/x/y", R"({"data":{"k":1}})");
  kv.write("destroy/x/y", R"({"versions":"8,9"})");
  ASSERT_EQ(kv.erase("metadata/x/y").status, 204);
  EXPECT_EQ(kv.storage.node_count(), 0u);
  EXPECT_EQ(kv.list("metadata/").status, 404);
}

TEST(KvV2, TheMountKeepsItsSettingsOutOfTheListing) {
  Driver kv("2");
  kv.write("config", R"({"max_versions":3})");
  EXPECT_EQ(kv.list("metadata/").status, 404);
  kv.write("data/config", R"({"data":{}})");
  EXPECT_EQ(member(kv.list("metadata/").data, {"keys"}), R"(["config"])");
  EXPECT_EQ(member(kv.read("config").data, {"max_versions"}), "3");
}

TEST(KvV2, SubkeysFollowThePayloadsOrderAndNeverShowValues) {
  Driver kv("2");
  kv.write("data/a", R"({"data":{"z":"secret","a":{"b":{"c":1}},"l":[{"x":1}],"z":{}}})");
  EXPECT_EQ(member(kv.read("subkeys/a").data, {"subkeys"}), R"({"z":null,"a":{"b":{"c":null}},"l":null})");
  EXPECT_EQ(member(kv.read("subkeys/a", {{"depth", "2"}}).data, {"subkeys"}),
            R"({"z":null,"a":{"b":null},"l":null})");
  kv.write("data/a", R"({"data":null})");
  EXPECT_EQ(member(kv.read("subkeys/a").data, {"subkeys"}), "null");
}

TEST(KvV2, MergedSecretsStayReadable) {
  Driver kv("2");
  std::string first, second;
  for (int i = 0; i < 6000; ++i) {
    first += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":1";
    second += (i == 0 ? "\"b" : ",\"b") + std::to_string(i) + "\":1";
  }
  kv.write("data/a", "{\"data\":{" + first + "}}");
  EXPECT_EQ(kv.patch("data/a", "{\"data\":{" + second + "}}").status, 413);
  EXPECT_EQ(data_of(kv.read("data/a")), "{" + first + "}");
}

TEST(KvV2, DetailedListingPagesLikeThePlainOne) {
  Driver kv("2");
  for (const std::string_view name : {"a", "b", "d/e"})
    kv.write("data/" + std::string(name), R"({"data":{}})");
  const auto page = kv.list("detailed-metadata/", {{"after", "a"}, {"limit", "2"}});
  EXPECT_EQ(member(page.data, {"keys"}), R"(["b","d/"])");
  EXPECT_EQ(member(page.data, {"key_info", "d/"}), "{}");
  EXPECT_EQ(member(page.data, {"key_info", "b", "current_version"}), "1");
  EXPECT_EQ(kv.list("detailed-metadata", {{"limit", "1"}}).status, 200);
  EXPECT_EQ(kv.list("detailed-metadata/none/").status, 404);
}

TEST(KvV2, AFolderIsNoSecret) {
  Driver kv("2");
  kv.write("data/a/b", R"({"data":{}})");
  for (const std::string_view path : {"data/a/", "data/", "metadata/a/", "subkeys/a/"})
    EXPECT_EQ(kv.read(path).status, 404);
  for (const std::string_view path : {"data/a/", "metadata/", "delete/", "destroy/a/"})
    EXPECT_EQ(kv.write(path, R"({"data":{},"versions":[1],"max_versions":1})").status, 400) << path;
  EXPECT_EQ(kv.erase("data/a/").status, 204);
  EXPECT_EQ(kv.patch("data/a/", R"({"data":{}})").status, 404);
  EXPECT_EQ(kv.read("data/a/b").status, 200);
}

TEST(KvV1, KeepsTheWholeBodyByteForByte) {
  Driver kv("1");
  const std::string body = R"({ "path":"mine", "data":{"n":1e400}, "ttl":"1h" })";
  EXPECT_TRUE(kv.write("a/b", body).created);
  EXPECT_FALSE(kv.write("a/b", body).created);
  const auto r = kv.read("a/b");
  EXPECT_EQ(r.data, R"({ "path":"mine", "data":{"n":1e400}, "ttl":"1h" })");
  EXPECT_EQ(r.aside.lease_duration, Seconds{3600});
  kv.write("a/b", R"({"\u0074tl":60})");
  EXPECT_EQ(kv.read("a/b").aside.lease_duration, Seconds{60});
  kv.write("a/b", R"({"k":"ttl"})");
  EXPECT_EQ(kv.read("a/b").aside.lease_duration, Seconds{2764800});
}

TEST(Kv, AMountThatTurnsToVersionTwoKeepsItsSecrets) {
  Driver kv("1");
  kv.write("a", R"({"x":"1"})");
  kv.turn_to("2");
  EXPECT_EQ(data_of(kv.read("data/a")), R"({"x":"1"})");
  EXPECT_EQ(member(kv.read("metadata/a").data, {"oldest_version"}), "1");
  EXPECT_EQ(kv.patch("data/a", R"({"data":{"y":2}})").status, 200);
  EXPECT_EQ(data_of(kv.read("data/a")), R"({"x":"1","y":2})");
  EXPECT_EQ(data_of(kv.read("data/a", {{"version", "1"}})), R"({"x":"1"})");
  kv.turn_to("1");
  for (const auto& r : {kv.read("a"), kv.write("a", R"({"k":1})"), kv.erase("a")}) {
    EXPECT_EQ(r.status, 400);
    EXPECT_THAT(r.error, HasSubstr("has versions"));
  }
}

TEST(Kv, KnowsTwoVersions) {
  const Kv kv;
  std::map<std::string, std::string> options;
  EXPECT_TRUE(kv.mount_options(options));
  for (const auto* v : {"1", "2"}) {
    options["version"] = v;
    EXPECT_TRUE(kv.mount_options(options));
  }
  for (const auto* v : {"", "0", "3", "2.0", "two"}) {
    options["version"] = v;
    EXPECT_THAT(kv.mount_options(options).error().message, HasSubstr("options.version: must be"));
  }
}

TEST(Kv, EveryFieldHasHelpAndEveryRouteASummary) {
  const Kv kv;
  for (const auto* v : {"1", "2"}) {
    engine::MountView mount;
    mount.options["version"] = v;
    for (const auto& r : kv.routes(mount)) {
      EXPECT_FALSE(r.summary.empty()) << r.pattern;
      for (const auto* codec : {r.in, r.out})
        for (const auto& f : codec->fields()) EXPECT_GT(f.help.size(), 5u) << r.pattern << " " << f.name;
    }
  }
}

}  // namespace
}  // namespace strongroom::engines::kv
