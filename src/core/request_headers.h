// RequestHeaders: the HTTP header fields of a request for the few who need one (audit, client certificates),
// without a copy for everybody. The front door moves its parsed request along with the call.
#pragma once
#include <algorithm>
#include <string_view>
#include <vector>

namespace strongroom::core {

// Views live as long as the object. One thread at a time, the one that owns the request.
class RequestHeaders {
 public:
  RequestHeaders() = default;
  RequestHeaders(const RequestHeaders&) = delete;
  RequestHeaders& operator=(const RequestHeaders&) = delete;
  virtual ~RequestHeaders() = default;
  // Every value of this name (ASCII case folded), in order; empty when there is none.
  virtual std::vector<std::string_view> all(std::string_view name) const = 0;
};

// A token of RFC 9110 section 5.6.2, at most 128 bytes.
inline bool is_header_name(std::string_view name) noexcept {
  constexpr std::size_t kMost = 128;
  return !name.empty() && name.size() <= kMost && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace strongroom::core
