#include "core/mounts.h"

#include "base/pack.h"
#include "store/tables.h"

namespace strongroom::core {
namespace {
constexpr std::uint64_t kFormat = 1;
}

SecretText pack(const MountEntry& m) {
  SecretText out;
  Packer p(out);
  p.number(kFormat)
      .text(m.path)
      .text(m.type)
      .text(m.accessor)
      .text(m.uuid)
      .text(m.description)
      .map(m.options);
  p.signed_number(m.default_lease_ttl.count()).signed_number(m.max_lease_ttl.count());
  p.number((m.force_no_cache ? 1u : 0u) | (m.local ? 2u : 0u) | (m.seal_wrap ? 4u : 0u) |
           (m.deleting ? 8u : 0u) | (m.has_options ? 16u : 0u));
  p.text(m.listing_visibility).texts(m.audit_non_hmac_request_keys).texts(m.audit_non_hmac_response_keys);
  p.texts(m.passthrough_request_headers).texts(m.allowed_response_headers).text(m.wrapped_keys);
  return out;
}

Result<MountEntry> unpack_mount(std::uint32_t number, std::string_view stored) {
  Unpacker u(stored);
  MountEntry m;
  m.number = number;
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "mount format");
  m.path = u.text();
  m.type = u.text();
  m.accessor = u.text();
  m.uuid = u.text();
  m.description = u.text();
  m.options = u.map();
  m.default_lease_ttl = Seconds(u.signed_number());
  m.max_lease_ttl = Seconds(u.signed_number());
  const auto flags = u.number();
  m.force_no_cache = (flags & 1) != 0;
  m.local = (flags & 2) != 0;
  m.seal_wrap = (flags & 4) != 0;
  m.deleting = (flags & 8) != 0;
  m.has_options = (flags & 16) != 0;
  m.listing_visibility = u.text();
  m.audit_non_hmac_request_keys = u.texts();
  m.audit_non_hmac_response_keys = u.texts();
  m.passthrough_request_headers = u.texts();
  m.allowed_response_headers = u.texts();
  m.wrapped_keys = u.text();
  SR_TRY(u.done("mount"));
  return m;
}

std::string as_mount_path(std::string_view typed) {
  while (typed.starts_with('/')) typed.remove_prefix(1);
  std::string path(typed);
  if (!path.ends_with('/')) path += '/';
  return path;
}

std::string mount_key(std::uint32_t number) {
  auto k = store::table_key(store::Table::mount);
  put_u32(k, number);
  return k;
}
std::string fixed_mount_key(std::string_view path) {
  return store::table_key(store::Table::settings) + "fixed-mount/" + std::string(path);
}
std::string mount_epoch_key() { return store::table_key(store::Table::settings) + "mount-epoch"; }

Result<std::shared_ptr<const Router>> Router::load(store::Txn& txn, const std::vector<Mounted>& fixed,
                                                   const Engines& engines, Seconds default_ttl,
                                                   Seconds max_ttl) {
  auto router = std::make_shared<Router>();
  SR_LET(const auto epoch, txn.revision_of(mount_epoch_key()));
  router->epoch_ = epoch.value_or(0);
  std::vector<MountEntry> entries;
  Status bad;
  const auto first = store::table_key(store::Table::mount);
  SR_TRY(txn.scan(first, store::after_prefix(first), [&](std::string_view key, const SecretText& value) {
    auto entry = unpack_mount(static_cast<std::uint32_t>(get_be(key.substr(4))), view(value));
    if (!entry) {
      bad = std::unexpected(std::move(entry).error());
      return false;
    }
    entries.push_back(*std::move(entry));
    return true;
  }));
  if (!bad) return std::unexpected(std::move(bad).error());
  SR_LET(router->audited_headers_, core::audited_headers(txn));
  for (const auto& f : fixed) {
    auto m = std::make_unique<Mounted>(f);
    SR_LET(const auto stored, txn.get(fixed_mount_key(f.entry.path)));
    if (stored) {
      SR_LET(auto tuned, unpack_mount(0, view(*stored)));
      tuned.accessor = f.entry.accessor;
      m->entry = std::move(tuned);
      m->view.description = m->entry.description;
    }
    m->view.default_lease_ttl =
        m->entry.default_lease_ttl.count() != 0 ? m->entry.default_lease_ttl : default_ttl;
    m->view.max_lease_ttl = m->entry.max_lease_ttl.count() != 0 ? m->entry.max_lease_ttl : max_ttl;
    router->by_path_.emplace(m->entry.path, std::move(m));
  }
  for (auto& e : entries) {
    if (e.deleting) continue;
    const auto engine = engines.find(e.type);
    if (engine == engines.end())
      return fail(Code::corrupt, "a mount has an engine that is not built in", e.type);
    auto m = std::make_unique<Mounted>();
    m->view.number = e.number;
    m->view.path = e.path;
    m->view.type = e.type;
    m->view.accessor = e.accessor;
    m->view.uuid = e.uuid;
    m->view.description = e.description;
    m->view.options = e.options;
    m->view.default_lease_ttl = e.default_lease_ttl.count() != 0 ? e.default_lease_ttl : default_ttl;
    m->view.max_lease_ttl = e.max_lease_ttl.count() != 0 ? e.max_lease_ttl : max_ttl;
    m->entry = std::move(e);
    m->engine = engine->second;
    m->routes = m->engine->routes(m->view);
    auto path = m->entry.path;
    router->by_path_.emplace(std::move(path), std::move(m));
  }
  return std::shared_ptr<const Router>(std::move(router));
}

const Mounted* Router::exact(std::string_view path) const noexcept {
  const auto at = by_path_.find(path);
  return at == by_path_.end() ? nullptr : at->second.get();
}

const Mounted* Router::find(std::string_view path) const noexcept {
  // Mount paths end in '/': try each prefix that does, longest first.
  for (auto end = path.rfind('/'); end != std::string_view::npos;
       end = end == 0 ? std::string_view::npos : path.rfind('/', end - 1))
    if (const auto* m = exact(path.substr(0, end + 1))) return m;
  return nullptr;
}

}  // namespace strongroom::core
