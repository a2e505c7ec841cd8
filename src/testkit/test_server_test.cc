#include "testkit/test_server.h"

#include <gtest/gtest.h>

namespace strongroom::testkit {
namespace {

TEST(TestServer, ServesASecretAndKeepsItOverARestart) {
  auto server = TestServer::ready();
  ASSERT_EQ(server->root("POST", "secret/data/a", R"({"data":{"p":"one"}})").status, 200);
  EXPECT_EQ(server->root("GET", "secret/data/a").text("data/data/p"), "one");
  ASSERT_TRUE(server->restart());
  EXPECT_EQ(server->root("GET", "secret/data/a").status, 503);
  ASSERT_EQ(server->unseal().status, 200);
  EXPECT_EQ(server->root("GET", "secret/data/a").text("data/data/p"), "one");
  EXPECT_EQ(server->call("GET", "secret/data/a").status, 403);
}

TEST(TestServer, KeepsNothingInMemory) {
  TestServer::Options options;
  options.storage = TestServer::Storage::memory;
  auto server = TestServer::ready(options);
  EXPECT_EQ(server->root("POST", "kv/a", R"({"p":"one"})").status, 204);
  EXPECT_EQ(server->root("GET", "kv/a").text("data/p"), "one");
  ASSERT_TRUE(server->restart());
  EXPECT_EQ(server->call("GET", "sys/init").text("initialized"), "false");
}

}  // namespace
}  // namespace strongroom::testkit
