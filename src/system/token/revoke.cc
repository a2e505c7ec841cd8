// Revoking tokens: auth/token/revoke, revoke-self, revoke-accessor, revoke-orphan; and tidy.
#include "system/token/types.h"

namespace strongroom::system::token {
using engine::Prompt;

Result<schema::Empty> Token::revoke(Prompt& p, const Named& in) const {
  if (!in.token || in.token->empty()) return bad("missing token ID");
  SR_LET(const auto record, tokens_.find(p.txn, in.token->reveal_text(Reveal::to_cipher), p.now));
  if (record) SR_TRY(tokens_.revoke(p.txn, *record));
  return schema::Empty{};
}
Result<schema::Empty> Token::revoke_self(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto record, caller(p));
  SR_TRY(tokens_.revoke(p.txn, *record));
  return schema::Empty{};
}
Result<schema::Empty> Token::revoke_accessor(Prompt& p, const ByAccessor& in) const {
  if (!in.accessor || in.accessor->empty()) return bad("1 error occurred:\n\t* missing accessor\n\n");
  SR_LET(const auto record, tokens_.find_by_accessor(p.txn, *in.accessor, p.now));
  if (record)
    SR_TRY(tokens_.revoke(p.txn, *record));
  else
    p.aside.warnings.emplace_back("No token found with this accessor");
  return schema::Empty{};
}
Result<schema::Empty> Token::revoke_orphan(Prompt& p, const Named& in) const {
  if (!in.token || in.token->empty()) return bad("missing token ID");
  SR_LET(const auto record, tokens_.find(p.txn, in.token->reveal_text(Reveal::to_cipher), p.now));
  if (!record) return bad("token to revoke not found");
  SR_TRY(tokens_.revoke_alone(p.txn, *record));
  return schema::Empty{};
}

Result<schema::Empty> Token::tidy(Prompt& p, const schema::Empty&) const {
  tokens_.ask_for_tidy();
  p.aside.status = 202;
  p.aside.warnings.emplace_back(
      "Tidy operation successfully started. Any information from the operation will be printed to the "
      "server's logs.");
  return schema::Empty{};
}

}  // namespace strongroom::system::token
