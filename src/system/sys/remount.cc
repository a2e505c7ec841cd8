#include "system/sys/remount.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/pack.h"
#include "base/path.h"
#include "core/texts.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
constexpr auto kKept = std::chrono::hours(24);  // how long the status of a move is told

std::string status_key(std::string_view id) { return core::setting("remount/") + std::string(id); }

constexpr std::array<std::string_view, 4> kFixed{"sys/", "cubbyhole/", "identity/", "auth/token/"};
}  // namespace

struct Remount::Move {
  std::string from, to;
  static constexpr auto fields() {
    return std::array{field<&Move::from>("from", "Where the mount is."),
                      field<&Move::to>("to", "Where it goes.")};
  }
};
struct Remount::Queued {
  std::string migration_id;
  static constexpr auto fields() {
    return std::array{field<&Queued::migration_id>("migration_id", "Names this move.", kPlain)};
  }
};
struct Remount::Which {
  std::string migration_id;
  static constexpr auto fields() {
    return std::array{field<&Which::migration_id>("migration_id", "The id that the move replied.",
                                                  schema::in_path | kPlain)};
  }
};
struct Remount::Moved {
  struct Ends {
    std::string source_mount, target_mount, status;
    static constexpr auto fields() {
      return std::array{
          field<&Ends::source_mount>("source_mount", "Where the mount was."),
          field<&Ends::target_mount>("target_mount", "Where it is."),
          field<&Ends::status>("status", "Always success: a move that fails is refused at once.", kPlain)};
    }
  };
  std::string migration_id;
  Ends migration_info;
  static constexpr auto fields() {
    return std::array{field<&Moved::migration_id>("migration_id", "Names the move.", kPlain),
                      field<&Moved::migration_info>("migration_info", "What was moved.")};
  }
};

Result<Remount::Queued> Remount::move(Prompt& p, const Move& in) const {
  if (in.from.empty() || in.to.empty()) return bad("both 'from' and 'to' path must be specified as a string");
  const auto from = core::as_mount_path(in.from);
  const auto to = core::as_mount_path(in.to);
  SR_TRY(Path::from_text(from));
  SR_TRY(Path::from_text(to));
  const bool is_auth = from.starts_with("auth/");
  if (std::ranges::any_of(kFixed, [&](auto f) { return from.starts_with(f); }) || from == "auth/" ||
      from.starts_with("audit/"))
    return bad("from: what is always mounted cannot be moved");
  if (std::ranges::any_of(kFixed, [&](auto f) { return to.starts_with(f); }) || to == "auth/" || to == "/" ||
      to.starts_with("audit/") || to.starts_with("auth/") != is_auth)
    return bad("to: must be a path of the same kind: of secrets engines, or below auth/ for auth methods");

  // Whoever moves a mount takes it from one set of policies to another: that needs what ending it there and
  // beginning it here would need.
  const std::vector<std::string> policies(p.caller.policies.begin(), p.caller.policies.end());
  SR_LET(const auto acl, permissions_.acl_of(p.txn, policies));
  const auto may = [&](identity::Operation op, const std::string& mount) {
    const auto path = is_auth ? "sys/" + mount : "sys/mounts/" + mount;
    identity::Check check;
    check.operation = op;
    check.path = std::string_view(path).substr(0, path.size() - 1);
    return acl->decide(check).allowed;
  };
  if (!may(identity::Operation::remove, from) ||
      (!may(identity::Operation::update, to) && !may(identity::Operation::create, to)))
    return fail(Code::permission_denied, core::kPolicyDenied);

  SR_LET(const auto router, mounts_.router(p.txn));
  const auto* mounted = router->exact(from);
  if (mounted == nullptr) return bad("from: no matching mount at this path");
  for (const auto& [path, m] : router->all())
    if ((m->view.clazz == engine::Class::auth) == is_auth && (to.starts_with(path) || path.starts_with(to)))
      return bad(fmt::format("path already in use at \"{}\"", path));
  auto entry = mounted->entry;
  entry.path = to;
  SR_TRY(mounts_.change(p.txn, entry));

  Queued out{core::uuid(p.random)};
  SecretText record;
  Packer(record).signed_number(p.now.time_since_epoch().count()).text(from).text(to);
  // Of old moves nothing more is told.
  const auto first = status_key("");
  std::vector<std::string> old;
  SR_TRY(p.txn.scan(first, store::after_prefix(first), [&](std::string_view key, const SecretText& stored) {
    Unpacker u(view(stored));
    if (WallTime(Nanoseconds(u.signed_number())) + kKept < p.now) old.emplace_back(key);
    return true;
  }));
  for (auto& key : old) p.txn.erase(std::move(key));
  p.txn.put(status_key(out.migration_id), std::move(record));
  p.aside.frame = engine::Frame::merged;
  p.aside.warnings.emplace_back(
      "The mount has been moved. sys/remount/status with this migration id tells so for 24 hours.");
  return out;
}

Result<std::optional<Remount::Moved>> Remount::status(Prompt& p, const Which& in) const {
  SR_LET(const auto stored, p.txn.get(status_key(in.migration_id)));
  if (!stored) return std::optional<Moved>();
  Unpacker u(view(*stored));
  u.signed_number();
  Moved out;
  out.migration_id = in.migration_id;
  out.migration_info.source_mount = u.text();
  out.migration_info.target_mount = u.text();
  out.migration_info.status = "success";
  SR_TRY(u.done("remount"));
  return std::optional(std::move(out));
}

namespace {
constexpr std::array kRoutes{
    route<&Remount::move>(Verb::write, "remount", "Move a mount to another path", engine::sudo, "remount"),
    route<&Remount::status>(Verb::read, "remount/status/{migration_id}", "Show how a move ended",
                            engine::guarded, "remount-status"),
};
}  // namespace
std::span<const engine::Route> Remount::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
