// Answers that a real OpenBao server gave, recorded by tests/policy/oracle.py: a sample that is always
// checked, and the file named in SR_ACL_ORACLE.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "identity/acl.h"

namespace strongroom::identity {
namespace {

std::optional<Operation> operation_named(std::string_view text) {
  using enum Operation;
  for (const Operation op : {create, read, update, remove, list, patch, scan})
    if (name(op) == text) return op;
  return std::nullopt;
}

// One line of the record; returns how many checks it held.
std::size_t check_line(std::string_view line, std::size_t number) {
  const auto doc = json::Doc::parse(line);
  EXPECT_TRUE(doc) << "line " << number;
  if (!doc) return 0;
  std::vector<Policy> policies;
  const auto texts = doc->root().find("policies");
  const auto asked = doc->root().find("checks");
  EXPECT_TRUE(texts && asked) << "line " << number;
  if (!texts || !asked) return 0;
  for (const json::Node p : *texts) {
    auto parsed = parse_policy(std::string(p.find("name")->text()), p.find("text")->text());
    EXPECT_TRUE(parsed) << "line " << number << ": " << parsed.error().message << "\n"
                        << p.find("text")->text();
    if (!parsed) return 0;
    policies.push_back(*std::move(parsed));
  }
  std::vector<const Policy*> set;
  for (const Policy& p : policies) set.push_back(&p);
  const auto acl = Acl::compile(set);
  EXPECT_TRUE(acl);
  std::size_t checks = 0;
  for (const json::Node c : *asked) {
    ++checks;
    const std::string_view path = c.find("path")->text();
    if (const auto expected = c.find("capabilities")) {
      std::vector<std::string> want;
      for (const json::Node n : *expected) want.emplace_back(n.text());
      EXPECT_EQ(acl->capabilities(path), want) << "line " << number << ": " << c.source();
      continue;
    }
    Check check;
    const auto op = operation_named(c.find("op")->text());
    EXPECT_TRUE(op) << "line " << number;
    check.operation = op.value_or(Operation::read);
    check.path = path;
    if (const auto body = c.find("body")) check.parameters.body = *body;
    std::vector<std::pair<std::string_view, std::string_view>> query;
    if (const auto pairs = c.find("query"))
      for (const json::Node pair : *pairs) {
        const json::Node key = *pair.begin();
        query.emplace_back(key.text(), (*++pair.begin()).text());
      }
    check.parameters.query = query;
    if (const auto wrap = c.find("wrap")) check.wrap_ttl = Seconds(*wrap->integer());
    if (c.find("sudo")) check.sudo = Sudo::needed;
    EXPECT_EQ(acl->decide(check).allowed, c.find("allowed")->boolean())
        << "line " << number << ": " << c.source() << "\n"
        << acl->explain(check).verdict << "\n"
        << texts->source();
  }
  return checks;
}

std::size_t check_file(const char* path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::size_t checks = 0;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line) && !testing::Test::HasFailure();)
    checks += check_line(line, ++number);
  std::printf("%zu recorded answers in %s\n", checks, path);
  return checks;
}

TEST(AclOracle, AgreesWithTheRecordedSample) { EXPECT_GT(check_file("tests/policy/recorded.jsonl"), 1000u); }

TEST(AclOracle, AgreesWithTheGivenRecord) {
  const char* path = std::getenv("SR_ACL_ORACLE");
  if (path == nullptr) GTEST_SKIP() << "SR_ACL_ORACLE names no record";
  EXPECT_GT(check_file(path), 0u);
}

}  // namespace
}  // namespace strongroom::identity
