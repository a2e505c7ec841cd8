#include "schema/hcl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strongroom::hcl {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Body parsed(std::string_view text) {
  auto body = parse(text);
  EXPECT_TRUE(body) << body.error().message;
  return body ? *std::move(body) : Body{};
}
std::string refusal(std::string_view text, const Limits& limits = {}) {
  const auto body = parse(text, limits);
  return body ? "accepted" : body.error().message;
}
std::string string_of(std::string_view quoted) {
  return parsed("a = " + std::string(quoted)).items.at(0).value.text;
}

TEST(Hcl, ReadsBlocksAttributesAndPlaces) {
  const Body b = parsed(
      "# top\nlistener \"tcp\" {\n  address = \"127.0.0.1:8200\" // here\n  tls_disable = true\n}\nui=false "
      "/* end */");
  ASSERT_EQ(b.items.size(), 2u);
  const Item& listener = b.items[0];
  EXPECT_EQ(listener.key, "listener");
  EXPECT_EQ(listener.form, Form::block);
  EXPECT_THAT(listener.labels, ElementsAre("tcp"));
  EXPECT_EQ(listener.at.line, 2u);
  const Item* address = listener.value.object.find("address");
  ASSERT_NE(address, nullptr);
  EXPECT_EQ(address->value.text, "127.0.0.1:8200");
  EXPECT_EQ(address->value.at.line, 3u);
  EXPECT_EQ(address->value.at.column, 13u);
  EXPECT_EQ(b.items[1].value.kind, Kind::boolean);
  EXPECT_FALSE(b.items[1].value.boolean);
}

TEST(Hcl, TakesManyBlocksOnOneLineAndOptionalCommas) {
  const Body b = parsed(R"(path "a" { c = ["x",], d = 1 } path "b" { } path "a" { })");
  EXPECT_EQ(b.items.size(), 3u);
  EXPECT_EQ(b.items[0].value.object.items.size(), 2u);
}

TEST(Hcl, UnescapesStrings) {
  EXPECT_EQ(string_of(R"("a\n\t\"\\\x41\101\u00e9\U0001F600")"), "a\n\t\"\\AA\u00e9\U0001F600");
  EXPECT_EQ(string_of(R"("${var.x["y"]} z")"), R"(${var.x["y"]} z)");
  EXPECT_EQ(string_of("\"$5\""), "$5");
  EXPECT_EQ(string_of("<<EOT\nline \"1\"\n  two\nEOT\n"), "line \"1\"\n  two\n");
  EXPECT_EQ(string_of("<<-EOT\n    one\n      two\n    EOT\n"), "one\n  two\n");
  EXPECT_EQ(string_of("<<-EOT\n  one\n    EOT\n"), "  one\n");
  EXPECT_EQ(string_of("<<X\nX"), "");
}

TEST(Hcl, RefusesBadStrings) {
  for (const char* text :
       {"a = \"x", "a = \"x\ny\"", "a = \"\\q\"", "a = \"\\x4\"", "a = \"\\ud800\"", "a = \"\\UFFFFFFFF\"",
        "a = \"\\xff\"", "a = \"\\777\"", "a = <<X\nY", "a = <<\nX\n", "a = \"${", "a = \"\\"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(Hcl, KeepsNumbersAsWritten) {
  const Body b = parsed(
      "a=1 b=-3 c=0x1F d=017 e=1.5e3 f=9223372036854775807 g=9223372036854775808 h=-9223372036854775808");
  EXPECT_EQ(b.items[0].value.integer(), 1);
  EXPECT_EQ(b.items[1].value.integer(), -3);
  EXPECT_EQ(b.items[2].value.integer(), 31);
  EXPECT_EQ(b.items[3].value.integer(), 15);
  EXPECT_EQ(b.items[4].value.integer(), std::nullopt);
  EXPECT_EQ(b.items[4].value.real(), 1500.0);
  EXPECT_EQ(b.items[5].value.integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(b.items[6].value.integer(), std::nullopt);
  EXPECT_EQ(b.items[6].value.text, "9223372036854775808");
  EXPECT_EQ(b.items[7].value.integer(), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"a = 1x", "a = 089", "a = 1.", "a = 0x", "a = -", "a = 1e", "a = .5", "a = 1.2.3"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(Hcl, ErrorsNamePlaceAndRuleAndNeverTheText) {
  EXPECT_EQ(refusal("a = 1\nsecretword = hunter2"), "line 2, column 14: expected a value; text needs quotes");
  EXPECT_EQ(refusal("a = 1\n\na = 2"), "line 3, column 1: this key is already set on line 1");
  EXPECT_THAT(refusal("\"é\" = \"hunter2"), HasSubstr("line 1, column 7"));
  for (const char* text :
       {"hunter2", "a = hunter2", "hunter2 = = 1", "a \"hunter2\" = 1", "a = [1 hunter2]",
        "a = \"\\hunter2\"", "a { hunter2", "{\"hunter2\": }", "{\"a\": {\"hunter2\": 1, \"hunter2\": 2}}"})
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("line 1"), Not(HasSubstr("hunter2")))) << text;
}

TEST(Hcl, RefusesAnAttributeSetTwice) {
  EXPECT_NE(refusal("a = 1 a = 1"), "accepted");
  EXPECT_NE(refusal("a = {} a {}"), "accepted");
  EXPECT_NE(refusal("a {} a = {}"), "accepted");
  EXPECT_NE(refusal("x { a = 1 a = 1 }"), "accepted");
  EXPECT_EQ(refusal("a {} a {}"), "accepted");
}

TEST(Hcl, RefusesWhatIsNotClosedOrNotText) {
  for (const char* text : {"a {", "a = [", "a = [1", "a = {", "/* x", "a", "a =", "}", "a }", "a \"b\"",
                           "= 1", "é = 1", " \ufeffa = 1", "a\u00a0= 1", "a = [,]", "a = 1 ]"})
    EXPECT_NE(refusal(text), "accepted") << text;
  EXPECT_EQ(refusal("a = \"\xff\""), "must be valid UTF-8");
  EXPECT_EQ(refusal(std::string_view("a\0", 2)), "must not contain a zero byte");
}

TEST(Hcl, HoldsItsLimits) {
  Limits limits;
  limits.bytes = 10;
  EXPECT_EQ(refusal("a = \"0123456789\"", limits), "must be at most 10 bytes");
  limits = {};
  limits.items = 3;
  EXPECT_THAT(refusal("a=1 b=2 c=3 d=4", limits), HasSubstr("too many"));
  EXPECT_THAT(refusal("a=[1,2,3]", limits), HasSubstr("too many"));
  EXPECT_THAT(refusal(R"({"a":[1,2,3]})", limits), HasSubstr("too many"));
  std::string deep = "a = ";
  std::string json = R"({"a":)";
  for (int i = 0; i < 100'000; ++i) deep += '[', json += '[';
  EXPECT_THAT(refusal(deep), HasSubstr("too deeply"));
  EXPECT_THAT(refusal(json), HasSubstr("line 1"));
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "a {";
  EXPECT_THAT(refusal(blocks), HasSubstr("too deeply"));
}

TEST(Hcl, ReadsTheJsonForm) {
  const Body b = parsed("{\n  \"a\": 1.50,\n  \"b\": {\"c\": [true, null, \"x\"]}\n}");
  ASSERT_EQ(b.items.size(), 2u);
  EXPECT_EQ(b.items[0].value.text, "1.50");
  EXPECT_EQ(b.items[1].at.line, 3u);
  const Value& list = b.items[1].value.object.items.at(0).value;
  ASSERT_EQ(list.list.size(), 3u);
  EXPECT_EQ(list.list[1].kind, Kind::null);
  EXPECT_EQ(list.list[2].text, "x");
  EXPECT_EQ(refusal("{\"a\": 1,\n \"a\": 2}").substr(0, 6), "line 2");
  EXPECT_EQ(refusal("{\n\"a\": }").substr(0, 6), "line 2");
}

TEST(Hcl, FindsBlocksInEverySpelling) {
  for (const char* text :
       {R"(path "a" { x = 1 } path "b" { x = 2 })", R"(path = { "a" = { x = 1 } "b" = { x = 2 } })",
        R"(path { "a" { x = 1 } "b" { x = 2 } })", R"({"path": {"a": {"x": 1}, "b": {"x": 2}}})",
        R"({"path": [{"a": {"x": 1}}, {"b": {"x": 2}}]})", R"({"path": {"a": [{"x": 1}], "b": {"x": 2}}})",
        R"(path = [{ "a" = { x = 1 } }, { "b" = { x = 2 } }])"}) {
    const Body b = parsed(text);
    const auto found = blocks(b, "path", 1);
    ASSERT_TRUE(found) << text << found.error().message;
    ASSERT_EQ(found->size(), 2u) << text;
    EXPECT_EQ((*found)[0].labels.at(0), "a") << text;
    EXPECT_EQ((*found)[1].labels.at(0), "b") << text;
    EXPECT_EQ((*found)[1].body->find("x")->value.integer(), 2) << text;
  }
  for (const char* text : {R"(path "a" "b" {})", R"(path {})", R"(path = 1)", R"(path = ["a"])",
                           R"(path { a "b" {} })", R"({"path": {"a": 1}})"})
    EXPECT_FALSE(blocks(parsed(text), "path", 1)) << text;
}

}  // namespace
}  // namespace strongroom::hcl
