#include "core/wrapping.h"

namespace strongroom::core {
namespace {
constexpr const char* kPolicy = "response-wrapping";
std::unexpected<Error> invalid() {
  return fail(Code::invalid_argument, "wrapping token is not valid or does not exist");
}
}  // namespace

Result<Wrapping::Found> Wrapping::find(store::Txn& txn, std::string_view token, WallTime now) const {
  if (token.empty()) return invalid();
  SR_LET(const auto record, tokens_.find(txn, token, now));
  if (!record || record->policies.size() != 1 || record->policies.front() != kPolicy) return invalid();
  SR_LET(auto reply, cubbyholes_.reply(txn, record->number));
  if (!reply) return invalid();
  return Found{*std::move(reply), record->display_name};
}

Result<Wrapping::Found> Wrapping::redeem(store::Txn& txn, std::string_view token, WallTime now) const {
  SR_LET(auto found, find(txn, token, now));
  SR_LET(const auto record, tokens_.find(txn, token, now));
  if (!record) return invalid();
  SR_TRY(cubbyholes_.erase_all(txn, record->number));
  auto emptied = *record;
  emptied.has_cubbyhole = false;
  SR_TRY(tokens_.revoke(txn, emptied));
  return found;
}

Result<engine::Wrapped> Wrapping::wrap(store::Txn& txn, identity::WrappedReply reply,
                                       const std::string& display_name, WallTime now) const {
  identity::NewToken want(identity::Lifetime::of(reply.creation_ttl));
  want.policies = {kPolicy};
  want.display_name = display_name;
  want.path = reply.creation_path;
  want.explicit_max_ttl = want.max_ttl = reply.creation_ttl;
  want.num_uses = 1;
  want.renewable = false;
  want.has_cubbyhole = true;
  SR_LET(auto made, tokens_.create(txn, want, now, random_));
  reply.creation_time = now;
  cubbyholes_.put_reply(txn, made.record.number, reply);
  engine::Wrapped w;
  w.token = std::move(made.id);
  w.accessor = tokens_.accessor_of(made.record.number);
  w.ttl = reply.creation_ttl;
  w.creation_time = now;
  w.creation_path = std::move(reply.creation_path);
  return w;
}

}  // namespace strongroom::core
