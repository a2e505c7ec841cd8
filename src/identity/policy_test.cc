#include "identity/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strongroom::identity {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string refusal(std::string_view text) {
  const auto p = parse_policy("p", text);
  return p ? "accepted" : p.error().message;
}
Rule only_rule(std::string_view text) {
  const auto p = parse_policy("p", text);
  EXPECT_TRUE(p) << p.error().message;
  return p && p->rules.size() == 1 ? p->rules[0] : Rule{};
}

TEST(Policy, ReadsAllKeysOfARule) {
  const Rule r = only_rule(R"(path "/a/+/b*" {
    comment = "why"
    capabilities = ["read", "delete", "scan"]
    allowed_parameters = { "Foo" = [], "bar" = ["x*", 5, true] }
    denied_parameters { "*" = [] }
    required_parameters = ["Need"]
    min_wrapping_ttl = "10s"
    max_wrapping_ttl = 60
    pagination_limit = 100
    expiration = "2030-01-02T03:04:05Z"
  })");
  EXPECT_EQ(r.pattern, "a/+/b*");
  EXPECT_THAT(r.capabilities.names(), ElementsAre("delete", "read", "scan"));
  EXPECT_TRUE(r.constraints.allowed.at("foo").empty());
  EXPECT_EQ(r.constraints.allowed.at("bar").size(), 3u);
  EXPECT_THAT(r.constraints.required, ElementsAre("need"));
  EXPECT_EQ(r.constraints.min_wrapping_ttl, Seconds(10));
  EXPECT_EQ(r.constraints.max_wrapping_ttl, Seconds(60));
  EXPECT_EQ(r.constraints.pagination_limit, 100);
  EXPECT_TRUE(r.expires);
}

TEST(Policy, ReadsTheOldestWayToNameRights) {
  EXPECT_THAT(only_rule(R"(path "x" { policy = "read" })").capabilities.names(), ElementsAre("list", "read"));
  EXPECT_THAT(only_rule(R"(path "x" { policy = "write" })").capabilities.names(),
              ElementsAre("create", "delete", "list", "read", "update"));
  EXPECT_THAT(only_rule(R"(path "x" { policy = "sudo" })").capabilities.names(),
              ElementsAre("create", "delete", "list", "read", "sudo", "update"));
  EXPECT_THAT(only_rule(R"(path "x" { policy = "deny" capabilities = ["read"] })").capabilities.names(),
              ElementsAre("deny"));
  EXPECT_THAT(only_rule(R"(path "x" { capabilities = ["patch"] policy = "read" })").capabilities.names(),
              ElementsAre("list", "patch", "read"));
}

TEST(Policy, AcceptsWhatOpenBaoAccepts) {
  for (const char* text :
       {"", "# nothing\n", "name = \"x\"", R"({"path":{"x/*":{"capabilities":["read","list"]}}})",
        R"(path "" {})", R"(path "*" { capabilities = [] })", R"(path "a" {} path "a" {})",
        R"(path "a" { comment = 1 pagination_limit = "5" min_wrapping_ttl = 1.5 expiration = "1000" })",
        R"(path a { "capabilities" = ["read",] } ,)",
        R"(path "a/{{identity.entity.id}}/*" { capabilities = ["read"] })"})
    EXPECT_EQ(refusal(text), "accepted") << text;
}

TEST(Policy, RefusesWithPlaceAndWithoutTheText) {
  for (const char* text : {R"(path "hunter2" { capabilities = ["reed"] })",
                           R"(path "hunter2" { capability = ["read"] })",
                           R"(pth "hunter2" { })",
                           R"(path "hunter2/+*" { })",
                           R"(path "hunter2" { capabilities = "read" })",
                           R"(path "hunter2" { policy = "hunter2" })",
                           R"(path "hunter2" { min_wrapping_ttl = "hunter2" })",
                           R"(path "hunter2" { min_wrapping_ttl = 9 max_wrapping_ttl = 8 })",
                           R"(path "{{hunter2" { })",
                           R"(path "hunter2}}" { })",
                           R"(path "{{}}hunter2" { })",
                           R"(path "hunter2" { capabilities = ["read"] capabilities = ["list"] })",
                           R"(path "hunter2" { allowed_parameters { } allowed_parameters { } })",
                           R"(path "hunter2" { allowed_parameters = { a = 1 } })",
                           R"(path "hunter2" { allowed_parameters = { a = [] A = [] } })",
                           R"(path "hunter2" { required_parameters = [1] })",
                           R"(path "hunter2" { pagination_limit = -1 })",
                           R"(path "hunter2" { expiration = "hunter2" })",
                           R"(path "hunter2" { mfa_methods = ["hunter2"] })",
                           R"(path "hunter2" { control_group = { factor "x" {} } })",
                           R"(path "hunter2" { list_scan_response_keys_filter_path = "hunter2" })",
                           R"(path "hunter2" { comment = [1] })",
                           R"(name = {})",
                           R"(path = "hunter2")",
                           R"({"hunter2": 1})",
                           R"(path "hunter2" { max_wrapping_ttl = "-5s" })"})
    EXPECT_THAT(refusal(text),
                AllOf(HasSubstr("failed to parse policy: line 1, column "), Not(HasSubstr("hunter2"))))
        << text;
}

TEST(Policy, BuiltInTextsParse) {
  const auto p = parse_policy("default", default_policy_text());
  ASSERT_TRUE(p) << p.error().message;
  EXPECT_EQ(p->rules.size(), 16u);
  EXPECT_TRUE(p->templated());
  EXPECT_TRUE(parse_policy("response-wrapping", response_wrapping_policy_text()));
  EXPECT_TRUE(is_immutable_policy("root"));
  EXPECT_TRUE(is_immutable_policy("response-wrapping"));
  EXPECT_FALSE(is_immutable_policy("default"));
}

// CVE-2025-5999, CVE-2025-64761: a spelling of "root" that slips past the check.
TEST(Policy, B01_EverySpellingOfRootIsRootOrRefused) {
  EXPECT_EQ(*canonical_policy_name("ROOT"), "root");
  EXPECT_EQ(*canonical_policy_name("rOOt"), "root");
  for (const char* name : {"root ", " root", "root\t", "ro\u200bot", "\uff52\uff4f\uff4f\uff54", "root\n",
                           "root,", "r\u043eot", "root\u00a0"})
    EXPECT_FALSE(canonical_policy_name(name)) << name;
  EXPECT_FALSE(canonical_policy_name(std::string_view("root\0", 5)));
}

// CVE-2026-105820: a policy name that walks to another namespace's policy.
TEST(Policy, B11_NamesDoNotTraverse) {
  for (const char* name : {"../x", "x/../y", "./x", "..", ".", "a//b", "/a", "a/", "", "a\\b"})
    EXPECT_FALSE(canonical_policy_name(name)) << name;
  EXPECT_EQ(*canonical_policy_name("With/Slash-1.2"), "with/slash-1.2");
  EXPECT_FALSE(canonical_policy_name(std::string(513, 'a')));
}

}  // namespace
}  // namespace strongroom::identity
