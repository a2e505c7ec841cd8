// Console: the person's side of a command: standard input, output and error, the terminal, the environment
// and the home folder. Injected, so that tests run commands without a terminal. Secrets pass through
// SecretText.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::apps::cli {

class Console {
 public:
  virtual ~Console() = default;
  virtual void out(std::string_view) = 0;  // as it is, no line break added
  virtual void err(std::string_view) = 0;
  virtual Result<SecretText> read_input() = 0;  // all of standard input; a second call is refused
  // Asks on the terminal without showing what is typed. Code::failed_precondition: no terminal.
  virtual Result<SecretText> ask_hidden(std::string_view prompt) = 0;
  virtual bool can_ask() const = 0;  // there is a person at a terminal
  virtual bool out_is_terminal() const = 0;
  virtual std::optional<std::string> variable(std::string_view name) const = 0;

  void line(std::string_view text);
  void error_line(std::string_view text);
  // STRONGROOM_<name>, else BAO_<name>, else VAULT_<name>: the first that is set, even to nothing.
  std::optional<std::string> setting(std::string_view name) const;
};

// The process's own.
class SystemConsole final : public Console {
 public:
  void out(std::string_view) override;
  void err(std::string_view) override;
  Result<SecretText> read_input() override;
  Result<SecretText> ask_hidden(std::string_view prompt) override;
  bool can_ask() const override;
  bool out_is_terminal() const override;
  std::optional<std::string> variable(std::string_view name) const override;

 private:
  bool input_taken_ = false;
};

Result<SecretText> read_all(int fd);
Result<SecretText> read_secret_file(const std::string& path);  // the message names the path and the reason

}  // namespace strongroom::apps::cli
