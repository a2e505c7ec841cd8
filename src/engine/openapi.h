// OpenApi: an OpenAPI 3.0.2 document of mounts, written from their route tables alone. Names of operations,
// formats and extensions (x-vault-sudo, ...) are Vault's, because its tools read them. Never touches a
// request.
#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace strongroom::engine {

class OpenApi {
 public:
  // Where an engine is in the document.
  struct Place {
    std::string prefix;     // before its patterns: "sys/", "{kv_mount_path}/"; empty in a mount's own help
    std::string_view type;  // begins the ids that the tables leave open
    std::string_view tag;   // "system", "auth", "secrets"
    std::string mount_parameter;  // "kv_mount_path", when the prefix has one
    std::string mount_default;    // "kv"
  };
  void add(const Place&, std::span<const Route>);
  SecretText document(std::string_view version) const;

 private:
  struct Operation;
  std::string id_of(const Place&, const Route&, std::string_view path);
  std::string write(const Place&, const Operation&, std::string_view path);
  std::map<std::string, std::string, std::less<>> paths_;    // path: its item, as JSON
  std::map<std::string, std::string, std::less<>> schemas_;  // name: schema, as JSON
  std::set<std::string, std::less<>> ids_;
};

// "data/{path...}" as OpenAPI writes it: "data/{path}".
std::string openapi_path(std::string_view pattern);
// The tag of a mount's operations.
std::string_view tag_of(Class, std::string_view type) noexcept;

}  // namespace strongroom::engine
