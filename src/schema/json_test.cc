#include "schema/json.h"

#include <gtest/gtest.h>

namespace strongroom::json {
namespace {

TEST(Json, KeepsTheSourceBytesOfEveryValue) {
  const std::string_view text =
      R"( {"a":1e400, "b":[12345678901234567890123, 1.10 ],"c":{"d":"x\u0041\n"},"e":null} )";
  const auto doc = Doc::parse(text);
  ASSERT_TRUE(doc);
  const Node root = doc->root();
  EXPECT_EQ(root.size(), 4u);
  EXPECT_EQ(root.find("a")->source(), "1e400");
  EXPECT_EQ(root.find("b")->source(), "[12345678901234567890123, 1.10 ]");
  EXPECT_EQ(root.find("c")->find("d")->text(), "xA\n");
  EXPECT_EQ(root.find("c")->find("d")->source(), R"("x\u0041\n")");
  EXPECT_TRUE(root.find("e")->is_null());
  EXPECT_FALSE(root.find("f"));
}

TEST(Json, TheLastOfTwoEqualMembersCounts) {
  const auto doc = Doc::parse(R"({"a":1,"a":2})");
  ASSERT_TRUE(doc);
  EXPECT_EQ(doc->root().find("a")->integer(), 2);
}

TEST(Json, RefusesWhatIsNotJsonWithoutEchoingIt) {
  for (const std::string_view text :
       {"",         "{",        "[1,]",        "{\"a\":}",    "{a:1}", "01",   "1.",    "1e",
        "nul",      "\"\\x\"",  "\"\\ud800\"", "\"\\udc00\"", "\"a",   "{} x", "[1 2]", "{\"a\" 1}",
        "\"\x01\"", "\"\xff\"", "+1",          ".5",          "NaN",   "[",    "]",     "{\"a\":1,}"}) {
    const auto doc = Doc::parse(text);
    ASSERT_FALSE(doc) << text;
    EXPECT_EQ(doc.error().code, Code::invalid_argument);
  }
}

TEST(Json, BoundsTheValuesOfAllArraysAndObjectsTogether) {
  const Limits l{.values = 6};
  EXPECT_TRUE(Doc::parse(R"([[1,2],{"a":3}])", l));
  EXPECT_FALSE(Doc::parse(R"([[1,2],{"a":3},4])", l));
  EXPECT_FALSE(Doc::parse("[[],[],[],[],[],[]]", l));
  // Each array is short, and all of them together are not.
  std::string row = "[0";
  for (int i = 1; i < 9999; ++i) row += ",0";
  row += ']';
  std::string rows = "[";
  rows += row;
  for (int i = 1; i < 11; ++i) {
    rows += ",";
    rows += row;
  }
  rows += ']';
  EXPECT_FALSE(Doc::parse(rows));
  EXPECT_TRUE(Doc::parse(rows, Limits::of_our_own()));
}

TEST(Json, BoundsDepthMembersElementsAndStrings) {
  Limits l{.depth = 3, .members = 2, .elements = 2, .string = 4};
  EXPECT_TRUE(Doc::parse("[[[]]]", l));
  EXPECT_FALSE(Doc::parse("[[[[]]]]", l));
  EXPECT_TRUE(Doc::parse("[1,2]", l));
  EXPECT_FALSE(Doc::parse("[1,2,3]", l));
  EXPECT_FALSE(Doc::parse(R"({"a":1,"b":2,"c":3})", l));
  EXPECT_FALSE(Doc::parse(R"("abcde")", l));
  EXPECT_TRUE(Doc::parse(R"("abcd")", l));
}

TEST(Json, WriterPutsCommasAndEscapes) {
  SecretText out;
  Writer w(out);
  w.begin_object();
  w.key("a");
  w.begin_array();
  w.integer(-1);
  w.string("q\"\x01");
  w.begin_object();
  w.end_object();
  w.end_array();
  w.key("b");
  w.boolean(true);
  w.key("c");
  w.null();
  w.end_object();
  EXPECT_EQ(view(out), "{\"a\":[-1,\"q\\\"\\u0001\",{}],\"b\":true,\"c\":null}");
  EXPECT_TRUE(Doc::parse(view(out)));
}

TEST(Json, DecodesEscapesAndSurrogatePairs) {
  const auto doc = Doc::parse(R"(["\"\\\/\b\f\n\r\t", "\u00e9\u20ac\uD83D\ude00", "\u0000x", "plain"])");
  ASSERT_TRUE(doc);
  std::vector<std::string_view> texts;
  for (const Node n : doc->root()) texts.push_back(n.text());
  EXPECT_EQ(texts, (std::vector<std::string_view>{"\"\\/\b\f\n\r\t", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                                                  std::string_view("\0x", 2), "plain"}));
}

TEST(Json, IntegersAreWholeAndFit) {
  const auto doc = Doc::parse(
      R"([0, -0, 9223372036854775807, -9223372036854775808, 9223372036854775808, 1.0, 1e2, "1", true])");
  ASSERT_TRUE(doc);
  std::vector<std::optional<std::int64_t>> got;
  for (const Node n : doc->root()) got.push_back(n.integer());
  EXPECT_EQ(got, (std::vector<std::optional<std::int64_t>>{0, 0, INT64_MAX, INT64_MIN, {}, {}, {}, {}, {}}));
}

TEST(Json, EscapedNamesAreFoundByWhatTheyMean) {
  const auto doc = Doc::parse(R"({"\u0061":1,"b\n":2,"":3})");
  ASSERT_TRUE(doc);
  EXPECT_EQ(doc->root().find("a")->integer(), 1);
  EXPECT_EQ(doc->root().find("b\n")->integer(), 2);
  EXPECT_EQ(doc->root().find("")->integer(), 3);
}

TEST(Json, EmptyContainersAndScalarsHaveNothingInside) {
  for (const std::string_view text : {"{}", "[]", "1", "\"x\"", "null", " { } "}) {
    const auto doc = Doc::parse(text);
    ASSERT_TRUE(doc) << text;
    EXPECT_EQ(doc->root().size(), 0u);
    EXPECT_EQ(doc->root().begin(), doc->root().end());
    EXPECT_FALSE(doc->root().find("x"));
  }
  EXPECT_EQ(Node().begin(), Node().end());
  EXPECT_EQ(Node::of_text("x").text(), "x");
}

TEST(Json, ADocumentMayMove) {
  const std::string text = R"({"long enough to live on the heap":"\u0041 and more than fifteen bytes"})";
  auto doc = Doc::parse(text);
  ASSERT_TRUE(doc);
  const Doc moved = *std::move(doc);
  EXPECT_EQ(moved.root().find("long enough to live on the heap")->text(), "A and more than fifteen bytes");
}

}  // namespace
}  // namespace strongroom::json
