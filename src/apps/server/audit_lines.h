// Records of the audit log as JSON for `audit show`: Vault's answer line with our sequence number in front;
// events of the server itself in a shorter form.
#pragma once
#include <cstdint>
#include <vector>

#include "audit/log.h"
#include "base/secret.h"

namespace strongroom::apps::server {

// Sequence numbers shown start at 1; records after `after`, at most `most`.
Result<std::vector<SecretText>> audit_lines(const audit::Log&, std::uint64_t after, std::size_t most);

}  // namespace strongroom::apps::server
