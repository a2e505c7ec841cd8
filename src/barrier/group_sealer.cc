#include "barrier/group_sealer.h"

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
    if (const auto table = static_cast<store::Table>(get_be(std::string_view(p.key).substr(0, 4)));
        table == store::Table::format || table == store::Table::keyring) {
      out_.push_back({p.key, p.value ? std::optional<std::string>(view(*p.value)) : std::nullopt});
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

Status GroupSealer::finish() {
  for (const auto& c : directories_.changed()) SR_TRY(put(c.key, c.plain, c.revision));
  set_.revision = last_;
  set_.keyring_generation = keys_.keyring().generation;
  const SecretText plain = set_.encode();
  return put(set_hash_key(), view(plain), last_);
}

Status GroupSealer::put(std::string_view key, std::optional<std::string_view> plain,
                        store::Revision revision) {
  store::Write w{std::string(key), std::nullopt};
  if (plain) {
    auto sealed = keys_.seal(key, revision, *plain, random_);
    if (!sealed) return std::unexpected(std::move(sealed).error());
    w.value = *std::move(sealed);
  }
  if (counted(key)) SR_TRY(count(key, w.value));
  out_.push_back(std::move(w));
  return {};
}

Status GroupSealer::count(std::string_view key, const std::optional<std::string>& stored) {
  auto [at, first] = written_.try_emplace(std::string(key));
  if (first) {
    auto before = newest_.get(key);
    if (!before) return std::unexpected(std::move(before).error());
    if (*before) {
      auto e = element(keys_, key, **before);
      if (!e) return std::unexpected(std::move(e).error());
      at->second = *e;
    }
  }
  if (at->second) set_.remove(*at->second);
  at->second.reset();
  if (!stored) return {};
  auto e = element(keys_, key, *stored);
  if (!e) return std::unexpected(std::move(e).error());
  set_.add(*e);
  at->second = *e;
  return {};
}

}  // namespace strongroom::barrier
