#include "base/path.h"

#include <gtest/gtest.h>

namespace strongroom {
namespace {

TEST(Path, DecodesOnceAndKeepsTheTrailingSlash) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {"secret/data/app", "secret/data/app"},
      {"secret/metadata/", "secret/metadata/"},
      {"kv/caf%C3%A9", "kv/café"},
      {"kv/caf\xc3\xa9", "kv/café"},
      {"kv/a%20b+c", "kv/a b+c"},
      {"kv/100%25", "kv/100%"},
      {"kv/%25zz", "kv/%zz"},
      {"kv/...", "kv/..."},
      {"kv/.hidden", "kv/.hidden"},
      {"kv/a..b", "kv/a..b"},
      {"kv/%3Fq%23", "kv/?q#"},
      {"sys/%70olicy", "sys/policy"},
  };
  for (const auto& [url, text] : cases) {
    const auto p = Path::from_url(url);
    ASSERT_TRUE(p) << url;
    EXPECT_EQ(p->text(), text);
    EXPECT_TRUE(Path::from_text(text)) << text;
  }
}

TEST(Path, RefusesHostileUrlsWithoutEchoingThem) {
  for (const std::string_view url : {
           // dot segments, plain and encoded in every mixture
           "..",
           ".",
           "a/..",
           "a/.",
           "../a",
           "./a",
           "a/../b",
           "a/./b",
           "%2e%2e",
           "%2E%2e/a",
           ".%2e/a",
           "%2e./a",
           "a/%2e%2e/b",
           "a/%2e/b",
           "secret/data/../../sys/seal",
           "a/..%2f..%2fsys/seal",
           // separators that another reader might see
           "a%2fb",
           "a%2Fb",
           "a%5cb",
           "a%5Cb",
           "a\\b",
           "..\\a",
           "%2f",
           "%2fsys/seal",
           // empty segments
           "/",
           "//",
           "/a",
           "a//b",
           "a//",
           "//a",
           "a///b",
           // encoded twice
           "a%252fb",
           "a%252e%252e",
           "%252e%252e/a",
           "a%25%32%66b",
           "%2541",
           "a%25252fb",
           "a%2500",
           // control bytes
           "a%00b",
           "%00",
           "a%0ab",
           "a%0d%0ab",
           "a%09b",
           "a%1fb",
           "a%7fb",
           "a\nb",
           "a\x7f",
           // not UTF-8: stray, overlong, surrogate, out of range, cut
           "%ff",
           "%80",
           "%c0%af",
           "%c0%ae%c0%ae/a",
           "%e0%80%af",
           "%f0%80%80%af",
           "%ed%a0%80",
           "%f4%90%80%80",
           "%c3",
           "a%e2%82",
           "\xff",
           "\xc0\xae",
           // broken escapes
           "%",
           "a%",
           "a%2",
           "a%zz",
           "a%2x",
           "a%%41",
           "a%u002f",
       }) {
    const auto p = Path::from_url(url);
    ASSERT_FALSE(p) << url;
    EXPECT_EQ(p.error().code, Code::invalid_argument) << url;
    EXPECT_TRUE(p.error().message.starts_with("path: ")) << url;
    if (url.size() > 3) {
      EXPECT_EQ(p.error().message.find(url), std::string::npos) << url;
      EXPECT_EQ(p.error().detail.find(url), std::string::npos) << url;
    }
  }
}

TEST(Path, AnEmbeddedZeroByteIsRefused) {
  EXPECT_FALSE(Path::from_url(std::string_view("a\0b", 3)));
  EXPECT_FALSE(Path::from_text(std::string_view("a\0b", 3)));
}

TEST(Path, WhatShowsNothingOrDeceivesTheEyeIsRefused) {
  // A control byte of terminals in its two-byte form, no-break space, soft hyphen, zero-width joiner,
  // right-to-left override, line separator, byte order mark, private use, a tag character.
  for (const std::string_view hidden :
       {"\xc2\x9b", "\xc2\x85", "\xc2\xa0", "\xc2\xad", "\xe2\x80\x8d", "\xe2\x80\xae", "\xe2\x80\xa8",
        "\xe3\x80\x80", "\xef\xbb\xbf", "\xef\xbf\xbf", "\xee\x80\x80", "\xf3\xa0\x81\x81",
        "\xf4\x8f\xbf\xbf"}) {
    EXPECT_FALSE(Path::from_text("a/" + std::string(hidden) + "b")) << hidden;
  }
  for (const std::string_view shown :
       {"\xc2\xa1", "\xc3\xa9", "e\xcc\x81", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"})
    EXPECT_TRUE(Path::from_text("a/" + std::string(shown) + "b")) << shown;
}

TEST(Path, DecodedTextIsNotDecodedAgain) {
  EXPECT_EQ(Path::from_text("kv/%2e%2e")->text(), "kv/%2e%2e");
  for (const std::string_view text : {"a/../b", "a//b", "/a", "a\\b", "..", "a/\x01"})
    EXPECT_FALSE(Path::from_text(text)) << text;
}

TEST(Path, HoldsTheDocumentedSizes) {
  const std::string segment(Path::kMostSegment, 'a');
  EXPECT_TRUE(Path::from_text("kv/" + segment));
  EXPECT_FALSE(Path::from_text("kv/" + segment + "a"));
  EXPECT_FALSE(Path::from_url("kv/" + segment + "%61"));
  std::string longest;
  while (longest.size() + 100 <= Path::kMost) longest += std::string(99, 'b') + "/";
  longest += std::string(Path::kMost - longest.size(), 'c');
  EXPECT_EQ(longest.size(), Path::kMost);
  EXPECT_TRUE(Path::from_text(longest));
  EXPECT_FALSE(Path::from_text(longest + "c"));
  std::string encoded;
  for (const char c : longest) encoded += c == '/' ? "/" : c == 'b' ? "%62" : "%63";
  EXPECT_TRUE(Path::from_url(encoded));
  EXPECT_FALSE(Path::from_url(std::string(1'000'000, 'a')));
}

TEST(Path, RedirectsOnlyDoubledSlashes) {
  EXPECT_EQ(Path::redirect_target("/v1/secret//data///x"), "/v1/secret/data/x");
  EXPECT_EQ(Path::redirect_target("/v1/secret/data/x"), "");
  EXPECT_EQ(Path::redirect_target("//v1/x"), "/v1/x");
  EXPECT_EQ(Path::redirect_target("/v1/a/"), "");
}

TEST(Path, BecomesAFolderOnce) {
  const Path p = *Path::from_text("kv/app");
  EXPECT_FALSE(p.ends_with_slash());
  EXPECT_EQ(p.as_folder().text(), "kv/app/");
  EXPECT_EQ(p.as_folder().as_folder(), p.as_folder());
  EXPECT_EQ(Path().as_folder().text(), "");
}

}  // namespace
}  // namespace strongroom
