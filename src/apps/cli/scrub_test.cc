#include "apps/cli/scrub.h"

#include <gtest/gtest.h>

namespace strongroom::apps::cli {
namespace {

std::string cleaned(std::string_view text, std::string_view token = "root") {
  Scrub s(token);
  const SecretText out = s.text(text);
  return {out.begin(), out.end()};
}
std::string cleaned_json(std::string_view text) {
  Scrub s("my-own-token");
  const SecretText out = s.json(text);
  return {out.begin(), out.end()};
}

TEST(Scrub, TakesOutTheTokenInUseWhereverItStands) {
  EXPECT_EQ(cleaned("a root b root"), "a <removed> b <removed>");
  EXPECT_EQ(cleaned("nothing here"), "nothing here");
}

TEST(Scrub, TakesOutWhatLooksLikeAToken) {
  EXPECT_EQ(cleaned("x s.abcdefghijklmnopqrstuvwx y"), "x <removed> y");
  EXPECT_EQ(cleaned("hvs.CAESIabcdefghijklmnop-_qrs,"), "<removed>,");
  EXPECT_EQ(cleaned("b.AAAAAQJabcdefghijklmnopqrst=\"root\""), "<removed>=\"<removed>\"");
}

TEST(Scrub, LeavesNamesOfHostsFilesAndMetrics) {
  for (const std::string_view text :
       {"runtime.alloc_bytes", "servers.abcdefghijklmnopqrstuvwx", "s.short", "core.handle_request", "1.5"})
    EXPECT_EQ(cleaned(text), text);
}

TEST(Scrub, TakesOutTextsWhoseNameSaysThatTheyAreSecret) {
  EXPECT_EQ(cleaned_json(R"({"a":{"db_password":"p","token_type":"batch","n":1},"l":["my-own-token",null]})"),
            R"({"a":{"db_password":"<removed>","token_type":"batch","n":1},"l":["<removed>",null]})");
  EXPECT_EQ(cleaned_json(R"({"secret_ids":["a","b"],"secret":false,"s.abcdefghijklmnopqrstuvwx":1})"),
            R"({"secret_ids":["<removed>","<removed>"],"secret":false,"<removed>":1})");
}

TEST(Scrub, CountsAndFindsAgain) {
  Scrub s("root");
  EXPECT_TRUE(s.finds_in("a root"));
  const SecretText out = s.text("a root and s.abcdefghijklmnopqrstuvwx");
  EXPECT_FALSE(s.finds_in(view(out)));
  EXPECT_EQ(s.removed(), 2U);
}

}  // namespace
}  // namespace strongroom::apps::cli
