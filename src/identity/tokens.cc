#include "identity/tokens.h"

#include <algorithm>
#include <array>

#include "base/pack.h"
#include "crypto/equal.h"
#include "store/tables.h"

namespace strongroom::identity {
namespace {

constexpr std::size_t kLocator = 16;
constexpr std::size_t kRandom = 20;  // 160 bits beside the locator
constexpr std::size_t kMostAncestors = 32;
constexpr std::string_view kPrefix = "hvs.";
constexpr std::uint64_t kFormat = 1;
constexpr std::uint32_t kRootNamespace = 0;

std::string index_key(char kind, std::string_view rest) {
  std::string k = store::table_key(store::Table::token_index);
  k.push_back(kind);
  k.append(rest);
  return k;
}
std::string number_text(std::uint64_t n) {
  std::string s;
  put_u64(s, n);
  return s;
}
std::string child_key(std::uint64_t parent, std::uint64_t child) {
  return index_key('c', number_text(parent) + number_text(child));
}
std::string expiry_key(WallTime at, std::uint64_t number) {
  std::string k = store::table_key(store::Table::expiry);
  put_u64(k, static_cast<std::uint64_t>(at.time_since_epoch().count()));
  put_u64(k, number);
  return k;
}
std::int64_t ns(WallTime t) { return t.time_since_epoch().count(); }
WallTime time_of(std::int64_t v) { return WallTime(Nanoseconds(v)); }

SecretText pack(const TokenRecord& r) {
  SecretText out;
  Packer p(out);
  p.number(kFormat).text(as_text(r.hash)).number(r.ancestors.size());
  for (const auto a : r.ancestors) p.number(a);
  p.texts(r.policies).text(r.display_name).text(r.path).map(r.meta);
  p.signed_number(ns(r.created)).signed_number(ns(r.expires)).signed_number(ns(r.last_renewal));
  p.signed_number(r.creation_ttl.count())
      .signed_number(r.explicit_max_ttl.count())
      .signed_number(r.max_ttl.count());
  p.signed_number(r.num_uses);
  p.number((r.renewable ? 1u : 0u) | (r.orphan ? 2u : 0u) | (r.chosen_id ? 4u : 0u) |
           (r.has_cubbyhole ? 8u : 0u));
  return out;
}

Result<TokenRecord> unpack(std::uint64_t number, std::string_view stored) {
  Unpacker u(stored);
  TokenRecord r;
  r.number = number;
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "token format");
  if (const auto h = u.text(); h.size() == r.hash.size()) std::memcpy(r.hash.data(), h.data(), h.size());
  for (auto n = u.count(); n > 0; --n) r.ancestors.push_back(u.number());
  r.policies = u.texts();
  r.display_name = u.text();
  r.path = u.text();
  r.meta = u.map();
  r.created = time_of(u.signed_number());
  r.expires = time_of(u.signed_number());
  r.last_renewal = time_of(u.signed_number());
  r.creation_ttl = Seconds(u.signed_number());
  r.explicit_max_ttl = Seconds(u.signed_number());
  r.max_ttl = Seconds(u.signed_number());
  r.num_uses = u.signed_number();
  const auto flags = u.number();
  r.renewable = (flags & 1) != 0;
  r.orphan = (flags & 2) != 0;
  r.chosen_id = (flags & 4) != 0;
  r.has_cubbyhole = (flags & 8) != 0;
  SR_TRY(u.done("token"));
  return r;
}

// number ‖ namespace ‖ zeros: a block that decrypts to anything else was not made here.
std::array<std::byte, kLocator> locator_block(std::uint64_t number) {
  std::string s;
  put_u64(s, number);
  put_u32(s, kRootNamespace);
  put_u32(s, 0);
  std::array<std::byte, kLocator> b{};
  std::memcpy(b.data(), s.data(), s.size());
  return b;
}
std::optional<std::uint64_t> number_in(const std::array<std::byte, kLocator>& block) {
  const auto text = as_text(block);
  if (get_be(text.substr(8, 8)) != kRootNamespace) return std::nullopt;
  return get_be(text.substr(0, 8));
}
std::array<std::byte, kLocator> first_block(View v) {
  std::array<std::byte, kLocator> b{};
  std::memcpy(b.data(), v.data(), b.size());
  return b;
}

}  // namespace

// Parsed records by number, each with the revision it was parsed from: used only if that is still the one.
struct Tokens::Cache {
  struct Slot {
    store::Revision revision = 0;
    std::shared_ptr<const TokenRecord> record;
  };
  static constexpr std::size_t kMost = 8192;
  std::mutex mutex;
  std::unordered_map<std::uint64_t, Slot> slots;  // under mutex
};

Tokens::Keys::Keys(const Secret& h, const Secret& l, const Secret& a, std::uint64_t b)
    : hash(h), locator(l), accessor(a), block(b) {}

std::string Tokens::key(std::uint64_t number) {
  std::string k = store::table_key(store::Table::token);
  put_u64(k, number);
  return k;
}

Status Tokens::open(const Secret& hash_key, const Secret& locator_key, const Secret& accessor_key,
                    std::uint64_t block) {
  auto made = std::make_shared<const Keys>(hash_key, locator_key, accessor_key, block);
  const std::lock_guard guard(mutex_);
  keys_ = std::move(made);
  cache_ = std::make_shared<Cache>();
  return {};
}

void Tokens::close() noexcept {
  const std::lock_guard guard(mutex_);
  keys_.reset();
  cache_.reset();
}

std::shared_ptr<const Tokens::Keys> Tokens::keys() const {
  const std::lock_guard guard(mutex_);
  return keys_;
}

std::string Tokens::accessor_of(std::uint64_t number) const {
  const auto k = keys();
  return k ? to_base62(k->accessor.encrypt(locator_block(number))) : std::string();
}

Result<std::shared_ptr<const TokenRecord>> Tokens::load(store::Txn& txn, std::uint64_t number) const {
  const auto k = key(number);
  SR_LET(const auto revision, txn.revision_of(k));
  if (!revision) return std::shared_ptr<const TokenRecord>();
  std::shared_ptr<Cache> cache;
  {
    const std::lock_guard guard(mutex_);
    cache = cache_;
  }
  if (!cache) return fail(Code::sealed, "Vault is sealed");
  {
    const std::lock_guard guard(cache->mutex);
    if (const auto hit = cache->slots.find(number);
        hit != cache->slots.end() && hit->second.revision == *revision)
      return hit->second.record;
  }
  SR_LET(const auto stored, txn.get(k));
  if (!stored) return std::shared_ptr<const TokenRecord>();
  SR_LET(auto record, unpack(number, view(*stored)));
  auto shared = std::make_shared<const TokenRecord>(std::move(record));
  const std::lock_guard guard(cache->mutex);
  if (cache->slots.size() >= Cache::kMost)
    cache->slots.clear();  // rare; a full sweep costs less than keeping order
  cache->slots[number] = {*revision, shared};
  return shared;
}

Result<bool> Tokens::alive(store::Txn& txn, const TokenRecord& r, WallTime now) const {
  const auto expired = [now](const TokenRecord& t) { return t.expires != WallTime{} && t.expires <= now; };
  if (expired(r)) return false;
  for (const auto ancestor : r.ancestors) {
    SR_LET(const auto above, load(txn, ancestor));
    if (!above || expired(*above)) return false;
  }
  return true;
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find_by_number(store::Txn& txn, std::uint64_t number,
                                                                  WallTime now) const {
  SR_LET(auto record, load(txn, number));
  if (!record) return record;
  SR_LET(const bool lives, alive(txn, *record, now));
  if (!lives) return std::shared_ptr<const TokenRecord>();
  return record;
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find(store::Txn& txn, std::string_view presented,
                                                        WallTime now) const {
  const std::shared_ptr<const TokenRecord> none;
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  if (presented.empty() || presented.size() > 256) return none;
  const auto hash = k->hash.mac(as_view(presented));
  std::optional<std::uint64_t> number;
  if (presented.starts_with(kPrefix))
    if (const auto raw = from_base62(presented.substr(kPrefix.size()), kLocator + kRandom))
      number = number_in(k->locator.decrypt(first_block(*raw)));
  if (!number) {
    SR_LET(const auto indexed, txn.get(index_key('i', as_text(hash))));
    if (!indexed || indexed->size() != 8) return none;
    number = get_be(view(*indexed));
  }
  SR_LET(auto record, find_by_number(txn, *number, now));
  if (!record || !crypto::equal(record->hash, hash)) return none;
  return record;
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find_by_accessor(store::Txn& txn,
                                                                    std::string_view accessor,
                                                                    WallTime now) const {
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  const auto raw = from_base62(accessor, kLocator);
  const auto number = raw ? number_in(k->accessor.decrypt(first_block(*raw))) : std::nullopt;
  if (!number) return std::shared_ptr<const TokenRecord>();
  return find_by_number(txn, *number, now);
}

Result<std::optional<TokenRecord>> Tokens::reload(store::Txn& txn, std::uint64_t number) const {
  SR_LET(const auto stored, txn.get(key(number)));
  if (!stored) return std::nullopt;
  SR_LET(auto record, unpack(number, view(*stored)));
  return record;
}

void Tokens::save(store::Txn& txn, const TokenRecord& r) const { txn.put(key(r.number), pack(r)); }

Result<MadeToken> Tokens::create(store::Txn& txn, const NewToken& want, WallTime now, Random& random) const {
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  TokenRecord r;
  r.number = k->block << 32 | ++k->counter;
  if (want.parent != nullptr) {
    if (want.parent->ancestors.size() >= kMostAncestors)
      return fail(Code::invalid_argument, "a token may have at most 32 ancestors; create an orphan");
    r.ancestors.push_back(want.parent->number);
    r.ancestors.insert(r.ancestors.end(), want.parent->ancestors.begin(), want.parent->ancestors.end());
  }
  r.orphan = want.parent == nullptr;
  r.policies = want.policies;
  r.display_name = want.display_name;
  r.path = want.path;
  r.meta = want.meta;
  r.created = now;
  r.creation_ttl = want.ttl;
  r.explicit_max_ttl = want.explicit_max_ttl;
  r.max_ttl = want.max_ttl;
  r.num_uses = want.num_uses;
  r.renewable = want.renewable;
  r.has_cubbyhole = want.has_cubbyhole;
  if (want.ttl.count() > 0) r.expires = now + want.ttl;

  std::string id;
  if (want.chosen_id.empty()) {
    Bytes raw(kLocator + kRandom);
    const auto block = k->locator.encrypt(locator_block(r.number));
    std::memcpy(raw.data(), block.data(), kLocator);
    random.fill(std::span(raw).subspan(kLocator));
    id = std::string(kPrefix) + to_base62(raw);
    explicit_bzero(raw.data(), raw.size());
  } else {
    id = want.chosen_id;
    r.chosen_id = true;
  }
  r.hash = k->hash.mac(as_view(id));
  if (r.chosen_id) {
    const auto index = index_key('i', as_text(r.hash));
    SR_LET(const auto taken, txn.get(index));
    if (taken) {
      wipe(id);
      return fail(Code::invalid_argument, "id: a token with this id exists");
    }
    txn.put(index, SecretText(number_text(r.number)));
  }
  save(txn, r);
  if (!r.ancestors.empty()) txn.put(child_key(r.ancestors.front(), r.number), SecretText("c"));
  if (r.expires != WallTime{}) txn.put(expiry_key(r.expires, r.number), SecretText("t"));
  MadeToken made{Secret::copy_of(std::string_view(id)), std::move(r)};
  wipe(id);
  return made;
}

void Tokens::revoke(store::Txn& txn, const TokenRecord& r) const {
  txn.erase(key(r.number));
  if (!r.ancestors.empty()) txn.erase(child_key(r.ancestors.front(), r.number));
  if (r.chosen_id) txn.erase(index_key('i', as_text(r.hash)));
  if (r.has_cubbyhole) txn.put(index_key('g', number_text(r.number)), SecretText("g"));
  if (r.expires != WallTime{}) txn.erase(expiry_key(r.expires, r.number));
  bool parent = false;
  const auto children = index_key('c', number_text(r.number));
  // A child made at the same moment conflicts with this range and with the erased record.
  const auto scanned = txn.scan_keys(children, store::after_prefix(children), [&](std::string_view) {
    parent = true;
    return false;
  });
  if (parent || !scanned) txn.put(index_key('d', number_text(r.number)), SecretText("d"));
}

Status Tokens::mark_cubbyhole(store::Txn& txn, std::uint64_t number) const {
  SR_LET(auto record, reload(txn, number));
  if (!record) return fail(Code::unauthenticated, "permission denied");
  if (record->has_cubbyhole) return {};
  record->has_cubbyhole = true;
  save(txn, *record);
  return {};
}

Result<std::vector<std::uint64_t>> Tokens::graves(store::Txn& txn, std::size_t most) const {
  std::vector<std::uint64_t> out;
  const auto first = index_key('g', {});
  SR_TRY(txn.scan_keys(first, store::after_prefix(first), [&](std::string_view k) {
    out.push_back(get_be(k.substr(5)));
    return out.size() < most;
  }));
  return out;
}
void Tokens::close_grave(store::Txn& txn, std::uint64_t number) const {
  txn.erase(index_key('g', number_text(number)));
}

Result<std::vector<std::string>> Tokens::accessors(store::Txn& txn, WallTime now) const {
  std::vector<std::uint64_t> numbers;
  const auto first = store::table_key(store::Table::token);
  SR_TRY(txn.scan_keys(first, store::after_prefix(first), [&](std::string_view k) {
    if (k.size() == 12) numbers.push_back(get_be(k.substr(4)));
    return true;
  }));
  std::vector<std::string> out;
  for (const auto n : numbers) {
    SR_LET(const auto record, find_by_number(txn, n, now));
    if (record) out.push_back(accessor_of(n));
  }
  return out;
}

Result<Tokens::Swept> Tokens::sweep(store::Txn& txn, std::size_t most) const {
  std::vector<std::uint64_t> dead;
  const auto first = index_key('d', {});
  SR_TRY(txn.scan_keys(first, store::after_prefix(first), [&](std::string_view k) {
    dead.push_back(get_be(k.substr(5)));
    return dead.size() < most;
  }));
  std::size_t done = 0;
  for (const auto parent : dead) {
    std::vector<std::uint64_t> children;
    const auto range = index_key('c', number_text(parent));
    SR_TRY(txn.scan_keys(range, store::after_prefix(range), [&](std::string_view k) {
      children.push_back(get_be(k.substr(13)));
      return done + children.size() < most;
    }));
    for (const auto child : children) {
      SR_LET(const auto record, load(txn, child));
      if (record)
        revoke(txn, *record);
      else
        txn.erase(child_key(parent, child));
    }
    done += children.size() + 1;
    if (done >= most) return Swept::more;
    txn.erase(index_key('d', number_text(parent)));
  }
  return dead.size() >= most ? Swept::more : Swept::all;
}

Result<Tokens::Swept> Tokens::expire(store::Txn& txn, WallTime now, std::size_t most,
                                     std::vector<std::uint64_t>& expired) const {
  std::vector<std::string> due;
  const auto first = store::table_key(store::Table::expiry);
  SR_TRY(txn.scan_keys(first, expiry_key(now + Nanoseconds(1), 0), [&](std::string_view k) {
    due.emplace_back(k);
    return due.size() < most;
  }));
  for (const auto& k : due) {
    const auto number = get_be(std::string_view(k).substr(12));
    txn.erase(k);
    SR_LET(const auto record, load(txn, number));
    if (!record) continue;
    if (record->expires > now || record->expires == WallTime{}) {
      if (record->expires != WallTime{}) txn.put(expiry_key(record->expires, number), SecretText("t"));
      continue;
    }
    revoke(txn, *record);
    expired.push_back(number);
  }
  return due.size() >= most ? Swept::more : Swept::all;
}

}  // namespace strongroom::identity
