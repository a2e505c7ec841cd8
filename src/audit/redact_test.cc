#include "audit/redact.h"

#include <gtest/gtest.h>

#include "audit/test_fixture.h"

namespace strongroom::audit {
namespace {

const Secret kKey = Secret::copy_of(std::string(32, 'k'));

// A tree as text: MACs as <value they stand for> when it is known.
std::string show(std::string_view tree, const Redactor& redactor,
                 std::initializer_list<std::string_view> known) {
  std::string out;
  tree::Reader reader(tree);
  while (true) {
    const auto item = reader.next();
    if (!item) return "broken";
    switch (item->kind) {
      case tree::Kind::begin_map:
        out += "{";
        break;
      case tree::Kind::begin_array:
        out += "[";
        break;
      case tree::Kind::end:
        out += item->of_map ? "}" : "]";
        break;
      case tree::Kind::key:
        out += std::string(item->text) + ":";
        break;
      case tree::Kind::text:
        out += "'" + std::string(item->text) + "' ";
        break;
      case tree::Kind::mac: {
        std::string name = "?";
        for (const auto value : known)
          if (redactor.mac(value) == item->mac) name = value;
        out += "<" + name + "> ";
        break;
      }
      case tree::Kind::integer:
        out += std::to_string(item->integer) + " ";
        break;
      case tree::Kind::boolean:
        out += item->boolean ? "true " : "false ";
        break;
      case tree::Kind::null:
        out += "null ";
        break;
      case tree::Kind::number:
        out += "#" + std::string(item->text) + " ";
        break;
      case tree::Kind::digest:
        out += "digest ";
        break;
      case tree::Kind::finish:
        return out;
    }
  }
}

TEST(Redactor, HashesEveryValueOfUserData) {
  const Redactor r(kKey);
  Tree t;
  tree::Writer w(t);
  r.redact_text(R"({"user":"an\u006e","pin":1234,"on":true,"list":["x",{"y":1.10}],"none":null})", {}, w);
  EXPECT_EQ(show(t, r, {"ann", "1234", "true", "x", "1.10"}),
            "{user:<ann> pin:<1234> on:<true> list:[<x> {y:<1.10> }]none:null }");
}

TEST(Redactor, LeavesPlainFieldsReadableWithTheirSubtrees) {
  const Redactor r(kKey);
  Tree t;
  tree::Writer w(t);
  const std::string_view plain[] = {"options", "n"};
  r.redact_text(R"({"options":{"cas":1,"x":["y"]},"n":1e400,"m":{"n":2}})", plain, w);
  EXPECT_EQ(show(t, r, {"2"}), "{options:{cas:1 x:['y' ]}n:#1e400 m:{n:<2> }}");
}

TEST(Redactor, HashesWhatIsNoJsonAsOneString) {
  const Redactor r(kKey);
  Tree t;
  tree::Writer w(t);
  r.redact_text("{bad", {}, w);
  EXPECT_EQ(show(t, r, {"{bad"}), "<{bad> ");
}

TEST(Redactor, ReplacesWhatIsTooLargeByAKeyedDigest) {
  const Redactor r(kKey);
  Record record = test::kv_read();
  std::string big = "[";
  for (int i = 0; i < 4000; ++i) big += "1,";
  big += "2]";
  tree::Writer w(record.request);
  r.redact_text(big, {}, w);
  const Tree whole = record.request;
  const Tree response = record.response;
  r.bound(record);
  EXPECT_EQ(record.response, response);
  tree::Reader reader(record.request);
  const auto item = reader.next();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->kind, tree::Kind::digest);
  EXPECT_EQ(item->mac, r.mac(whole));
  EXPECT_EQ(item->integer, 4001);
  EXPECT_LE(encode(record).size(), kMostRecord);
}

TEST(Redactor, ShowsAMacAsVaultDoes) {
  Mac m{};
  m[31] = std::byte{0xab};
  EXPECT_EQ(display(m), "hmac-sha256:" + std::string(62, '0') + "ab");
}

}  // namespace
}  // namespace strongroom::audit
