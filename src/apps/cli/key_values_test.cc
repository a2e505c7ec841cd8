#include "apps/cli/key_values.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "apps/cli/test_console.h"

namespace strongroom::apps::cli {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/sr-key-values-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() {
    for (const auto& f : files) std::remove(f.c_str());
    std::remove(path.c_str());
  }
  std::string file(const std::string& name, std::string_view text) {
    files.push_back(path + "/" + name);
    std::ofstream(files.back(), std::ios::binary) << text;
    return files.back();
  }
  std::string path;
  std::vector<std::string> files;
};

std::string json_of(std::vector<std::string_view> arguments, TestConsole& console,
                    Omitted omitted = Omitted::refuse) {
  const auto v = KeyValues::read(arguments, omitted, console);
  if (!v) return "error: " + v.error().message;
  return std::string(view(v->json()));
}
std::string json_of(std::vector<std::string_view> arguments) {
  TestConsole c;
  return json_of(std::move(arguments), c);
}

TEST(KeyValues, WriteTextAsJsonStrings) {
  EXPECT_EQ(json_of({}), "{}");
  EXPECT_EQ(json_of({"a=1", "b=x=y", "c="}), R"({"a":"1","b":"x=y","c":""})");
  EXPECT_EQ(json_of({"a=\"quoted\"\n"}), R"({"a":"\"quoted\"\n"})");
  EXPECT_EQ(json_of({"a=\\@literal", "b=\\x"}), R"({"a":"@literal","b":"\\x"})");
}

TEST(KeyValues, MakeAnArrayOfAKeyThatRepeats) {
  EXPECT_EQ(json_of({"a=1", "b=2", "a=3", "a=4"}), R"({"a":["1","3","4"],"b":"2"})");
}

TEST(KeyValues, ReadFilesAndStandardInputByteForByte) {
  Folder folder;
  const std::string text = "a=@" + folder.file("v", "line\n");
  EXPECT_EQ(json_of({text}), R"({"a":"line\n"})");
  TestConsole c;
  c.input = "from input\n";
  EXPECT_EQ(json_of({"a=-"}, c), R"({"a":"from input\n"})");
  TestConsole twice;
  EXPECT_TRUE(json_of({"a=-", "b=-"}, twice).starts_with("error: "));
}

TEST(KeyValues, TakeWholeObjectsAndKeepNumbersAsWritten) {
  Folder folder;
  const std::string whole =
      "@" + folder.file("o.json", R"({"n": 1.10, "big": 12345678901234567890123, "l": [1, 2]})");
  EXPECT_EQ(json_of({whole, "x=y"}), R"({"n":1.10,"big":12345678901234567890123,"l":[1, 2],"x":"y"})");
  TestConsole c;
  c.input = R"({"a": {"b": null}})";
  EXPECT_EQ(json_of({"-"}, c), R"({"a":{"b": null}})");
  TestConsole list;
  list.input = "[1]";
  EXPECT_TRUE(json_of({"-"}, list).starts_with("error: standard input: must hold a JSON object"));
  TestConsole bad;
  bad.input = "{";
  EXPECT_TRUE(json_of({"-"}, bad).starts_with("error: standard input: JSON "));
}

TEST(KeyValues, NeverEchoValuesInErrors) {
  TestConsole c;
  const std::string message = json_of({"user=ann", "hunter2"}, c);
  EXPECT_NE(message.find("format must be key=value"), std::string::npos);
  EXPECT_NE(message.find("argument 2"), std::string::npos);
  EXPECT_EQ(message.find("hunter2"), std::string::npos);
  EXPECT_EQ(json_of({"=hunter2"}).find("hunter2"), std::string::npos);
  EXPECT_EQ(json_of({"a=@/nonexistent/hunter3"})
                .find("error: invalid key/value pair \"a=@...\": error reading file"),
            0u);
  EXPECT_NE(json_of({"a=\xff"}).find("not UTF-8"), std::string::npos);
}

TEST(KeyValues, AskForAValueThatIsOmittedOnATerminal) {
  TestConsole c;
  c.typed = {"typed secret"};
  const auto v = KeyValues::read(std::vector<std::string_view>{"user=ann", "password"}, Omitted::ask, c);
  ASSERT_TRUE(v);
  EXPECT_EQ(view(v->json()), R"({"user":"ann","password":"typed secret"})");
  EXPECT_EQ(v->typed(), std::vector<std::string>{"user"});
  EXPECT_NE(c.prompts.find("Value of password"), std::string::npos);
  EXPECT_EQ(c.seen, "");
}

TEST(KeyValues, KnowWhichValuesStoodOnTheCommandLine) {
  Folder folder;
  const std::string file = "f=@" + folder.file("v", "x");
  TestConsole c;
  c.input = "y";
  const auto v = KeyValues::read(std::vector<std::string_view>{std::string_view(file), "i=-", "t=1"},
                                 Omitted::refuse, c);
  ASSERT_TRUE(v);
  EXPECT_EQ(v->typed(), std::vector<std::string>{"t"});
}

}  // namespace
}  // namespace strongroom::apps::cli
