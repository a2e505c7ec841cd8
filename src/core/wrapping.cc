#include "core/wrapping.h"

#include "core/texts.h"
#include "crypto/es512.h"

namespace strongroom::core {
namespace {
constexpr const char* kPolicy = "response-wrapping";
constexpr std::string_view kHead = R"({"alg":"ES512","typ":"JWT"})";

std::unexpected<Error> invalid() {
  return fail(Code::invalid_argument, "wrapping token is not valid or does not exist");
}
}  // namespace

Result<std::shared_ptr<const identity::TokenRecord>> Wrapping::record_of(store::Txn& txn,
                                                                         std::string_view token,
                                                                         WallTime now) const {
  if (token.empty()) return invalid();
  Secret inner;
  if (is_jwt(token)) {
    SR_LET(inner, out_of_jwt(txn, token, now));
    token = inner.reveal_text(Reveal::to_cipher);
  }
  SR_LET(auto record, tokens_.find(txn, token, now));
  if (!record || record->policies.size() != 1 || record->policies.front() != kPolicy) return invalid();
  return record;
}

Result<Wrapping::Found> Wrapping::find(store::Txn& txn, std::string_view token, WallTime now) const {
  SR_LET(const auto record, record_of(txn, token, now));
  SR_LET(auto reply, cubbyholes_.reply(txn, record->number));
  if (!reply) return invalid();
  return Found{*std::move(reply), record->display_name};
}

Result<Wrapping::Found> Wrapping::redeem(store::Txn& txn, std::string_view token, WallTime now) const {
  SR_LET(const auto record, record_of(txn, token, now));
  SR_LET(auto reply, cubbyholes_.reply(txn, record->number));
  if (!reply) return invalid();
  SR_TRY(cubbyholes_.erase_all(txn, record->number));
  auto emptied = *record;
  emptied.has_cubbyhole = false;
  SR_TRY(tokens_.revoke(txn, emptied));
  return Found{*std::move(reply), record->display_name};
}

Result<Secret> Wrapping::signing_key(store::Txn& txn) const {
  const auto at = setting("wrapping-jwt-key");
  SR_LET(const auto stored, txn.get(at));
  if (stored) return Secret::copy_of(view(*stored));
  auto made = crypto::new_es512_key();
  txn.put(at, SecretText(made.reveal_text(Reveal::to_cipher)));
  return made;
}

Result<Secret> Wrapping::in_jwt(store::Txn& txn, const engine::Wrapped& w, WallTime now) const {
  SR_LET(const auto key, signing_key(txn));
  const auto seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  SecretText claims;
  json::Writer j(claims);
  j.begin_object();
  j.key("accessor");
  j.string(w.wrapped_accessor);
  j.key("exp");
  j.integer(seconds + w.ttl.count());
  j.key("iat");
  j.integer(seconds);
  j.key("jti");
  j.string(w.token.reveal_text(Reveal::to_caller));
  j.key("nbf");
  j.integer(seconds - 5);
  j.key("type");
  j.string("wrapping");
  j.end_object();
  SecretText text(to_base64url(as_view(kHead)));
  auto body = to_base64url(as_view(view(claims)));
  text.append(1, '.').append(body);
  wipe(body);
  SR_LET(const auto signature, crypto::es512_sign(key, as_view(view(text))));
  text.append(1, '.').append(to_base64url(signature));
  return Secret::copy_of(view(text));
}

Result<Secret> Wrapping::out_of_jwt(store::Txn& txn, std::string_view token, WallTime now) const {
  constexpr std::size_t kLongest = 4096;
  const auto second = token.rfind('.');
  const auto first = token.find('.');
  if (token.size() > kLongest || first == token.npos || first == second) return invalid();
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature) return invalid();
  auto claims = from_base64url(token.substr(first + 1, second - first - 1));
  if (!claims) return invalid();
  Secret inner;
  const auto named = [&]() -> Status {
    const auto doc = json::Doc::parse(as_text(*claims));
    const auto jti = doc ? doc->root().find("jti") : std::nullopt;
    return jti ? schema::Type<Secret>::load(*jti, inner) : invalid();
  }();
  wipe(*claims);
  if (!named) return invalid();
  // A signature is dear to check, and strangers may ask: first, whether there is such a token at all.
  SR_LET(const auto record, tokens_.find(txn, inner.reveal_text(Reveal::to_cipher), now));
  if (!record) return invalid();
  // A key that was never made has signed nothing.
  SR_LET(const auto stored, txn.get(setting("wrapping-jwt-key")));
  if (!stored) return invalid();
  const auto key = Secret::copy_of(view(*stored));
  if (!crypto::es512_verify(key, as_view(token.substr(0, second)), *signature)) return invalid();
  return inner;
}

Result<engine::Wrapped> Wrapping::wrap(store::Txn& txn, identity::WrappedReply reply,
                                       const std::string& display_name, WallTime now, Form form,
                                       const std::string& wrapped_accessor) const {
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
  w.wrapped_accessor = wrapped_accessor;
  if (form == Form::jwt) {
    SR_LET(w.token, in_jwt(txn, w, now));
  }
  return w;
}

}  // namespace strongroom::core
