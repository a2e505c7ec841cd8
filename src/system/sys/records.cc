// For operators: the store checked, the audit log shown and archived.
#include "system/sys/sys.h"

namespace strongroom::system::sys {
namespace {
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
constexpr std::int64_t kMostLines = 1000;
}  // namespace

struct Sys::StoreReport {
  bool verified = false;
  std::int64_t revision = 0;
  std::vector<std::string> findings;
  static constexpr auto fields() {
    return std::array{
        field<&StoreReport::verified>("verified", "Whether every record is there and as it was written."),
        field<&StoreReport::revision>("revision", "Revision that was checked."),
        field<&StoreReport::findings>("findings", "What is not, by table and key.", kPlain)};
  }
};
struct Sys::LogQuery {
  std::int64_t after = 0, limit = 100;
  static constexpr auto fields() {
    return std::array{field<&LogQuery::after>("after", "Show records after this sequence number."),
                      field<&LogQuery::limit>("limit", "How many, at most 1000.")};
  }
};
struct Sys::LogPage {
  std::vector<schema::StoredJson> records;
  std::string checkpoint;
  static constexpr auto fields() {
    return std::array{field<&LogPage::records>("records", "Records in Vault's format, values as HMACs."),
                      field<&LogPage::checkpoint>("checkpoint", "The newest signed checkpoint.", kPlain)};
  }
};
struct Sys::LogKey {
  std::string verifier_key, checkpoint;
  static constexpr auto fields() {
    return std::array{
        field<&LogKey::verifier_key>("verifier_key", "Public key of the audit log (C2SP).", kPlain),
        field<&LogKey::checkpoint>("checkpoint", "The newest signed checkpoint.", kPlain)};
  }
};
struct Sys::Archive {
  std::int64_t before = 0;
  std::string destination;
  static constexpr auto fields() {
    return std::array{
        field<&Archive::before>("before", "Archive whole segments below this sequence number.",
                                schema::required),
        field<&Archive::destination>("destination", "Directory on the server that takes the bodies.",
                                     schema::required | kPlain)};
  }
};
struct Sys::Archived {
  std::int64_t segments = 0;
  static constexpr auto fields() {
    return std::array{field<&Archived::segments>("segments", "How many segments were moved.")};
  }
};

Result<Sys::StoreReport> Sys::verify_store(engine::Blocking&, const schema::Empty&) const {
  SR_LET(auto report, parts_.records.verify_store());
  return StoreReport{report.verified, static_cast<std::int64_t>(report.revision), std::move(report.findings)};
}

Result<Sys::LogKey> Sys::audit_key(engine::Prompt& p, const schema::Empty&) const {
  p.aside.for_anybody = true;
  return LogKey{parts_.life.verifier_key(), parts_.records.checkpoint()};
}

Result<Sys::LogPage> Sys::audit_log(engine::Blocking&, const LogQuery& in) const {
  if (in.after < 0) return fail(Code::invalid_argument, "after: must not be negative");
  if (in.limit < 1 || in.limit > kMostLines)
    return fail(Code::invalid_argument, "limit: must be between 1 and 1000");
  SR_LET(auto lines, parts_.records.audit_lines(static_cast<std::uint64_t>(in.after),
                                                static_cast<std::size_t>(in.limit)));
  LogPage page;
  for (auto& line : lines) page.records.push_back({std::move(line)});
  page.checkpoint = parts_.records.checkpoint();
  return page;
}

Result<Sys::Archived> Sys::archive_audit(engine::Blocking&, const Archive& in) const {
  if (in.before < 1) return fail(Code::invalid_argument, "before: must be at least 1");
  SR_LET(const auto moved,
         parts_.records.archive_audit(static_cast<std::uint64_t>(in.before), in.destination));
  return Archived{static_cast<std::int64_t>(moved)};
}

namespace {
constexpr std::array kRoutes{
    route<&Sys::verify_store>(Verb::write, "internal/store/verify", "Check every record of the store",
                              engine::sudo),
    route<&Sys::audit_key>(Verb::read, "internal/audit/key",
                           "Public key and newest checkpoint of the audit log", engine::open),
    route<&Sys::audit_log>(Verb::read, "internal/audit/log", "Show the audit log", engine::sudo),
    route<&Sys::archive_audit>(Verb::write, "internal/audit/archive", "Archive old segments of the audit log",
                               engine::sudo | engine::acts),
};
}  // namespace
std::span<const engine::Route> record_routes() { return kRoutes; }

}  // namespace strongroom::system::sys
