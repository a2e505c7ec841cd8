#include "core/redaction.h"

#include <gtest/gtest.h>

#include "audit/tree.h"
#include "schema/json.h"

namespace strongroom::core {
namespace {

struct Inner {
  std::string name;
  static constexpr auto fields() {
    return std::array{
        schema::field<&Inner::name>("name", "h"),
    };
  }
};
struct In {
  std::string text, shown;
  std::int64_t number = 0;
  bool flag = false;
  Inner inner;
  schema::RawJson data;
  std::map<std::string, std::string> map, shown_map;
  static constexpr auto fields() {
    return std::array{schema::field<&In::text>("text", "h"),
                      schema::field<&In::shown>("shown", "h", schema::plain),
                      schema::field<&In::number>("number", "h"),
                      schema::field<&In::flag>("flag", "h"),
                      schema::field<&In::inner>("inner", "h"),
                      schema::field<&In::data>("data", "h"),
                      schema::field<&In::map>("map", "h"),
                      schema::field<&In::shown_map>("shown_map", "h", schema::plain)};
  }
};

// The tree as text: MACs as #value, so that a test can say which value was hashed.
class Redaction : public testing::Test {
 protected:
  Redaction() : redactor_(Secret::copy_of(std::string(32, 'k'))) {}
  std::string mac(std::string_view v) const {
    const auto m = redactor_.mac(v);
    return "#" + to_hex(m).substr(0, 12);
  }
  static std::string shown(const audit::Tree& tree) {
    std::string out;
    if (tree.empty()) return out;
    audit::tree::Reader reader(tree);
    for (;;) {
      const auto item = reader.next();
      if (!item) return out + "(corrupt)";
      using K = audit::tree::Kind;
      switch (item->kind) {
        case K::begin_map:
          out += "{";
          break;
        case K::begin_array:
          out += "[";
          break;
        case K::end:
          out += item->of_map ? "}" : "]";
          break;
        case K::key:
          out += std::string(item->text) + ":";
          break;
        case K::text:
          out += "'" + std::string(item->text) + "' ";
          break;
        case K::mac:
          out += "#" + to_hex(item->mac).substr(0, 12) + " ";
          break;
        case K::integer:
          out += std::to_string(item->integer) + " ";
          break;
        case K::boolean:
          out += item->boolean ? "true " : "false ";
          break;
        case K::null:
          out += "null ";
          break;
        case K::number:
          out += std::string(item->text) + " ";
          break;
        case K::digest:
          out += "digest ";
          break;
        case K::finish:
          return out;
      }
    }
  }
  std::string input(std::string_view body, std::vector<std::string> plain_keys = {},
                    schema::Input::Pairs query = {}, bool known = true) {
    const auto doc = json::Doc::parse(body);
    EXPECT_TRUE(doc);
    schema::Input in;
    in.body = doc->root();
    in.query = std::move(query);
    return shown(redact_input(known ? &schema::CodecOf<In>::value : nullptr, in, plain_keys, redactor_));
  }
  audit::Redactor redactor_;
};

TEST_F(Redaction, HashesTextsAndShowsWhatIsFlaggedPlain) {
  EXPECT_EQ(input(R"({"text":"secret","shown":"public"})"), "{text:" + mac("secret") + " shown:'public' }");
  EXPECT_EQ(input(R"({"shown_map":{"a":"b"}})"), "{shown_map:{a:'b' }}");
  EXPECT_EQ(input(R"({"map":{"a":"b"}})"), "{map:{a:" + mac("b") + " }}");
}

TEST_F(Redaction, ShowsNumbersOfOurOwnFieldsButNoTextInTheirPlace) {
  EXPECT_EQ(input(R"({"number":5,"flag":true})"), "{number:5 flag:true }");
  EXPECT_EQ(input(R"({"number":"5","flag":"true"})"), "{number:" + mac("5") + " flag:" + mac("true") + " }");
}

TEST_F(Redaction, HashesUserDataWhollyAndKeepsItsShape) {
  EXPECT_EQ(input(R"({"data":{"pin":1234,"on":true,"none":null,"list":[1,"x"]}})"),
            "{data:{pin:" + mac("1234") + " on:" + mac("true") + " none:null list:[" + mac("1") + " " +
                mac("x") + " ]}}");
}

TEST_F(Redaction, HashesWhatNoFieldKnows) {
  EXPECT_EQ(input(R"({"nobody_knows":5,"Text":"x"})"),
            "{nobody_knows:" + mac("5") + " Text:" + mac("x") + " }");
  EXPECT_EQ(input(R"({"shown":"x"})", {}, {}, false), "{shown:" + mac("x") + " }") << "no route, no trust";
}

TEST_F(Redaction, HashesWhatHasTheWrongShape) {
  EXPECT_EQ(input(R"({"inner":"x"})"), "{inner:" + mac("x") + " }");
  EXPECT_EQ(input(R"({"inner":{"name":"x","other":7}})"),
            "{inner:{name:" + mac("x") + " other:" + mac("7") + " }}");
}

TEST_F(Redaction, KeysThatTheMountNamesStayReadable) {
  EXPECT_EQ(input(R"({"text":"x","data":{"text":"y"}})", {"text"}),
            "{text:'x' data:{text:" + mac("y") + " }}")
      << "the outermost alone";
}

TEST_F(Redaction, QueriesAreParametersToo) {
  EXPECT_EQ(input("null", {}, {{"text", "x"}, {"shown", "y"}, {"other", "z"}}),
            "{text:" + mac("x") + " shown:'y' other:" + mac("z") + " }");
  EXPECT_EQ(input("null"), "");
  EXPECT_EQ(input("{}"), "");
}

struct Out {
  std::string text, shown;
  schema::StoredJson data;
  std::int64_t number = 0;
  std::vector<std::string> list;
  static constexpr auto fields() {
    return std::array{schema::field<&Out::text>("text", "h"),
                      schema::field<&Out::shown>("shown", "h", schema::plain),
                      schema::field<&Out::data>("data", "h"), schema::field<&Out::number>("number", "h"),
                      schema::field<&Out::list>("list", "h", schema::plain)};
  }
};

TEST_F(Redaction, RepliesAreRedactedByTheSameRules) {
  Out out;
  out.text = "t";
  out.shown = "s";
  out.data.bytes = R"({"p":"x","n":[1]})";
  out.number = 3;
  out.list = {"a", "b"};
  const auto walk = [&](std::vector<std::string> plain) {
    audit::Tree tree;
    AuditSink sink(tree, redactor_, plain);
    schema::CodecOf<Out>::value.save(&out, sink);
    return shown(tree);
  };
  EXPECT_EQ(walk({}), "{text:" + mac("t") + " shown:'s' data:{p:" + mac("x") + " n:[" + mac("1") +
                          " ]}number:3 list:['a' 'b' ]}");
  EXPECT_EQ(walk({"data"}), "{text:" + mac("t") + " shown:'s' data:{p:'x' n:[1 ]}number:3 list:['a' 'b' ]}");
}

}  // namespace
}  // namespace strongroom::core
