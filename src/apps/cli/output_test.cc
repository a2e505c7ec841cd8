#include "apps/cli/output.h"

#include <gtest/gtest.h>

namespace strongroom::apps::cli {
namespace {

struct Json {
  explicit Json(std::string t) : text(std::move(t)), doc(*json::Doc::parse(text, reply_limits())) {}
  json::Node root() const { return doc.root(); }
  std::string text;
  json::Doc doc;
};
std::string str(const SecretText& s) { return std::string(view(s)); }

TEST(Output, LaysOutColumnsLikeVault) {
  Table t{"Key", "Value"};
  t.add({"a_long_name", "1"});
  t.add({"b", ""});
  t.add({"∞", "  trimmed "});
  EXPECT_EQ(str(t.text()),
            "Key            Value\n"
            "---            -----\n"
            "a_long_name    1\n"
            "b              n/a\n"
            "∞              trimmed\n");
}

TEST(Output, PrintsValuesAsGoDoes) {
  const Json j(R"({"b": [1, "x y", null, true], "a": {"z": 1.10, "k": ""}, "n": null})");
  EXPECT_EQ(str(go_text(j.root())), "map[a:map[k: z:1.10] b:[1 x y <nil> true] n:<nil>]");
}

TEST(Output, ShortensDurations) {
  EXPECT_EQ(human_duration(0), "0s");
  EXPECT_EQ(human_duration(59), "59s");
  EXPECT_EQ(human_duration(60), "1m");
  EXPECT_EQ(human_duration(90), "1m30s");
  EXPECT_EQ(human_duration(3600), "1h");
  EXPECT_EQ(human_duration(3601), "1h0m1s");
  EXPECT_EQ(human_duration(3660), "1h1m");
  EXPECT_EQ(human_duration(2764800), "768h");
  EXPECT_EQ(human_duration(-5), "-5s");
  EXPECT_TRUE(is_duration_name("default_lease_ttl"));
  EXPECT_FALSE(is_duration_name("total"));
}

TEST(Output, IndentsJsonByTwoAndKeepsBytesOfNumbers) {
  EXPECT_EQ(str(indented_text(R"({"a":[1.10,{}],"b":{},"c":[],"d":{"e":null}})")),
            "{\n  \"a\": [\n    1.10,\n    {}\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": {\n    \"e\": "
            "null\n  }\n}");
}

TEST(Output, ShowsASecretAsTheClientLibraryDoes) {
  const Json j(
      R"({"auth":null,"data":{"b":"2","a":{"z":1,"y":2}},"lease_id":"","lease_duration":0,"renewable":false,)"
      R"("request_id":"id","warnings":null,"wrap_info":null,"mount_type":"kv"})");
  EXPECT_EQ(
      str(secret_json(j.root())),
      R"({"request_id":"id","lease_id":"","lease_duration":0,"renewable":false,"data":{"a":{"y":2,"z":1},"b":"2"},"warnings":null})");
  const Json t(
      R"({"auth":{"client_token":"t","accessor":"a","policies":["p"],"token_policies":["p"],"metadata":null,)"
      R"("lease_duration":3600,"renewable":true,"entity_id":"","num_uses":0},"data":null})");
  EXPECT_EQ(str(secret_table(t.root())),
            "Key                  Value\n"
            "---                  -----\n"
            "token                t\n"
            "token_accessor       a\n"
            "token_duration       1h\n"
            "token_renewable      true\n"
            "token_policies       [\"p\"]\n"
            "identity_policies    []\n"
            "policies             [\"p\"]\n");
  EXPECT_NE(str(secret_json(t.root()))
                .find(R"("auth":{"client_token":"t","accessor":"a","policies":["p"],"token_policies":["p"],)"
                      R"("identity_policies":null,"metadata":null,"orphan":false,"entity_id":"")"),
            std::string::npos);
}

TEST(Output, FindsFieldsOfTokensWrappingsAndData) {
  const Json j(
      R"({"auth":{"client_token":"t","policies":["a","b"]},"data":{"token":"not this","k":{"x":[1]}}})");
  EXPECT_EQ(str(*secret_field(j.root(), "token", Format::table)), "t");
  EXPECT_EQ(str(*secret_field(j.root(), "policies", Format::table)), "[a b]");
  EXPECT_EQ(str(*secret_field(j.root(), "k", Format::table)), "map[x:[1]]");
  EXPECT_EQ(str(*secret_field(j.root(), "k", Format::json)), "{\n  \"x\": [\n    1\n  ]\n}");
  EXPECT_EQ(str(*secret_field(j.root(), "token", Format::json)), "\"t\"");
  EXPECT_EQ(str(*secret_field(j.root(), "policies", Format::json)), "[\n  \"a\",\n  \"b\"\n]");
  EXPECT_FALSE(secret_field(j.root(), "nothing", Format::table));
}

TEST(Output, AnIdentifierThatBeginsLikeABinaryNumberIsPlainInYaml) {
  EXPECT_EQ(str(yaml_text(R"(["0b3284a2-df88-4afd-bc7e-ae70492c3200","0b12"])")),
            "- 0b3284a2-df88-4afd-bc7e-ae70492c3200\n- 0b12\n");
  EXPECT_EQ(str(yaml_text(R"(["0b11","0x1F","0o17"])")), "- \"0b11\"\n- \"0x1F\"\n- \"0o17\"\n");
}

TEST(Output, QuotesInYamlWhatWouldBeAnotherType) {
  EXPECT_EQ(
      str(yaml_text(
          R"({"z":"plain text","a":"1","b":"true","c":"y","d":"","e":null,"f":[],"g":{},"h":["x",{"k":"v","l":"w"},["q"]],)"
          R"("i":"2026-11-25T00:00:00Z","j":"0s","k":"a: b","l":"- x","m":1.10,"n":" s","o":"1h30m","p":"line\nline","q":"a#b",)"
          R"("r":"#a","s":"0x10","t":"1e3","u":"2.7.2","v":"2.7","y":{"no":[1]}})")),
      "a: \"1\"\n"
      "b: \"true\"\n"
      "c: \"y\"\n"
      "d: \"\"\n"
      "e: null\n"
      "f: []\n"
      "g: {}\n"
      "h:\n"
      "- x\n"
      "- k: v\n"
      "  l: w\n"
      "- - q\n"
      "i: \"2026-11-25T00:00:00Z\"\n"
      "j: 0s\n"
      "k: 'a: b'\n"
      "l: '- x'\n"
      "m: 1.10\n"
      "\"n\": ' s'\n"
      "o: 1h30m\n"
      "p: |-\n"
      "  line\n"
      "  line\n"
      "q: a#b\n"
      "r: '#a'\n"
      "s: \"0x10\"\n"
      "t: \"1e3\"\n"
      "u: 2.7.2\n"
      "v: \"2.7\"\n"
      "\"y\":\n"
      "  \"no\":\n"
      "  - 1\n"
      "z: plain text\n");
  EXPECT_EQ(str(yaml_text(R"(["a"])")), "- a\n");
}

TEST(Output, WritesTextsOfSeveralLinesAsLinesInYaml) {
  EXPECT_EQ(
      str(yaml_text(
          R"({"a":{"b":"one\n\n two\n"},"c":["x\ny","\nz\n"],"d":"end\n\n","e":"tab\tand\nline","f":"a \nb","g":"it's: so"})")),
      "a:\n"
      "  b: |\n"
      "    one\n"
      "\n"
      "     two\n"
      "c:\n"
      "- |-\n"
      "  x\n"
      "  y\n"
      "- |2\n"
      "\n"
      "  z\n"
      "d: |+\n"
      "  end\n"
      "\n"
      "e: \"tab\\tand\\nline\"\n"
      "f: \"a \\nb\"\n"
      "g: 'it''s: so'\n");
}

TEST(Output, ATableTrimsLineBreaksAroundACell) {
  Table t{"Key", "Value"};
  t.add({"a", "one\ntwo\n"});
  t.add({"b", "\n"});
  EXPECT_EQ(str(t.text()), "Key    Value\n---    -----\na      one\ntwo\nb      n/a\n");
}

TEST(Output, ABodyWithoutAnEnvelopeIsTheAnswer) {
  const Json j(R"({"sealed":false,"initialized":true})");
  EXPECT_EQ(str(secret_table(j.root())),
            "Key            Value\n---            -----\ninitialized    true\nsealed         false\n");
  EXPECT_EQ(
      str(secret_json(j.root())),
      R"({"request_id":"","lease_id":"","lease_duration":0,"renewable":false,"data":{"initialized":true,"sealed":false},"warnings":null})");
  EXPECT_EQ(str(*secret_field(j.root(), "sealed", Format::table)), "false");
  EXPECT_TRUE(answer_of(Json(R"({"errors":["x"]})").root()).is_null());
  EXPECT_TRUE(answer_of(Json(R"({"request_id":"r","x":1})").root()).is_null());
}

TEST(Output, DrawsHeadingsAsWideAsTheirTable) {
  EXPECT_EQ(heading("Metadata", 24), "======= Metadata =======");
  EXPECT_EQ(heading("Secret Path", 13), "== Secret Path ==");
  EXPECT_EQ(heading("Secret Path", 15), "= Secret Path =");
  EXPECT_EQ(heading("Data", 10), "== Data ==");
}

TEST(Output, ListsWarnings) {
  EXPECT_EQ(warnings_text(Json(R"({"warnings":null})").root()), "");
  EXPECT_EQ(warnings_text(Json(R"({"warnings":["one"]})").root()),
            "WARNING! The following warnings were returned from Strongroom:\n\n  * one\n\n");
}

}  // namespace
}  // namespace strongroom::apps::cli
