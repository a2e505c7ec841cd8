#include "wire/http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <future>

#include "wire/http/edge_fixture.h"
#include "wire/http/loop.h"
#include "wire/http/sd_notify.h"
#include "wire/http/tls_fixture.h"

namespace strongroom::wire::http {
namespace {
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n";

// One loop with the listeners, answering everything with what it saw.
class Server {
 public:
  explicit Server(std::vector<ListenerSettings> all) {
    for (auto& s : all) {
      auto l = Listener::open(std::move(s), static_cast<std::uint32_t>(listeners_.size()));
      EXPECT_TRUE(l) << l.error().message << " " << l.error().detail;
      if (l) listeners_.push_back(std::move(*l));
    }
    auto loop = Loop::open(
        {.batch =
             [](Loop& l, std::vector<Arrival> batch) {
               std::vector<Release> out;
               for (auto& [ticket, r] : batch) {
                 const bool tls = r->transport == HttpRequest::Transport::tls;
                 out.push_back({ticket, reply(200, std::string(tls ? "tls" : "plain") + " [" +
                                                       r->peer.address + "] " + std::string(view(r->body)))});
               }
               l.release(std::move(out));
             }},
        listeners_, clock_);
    EXPECT_TRUE(loop) << loop.error().message;
    loop_ = std::move(*loop);
    thread_ = std::jthread([this] { loop_->run(); });
  }
  ~Server() {
    loop_->drain();
    thread_.join();
    loop_.reset();
  }
  void pass(Nanoseconds time) {
    clock_.move(time);
    for (int i = 0; i < 2; ++i) {
      std::promise<void> done;
      loop_->post([&] { done.set_value(); });
      done.get_future().wait();
    }
  }
  Listener& listener(std::size_t i = 0) { return *listeners_[i]; }

 private:
  MovedClock clock_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<Loop> loop_;
  std::jthread thread_;
};

TEST(Listener, TellsTheBoundPort) {
  const auto l = Listener::open({.address = "127.0.0.1:0"}, 0);
  ASSERT_TRUE(l);
  EXPECT_GT((*l)->port(), 0);
  EXPECT_EQ((*l)->address(), "127.0.0.1:" + std::to_string((*l)->port()));
}

TEST(Listener, SharesItsPortBetweenLoopsButNotWithAnotherServer) {
  const auto l = Listener::open({.address = "127.0.0.1:0"}, 0);
  ASSERT_TRUE(l);
  const auto first = (*l)->descriptor();
  const auto second = (*l)->descriptor();
  ASSERT_TRUE(first && second);
  const auto other = Listener::open({.address = (*l)->address()}, 0);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, StartsWith("cannot listen on 127.0.0.1:"));
  EXPECT_THAT(other.error().message, EndsWith(": another process listens there"));
}

TEST(Listener, ListensOnIpv6) {
  const auto l = Listener::open({.address = "[::1]:0"}, 0);
  if (!l) GTEST_SKIP() << "no IPv6 here: " << l.error().message;
  EXPECT_THAT((*l)->address(), StartsWith("[::1]:"));
}

TEST(Listener, ServesIpv4ClientsOfAnAllAddressesSocketUnderTheirIpv4Address) {
  Server s({{.address = ":0"}});
  Client c(s.listener().port());
  ASSERT_TRUE(c.send(kGet));
  EXPECT_THAT(c.replies(1), HasSubstr("plain [127.0.0.1]"));
}

TEST(Listener, RefusesAnAddressThatIsNone) {
  for (const char* bad :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:http", "::1:8200", "[::1]8200"}) {
    const auto l = Listener::open({.address = bad}, 0);
    ASSERT_FALSE(l) << bad;
    EXPECT_EQ(l.error().code, Code::invalid_argument) << bad;
  }
}

TEST(Listener, ServesAUnixSocketWithItsModeAndRemovesIt) {
  const Folder folder;
  const std::string path = folder.file("api.sock");
  {
    Server s({{.kind = ListenerSettings::Kind::unix_socket,
               .address = path,
               .socket_mode = 0660,
               .socket_user = std::to_string(getuid()),
               .socket_group = std::to_string(getgid())}});
    struct stat found{};
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0660U);
    Client c(path);
    ASSERT_TRUE(c.send(kGet));
    EXPECT_THAT(c.replies(1), HasSubstr("plain []"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, TakesOverAStaleUnixSocketOnly) {
  const Folder folder;
  const std::string path = folder.file("api.sock");
  const ListenerSettings settings{.kind = ListenerSettings::Kind::unix_socket, .address = path};
  {
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  const auto live = Listener::open(settings, 0);
  ASSERT_TRUE(live) << live.error().message;
  const auto second = Listener::open(settings, 0);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another process listens there"));
  const auto file =
      Listener::open({.kind = ListenerSettings::Kind::unix_socket, .address = folder.write("f", "x")}, 0);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::exists(folder.file("f")));
}

TEST(Listener, NamesTheUnknownOwnerOfAUnixSocket) {
  const Folder folder;
  ListenerSettings s{.kind = ListenerSettings::Kind::unix_socket, .address = folder.file("s")};
  s.socket_user = "nobody-of-this-name";
  EXPECT_EQ(Listener::open(s, 0).error().message, "socket_user: no such user");
  s.socket_user = "";
  s.socket_group = "no-group-of-this-name";
  EXPECT_EQ(Listener::open(s, 0).error().message, "socket_group: no such group");
}

TEST(ListenerTls, AnswersOverTls13) {
  const Folder folder;
  const auto cert = certificate();
  Server s({tls_on(folder, cert)});
  TlsClient c(s.listener().port(), cert.certificate_pem);
  ASSERT_TRUE(c.established());
  EXPECT_EQ(c.version(), "TLSv1.3");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(c.send(kGet));
    EXPECT_THAT(c.reply_text(), HasSubstr("tls [127.0.0.1]"));
  }
}

TEST(ListenerTls, KeepsToItsVersions) {
  const Folder folder;
  const auto cert = certificate();
  auto settings = tls_on(folder, cert);
  settings.tls->most = crypto::TlsVersion::tls12;
  settings.tls->cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  Server s({settings});
  TlsClient c(s.listener().port(), cert.certificate_pem);
  ASSERT_TRUE(c.established());
  EXPECT_EQ(c.version(), "TLSv1.2");
  ASSERT_TRUE(c.send(kGet));
  EXPECT_THAT(c.reply_text(), HasSubstr("200 OK"));
}

TEST(ListenerTls, TellsAClientThatForgotTls) {
  const Folder folder;
  Server s({tls_on(folder, certificate())});
  Client c(s.listener().port());
  ASSERT_TRUE(c.send(kGet));
  const auto text = c.to_the_end();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(text, HasSubstr("Client sent an HTTP request to an HTTPS server."));
}

TEST(ListenerTls, EndsAConnectionOfGarbage) {
  const Folder folder;
  Server s({tls_on(folder, certificate())});
  Client c(s.listener().port());
  ASSERT_TRUE(c.send("\x16\x03\x01garbage garbage garbage"));
  c.half_close();
  c.to_the_end();  // ends
}

TEST(ListenerTls, ReloadServesTheNewCertificateAndABadOneKeepsTheOld) {
  const Folder folder;
  const auto old_cert = certificate();
  const auto new_cert = certificate();
  Server s({tls_on(folder, old_cert)});
  TlsClient before(s.listener().port(), old_cert.certificate_pem);
  ASSERT_TRUE(before.established());

  folder.write("cert.pem", "nonsense");
  const auto bad = s.listener().reload();
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, StartsWith("tls_cert_file: "));
  folder.write("cert.pem", new_cert.certificate_pem);  // the key is still the old one
  EXPECT_THAT(s.listener().reload().error().message, StartsWith("tls_key_file: "));
  TlsClient still(s.listener().port(), old_cert.certificate_pem);
  ASSERT_TRUE(still.established());

  folder.write("key.pem", view(new_cert.key_pem));
  ASSERT_TRUE(s.listener().reload());
  TlsClient after(s.listener().port(), new_cert.certificate_pem);
  ASSERT_TRUE(after.established());
  EXPECT_NE(after.certificate(), before.certificate());
  // Who was there before is not disturbed.
  ASSERT_TRUE(before.send(kGet));
  EXPECT_THAT(before.reply_text(), HasSubstr("200 OK"));
}

TEST(ListenerTls, TellsAnIdleClientThatNothingWasCutOff) {
  const Folder folder;
  const auto cert = certificate();
  Server s({tls_on(folder, cert)});
  TlsClient c(s.listener().port(), cert.certificate_pem);
  ASSERT_TRUE(c.send(kGet));
  EXPECT_THAT(c.reply_text(), HasSubstr("200 OK"));
  s.pass(Seconds(0));
  s.pass(Seconds(301));
  EXPECT_EQ(c.to_the_end(), "");
  EXPECT_EQ(c.state(), crypto::TlsFilter::State::closed);
}

TEST(ListenerTls, CarriesLargeBodiesBothWays) {
  const Folder folder;
  const auto cert = certificate();
  Server s({tls_on(folder, cert)});
  TlsClient c(s.listener().port(), cert.certificate_pem);
  const std::string body(3'000'000, 'b');
  ASSERT_TRUE(
      c.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + body));
  const auto text = c.to_the_end();
  EXPECT_GT(text.size(), body.size());
  EXPECT_EQ(text.substr(text.size() - 20), std::string(20, 'b'));
}

TEST(SdNotify, SendsOneDatagram) {
  const Folder folder;
  const std::string path = folder.file("notify");
  const Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a), 0);
  ASSERT_EQ(setenv("NOTIFY_SOCKET", path.c_str(), 1), 0);
  EXPECT_TRUE(sd_notify("READY=1"));
  char text[256];
  auto n = ::recv(manager.get(), text, sizeof text, 0);
  ASSERT_GT(n, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(n)), "READY=1");
  EXPECT_TRUE(sd_notify("RELOADING=1"));
  n = ::recv(manager.get(), text, sizeof text, 0);
  ASSERT_GT(n, 0);
  EXPECT_THAT(std::string(text, static_cast<std::size_t>(n)), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  ASSERT_EQ(setenv("NOTIFY_SOCKET", "relative", 1), 0);
  EXPECT_FALSE(sd_notify("READY=1"));
  unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(sd_notify("READY=1"));
}
}  // namespace
}  // namespace strongroom::wire::http
