// The ordered index of names that makes listing cheap: each directory is a B+tree of encrypted chunks
// (docs/formats/barrier.md). DirectoryEdits applies the late edits of one group; list_names reads a page.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "barrier/chunk.h"
#include "barrier/keys.h"
#include "store/sealer.h"
#include "store/store.h"

namespace strongroom::barrier {

// A directory's chunks have keys of this prefix and a chunk id.
Result<std::string> directory_prefix(const Keys&, std::uint32_t mount, std::uint8_t space,
                                     std::string_view dir);
std::string chunk_key(std::string_view prefix, std::uint32_t id);

// Names above `after`, at most `most`; more says whether another follows.
struct NamePage {
  std::vector<SecretText> names;
  bool more = false;
};
Result<NamePage> list_names(const Keys&, const store::Snapshot&, std::string_view prefix,
                            std::string_view after, std::size_t most);

// Edits of one group over one state of the store. Each touched chunk is decoded once and encrypted once.
// One thread; dies before the keys and the snapshot.
class DirectoryEdits {
 public:
  DirectoryEdits(const Keys& keys, const store::Snapshot& before) : keys_(keys), before_(before) {}
  DirectoryEdits(const DirectoryEdits&) = delete;
  DirectoryEdits& operator=(const DirectoryEdits&) = delete;

  Status apply(const store::LateEdit&, store::Revision);

  struct Changed {
    std::string_view key;
    store::Revision revision = 0;
    std::optional<std::string_view> plain;   // empty: erase
    std::optional<std::string_view> before;  // as stored; lives as long as the snapshot
  };
  std::vector<Changed> changed() const;

 private:
  struct Slot {
    std::optional<Chunk> chunk;              // empty: not there
    std::optional<std::string_view> before;  // as stored
    bool dirty = false;
    store::Revision revision = 0;
  };
  // One step of the way down from the root.
  struct Step {
    std::uint32_t id = 0;
    Slot* slot = nullptr;
    std::size_t entry = 0;  // of the child taken
  };
  struct Tree {
    std::string prefix;
    store::Revision revision = 0;
  };
  enum class Effect : std::uint8_t {
    none,
    changed,
    first,
    last
  };  // first name of a directory, last one gone

  Result<Slot*> load(const Tree&, std::uint32_t id);
  Result<std::vector<Step>> descend(const Tree&, std::string_view name);
  void touch(const Tree&, Slot&);
  Result<Effect> insert(const Tree&, std::string_view name);
  Status split_upwards(const Tree&, std::vector<Step>& way);
  Result<Effect> erase(const Tree&, std::string_view name);
  Status shrink_upwards(const Tree&, std::vector<Step>& way);
  Result<bool> join_neighbour(const Tree&, Step& parent, Slot& slot);
  Status lower_root(const Tree&, Slot& root);

  const Keys& keys_;
  const store::Snapshot& before_;
  std::unordered_map<std::string, Slot> slots_;  // by chunk key; addresses are stable
};

}  // namespace strongroom::barrier
