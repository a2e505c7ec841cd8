// Version 1: one object per path, without versions.
#include "base/time.h"
#include "engines/kv/steps.h"

namespace strongroom::engines::kv {
namespace {
// How long the reader may keep it: the secret's own word, if it can be understood.
std::optional<Seconds> told_ttl(std::string_view payload) {
  if (payload.find("ttl") == payload.npos && payload.find("lease") == payload.npos &&
      payload.find('\\') == payload.npos)
    return std::nullopt;  // no member can have either name
  const auto doc = json::Doc::parse(payload);
  if (!doc) return std::nullopt;
  auto told = doc->root().find("ttl");
  if (!told) told = doc->root().find("lease");
  Seconds ttl{};
  if (!told || !schema::Type<Seconds>::load(*told, ttl) || ttl.count() < 0) return std::nullopt;
  return ttl;
}

void warn_of_pages(engine::Prompt& p, const PlainListAsked& in) {
  if (!in.after && !in.limit) return;
  std::string ignored = in.after ? "after" : "";
  if (in.limit) ignored += ignored.empty() ? "limit" : " limit";
  p.aside.warnings.push_back("Endpoint ignored these unrecognized parameters: [" + ignored + "]");
}

// What has versions is never overwritten: they would be lost to view.
Status must_be_plain(engine::Prompt& p, const engine::Node& node) {
  SR_LET(auto record, p.storage.get(node, {}));
  if (record) SR_TRY(secret::decode_plain(*std::move(record)));
  return {};
}
}  // namespace

Result<std::optional<schema::StoredJson>> Kv::read_plain(engine::Prompt& p, const PathOnly& in) const {
  if (!names_secret(in.path)) return std::nullopt;
  SR_LET(const auto node, p.storage.node(kSecrets, in.path));
  SR_LET(auto record, p.storage.get(node, {}));
  if (!record) return std::nullopt;
  SR_LET(auto plain, secret::decode_plain(*std::move(record)));
  p.aside.lease_duration = told_ttl(view(plain.payload)).value_or(p.mount.default_lease_ttl);
  return schema::StoredJson{std::move(plain.payload)};
}

Result<schema::Empty> Kv::write_plain(engine::Prompt& p, const PlainWrite& in) const {
  SR_TRY(must_name_secret(in.path));
  if (!in.data.node.is_object() || in.data.node.size() == 0)
    return fail(Code::invalid_argument,
                "missing data fields: the body must be an object with at least one member");
  SR_LET(const auto node, p.storage.node(kSecrets, in.path));
  if (p.operation == engine::Operation::create)
    p.storage.list_as(node, engine::Storage::Listed::yes);
  else
    SR_TRY(must_be_plain(p, node));
  p.storage.put(node, {}, secret::encode_plain(p.now, in.data.node.source()));
  return schema::Empty{};
}

Result<schema::Empty> Kv::erase_plain(engine::Prompt& p, const PathOnly& in) const {
  if (!names_secret(in.path)) return schema::Empty{};
  SR_LET(const auto node, p.storage.node(kSecrets, in.path));
  SR_LET(auto record, p.storage.get(node, {}));
  if (!record) return schema::Empty{};
  SR_TRY(secret::decode_plain(*std::move(record)));
  p.storage.erase(node, {});
  p.storage.list_as(node, engine::Storage::Listed::no);
  return schema::Empty{};
}

Result<std::optional<ListGiven>> Kv::list_plain(engine::Prompt& p, const PlainListAsked& in) const {
  SR_LET(auto found, names(p.storage, in.path, {}, 0));
  if (found.keys.names.empty()) return std::nullopt;
  warn_of_pages(p, in);
  return found;
}

Result<ScanGiven> Kv::scan_plain(engine::Blocking& p, const PlainListAsked& in) const {
  ScanGiven out;
  SR_LET(auto found, names_below(p, in.path, {}, 0));
  if (!found.names.empty()) out.keys = std::move(found);
  warn_of_pages(p, in);
  return out;
}

}  // namespace strongroom::engines::kv
