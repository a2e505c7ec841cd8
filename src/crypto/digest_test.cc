#include "crypto/digest.h"

#include <gtest/gtest.h>

namespace strongroom::crypto {
namespace {

// Of "abc": FIPS 180-4 and FIPS 202 examples (NIST, "Cryptographic Standards and Guidelines: Example
// Values").
TEST(Digest, AgreesWithThePublishedExamples) {
  const std::pair<const char*, const char*> known[] = {
      {"sha2-224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
      {"sha2-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"sha3-224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
      {"sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"}};
  for (const auto& [name, sum] : known) {
    const auto kind = digest_named(name);
    ASSERT_TRUE(kind) << name;
    EXPECT_EQ(to_hex(digest(*kind, as_view(std::string_view("abc")))), sum) << name;
  }
  EXPECT_EQ(digest(*digest_named("sha2-384"), {}).size(), 48u);
  EXPECT_EQ(digest(*digest_named("sha2-512"), {}).size(), 64u);
  EXPECT_EQ(digest(*digest_named("sha3-384"), {}).size(), 48u);
  EXPECT_EQ(digest(*digest_named("sha3-512"), {}).size(), 64u);
}

TEST(Digest, KnowsNoWeakOnes) {
  for (const auto* name : {"", "md5", "sha1", "SHA2-256", "sha2-256 "})
    EXPECT_FALSE(digest_named(name)) << name;
}

}  // namespace
}  // namespace strongroom::crypto
