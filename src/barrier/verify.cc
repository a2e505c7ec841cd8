// Barrier::verify: opens everything, counts everything, follows every name.
#include <map>

#include "barrier/barrier.h"
#include "barrier/directory.h"
#include "barrier/group_sealer.h"
#include "barrier/keys.h"
#include "barrier/set_hash.h"
#include "base/bytes.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {
constexpr std::size_t kMostFindings = 1000;
constexpr std::size_t kMostDepth = 12;

class Verification {
 public:
  Verification(const Keys& keys, const store::Snapshot& snapshot, std::vector<std::string>& findings)
      : keys_(keys), snapshot_(snapshot), findings_(findings) {}

  Status run() {
    SR_TRY(records());
    set_hash();
    for (const std::uint32_t mount : keys_.open_mounts()) SR_TRY(directories(mount));
    return {};
  }

 private:
  void found(std::string what) {
    if (findings_.size() < kMostFindings) findings_.push_back(std::move(what));
  }
  static std::string place(std::string_view key) {
    return "table " + std::to_string(get_be(key.substr(0, 4))) + ", key " + to_hex(as_view(key));
  }

  Status records() {
    SR_TRY(snapshot_.scan({}, std::string(512, '\xff'), [&](std::string_view key, std::string_view stored) {
      record(key, stored);
      return true;
    }));
    for (const auto& [mount, n] : closed_)
      found("mount " + std::to_string(mount) + ": its keys are not open, " + std::to_string(n) +
            " records were counted but not opened");
    return {};
  }

  void record(std::string_view key, std::string_view stored) {
    if (key.size() < 4) return found("a key is shorter than a table number: " + to_hex(as_view(key)));
    const auto table = static_cast<store::Table>(get_be(key.substr(0, 4)));
    if (self_protected(key)) return;
    std::uint32_t mount = static_cast<std::uint32_t>(table);
    if (table == store::Table::directory && key.size() == 28) {
      mount = static_cast<std::uint32_t>(get_be(key.substr(4, 4)));
      ++chunks_[mount];
    }
    if (counted(key)) {
      auto e = element(keys_, key, stored);
      if (!e) return found("record is too short: " + place(key));
      recount_.add(*e);
    }
    if (mount >= store::kFirstMount && !keys_.mount_is_open(mount)) {
      ++closed_[mount];
      return;
    }
    if (auto plain = keys_.open(key, stored); !plain)
      found("record does not verify: " + place(key));
    else if (table == store::Table::outbox && get_be(key.substr(4)) != get_be(stored.substr(5, 8)))
      found("outbox record is not of its revision: " + place(key));
  }

  void set_hash() {
    const auto stored = read_set_hash(keys_, snapshot_);
    if (!stored) return found("the set hash is missing or does not verify: " + place(set_hash_key()));
    if (stored->count != recount_.count)
      found("the store holds " + std::to_string(recount_.count) + " records, its set hash counted " +
            std::to_string(stored->count));
    else if (!stored->same_set(recount_))
      found("the set hash does not match: a record was replaced by another one that verifies");
    if (stored->keyring_generation > keys_.keyring().generation) found("the keyring is older than the store");
  }

  Status directories(std::uint32_t mount) {
    walked_ = 0;
    nameless_ = 0;
    for (unsigned space = 0; space < 256; ++space) {
      const auto s = static_cast<std::uint8_t>(space);
      auto prefix = directory_prefix(keys_, mount, s, {});
      if (!prefix) return std::unexpected(std::move(prefix).error());
      auto root = snapshot_.get(chunk_key(*prefix, 0));
      if (!root) return std::unexpected(std::move(root).error());
      if (*root) SR_TRY(directory(mount, s, {}));
    }
    const std::string where = "directory index of mount " + std::to_string(mount) + ": ";
    if (walked_ != chunks_[mount])
      found(where + std::to_string(chunks_[mount]) + " chunks are stored, " + std::to_string(walked_) +
            " can be reached");
    if (nameless_ != 0) found(where + std::to_string(nameless_) + " names have no record");
    return {};
  }

  // Paths are plaintext: they stay in wiped memory and out of the findings.
  Status directory(std::uint32_t mount, std::uint8_t space, std::string_view dir) {
    auto prefix = directory_prefix(keys_, mount, space, dir);
    if (!prefix) return std::unexpected(std::move(prefix).error());
    std::vector<SecretText> folders;
    SR_TRY(chunk(mount, space, dir, *prefix, 0, 0, folders));
    for (const SecretText& f : folders) {
      SecretText below(dir);
      below += f;
      SR_TRY(directory(mount, space, view(below)));
    }
    return {};
  }

  Status chunk(std::uint32_t mount, std::uint8_t space, std::string_view dir, std::string_view prefix,
               std::uint32_t id, std::size_t depth, std::vector<SecretText>& folders) {
    const std::string key = chunk_key(prefix, id);
    auto stored = snapshot_.get(key);
    if (!stored) return std::unexpected(std::move(stored).error());
    if (!*stored) {
      found("directory chunk is missing: " + place(key));
      return {};
    }
    ++walked_;
    auto plain = keys_.open(key, **stored);
    if (!plain) return {};  // found by the scan
    auto parsed = Chunk::parse(*std::move(plain));
    if (!parsed || !parsed->sorted() || depth > kMostDepth) {
      found("directory chunk is malformed: " + place(key));
      return {};
    }
    for (std::size_t i = 0; i < parsed->count(); ++i) {
      if (parsed->kind() == Chunk::Kind::inner) {
        SR_TRY(chunk(mount, space, dir, prefix, parsed->child(i), depth + 1, folders));
      } else if (parsed->name(i).ends_with('/')) {
        folders.emplace_back(parsed->name(i));
      } else {
        SR_TRY(leaf(mount, space, dir, parsed->name(i)));
      }
    }
    return {};
  }

  Status leaf(std::uint32_t mount, std::uint8_t space, std::string_view dir, std::string_view name) {
    auto names = keys_.names(mount, space, dir, name);
    if (!names) return std::unexpected(std::move(names).error());
    std::string node;
    put_u32(node, mount);
    node += names->directory;
    node += names->name;
    bool any = false;
    SR_TRY(snapshot_.scan(node, store::after_prefix(node), [&](std::string_view, std::string_view) {
      any = true;
      return false;
    }));
    if (!any) ++nameless_;
    return {};
  }

  const Keys& keys_;
  const store::Snapshot& snapshot_;
  std::vector<std::string>& findings_;
  SetHash recount_;
  std::map<std::uint32_t, std::uint64_t> chunks_;  // stored, by mount
  std::map<std::uint32_t, std::uint64_t> closed_;
  std::uint64_t walked_ = 0;
  std::uint64_t nameless_ = 0;
};
}  // namespace

Status Barrier::verify(const store::Snapshot& snapshot, std::vector<std::string>& findings) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  return Verification(**k, snapshot, findings).run();
}

}  // namespace strongroom::barrier
