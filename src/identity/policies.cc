#include "identity/policies.h"

#include <algorithm>

#include "base/pack.h"
#include "store/tables.h"

namespace strongroom::identity {
namespace {
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kMostCompiled = 1024;

std::string key(std::string_view name) {
  auto k = store::table_key(store::Table::policy);
  put_u32(k, 0);  // the root namespace
  k += name;
  return k;
}
}  // namespace

std::string Policies::epoch_key() { return store::table_key(store::Table::settings) + "policy-epoch"; }

Result<std::optional<PolicyEntry>> Policies::get(store::Txn& txn, std::string_view name) const {
  SR_LET(const auto stored, txn.get(key(name)));
  if (!stored) return std::nullopt;
  Unpacker u(view(*stored));
  PolicyEntry e;
  e.name = name;
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "policy format");
  e.text = u.text();
  e.modified = WallTime(Nanoseconds(u.signed_number()));
  e.version = u.signed_number();
  e.cas_required = u.number() != 0;
  SR_TRY(u.done("policy"));
  return e;
}

void Policies::put(store::Txn& txn, const PolicyEntry& e) const {
  SecretText out;
  Packer(out)
      .number(kFormat)
      .text(e.text)
      .signed_number(e.modified.time_since_epoch().count())
      .signed_number(e.version)
      .number(e.cas_required ? 1 : 0);
  txn.put(key(e.name), std::move(out));
  txn.put(epoch_key(), SecretText("p"));
}

void Policies::erase(store::Txn& txn, std::string_view name) const {
  txn.erase(key(name));
  txn.put(epoch_key(), SecretText("p"));
}

Result<std::vector<std::string>> Policies::names(store::Txn& txn) const {
  std::vector<std::string> names{"root"};
  const auto first = key({});
  SR_TRY(txn.scan_keys(first, store::after_prefix(first), [&](std::string_view k) {
    names.emplace_back(k.substr(8));
    return true;
  }));
  std::ranges::sort(names);
  return names;
}

Result<std::shared_ptr<const Acl>> Policies::acl(store::Txn& txn, const std::vector<std::string>& names,
                                                 WallTime now) const {
  SR_LET(const auto epoch, txn.revision_of(epoch_key()));
  std::string joined;
  for (const auto& n : names) {  // with its length: a name may hold any byte
    put_u32(joined, static_cast<std::uint32_t>(n.size()));
    joined += n;
  }
  {
    const std::lock_guard guard(mutex_);
    const auto hit = cache_.find(joined);
    if (hit != cache_.end() && hit->second.epoch == epoch.value_or(0) &&
        (!hit->second.acl->valid_until() || now < *hit->second.acl->valid_until()))
      return hit->second.acl;
  }
  std::vector<Policy> parsed;
  for (const auto& n : names) {
    if (n == "root") {
      parsed.push_back(Policy{"root", {}, {}});
      continue;
    }
    SR_LET(const auto entry, get(txn, n));
    if (!entry) continue;
    SR_LET(auto policy, parse_policy(n, entry->text));
    parsed.push_back(std::move(policy));
  }
  std::vector<const Policy*> pointers;
  pointers.reserve(parsed.size());
  for (const auto& p : parsed) pointers.push_back(&p);
  SR_LET(auto compiled,
         Acl::compile(pointers, CompileOptions{.now = now, .templates = nullptr, .fold_below = {}}));
  auto shared = std::make_shared<const Acl>(std::move(compiled));
  const std::lock_guard guard(mutex_);
  if (cache_.size() >= kMostCompiled) cache_.clear();
  cache_[std::move(joined)] = {epoch.value_or(0), shared};
  return shared;
}

void Policies::forget() noexcept {
  const std::lock_guard guard(mutex_);
  cache_.clear();
}

}  // namespace strongroom::identity
