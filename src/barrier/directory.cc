#include "barrier/directory.h"

#include "base/bytes.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {
constexpr std::size_t kMostDepth = 12;  // a deeper tree is a damaged one

std::unexpected<Error> damaged(std::string_view prefix) {
  return fail(Code::corrupt, "a directory index is damaged", "directory " + to_hex(as_view(prefix)));
}

Result<Chunk> open_chunk(const Keys& keys, std::string_view key, std::string_view stored) {
  auto plain = keys.open(key, stored);
  if (!plain) return std::unexpected(std::move(plain).error());
  return Chunk::parse(*std::move(plain));
}

struct Reader {
  const Keys& keys;
  const store::Snapshot& snapshot;
  std::string_view prefix;
  std::size_t most;
  NamePage page;

  Status walk(std::uint32_t id, std::string_view after, std::size_t depth) {
    const std::string key = chunk_key(prefix, id);
    auto stored = snapshot.get(key);
    if (!stored) return std::unexpected(std::move(stored).error());
    if (!*stored) return id == 0 ? Status{} : damaged(prefix);
    if (depth > kMostDepth) return damaged(prefix);
    auto chunk = open_chunk(keys, key, **stored);
    if (!chunk) return std::unexpected(std::move(chunk).error());
    const Chunk& c = *chunk;
    if (c.kind() == Chunk::Kind::leaf) {
      std::size_t i = c.lower_bound(after);
      if (i < c.count() && c.name(i) == after) ++i;
      for (; i < c.count(); ++i) {
        if (page.names.size() == most) {
          page.more = true;
          return {};
        }
        page.names.emplace_back(c.name(i));
      }
      return {};
    }
    for (std::size_t i = c.child_for(after); i < c.count() && !page.more; ++i)
      SR_TRY(walk(c.child(i), after, depth + 1));
    return {};
  }
};
}  // namespace

Result<std::string> directory_prefix(const Keys& keys, std::uint32_t mount, std::uint8_t space,
                                     std::string_view dir) {
  auto hash = keys.directory(mount, space, dir);
  if (!hash) return std::unexpected(std::move(hash).error());
  std::string out;
  out.reserve(28);
  put_u32(out, static_cast<std::uint32_t>(store::Table::directory));
  put_u32(out, mount);
  return out + *hash;
}

std::string chunk_key(std::string_view prefix, std::uint32_t id) {
  std::string k;
  k.reserve(prefix.size() + 4);
  k = prefix;
  put_u32(k, id);
  return k;
}

Result<NamePage> list_names(const Keys& keys, const store::Snapshot& snapshot, std::string_view prefix,
                            std::string_view after, std::size_t most) {
  Reader reader{keys, snapshot, prefix, most, {}};
  SR_TRY(reader.walk(0, after, 0));
  return std::move(reader.page);
}

Status DirectoryEdits::apply(const store::LateEdit& edit, store::Revision revision) {
  std::string_view path = view(edit.path);
  // A name enters or leaves its directory; the directory's own name follows in the one above when it became
  // the first or was the last.
  while (!path.empty()) {
    const std::size_t slash = path.size() < 2 ? std::string_view::npos : path.rfind('/', path.size() - 2);
    const std::string_view dir =
        slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash + 1);
    const std::string_view name = path.substr(dir.size());
    if (name.size() > 0xffff) return fail(Code::internal, "a name in a directory edit is too long");
    auto prefix = directory_prefix(keys_, edit.mount, edit.space, dir);
    if (!prefix) return std::unexpected(std::move(prefix).error());
    const Tree tree{*std::move(prefix), revision};
    auto effect = edit.op == store::LateEdit::Op::link ? insert(tree, name) : erase(tree, name);
    if (!effect) return std::unexpected(std::move(effect).error());
    if (*effect != Effect::first && *effect != Effect::last) break;
    path = dir;
  }
  return {};
}

std::vector<DirectoryEdits::Changed> DirectoryEdits::changed() const {
  std::vector<Changed> out;
  for (const auto& [key, slot] : slots_) {
    if (!slot.dirty) continue;
    Changed c{key, slot.revision, std::nullopt, slot.before};
    if (!slot.chunk && !slot.before) continue;  // came and went within the group
    if (slot.chunk) c.plain = slot.chunk->stored();
    out.push_back(c);
  }
  return out;
}

Result<DirectoryEdits::Slot*> DirectoryEdits::load(const Tree& tree, std::uint32_t id) {
  auto [at, fresh] = slots_.try_emplace(chunk_key(tree.prefix, id));
  Slot& slot = at->second;
  if (!fresh) return &slot;
  auto stored = before_.get(at->first);
  if (!stored) return std::unexpected(std::move(stored).error());
  slot.before = *stored;
  if (!slot.before) return &slot;
  auto chunk = open_chunk(keys_, at->first, *slot.before);
  if (!chunk) return std::unexpected(std::move(chunk).error());
  slot.chunk = *std::move(chunk);
  return &slot;
}

void DirectoryEdits::touch(const Tree& tree, Slot& slot) {
  slot.dirty = true;
  slot.revision = tree.revision;
}

Result<std::vector<DirectoryEdits::Step>> DirectoryEdits::descend(const Tree& tree, std::string_view name) {
  std::vector<Step> way;
  way.reserve(4);
  std::uint32_t id = 0;
  while (true) {
    auto slot = load(tree, id);
    if (!slot) return std::unexpected(std::move(slot).error());
    if (!(*slot)->chunk) {
      if (id != 0) return damaged(tree.prefix);
      return way;
    }
    const Chunk& c = *(*slot)->chunk;
    way.push_back({id, *slot, 0});
    if (c.kind() == Chunk::Kind::leaf) return way;
    if (way.size() > kMostDepth) return damaged(tree.prefix);
    way.back().entry = c.child_for(name);
    id = c.child(way.back().entry);
  }
}

Result<DirectoryEdits::Effect> DirectoryEdits::insert(const Tree& tree, std::string_view name) {
  auto found = descend(tree, name);
  if (!found) return std::unexpected(std::move(found).error());
  std::vector<Step>& way = *found;
  if (way.empty()) {
    auto root = load(tree, 0);
    if (!root) return std::unexpected(std::move(root).error());
    (*root)->chunk.emplace(Chunk::Kind::leaf);
    (*root)->chunk->set_next_id(1);
    (*root)->chunk->insert(0, name, 0);
    touch(tree, **root);
    return Effect::first;
  }
  Chunk& leaf = *way.back().slot->chunk;
  const std::size_t i = leaf.lower_bound(name);
  if (i < leaf.count() && leaf.name(i) == name) return Effect::none;
  leaf.insert(i, name, 0);
  way.back().entry = i;
  touch(tree, *way.back().slot);
  if (leaf.too_large()) SR_TRY(split_upwards(tree, way));
  return Effect::changed;
}

// The last step's chunk is too large; its `entry` is the one that made it so.
Status DirectoryEdits::split_upwards(const Tree& tree, std::vector<Step>& way) {
  Slot& root = *way.front().slot;
  const auto new_id = [&] {
    const std::uint32_t id = root.chunk->next_id();
    root.chunk->set_next_id(id + 1);
    touch(tree, root);
    return id;
  };
  while (way.back().slot->chunk->too_large()) {
    if (way.size() == 1) {
      // The root keeps its id: what it held moves one level down.
      const std::uint32_t id = new_id();
      SR_LET(Slot * lower, load(tree, id));
      Chunk top(Chunk::Kind::inner);
      top.set_next_id(root.chunk->next_id());
      top.insert(0, {}, id);
      lower->chunk = std::exchange(*root.chunk, std::move(top));
      lower->chunk->set_next_id(0);
      touch(tree, *lower);
      way.push_back({id, lower, way.front().entry});
      way.front().entry = 0;
    }
    Step& full = way.back();
    Step& parent = way[way.size() - 2];
    Chunk& left = *full.slot->chunk;
    // Names that arrive in order fill their chunks.
    const std::size_t at = full.entry + 1 == left.count() ? left.count() - 1 : left.count() / 2;
    const std::uint32_t id = new_id();
    SR_LET(Slot * right, load(tree, id));
    right->chunk = left.split(at);
    touch(tree, *right);
    touch(tree, *full.slot);
    parent.slot->chunk->insert(parent.entry + 1, right->chunk->name(0), id);
    parent.entry += 1;
    touch(tree, *parent.slot);
    way.pop_back();
  }
  return {};
}

Result<DirectoryEdits::Effect> DirectoryEdits::erase(const Tree& tree, std::string_view name) {
  auto found = descend(tree, name);
  if (!found) return std::unexpected(std::move(found).error());
  std::vector<Step>& way = *found;
  if (way.empty()) return Effect::none;
  Chunk& leaf = *way.back().slot->chunk;
  const std::size_t i = leaf.lower_bound(name);
  if (i == leaf.count() || leaf.name(i) != name) return Effect::none;
  leaf.erase(i);
  touch(tree, *way.back().slot);
  SR_TRY(shrink_upwards(tree, way));
  return way.front().slot->chunk ? Effect::changed : Effect::last;
}

Status DirectoryEdits::shrink_upwards(const Tree& tree, std::vector<Step>& way) {
  for (; way.size() > 1; way.pop_back()) {
    Slot& slot = *way.back().slot;
    Step& parent = way[way.size() - 2];
    if (slot.chunk->count() == 0) {
      slot.chunk.reset();
      parent.slot->chunk->erase(parent.entry);
      touch(tree, *parent.slot);
      continue;
    }
    if (!slot.chunk->small()) break;
    auto joined = join_neighbour(tree, parent, slot);
    if (!joined) return std::unexpected(std::move(joined).error());
    if (!*joined) break;
  }
  return lower_root(tree, *way.front().slot);
}

Result<bool> DirectoryEdits::join_neighbour(const Tree& tree, Step& parent, Slot& slot) {
  Chunk& above = *parent.slot->chunk;
  const auto absorb = [&](Slot& left, Slot& right, std::size_t right_entry) {
    if (left.chunk->kind() != right.chunk->kind() || !left.chunk->can_join(*right.chunk)) return false;
    // The first separator of an inner chunk may be lower than its bound above, or empty.
    if (right.chunk->kind() == Chunk::Kind::inner) right.chunk->rename(0, above.name(right_entry));
    left.chunk->join(*right.chunk);
    right.chunk.reset();
    above.erase(right_entry);
    touch(tree, left);
    touch(tree, right);
    touch(tree, *parent.slot);
    return true;
  };
  if (parent.entry + 1 < above.count()) {
    SR_LET(Slot * right, load(tree, above.child(parent.entry + 1)));
    if (!right->chunk) return damaged(tree.prefix);
    if (absorb(slot, *right, parent.entry + 1)) return true;
  }
  if (parent.entry > 0) {
    SR_LET(Slot * left, load(tree, above.child(parent.entry - 1)));
    if (!left->chunk) return damaged(tree.prefix);
    if (absorb(*left, slot, parent.entry)) return true;
  }
  return false;
}

Status DirectoryEdits::lower_root(const Tree& tree, Slot& root) {
  while (root.chunk && root.chunk->kind() == Chunk::Kind::inner && root.chunk->count() == 1) {
    SR_LET(Slot * only, load(tree, root.chunk->child(0)));
    if (!only->chunk) return damaged(tree.prefix);
    only->chunk->set_next_id(root.chunk->next_id());
    root.chunk = std::move(only->chunk);
    only->chunk.reset();
    touch(tree, *only);
    touch(tree, root);
  }
  if (root.chunk && root.chunk->count() == 0) {
    root.chunk.reset();
    touch(tree, root);
  }
  return {};
}

}  // namespace strongroom::barrier
