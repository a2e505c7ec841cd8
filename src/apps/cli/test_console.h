// A console for tests: given environment and standard input, kept output.
#pragma once
#include <deque>
#include <map>
#include <string>

#include "apps/cli/console.h"

namespace strongroom::apps::cli {

class TestConsole final : public Console {
 public:
  std::map<std::string, std::string, std::less<>> environment;
  std::string input;
  std::deque<std::string> typed;  // answers to prompts; none: no terminal
  std::string seen, errors, prompts;

  void out(std::string_view t) override { seen += t; }
  void err(std::string_view t) override { errors += t; }
  Result<SecretText> read_input() override {
    if (taken_) return fail(Code::invalid_argument, "standard input was read already");
    taken_ = true;
    return SecretText(input.begin(), input.end());
  }
  Result<SecretText> ask_hidden(std::string_view prompt) override {
    prompts += prompt;
    if (typed.empty()) return fail(Code::failed_precondition, "no terminal");
    const SecretText t(typed.front().begin(), typed.front().end());
    typed.pop_front();
    return t;
  }
  bool can_ask() const override { return !typed.empty(); }
  bool out_is_terminal() const override { return false; }
  std::optional<std::string> variable(std::string_view name) const override {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  }

 private:
  bool taken_ = false;
};

}  // namespace strongroom::apps::cli
