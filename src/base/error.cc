#include "base/error.h"

#include <array>

namespace strongroom {

std::string_view name(Code code) noexcept {
  static constexpr std::array<std::string_view, 20> names{"invalid_argument",
                                                          "unauthenticated",
                                                          "permission_denied",
                                                          "not_found",
                                                          "conflict",
                                                          "failed_precondition",
                                                          "unsupported",
                                                          "unsupported_media",
                                                          "too_large",
                                                          "quota_exceeded",
                                                          "sealed",
                                                          "not_leader",
                                                          "unavailable",
                                                          "no_space",
                                                          "deadline_exceeded",
                                                          "fenced",
                                                          "outcome_unknown",
                                                          "corrupt",
                                                          "needs_worker",
                                                          "internal"};
  return names[static_cast<std::size_t>(code)];
}

}  // namespace strongroom
