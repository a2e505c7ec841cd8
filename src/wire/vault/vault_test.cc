#include "wire/vault/vault.h"

#include <gtest/gtest.h>

namespace strongroom::wire::vault {
namespace {

class Counting final : public Random {
 public:
  void fill(std::span<std::byte> out) noexcept override {
    for (auto& b : out) b = static_cast<std::byte>(next_++);
  }

 private:
  unsigned next_ = 0;
};

struct Decoded {
  std::unique_ptr<core::Request> request;
  Outbound refused;
  int status() const { return request ? 0 : refused.status; }  // 0: on to the core
  std::string body() const { return std::string(view(refused.body)); }
};
Decoded decoded(Inbound in) {
  Counting random;
  auto out = decode(std::move(in), random);
  Decoded d;
  if (auto* request = std::get_if<std::unique_ptr<core::Request>>(&out))
    d.request = std::move(*request);
  else
    d.refused = std::get<Outbound>(std::move(out));
  return d;
}
Decoded get(std::string_view target, std::string_view method = "GET") {
  Inbound in;
  in.method = method;
  in.target = target;
  return decoded(std::move(in));
}
Decoded post(std::string_view body, std::string_view type = {}, std::string_view method = "POST") {
  Inbound in;
  in.method = method;
  in.target = "/v1/secret/data/a";
  in.content_type = type;
  in.body = SecretText(body);
  return decoded(std::move(in));
}

TEST(VaultDecode, TakesOneSpellingOfEachPath) {
  using namespace std::string_literals;
  const std::pair<std::string, int> cases[] = {
      {"/v1/secret/data/a", 0},
      {"/v1/secret/data/a%20b", 0},
      {"/v1/secret/data/a;b", 0},
      {"/v1/secret/data/...", 0},
      {"/v1/secret/data/%E2%82%AC", 0},
      {"/v1/secret/data/../x", 400},
      {"/v1/secret/data/./x", 400},
      {"/v1/..", 400},
      {"/v1/secret/data/%2e%2e/x", 400},
      {"/v1/secret/data/.%2e/x", 400},
      {"/v1/secret/data/%2E%2E", 400},
      {"/v1/secret/data/%252e%252e/x", 400},
      {"/v1/secret/data/a%2fb", 400},
      {"/v1/secret/data/a%2Fb", 400},
      {"/v1/secret/data/a%252fb", 400},
      {"/v1/secret/data/a%5cb", 400},
      {"/v1/secret/data/a\\b", 400},
      {"/v1/secret/data/a%00b", 400},
      {"/v1/secret/data/a\0b"s, 400},
      {"/v1/secret/data/a%0ab", 400},
      {"/v1/secret/data/a%7fb", 400},
      {"/v1/secret/data/a%", 400},
      {"/v1/secret/data/a%4", 400},
      {"/v1/secret/data/a%zz", 400},
      {"/v1/secret/data/%c0%af", 400},
      {"/v1/secret/data/%ed%a0%80", 400},
      {"/v1/secret/data/%ff", 400},
      {"/v1/" + std::string(401, 'a'), 400},
      {"/v1/" + std::string(400, 'a'), 0},
      {"/v2/secret", 404},
      {"/", 404},
      {"", 404},
      {"/v1", 404},
      {"/V1/secret", 404},
      {"http://host/v1/secret", 0},
      {"HTTPS://user@host:8200/v1/secret?x=1", 0},
      {"http://host", 404},
      {"http://host?/v1/secret", 404},
      {"ftp://host/v1/secret", 404},
      {"/v1/secret/data/a%c2%9bb", 400},
      {"/v1/secret/data/a%e2%80%aeb", 400},
      {"//evil.example/v1", 404},
      {"///a////b//", 404},
      {"/\\evil.example//v1/", 404},
      {"http:\\\\evil.example//v1/", 404},
      {"*", 404},
  };
  for (const auto& [target, status] : cases) EXPECT_EQ(get(target).status(), status) << target;
}

TEST(VaultDecode, NeverEchoesAPathItRefuses) {
  for (const auto* target :
       {"/v1/canary-4711/../x", "/v1/canary-4711%2f", "/v1/canary-4711%00", "/v9/canary-4711"})
    EXPECT_EQ(get(target).body().find("canary"), std::string::npos) << target;
}

TEST(VaultDecode, RedirectsDoubledSlashesToThisServerAlone) {
  const std::pair<std::string, std::string> cases[] = {
      {"/v1//secret", "/v1/secret"},
      {"//v1/secret", "/v1/secret"},
      {"/v1/secret//?list=true", "/v1/secret/?list=true"},
      {"///v1////b//", "/v1/b/"},
      {"http://evil.example//v1//b", "/v1/b"},
  };
  for (const auto& [target, location] : cases) {
    const auto d = get(target);
    EXPECT_EQ(d.status(), 307) << target;
    ASSERT_EQ(d.refused.headers.size(), 1u);
    EXPECT_EQ(d.refused.headers[0].first, "Location");
    EXPECT_EQ(d.refused.headers[0].second, location);
  }
}

TEST(VaultDecode, ReadsTheQueryAsAFormDoes) {
  const auto d = get("/v1/secret/data/a?version=%33&name=a+b%20c&empty=&bare&&twice=1&twice=2");
  ASSERT_TRUE(d.request);
  const schema::Input::Pairs expected{{"version", "3"}, {"name", "a b c"}, {"empty", ""},
                                      {"bare", ""},     {"twice", "1"},    {"twice", "2"}};
  EXPECT_EQ(d.request->call.query, expected);
  for (const auto* bad : {"?a=%", "?a=%4", "?a=%zz", "?%=1", "?a=%ff", "?a=%c3%28"})
    EXPECT_EQ(get(std::string("/v1/secret/data/a") + bad).status(), 400) << bad;
  std::string many = "/v1/secret/data/a?";
  for (int i = 0; i < 64; ++i) many += "a=1&";
  EXPECT_EQ(get(many).status(), 0);
  EXPECT_EQ(get(many + "a=1").status(), 400);
}

TEST(VaultDecode, ListingHasThreeSpellingsAndOneMeaning) {
  for (const auto& d : {get("/v1/secret/metadata/team", "LIST"), get("/v1/secret/metadata/team/", "LIST"),
                        get("/v1/secret/metadata/team?list=true"), get("/v1/secret/metadata/team/?list=1")}) {
    ASSERT_TRUE(d.request);
    EXPECT_EQ(d.request->call.verb, engine::Verb::list);
    EXPECT_EQ(d.request->call.path.text(), "secret/metadata/team/");
    EXPECT_TRUE(d.request->call.query.empty());
  }
  EXPECT_EQ(get("/v1/secret/metadata/team?list=false").request->call.verb, engine::Verb::read);
  EXPECT_EQ(get("/v1/secret/metadata/team?list=perhaps").status(), 400);
}

TEST(VaultDecode, KnowsItsMethods) {
  using engine::Verb;
  const std::pair<const char*, Verb> known[] = {{"GET", Verb::read},  {"POST", Verb::write},
                                                {"PUT", Verb::write}, {"DELETE", Verb::erase},
                                                {"LIST", Verb::list}, {"SCAN", Verb::scan}};
  for (const auto& [method, verb] : known) EXPECT_EQ(get("/v1/sys/mounts", method).request->call.verb, verb);
  for (const auto* unknown : {"HEAD", "TRACE", "CONNECT", "get", "", "GET "})
    EXPECT_EQ(get("/v1/sys/mounts", unknown).status(), 405) << unknown;
  EXPECT_EQ(get("/v1/sys/health", "HEAD").status(), 0);
  EXPECT_EQ(get("/v1/sys/mounts", "OPTIONS").status(), 400);
}

TEST(VaultDecode, TakesJsonObjectsAndNothingElse) {
  EXPECT_EQ(post(R"({"data":{}})").status(), 0);
  EXPECT_EQ(post(R"({"data":{}})", "text/plain").status(), 0) << "old clients name no type or a wrong one";
  EXPECT_EQ(post("").status(), 0);
  EXPECT_EQ(post("null").status(), 0);
  for (const auto* bad : {"[]", "1", "\"x\"", "true", "{", "{}x", "{\"a\":1,}", "\xff", "{'a':1}", "a=b"})
    EXPECT_EQ(post(bad).status(), 400) << bad;
  EXPECT_EQ(post("a=b", "application/x-www-form-urlencoded").status(), 400);
  EXPECT_EQ(post(std::string(10'000, '[')).status(), 400);
  EXPECT_EQ(post("{\"canary-4711\":tru}").body().find("canary"), std::string::npos);
}

TEST(VaultDecode, APatchSaysWhatItIs) {
  EXPECT_EQ(post("{}", "application/merge-patch+json", "PATCH").status(), 0);
  EXPECT_EQ(post("{}", "application/merge-patch+json; charset=utf-8", "PATCH").status(), 0);
  EXPECT_EQ(post("{}", "application/json", "PATCH").status(), 415);
  EXPECT_EQ(post("{}", "", "PATCH").status(), 400);
}

TEST(VaultDecode, TheTokenHeaderGoesBeforeTheBearer) {
  Inbound in;
  in.method = "GET";
  in.target = "/v1/sys/mounts";
  in.token = "one";
  in.authorization = "Bearer two";
  EXPECT_EQ(view(decoded(std::move(in)).request->credential.token), "one");
  Inbound bearer;
  bearer.method = "GET";
  bearer.target = "/v1/sys/mounts";
  bearer.authorization = "Bearer two";
  EXPECT_EQ(view(decoded(std::move(bearer)).request->credential.token), "two");
  Inbound basic;
  basic.method = "GET";
  basic.target = "/v1/sys/mounts";
  basic.authorization = "Basic dHdv";
  EXPECT_EQ(view(decoded(std::move(basic)).request->credential.token), "");
}

TEST(VaultDecode, WritesTakeNoParametersFromTheQuery) {
  const auto d = get("/v1/secret/data/a?cas=3", "POST");
  ASSERT_TRUE(d.request);
  EXPECT_TRUE(d.request->call.query.empty());
}

TEST(VaultDecode, EveryRequestHasAUuidOfItsOwn) {
  Counting random;
  Inbound a;
  a.method = "GET";
  a.target = "/v1/x";
  Inbound b = std::move(a);
  a = {};
  a.method = "GET";
  a.target = "/v1/x";
  const auto first = std::get<std::unique_ptr<core::Request>>(decode(std::move(a), random));
  const auto second = std::get<std::unique_ptr<core::Request>>(decode(std::move(b), random));
  EXPECT_NE(first->call.id, second->call.id);
  EXPECT_EQ(std::to_integer<int>(first->call.id[6]) >> 4, 4);
  EXPECT_EQ(std::to_integer<int>(first->call.id[8]) >> 6, 2);
}

core::Reply failed(Code code, std::string message = "m") {
  core::Reply r;
  r.error = Error{code, std::move(message), "detail is for the log", "", 0};
  return r;
}

TEST(VaultEncode, EveryCodeHasItsStatus) {
  const core::Request request;
  const std::pair<Code, int> cases[] = {{Code::invalid_argument, 400},
                                        {Code::conflict, 400},
                                        {Code::failed_precondition, 400},
                                        {Code::unauthenticated, 403},
                                        {Code::permission_denied, 403},
                                        {Code::not_found, 404},
                                        {Code::unsupported, 405},
                                        {Code::unsupported_media, 415},
                                        {Code::too_large, 413},
                                        {Code::quota_exceeded, 429},
                                        {Code::sealed, 503},
                                        {Code::not_leader, 503},
                                        {Code::unavailable, 503},
                                        {Code::no_space, 503},
                                        {Code::fenced, 503},
                                        {Code::outcome_unknown, 503},
                                        {Code::deadline_exceeded, 504},
                                        {Code::corrupt, 500},
                                        {Code::needs_worker, 500},
                                        {Code::internal, 500}};
  for (const auto& [code, status] : cases)
    EXPECT_EQ(encode(request, failed(code)).status, status) << name(code);
}

TEST(VaultEncode, ErrorsAreEscapedAndKeepTheirDetailHere) {
  const core::Request request;
  const auto out = encode(request, failed(Code::invalid_argument, "a \"quoted\"\nline"));
  EXPECT_EQ(view(out.body), "{\"errors\":[\"a \\\"quoted\\\"\\nline\"]}\n");
  EXPECT_EQ(view(encode(request, failed(Code::not_found, "")).body), "{\"errors\":[]}\n");
}

TEST(VaultEncode, AnEnvelopeHasEveryMemberClientsRead) {
  core::Request request;
  for (std::size_t i = 0; i < 16; ++i) request.call.id[i] = static_cast<std::byte>(i);
  core::Reply reply;
  reply.data = R"({"a":1})";
  reply.has_data = true;
  reply.mount_type = "kv";
  reply.aside.warnings = {"w"};
  EXPECT_EQ(
      view(encode(request, reply).body),
      "{\"request_id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"lease_id\":\"\",\"renewable\":false,"
      "\"lease_duration\":0,"
      "\"data\":{\"a\":1},\"wrap_info\":null,\"warnings\":[\"w\"],\"auth\":null,\"mount_type\":\"kv\"}\n");
  core::Reply nothing;
  const auto empty = encode(request, nothing);
  EXPECT_EQ(empty.status, 204);
  EXPECT_TRUE(empty.body.empty());
  reply.aside.frame = engine::Frame::bare;
  reply.aside.status = 429;
  const auto bare = encode(request, reply);
  EXPECT_EQ(bare.status, 429);
  EXPECT_EQ(view(bare.body), "{\"a\":1}\n");
}

}  // namespace
}  // namespace strongroom::wire::vault
