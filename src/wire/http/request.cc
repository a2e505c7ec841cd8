#include "wire/http/request.h"

#include <strings.h>

namespace strongroom::wire::http {
namespace {
bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace

HttpRequest::HttpRequest() {
  // One block each for the usual request.
  text_.reserve(1000);
  fields_.reserve(16);
}

HttpRequest::Piece HttpRequest::add(std::string_view s) {
  const Piece p{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(s.size())};
  text_.append(s.data(), s.size());
  return p;
}

void HttpRequest::start(std::string_view method, std::string_view target) {
  set_method(method);
  set_target(target);
}

void HttpRequest::add_field(std::string_view name, std::string_view value) {
  const Piece n = add(name);
  fields_.push_back({n, add(value)});
}

bool HttpRequest::has_header(std::string_view name) const noexcept {
  for (const auto& f : fields_)
    if (same_name(at(f.name), name)) return true;
  return false;
}

std::string_view HttpRequest::header(std::string_view name) const noexcept {
  for (const auto& f : fields_)
    if (same_name(at(f.name), name)) return at(f.value);
  return {};
}

std::vector<std::string_view> HttpRequest::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& f : fields_)
    if (same_name(at(f.name), name)) out.push_back(at(f.value));
  return out;
}

}  // namespace strongroom::wire::http
