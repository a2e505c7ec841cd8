// Section: reads one body of the configuration key by key. It keeps the first error, remembers which keys
// were asked for, and at the end says what nobody asked for.
#pragma once
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/server/config.h"
#include "schema/hcl.h"

namespace strongroom::server {

// One file's reading: the first error and the remarks of all its sections.
struct Reading {
  std::string_view file;
  std::optional<Error> error = {};
  std::vector<Remark> remarks = {};

  void refuse(hcl::Position, std::string_view rule);
  void remark(Remark::Kind, hcl::Position, std::string text);
};

enum class Unbuilt : std::uint8_t {
  note,            // harmless: accepted with a note
  refuse,          // refused whatever the value
  refuse_if_true,  // refused unless it is false, 0 or empty
};
struct OtherKey {
  std::string_view key;
  Unbuilt what;
  std::string_view why;
};

class Section {
 public:
  Section(Reading& reading, const hcl::Body& body, std::string_view name)
      : reading_(reading), body_(body), name_(name) {}

  // Each returns `otherwise` if the key is absent, and on an error.
  bool boolean(std::string_view key, bool otherwise);
  std::string text(std::string_view key, std::string_view otherwise = {});
  std::uint64_t number(std::string_view key, std::uint64_t otherwise, std::uint64_t least = 0,
                       std::uint64_t most = std::uint64_t{1} << 62);
  Nanoseconds duration(std::string_view key, Nanoseconds otherwise);
  // A list of strings, or one string with commas.
  std::vector<std::string> strings(std::string_view key);
  unsigned file_mode(std::string_view key, unsigned otherwise);  // octal, as "0600"
  const hcl::Item* item(std::string_view key);                   // null if absent
  std::vector<hcl::Block> blocks(std::string_view key, std::size_t labels);
  bool has(std::string_view key) const { return body_.find(key) != nullptr; }
  void refuse(std::string_view key, std::string_view rule);  // at the key's place

  // Says what became of the keys that were not asked for.
  void finish(std::span<const OtherKey> others);

 private:
  std::string named(std::string_view key) const;
  Reading& reading_;
  const hcl::Body& body_;
  std::string_view name_;
  std::set<std::string_view> asked_;
};

}  // namespace strongroom::server
