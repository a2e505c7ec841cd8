#include "core/meters.h"

#include <array>

namespace strongroom::core {
namespace {

using metrics::Kind;
using metrics::Labels;
using metrics::Sample;

constexpr std::array<std::string_view, 7> kNames{"read", "list", "write", "patch", "delete", "scan", "help"};

std::size_t operation_of(const Call& call) noexcept {
  return call.help ? kNames.size() - 1 : static_cast<std::size_t>(call.verb);
}
std::string outcome_name(std::size_t outcome) {
  return outcome == 0 ? "ok" : std::string(name(static_cast<Code>(outcome - 1)));
}

Sample in_milliseconds(const metrics::Distribution& all, const metrics::Lately& lately) {
  Sample s;
  s.distribution = lately.since(all);
  s.recent = s.distribution.count;
  for (auto& b : s.distribution.buckets) b.most *= 1000;
  s.distribution.count = all.count;
  s.distribution.sum = all.sum * 1000;
  return s;
}
}  // namespace

void Meters::know(std::vector<std::string> mount_types) {
  types_ = std::move(mount_types);
  types_.emplace_back("none");
  requests_ = std::make_unique<metrics::Cells>(kOperations * kOutcomes * types_.size());
  times_ = std::make_unique<metrics::Histogram>(metrics::time_bounds(), 1e-9, kOperations * types_.size());
}

std::size_t Meters::type_of(std::string_view mount_type) const noexcept {
  std::size_t i = 0;
  while (i + 1 < types_.size() && types_[i] != mount_type) ++i;
  return i;
}

void Meters::answered(const Request& r, const Reply& reply, Nanoseconds took) noexcept {
  if (!requests_) return;
  const std::size_t series = operation_of(r.call) * types_.size() + type_of(reply.mount_type);
  const std::size_t outcome = reply.error ? static_cast<std::size_t>(reply.error->code) + 1 : 0;
  requests_->add(series * kOutcomes + outcome);
  times_->observe(static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())), series);
  if (reply.error) return;
  // A renewal shows its token, too.
  if (reply.aside.auth && !r.call.path.text().starts_with("auth/token/renew")) created_.add(0);
  if (reply.aside.wrap) created_.add(1);
}

metrics::Distribution Meters::all_requests() const {
  metrics::Distribution all;
  for (std::size_t i = 0; i < times_->series(); ++i) all += times_->read(i);
  return all;
}

void Meters::tick() {
  lately_.remember(all_requests());
  audit_lately_.remember(audit_wait.read());
}

void Meters::describe(metrics::Registry& all) const {
  all.add({"strongroom_requests_total",
           "Requests answered.",
           Kind::counter,
           {"operation", "mount_type", "outcome"},
           {},
           [this] {
             std::vector<Sample> out;
             for (std::size_t i = 0; i < requests_->size(); ++i)
               if (const auto n = requests_->sum(i); n != 0)
                 out.push_back({{{"operation", std::string(kNames[i / kOutcomes / types_.size()])},
                                 {"mount_type", types_[i / kOutcomes % types_.size()]},
                                 {"outcome", outcome_name(i % kOutcomes)}},
                                static_cast<double>(n)});
             return out;
           }});
  all.add({"strongroom_request_duration_seconds",
           "From the last byte of a request to its answer, durable record included.",
           Kind::histogram,
           {"operation", "mount_type"},
           {},
           [this] {
             std::vector<Sample> out;
             for (std::size_t i = 0; i < times_->series(); ++i)
               if (auto d = times_->read(i); d.count != 0)
                 out.push_back({{{"operation", std::string(kNames[i / types_.size()])},
                                 {"mount_type", types_[i % types_.size()]}},
                                0,
                                std::move(d)});
             return out;
           }});
  const auto count = [](const metrics::Counter& c) {
    return [&c] { return static_cast<double>(c.value()); };
  };
  const auto times = [](const metrics::Histogram& h) { return [&h] { return h.read(); }; };
  all.number(Kind::counter, "strongroom_commits_total", "Transactions made durable.", count(commits));
  all.distribution("strongroom_commit_group_size", "Transactions made durable by one sync of the store.",
                   times(group_size));
  all.distribution("strongroom_commit_duration_seconds",
                   "From the hand-over of a transaction to its durable commit.", times(commit_wait));
  all.number(Kind::counter, "strongroom_commit_conflicts_total",
             "Transactions that lost a race and ran again.", count(conflicts));
  all.number(Kind::counter, "strongroom_commit_failures_total",
             "Requests whose transaction could not be made durable.", count(commit_failures));
  all.distribution("strongroom_audit_wait_seconds",
                   "From the hand-over of a request's audit record to its durability, for requests without a "
                   "transaction.",
                   times(audit_wait));
  all.number(Kind::counter, "strongroom_audit_failures_total",
             "Requests refused because the audit log could not take their record.", count(audit_failures));
  all.add({"strongroom_tokens_created_total", "Tokens handed out.", Kind::counter, {"kind"}, {}, [this] {
             return std::vector<Sample>{{{{"kind", "issued"}}, static_cast<double>(created_.sum(0))},
                                        {{{"kind", "wrapping"}}, static_cast<double>(created_.sum(1))}};
           }});
  all.number(Kind::counter, "strongroom_tokens_expired_total", "Tokens whose time had run out.",
             count(tokens_expired));
  all.number(Kind::counter, "strongroom_tokens_revoked_total",
             "Tokens that ended before their time: revoked, used up, or gone with their parent.", [this] {
               const auto removed = tokens_removed.value();
               const auto expired = tokens_expired.value();
               return static_cast<double>(removed - std::min(removed, expired));
             });

  // What dashboards made for Vault ask for. Milliseconds, as there.
  all.add({"vault_core_handle_request",
           "Time of all requests in milliseconds, with quantiles of the last ten seconds.",
           Kind::summary,
           {},
           "vault.core.handle_request",
           [this] { return std::vector<Sample>{in_milliseconds(all_requests(), lately_)}; }});
  all.number(
      Kind::counter, "vault_token_creation", "Tokens handed out.",
      [this] { return static_cast<double>(created_.sum(0) + created_.sum(1)); }, "vault.token.creation");
  for (const auto& [name, dotted] : {std::pair{"vault_audit_log_request", "vault.audit.log_request"},
                                     std::pair{"vault_audit_log_response", "vault.audit.log_response"}})
    all.add(
        {name,
         "Time until a record is durable in milliseconds, with quantiles of the last ten seconds; one record "
         "covers request and response.",
         Kind::summary,
         {},
         dotted,
         [this] { return std::vector<Sample>{in_milliseconds(audit_wait.read(), audit_lately_)}; }});
  for (const auto& [name, dotted] :
       {std::pair{"vault_audit_log_request_failure", "vault.audit.log_request_failure"},
        std::pair{"vault_audit_log_response_failure", "vault.audit.log_response_failure"}})
    all.number(Kind::counter, name, "Requests refused because the audit log could not take their record.",
               count(audit_failures), dotted);
}

}  // namespace strongroom::core
