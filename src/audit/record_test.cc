#include "audit/record.h"

#include <gtest/gtest.h>

#include "audit/test_fixture.h"
#include "audit/tree.h"

namespace strongroom::audit {
namespace {

Record full() {
  Record r = test::kv_read(5);
  r.what = What::server;
  r.mark = Mark::recovered;
  r.revision = 77;
  r.operation = "unseal";
  r.namespace_id = "a1B2c3";
  r.namespace_path = "team/";
  r.wrap_ttl = 60;
  r.presented_token = test::mac_of("other");
  r.outcome = "permission_denied";
  r.error = "permission denied";
  r.warnings = {"one", "", "three"};
  r.lease = "";
  r.count = 9;
  tree::Writer h(r.headers);
  h.begin_map();
  h.key("user-agent");
  h.begin_array();
  h.text("curl");
  h.end_array();
  h.end_map();
  r.request = r.headers;
  r.issued = r.actor;
  r.issued->metadata = {{"team", "a"}, {"empty", ""}};
  r.issued->identity_policies = {"x"};
  r.issued->token_policies = {"y"};
  r.issued->granting_policies = r.issued->policies;
  r.issued->entity_id = "e";
  r.issued->entity_created = true;
  r.issued->namespace_id = "a1B2c3";
  r.issued->remaining_uses = 3;
  r.issued->token_type = "odd";
  r.issued->verdict = Actor::Verdict::refused;
  Wrapped w;
  w.token = test::mac_of("w");
  w.ttl = 60;
  w.creation_time = "2026-11-25T01:02:03Z";
  w.creation_path = "auth/token/create";
  w.wrapped_accessor = test::mac_of("wa");
  r.wrapped = w;
  return r;
}

TEST(AuditRecord, ComesBackAsItWas) {
  for (const Record& r : {Record{}, test::kv_read(), test::small(3), full()}) {
    const std::string bytes = encode(r);
    const auto back = decode(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, r);
    EXPECT_EQ(encode(*back), bytes);
  }
}

TEST(AuditRecord, OfAKvReadTakesLessThan400Bytes) {
  const std::string bytes = encode(test::kv_read(17));
  RecordProperty("bytes", static_cast<int>(bytes.size()));
  EXPECT_LE(bytes.size(), 400u);
}

TEST(AuditRecord, CutShortAnywhereIsCorrupt) {
  const std::string bytes = encode(full());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto r = decode(std::string_view(bytes).substr(0, n));
    ASSERT_FALSE(r) << n;
    EXPECT_EQ(r.error().code, Code::corrupt);
  }
  EXPECT_FALSE(decode(bytes + "x"));
}

TEST(AuditRecord, AnyOtherByteIsRefusedOrReadAsASpellingOfItsOwn) {
  const std::string bytes = encode(full());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = bytes;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      const auto r = decode(other);
      if (!r) continue;
      EXPECT_EQ(encode(*r), other) << i;
    }
}

TEST(AuditRecord, TooLargeKeepsADigestAndTheNumberOfMembers) {
  Record r = test::kv_read();
  Tree big;
  tree::Writer w(big);
  w.begin_map();
  for (int i = 0; i < 3000; ++i) {
    w.key("k" + std::to_string(i));
    w.mac(test::mac_of("v"));
  }
  w.end_map();
  r.response = big;
  const std::string bytes = encode(r);
  EXPECT_LE(bytes.size(), kMostRecord);
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  tree::Reader reader(back->response);
  const auto item = reader.next();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->kind, tree::Kind::digest);
  EXPECT_EQ(item->integer, 3000);
  EXPECT_EQ(item->mac, test::mac_of(big));
  EXPECT_EQ(back->request, r.request);
  EXPECT_EQ(back->path, r.path);
}

TEST(AuditRecord, NeverExceedsItsLimitWhateverTheTexts) {
  Record r = full();
  const std::string long_text(70'000, 'x');
  r.path = r.error = r.operation = r.outcome = r.namespace_path = long_text;
  r.warnings.assign(100, long_text);
  r.actor->policies.assign(100, long_text);
  r.actor->metadata.assign(100, {long_text, long_text});
  r.lease = long_text;
  const std::string bytes = encode(r);
  EXPECT_LE(bytes.size(), kMostRecord);
  EXPECT_TRUE(decode(bytes));
}

TEST(AuditTree, ReadsBackWhatWasWritten) {
  Tree t;
  tree::Writer w(t);
  w.begin_map();
  w.key("list");
  w.begin_array();
  w.integer(-1);
  w.integer(INT64_MIN);
  w.integer(INT64_MAX);
  w.integer(1000);
  w.null();
  w.begin_map();
  w.end_map();
  w.end_array();
  w.key("n");
  w.number("1.10");
  w.key(std::string(300, 'k'));
  w.text("");
  w.key("m");
  w.mac(test::mac_of("x"));
  w.end_map();
  EXPECT_TRUE(tree::validate(t));
  EXPECT_EQ(tree::members(t), 4u);
  using tree::Kind;
  const Kind expected[] = {Kind::begin_map, Kind::key,     Kind::begin_array, Kind::integer,   Kind::integer,
                           Kind::integer,   Kind::integer, Kind::null,        Kind::begin_map, Kind::end,
                           Kind::end,       Kind::key,     Kind::number,      Kind::key,       Kind::text,
                           Kind::key,       Kind::mac,     Kind::end,         Kind::finish};
  tree::Reader reader(t);
  for (const Kind kind : expected) {
    const auto item = reader.next();
    ASSERT_TRUE(item);
    EXPECT_EQ(item->kind, kind);
  }
}

TEST(AuditTree, RefusesWhatAWriterWouldNotWrite) {
  const std::string_view bad[] = {"",
                                  "\xbf",
                                  "\xff",
                                  "\xf6\xf6",
                                  "\xbf\xf6\xf6\xff",
                                  "\xbf\x64"
                                  "data\xf6\xff",
                                  "\xbf\x18\xff\xf6\xff",
                                  "\xbf\x61k\xff",
                                  "\x18\x01",
                                  "\x19\x01",
                                  "\x62k",
                                  "\x41x",
                                  "\xc7\x01",
                                  "\xc6\xf6",
                                  "\xf7",
                                  "\x1b\xff\xff\xff\xff\xff\xff\xff\xff"};
  for (const std::string_view s : bad) EXPECT_FALSE(tree::validate(s)) << to_hex(as_view(s));
  EXPECT_FALSE(tree::validate(std::string(600, '\x9f')));
}

}  // namespace
}  // namespace strongroom::audit
