// Result, Status and the one error enum. Errors carry a text for the caller and a detail for the log; neither
// ever holds secret bytes or echoes input.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace strongroom {

enum class Code : std::uint8_t {
  invalid_argument,     // the request is malformed; the message names the field and the rule
  unauthenticated,      // no credential, or one that is unknown, expired or revoked
  permission_denied,    // a valid credential that may not do this
  not_found,            // no such object, path or mount
  conflict,             // lost a race, or a check-and-set did not match
  failed_precondition,  // right request, wrong moment (already initialised, version destroyed)
  unsupported,          // the path exists, the operation does not
  unsupported_media,    // a body of a type this operation does not take
  too_large,            // above a documented limit
  quota_exceeded,       // a rate or count limit of the caller
  sealed,               // the barrier is sealed
  not_leader,           // another node writes
  unavailable,          // cannot now, try again: queue full, draining, log full
  no_space,             // the disk is full; deletes still work
  deadline_exceeded,    // the request's time is over
  fenced,               // another leader has taken the store
  outcome_unknown,      // a commit whose fate is unknown until the store is reopened
  corrupt,              // stored bytes that do not verify
  needs_worker,         // a prompt handler found that it would take too long
  internal,             // a defect
};

// The enumerator's own name, for logs.
std::string_view name(Code) noexcept;

struct Error {
  Code code = Code::internal;
  std::string message;  // shown to the caller
  std::string detail;   // log only
  const char* file = "";
  unsigned line = 0;
};

// GCC 12's std::expected is not [[nodiscard]]; the subclass is.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  using Base::operator=;
};
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message, std::string detail = {},
                                                 const char* file = __builtin_FILE(),
                                                 unsigned line = __builtin_LINE()) {
  return std::unexpected(Error{code, std::move(message), std::move(detail), file, line});
}
// A refusal of what the caller sent: names the field and the rule.
[[nodiscard]] inline std::unexpected<Error> bad(std::string message, const char* file = __builtin_FILE(),
                                                unsigned line = __builtin_LINE()) {
  return fail(Code::invalid_argument, std::move(message), {}, file, line);
}

#define SR_CAT_(a, b) a##b
#define SR_CAT(a, b) SR_CAT_(a, b)
// Returns the error of a Status or Result from the enclosing function.
#define SR_TRY(expr)                                                                               \
  do {                                                                                             \
    if (auto sr_status = (expr); !sr_status) return std::unexpected(std::move(sr_status).error()); \
  } while (false)
#define SR_LET_(tmp, decl, expr)                            \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
// Declares a variable from a Result, or returns its error.
#define SR_LET(decl, expr) SR_LET_(SR_CAT(sr_tmp_, __LINE__), decl, expr)

}  // namespace strongroom
