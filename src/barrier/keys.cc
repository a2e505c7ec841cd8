#include "barrier/keys.h"

#include <algorithm>
#include <mutex>

#include "base/bytes.h"
#include "store/tables.h"

namespace strongroom::barrier {
namespace {
constexpr std::size_t kKey = crypto::Key::kSize;

std::span<std::byte> writable(std::string& s) { return std::as_writable_bytes(std::span(s)); }
std::span<std::byte> writable(SecretText& s) { return std::as_writable_bytes(std::span(s.data(), s.size())); }
crypto::Xaes::Nonce nonce_of(std::string_view n) {
  return crypto::Xaes::Nonce(as_view(n).data(), kNonceSize);
}

// The table or mount whose key a record is under.
std::uint32_t owner(std::string_view key) {
  const auto table = static_cast<std::uint32_t>(get_be(key.substr(0, 4)));
  if (table == static_cast<std::uint32_t>(store::Table::directory) && key.size() >= 8)
    return static_cast<std::uint32_t>(get_be(key.substr(4, 4)));
  return table;
}

std::string detail_of(std::string_view key) { return "record " + to_hex(as_view(key)); }

std::string mount_wrap_key(std::uint32_t mount) {
  std::string k = store::table_key(store::Table::keyring);
  put_u32(k, mount);
  return k;
}

void put_key(SecretText& out, const crypto::Key& k) { out += as_text(k.reveal(Reveal::to_cipher)); }
void put_number(SecretText& out, std::uint64_t v, int bytes) {
  for (int s = 8 * (bytes - 1); s >= 0; s -= 8) out.push_back(static_cast<char>(v >> s));
}

const crypto::Key& newest(const Keyring& k, std::uint8_t purpose) {
  const Keyring::Named* best = nullptr;
  for (const auto& n : k.named)
    if (n.purpose == purpose && (best == nullptr || n.version > best->version)) best = &n;
  static const crypto::Key none;
  return best ? best->key : none;
}
crypto::Hmac hmac_of(const Keyring& k, std::uint8_t purpose) {
  return crypto::Hmac(newest(k, purpose).reveal(Reveal::to_cipher));
}
}  // namespace

// ---- keyring

Keyring Keyring::fresh(Random& random) {
  Keyring k;
  k.terms.push_back({1, crypto::Key::random(random)});
  for (std::uint8_t p = 0; p < kOuterPurposes; ++p) k.named.push_back({p, 1, crypto::Key::random(random)});
  for (const std::uint8_t p : {kSetHashKey, kAuditSegmentsKey, kRootNamesKey})
    k.named.push_back({p, 1, crypto::Key::random(random)});
  return k;
}

Keyring Keyring::clone() const {
  Keyring k;
  k.generation = generation;
  for (const auto& t : terms) k.terms.push_back({t.number, t.key.clone()});
  for (const auto& n : named) k.named.push_back({n.purpose, n.version, n.key.clone()});
  return k;
}

std::optional<Keyring> Keyring::completed(Random& random) const {
  std::optional<Keyring> more;
  for (std::uint8_t p = 0; p < kOuterPurposes; ++p) {
    if (newest(*this, p)) continue;
    if (!more) {
      more = clone();
      more->generation += 1;
    }
    more->named.push_back({p, 1, crypto::Key::random(random)});
  }
  return more;
}

std::string Keyring::wrap(const crypto::Key& root, std::string_view store_id, Random& random) const {
  SecretText plain;
  plain.reserve(16 + terms.size() * (4 + kKey) + named.size() * (5 + kKey));
  put_number(plain, generation, 8);
  put_number(plain, terms.size(), 4);
  for (const auto& t : terms) {
    put_number(plain, t.number, 4);
    put_key(plain, t.key);
  }
  put_number(plain, named.size(), 4);
  for (const auto& n : named) {
    plain.push_back(static_cast<char>(n.purpose));
    put_number(plain, n.version, 4);
    put_key(plain, n.key);
  }
  std::string out(1 + kNonceSize + plain.size() + kTagSize, '\0');
  out[0] = static_cast<char>(kRecordVersion);
  random.fill(writable(out).subspan(1, kNonceSize));
  const std::string key = store::table_key(store::Table::keyring);
  crypto::Xaes(root.reveal(Reveal::to_cipher))
      .seal(nonce_of(std::string_view(out).substr(1, kNonceSize)),
            {as_view(store_id), as_view(key), as_view(out).first(1)}, as_view(view(plain)),
            writable(out).subspan(1 + kNonceSize));
  return out;
}

Result<Keyring> Keyring::unwrap(std::string_view record, const crypto::Key& root, std::string_view store_id) {
  if (record.size() < 1 + kNonceSize + kTagSize)
    return fail(Code::corrupt, "the keyring record is too short");
  if (static_cast<std::uint8_t>(record[0]) != kRecordVersion)
    return fail(Code::failed_precondition, "the keyring record was written by a newer program");
  SecretText plain(record.size() - 1 - kNonceSize - kTagSize, '\0');
  const std::string key = store::table_key(store::Table::keyring);
  if (!crypto::Xaes(root.reveal(Reveal::to_cipher))
           .open(nonce_of(record.substr(1, kNonceSize)),
                 {as_view(store_id), as_view(key), as_view(record).first(1)},
                 as_view(record.substr(1 + kNonceSize)), writable(plain)))
    return fail(Code::invalid_argument, "the keyring does not open with this root key");
  std::string_view in = view(plain);
  const auto take = [&in](std::size_t n) {
    const std::string_view part = in.substr(0, n);
    in.remove_prefix(n);
    return part;
  };
  const auto malformed = [] { return fail(Code::corrupt, "the keyring record is malformed"); };
  if (in.size() < 16) return malformed();
  Keyring k;
  k.generation = get_be(take(8));
  const auto terms = get_be(take(4));
  if (terms == 0 || terms > in.size() / (4 + kKey)) return malformed();
  for (std::uint64_t i = 0; i < terms; ++i) {
    const auto number = static_cast<std::uint32_t>(get_be(take(4)));
    if (!k.terms.empty() && k.terms.back().number >= number) return malformed();
    k.terms.push_back({number, crypto::Key::copy_of(as_view(take(kKey)))});
  }
  if (in.size() < 4) return malformed();
  const auto named = get_be(take(4));
  if (in.size() != named * (5 + kKey)) return malformed();
  for (std::uint64_t i = 0; i < named; ++i) {
    const auto purpose = static_cast<std::uint8_t>(take(1)[0]);
    const auto version = static_cast<std::uint32_t>(get_be(take(4)));
    k.named.push_back({purpose, version, crypto::Key::copy_of(as_view(take(kKey)))});
  }
  for (const std::uint8_t p : {kSetHashKey, kAuditSegmentsKey, kRootNamesKey})
    if (!newest(k, p)) return malformed();
  return k;
}

// ---- keys

Keys::Mount::Mount(crypto::Key d, crypto::Key n, const Keyring& keyring)
    : data(std::move(d)), names(std::move(n)), name_hash(names.reveal(Reveal::to_cipher)) {
  const crypto::Hmac derive(data.reveal(Reveal::to_cipher));
  for (const auto& t : keyring.terms) {
    crypto::Digest key = derive.mac(t.key.reveal(Reveal::to_cipher));
    ciphers.emplace_back(View(key));
    explicit_bzero(key.data(), key.size());
  }
}

Keys::Keys(std::string store_id, crypto::Key root, Keyring keyring)
    : store_id_(std::move(store_id)),
      root_(std::move(root)),
      keyring_(std::move(keyring)),
      set_hash_(hmac_of(keyring_, kSetHashKey)),
      root_names_(hmac_of(keyring_, kRootNamesKey)) {
  for (const auto& t : keyring_.terms) ciphers_.emplace_back(t.key.reveal(Reveal::to_cipher));
}

std::shared_ptr<const Keys> Keys::with_keyring(const Keys& old, Keyring keyring) {
  return with_root(old, old.root_.clone(), std::move(keyring));
}

std::shared_ptr<const Keys> Keys::with_root(const Keys& old, crypto::Key root, Keyring keyring) {
  auto keys = std::make_shared<Keys>(old.store_id_, std::move(root), std::move(keyring));
  const std::shared_lock lock(old.mutex_);
  for (const auto& [number, m] : old.mounts_)
    keys->mounts_.emplace(number,
                          std::make_shared<const Mount>(m->data.clone(), m->names.clone(), keys->keyring_));
  return keys;
}

Result<Secret> Keys::named(std::uint8_t purpose) const {
  const crypto::Key& k = newest(keyring_, purpose);
  if (!k) return fail(Code::failed_precondition, "the keyring has no key for this purpose");
  return Secret::copy_of(k.reveal(Reveal::to_cipher));
}

Result<std::size_t> Keys::term_index(std::uint32_t term) const {
  for (std::size_t i = keyring_.terms.size(); i-- > 0;)
    if (keyring_.terms[i].number == term) return i;
  return fail(Code::corrupt, "a stored record is under a term the keyring does not hold");
}

Result<std::shared_ptr<const Keys::Mount>> Keys::mount(std::uint32_t number) const {
  const std::shared_lock lock(mutex_);
  const auto at = mounts_.find(number);
  if (at == mounts_.end())
    return fail(Code::failed_precondition, "the keys of the mount are not open",
                "mount " + std::to_string(number));
  return at->second;
}

Result<Keys::Use> Keys::cipher(std::string_view key, std::size_t term_index) const {
  const std::uint32_t number = owner(key);
  if (number < store::kFirstMount) return Use{&ciphers_[term_index], nullptr};
  auto m = mount(number);
  if (!m) return std::unexpected(std::move(m).error());
  const crypto::Xaes* const c = &(*m)->ciphers[term_index];
  return Use{c, *std::move(m)};
}

Result<std::string> Keys::seal(std::string_view key, store::Revision revision, std::string_view plain,
                               Random& random) const {
  auto use = cipher(key, keyring_.terms.size() - 1);
  if (!use) return std::unexpected(std::move(use).error());
  std::string out;
  out.reserve(kHeaderSize + plain.size() + kTagSize);
  out.push_back(static_cast<char>(kRecordVersion));
  put_u32(out, term());
  put_u64(out, revision);
  out.resize(kHeaderSize + plain.size() + kTagSize);
  random.fill(writable(out).subspan(13, kNonceSize));
  use->cipher->seal(nonce_of(std::string_view(out).substr(13)),
                    {as_view(store_id_), as_view(key), as_view(out).first(kHeaderSize)}, as_view(plain),
                    writable(out).subspan(kHeaderSize));
  return out;
}

Result<SecretText> Keys::open_with(const crypto::Xaes& cipher, std::string_view key, const Record& r) const {
  SecretText plain(r.sealed.size() - kTagSize, '\0');
  if (!cipher.open(nonce_of(r.nonce), {as_view(store_id_), as_view(key), as_view(r.header)},
                   as_view(r.sealed), writable(plain)))
    return fail(Code::corrupt, "a stored record does not verify", detail_of(key));
  return plain;
}

Result<SecretText> Keys::open(std::string_view key, std::string_view stored) const {
  auto r = Record::parse(stored);
  if (!r) {
    r.error().detail = detail_of(key);
    return std::unexpected(std::move(r).error());
  }
  auto index = term_index(r->term);
  if (!index) {
    index.error().detail = detail_of(key);
    return std::unexpected(std::move(index).error());
  }
  auto use = cipher(key, *index);
  if (!use) return std::unexpected(std::move(use).error());
  return open_with(*use->cipher, key, *r);
}

// ---- mounts

Result<std::string> Keys::new_mount(std::uint32_t mount, Random& random) const {
  if (mount < store::kFirstMount) return fail(Code::invalid_argument, "mount numbers start at 256");
  SecretText plain(2 * kKey, '\0');
  random.fill(writable(plain));
  return seal(mount_wrap_key(mount), 0, view(plain), random);
}

Status Keys::open_mount(std::uint32_t mount, std::string_view wrapped) const {
  if (mount < store::kFirstMount) return fail(Code::invalid_argument, "mount numbers start at 256");
  auto plain = open(mount_wrap_key(mount), wrapped);
  if (!plain) return std::unexpected(std::move(plain).error());
  if (plain->size() != 2 * kKey) return fail(Code::corrupt, "the keys of a mount are malformed");
  const View bytes = as_view(view(*plain));
  auto opened = std::make_shared<const Mount>(crypto::Key::copy_of(bytes.first(kKey)),
                                              crypto::Key::copy_of(bytes.subspan(kKey)), keyring_);
  const std::scoped_lock lock(mutex_);
  mounts_.insert_or_assign(mount, std::move(opened));
  return {};
}

Result<std::string> Keys::rewrap_mount(std::uint32_t number, Random& random) const {
  auto m = mount(number);
  if (!m) return std::unexpected(std::move(m).error());
  SecretText plain;
  plain.reserve(2 * kKey);
  put_key(plain, (*m)->data);
  put_key(plain, (*m)->names);
  return seal(mount_wrap_key(number), 0, view(plain), random);
}

void Keys::close_mount(std::uint32_t mount) const noexcept {
  const std::scoped_lock lock(mutex_);
  mounts_.erase(mount);
}

bool Keys::mount_is_open(std::uint32_t mount) const {
  const std::shared_lock lock(mutex_);
  return mounts_.contains(mount);
}

std::vector<std::uint32_t> Keys::open_mounts() const {
  std::vector<std::uint32_t> out;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [number, m] : mounts_) out.push_back(number);
  }
  std::ranges::sort(out);
  return out;
}

// ---- names

namespace {
std::string short_hash(const crypto::Hmac& h, std::initializer_list<View> parts) {
  const crypto::Digest d = h.mac(parts);
  return std::string(crypto::as_text(d).substr(0, 16));
}
}  // namespace

Result<Keys::Names> Keys::names(std::uint32_t number, std::uint8_t space, std::string_view directory,
                                std::string_view name) const {
  const std::byte space_byte{space};
  const std::byte zero{0};
  const View s(&space_byte, 1);
  std::shared_ptr<const Mount> m;
  const crypto::Hmac* h = &root_names_;
  if (number >= store::kFirstMount) {
    auto found = mount(number);
    if (!found) return std::unexpected(std::move(found).error());
    m = *std::move(found);
    h = &m->name_hash;
  }
  return Names{short_hash(*h, {s, as_view(directory)}),
               short_hash(*h, {s, as_view(directory), View(&zero, 1), as_view(name)})};
}

Result<std::string> Keys::directory(std::uint32_t number, std::uint8_t space,
                                    std::string_view directory) const {
  const std::byte space_byte{space};
  const View s(&space_byte, 1);
  if (number < store::kFirstMount) return short_hash(root_names_, {s, as_view(directory)});
  auto m = mount(number);
  if (!m) return std::unexpected(std::move(m).error());
  return short_hash((*m)->name_hash, {s, as_view(directory)});
}

}  // namespace strongroom::barrier
