#include "base/secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <type_traits>

namespace strongroom {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view> &&
              !std::is_convertible_v<std::string, Secret>);

TEST(Secret, GivesItsBytesOnlyThroughReveal) {
  const Secret s = Secret::copy_of("hunter2");
  EXPECT_EQ(s.reveal_text(Reveal::to_caller), "hunter2");
  EXPECT_EQ(as_text(s.reveal(Reveal::to_cipher)), "hunter2");
  EXPECT_EQ(s.size(), 7u);
  EXPECT_FALSE(s.empty());
  EXPECT_TRUE(Secret().empty());
}

TEST(Secret, IsEmptyAfterAMove) {
  Secret a = Secret::copy_of("hunter2");
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
  a = std::move(b);
  EXPECT_EQ(a.reveal_text(Reveal::to_caller), "hunter2");
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move): as above
  Secret& alias = a;
  a = std::move(alias);
  EXPECT_EQ(a.reveal_text(Reveal::to_caller), "hunter2");
}

TEST(Secret, CopiesOnlyWhenAskedTo) {
  const Secret a = Secret::copy_of("hunter2");
  const Secret b = a.clone();
  EXPECT_EQ(b.reveal_text(Reveal::to_caller), "hunter2");
  EXPECT_NE(a.reveal(Reveal::to_cipher).data(), b.reveal(Reveal::to_cipher).data());
}

TEST(SecretText, WipesItselfWhenToldTo) {
  SecretText s = "short";
  const char* const inside = s.data();
  wipe(s);
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(std::string_view(inside, 5), std::string_view("\0\0\0\0\0", 5));
  std::string plain(100, 'x');
  const char* const heap = plain.data();
  wipe(plain);
  EXPECT_EQ(std::string_view(heap, 100), std::string(100, '\0'));
}

// Every snippet must compile with CONTROL defined and not without it.
TEST(Secret, MisuseDoesNotCompile) {
  struct stat ignored{};
  ASSERT_EQ(stat("tests/compile_fail/run.sh", &ignored), 0)
      << "run the tests from the root of the source tree";
  EXPECT_EQ(std::system("tests/compile_fail/run.sh"), 0);
}

}  // namespace
}  // namespace strongroom
