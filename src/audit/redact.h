// Redactor: turns what came from outside into what the audit log may hold. A string becomes the HMAC of its
// decoded text, a number or boolean of user data that of its source bytes; names of fields, null and
// structure stay. One key for all exporters, so one value has one MAC everywhere.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "audit/tree.h"
#include "crypto/hmac.h"
#include "schema/json.h"

namespace strongroom::audit {

// Names of the outermost members whose values stay readable, whole subtrees with them (a mount's
// audit_non_hmac_request_keys).
using PlainFields = std::span<const std::string_view>;

// Const calls may come from any thread. 32-byte key; it never comes out again.
class Redactor {
 public:
  explicit Redactor(const Secret& audit_key) : hmac_(audit_key) {}

  Mac mac(std::string_view value) const noexcept { return hmac_.mac(value); }
  // User data: everything but names, null and structure is hashed.
  void redact(json::Node, PlainFields, tree::Writer&) const;
  void redact(json::Node value, tree::Writer& out) const { redact(value, {}, out); }
  // A whole JSON text; a text that does not parse is hashed as one string.
  void redact_text(std::string_view json, PlainFields, tree::Writer&) const;
  // Makes the record fit into 64 KiB: a tree that is too large becomes a keyed digest and a member count.
  // Before the record is encoded.
  void bound(Record&) const;

 private:
  void hashed(json::Node, tree::Writer&) const;
  crypto::Hmac hmac_;
};

// A value as it is: for fields that are flagged plain.
void write_plain(json::Node, tree::Writer&);

std::string display(const Mac&);  // hmac-sha256:<64 hex digits>, as sys/audit-hash answers

}  // namespace strongroom::audit
