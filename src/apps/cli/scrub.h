// Scrub: takes tokens and secrets out of what is to be shown to others: the token in use, whatever looks like
// a token, and texts whose name says that they are secret.
#pragma once
#include <cstddef>
#include <string_view>

#include "base/secret.h"
#include "schema/json.h"

namespace strongroom::apps::cli {

class Scrub {
 public:
  explicit Scrub(std::string_view token) : token_(token.begin(), token.end()) {}

  SecretText text(std::string_view);
  SecretText json(std::string_view json);  // text() when it is no JSON
  SecretText lines(std::string_view);      // json() of each
  bool finds_in(std::string_view) const;
  std::size_t removed() const noexcept { return removed_; }

 private:
  struct Place {
    std::size_t from = 0, size = 0;
  };
  Place find(std::string_view, std::size_t from) const;
  void write(json::Writer&, json::Node, std::string_view name);
  SecretText token_;
  std::size_t removed_ = 0;
};

}  // namespace strongroom::apps::cli
