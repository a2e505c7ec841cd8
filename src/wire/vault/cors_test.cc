#include "wire/vault/cors.h"

#include <gtest/gtest.h>

namespace strongroom::wire::vault {
namespace {

std::string header(const std::vector<std::pair<std::string, std::string>>& all, std::string_view name) {
  for (const auto& [n, v] : all)
    if (n == name) return v;
  return {};
}

TEST(Cors, AForeignOriginIsRefusedAndToldNothing) {
  const auto v = judge_origin({{"https://a.example"}, {}, true}, "https://b.example", "GET", "");
  ASSERT_TRUE(v.answer);
  EXPECT_EQ(v.answer->status, 403);
  EXPECT_EQ(view(v.answer->body), "{\"errors\":[\"origin not allowed\"]}\n");
  EXPECT_TRUE(v.headers.empty() && v.answer->headers.empty());
}

// An origin is compared as a whole: no prefix, no suffix, no other case, no "null".
TEST(Cors, NothingButTheOriginItselfIsTheOrigin) {
  const core::CrossOrigin rules{{"https://a.example"}, {}, false};
  for (const auto* origin : {"https://a.example.evil.example", "https://a.example:443", "http://a.example",
                             "https://A.example", "https://xa.example", "null", "*", " https://a.example"})
    EXPECT_TRUE(judge_origin(rules, origin, "GET", "").answer) << origin;
  EXPECT_FALSE(judge_origin(rules, "https://a.example", "GET", "").answer);
}

TEST(Cors, APreflightIsAnsweredWithoutTheCore) {
  const core::CrossOrigin rules{{"https://a.example"}, {"X-Mine"}, true};
  const auto v = judge_origin(rules, "https://a.example", "OPTIONS", "GET");
  ASSERT_TRUE(v.answer);
  EXPECT_EQ(v.answer->status, 200);
  EXPECT_TRUE(v.answer->body.empty());
  EXPECT_EQ(header(v.answer->headers, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(header(v.answer->headers, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(header(v.answer->headers, "Vary"), "Origin");
  EXPECT_TRUE(header(v.answer->headers, "Access-Control-Allow-Headers").ends_with(",X-Mine"));
  EXPECT_EQ(judge_origin(rules, "https://a.example", "OPTIONS", "BREW").answer->status, 405);
}

TEST(Cors, AnyPageNeverGetsCredentials) {
  const auto v = judge_origin({{"*"}, {}, true}, "https://b.example", "GET", "");
  EXPECT_FALSE(v.answer);
  EXPECT_EQ(header(v.headers, "Access-Control-Allow-Origin"), "https://b.example");
  EXPECT_EQ(header(v.headers, "Access-Control-Allow-Credentials"), "");
}

}  // namespace
}  // namespace strongroom::wire::vault
