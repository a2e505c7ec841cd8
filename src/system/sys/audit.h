// sys/audit, sys/audit-hash, sys/config/auditing: devices beside the built-in audit log, HMACs to search it
// with, and the request headers it shows. Vault API: sys/audit, sys/audit-hash, sys/config/auditing.
#pragma once
#include <map>
#include <string>

#include "core/services.h"
#include "engine/engine.h"

namespace strongroom::system::sys {

class Audit final : public engine::Engine {
 public:
  explicit Audit(core::AuditControl& control) : control_(control) {}
  std::string_view type() const noexcept override { return "auditing"; }
  std::span<const engine::Route> routes(const engine::MountView&) const override;

  struct Device;
  struct At;
  struct Enable;
  struct Text;
  struct Hash;
  struct Header;
  struct HeaderAt;
  struct Headers;
  struct SetHeader;
  Result<std::map<std::string, Device>> list(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> enable(engine::Blocking&, const Enable&) const;
  Result<schema::Empty> disable(engine::Prompt&, const At&) const;
  Result<Hash> hash(engine::Prompt&, const Text&) const;
  Result<Headers> headers(engine::Prompt&, const schema::Empty&) const;
  Result<std::map<std::string, Header>> header(engine::Prompt&, const HeaderAt&) const;
  Result<schema::Empty> set_header(engine::Prompt&, const SetHeader&) const;
  Result<schema::Empty> drop_header(engine::Prompt&, const HeaderAt&) const;

 private:
  core::AuditControl& control_;
};

}  // namespace strongroom::system::sys
