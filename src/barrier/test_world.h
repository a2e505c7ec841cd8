// For the barrier's tests: dice with a seed, a seal with a fixed key, and a memory store that a barrier seals
// for.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "barrier/barrier.h"
#include "base/bytes.h"
#include "crypto/xaes.h"
#include "store/memory_store.h"
#include "store/tables.h"

namespace strongroom::barrier {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }
  void fill(std::span<std::byte> out) noexcept override {
    for (std::byte& b : out) b = static_cast<std::byte>(next());
  }

 private:
  std::uint64_t state_;
};

class FixedSeal final : public Seal {
 public:
  explicit FixedSeal(unsigned char key) : byte_(key), cipher_(Bytes(32, static_cast<std::byte>(key))) {}
  std::unique_ptr<Seal> another() const override { return std::make_unique<FixedSeal>(byte_); }
  Opening opening() const noexcept override { return Opening::unattended; }
  SealConfig config() const override { return {"fixed", 0, 0}; }
  Result<std::vector<Secret>> deal(const SealConfig&) override { return std::vector<Secret>{}; }
  Status expect(const SealConfig&) override { return {}; }
  Result<Progress> add_share(const Secret&) override { return fail(Code::unsupported, "no shares"); }
  Progress progress() const override { return {}; }
  void reset() noexcept override {}
  Result<std::string> wrap(const Secret& root) override {
    std::string out(root.size() + crypto::Xaes::kTag, '\0');
    cipher_.seal(nonce(), View{}, root.reveal(Reveal::to_cipher), std::as_writable_bytes(std::span(out)));
    return out;
  }
  Result<Secret> unwrap(std::string_view wrapped) override {
    Bytes out(wrapped.size() - crypto::Xaes::kTag);
    if (!cipher_.open(nonce(), View{}, as_view(wrapped), out))
      return fail(Code::invalid_argument, "wrong key");
    return Secret::copy_of(View(out));
  }

 private:
  static crypto::Xaes::Nonce nonce() {
    static const Bytes zero(24);
    return crypto::Xaes::Nonce(zero.data(), 24);
  }
  unsigned char byte_;
  crypto::Xaes cipher_;
};

struct Step {  // one transaction
  std::vector<store::Put> puts;
  std::vector<store::LateEdit> edits;
  std::string record;

  Step& put(std::string key, std::string_view value) {
    puts.push_back({std::move(key), SecretText(value)});
    return *this;
  }
  Step& erase(std::string key) {
    puts.push_back({std::move(key), std::nullopt});
    return *this;
  }
  Step& link(std::uint32_t mount, std::uint8_t space, std::string_view path) {
    edits.push_back({store::LateEdit::Op::link, mount, space, SecretText(path)});
    return *this;
  }
  Step& unlink(std::uint32_t mount, std::uint8_t space, std::string_view path) {
    edits.push_back({store::LateEdit::Op::unlink, mount, space, SecretText(path)});
    return *this;
  }
};

class World {
 public:
  static constexpr std::uint32_t kMount = 256;
  SeededRandom random;
  FixedSeal seal{1};
  store::MemoryStore store;
  Barrier barrier;
  std::string mount_keys;

  explicit World(std::uint64_t dice = 7) : random(dice), barrier(random) {
    epoch_ = *store.lead();
    auto founding = barrier.found(seal);
    EXPECT_TRUE(founding);
    raw(std::move(founding->writes));
    EXPECT_TRUE(barrier.unseal(*snapshot(), seal));
    mount_keys = *barrier.new_mount_keys(kMount);
    EXPECT_TRUE(barrier.open_mount(kMount, mount_keys));
  }

  std::unique_ptr<store::Snapshot> snapshot() { return *store.snapshot(); }
  store::Revision revision() { return snapshot()->revision(); }

  // Writes that bypass the barrier: a founding, or an attacker.
  void raw(std::vector<store::Write> writes) {
    const store::Revision now = revision();
    store::Group g;
    g.first = now + 1;
    g.last = now;
    g.writes = std::move(writes);
    ASSERT_TRUE(store.apply(g, epoch_));
  }
  std::string stored(std::string_view key) {
    const auto s = snapshot();
    return std::string(**s->get(key));
  }
  std::vector<std::string> keys_of(std::uint32_t table) {
    std::vector<std::string> out;
    const std::string first = store::table_key(table);
    EXPECT_TRUE(
        snapshot()->scan(first, store::after_prefix(first), [&](std::string_view k, std::string_view) {
          out.emplace_back(k);
          return true;
        }));
    return out;
  }

  // One group.
  Status commit(const std::vector<Step>& steps) {
    store::Group g;
    const auto before = snapshot();
    g.first = before->revision() + 1;
    g.last = before->revision() + steps.size();
    std::vector<store::Draft> drafts;
    for (std::size_t i = 0; i < steps.size(); ++i)
      drafts.push_back({g.first + i, steps[i].puts, steps[i].edits, steps[i].record});
    if (auto s = barrier.seal(*before, drafts, g.writes); !s) {
      barrier.settled(store::Sealer::Fate::dropped);
      return s;
    }
    const Status applied = store.apply(g, epoch_);
    barrier.settled(applied ? store::Sealer::Fate::applied : store::Sealer::Fate::dropped);
    return applied;
  }
  Status commit(Step step) {
    std::vector<Step> steps;
    steps.push_back(std::move(step));
    return commit(steps);
  }

  Result<std::string> read(std::string_view key) {
    const auto s = snapshot();
    auto stored = s->get(key);
    if (!stored) return std::unexpected(std::move(stored).error());
    if (!*stored) return fail(Code::not_found, "absent");
    auto plain = barrier.open(key, **stored);
    if (!plain) return std::unexpected(std::move(plain).error());
    return std::string(view(*plain));
  }
  std::vector<std::string> findings() {
    std::vector<std::string> out;
    EXPECT_TRUE(barrier.verify(*snapshot(), out));
    return out;
  }
  std::vector<std::string> list(std::string_view dir, std::string_view after = {},
                                std::size_t most = 1'000'000, std::uint8_t space = 0) {
    auto page = barrier.list(*snapshot(), kMount, space, dir, after, most);
    EXPECT_TRUE(page);
    std::vector<std::string> out;
    for (const auto& n : page->names) out.emplace_back(view(n));
    return out;
  }
  std::string node(std::string_view path, std::uint8_t space = 0) {
    return barrier.node(kMount, space, path)->bytes;
  }

 private:
  std::uint64_t epoch_ = 0;
};

inline std::string policy_key(std::string_view name) {
  return store::table_key(store::Table::policy) + std::string(name);
}

}  // namespace strongroom::barrier
