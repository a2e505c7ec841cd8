#include "barrier/barrier.h"

#include "barrier/directory.h"
#include "barrier/format_record.h"
#include "barrier/group_sealer.h"
#include "barrier/keys.h"
#include "base/bytes.h"
#include "crypto/equal.h"
#include "crypto/hkdf.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {

Result<std::optional<FormatRecord>> read_format(const store::Snapshot& snapshot) {
  auto stored = snapshot.get(store::table_key(store::Table::format));
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return std::optional<FormatRecord>{};
  auto record = FormatRecord::decode(**stored);
  if (!record) return std::unexpected(std::move(record).error());
  return std::optional<FormatRecord>(*std::move(record));
}

Result<FormatRecord> must_have_format(const store::Snapshot& snapshot) {
  auto record = read_format(snapshot);
  if (!record) return std::unexpected(std::move(record).error());
  if (!*record) return fail(Code::failed_precondition, "the store is not initialised");
  return **std::move(record);
}

Result<crypto::Key> unwrap_root(Seal& seal, std::string_view wrapped) {
  auto root = seal.unwrap(wrapped);
  if (!root) return std::unexpected(std::move(root).error());
  if (root->size() != crypto::Key::kSize) return fail(Code::invalid_argument, "the seal gave no root key");
  return crypto::Key::copy_of(*root);
}

Result<std::string> format_record(std::string_view store_id, const crypto::Key& root, Seal& seal) {
  auto wrapped = seal.wrap(Secret::copy_of(root.reveal(Reveal::to_cipher)));
  if (!wrapped) return std::unexpected(std::move(wrapped).error());
  return FormatRecord{std::string(store_id), seal.config(), *std::move(wrapped)}.encode();
}

}  // namespace

// A keyring that is to be: what stays of it in memory until the group with its record is applied.
struct Barrier::Staged {
  crypto::Key root;
  Keyring keyring;
  std::string record;
};

Barrier::Barrier(Random& random) : random_(random) {}
Barrier::~Barrier() = default;

Result<std::shared_ptr<const Keys>> Barrier::keys() const {
  const std::scoped_lock lock(mutex_);
  if (!keys_) return fail(Code::sealed, "the server is sealed");
  return keys_;
}

// ---- life

Result<Founding> Barrier::found(Seal& seal) {
  std::string id(16, '\0');
  random_.fill(std::as_writable_bytes(std::span(id)));
  const crypto::Key root = crypto::Key::random(random_);
  const Keys keys(id, root.clone(), Keyring::fresh(random_));
  auto format = format_record(id, root, seal);
  if (!format) return std::unexpected(std::move(format).error());
  SetHash none;
  none.keyring_generation = keys.keyring().generation;
  auto set = keys.seal(set_hash_key(), 0, view(none.encode()), random_);
  if (!set) return std::unexpected(std::move(set).error());
  Founding f;
  f.store_id = id;
  f.writes.push_back({store::table_key(store::Table::format), *std::move(format)});
  f.writes.push_back({store::table_key(store::Table::keyring), keys.keyring().wrap(root, id, random_)});
  f.writes.push_back({set_hash_key(), *std::move(set)});
  return f;
}

Result<std::optional<std::string>> Barrier::store_id(const store::Snapshot& snapshot) {
  auto record = read_format(snapshot);
  if (!record) return std::unexpected(std::move(record).error());
  if (!*record) return std::optional<std::string>{};
  return std::optional<std::string>((*record)->store_id);
}

Result<SealConfig> Barrier::seal_config(const store::Snapshot& snapshot) {
  auto record = must_have_format(snapshot);
  if (!record) return std::unexpected(std::move(record).error());
  return std::move(record->seal);
}

Status Barrier::unseal(const store::Snapshot& snapshot, Seal& seal) {
  auto format = must_have_format(snapshot);
  if (!format) return std::unexpected(std::move(format).error());
  auto root = unwrap_root(seal, format->wrapped_root);
  if (!root) return std::unexpected(std::move(root).error());
  auto stored = snapshot.get(store::table_key(store::Table::keyring));
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return fail(Code::corrupt, "the keyring record is missing");
  auto keyring = Keyring::unwrap(**stored, *root, format->store_id);
  if (!keyring) return std::unexpected(std::move(keyring).error());
  auto keys = std::make_shared<const Keys>(format->store_id, *std::move(root), *std::move(keyring));
  auto set = read_set_hash(*keys, snapshot);
  if (!set) return std::unexpected(std::move(set).error());
  if (set->keyring_generation > keys->keyring().generation)
    return fail(Code::corrupt, "the keyring record is older than the store");
  // A store of an earlier version gets its new keys with the first group: none is used before that.
  std::optional<std::string> pending;
  if (auto more = keys->keyring().completed(random_)) {
    pending = more->wrap(keys->root(), keys->store_id(), random_);
    keys = Keys::with_keyring(*keys, *std::move(more));
  }
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(keys);
  pending_keyring_ = std::move(pending);
  keyring_in_group_ = false;
  staged_.reset();
  staged_in_group_ = false;
  encryptions_ = 0;
  return {};
}

Status Barrier::authorise(const store::Snapshot& snapshot, Seal& seal) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  auto format = must_have_format(snapshot);
  if (!format) return std::unexpected(std::move(format).error());
  auto root = unwrap_root(seal, format->wrapped_root);
  if (!root) return std::unexpected(std::move(root).error());
  if (!crypto::equal(root->reveal(Reveal::to_cipher), (*k)->root().reveal(Reveal::to_cipher)))
    return fail(Code::invalid_argument, "these keys are not the keys of this store");
  return {};
}

Result<store::Write> Barrier::reseal(Seal& seal) {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  auto format = format_record((*k)->store_id(), (*k)->root(), seal);
  if (!format) return std::unexpected(std::move(format).error());
  return store::Write{store::table_key(store::Table::format), *std::move(format)};
}

Result<std::vector<store::Write>> Barrier::rotate() {
  const std::scoped_lock lock(mutex_);
  if (!keys_) return fail(Code::sealed, "the server is sealed");
  Keyring keyring = keys_->keyring().clone();
  keyring.generation += 1;
  keyring.terms.push_back({keyring.terms.back().number + 1, crypto::Key::random(random_)});
  std::string record = keyring.wrap(keys_->root(), keys_->store_id(), random_);
  keys_ = Keys::with_keyring(*keys_, std::move(keyring));
  pending_keyring_ = record;
  keyring_in_group_ = false;
  staged_.reset();
  encryptions_ = 0;
  std::vector<store::Write> writes;
  writes.push_back({store::table_key(store::Table::keyring), std::move(record)});
  return writes;
}

Result<bool> Barrier::outdated(const store::Snapshot& snapshot, const Seal& seal) {
  auto format = must_have_format(snapshot);
  if (!format) return std::unexpected(std::move(format).error());
  return seal.outdated(format->wrapped_root);
}

Result<std::vector<store::Write>> Barrier::stage_term() {
  const std::scoped_lock lock(mutex_);
  if (!keys_) return fail(Code::sealed, "the server is sealed");
  auto next = std::make_unique<Staged>();
  next->root = keys_->root().clone();
  next->keyring = keys_->keyring().clone();
  next->keyring.generation += 1;
  next->keyring.terms.push_back({next->keyring.terms.back().number + 1, crypto::Key::random(random_)});
  next->record = next->keyring.wrap(next->root, keys_->store_id(), random_);
  staged_ = std::move(next);
  std::vector<store::Write> writes;
  writes.push_back({store::table_key(store::Table::keyring), staged_->record});
  return writes;
}

Result<std::vector<store::Write>> Barrier::stage_root(Seal& seal) {
  const std::scoped_lock lock(mutex_);
  if (!keys_) return fail(Code::sealed, "the server is sealed");
  auto next = std::make_unique<Staged>();
  next->root = crypto::Key::random(random_);
  next->keyring = keys_->keyring().clone();
  next->keyring.generation += 1;
  next->record = next->keyring.wrap(next->root, keys_->store_id(), random_);
  auto format = format_record(keys_->store_id(), next->root, seal);
  if (!format) return std::unexpected(std::move(format).error());
  staged_ = std::move(next);
  std::vector<store::Write> writes;
  writes.push_back({store::table_key(store::Table::format), *std::move(format)});
  writes.push_back({store::table_key(store::Table::keyring), staged_->record});
  return writes;
}

void Barrier::seal_keys() noexcept {
  std::shared_ptr<const Keys> dying;  // destroyed outside the lock
  const std::scoped_lock lock(mutex_);
  staged_.reset();
  staged_in_group_ = false;
  dying.swap(keys_);
  pending_keyring_.reset();
  keyring_in_group_ = false;
}

bool Barrier::sealed() const noexcept {
  const std::scoped_lock lock(mutex_);
  return keys_ == nullptr;
}

std::uint32_t Barrier::term() const noexcept {
  const std::scoped_lock lock(mutex_);
  return keys_ ? keys_->term() : 0;
}

// ---- mounts

Result<std::string> Barrier::new_mount_keys(std::uint32_t mount) {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  return (*k)->new_mount(mount, random_);
}

// Under the lock, so that no keyring takes over between the two and misses the mount.
Status Barrier::open_mount(std::uint32_t mount, std::string_view wrapped) {
  const std::scoped_lock lock(mutex_);
  if (!keys_) return fail(Code::sealed, "the server is sealed");
  return keys_->open_mount(mount, wrapped);
}

void Barrier::close_mount(std::uint32_t mount) noexcept {
  const std::scoped_lock lock(mutex_);
  if (keys_) keys_->close_mount(mount);
}

Result<std::string> Barrier::rewrap_mount_keys(std::uint32_t mount) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  return (*k)->rewrap_mount(mount, random_);
}

// ---- names and directories

Result<NodeKey> Barrier::node(std::uint32_t mount, std::uint8_t space, std::string_view path) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  const std::size_t name = path.rfind('/') + 1;  // 0 without a slash
  auto names = (*k)->names(mount, space, path.substr(0, name), path.substr(name));
  if (!names) return std::unexpected(std::move(names).error());
  NodeKey n;
  n.bytes.reserve(36);
  put_u32(n.bytes, mount);
  n.bytes += names->directory;
  n.bytes += names->name;
  return n;
}

Result<Listing> Barrier::list(const store::Snapshot& snapshot, std::uint32_t mount, std::uint8_t space,
                              std::string_view dir, std::string_view after, std::size_t most) const {
  if (!dir.empty() && !dir.ends_with('/'))
    return fail(Code::invalid_argument, "a directory must end in a slash");
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  auto prefix = directory_prefix(**k, mount, space, dir);
  if (!prefix) return std::unexpected(std::move(prefix).error());
  auto page = list_names(**k, snapshot, *prefix, after, most);
  if (!page) return std::unexpected(std::move(page).error());
  return Listing{std::move(page->names), page->more};
}

// ---- keys for others

Result<Secret> Barrier::purpose_key(Purpose purpose) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  return (*k)->named(static_cast<std::uint8_t>(purpose));
}

Result<Secret> Barrier::audit_segment_key(std::uint64_t segment) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  auto root = (*k)->named(kAuditSegmentsKey);
  if (!root) return std::unexpected(std::move(root).error());
  std::string use = "audit segment";
  put_u64(use, segment);
  return crypto::hkdf_sha256(*root, as_view((*k)->store_id()), as_view(use), 32);
}

// ---- store::Cipher, store::Sealer

Result<SecretText> Barrier::open(std::string_view key, std::string_view stored) const {
  auto k = keys();
  if (!k) return std::unexpected(std::move(k).error());
  return (*k)->open(key, stored);
}

Result<store::Revision> Barrier::revision_of(std::string_view stored) const {
  auto r = Record::parse(stored);
  if (!r) return std::unexpected(std::move(r).error());
  return r->revision;
}

Status Barrier::seal(const store::Snapshot& newest, std::span<const store::Draft> drafts,
                     std::vector<store::Write>& out) {
  std::shared_ptr<const Keys> k;
  std::string staged;  // the record of a keyring to be
  {
    const std::scoped_lock lock(mutex_);
    if (!keys_) return fail(Code::sealed, "the server is sealed");
    k = keys_;
    keyring_in_group_ = pending_keyring_.has_value();
    staged_in_group_ = false;
    if (staged_ && staged_->keyring.generation == k->keyring().generation + 1) staged = staged_->record;
    if (pending_keyring_) out.push_back({store::table_key(store::Table::keyring), *pending_keyring_});
  }
  const auto before = out.size();
  GroupSealer group(*k, newest, random_, out, staged);
  SR_TRY(group.begin());
  for (const store::Draft& d : drafts) SR_TRY(group.add(d));
  SR_TRY(group.finish());
  encryptions_.fetch_add(out.size() - before, std::memory_order_relaxed);
  if (group.took_staged()) {
    const std::scoped_lock lock(mutex_);
    staged_in_group_ = staged_ && staged_->record == staged;
    if (!staged_in_group_) return fail(Code::conflict, "another change of the keyring came in between");
  }
  return {};
}

void Barrier::settled(Fate fate) noexcept {
  std::shared_ptr<const Keys> dying;
  const std::scoped_lock lock(mutex_);
  if (fate == Fate::applied && keyring_in_group_) pending_keyring_.reset();
  keyring_in_group_ = false;
  if (!std::exchange(staged_in_group_, false) || fate != Fate::applied || !keys_ || !staged_) return;
  pending_keyring_.reset();
  const bool new_term = staged_->keyring.terms.back().number != keys_->term();
  dying =
      std::exchange(keys_, Keys::with_root(*keys_, std::move(staged_->root), std::move(staged_->keyring)));
  staged_.reset();
  if (new_term) encryptions_ = 0;
}

}  // namespace strongroom::barrier
