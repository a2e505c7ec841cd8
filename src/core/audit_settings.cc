#include "core/audit_settings.h"

#include <algorithm>

#include "base/pack.h"
#include "core/mounts.h"
#include "core/texts.h"

namespace strongroom::core {
namespace {
constexpr std::uint64_t kFormat = 1;
}  // namespace

std::string audit_devices_key() { return setting("audit-devices"); }

Result<std::vector<AuditDevice>> audit_devices(store::Txn& txn) {
  std::vector<AuditDevice> out;
  SR_LET(const auto stored, txn.get(audit_devices_key()));
  if (!stored) return out;
  Unpacker u(view(*stored));
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "audit devices format");
  for (auto n = u.count(); n > 0; --n) {
    auto& d = out.emplace_back();
    d.path = u.text();
    d.type = u.text();
    d.description = u.text();
    d.options = u.map();
    d.local = u.number() != 0;
    d.id = u.text();
    d.from = u.number();
  }
  SR_TRY(u.done("audit devices"));
  return out;
}

void put_audit_devices(store::Txn& txn, const std::vector<AuditDevice>& devices) {
  SecretText out;
  Packer p(out);
  p.number(kFormat).number(devices.size());
  for (const auto& d : devices)
    p.text(d.path)
        .text(d.type)
        .text(d.description)
        .map(d.options)
        .number(d.local ? 1 : 0)
        .text(d.id)
        .number(d.from);
  txn.put(audit_devices_key(), std::move(out));
}

Result<std::vector<AuditedHeader>> audited_headers(store::Txn& txn) {
  std::vector<AuditedHeader> out;
  SR_LET(const auto stored, txn.get(setting("audit-headers")));
  if (!stored) return out;
  Unpacker u(view(*stored));
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "audit headers format");
  for (auto n = u.count(); n > 0; --n) {
    auto& h = out.emplace_back();
    h.name = u.text();
    h.hashed = u.number() != 0;
  }
  SR_TRY(u.done("audit headers"));
  return out;
}

void put_audited_headers(store::Txn& txn, const std::vector<AuditedHeader>& headers) {
  SecretText out;
  Packer p(out);
  p.number(kFormat).number(headers.size());
  for (const auto& h : headers) p.text(h.name).number(h.hashed ? 1 : 0);
  txn.put(setting("audit-headers"), std::move(out));
  txn.put(mount_epoch_key(), SecretText("h"));
}

bool always_hashed(std::string_view header) noexcept {
  // Names of our own protocol and of everybody's; and whatever calls itself a credential.
  for (const std::string_view name : {"authorization", "proxy-authorization", "cookie", "set-cookie"})
    if (header == name) return true;
  for (const std::string_view part : {"token", "secret", "password", "passwd", "credential", "api-key",
                                      "apikey", "auth", "x-vault-mfa", "cookie", "session", "signature"})
    if (header.find(part) != header.npos) return true;
  return false;
}

Status NoAuditDevices::admits() const {
  return fail(Code::invalid_argument,
              "cannot enable audit device via API; use declarative, config-based audit device management "
              "instead");
}

}  // namespace strongroom::core
