// Redaction: parameters and replies on their way into the audit log. Every value from outside becomes an
// HMAC, numbers and booleans of user data included, unless its field is flagged plain or the mount says so.
// What is flagged unrecorded is not even that.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "audit/redact.h"
#include "audit/tree.h"
#include "schema/field.h"

namespace strongroom::core {

// The parameters as sent: known fields by their kind, unknown ones wholly hashed. Empty when there are none.
audit::Tree redact_input(const schema::Codec*, const schema::Input&, std::span<const std::string> plain_keys,
                         const audit::Redactor&);

// Takes a reply's walk.
class AuditSink final : public schema::Sink {
 public:
  AuditSink(audit::Tree& out, const audit::Redactor& redactor, std::span<const std::string> plain_keys)
      : tree_(out), redactor_(redactor), plain_keys_(plain_keys) {}
  void open(Shape) override;
  void close(Shape) override;
  void key(std::string_view name, Show) override;
  void text(std::string_view, Show) override;
  void integer(std::int64_t) override;
  void boolean(bool) override;
  void null() override;
  void raw(std::string_view json) override;

 private:
  bool shown() const noexcept { return plain_depth_ != 0 || plain_next_; }
  void value_done() noexcept { plain_next_ = false; }
  // Whether a value is one of those that are never recorded: a null stands in its place.
  bool withheld() noexcept;
  audit::tree::Writer tree_;
  const audit::Redactor& redactor_;
  std::span<const std::string> plain_keys_;
  std::size_t depth_ = 0;
  std::size_t plain_depth_ = 0;  // depth at which a plain value opened
  bool plain_next_ = false;
  bool withhold_next_ = false;
  std::size_t withhold_depth_ = 0;  // depth at which a withheld value opened
};

}  // namespace strongroom::core
