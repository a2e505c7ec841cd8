#include "base/time.h"

#include <gtest/gtest.h>

namespace strongroom {
namespace {
using namespace std::chrono_literals;

WallTime at(std::int64_t seconds, std::int64_t ns = 0) {
  return WallTime(Seconds(seconds) + Nanoseconds(ns));
}

TEST(Time, WritesRfc3339AsGoDoes) {
  EXPECT_EQ(rfc3339(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(at(1'764'028'923, 4)), "2025-11-25T00:02:03.000000004Z");
  EXPECT_EQ(rfc3339(at(1'764'028'923, 120'000'000)), "2025-11-25T00:02:03.12Z");
  EXPECT_EQ(rfc3339(at(-1)), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(at(951'782'400)), "2000-02-29T00:00:00Z");
}

TEST(Time, ReadsBackWhatItWrites) {
  for (std::int64_t s = -7'000'000'000; s < 8'000'000'000; s += 86'399'777)
    for (const std::int64_t ns : {0, 1, 999'999'999, 120'000'000}) {
      const WallTime t = at(s, ns);
      ASSERT_EQ(parse_rfc3339(rfc3339(t)), t) << s;
    }
}

TEST(Time, ReadsOffsetsAndFractions) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T01:00:00+01:00"), at(0));
  EXPECT_EQ(parse_rfc3339("1969-12-31T18:30:00-05:30"), at(0));
  EXPECT_EQ(parse_rfc3339("1970-01-01t00:00:00z"), at(0));
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.5Z"), at(0, 500'000'000));
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.1234567899Z"), at(0, 123'456'789));
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.25+00:00"), at(0, 250'000'000));
}

TEST(Time, RefusesWhatIsNotRfc3339) {
  for (const std::string_view bad : {"",
                                     "1970-01-01",
                                     "1970-01-01T00:00:00",
                                     "1970-01-01 00:00:00Z",
                                     "1970-13-01T00:00:00Z",
                                     "1970-00-01T00:00:00Z",
                                     "2023-02-29T00:00:00Z",
                                     "1970-01-01T24:00:00Z",
                                     "1970-01-01T00:60:00Z",
                                     "1970-01-01T00:00:61Z",
                                     "1970-01-01T00:00:00.Z",
                                     "1970-01-01T00:00:00Zx",
                                     "1970-01-01T00:00:00+1:00",
                                     "1970-01-01T00:00:00+24:00",
                                     "1970-01-01T00:00:00+00:60",
                                     "0001-01-01T00:00:00Z",
                                     "9999-01-01T00:00:00Z",
                                     "197a-01-01T00:00:00Z",
                                     "1970-01-01T00:00:00.1",
                                     "-970-01-01T00:00:00Z",
                                     "1970-01-01T00:00:00+"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Duration, ReadsGoDurationsDaysAndSeconds) {
  const std::pair<std::string_view, Nanoseconds> cases[] = {
      {"0", 0s},      {"90", 90s},     {"1h30m", 90min}, {"768h", 768h},       {"300ms", 300ms},
      {"-5s", -5s},   {"+5s", 5s},     {"1.5h", 90min},  {"7d", 168h},         {"1d12h", 36h},
      {"10us", 10us}, {"10µs", 10us},  {"10μs", 10us},   {"15ns", 15ns},       {".5s", 500ms},
      {"0s", 0s},     {"1h0m0s", 1h},  {"-90", -90s},    {"1m1s1ms", 61001ms}, {"106000d", 24h * 106000},
      {"3600", 1h},   {"0.25s", 250ms}};
  for (const auto& [text, want] : cases) EXPECT_EQ(parse_duration(text), want) << text;
}

TEST(Duration, RefusesBadGrammarAndOverflow) {
  for (const std::string_view bad :
       {"",        "-",    "+",     "s",   "h1",   "1x",           "1.5",
        "1h30",    "1 h",  " 1h",   "1h ", "1e3s", "inf",          "nan",
        "0x10",    "--1s", "1..5s", ".s",  ".",    "99999999999h", "9999999999999999999999",
        "200000d", "1hh",  "1h-5m"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Duration, WritesAsGoDoes) {
  const std::pair<Nanoseconds, std::string_view> cases[] = {{0s, "0s"},
                                                            {1ns, "1ns"},
                                                            {1100ns, "1.1µs"},
                                                            {2200us, "2.2ms"},
                                                            {3300ms, "3.3s"},
                                                            {245s, "4m5s"},
                                                            {245001ms, "4m5.001s"},
                                                            {768h, "768h0m0s"},
                                                            {90s, "1m30s"},
                                                            {-90s, "-1m30s"},
                                                            {60s + 1ns, "1m0.000000001s"},
                                                            {1h + 1us, "1h0m0.000001s"},
                                                            {999999ns, "999.999µs"},
                                                            {1s + 1ns, "1.000000001s"},
                                                            {59s + 999999999ns, "59.999999999s"}};
  for (const auto& [d, want] : cases) EXPECT_EQ(go_duration(d), want);
}

TEST(Duration, ReadsBackWhatItWrites) {
  for (const Nanoseconds d : {Nanoseconds(1ns), Nanoseconds(1500ns), Nanoseconds(25ms), Nanoseconds(61s),
                              Nanoseconds(768h), Nanoseconds(1h + 1ms), Nanoseconds(-5min)})
    EXPECT_EQ(parse_duration(go_duration(d)), d) << go_duration(d);
}

TEST(Duration, WholeSecondsAreSpelledAlikeAndWithoutAnEnd) {
  for (const std::int64_t s : {0L, 1L, 59L, 60L, 3600L, 172'800L, -61L, 86'399L})
    EXPECT_EQ(go_duration(Seconds(s)), go_duration(Nanoseconds(Seconds(s)))) << s;
  EXPECT_EQ(go_duration(Seconds::max()), "2562047788015215h30m7s");
  EXPECT_EQ(go_duration(Seconds::min()), "-2562047788015215h30m8s");
}

}  // namespace
}  // namespace strongroom
