#include "base/text.h"

#include <gtest/gtest.h>

namespace strongroom {
namespace {

TEST(Text, IsTrimmedOfWhiteSpaceAroundItAlone) {
  EXPECT_EQ(trimmed(" \t\n\v\f\ra b\r\n "), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  for (const auto* nothing : {"", " ", "\r\n\t"}) EXPECT_EQ(trimmed(nothing), "");
}

TEST(Text, IsTrueOrFalseInGosSpellingsAlone) {
  for (const auto* yes : {"1", "t", "T", "true", "TRUE", "True"}) EXPECT_EQ(parse_bool(yes), true) << yes;
  for (const auto* no : {"0", "f", "F", "false", "FALSE", "False"}) EXPECT_EQ(parse_bool(no), false) << no;
  for (const auto* neither : {"", " true", "tRUE", "yes", "on", "2", "01"})
    EXPECT_EQ(parse_bool(neither), std::nullopt) << neither;
}

}  // namespace
}  // namespace strongroom
