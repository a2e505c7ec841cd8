#include <gtest/gtest.h>

#include "schema/hcl.h"

namespace strongroom::hcl {
namespace {

std::string formatted(std::string_view text) {
  const auto once = format(text);
  EXPECT_TRUE(once) << text << once.error().message;
  if (!once) return {};
  const auto twice = format(*once);
  EXPECT_TRUE(twice) << *once;
  EXPECT_EQ(*once, *twice) << text;
  return *once;
}

TEST(HclFormat, LaysOutBlocksAttributesAndLists) {
  EXPECT_EQ(formatted("path   \"a\"{capabilities=[\"read\",\"list\",]}path b {policy=\"read\"}"),
            R"(path "a" {
  capabilities = ["read", "list"]
}

path "b" {
  policy = "read"
}
)");
  EXPECT_EQ(formatted("a=1\nlonger =\"x\"\n\n\n\nb= true\nc {\n}\nd = {}"),
            R"(a      = 1
longer = "x"

b = true

c {}

d = {}
)");
  EXPECT_EQ(formatted(""), "");
}

TEST(HclFormat, KeepsEveryComment) {
  EXPECT_EQ(formatted(R"(# top

# of a
a = 1 # after a
path /* odd */ "x" { // opens
  /* two
     lines */
  capabilities = [ # first
    "read", // r
    # before list
    "list" /* l */,
    # end of list
  ]
  # end
} # closed
# tail)"),
            R"(# top

# of a
a = 1 # after a

/* odd */
path "x" {
  // opens
  /* two
     lines */
  capabilities = [
    # first
    "read", // r
    # before list
    /* l */
    "list",
    # end of list
  ]
  # end
} # closed
# tail
)");
}

TEST(HclFormat, KeepsScalarsAsWritten) {
  EXPECT_EQ(formatted("a=\"\\u00e9${x[\"y\"]}\" b=0x1F c=<<E\n text\n E\nd=[<<E\nx\nE\n,1]"),
            "a = \"\\u00e9${x[\"y\"]}\"\nb = 0x1F\nc = <<E\n text\n E\nd = [\n  <<E\nx\nE\n  ,\n  1,\n]\n");
}

TEST(HclFormat, BreaksLongLists) {
  std::string text = "a = [";
  for (int i = 0; i < 40; ++i) text += "\"element\",";
  const std::string out = formatted(text + "]");
  EXPECT_TRUE(out.starts_with("a = [\n  \"element\",\n"));
}

TEST(HclFormat, RefusesWhatDoesNotParse) {
  EXPECT_FALSE(format("a = "));
  EXPECT_FALSE(format("{\"a\": 1}"));
}

}  // namespace
}  // namespace strongroom::hcl
