// What operators set about audit over the API: devices beside the built-in log, and request headers that
// records show. Kept behind the barrier, one record each; core knows no concrete device.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/txn.h"

namespace strongroom::core {

struct AuditDevice {
  std::string path;  // "file/"
  std::string type;  // "file"
  std::string description;
  std::map<std::string, std::string> options;
  bool local = false;      // kept for old clients
  std::string id;          // of this very device; one enabled later at the same path has another
  std::uint64_t from = 0;  // the audit log's first record that it is to have
  bool operator==(const AuditDevice&) const = default;
};

struct AuditedHeader {
  std::string name;     // in lower case
  bool hashed = false;  // shown as an HMAC
  bool operator==(const AuditedHeader&) const = default;
};

// Devices that were enabled over the API, by path; those of the configuration are not among them.
Result<std::vector<AuditDevice>> audit_devices(store::Txn&);
void put_audit_devices(store::Txn&, const std::vector<AuditDevice>&);
std::string audit_devices_key();  // of the record that put_audit_devices writes

// By name. A change is one of the mount table's epoch, too: the router carries them.
Result<std::vector<AuditedHeader>> audited_headers(store::Txn&);
void put_audited_headers(store::Txn&, const std::vector<AuditedHeader>&);

// Headers that may hold a credential: never in clear, whatever was asked for. Takes the lowered name.
bool always_hashed(std::string_view header) noexcept;

// The devices that run: implemented by whoever knows sinks. Any thread.
class AuditDevices {
 public:
  AuditDevices() = default;
  AuditDevices(const AuditDevices&) = delete;
  AuditDevices& operator=(const AuditDevices&) = delete;
  virtual ~AuditDevices() = default;
  // Those of the configuration: they cannot be disabled over the API.
  virtual std::vector<AuditDevice> configured() const = 0;
  // Whether devices may be enabled over the API at all. Code::invalid_argument with what to do instead.
  virtual Status admits() const = 0;
  // Whether this one could be opened, as far as that shows without opening it. Code::invalid_argument names
  // the option and the rule.
  virtual Status check(const AuditDevice&) const = 0;
  // From now on these run beside the configured ones: new ones are opened, others closed and forgotten. One
  // that cannot be opened is tried again at the next call, and misses nothing. This call alone may wait.
  enum class Applied : std::uint8_t { all, some };
  virtual Applied apply(std::span<const AuditDevice>) = 0;
  // Why it does not write now; empty while all is well.
  virtual std::string trouble(std::string_view path) const = 0;
};

class NoAuditDevices final : public AuditDevices {
 public:
  std::vector<AuditDevice> configured() const override { return {}; }
  Status admits() const override;
  Status check(const AuditDevice&) const override { return admits(); }
  Applied apply(std::span<const AuditDevice>) override { return Applied::all; }
  std::string trouble(std::string_view) const override { return {}; }
};

}  // namespace strongroom::core
