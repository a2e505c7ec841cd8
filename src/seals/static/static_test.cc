#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "crypto/equal.h"
#include "seals/static/static_seal.h"

namespace strongroom::seals::static_key {
namespace {

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) noexcept override {
    for (std::byte& b : out) b = static_cast<std::byte>(next_++);
  }

 private:
  unsigned next_ = 1;
};

StaticKey key(std::string id, unsigned char byte) {
  return {std::move(id), crypto::Key::copy_of(View(Bytes(32, static_cast<std::byte>(byte))))};
}

TEST(StaticSeal, WrapsAndOpensUnattended) {
  CountingRandom random;
  StaticSeal seal(random, key("a", 1));
  EXPECT_EQ(seal.opening(), barrier::Seal::Opening::unattended);
  EXPECT_TRUE(seal.deal({"static", 0, 0})->empty());
  EXPECT_TRUE(seal.progress().complete);
  EXPECT_EQ(seal.add_share(Secret::copy_of("x")).error().code, Code::unsupported);
  EXPECT_TRUE(seal.expect(seal.config()));
  EXPECT_EQ(seal.expect({"shamir", 3, 2}).error().code, Code::failed_precondition);
  const Secret root = Secret::copy_of(View(Bytes(32, std::byte{5})));
  const std::string wrapped = *seal.wrap(root);
  EXPECT_TRUE(crypto::equal(*seal.unwrap(wrapped), root));
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string bad = wrapped;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(seal.unwrap(bad)) << i;
  }
}

TEST(StaticSeal, ThePreviousKeyOpensUntilTheStoreIsResealed) {
  CountingRandom random;
  const Secret root = Secret::copy_of(View(Bytes(32, std::byte{5})));
  const std::string old = *StaticSeal(random, key("a", 1)).wrap(root);
  StaticSeal seal(random, key("b", 2), key("a", 1));
  EXPECT_TRUE(seal.outdated(old));
  EXPECT_TRUE(crypto::equal(*seal.unwrap(old), root));
  const std::string now = *seal.wrap(root);
  EXPECT_FALSE(seal.outdated(now));
  EXPECT_EQ(StaticSeal(random, key("c", 3)).unwrap(now).error().code, Code::invalid_argument);
  EXPECT_EQ(StaticSeal(random, key("b", 3)).unwrap(now).error().code, Code::invalid_argument);
}

TEST(StaticKey, IsReadFromFileEnvironmentOrText) {
  const std::string raw = "0123456789abcdef0123456789abcdef";
  const auto matches = [&](std::string_view source) {
    const auto k = read_static_key("id", source);
    return k && crypto::equal(k->key.reveal(Reveal::to_cipher), as_view(raw));
  };
  char path[] = "/tmp/static-seal-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  const std::string source = "file://" + std::string(path);
  for (const std::string& content :
       {raw, to_hex(as_view(raw)), to_base64(as_view(raw)) + "\n", to_hex(as_view(raw)) + "\r\n"}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    EXPECT_TRUE(matches(source)) << content.size();
  }
  for (const std::string& content : {std::string(), raw.substr(1), raw + "x", std::string(1000, 'a')}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    const auto k = read_static_key("id", source);
    ASSERT_FALSE(k);
    EXPECT_EQ(k.error().code, Code::invalid_argument);
    if (content.size() > 10) {
      EXPECT_EQ(k.error().message.find(content), std::string::npos);
    }
  }
  unlink(path);
  EXPECT_FALSE(matches(source));
  setenv("STATIC_SEAL_TEST_KEY", to_base64(as_view(raw)).c_str(), 1);
  EXPECT_TRUE(matches("env://STATIC_SEAL_TEST_KEY"));
  unsetenv("STATIC_SEAL_TEST_KEY");
  EXPECT_FALSE(matches("env://STATIC_SEAL_TEST_KEY"));
  EXPECT_TRUE(matches(to_hex(as_view(raw))));
  EXPECT_FALSE(matches("not a key"));
  EXPECT_FALSE(read_static_key("", to_hex(as_view(raw))));
}

}  // namespace
}  // namespace strongroom::seals::static_key
