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
constexpr std::uint64_t kRemains = 0;    // instead of a format: a place in the tree and nothing else
constexpr std::uint64_t kOldFormat = 1;  // expiry zero: never; none of what `more` has
constexpr std::uint64_t kFormat = 2;
constexpr std::string_view kBatchPrefix = "hvb.";
constexpr std::string_view kBatchContext = "strongroom batch token";
constexpr char kBatchFormat = 1;
constexpr std::size_t kMostBatch = 4096;  // bytes of the token
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

enum RecordFlag : std::uint64_t {  // stored: never renumber
  kRenewable = 1,
  kOrphan = 2,
  kChosenId = 4,
  kHasCubbyhole = 8,
  kNeverExpires = 16,
  kMore = 32,  // role, period and addresses follow
};

void pack(SecretText& out, const TokenRecord& r) {
  Packer p(out);
  p.number(kFormat).text(r.batch ? std::string_view() : as_text(r.hash)).number(r.ancestors.size());
  for (const auto a : r.ancestors) p.number(a);
  p.texts(r.policies).text(r.display_name).text(r.path).map(r.meta);
  p.signed_number(ns(r.created))
      .signed_number(r.expires.is_never() ? 0 : ns(r.expires.when()))
      .signed_number(ns(r.last_renewal));
  p.signed_number(r.creation_ttl.count())
      .signed_number(r.explicit_max_ttl.count())
      .signed_number(r.max_ttl.count());
  p.signed_number(r.num_uses);
  const bool more = !r.role.empty() || r.period.count() != 0 || !r.bound_cidrs.empty();
  const auto when = [](bool has, std::uint64_t flag) { return has ? flag : 0; };
  p.number(when(r.renewable, kRenewable) | when(r.orphan, kOrphan) | when(r.chosen_id, kChosenId) |
           when(r.has_cubbyhole, kHasCubbyhole) | when(r.expires.is_never(), kNeverExpires) |
           when(more, kMore));
  if (!more) return;
  p.text(r.role).signed_number(r.period.count()).number(r.bound_cidrs.size());
  for (const auto& c : r.bound_cidrs) p.text(c.text());
}
SecretText pack(const TokenRecord& r) {
  SecretText out;
  pack(out, r);
  return out;
}

enum class Kind : std::uint8_t { service, batch };
Result<TokenRecord> unpack(std::uint64_t number, std::string_view stored, Kind kind = Kind::service) {
  const auto damaged = [](const char* what) {
    return fail(Code::corrupt, "a stored record is damaged", what);
  };
  Unpacker u(stored);
  TokenRecord r;
  r.number = number;
  r.batch = kind == Kind::batch;
  const auto format = u.number();
  if (format == kRemains) {
    r.remains = true;
    SR_TRY(u.done("token"));
    return r;
  }
  if (format != kOldFormat && format != kFormat) return damaged("token format");
  const auto hash = u.text();
  if (hash.size() != (r.batch ? 0 : r.hash.size())) return damaged("token hash");
  std::memcpy(r.hash.data(), hash.data(), hash.size());
  for (auto n = u.count(); n > 0; --n) r.ancestors.push_back(u.number());
  r.policies = u.texts();
  r.display_name = u.text();
  r.path = u.text();
  r.meta = u.map();
  r.created = time_of(u.signed_number());
  const auto expires = u.signed_number();
  r.last_renewal = time_of(u.signed_number());
  r.creation_ttl = Seconds(u.signed_number());
  r.explicit_max_ttl = Seconds(u.signed_number());
  r.max_ttl = Seconds(u.signed_number());
  r.num_uses = u.signed_number();
  const auto flags = u.number();
  r.renewable = (flags & kRenewable) != 0;
  r.orphan = (flags & kOrphan) != 0;
  r.chosen_id = (flags & kChosenId) != 0;
  r.has_cubbyhole = (flags & kHasCubbyhole) != 0;
  const bool never = format == kOldFormat ? expires == 0 : (flags & kNeverExpires) != 0;
  r.expires = never ? Expiry::never() : Expiry::at(time_of(expires));
  if ((flags & kMore) != 0) {
    r.role = u.text();
    r.period = Seconds(u.signed_number());
    for (auto n = u.count(); n > 0; --n) {
      const auto c = Cidr::parse(u.text());
      if (!c) return damaged("token address");  // to lose one would widen where it may be used
      r.bound_cidrs.push_back(*c);
    }
  }
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

Tokens::Keys::Keys(const Secrets& s, std::uint64_t b)
    : hash(s.hash), locator(s.locator), accessor(s.accessor), batch(s.batch), block(b) {}

bool TokenRecord::admits(std::string_view address) const noexcept {
  if (bound_cidrs.empty() || (root() && expires.is_never())) return true;
  const auto from = IpAddress::parse(address);
  return from && std::ranges::any_of(bound_cidrs, [&](const Cidr& c) { return c.contains(*from); });
}

std::size_t Tokens::id_size() noexcept { return kPrefix.size() + base62_length(kLocator + kRandom); }

std::string Tokens::key(std::uint64_t number) {
  std::string k = store::table_key(store::Table::token);
  put_u64(k, number);
  return k;
}

Status Tokens::open(const Secrets& secrets, std::uint64_t block) {
  auto made = std::make_shared<const Keys>(secrets, block);
  const std::lock_guard guard(mutex_);
  keys_ = std::move(made);
  cache_ = std::make_shared<Cache>();
  return {};
}

void Tokens::close() noexcept {
  const std::lock_guard guard(mutex_);
  keys_.reset();
  cache_.reset();
  tidy_from_.reset();
}

std::shared_ptr<const Tokens::Keys> Tokens::keys() const {
  const std::lock_guard guard(mutex_);
  return keys_;
}

std::string Tokens::accessor_of(std::uint64_t number) const {
  const auto k = number != 0 ? keys() : nullptr;
  return k ? to_base62(k->accessor.encrypt(locator_block(number))) : std::string();
}

Result<std::string> Tokens::hidden(std::string_view kind, std::string_view name) const {
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  const std::array zero{std::byte{0}};
  return std::string(as_text(k->hash.mac({as_view(kind), View(zero), as_view(name)})).substr(0, 16));
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
  if (r.remains || r.expires.over(now)) return false;
  for (std::size_t i = 0; i < r.ancestors.size(); ++i) {
    SR_LET(const auto above, load(txn, r.ancestors[i]));
    if (!above) return false;
    // Here the tree was cut: what is further up concerns this token no more. A batch token has nothing that
    // could make it an orphan.
    if (above->remains) return !(r.batch && i == 0);
    if (above->expires.over(now)) return false;
  }
  return true;
}

Result<bool> Tokens::is_orphan(store::Txn& txn, const TokenRecord& r) const {
  if (r.ancestors.empty()) return true;
  SR_LET(const auto parent, load(txn, r.ancestors.front()));
  return parent && parent->remains;
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find_by_number(store::Txn& txn, std::uint64_t number,
                                                                  WallTime now) const {
  if (number == 0) return std::shared_ptr<const TokenRecord>();
  SR_LET(auto record, load(txn, number));
  if (!record) return record;
  SR_LET(const bool lives, alive(txn, *record, now));
  if (!lives) return std::shared_ptr<const TokenRecord>();
  return record;
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find_batch(store::Txn& txn, const Keys& k,
                                                              std::string_view presented,
                                                              WallTime now) const {
  const std::shared_ptr<const TokenRecord> none;
  constexpr std::size_t kAround = 1 + crypto::Xaes::kNonce + crypto::Xaes::kTag;
  const auto raw = from_base64url(presented.substr(kBatchPrefix.size()));
  if (!raw || raw->size() < kAround || raw->front() != std::byte{kBatchFormat}) return none;
  const View all(*raw);
  SecretText plain(raw->size() - kAround, '\0');
  const auto opened = k.batch.open(
      all.subspan<1, crypto::Xaes::kNonce>(), {as_view(kBatchContext), all.first(1)},
      all.subspan(1 + crypto::Xaes::kNonce), std::as_writable_bytes(std::span(plain.data(), plain.size())));
  if (!opened) return none;
  SR_LET(auto record, unpack(0, view(plain), Kind::batch));
  SR_LET(const bool lives, alive(txn, record, now));
  if (!lives) return none;
  return std::make_shared<const TokenRecord>(std::move(record));
}

Result<std::shared_ptr<const TokenRecord>> Tokens::find(store::Txn& txn, std::string_view presented,
                                                        WallTime now) const {
  const std::shared_ptr<const TokenRecord> none;
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  if (presented.starts_with(kBatchPrefix) && presented.size() <= kMostBatch)
    return find_batch(txn, *k, presented, now);
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
  if (record.remains) return std::nullopt;
  return record;
}

void Tokens::save(store::Txn& txn, const TokenRecord& r) const { txn.put(key(r.number), pack(r)); }

void Tokens::renew(store::Txn& txn, TokenRecord r, Expiry until, WallTime now) const {
  // The entry it has is found no later than it expires; one who asks for less time needs an earlier one, or
  // what the token leaves behind would stay for as long as it could have lived.
  if (!until.is_never() && (r.expires.is_never() || until.when() < r.expires.when()))
    txn.put(expiry_key(until.when(), r.number), SecretText("t"));
  r.expires = until;
  r.last_renewal = now;
  save(txn, r);
}

namespace {
TokenRecord record_of(const NewToken& want, WallTime now) {
  TokenRecord r;
  if (want.parent != nullptr) {
    r.ancestors.push_back(want.parent->number);
    r.ancestors.insert(r.ancestors.end(), want.parent->ancestors.begin(), want.parent->ancestors.end());
  }
  r.orphan = want.parent == nullptr;
  r.policies = want.policies;
  r.display_name = want.display_name;
  r.path = want.path;
  r.meta = want.meta;
  r.created = now;
  r.creation_ttl = want.lifetime.seconds();
  r.expires = want.lifetime.from(now);
  r.max_ttl = want.max_ttl;
  r.role = want.role;
  r.bound_cidrs = want.bound_cidrs;
  return r;
}
}  // namespace

Result<MadeToken> Tokens::create(store::Txn& txn, const NewToken& want, WallTime now, Random& random) const {
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  auto r = record_of(want, now);
  if (r.ancestors.size() > kMostAncestors)
    return fail(Code::invalid_argument, "a token may have at most 32 ancestors; create an orphan");
  r.number = k->block << 32 | ++k->counter;
  r.explicit_max_ttl = want.explicit_max_ttl;
  r.period = want.period;
  r.num_uses = want.num_uses;
  r.renewable = want.renewable;
  r.has_cubbyhole = want.has_cubbyhole;

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
      return fail(Code::invalid_argument, "cannot create a token with a duplicate ID");
    }
    txn.put(index, SecretText(number_text(r.number)));
  }
  save(txn, r);
  if (!r.ancestors.empty()) txn.put(child_key(r.ancestors.front(), r.number), SecretText("c"));
  if (!r.expires.is_never()) txn.put(expiry_key(r.expires.when(), r.number), SecretText("t"));
  MadeToken made{Secret::copy_of(std::string_view(id)), std::move(r)};
  wipe(id);
  return made;
}

Result<MadeToken> Tokens::create_batch(const NewToken& want, WallTime now, Random& random) const {
  const auto k = keys();
  if (!k) return fail(Code::sealed, "Vault is sealed");
  if (want.lifetime.is_forever()) return fail(Code::internal, "a batch token must end");
  auto r = record_of(want, now);
  r.batch = true;
  SecretText plain;
  pack(plain, r);
  Bytes raw(1 + crypto::Xaes::kNonce + plain.size() + crypto::Xaes::kTag);
  raw[0] = std::byte{kBatchFormat};
  const auto all = std::span(raw);
  random.fill(all.subspan<1, crypto::Xaes::kNonce>());
  k->batch.seal(all.subspan<1, crypto::Xaes::kNonce>(), {as_view(kBatchContext), View(all.first(1))},
                as_view(view(plain)), all.subspan(1 + crypto::Xaes::kNonce));
  auto id = std::string(kBatchPrefix) + to_base64url(raw);
  if (id.size() > kMostBatch) {
    wipe(id);
    return fail(Code::invalid_argument,
                "a batch token carries its policies and metadata, and these make it longer than 4096 bytes: "
                "shorten them or create a service token");
  }
  MadeToken made{Secret::copy_of(std::string_view(id)), std::move(r)};
  wipe(id);
  return made;
}

Result<bool> Tokens::has_children(store::Txn& txn, std::uint64_t number) const {
  bool any = false;
  const auto children = index_key('c', number_text(number));
  // A child made or revoked at the same moment conflicts with this range.
  SR_TRY(txn.scan_keys(children, store::after_prefix(children), [&](std::string_view) {
    any = true;
    return false;
  }));
  return any;
}

// Takes the token out of everything but, perhaps, the tree.
Status Tokens::bury(store::Txn& txn, const TokenRecord& r, Leaves leaves) const {
  if (r.chosen_id) txn.erase(index_key('i', as_text(r.hash)));
  if (!r.expires.is_never() && !r.remains) txn.erase(expiry_key(r.expires.when(), r.number));
  if (r.has_cubbyhole) txn.put(index_key('g', number_text(r.number)), SecretText("g"));
  if (leaves == Leaves::nothing) {
    txn.erase(key(r.number));
  } else {
    SecretText nothing;
    Packer(nothing).number(kRemains);
    txn.put(key(r.number), std::move(nothing));
  }
  if (r.ancestors.empty()) return {};
  const auto parent = r.ancestors.front();
  txn.erase(child_key(parent, r.number));
  // The remains of a parent are there for its children: they go with the last of them.
  SR_LET(const auto above, load(txn, parent));
  if (!above || !above->remains) return {};
  SR_LET(const bool others, has_children(txn, parent));
  if (!others) txn.erase(key(parent));
  return {};
}

Status Tokens::revoke(store::Txn& txn, const TokenRecord& r) const {
  if (r.number == 0) return fail(Code::invalid_argument, "batch tokens cannot be revoked");
  SR_LET(const bool parent, has_children(txn, r.number));
  SR_TRY(bury(txn, r, Leaves::nothing));
  if (parent) txn.put(index_key('d', number_text(r.number)), SecretText("d"));
  return {};
}

Status Tokens::revoke_alone(store::Txn& txn, const TokenRecord& r) const {
  if (r.number == 0) return fail(Code::invalid_argument, "batch tokens cannot be revoked");
  SR_LET(const bool parent, has_children(txn, r.number));
  return bury(txn, r, parent ? Leaves::remains : Leaves::nothing);
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
  std::vector<std::uint64_t> numbers;
  const auto first = index_key('g', {});
  SR_TRY(txn.scan_keys(first, store::after_prefix(first), [&](std::string_view k) {
    numbers.push_back(get_be(k.substr(5)));
    return numbers.size() < most;
  }));
  return numbers;
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
      if (!record || record->remains) {
        txn.erase(child_key(parent, child));
        continue;
      }
      SR_TRY(revoke(txn, *record));
    }
    done += children.size() + 1;
    if (done >= most) return Swept::more;
    txn.erase(index_key('d', number_text(parent)));
  }
  // The children that were just revoked may have left children of their own.
  return dead.empty() ? Swept::all : Swept::more;
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
    if (record->remains) continue;
    if (!record->expires.over(now)) {
      if (!record->expires.is_never()) txn.put(expiry_key(record->expires.when(), number), SecretText("t"));
      continue;
    }
    SR_TRY(revoke(txn, *record));
    expired.push_back(number);
  }
  return due.size() >= most ? Swept::more : Swept::all;
}

// ------------------------------------------------------------------ tidy

void Tokens::ask_for_tidy() const {
  const std::lock_guard guard(mutex_);
  if (keys_ && !tidy_from_) tidy_from_ = store::table_key(store::Table::token);
}
std::optional<std::string> Tokens::tidy_from() const {
  const std::lock_guard guard(mutex_);
  return tidy_from_;
}
void Tokens::tidied(std::optional<std::string> next) const {
  const std::lock_guard guard(mutex_);
  if (tidy_from_) tidy_from_ = std::move(next);
}

Result<Tokens::Step> Tokens::tidy(store::Txn& txn, std::string_view from, WallTime now,
                                  std::size_t most) const {
  Step step;
  const auto records = store::table_key(store::Table::token);
  const auto index = store::table_key(store::Table::token_index);
  const bool in_records = from.starts_with(records);
  const auto end = store::after_prefix(in_records ? records : index);
  std::vector<std::string> keys;
  SR_TRY(txn.scan_keys(std::string(from), end, [&](std::string_view k) {
    keys.emplace_back(k);
    return keys.size() < most;
  }));
  for (const auto& k : keys) {
    const std::string_view rest = std::string_view(k).substr(4);
    if (in_records) {
      SR_LET(const auto record, load(txn, get_be(rest)));
      if (!record) continue;
      if (record->remains) {
        SR_LET(const bool needed, has_children(txn, record->number));
        if (needed) continue;
        txn.erase(k);
      } else {
        SR_LET(const bool lives, alive(txn, *record, now));
        if (lives) continue;
        SR_TRY(revoke(txn, *record));
      }
      ++step.removed;
    } else if (rest.starts_with('c')) {
      SR_LET(const auto child, txn.revision_of(key(get_be(rest.substr(9)))));
      if (child) continue;
      txn.erase(k);
      ++step.removed;
    } else if (rest.starts_with('i')) {
      SR_LET(const auto number, txn.get(k));
      SR_LET(const auto record, load(txn, number ? get_be(view(*number)) : 0));
      if (record && record->chosen_id && as_text(record->hash) == rest.substr(1)) continue;
      txn.erase(k);
      ++step.removed;
    }
  }
  if (keys.size() >= most)
    step.next = keys.back() + std::string(1, '\0');
  else if (in_records)
    step.next = index;
  return step;
}

}  // namespace strongroom::identity
