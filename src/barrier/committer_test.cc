// The barrier as the committer's sealer.
#include "store/committer.h"

#include <set>
#include <thread>

#include "barrier/test_world.h"
#include "base/log.h"

namespace strongroom::barrier {
namespace {

class Deaf final : public store::CommitListener {
 public:
  void committed(std::span<const store::Draft>) noexcept override {}
};

TEST(Directory, ManyWritersOfOneFolderLoseNoNameAndNeverConflict) {
  World w;
  Deaf deaf;
  NoLog log;
  store::Committer committer(w.store, w.barrier, deaf, log, {});
  constexpr int kWriters = 8;
  constexpr int kRounds = 200;
  std::array<std::set<std::string>, kWriters> kept;
  std::atomic<int> failures{0};
  std::vector<std::thread> writers;
  for (int t = 0; t < kWriters; ++t)
    writers.emplace_back([&, t] {
      SeededRandom dice(static_cast<std::uint64_t>(t) + 1);
      for (int i = 0; i < kRounds; ++i) {
        const std::string path = fmt::format("shared/folder/{}-{}", dice.below(20), t);
        store::Transaction txn;
        const bool add = dice.below(2) == 0;
        std::string node = w.node(path);
        txn.puts.push_back({node, add ? std::optional<SecretText>(SecretText("v")) : std::nullopt});
        txn.edits.push_back({add ? store::LateEdit::Op::link : store::LateEdit::Op::unlink, World::kMount, 0,
                             SecretText(path)});
        txn.record = "record";
        if (!committer.commit(std::move(txn))) ++failures;
        const std::string name = path.substr(path.rfind('/') + 1);
        if (add)
          kept[static_cast<std::size_t>(t)].insert(name);
        else
          kept[static_cast<std::size_t>(t)].erase(name);
      }
    });
  for (auto& t : writers) t.join();
  EXPECT_EQ(failures, 0);
  std::set<std::string> want;
  for (const auto& k : kept) want.insert(k.begin(), k.end());
  EXPECT_EQ(w.list("shared/folder/"), std::vector<std::string>(want.begin(), want.end()));
  EXPECT_EQ(w.findings(), std::vector<std::string>{});
  EXPECT_EQ(w.keys_of(static_cast<std::uint32_t>(store::Table::outbox)).size(),
            static_cast<std::size_t>(kWriters * kRounds));
}

}  // namespace
}  // namespace strongroom::barrier
