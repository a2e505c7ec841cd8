#include "apps/server/audit_lines.h"

#include <fmt/format.h>

#include "audit/sinks/file/vault_lines.h"
#include "base/time.h"
#include "schema/json.h"

namespace strongroom::apps::server {
namespace {

SecretText server_event(const audit::StoredRecord& stored) {
  const auto& r = stored.record;
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("sequence");
  w.integer(static_cast<std::int64_t>(stored.sequence) + 1);
  w.key("time");
  w.string(rfc3339(r.time));
  w.key("type");
  w.string(r.what == audit::What::aggregate ? "aggregate" : "server");
  w.key("request");
  w.begin_object();
  w.key("operation");
  w.string(r.operation);
  w.key("path");
  w.string(r.path);
  w.key("remote_address");
  w.string(r.remote_address);
  w.end_object();
  if (r.count != 0) {
    w.key("count");
    w.integer(static_cast<std::int64_t>(r.count));
  }
  if (r.revision != 0) {
    w.key("revision");
    w.integer(static_cast<std::int64_t>(r.revision));
  }
  w.key("outcome");
  w.string(r.outcome);
  if (!r.error.empty()) {
    w.key("error");
    w.string(r.error);
  }
  w.end_object();
  return out;
}

}  // namespace

Result<std::vector<SecretText>> audit_lines(const audit::Log& log, std::uint64_t after, std::size_t most) {
  SR_LET(const auto records, log.read(after, most));
  std::vector<SecretText> out;
  for (const auto& stored : records) {
    std::string lines;
    audit::sinks::append_vault_lines(lines, stored.record);
    if (lines.empty()) {
      out.push_back(server_event(stored));
      continue;
    }
    // Two lines, each ended by a line feed: the second tells the answer too.
    std::string_view answer = lines;
    answer.remove_suffix(1);
    answer.remove_prefix(answer.rfind('\n') + 1);
    out.emplace_back(fmt::format("{{\"sequence\":{},{}", stored.sequence + 1, answer.substr(1)));
  }
  return out;
}

}  // namespace strongroom::apps::server
