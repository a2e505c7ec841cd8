// Storage: one mount's part of the request's transaction, addressed by names that the store never sees.
// Written values are plaintext here and ciphertext below. One thread; dies with the request.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::engine {

// A named place in a mount: `space` parts trees of one mount (0: the main one), `path` is text such as
// "team/db". What belongs together (metadata and versions) shares a node and differs in its suffix.
struct Node {
  std::string key;  // the store key's prefix; opaque
  std::string path;
  std::uint8_t space = 0;
};

struct Page {
  std::vector<SecretText> names;  // byte order; folders end in '/'
  bool more = false;
};

class Storage {
 public:
  using Visit = std::function<bool(std::string_view suffix, const SecretText& value)>;  // false ends the scan
  virtual ~Storage() = default;
  virtual Result<Node> node(std::uint8_t space, std::string_view path) const = 0;
  virtual Result<std::optional<SecretText>> get(const Node&, std::string_view suffix) = 0;
  virtual void put(const Node&, std::string_view suffix, SecretText value) = 0;
  virtual void erase(const Node&, std::string_view suffix) = 0;
  virtual Status scan(const Node&, std::string_view first_suffix, const Visit&) = 0;  // suffix order
  // Enters the node into its directory, or takes it out; applied at commit, never conflicts, idempotent.
  enum class Listed : std::uint8_t { yes, no };
  virtual void list_as(const Node&, Listed) = 0;
  // Names in `dir` ("" or ending in '/') after `after`; most == 0: all. Sees committed state only.
  virtual Result<Page> list(std::uint8_t space, std::string_view dir, std::string_view after,
                            std::size_t most) = 0;
};

}  // namespace strongroom::engine
