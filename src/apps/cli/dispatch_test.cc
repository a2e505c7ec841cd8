#include "apps/cli/dispatch.h"

#include <gtest/gtest.h>

#include <set>

#include "apps/cli/help.h"
#include "apps/cli/test_console.h"

namespace strongroom::apps::cli {
namespace {

int run(std::vector<std::string_view> arguments, TestConsole& c) { return dispatch(arguments, c); }

TEST(Commands, AllHaveHelpWithAnExampleOfThemselves) {
  for (const Command& command : all_commands()) {
    SCOPED_TRACE(command.name);
    EXPECT_FALSE(command.summary.empty());
    EXPECT_NE(command.example.find("strongroom " + std::string(command.name)), std::string_view::npos);
    TestConsole c;
    std::vector<std::string_view> words;
    std::string_view rest = command.name;
    for (;;) {
      const auto space = rest.find(' ');
      words.push_back(rest.substr(0, space));
      if (space == std::string_view::npos) break;
      rest.remove_prefix(space + 1);
    }
    words.push_back("-h");
    EXPECT_EQ(run(words, c), 0);
    EXPECT_NE(c.seen.find("Usage: strongroom " + std::string(command.name)), std::string::npos);
    std::set<std::string_view> names;
    for (const Flag& f : flags_of(command)) {
      EXPECT_TRUE(names.insert(f.name).second) << f.name;
      EXPECT_TRUE(f.help.ends_with('.')) << f.name;
    }
  }
}

TEST(Commands, AreInTheCompletionOfBothShellsAndInTheReference) {
  for (const Command& command : all_commands()) {
    const std::string name(command.name);
    EXPECT_NE(bash_completion().find("'" + name + "'"), std::string::npos) << name;
    EXPECT_NE(zsh_completion().find("'" + name + "'"), std::string::npos) << name;
    EXPECT_NE(reference_page().find("\n## " + name + "\n"), std::string::npos) << name;
  }
}

TEST(Commands, AnUnknownOneIs127AndNamesTheNearest) {
  TestConsole c;
  EXPECT_EQ(run({"stauts"}, c), 127);
  EXPECT_NE(c.errors.find("Did you mean strongroom status?"), std::string::npos);
  TestConsole far;
  EXPECT_EQ(run({"frobnicate"}, far), 127);
  EXPECT_EQ(far.errors.find("Unknown command."), 0U);
  TestConsole nothing;
  EXPECT_EQ(run({}, nothing), 127);
  TestConsole group;
  EXPECT_EQ(run({"kv"}, group), 1);
  EXPECT_NE(group.errors.find("rollback"), std::string::npos);
  TestConsole inner;
  EXPECT_EQ(run({"kv", "metadata", "frob"}, inner), 1);
  TestConsole help;
  EXPECT_EQ(run({"kv", "metadata", "-h"}, help), 0);
}

TEST(Commands, MistakesInArgumentsAre1) {
  for (const auto& line : std::vector<std::vector<std::string_view>>{{"kv", "get"},
                                                                     {"kv", "get", "a", "b"},
                                                                     {"kv", "get", "-nosuch", "a"},
                                                                     {"kv", "get", "-format=foo", "a"},
                                                                     {"kv", "get", "-format=raw", "a"},
                                                                     {"kv", "put", "a"},
                                                                     {"write", "a"},
                                                                     {"token", "revoke"},
                                                                     {"kv", "undelete", "a"},
                                                                     {"kv", "destroy", "-versions=x", "a"},
                                                                     {"kv", "rollback", "a"},
                                                                     {"login", "-method=userpass", "x"},
                                                                     {"read", "-header=X-Vault-Token=a", "x"},
                                                                     {"read", "-address=ftp://x", "x"}}) {
    TestConsole c;
    EXPECT_EQ(run(line, c), 1) << line[0] << " " << c.errors;
    EXPECT_NE(c.errors, "");
    EXPECT_EQ(c.seen, "");
  }
}

TEST(Commands, LateFlagsAreNamedAndNotRead) {
  TestConsole c;
  EXPECT_EQ(run({"kv", "get", "secret/a", "-field=x"}, c), 1);
  EXPECT_NE(c.errors.find("The following arguments will not be parsed as flags: [-field=x]"),
            std::string::npos);
}

TEST(Commands, SayWhatToDoWhenNoServerAnswers) {
  TestConsole c;
  c.environment["STRONGROOM_ADDR"] = "http://127.0.0.1:1";
  c.environment["STRONGROOM_TOKEN"] = "hidden-token";
  EXPECT_EQ(run({"kv", "get", "secret/a"}, c), 2);
  EXPECT_NE(c.errors.find("Is the server running there? Set the address with -address or STRONGROOM_ADDR"),
            std::string::npos);
  EXPECT_EQ(c.errors.find("hidden-token"), std::string::npos);
  TestConsole status;
  status.environment["VAULT_ADDR"] = "http://127.0.0.1:1";
  EXPECT_EQ(run({"status"}, status), 1);
}

TEST(Environment, StrongroomGoesBeforeBaoBeforeVault) {
  TestConsole c;
  c.environment["VAULT_TOKEN"] = "vault";
  EXPECT_EQ(run({"print", "token"}, c), 0);
  EXPECT_EQ(c.seen, "vault\n");
  c.seen.clear();
  c.environment["BAO_TOKEN"] = "bao";
  run({"print", "token"}, c);
  EXPECT_EQ(c.seen, "bao\n");
  c.seen.clear();
  c.environment["STRONGROOM_TOKEN"] = "strongroom";
  run({"print", "token"}, c);
  EXPECT_EQ(c.seen, "strongroom\n");
}

TEST(Environment, AVariableSetToNothingHidesTheLaterOnes) {
  TestConsole c;
  c.environment["BAO_TOKEN"] = "";
  c.environment["VAULT_TOKEN"] = "vault";
  c.environment["HOME"] = "/nonexistent";
  EXPECT_EQ(run({"print", "token"}, c), 0);
  EXPECT_EQ(c.seen, "\n");
}

TEST(Login, TakesOneLineAndSendsNothingElse) {
  TestConsole c;
  c.input = "first\nsecond\n";
  c.environment["STRONGROOM_ADDR"] = "http://127.0.0.1:1";
  EXPECT_EQ(run({"login", "-"}, c), 1);
  EXPECT_EQ(c.errors, "A token is one line, and several were given\n");
}

TEST(AuditVerify, AKeyThatIsNoFileAndNoKeyIsSaidToBeNeither) {
  TestConsole c;
  EXPECT_EQ(run({"audit", "verify", "-key=/nonexistent/audit.key", "/nonexistent"}, c), 1);
  EXPECT_TRUE(c.errors.starts_with("-key is neither a verifier key nor a file")) << c.errors;
}

TEST(Version, IsTheSecondWord) {
  for (const std::string_view word : {"version", "-version", "--version", "-v"}) {
    TestConsole c;
    EXPECT_EQ(run({word}, c), 0);
    EXPECT_TRUE(c.seen.starts_with("Strongroom v")) << c.seen;
    EXPECT_NE(c.seen.find(" ("), std::string::npos);
  }
}

TEST(CurlString, ShowsTheRequestWithoutTheToken) {
  TestConsole c;
  c.environment["VAULT_ADDR"] = "http://127.0.0.1:8200";
  c.environment["VAULT_TOKEN"] = "hidden-token";
  EXPECT_EQ(run({"write", "-output-curl-string", "a/b c", "k=it's"}, c), 0);
  EXPECT_EQ(c.seen,
            "curl -X PUT -H \"X-Vault-Request: true\" -H \"X-Vault-Token: $(strongroom print token)\" -d "
            "'{\"k\":\"it'\\''s\"}' "
            "'http://127.0.0.1:8200/v1/a/b%20c'\n");
  c.seen.clear();
  EXPECT_EQ(run({"list", "-output-policy", "secret/metadata"}, c), 0);
  EXPECT_EQ(c.seen, "path \"secret/metadata\" {\n  capabilities = [\"list\"]\n}\n");
}

}  // namespace
}  // namespace strongroom::apps::cli
