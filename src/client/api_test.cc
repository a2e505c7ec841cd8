#include "client/api.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/fd.h"

namespace strongroom::client {
namespace {

// Answers each connection with the next of the given texts and keeps what it was sent.
class Peer {
 public:
  explicit Peer(std::vector<std::string> answers, std::string socket = {})
      : answers_(std::move(answers)), path_(std::move(socket)) {
    if (path_.empty()) {
      listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in a{};
      a.sin_family = AF_INET;
      a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof a;
      EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), size), 0);
      EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&a), &size), 0);
      address_ = "http://127.0.0.1:" + std::to_string(ntohs(a.sin_port));
    } else {
      listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un a{};
      a.sun_family = AF_UNIX;
      path_.copy(a.sun_path, sizeof a.sun_path - 1);
      EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
      address_ = "unix://" + path_;
    }
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  std::string address() const { return address_; }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      const Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) return;
      std::string request;
      char buffer[4096];
      for (;;) {
        const ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
        if (n <= 0) break;
        request.append(buffer, static_cast<std::size_t>(n));
        const auto end = request.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        std::size_t length = 0;
        if (const auto at = request.find("Content-Length: "); at < end)
          length = std::stoul(request.substr(at + 16));
        if (request.size() >= end + 4 + length) break;
      }
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(request);
      }
      std::string text = answer;
      for (auto at = text.find("{self}"); at != std::string::npos; at = text.find("{self}"))
        text.replace(at, 6, address_);
      (void)::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
  }
  std::vector<std::string> answers_;
  std::string path_, address_;
  Fd listener_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::thread thread_;
};

std::string answer(int status, std::string_view body, std::string_view header = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + std::string(header) + "\r\n" + std::string(body);
}

Options options(const Peer& p) {
  Options o;
  o.address = p.address();
  o.token = "the-token";
  o.pause = Nanoseconds(0);
  return o;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Api, SendsTokenNamespaceWrappingAndHeaders) {
  Peer peer({answer(200, "{\"ok\":1}")});
  Options o = options(peer);
  o.name_space = "team/a";
  o.wrap_ttl = "60s";
  o.headers.emplace_back("X-More", SecretText("yes"));
  auto api = Api::open(std::move(o));
  ASSERT_TRUE(api);
  const auto reply = api->send({.method = "PUT", .path = "secret/data/a b%/c", .body = "{\"a\":1}"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(view(reply->body), "{\"ok\":1}");
  const std::string seen = peer.seen().at(0);
  EXPECT_TRUE(seen.starts_with("PUT /v1/secret/data/a%20b%25/c HTTP/1.1\r\n")) << seen;
  for (const std::string_view line :
       {"X-Vault-Request: true\r\n", "X-Vault-Token: the-token\r\n", "X-Vault-Namespace: team/a\r\n",
        "X-Vault-Wrap-TTL: 60s\r\n", "X-More: yes\r\n", "Content-Type: application/json\r\n"})
    EXPECT_TRUE(has(seen, line)) << line;
  EXPECT_TRUE(seen.ends_with("{\"a\":1}"));
}

TEST(Api, SpellsListAsGetAndPatchAsMergePatch) {
  Peer peer({answer(200, ""), answer(204, "")});
  auto api = Api::open(options(peer));
  ASSERT_TRUE(api);
  ASSERT_TRUE(api->send({.method = "LIST", .path = "secret/metadata", .query = {{"after", "a&b"}}}));
  ASSERT_TRUE(api->send({.method = "PATCH", .path = "x", .body = "{}"}));
  EXPECT_TRUE(peer.seen().at(0).starts_with("GET /v1/secret/metadata?after=a%26b&list=true HTTP/1.1\r\n"));
  EXPECT_TRUE(has(peer.seen().at(1), "Content-Type: application/merge-patch+json\r\n"));
}

TEST(Api, TalksOverUnixSockets) {
  char folder[] = "/tmp/sr-api-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  {
    Peer peer({answer(200, "{}")}, std::string(folder) + "/s");
    auto api = Api::open(options(peer));
    ASSERT_TRUE(api);
    const auto reply = api->send({.method = "GET", .path = "sys/health"});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(peer.seen().at(0).starts_with("GET /v1/sys/health HTTP/1.1\r\n"));
  }
  ::rmdir(folder);
}

TEST(Api, RetriesTwiceWhatMayPass) {
  for (const int status : {412, 429, 500, 502, 503}) {
    Peer peer({answer(status, ""), answer(status, ""), answer(200, "{}")});
    auto api = Api::open(options(peer));
    ASSERT_TRUE(api);
    EXPECT_EQ(api->send({.method = "GET", .path = "x"})->status, 200) << status;
    EXPECT_EQ(peer.seen().size(), 3u);
  }
  Peer stubborn({answer(500, ""), answer(500, ""), answer(500, "last"), answer(200, "")});
  auto api = Api::open(options(stubborn));
  ASSERT_TRUE(api);
  const auto reply = api->send({.method = "GET", .path = "x"});
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(view(reply->body), "last");
}

TEST(Api, DoesNotRetryWhatWillNotPass) {
  for (const int status : {400, 403, 404, 405, 501}) {
    Peer peer({answer(status, "{}"), answer(200, "")});
    auto api = Api::open(options(peer));
    ASSERT_TRUE(api);
    EXPECT_EQ(api->send({.method = "GET", .path = "x"})->status, status);
    EXPECT_EQ(peer.seen().size(), 1u);
  }
}

TEST(Api, FollowsOneRedirectWithMethodBodyAndToken) {
  Peer peer({answer(307, "", "Location: {self}/v1/there\r\n"), answer(204, "")});
  auto api = Api::open(options(peer));
  ASSERT_TRUE(api);
  EXPECT_EQ(api->send({.method = "PUT", .path = "here", .body = "{\"k\":1}"})->status, 204);
  const std::string second = peer.seen().at(1);
  EXPECT_TRUE(second.starts_with("PUT /v1/there HTTP/1.1\r\n"));
  EXPECT_TRUE(has(second, "X-Vault-Token: the-token\r\n"));
  EXPECT_TRUE(second.ends_with("{\"k\":1}"));

  Peer round(
      {answer(307, "", "Location: /v1/b\r\n"), answer(307, "", "Location: /v1/c\r\n"), answer(200, "")});
  auto twice = Api::open(options(round));
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->send({.method = "GET", .path = "a"})->status, 307);

  Peer unwanted({answer(307, "", "Location: /v1/b\r\n"), answer(200, "")});
  Options o = options(unwanted);
  o.redirects = Redirects::none;
  auto none = Api::open(std::move(o));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->send({.method = "GET", .path = "a"})->status, 307);
}

TEST(Api, FollowsNoRedirectToAFileOrAnotherScheme) {
  Peer peer({answer(307, "", "Location: file:///etc/passwd\r\n")});
  auto api = Api::open(options(peer));
  ASSERT_TRUE(api);
  EXPECT_FALSE(api->send({.method = "GET", .path = "a"}));
}

TEST(Api, NamesTheUrlButNotTheTokenWhenNobodyAnswers) {
  Options o;
  o.address = "http://127.0.0.1:1";
  o.token = "the-token";
  o.retries = 0;
  auto api = Api::open(std::move(o));
  ASSERT_TRUE(api);
  const auto reply = api->send({.method = "GET", .path = "sys/health"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unavailable);
  EXPECT_TRUE(has(reply.error().message, "GET http://127.0.0.1:1/v1/sys/health"));
  EXPECT_FALSE(has(reply.error().message, "the-token"));
}

TEST(Api, RefusesWrongOptions) {
  for (const std::string_view address :
       {"", "127.0.0.1:8200", "ftp://x", "http://", "unix://relative", "http://user@host"}) {
    Options o;
    o.address = address;
    EXPECT_FALSE(Api::open(std::move(o))) << address;
  }
  Options line;
  line.token = "a\r\nX-Evil: 1";
  EXPECT_FALSE(Api::open(std::move(line)));
  Options header;
  header.headers.emplace_back("A\nB", SecretText("x"));
  EXPECT_FALSE(Api::open(std::move(header)));
  Options certificate;
  certificate.tls.client_cert = "/x";
  EXPECT_FALSE(Api::open(std::move(certificate)));
  Options authority;
  authority.tls.ca_file = "/nonexistent";
  EXPECT_FALSE(Api::open(std::move(authority)));
}

}  // namespace
}  // namespace strongroom::client
