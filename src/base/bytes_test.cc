#include "base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace strongroom {
namespace {

std::string text_of(const std::optional<Bytes>& b) { return b ? std::string(as_text(*b)) : "(nothing)"; }

Bytes pattern(std::size_t n, unsigned seed) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::byte>((i + 1) * (seed * 2 + 1) * 37);
  return out;
}

// RFC 4648 section 10.
TEST(Bytes, EncodesHexAndBase64AsTheRfcDoes) {
  EXPECT_EQ(to_hex(as_view("foobar")), "666f6f626172");
  EXPECT_EQ(text_of(from_hex("666F6f626172")), "foobar");
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(to_base64(as_view(plain)), encoded);
    EXPECT_EQ(text_of(from_base64(encoded)), plain);
    std::string bare(encoded);
    std::erase(bare, '=');
    EXPECT_EQ(text_of(from_base64(bare)), plain);
  }
}

TEST(Bytes, HexRefusesWhatIsNotHex) {
  for (const std::string_view bad : {"a", "0g", "0x12", " 12", "12 ", "1\n", "é"})
    EXPECT_FALSE(from_hex(bad)) << bad;
  EXPECT_EQ(from_hex("")->size(), 0u);
}

TEST(Bytes, Base64HasOneSpellingPerValue) {
  for (const std::string_view bad :
       {"Zh==", "Zm9=", "Z", "Zg=", "Zg===", "====", "=", "Zm9v=", "Zm 9v", "Zm9v\n", "Zm-_", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Bytes, EveryEncodingRoundsTrip) {
  for (std::size_t n = 0; n <= 64; ++n)
    for (unsigned seed = 0; seed < 8; ++seed) {
      const Bytes b = pattern(n, seed);
      EXPECT_EQ(from_hex(to_hex(b)), b);
      EXPECT_EQ(from_base64(to_base64(b)), b);
      const std::string t = to_base62(b);
      EXPECT_EQ(t.size(), base62_length(n));
      EXPECT_EQ(from_base62(t, n), b) << n;
    }
}

TEST(Bytes, Base62HoldsTheExtremesAndRefusesOverflow) {
  for (const std::size_t n : {1u, 8u, 16u, 24u, 32u, 40u}) {
    const Bytes zero(n);
    const Bytes full(n, std::byte{0xff});
    EXPECT_EQ(to_base62(zero), std::string(base62_length(n), '0'));
    EXPECT_EQ(from_base62(to_base62(full), n), full);
    EXPECT_FALSE(from_base62(std::string(base62_length(n), 'z'), n)) << n;
    EXPECT_FALSE(from_base62(to_base62(full) + "0", n));
    EXPECT_FALSE(from_base62(to_base62(full).substr(1), n));
  }
  EXPECT_FALSE(from_base62("-0", 1));
  EXPECT_EQ(base62_length(16), 22u);
}

TEST(Bytes, Base62KeepsTheOrderOfItsValues) {
  for (unsigned i = 0; i + 1 < 1000; ++i) {
    std::string a, b;
    put_u32(a, i * 4'294'967u);
    put_u32(b, (i + 1) * 4'294'967u);
    EXPECT_LT(to_base62(as_view(a)), to_base62(as_view(b)));
  }
}

TEST(Bytes, NumbersAreBigEndian) {
  std::string s;
  put_u32(s, 0x01020304);
  put_u64(s, 0xfffefdfcfbfaf9f8);
  EXPECT_EQ(to_hex(as_view(s)), "01020304fffefdfcfbfaf9f8");
  EXPECT_EQ(get_be(s.substr(0, 4)), 0x01020304u);
  EXPECT_EQ(get_be(s.substr(4)), 0xfffefdfcfbfaf9f8u);
  EXPECT_EQ(get_be(""), 0u);
}

TEST(Utf8, AcceptsEveryScalarValueAndNothingElse) {
  const auto encode = [](std::uint32_t c) {
    std::string s;
    const auto put = [&s](std::uint32_t b) { s.push_back(static_cast<char>(b)); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | c >> 6), put(0x80 | (c & 63));
    } else if (c < 0x10000) {
      put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    } else {
      put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    }
    return s;
  };
  for (std::uint32_t c = 0; c < 0x110400; ++c) {
    const bool scalar = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
    ASSERT_EQ(valid_utf8(encode(c)), scalar) << c;
  }
  for (const std::string_view bad :
       {"\x80", "\xc0\xaf", "\xc1\x81", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf5\x80\x80\x80", "\xff",
        "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "a\x80"})
    EXPECT_FALSE(valid_utf8(bad)) << to_hex(as_view(bad));
}

TEST(Base64Url, IsTheOtherAlphabetWithoutPadding) {
  const std::string high("\xfb\xff\xfe", 3);
  EXPECT_EQ(to_base64url(as_view(std::string_view(high))), "-__-");
  EXPECT_EQ(to_base64url(as_view(std::string_view("f"))), "Zg");
  EXPECT_EQ(from_base64url("-__-"), from_base64("+//+"));
  EXPECT_EQ(from_base64url("Zg"), from_base64("Zg=="));
  for (const auto* bad : {"+//+", "Zg==", "Zh", "Z", "Z g"}) EXPECT_FALSE(from_base64url(bad)) << bad;
}

}  // namespace
}  // namespace strongroom
