// Path: the one canonical form of a request path. Policy, router, audit and storage accept only this type, so
// no two of them can read one request differently.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace strongroom {

// Relative to the API root ("/v1/"), no leading slash; a trailing slash is kept, since LIST paths and folders
// carry one. At most 4,096 bytes, segments at most 400 bytes, valid UTF-8, printable characters only, no
// empty segment, none that is "." or "..".
class Path {
 public:
  static constexpr std::size_t kMost = 4096;
  static constexpr std::size_t kMostSegment = 400;

  Path() = default;
  // From the bytes of a URL path after "/v1/", percent-decoded here, once. Code::invalid_argument names the
  // rule. Empty segments are refused here: the edge redirects them first (see clean()).
  static Result<Path> from_url(std::string_view encoded);
  // From text that is already decoded (a CLI argument, a capability query, a stored path).
  static Result<Path> from_text(std::string_view text);
  // If the raw URL path has empty segments ("//"), the path Vault redirects to; otherwise empty.
  static std::string redirect_target(std::string_view raw_url_path);

  std::string_view text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  bool ends_with_slash() const noexcept { return text_.ends_with('/'); }
  // The same path with a trailing slash, as LIST has it.
  Path as_folder() const;
  bool operator==(const Path&) const = default;

 private:
  std::string text_;
};

}  // namespace strongroom
