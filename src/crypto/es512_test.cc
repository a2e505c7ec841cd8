#include "crypto/es512.h"

#include <gtest/gtest.h>

namespace strongroom::crypto {
namespace {

TEST(Es512, VerifiesWhatItSignedAndNothingElse) {
  const auto key = new_es512_key();
  const auto other = new_es512_key();
  const auto message = as_view(std::string_view("header.payload"));
  const auto signature = es512_sign(key, message);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->size(), 132u);
  EXPECT_TRUE(es512_verify(key, message, *signature));
  EXPECT_FALSE(es512_verify(other, message, *signature));
  EXPECT_FALSE(es512_verify(key, as_view(std::string_view("header.payloae")), *signature));
  for (const std::size_t at : {0u, 65u, 66u, 131u}) {
    auto changed = *signature;
    changed[at] ^= std::byte{1};
    EXPECT_FALSE(es512_verify(key, message, changed)) << at;
  }
  EXPECT_FALSE(es512_verify(key, message, {}));
  EXPECT_FALSE(es512_verify(key, message, Bytes(132)));
  EXPECT_EQ(es512_sign(Secret::copy_of(std::string_view("no key")), message).error().code, Code::corrupt);
}

}  // namespace
}  // namespace strongroom::crypto
