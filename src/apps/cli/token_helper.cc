#include "apps/cli/token_helper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "apps/cli/session.h"
#include "base/fd.h"
#include "schema/hcl.h"

namespace strongroom::apps::cli {
namespace {

Status write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(Code::failed_precondition, std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// token_helper of a configuration file; empty: it names none.
Result<std::string> helper_of(const std::string& path) {
  SR_LET(const SecretText text, read_secret_file(path));
  const auto bad = [&](std::string_view why) {
    return fail(Code::invalid_argument,
                fmt::format("error parsing config file at {}: {}. It holds one line: token_helper = "
                            "\"/ABSOLUTE/PATH\". (Ansible Vault keeps another file of this name; name yours "
                            "with STRONGROOM_CONFIG_PATH.)",
                            path, why));
  };
  const auto body = hcl::parse(view(text));
  if (!body) return bad(body.error().message);
  std::string program;
  for (const hcl::Item& item : body->items) {
    if (item.key != "token_helper") return bad(fmt::format("line {}: unknown key", item.at.line));
    if (item.value.kind != hcl::Kind::string) return bad("token_helper must be a text");
    program = item.value.text;
  }
  return program;
}

std::optional<std::string> config_path(const Console& console) {
  if (const auto v = console.setting("CONFIG_PATH"); v && !v->empty()) return *v;
  const std::string home = console.variable("HOME").value_or("");
  for (const std::string_view name : {"/.bao", "/.vault"}) {
    std::string path = home + std::string(name);
    struct stat there{};
    if (::stat(path.c_str(), &there) == 0 && S_ISREG(there.st_mode)) return path;
  }
  return std::nullopt;
}

}  // namespace

Result<TokenKeeper> TokenKeeper::open(const Console& console, std::string address) {
  TokenKeeper keeper;
  keeper.address_ = std::move(address);
  keeper.file_ = console.variable("HOME").value_or("") + "/.vault-token";
  if (const auto v = console.setting("TOKEN_PATH"); v && !v->empty()) {
    keeper.file_ = *v;
    return keeper;
  }
  if (const auto path = config_path(console); path && ::access(path->c_str(), F_OK) == 0) {
    SR_LET(keeper.program_, helper_of(*path));
    if (!keeper.program_.empty() && !keeper.program_.starts_with('/'))
      return fail(Code::invalid_argument, fmt::format("token_helper in {} must be an absolute path", *path));
  }
  return keeper;
}

Result<SecretText> TokenKeeper::get() const {
  if (!program_.empty()) {
    SR_LET(const SecretText text, run("get", {}));
    return secret_text(trimmed(view(text)));
  }
  if (::access(file_.c_str(), F_OK) != 0) return SecretText{};
  SR_LET(const SecretText text, read_secret_file(file_));
  return secret_text(trimmed(view(text)));
}

Status TokenKeeper::store(std::string_view token) const {
  if (!program_.empty()) {
    SR_LET([[maybe_unused]] const SecretText said, run("store", token));
    return {};
  }
  const std::string fresh = file_ + ".new";
  const auto bad = [&] {
    const int error = errno;
    ::unlink(fresh.c_str());
    return fail(Code::failed_precondition, fmt::format("Error storing token in {}: {}. Name a file of your "
                                                       "own with STRONGROOM_TOKEN_PATH, or use -no-store",
                                                       file_, std::strerror(error)));
  };
  {
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd || ::fchmod(fd.get(), 0600) != 0) return bad();
    if (!write_all(fd.get(), token) || ::fsync(fd.get()) != 0) return bad();
  }
  if (::rename(fresh.c_str(), file_.c_str()) != 0) return bad();
  return {};
}

// The program is a line for the shell, as Vault runs it: it may hold arguments.
Result<SecretText> TokenKeeper::run(std::string_view operation, std::string_view input) const {
  std::array<int, 2> in{}, out{}, error{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return fail(Code::internal, std::strerror(errno));
  const Fd in_read(in[0]);
  Fd in_write(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return fail(Code::internal, std::strerror(errno));
  const Fd out_read(out[0]);
  Fd out_write(out[1]);
  if (::pipe2(error.data(), O_CLOEXEC) != 0) return fail(Code::internal, std::strerror(errno));
  const Fd error_read(error[0]);
  Fd error_write(error[1]);

  const std::string line = program_ + " " + std::string(operation);
  std::vector<std::string> variables;
  for (char** v = environ; *v != nullptr; ++v) variables.emplace_back(*v);
  for (const std::string_view name : {"VAULT_ADDR", "BAO_ADDR", "STRONGROOM_ADDR"})
    variables.push_back(fmt::format("{}={}", name, address_));
  std::vector<char*> environment;
  environment.reserve(variables.size() + 1);
  for (std::string& v : variables) environment.push_back(v.data());
  environment.push_back(nullptr);
  std::string shell = "/bin/sh";
  std::string flag = "-c";
  std::string command = line;
  std::array<char*, 4> arguments{shell.data(), flag.data(), command.data(), nullptr};

  const pid_t child = ::fork();
  if (child < 0) return fail(Code::internal, std::strerror(errno));
  if (child == 0) {
    ::dup2(in_read.get(), STDIN_FILENO);
    ::dup2(out_write.get(), STDOUT_FILENO);
    ::dup2(error_write.get(), STDERR_FILENO);
    ::execve(arguments[0], arguments.data(), environment.data());
    ::_exit(127);
  }
  out_write = Fd{};
  error_write = Fd{};
  // A token is short: it fits the pipe, whether or not the program reads it.
  const Status given = write_all(in_write.get(), input);
  in_write = Fd{};
  auto said = read_all(out_read.get());
  const auto complaint = read_all(error_read.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string why = complaint ? std::string(trimmed(view(*complaint))) : "";
    return fail(Code::failed_precondition,
                fmt::format("the token helper {} failed at \"{}\" with status {}{}{}. Check it, or unset "
                            "token_helper",
                            program_, operation, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                            why.empty() ? "" : ": ", why));
  }
  if (!given && !input.empty()) return std::unexpected(given.error());
  return said;
}

}  // namespace strongroom::apps::cli
