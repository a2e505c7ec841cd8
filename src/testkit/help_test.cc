// Help over the wire: who may ask, and that every path of every table answers. Vault API: ?help=1.
#include <gtest/gtest.h>

#include "testkit/test_server.h"

namespace strongroom::testkit {
namespace {

TEST(HelpOverTheWire, AnyTokenMayAskAndNobodyElse) {
  const auto server = TestServer::ready();
  server->policy("none", "path \"sys/mounts\" { capabilities = [\"deny\"] }");
  const auto token = server->token_with(R"(["none"])", R"("no_default_policy":true)");
  for (const auto* method : {"GET", "POST", "DELETE", "LIST", "PUT"}) {
    const auto a = server->call(method, "sys/mounts?help=1", "", token);
    EXPECT_EQ(a.status, 200) << method << a.body;
    EXPECT_TRUE(a.text("help").starts_with("Request:        mounts\nMatching Route: ^mounts$\n")) << a.body;
    EXPECT_EQ(a.text("request_id"), "") << "not bare";
  }
  EXPECT_EQ(server->call("HELP", "sys/mounts", "", token).status, 200);
  EXPECT_EQ(server->call("GET", "sys/mounts?help=1").status, 403);
  EXPECT_EQ(server->call("GET", "sys/mounts?help=1", "", "hvs.unknown").status, 403);
  EXPECT_EQ(server->call("GET", "nothing/here?help=1").status, 403) << "tells whether a mount exists";
  EXPECT_EQ(server->call("GET", "nothing/here?help=1", "", token).status, 404);
  EXPECT_EQ(server->call("GET", "sys/nothing?help=1", "", token).status, 404);
  EXPECT_EQ(server->call("GET", "sys/health?help=1").status, 200);
  // Empty means not asked, as in Vault.
  EXPECT_EQ(server->call("GET", "sys/mounts?help=", "", token).status, 403);
}

TEST(HelpOverTheWire, ChangesNothingAndIsOnRecord) {
  const auto server = TestServer::ready();
  server->root("POST", "secret/data/a", R"({"data":{"k":"v"}})");
  const auto before = (*server->store().snapshot())->revision();
  EXPECT_EQ(server->root("DELETE", "secret/data/a?help=1").status, 200);
  EXPECT_EQ(server->root("POST", "sys/seal?help=1").status, 200);
  EXPECT_EQ(server->root("GET", "secret?help=1").status, 200);
  EXPECT_EQ((*server->store().snapshot())->revision(), before);
  EXPECT_FALSE(server->core().sealed());
  const auto records = server->records();
  EXPECT_EQ(std::ranges::count_if(records, [](const auto& r) { return r.record.operation == "help"; }), 3);
}

TEST(HelpOverTheWire, SpendsAUseOfTheToken) {
  const auto server = TestServer::ready();
  const auto token = server->token_with(R"(["default"])", R"("num_uses":1)");
  EXPECT_EQ(server->call("GET", "sys/mounts?help=1", "", token).status, 200);
  EXPECT_EQ(server->call("GET", "sys/mounts?help=1", "", token).status, 403);
}

TEST(HelpOverTheWire, SealedThereIsNone) {
  const auto server = TestServer::ready();
  server->root("PUT", "sys/seal");
  EXPECT_EQ(server->call("GET", "sys/mounts?help=1", "", server->root_token()).status, 503);
  EXPECT_EQ(server->call("GET", "sys/health?help=1").status, 503);
}

TEST(OpenApiOverTheWire, ShowsTheMountsThatTheCallerCanSee) {
  const auto server = TestServer::ready();
  server->policy("secrets", "path \"secret/data/*\" { capabilities = [\"read\"] }");
  const auto token = server->token_with(R"(["secrets"])", R"("no_default_policy":true)");
  const auto nobody = server->call("GET", "sys/internal/specs/openapi");
  EXPECT_EQ(nobody.status, 200);
  EXPECT_EQ(nobody.text("openapi"), "3.0.2");
  EXPECT_EQ(nobody.text("paths"), "{}");
  const auto some = server->call("GET", "sys/internal/specs/openapi", "", token);
  EXPECT_NE(some.body.find("\"/secret/data/{path}\":"), std::string::npos);
  EXPECT_EQ(some.body.find("\"/sys/mounts\":"), std::string::npos);
  EXPECT_EQ(some.body.find("\"/kv/{path}\":"), std::string::npos);
  const auto all = server->root("GET", "sys/internal/specs/openapi");
  for (const auto* path : {"/secret/data/{path}", "/sys/mounts", "/kv/{path}", "/auth/token/create",
                           "/sys/internal/specs/openapi"})
    EXPECT_NE(all.body.find("\"" + std::string(path) + "\":"), std::string::npos) << path;
  for (const auto& generic : {server->root("GET", "sys/internal/specs/openapi?generic_mount_paths=true"),
                              server->root("POST", "sys/internal/specs/openapi",
                                           R"({"generic_mount_paths":true,"context":"x"})")}) {
    for (const auto* path :
         {"/{secret_mount_path}/data/{path}", "/sys/mounts", "/{kv_mount_path}/{path}", "/auth/token/create"})
      EXPECT_NE(generic.body.find("\"" + std::string(path) + "\":"), std::string::npos) << path;
    EXPECT_EQ(generic.body.find("\"/secret/data/{path}\":"), std::string::npos);
  }
}

}  // namespace
}  // namespace strongroom::testkit
