// Deciding takes no memory: every allocation of this program is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "identity/acl.h"

namespace {
std::atomic<std::size_t> allocations{0};
}
void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace strongroom::identity {
namespace {

TEST(AclAllocation, DecidingTakesNoMemory) {
  const auto policy = parse_policy("p", R"(
    path "secret/data/app/*" { capabilities = ["read", "update", "list"] }
    path "secret/+/team/+/config" { capabilities = ["read"] }
    path "secret/data/exact" { capabilities = ["update"] allowed_parameters = { "Name" = ["x*"] "n" = [5] } denied_parameters = { "z" = ["a,b"] } }
    path "secret/metadata/" { capabilities = ["list"] pagination_limit = 10 })");
  ASSERT_TRUE(policy);
  const auto standard = parse_policy("default", default_policy_text());
  ASSERT_TRUE(standard);
  const Policy* set[] = {&*policy, &*standard};
  const auto acl = Acl::compile(set);
  ASSERT_TRUE(acl);
  const auto body = json::Doc::parse(R"({"NAME": "xyz", "n": 5})");
  ASSERT_TRUE(body);
  const std::pair<std::string_view, std::string_view> query[] = {{"limit", "5"}};
  const std::size_t before = allocations;
  bool good = acl->decide({.path = "secret/data/app/db/password"}).allowed;
  good = acl->decide({.path = "secret/data/team/blue/config"}).allowed && good;
  good =
      acl->decide(
             {.operation = Operation::update, .path = "secret/data/exact", .parameters = {body->root(), {}}})
          .allowed &&
      good;
  good = acl->decide({.operation = Operation::list, .path = "secret/metadata/", .parameters = {{}, query}})
             .allowed &&
         good;
  good = !acl->decide({.operation = Operation::remove, .path = "sys/policies/acl/other"}).allowed && good;
  const std::size_t after = allocations;
  EXPECT_TRUE(good);
  EXPECT_EQ(after - before, 0u);
}

}  // namespace
}  // namespace strongroom::identity
