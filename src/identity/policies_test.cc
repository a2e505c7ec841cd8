#include "identity/policies.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/time.h"
#include "store/committer.h"
#include "store/memory_store.h"
#include "store/plain_sealer.h"

namespace strongroom::identity {
namespace {

class Deaf final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

// P4: the compiled set that the cache gives is always the one that compiling anew would give, whatever was
// written, in which order sets were asked for, and whenever a rule expired.
TEST(Policies, P4_TheCacheKnowsAllThatADecisionDependsOn) {
  const char* given = std::getenv("SR_POLICIES_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'127ull;
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 dice(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(dice() % n); };
  store::MemoryStore store;
  store::PlainSealer sealer;
  Deaf deaf;
  NoLog log;
  store::Committer committer(store, sealer, deaf, log, {});
  const Policies cached;
  // Names that would be one text if they were simply put together.
  const std::vector<std::string> names{"a", "b", "ab", "a-b", "default", "root"};
  const std::vector<std::string> paths{"x", "x/y", "y"};
  const std::vector<std::string> capabilities{"read", "update", "deny", "list"};
  WallTime now{Seconds(1'800'000'000)};
  std::size_t changed = 0;
  for (int step = 0; step < 3000; ++step) {
    now += Seconds(below(3));
    const auto snapshot = *store.snapshot();
    store::Txn txn(*snapshot, sealer);
    if (below(4) == 0) {
      const auto& name = names[below(names.size() - 1)];
      if (below(5) == 0) {
        cached.erase(txn, name);
      } else {
        std::string text = fmt::format("path \"{}\" {{ capabilities = [\"{}\"]", paths[below(paths.size())],
                                       capabilities[below(capabilities.size())]);
        if (below(3) == 0) {
          const auto until = std::chrono::floor<Seconds>(now) + Seconds(1 + below(5));
          text += fmt::format(" expiration = \"{}\"", rfc3339(until));
        }
        text += " }";
        ASSERT_TRUE(parse_policy(name, text)) << text;
        cached.put(txn, {name, text, now, 1, false});
      }
      ASSERT_TRUE(committer.commit(txn.take()));
      continue;
    }
    std::vector<std::string> set;
    for (const auto& n : names)
      if (n != "root" && below(2) == 0) set.push_back(n);
    if (below(10) == 0) set = {"root"};
    const auto got = cached.acl(txn, set, now);
    const Policies fresh;
    const auto want = fresh.acl(txn, set, now);
    ASSERT_TRUE(got && want);
    ASSERT_EQ((*got)->is_root(), (*want)->is_root());
    for (const auto& path : paths) {
      const auto ours = (*got)->capabilities(path);
      ASSERT_EQ(ours, (*want)->capabilities(path))
          << "seed " << seed << ", step " << step << ", path " << path;
      changed += ours != std::vector<std::string>{"deny"} ? 1 : 0;
    }
  }
  EXPECT_GT(changed, 500u);
}

}  // namespace
}  // namespace strongroom::identity
