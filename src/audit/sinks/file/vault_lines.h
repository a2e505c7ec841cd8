// Two JSON lines per request, member for member as Vault's file audit device writes them (one before the
// handler, one before the answer), built from the one record that the log holds.
#pragma once
#include <string>
#include <string_view>

#include "audit/record.h"

namespace strongroom::audit::sinks {

// Appends both lines, each behind `prefix`. Server events and aggregates have no counterpart there and give
// no line. The answer's line keeps the request's auth unless a login made the token.
void append_vault_lines(std::string& out, const Record&, std::string_view prefix = {});

}  // namespace strongroom::audit::sinks
