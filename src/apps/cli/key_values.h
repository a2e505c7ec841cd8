// The K=V language of `write` and `kv put`: k=v, k=@file, k=- (standard input), k=\@literal, a lone - or
// @file for a whole JSON object. Keys that repeat become an array. Builds the JSON text of the body.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/console.h"
#include "base/secret.h"

namespace strongroom::apps::cli {

enum class Omitted : std::uint8_t {
  refuse,
  ask,  // a key without "=" asks for its value on the terminal
};

class KeyValues {
 public:
  // Code::invalid_argument names the argument by its place and key; values are never echoed.
  static Result<KeyValues> read(std::span<const std::string_view> arguments, Omitted, Console&);

  bool empty() const noexcept { return members_.empty(); }
  void set(std::string_view key, SecretText json);  // replaces
  void drop(std::string_view key);
  SecretText json() const;  // {"k":"v",...} in order of first mention
  // Keys whose value stood on the command line.
  const std::vector<std::string>& typed() const noexcept { return typed_; }

 private:
  struct Member {
    std::string key;
    SecretText json;  // a value, or the elements of an array without brackets
    unsigned count = 1;
  };
  void add(std::string_view key, SecretText json);
  Status add_object(std::string_view source, std::string_view what);
  std::vector<Member> members_;
  std::vector<std::string> typed_;
};

}  // namespace strongroom::apps::cli
