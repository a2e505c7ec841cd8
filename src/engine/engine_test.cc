#include "engine/engine.h"

#include <gtest/gtest.h>

namespace strongroom::engine {
namespace {

struct Asked {
  std::string path;
  std::optional<std::int64_t> cas;
  schema::RawJson data;
  static constexpr auto fields() {
    return std::array{schema::field<&Asked::path>("path", "Where.", schema::in_path | schema::required),
                      schema::field<&Asked::cas>("cas", "Expected version."),
                      schema::field<&Asked::data>("data", "What.", schema::required)};
  }
};
struct Said {
  std::string path;
  schema::StoredJson data;
  std::optional<std::int64_t> left_out, cas;
  static constexpr auto fields() {
    return std::array{schema::field<&Said::path>("path", "Where."),
                      schema::field<&Said::data>("data", "What."),
                      schema::field<&Said::left_out>("left_out", "Nothing.", schema::omit_empty),
                      schema::field<&Said::cas>("cas", "Version.")};
  }
};
class Echo final : public Engine {
 public:
  std::string_view type() const noexcept override { return "echo"; }
  std::span<const Route> routes(const MountView&) const override;
  Result<Said> say(Prompt&, const Asked& in) const {
    return Said{in.path, {SecretText(in.data.node.source())}, {}, in.cas};
  }
};
constexpr std::array kRoutes{route<&Echo::say>(Verb::write, "data/{path...}", "Say it back"),
                             route<&Echo::say>(Verb::read, "one/{path}/end", "Say it back")};
std::span<const Route> Echo::routes(const MountView&) const { return kRoutes; }

class NoSnapshot final : public store::Snapshot {
 public:
  store::Revision revision() const noexcept override { return 0; }
  Result<std::optional<std::string_view>> get(std::string_view) const override { return std::nullopt; }
  Status scan(std::string_view, std::string_view, const Visit&) const override { return {}; }
};
class NoCipher final : public store::Cipher {
 public:
  Result<SecretText> open(std::string_view, std::string_view) const override { return SecretText(); }
  Result<store::Revision> revision_of(std::string_view) const override { return store::Revision{0}; }
};
class NoStorage final : public Storage {
 public:
  Result<Node> node(std::uint8_t, std::string_view) const override { return Node{}; }
  Result<std::optional<SecretText>> get(const Node&, std::string_view) override { return std::nullopt; }
  void put(const Node&, std::string_view, SecretText) override {}
  void erase(const Node&, std::string_view) override {}
  Status scan(const Node&, std::string_view, const Visit&) override { return {}; }
  void list_as(const Node&, Listed) override {}
  Result<Page> list(std::uint8_t, std::string_view, std::string_view, std::size_t) override { return Page{}; }
};
class NoRandom final : public Random {
 public:
  void fill(std::span<std::byte>) noexcept override {}
};
struct Asking {
  NoSnapshot snapshot;
  NoCipher cipher;
  NoStorage storage;
  NoRandom random;
  store::Txn txn{snapshot, cipher};
  MountView mount;
  Caller caller;
  Aside aside;
  Prompt prompt{storage, txn, mount, caller, {}, random, aside, Operation::read, {}};
};

class ToJson final : public Render {
 public:
  void data(const schema::Codec& c, const void* o) override {
    schema::JsonSink sink(out);
    c.save(o, sink);
  }
  SecretText out;
};

TEST(Routes, MatchPathsAndTellAnotherVerbFromNoPath) {
  schema::Input in;
  EXPECT_EQ(match(kRoutes, Verb::write, "data/a/b", in).route, &kRoutes[0]);
  EXPECT_EQ(in.path.at(0).second, "a/b");
  EXPECT_EQ(match(kRoutes, Verb::read, "one/x/end", in).route, &kRoutes[1]);
  EXPECT_EQ(match(kRoutes, Verb::read, "one/x/y/end", in).route, nullptr);
  EXPECT_FALSE(match(kRoutes, Verb::read, "one//end", in).path_known);
  EXPECT_TRUE(match(kRoutes, Verb::erase, "data/a", in).path_known);
  EXPECT_FALSE(match(kRoutes, Verb::erase, "dat", in).path_known);
}

TEST(Routes, LoadRunAndRenderKeepUserBytes) {
  const Echo echo;
  const auto doc = json::Doc::parse(R"({"data":{"n":1e400}, "cas":"7"})");
  ASSERT_TRUE(doc);
  schema::Input in;
  in.body = doc->root();
  ASSERT_NE(match(kRoutes, Verb::write, "data/a", in).route, nullptr);
  ToJson json;
  Asking asking;
  // The handler uses nothing of its context.
  ASSERT_TRUE(kRoutes[0].invoke(echo, asking.prompt, in, json));
  EXPECT_EQ(view(json.out), R"({"path":"a","data":{"n":1e400},"cas":7})");
}

TEST(Routes, ErrorsNameTheFieldAndTheRule) {
  const Echo echo;
  const auto doc = json::Doc::parse(R"({"data":1,"cas":"secret-looking"})");
  schema::Input in;
  in.body = doc->root();
  ASSERT_NE(match(kRoutes, Verb::write, "data/a", in).route, nullptr);
  ToJson json;
  Asking asking;
  const auto bad = kRoutes[0].invoke(echo, asking.prompt, in, json);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "cas: must be a whole number");
}

}  // namespace
}  // namespace strongroom::engine
