#include "barrier/group_sealer.h"

#include "barrier/format_record.h"
#include "base/bytes.h"
#include "store/tables.h"

namespace strongroom::barrier {

Result<SetHash> read_set_hash(const Keys& keys, const store::Snapshot& snapshot) {
  const std::string key = set_hash_key();
  auto stored = snapshot.get(key);
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return fail(Code::corrupt, "the store's set hash is missing");
  auto plain = keys.open(key, **stored);
  if (!plain) return std::unexpected(std::move(plain).error());
  const auto set = SetHash::decode(view(*plain));
  if (!set) return fail(Code::corrupt, "the store's set hash is malformed");
  return *set;
}

Status GroupSealer::begin() {
  auto set = read_set_hash(keys_, newest_);
  if (!set) return std::unexpected(std::move(set).error());
  set_ = *set;
  last_ = set_.revision;
  return {};
}

Status GroupSealer::add(const store::Draft& draft) {
  last_ = draft.revision;
  for (const store::Put& p : draft.puts) {
    if (p.key.size() < 4) return fail(Code::internal, "a store key must begin with its table's number");
    if (self_protected(p.key)) {
      SR_TRY(put_self_protected(p));
      continue;
    }
    SR_TRY(put(p.key, p.value ? std::optional(view(*p.value)) : std::nullopt, draft.revision));
  }
  for (const store::LateEdit& e : draft.edits) SR_TRY(directories_.apply(e, draft.revision));
  if (!draft.record.empty()) {
    std::string key = store::table_key(store::Table::outbox);
    put_u64(key, draft.revision);
    SR_TRY(put(key, draft.record, draft.revision));
  }
  return {};
}

// These two are not encrypted again, so nothing but a genuine record may pass.
Status GroupSealer::put_self_protected(const store::Put& p) {
  const auto refused = [] {
    return fail(Code::internal, "a transaction may not write the format or keyring so");
  };
  if (!p.value) return refused();
  if (p.key == store::table_key(store::Table::format)) {
    const auto format = FormatRecord::decode(view(*p.value));
    if (!format || format->store_id != keys_.store_id()) return refused();
  } else if (!staged_.empty() && view(*p.value) == staged_) {
    took_staged_ = true;
  } else {
    const auto keyring = Keyring::unwrap(view(*p.value), keys_.root(), keys_.store_id());
    if (!keyring || keyring->generation != keys_.keyring().generation) return refused();
  }
  out_.push_back({p.key, std::string(view(*p.value))});
  return {};
}

Status GroupSealer::finish() {
  for (const auto& c : directories_.changed()) SR_TRY(put_chunk(c));
  set_.revision = last_;
  set_.keyring_generation = keys_.keyring().generation;
  const SecretText plain = set_.encode();
  return put(set_hash_key(), view(plain), last_);
}

Result<store::Write> GroupSealer::write(std::string_view key, std::optional<std::string_view> plain,
                                        store::Revision revision) {
  store::Write w{std::string(key), std::nullopt};
  if (!plain) return w;
  auto sealed = keys_.seal(key, revision, *plain, random_);
  if (!sealed) return std::unexpected(std::move(sealed).error());
  w.value = *std::move(sealed);
  return w;
}

Result<std::optional<crypto::Digest>> GroupSealer::share(std::string_view key, Stored stored) const {
  if (!stored) return std::optional<crypto::Digest>{};
  auto e = element(keys_, key, *stored);
  if (!e) return std::unexpected(std::move(e).error());
  return std::optional<crypto::Digest>(*e);
}

void GroupSealer::exchange(const std::optional<crypto::Digest>& before,
                           const std::optional<crypto::Digest>& after) noexcept {
  if (before) set_.remove(*before);
  if (after) set_.add(*after);
}

Status GroupSealer::put(std::string_view key, std::optional<std::string_view> plain,
                        store::Revision revision) {
  auto w = write(key, plain, revision);
  if (!w) return std::unexpected(std::move(w).error());
  if (counted(key)) {
    auto [at, first] = written_.try_emplace(std::string(key));
    if (first) {
      auto stored = newest_.get(key);
      if (!stored) return std::unexpected(std::move(stored).error());
      auto before = share(key, *stored);
      if (!before) return std::unexpected(std::move(before).error());
      at->second = *before;
    }
    auto after = share(key, w->value);
    if (!after) return std::unexpected(std::move(after).error());
    exchange(at->second, *after);
    at->second = *after;
  }
  out_.push_back(*std::move(w));
  return {};
}

// Each chunk comes once in a group, and its stored form has been read already.
Status GroupSealer::put_chunk(const DirectoryEdits::Changed& c) {
  // Only the sweep of a removed mount writes here itself; what it erased stays erased.
  if (written_.contains(std::string(c.key))) return {};
  auto w = write(c.key, c.plain, c.revision);
  if (!w) return std::unexpected(std::move(w).error());
  auto before = share(c.key, c.before);
  if (!before) return std::unexpected(std::move(before).error());
  auto after = share(c.key, w->value);
  if (!after) return std::unexpected(std::move(after).error());
  exchange(*before, *after);
  out_.push_back(*std::move(w));
  return {};
}

}  // namespace strongroom::barrier
