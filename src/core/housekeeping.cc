// The mount table's changes, and what the server does by itself: expiry, sweeping, erasure of unmounted
// ranges.
#include "core/core.h"
#include "core/texts.h"

namespace strongroom::core {
namespace {
constexpr Nanoseconds kSaveTime = Seconds(10);
}

// ------------------------------------------------------------------ mounts

Result<std::shared_ptr<const Router>> Core::router(store::Txn& txn) {
  SR_LET(const auto epoch, txn.revision_of(mount_epoch_key()));
  {
    const std::lock_guard guard(router_mutex_);
    if (router_ && router_->epoch() == epoch.value_or(0)) return router_;
  }
  std::vector<Mounted> fixed;
  {
    const std::lock_guard guard(keys_mutex_);
    fixed = fixed_;
  }
  SR_LET(auto made, Router::load(txn, fixed, kinds_, settings_.default_lease_ttl, settings_.max_lease_ttl));
  const std::lock_guard guard(router_mutex_);
  for (const auto& [path, m] : made->all())
    if (m->entry.number >= store::kFirstMount && !open_mounts_.contains(m->entry.number)) {
      SR_TRY(parts_.barrier.open_mount(m->entry.number, m->entry.wrapped_keys));
      open_mounts_.insert(m->entry.number);
    }
  if (!router_ || router_->epoch() < made->epoch()) router_ = made;
  return made;
}

Status Core::enable(store::Txn& txn, MountEntry entry) {
  auto& random = parts_.env.random;
  SR_LET(const auto stored, txn.get(setting("mount-number")));
  entry.number = stored && stored->size() == 8 ? static_cast<std::uint32_t>(get_be(view(*stored))) + 1
                                               : store::kFirstMount;
  std::string text;
  put_u64(text, entry.number);
  txn.put(setting("mount-number"), SecretText(text));
  entry.accessor = entry.type + "_" + hex8(random);
  entry.uuid = uuid(random);
  SR_LET(entry.wrapped_keys, parts_.barrier.new_mount_keys(entry.number));
  return change(txn, entry);
}

Status Core::change(store::Txn& txn, const MountEntry& entry) {
  txn.put(entry.number == 0 ? fixed_mount_key(entry.path) : mount_key(entry.number), pack(entry));
  txn.put(mount_epoch_key(), SecretText("m"));
  return {};
}

Status Core::disable(store::Txn& txn, const Mounted& mounted) {
  auto entry = mounted.entry;
  entry.deleting = true;
  return change(txn, entry);
}

// ------------------------------------------------------------------ housekeeping

void Core::record_counts(Health health) {
  const auto append = [this](std::string_view what, std::string_view outcome, std::string address,
                             std::uint64_t count) {
    audit::Record record;
    record.what = audit::What::aggregate;
    record.time = server_time();
    record.operation = what;
    record.outcome = outcome;
    record.remote_address = std::move(address);
    record.count = count;
    parts_.log.append(std::move(record), [](Status) {});
  };
  for (auto& c : floods_.take_counted()) {
    if (c.kind == Floods::Kind::refused)
      append("refused", name(Code::unauthenticated), std::move(c.address), c.count);
    else
      append("answered", "ok", std::move(c.address), c.count);
  }
  const auto now = parts_.env.clock.ticks().time_since_epoch().count();
  if (health == Health::hourly && now - health_recorded_ < Nanoseconds(std::chrono::hours(1)).count()) return;
  health_recorded_ = now;
  if (const auto count = floods_.take_health(); count != 0) append("health", "ok", {}, count);
}

void Core::tick() {
  meters_.tick();
  end_feeds();
  if (sealed()) return;
  apply_audit_devices();
  record_counts(Health::hourly);
  ceremonies_.tick();
  constexpr std::size_t kBatch = 1000;
  const auto once = [&](auto&& work) {
    auto snapshot = parts_.store.snapshot();
    if (!snapshot) return false;
    store::Txn txn(**snapshot, parts_.barrier);
    const auto result = work(txn);
    if (!result && result.error().code != Code::conflict && result.error().code != Code::sealed)
      parts_.env.log.warn("housekeeping failed", {{"code", std::string(name(result.error().code))},
                                                  {"detail", result.error().detail}});
    return result && *result;
  };
  // Ahead of the wall clock nobody else knows what time it is: a restart must not bring back what has
  // expired. The two come together again, by a step for each second.
  const auto time = server_time();
  const auto ahead = time - parts_.env.clock.now();
  if (ahead > Seconds(1) && time - time_saved_ >= kSaveTime && !sealed()) {
    once([&](store::Txn& txn) -> Result<bool> {
      put_time_mark(txn, time);
      SR_TRY(commit_own(txn, "time-mark", 0));
      time_saved_ = time;
      return false;
    });
  }
  if (ahead > kTimeStep) time_ahead_ -= kTimeStep.count();
  using Swept = identity::Tokens::Swept;
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    std::vector<std::uint64_t> expired;
    SR_LET(const auto swept, tokens_.expire(txn, server_time(), kBatch, expired));
    if (txn.dirty()) SR_TRY(commit_own(txn, "expire", expired.size()));
    meters_.tokens_expired.add(expired.size());
    return swept == Swept::more;
  })) {
  }
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    SR_LET(const auto swept, tokens_.sweep(txn, kBatch));
    if (txn.dirty()) SR_TRY(commit_own(txn, "sweep", 0));
    return swept == Swept::more;
  })) {
  }
  // What an operator asked for with auth/token/tidy. A step that lost a conflict is done again next time.
  std::size_t tidied = 0;
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    const auto from = tokens_.tidy_from();
    if (!from) return false;
    SR_LET(auto step, tokens_.tidy(txn, *from, server_time(), kBatch));
    if (txn.dirty()) SR_TRY(commit_own(txn, "tidy", step.removed));
    tidied += step.removed;
    const bool more = step.next.has_value();
    if (!more) parts_.env.log.info("tokens are tidy", {{"removed", std::to_string(tidied)}});
    tokens_.tidied(std::move(step.next));
    return more;
  })) {
  }
  // Cubbyholes of tokens that are gone.
  constexpr std::size_t kGraves = 100;
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    SR_LET(const auto graves, tokens_.graves(txn, kGraves));
    for (const auto token : graves) {
      SR_TRY(cubbyholes_.erase_all(txn, token));
      tokens_.close_grave(txn, token);
    }
    if (txn.dirty()) SR_TRY(commit_own(txn, "erase-cubbyholes", graves.size()));
    return graves.size() == kGraves;
  })) {
  }
  // Unmounted ranges: records, then directory chunks, then the entry with its keys. A crash goes on here.
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    std::optional<std::uint32_t> gone;
    const auto table = store::table_key(store::Table::mount);
    Status bad;
    SR_TRY(txn.scan(table, store::after_prefix(table), [&](std::string_view key, const SecretText& value) {
      const auto number = static_cast<std::uint32_t>(get_be(key.substr(4)));
      auto entry = unpack_mount(number, view(value));
      if (!entry) {
        bad = std::unexpected(std::move(entry).error());
        return false;
      }
      if (entry->deleting) gone = number;
      return !gone;
    }));
    if (!bad) return std::unexpected(std::move(bad).error());
    if (!gone) return false;
    std::size_t left = kBatch;
    for (const auto& prefix :
         {store::table_key(*gone), store::table_key(store::Table::directory) + store::table_key(*gone)}) {
      std::vector<std::string> keys;
      SR_TRY(txn.scan_keys(prefix, store::after_prefix(prefix), [&](std::string_view key) {
        keys.emplace_back(key);
        return keys.size() < left;
      }));
      left -= keys.size();
      for (auto& k : keys) txn.erase(std::move(k));
      if (left == 0) break;
    }
    if (left != 0) txn.erase(mount_key(*gone));
    SR_TRY(commit_own(txn, "erase-unmounted", kBatch - left));
    if (left != 0) {
      const std::lock_guard guard(router_mutex_);
      open_mounts_.erase(*gone);
      parts_.barrier.close_mount(*gone);
    }
    return true;
  })) {
  }
}

}  // namespace strongroom::core
