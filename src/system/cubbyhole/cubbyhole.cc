#include "system/cubbyhole/cubbyhole.h"

namespace strongroom::system::cubbyhole {
namespace {
using engine::Prompt;
using engine::route;
using engine::route_with_exists;
using engine::Verb;
using schema::field;
constexpr std::string_view kPathHelp = "Path of the record in the caller's own cubbyhole.";
constexpr std::string_view kReply = "response";  // where a wrapping token finds what it wraps

Status must_be_service(const Prompt& p) {
  if (p.caller.token == 0) return bad("cubbyhole operations are only supported by 'service' type tokens");
  return {};
}
}  // namespace

struct Cubbyhole::At {
  std::string path;
  static constexpr auto fields() { return std::array{field<&At::path>("path", kPathHelp, schema::in_path)}; }
};
struct Cubbyhole::Write {
  std::string path;
  schema::RawJson data;
  static constexpr auto fields() {
    return std::array{
        field<&Write::path>("path", kPathHelp, schema::in_path),
        field<&Write::data>("data", "The body is the record: an object with at least one member.",
                            schema::whole_body)};
  }
};
struct Cubbyhole::Folder {
  std::string path;
  static constexpr auto fields() {
    return std::array{field<&Folder::path>("path", "Path in the caller's own cubbyhole.", schema::in_path)};
  }
};
struct Cubbyhole::Names {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{field<&Names::keys>("keys", "Names; folders end in a slash.")};
  }
};

Result<std::optional<schema::StoredJson>> Cubbyhole::read(Prompt& p, const At& in) const {
  SR_TRY(must_be_service(p));
  if (in.path.empty()) return bad("missing path");
  if (in.path == kReply) {
    SR_LET(const auto wrapped, cubbyholes_.reply(p.txn, p.caller.token));
    if (wrapped) {
      p.aside.warnings.emplace_back(
          "Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap to unwrap "
          "responses, as it provides additional security checks and other benefits.");
      schema::StoredJson out;
      out.bytes = "{\"response\":";
      json::append_quoted(out.bytes, view(wrapped->envelope));
      out.bytes += '}';
      return out;
    }
  }
  SR_LET(auto payload, cubbyholes_.get(p.txn, p.caller.token, in.path));
  if (!payload) return std::nullopt;
  return schema::StoredJson{*std::move(payload)};
}

Result<bool> Cubbyhole::exists(Prompt& p, const Write& in) const {
  if (p.caller.token == 0 || in.path.empty()) return true;
  SR_LET(const auto payload, cubbyholes_.get(p.txn, p.caller.token, in.path));
  return payload.has_value();
}

Result<schema::Empty> Cubbyhole::write(Prompt& p, const Write& in) const {
  SR_TRY(must_be_service(p));
  if (in.path.empty()) return bad("missing path");
  if (!in.data.node.is_object() || in.data.node.size() == 0)
    return bad("missing data fields: the body must be an object with at least one member");
  SR_TRY(tokens_.mark_cubbyhole(p.txn, p.caller.token));
  SR_TRY(cubbyholes_.put(p.txn, p.caller.token, in.path, in.data.node.source()));
  return schema::Empty{};
}

Result<schema::Empty> Cubbyhole::erase(Prompt& p, const At& in) const {
  SR_TRY(must_be_service(p));
  if (in.path.empty()) return bad("missing path");
  SR_TRY(cubbyholes_.erase(p.txn, p.caller.token, in.path));
  return schema::Empty{};
}

Result<std::optional<Cubbyhole::Names>> Cubbyhole::list(Prompt& p, const Folder& in) const {
  SR_TRY(must_be_service(p));
  auto folder = in.path;
  if (!folder.empty() && !folder.ends_with('/')) folder += '/';
  Names out;
  SR_LET(out.keys, cubbyholes_.list(p.txn, p.caller.token, folder));
  if (out.keys.empty()) return std::optional<Names>();
  return std::optional<Names>(std::move(out));
}
Result<std::optional<Cubbyhole::Names>> Cubbyhole::list_all(Prompt& p, const schema::Empty&) const {
  return list(p, {});
}

namespace {
constexpr std::array kRoutes{
    route<&Cubbyhole::list_all>(Verb::list, "", "List the caller's own records"),
    route<&Cubbyhole::list>(Verb::list, "{path...}", "List the caller's own records"),
    route<&Cubbyhole::read>(Verb::read, "{path...}", "Read a record of the caller's own", engine::guarded,
                            "cubbyhole-read"),
    route_with_exists<&Cubbyhole::write, &Cubbyhole::exists>(
        Verb::write, "{path...}", "Write a record of the caller's own", engine::guarded, "cubbyhole-write"),
    route<&Cubbyhole::erase>(Verb::erase, "{path...}", "Delete a record of the caller's own", engine::guarded,
                             "cubbyhole-delete"),
};
}  // namespace

std::span<const engine::Route> Cubbyhole::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::cubbyhole
