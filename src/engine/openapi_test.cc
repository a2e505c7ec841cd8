#include "engine/openapi.h"

#include <gtest/gtest.h>

#include "engine/help.h"
#include "schema/json.h"

namespace strongroom::engine {
namespace {

struct Options {
  std::optional<std::int64_t> cas;
  static constexpr auto fields() {
    return std::array{schema::field<&Options::cas>("cas", "Expected version.")};
  }
};
struct Put {
  std::string path, mode, old;
  Secret value;
  Seconds ttl{};
  std::map<std::string, std::string> meta;
  schema::CommaList tags;
  Options options;
  static constexpr auto fields() {
    return std::array{schema::field<&Put::path>("path", "Where.", schema::in_path | schema::required),
                      schema::field<&Put::mode>("mode", "How.").starts_as("\"fast\"").one_of("fast|slow"),
                      schema::field<&Put::old>("old", "Use mode.", schema::deprecated),
                      schema::field<&Put::value>("value", "What.", schema::required),
                      schema::field<&Put::ttl>("ttl", "How long."),
                      schema::field<&Put::meta>("meta", "Notes."),
                      schema::field<&Put::tags>("tags", "Labels."),
                      schema::field<&Put::options>("options", "Conditions.")};
  }
};
struct At {
  std::string path, after;
  static constexpr auto fields() {
    return std::array{schema::field<&At::path>("path", "Where.", schema::in_path),
                      schema::field<&At::after>("after", "Names after this one.")};
  }
};
struct Names {
  std::vector<std::string> keys;
  static constexpr auto fields() { return std::array{schema::field<&Names::keys>("keys", "Names.")}; }
};
class Box final : public Engine {
 public:
  std::string_view type() const noexcept override { return "box"; }
  std::string_view about() const noexcept override { return "Keeps things."; }
  std::span<const Route> routes(const MountView&) const override;
  Result<schema::Empty> put(Prompt&, const Put&) const { return schema::Empty{}; }
  Result<bool> there(Prompt&, const Put&) const { return true; }
  Result<Names> list(Prompt&, const At&) const { return Names{}; }
  Result<Names> get(Prompt&, const At&) const { return Names{}; }
  Result<schema::Empty> erase(Prompt&, const At&) const { return schema::Empty{}; }
};
constexpr std::array kRoutes{
    route_with_exists<&Box::put, &Box::there>(Verb::write, "things/{path...}", "Put a thing"),
    route<&Box::list>(Verb::list, "things/{path...}", "List things"),
    route<&Box::get>(Verb::read, "things/{path...}", "Get a thing"),
    route<&Box::erase>(Verb::erase, "things/{path...}", "Remove a thing", sudo),
    route<&Box::list>(Verb::list, "shelves", "List shelves", open, "box-list-all-shelves"),
    route<&Box::get>(Verb::read, "{path...}", "Tell what is wrong", unlisted),
};
std::span<const Route> Box::routes(const MountView&) const { return kRoutes; }

struct Page {
  explicit Page(SecretText bytes) : text(std::move(bytes)), doc(*json::Doc::parse(text)) {}
  std::string at(std::initializer_list<std::string_view> steps) const {
    auto node = doc.root();
    for (const auto step : steps) {
      std::optional<json::Node> next;
      if (node.is_array()) {
        std::size_t i = 0;
        for (const auto n : node)
          if (std::to_string(i++) == step) next = n;
      } else if (node.is_object()) {
        next = node.find(step);
      }
      if (!next) return "";
      node = *next;
    }
    return std::string(node.is_string() ? node.text() : node.source());
  }
  SecretText text;
  json::Doc doc;
};

Page document() {
  OpenApi api;
  api.add({"{box_mount_path}/", "box", "secrets", "box_mount_path", "box"}, kRoutes);
  return Page(api.document("1.2.3"));
}

TEST(OpenApi, NamesOperationsAsVaultDoesAndGroupsThemByPath) {
  const auto page = document();
  EXPECT_EQ(page.at({"openapi"}), "3.0.2");
  EXPECT_EQ(page.at({"info", "version"}), "1.2.3");
  const auto path = "/{box_mount_path}/things/{path}";
  EXPECT_EQ(page.at({"paths", path, "get", "operationId"}), "box-read-things-path");
  EXPECT_EQ(page.at({"paths", path, "get", "parameters", "0", "name"}), "list");
  EXPECT_EQ(page.at({"paths", path, "get", "parameters", "0", "required"}), "");
  EXPECT_EQ(page.at({"paths", path, "get", "parameters", "1", "name"}), "after");
  EXPECT_EQ(page.at({"paths", path, "post", "operationId"}), "box-write-things-path");
  EXPECT_EQ(page.at({"paths", path, "delete", "responses", "204", "description"}), "empty body");
  EXPECT_EQ(page.at({"paths", path, "x-vault-sudo"}), "true");
  EXPECT_EQ(page.at({"paths", path, "x-vault-createSupported"}), "true");
  EXPECT_EQ(page.at({"paths", path, "parameters", "0", "name"}), "path");
  EXPECT_EQ(page.at({"paths", path, "parameters", "1", "schema", "default"}), "box");
  const auto shelves = "/{box_mount_path}/shelves";
  EXPECT_EQ(page.at({"paths", shelves, "get", "operationId"}), "box-list-all-shelves");
  EXPECT_EQ(page.at({"paths", shelves, "get", "parameters", "0", "required"}), "true");
  EXPECT_EQ(page.at({"paths", shelves, "x-vault-unauthenticated"}), "true");
  EXPECT_EQ(page.at({"paths", "/{box_mount_path}/{path}"}), "");
}

TEST(OpenApi, DescribesEveryKindOfField) {
  const auto page = document();
  const auto of = [&](std::string_view field, std::string_view what) {
    return page.at({"components", "schemas", "BoxWriteThingsPathRequest", "properties", field, what});
  };
  EXPECT_EQ(of("path", "type"), "");
  EXPECT_EQ(of("mode", "enum"), R"(["fast","slow"])");
  EXPECT_EQ(of("mode", "default"), "fast");
  EXPECT_EQ(of("old", "deprecated"), "true");
  EXPECT_EQ(of("value", "x-vault-displayAttrs"), R"({"sensitive":true})");
  EXPECT_EQ(of("ttl", "type"), "integer");
  EXPECT_EQ(of("ttl", "format"), "seconds");
  EXPECT_EQ(of("meta", "format"), "kvpairs");
  EXPECT_EQ(of("tags", "type"), "array");
  EXPECT_EQ(of("options", "properties"), R"({"cas":{"type":"integer","description":"Expected version."}})");
  EXPECT_EQ(page.at({"components", "schemas", "BoxWriteThingsPathRequest", "required"}), R"(["value"])");
}

TEST(Help, TellsOfAPathWhateverTheVerbAndOfTheWholeMount) {
  const Box box;
  const auto of = [&](std::string_view inside) { return Page(*help_page(box, {}, kRoutes, inside, "1")); };
  const auto path = of("things/a/b");
  EXPECT_TRUE(path.at({"help"}).starts_with(
      "Request:        things/a/b\nMatching Route: ^things/(?P<path>.*)$\n\nPut a thing\n\n## PARAMETERS\n"))
      << path.at({"help"});
  for (const auto* part :
       {"    mode (string)\n\n        How. Default: \"fast\". One of: fast, slow.\n",
        "(DEPRECATED) Use mode.", "    ttl (duration (sec))", "    DELETE\n", "Needs the sudo capability."})
    EXPECT_NE(path.at({"help"}).find(part), std::string::npos) << part << path.at({"help"});
  EXPECT_EQ(path.at({"see_also"}), "null");
  EXPECT_EQ(path.at({"openapi", "paths", "/things/{path}", "get", "operationId"}), "box-read-things-path");
  const auto mount = of("");
  EXPECT_TRUE(mount.at({"help"}).starts_with("## DESCRIPTION\n\nKeeps things.\n\n## PATHS\n"));
  EXPECT_NE(mount.at({"help"}).find("    ^shelves$\n        List shelves\n"), std::string::npos);
  EXPECT_EQ(mount.at({"help"}).find("Tell what is wrong"), std::string::npos);
}

TEST(Help, KnowsNothingOfPathsThatNoRouteHas) {
  const Box box;
  EXPECT_FALSE(help_page(box, {}, std::span(kRoutes).first(5), "nothing/here", "1"));
}

}  // namespace
}  // namespace strongroom::engine
