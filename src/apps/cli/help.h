// Texts made from the command table: help, the list of commands, shell completion and the reference page.
#pragma once
#include <string>
#include <string_view>

#include "apps/cli/command.h"

namespace strongroom::apps::cli {

std::string overview();                         // strongroom -h
std::string group_help(std::string_view name);  // strongroom kv -h
std::string command_help(const Command&);
std::string usage_line(const Command&);
std::string bash_completion();
std::string zsh_completion();
std::string reference_page();  // spec/cli.md

}  // namespace strongroom::apps::cli
