// A storage in memory for tests: puts are seen at once, listings after commit(), rollback() undoes the rest.
// Test code only.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/storage.h"

namespace strongroom::secret {

class FakeStorage final : public engine::Storage {
 public:
  using Records = std::map<std::string, SecretText, std::less<>>;  // suffix -> value

  Result<engine::Node> node(std::uint8_t space, std::string_view path) const override {
    return engine::Node{std::string(1, static_cast<char>(space)) + std::string(path), std::string(path),
                        space};
  }
  Result<std::optional<SecretText>> get(const engine::Node& n, std::string_view suffix) override {
    ++gets;
    const auto at = nodes_.find(n.key);
    if (at == nodes_.end()) return std::nullopt;
    const auto record = at->second.find(suffix);
    if (record == at->second.end()) return std::nullopt;
    return record->second;
  }
  void put(const engine::Node& n, std::string_view suffix, SecretText value) override {
    ++puts;
    auto& slot = nodes_[n.key];
    remember(n.key, suffix);
    slot.insert_or_assign(std::string(suffix), std::move(value));
  }
  void erase(const engine::Node& n, std::string_view suffix) override {
    ++erases;
    const auto at = nodes_.find(n.key);
    if (at == nodes_.end()) return;
    remember(n.key, suffix);
    if (const auto record = at->second.find(suffix); record != at->second.end()) at->second.erase(record);
    if (at->second.empty()) nodes_.erase(at);
  }
  Status scan(const engine::Node& n, std::string_view first, const Visit& visit) override {
    if (const auto at = nodes_.find(n.key); at != nodes_.end())
      for (auto it = at->second.lower_bound(first); it != at->second.end(); ++it)
        if (!visit(it->first, it->second)) break;
    return {};
  }
  void list_as(const engine::Node& n, Listed listed) override { edits_.emplace_back(n.key, listed); }
  Result<engine::Page> list(std::uint8_t space, std::string_view dir, std::string_view after,
                            std::size_t most) override {
    const auto prefix = std::string(1, static_cast<char>(space)) + std::string(dir);
    std::set<std::string> names;
    for (auto it = listed_.lower_bound(prefix); it != listed_.end() && it->starts_with(prefix); ++it) {
      const auto rest = it->substr(prefix.size());
      if (!rest.empty())
        names.insert(rest.substr(0, rest.find('/') + 1).empty() ? rest : rest.substr(0, rest.find('/') + 1));
    }
    engine::Page page;
    for (auto it = names.upper_bound(std::string(after)); it != names.end(); ++it) {
      if (most != 0 && page.names.size() == most) {
        page.more = true;
        break;
      }
      page.names.emplace_back(it->begin(), it->end());
    }
    return page;
  }

  void commit() {
    for (const auto& [key, listed] : edits_) {
      if (listed == Listed::yes)
        listed_.insert(key);
      else
        listed_.erase(key);
    }
    edits_.clear();
    undo_.clear();
  }
  void rollback() {
    for (auto it = undo_.rbegin(); it != undo_.rend(); ++it) {
      if (it->before)
        nodes_[it->key].insert_or_assign(it->suffix, *std::move(it->before));
      else if (const auto at = nodes_.find(it->key); at != nodes_.end())
        at->second.erase(it->suffix);
    }
    undo_.clear();
    edits_.clear();
  }
  const Records* records(const engine::Node& n) const {
    const auto at = nodes_.find(n.key);
    return at == nodes_.end() ? nullptr : &at->second;
  }
  std::size_t node_count() const { return nodes_.size(); }

  int gets = 0, puts = 0, erases = 0;

 private:
  struct Undo {
    std::string key, suffix;
    std::optional<SecretText> before;
  };
  void remember(const std::string& key, std::string_view suffix) {
    auto& slot = nodes_[key];
    const auto at = slot.find(suffix);
    undo_.push_back(
        {key, std::string(suffix), at == slot.end() ? std::nullopt : std::optional<SecretText>(at->second)});
  }
  std::map<std::string, Records> nodes_;
  std::set<std::string, std::less<>> listed_;
  std::vector<std::pair<std::string, Listed>> edits_;
  std::vector<Undo> undo_;
};

}  // namespace strongroom::secret
