// Where the token is kept between commands: the token file, or the program that ~/.bao or ~/.vault names as
// token_helper. The token passes through pipes and a file of its owner, never through an argument.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "apps/cli/console.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::apps::cli {

class TokenKeeper {
 public:
  // Reads the configuration file of the commands (STRONGROOM_CONFIG_PATH, else ~/.bao, else ~/.vault), if
  // there is one. `address` is told to the program.
  static Result<TokenKeeper> open(const Console&, std::string address);

  Result<SecretText> get() const;  // empty: none
  Status store(std::string_view token) const;
  const std::string& file() const noexcept { return file_; }

 private:
  std::string file_;
  std::string program_;  // empty: the file
  std::string address_;

  Result<SecretText> run(std::string_view operation, std::string_view input) const;
};

}  // namespace strongroom::apps::cli
