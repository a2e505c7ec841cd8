#include "engines/kv/payload.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace strongroom::engines::kv {
namespace {

std::string merged(std::string_view target, std::string_view patch) {
  const auto t = json::Doc::parse(target), p = json::Doc::parse(patch);
  return std::string(view(merge_patch(t->root(), p->root())));
}

// The examples of RFC 7396, appendix A, that have an object for a patch.
TEST(MergePatch, AnswersTheExamplesOfTheRfc) {
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"b":"c"})"), R"({"a":"b","b":"c"})");
  EXPECT_EQ(merged(R"({"a":"b"})", R"({"a":null})"), R"({})");
  EXPECT_EQ(merged(R"({"a":"b","b":"c"})", R"({"a":null})"), R"({"b":"c"})");
  EXPECT_EQ(merged(R"({"a":["b"]})", R"({"a":"c"})"), R"({"a":"c"})");
  EXPECT_EQ(merged(R"({"a":"c"})", R"({"a":["b"]})"), R"({"a":["b"]})");
  EXPECT_EQ(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})"), R"({"a":{"b":"d"}})");
  EXPECT_EQ(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})"), R"({"a":[1]})");
  EXPECT_EQ(merged(R"({"e":null})", R"({"a":1})"), R"({"e":null,"a":1})");
  EXPECT_EQ(merged("[1,2]", R"({"a":"b","c":null})"), R"({"a":"b"})");
  EXPECT_EQ(merged("{}", R"({"a":{"bb":{"ccc":null}}})"), R"({"a":{"bb":{}}})");
  EXPECT_EQ(merged("null", R"({"a":1})"), R"({"a":1})");
}

TEST(MergePatch, TheLastOfEqualNamesCounts) {
  EXPECT_EQ(merged(R"({"a":1,"b":2,"a":3})", R"({"c":1,"b":4,"b":null})"), R"({"a":3,"c":1})");
}

// A naive model: plain trees, copied and changed as the RFC's pseudo code says.
struct Tree {
  std::string token;  // of what is no object
  std::unique_ptr<std::map<std::string, Tree>> members;
};
Tree tree(const json::Node& n) {
  Tree t;
  if (!n.is_object()) {
    t.token = n.source();
    return t;
  }
  t.members = std::make_unique<std::map<std::string, Tree>>();
  for (const json::Node m : n) t.members->insert_or_assign(std::string(m.key()), tree(m));
  return t;
}
void apply(Tree& target, const json::Node& patch) {
  if (!patch.is_object()) {
    target = tree(patch);
    return;
  }
  if (!target.members) target = Tree{{}, std::make_unique<std::map<std::string, Tree>>()};
  std::map<std::string, json::Node> changes;
  for (const json::Node m : patch) changes[std::string(m.key())] = m;
  for (const auto& [name, change] : changes) {
    if (change.is_null())
      target.members->erase(name);
    else
      apply((*target.members)[name], change);
  }
}
std::string canonical(const Tree& t) {
  if (!t.members) return t.token;
  std::string out = "{";
  for (const auto& [name, m] : *t.members) out += "'" + name + "':" + canonical(m) + ",";
  return out + "}";
}

std::string random_object(std::mt19937& dice, int depth) {
  static constexpr std::array names{"a", "b", "c", R"(\u0061)", "", "d/e"};
  static constexpr std::array values{
      "null", "1", "1e400", "\"x\\n\"", "[1,{\"a\":null}]", "12345678901234567890123", "true", "{}"};
  std::string out = "{";
  for (auto n = dice() % 5; n > 0; --n) {
    if (out.size() > 1) out += ",";
    out += std::string("\"") + names[dice() % names.size()] + "\":";
    out += depth > 0 && dice() % 3 == 0 ? random_object(dice, depth - 1) : values[dice() % values.size()];
  }
  return out + "}";
}

TEST(MergePatch, AgreesWithTheModel) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 dice(seed);
  for (int i = 0; i < 20'000; ++i) {
    const auto target = random_object(dice, 3), patch = random_object(dice, 3);
    const auto t = json::Doc::parse(target), p = json::Doc::parse(patch);
    ASSERT_TRUE(t && p);
    auto want = tree(t->root());
    apply(want, p->root());
    const auto got = merge_patch(t->root(), p->root());
    const auto parsed = json::Doc::parse(view(got));
    ASSERT_TRUE(parsed) << target << " + " << patch << " = " << view(got);
    ASSERT_EQ(canonical(tree(parsed->root())), canonical(want)) << target << " + " << patch;
  }
}

TEST(Subkeys, HoldNoValueWhateverTheShape) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 dice(seed);
  for (int i = 0; i < 2'000; ++i) {
    const auto text = random_object(dice, 4);
    const auto doc = json::Doc::parse(text);
    const auto depth = dice() % 4;
    const auto got = subkeys(doc->root(), depth);
    ASSERT_TRUE(json::Doc::parse(view(got)));
    for (const std::string_view value : {"1", "x", "true", "["})
      EXPECT_EQ(view(got).find(value), std::string_view::npos) << text;
    std::size_t level = 0;
    for (const char c : view(got)) {
      level += c == '{' ? 1u : 0u;
      level -= c == '}' ? 1u : 0u;
      if (depth != 0) {
        ASSERT_LE(level, depth) << text;
      }
    }
  }
}

}  // namespace
}  // namespace strongroom::engines::kv
