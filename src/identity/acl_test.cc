#include "identity/acl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/path.h"

namespace strongroom::identity {
namespace {
using testing::ElementsAre;

// Policies by text, named p0, p1, …
class Compiled {
 public:
  explicit Compiled(std::initializer_list<std::string_view> texts, const CompileOptions& options = {}) {
    for (const auto text : texts) {
      auto p = parse_policy(fmt::format("p{}", policies_.size()), text);
      EXPECT_TRUE(p) << p.error().message;
      if (p) policies_.push_back(*std::move(p));
    }
    std::vector<const Policy*> pointers;
    for (const Policy& p : policies_) pointers.push_back(&p);
    auto acl = Acl::compile(pointers, options);
    EXPECT_TRUE(acl) << acl.error().message;
    if (acl) acl_ = std::make_unique<Acl>(*std::move(acl));
  }
  const Acl* operator->() const { return acl_.get(); }
  bool allows(Operation op, std::string_view path) const {
    return acl_->decide({.operation = op, .path = path}).allowed;
  }
  bool reads(std::string_view path) const { return allows(Operation::read, path); }
  // With a JSON body.
  Decision with(std::string_view body, Operation op = Operation::update, std::string_view path = "x") const {
    const auto doc = json::Doc::parse(body);
    EXPECT_TRUE(doc) << body;
    Decision d = acl_->decide({.operation = op, .path = path, .parameters = {doc->root(), {}}});
    d.parameter = {};  // it may look into the body
    return d;
  }
  Why why(std::string_view body, Operation op = Operation::update) const { return with(body, op).why; }

 private:
  std::vector<Policy> policies_;
  std::unique_ptr<Acl> acl_;
};
using enum Operation;

// ---- Recorded behaviour of OpenBao: scenario policy-paths

constexpr std::string_view kPaths = R"(
  path "k/exact" { capabilities=["read"] } path "k/pre*" { capabilities=["read"] } path "k/+/mid" { capabilities=["read"] }
  path "k/a/+/c*" { capabilities=["read"] } path "k/dir/*" { capabilities=["read","list"] }
  path "k/dir/secret" { capabilities=["deny"] } path "k/dir/deep/*" { capabilities=["create"] } path "k/tmp" { capabilities=[] })";

TEST(Acl, ThePatternDecides) {
  const Compiled acl{kPaths};
  for (const char* yes :
       {"k/exact", "k/pre", "k/prefix/and/more", "k/x/mid", "k/a/b/c", "k/a/b/cde/f", "k/dir/x"})
    EXPECT_TRUE(acl.reads(yes)) << yes;
  for (const char* no : {"k/exact/", "k/exact2", "k/pr", "k/x/y/mid", "k/a/b", "k/dir/secret", "k/dir/deep/x",
                         "k/dir", "k/tmp", "k/EXACT"})
    EXPECT_FALSE(acl.reads(no)) << no;
  EXPECT_TRUE(acl.allows(list, "k/dir/"));
  EXPECT_TRUE(acl.allows(create, "k/dir/deep/x"));
  EXPECT_FALSE(acl.allows(update, "k/dir/deep/x"));
}

TEST(Acl, AnExactRuleHidesTheGlobOfAnotherPolicy) {
  const Compiled acl{kPaths, R"(path "k/*" { capabilities=["create","read","update","delete","list"] })"};
  EXPECT_TRUE(acl.reads("k/other"));
  EXPECT_FALSE(acl.allows(create, "k/exact"));
  EXPECT_FALSE(acl.reads("k/dir/secret"));
  EXPECT_TRUE(acl.allows(remove, "k/zzz"));
  EXPECT_TRUE(acl.allows(list, "k/"));
}

TEST(Acl, RulesOfOnePatternAddUpAndDenyWins) {
  const Compiled denied{kPaths, R"(path "k/exact" { capabilities=["deny"] })"};
  EXPECT_FALSE(denied.reads("k/exact"));
  const Compiled more{kPaths, R"(path "k/exact" { capabilities=["update"] })"};
  EXPECT_TRUE(more.reads("k/exact"));
  EXPECT_TRUE(more.allows(update, "k/exact"));
  EXPECT_FALSE(more.allows(create, "k/exact"));
}

// ---- Scenario capabilities

TEST(Acl, TellsCapabilities) {
  const Compiled acl{
      R"(path "a/b" { capabilities=["read","list"] } path "a/*" { capabilities=["create","update"] }
    path "a/deny" { capabilities=["deny","read"] } path "+/plus" { capabilities=["patch"] } path "s/u" { capabilities=["sudo","delete"] })",
      R"(path "a/b" { capabilities=["delete"] })"};
  EXPECT_THAT(acl->capabilities("a/b"), ElementsAre("delete", "list", "read"));
  EXPECT_THAT(acl->capabilities("/a/b"), ElementsAre("delete", "list", "read"));
  EXPECT_THAT(acl->capabilities("a/other"), ElementsAre("create", "update"));
  EXPECT_THAT(acl->capabilities("a/"), ElementsAre("create", "update"));
  EXPECT_THAT(acl->capabilities("a/deny"), ElementsAre("deny"));
  EXPECT_THAT(acl->capabilities("x/plus"), ElementsAre("patch"));
  EXPECT_THAT(acl->capabilities("s/u"), ElementsAre("delete", "sudo"));
  EXPECT_THAT(acl->capabilities("nothing"), ElementsAre("deny"));
}

TEST(Acl, RootMayEverythingAndStandsAlone) {
  Policy root{.name = "root", .namespace_path = {}, .rules = {}};
  Policy other{.name = "x", .namespace_path = {}, .rules = {}};
  const Policy* both[] = {&root, &other};
  EXPECT_FALSE(Acl::compile(both));
  const Policy* alone[] = {&root};
  const auto acl = Acl::compile(alone);
  ASSERT_TRUE(acl);
  const Decision d = acl->decide({.operation = remove, .path = "sys/raw/x", .sudo = Sudo::needed});
  EXPECT_TRUE(d.allowed && d.root && d.has_sudo);
  EXPECT_THAT(acl->capabilities("x"), ElementsAre("root"));
  root.namespace_path = "team/";
  const auto team = Acl::compile(alone);
  ASSERT_TRUE(team);
  EXPECT_TRUE(team->decide({.path = "team/sys/mounts"}).allowed);
  EXPECT_FALSE(team->decide({.path = "sys/mounts"}).allowed);
  EXPECT_THAT(team->capabilities("sys/mounts"), ElementsAre("deny"));
}

TEST(Acl, PatternsAreOfThePolicysNamespace) {
  auto p = parse_policy(
      "p", R"(path "kv/x" { capabilities = ["read"] } path "*" { capabilities = ["list"] })", "team/");
  ASSERT_TRUE(p);
  const Policy* set[] = {&*p};
  const auto acl = Acl::compile(set);
  ASSERT_TRUE(acl);
  EXPECT_TRUE(acl->decide({.path = "team/kv/x"}).allowed);
  EXPECT_FALSE(acl->decide({.path = "kv/x"}).allowed);
  EXPECT_TRUE(acl->decide({.operation = list, .path = "team/"}).allowed);
  EXPECT_FALSE(acl->decide({.operation = list, .path = "kv/"}).allowed);
}

TEST(Acl, PrefersTheMoreSpecificPattern) {
  const auto first = [](std::string_view better, std::string_view worse, std::string_view path) {
    const Compiled acl{fmt::format(
        R"(path "{}" {{ capabilities=["read"] }} path "{}" {{ capabilities=["deny"] }})", better, worse)};
    EXPECT_TRUE(acl.reads(path)) << better << " over " << worse;
    const Compiled turned{fmt::format(
        R"(path "{}" {{ capabilities=["read"] }} path "{}" {{ capabilities=["deny"] }})", worse, better)};
    EXPECT_FALSE(turned.reads(path)) << better << " over " << worse;
  };
  first("foo/a*", "foo/+", "foo/abc");  // later wildcard
  first("foo/bar/+/baz", "foo/+/bar/baz", "foo/bar/bar/baz");
  first("foo/+", "foo/*", "foo/x");  // not a prefix
  first("foo/+/bar", "foo/+/ba*", "foo/x/bar");
  first("foo/+/x/baz", "foo/+/+/baz", "foo/y/x/baz");       // fewer plus signs
  first("foo/+/bar/ba*", "foo/+/bar/b*", "foo/x/bar/baz");  // longer
  first("foo/*", "foo/+/+/x*", "foo/a/b/xy");               // both prefixes, no plus sign
  first("foo/+x/y*", "foo/*", "foo/+x/yz");                 // a plus sign that is a plain character
  first("foo/b*", "foo/*", "foo/bar");
  first("foo/bar", "foo/+", "foo/bar");
  first("foo", "*", "foo");
}

TEST(Acl, APlusSignIsOneSegment) {
  const Compiled acl{
      R"(path "+" { capabilities=["read"] } path "a/+/+/d" { capabilities=["read"] } path "+/b/*" { capabilities=["read"] }
    path "m+n/x" { capabilities=["read"] } path "q/+" { capabilities=["read"] })"};
  for (const char* yes : {"x", "a/1/2/d", "z/b/", "z/b/c/d/e", "m+n/x", "q/", "q/r"})
    EXPECT_TRUE(acl.reads(yes)) << yes;
  for (const char* no : {"x/y", "a/1/d", "a/1/2/3/d", "z/b", "m1n/x", "x/", "q/r/"})
    EXPECT_FALSE(acl.reads(no)) << no;
}

// ---- Sudo, help

TEST(Acl, SudoIsAskedOnlyWhereNeeded) {
  const Compiled acl{
      R"(path "sys/a" { capabilities=["read"] } path "sys/b" { capabilities=["read","sudo"] } path "sys/c" { capabilities=["sudo"] })"};
  EXPECT_TRUE(acl->decide({.path = "sys/a"}).allowed);
  const Decision no = acl->decide({.path = "sys/a", .sudo = Sudo::needed});
  EXPECT_FALSE(no.allowed);
  EXPECT_EQ(no.why, Why::sudo_missing);
  EXPECT_TRUE(acl->decide({.path = "sys/b", .sudo = Sudo::needed}).allowed);
  EXPECT_EQ(acl->decide({.path = "sys/c", .sudo = Sudo::needed}).why, Why::capability_missing);
  EXPECT_TRUE(acl->decide({.operation = help, .path = "sys/zzz", .sudo = Sudo::needed}).allowed);
}

// ---- Scenario policy-sudo-and-lists

TEST(Acl, SudoAndListsAsRecorded) {
  const Compiled acl{
      R"(path "sys/mounts" { capabilities=["read"] } path "sys/auth/x" { capabilities=["create","update","delete"] }
    path "sys/auth/y" { capabilities=["create","update","delete","sudo"] } path "sys/audit" { capabilities=["read"] }
    path "auth/token/accessors/" { capabilities=["list"] } path "sys/leases/lookup/*" { capabilities=["list"] }
    path "sys/seal" { capabilities=["update"] } path "sys/policies/acl/" { capabilities=["read"] })"};
  const auto sudo = [&](Operation op, std::string_view path) {
    return acl->decide({.operation = op, .path = path, .sudo = Sudo::needed}).allowed;
  };
  EXPECT_TRUE(acl.reads("sys/mounts"));
  EXPECT_FALSE(sudo(update, "sys/auth/x"));
  EXPECT_TRUE(sudo(update, "sys/auth/y"));
  EXPECT_TRUE(sudo(remove, "sys/auth/y"));
  EXPECT_FALSE(sudo(read, "sys/audit"));
  EXPECT_FALSE(sudo(list, "auth/token/accessors/"));
  EXPECT_FALSE(sudo(list, "sys/leases/lookup/x/"));
  EXPECT_FALSE(sudo(update, "sys/seal"));
  EXPECT_FALSE(acl.allows(list, "sys/policies/acl/"));
  EXPECT_FALSE(acl.reads("sys/policies/acl"));
  EXPECT_FALSE(acl.reads("auth/token/lookup-self"));
  EXPECT_FALSE(acl.allows(update, "sys/capabilities-self"));
}

// ---- Scenario policy-wrapping-ttl

TEST(Acl, WrappingIsForcedAndBounded) {
  const Compiled acl{R"(path "k/s" { capabilities=["read"] min_wrapping_ttl="10s" max_wrapping_ttl="1m" })"};
  const auto why = [&](std::optional<Nanoseconds> ttl) {
    return acl->decide({.path = "k/s", .wrap_ttl = ttl}).why;
  };
  EXPECT_EQ(why(std::nullopt), Why::wrapping_missing);
  EXPECT_EQ(why(Seconds(5)), Why::wrapping_too_short);
  EXPECT_EQ(why(Seconds(30)), Why::granted);
  EXPECT_EQ(why(Seconds(60)), Why::granted);
  EXPECT_EQ(why(Seconds(61)), Why::wrapping_too_long);
  const Compiled most{R"(path "k/s" { capabilities=["read"] max_wrapping_ttl="1m" })"};
  EXPECT_FALSE(most.reads("k/s"));
  EXPECT_FALSE(most->decide({.path = "k/s", .wrap_ttl = Seconds(120)}).allowed);
}

TEST(Acl, TheLowestOfMergedTtlsCounts) {
  const Compiled acl{R"(path "x" { capabilities=["read"] min_wrapping_ttl=50 max_wrapping_ttl=100 })",
                     R"(path "x" { capabilities=["read"] min_wrapping_ttl=5 max_wrapping_ttl=20 })"};
  EXPECT_TRUE(acl->decide({.path = "x", .wrap_ttl = Seconds(10)}).allowed);
  EXPECT_FALSE(acl->decide({.path = "x", .wrap_ttl = Seconds(30)}).allowed);
  const Compiled none{R"(path "x" { capabilities=["read"] min_wrapping_ttl=50 })",
                      R"(path "x" { capabilities=["read"] max_wrapping_ttl=20 })"};
  EXPECT_EQ(none->decide({.path = "x", .wrap_ttl = Seconds(30)}).why, Why::wrapping_contradictory);
}

// ---- Parameters

TEST(Acl, RequiresParameters) {
  const Compiled acl{
      R"(path "x" { capabilities=["update","read","create","patch","delete","list"] required_parameters=["Foo","bar"] })"};
  EXPECT_EQ(acl.why(R"({"foo": 1})"), Why::parameter_required);
  EXPECT_EQ(acl.why(R"({"foo": 1, "bar": null})"), Why::granted);
  EXPECT_EQ(acl.why(R"({"FOO": 1, "bar": 1})"), Why::parameter_required);
  for (const Operation op : {read, create, patch}) EXPECT_FALSE(acl.with("{}", op).allowed);
  EXPECT_TRUE(acl.with("{}", remove).allowed);
  EXPECT_TRUE(acl.with("{}", list).allowed);
  const std::pair<std::string_view, std::string_view> query[] = {{"foo", "1"}, {"bar", ""}};
  EXPECT_TRUE(acl->decide({.operation = read, .path = "x", .parameters = {{}, query}}).allowed);
}

TEST(Acl, AllowsOnlyListedParametersAndValues) {
  const Compiled acl{
      R"(path "x" { capabilities=["update","delete"] allowed_parameters={ "ttl"=["1h","2*"] "n"=[5, 1.5] "on"=[true] "free"=[] } })"};
  for (const char* yes : {"{}", R"({"ttl":"1h"})", R"({"TTL":"2h"})", R"({"n":5})", R"({"n":1.50})",
                          R"({"on":true})", R"({"free":{"a":[1]}})", R"({"ttl":["1h","2x"]})"})
    EXPECT_EQ(acl.why(yes), Why::granted) << yes;
  for (const char* no :
       {R"({"ttl":"3h"})", R"({"ttl":null})", R"({"other":1})", R"({"n":"5"})", R"({"n":6})",
        R"({"on":false})", R"({"ttl":["1h","3h"]})", R"({"ttl":[]})", R"({"free":1,"other":1})"})
    EXPECT_EQ(acl.why(no), Why::parameter_not_allowed) << no;
  EXPECT_TRUE(acl.with(R"({"other":1})", remove).allowed);
  const Compiled star{R"(path "x" { capabilities=["update"] allowed_parameters={ "*"=[] "ttl"=["1h"] } })"};
  EXPECT_TRUE(star.with(R"({"other":1,"ttl":"1h"})").allowed);
  EXPECT_FALSE(star.with(R"({"other":1,"ttl":"2h"})").allowed);
}

TEST(Acl, DeniesParametersAndValues) {
  const Compiled acl{
      R"(path "x" { capabilities=["update"] denied_parameters={ "zip"=[] "zap"=["bad*",7,true] "l"=[["a","b"]] "o"=[{k="v"}] } })"};
  for (const char* no : {R"({"zip":1})", R"({"ZIP":1})", R"({"zap":"badly"})", R"({"zap":7})",
                         R"({"zap":7.0})", R"({"zap":true})", R"({"l":["a","b"]})", R"({"o":{"k":"v"}})"})
    EXPECT_EQ(acl.why(no), Why::parameter_denied) << no;
  for (const char* yes : {R"({"zap":"good"})", R"({"zap":8})", R"({"zap":false})", R"({"zap":null})",
                          R"({"l":["b","a"]})", R"({"o":{"k":"w"}})", R"({"other":"bad"})"})
    EXPECT_EQ(acl.why(yes), Why::granted) << yes;
  const std::string longer(200, 'N');
  const Compiled by_long_name{fmt::format(
      R"(path "x" {{ capabilities=["update"] denied_parameters={{ "{}"=[] }} }})", ascii_lower(longer))};
  EXPECT_FALSE(by_long_name.with(fmt::format(R"({{"{}":1}})", longer)).allowed);
  EXPECT_TRUE(by_long_name.with(fmt::format(R"({{"{}n":1}})", longer)).allowed);
  const Compiled star{R"(path "x" { capabilities=["update"] denied_parameters={ "*"=["only this"] } })"};
  EXPECT_FALSE(star.with(R"({"any":1})").allowed);
  EXPECT_TRUE(star.with("{}").allowed);
  const Compiled both{
      R"(path "x" { capabilities=["update"] denied_parameters={ "a"=[] } allowed_parameters={ "a"=[] } })"};
  EXPECT_FALSE(both.with(R"({"a":1})").allowed);
}

// Vault 2.0.4: a denied parameter gets through in another spelling.
TEST(Acl, B10_DeniedValuesAreRecognisedInEverySpellingAFieldAccepts) {
  const Compiled acl{
      R"(path "x" { capabilities=["update"] denied_parameters={ "policies"=["admin"] "ttl"=[0] "orphan"=[true] } })"};
  for (const char* no : {R"({"Policies":["admin"]})",
                         R"({"POLICIES":"admin"})",
                         R"({"policies":["dev","admin"]})",
                         R"({"policies":"dev,admin"})",
                         R"({"policies":"dev, admin ,x"})",
                         R"({"policies":["dev,admin"]})",
                         R"({"policies":["Admin"]})",
                         R"({"policies":"ADMIN"})",
                         R"({"policies":[" admin "]})",
                         R"({"policies":"dev, Admin"})",
                         R"({"policies":["\tadmin\n"]})",
                         R"({"policies":"dev,\u000badmin\f\r"})",
                         R"({"ttl":"0"})",
                         R"({"ttl":0.0})",
                         R"({"ttl":"00"})",
                         R"({"orphan":"true"})",
                         R"({"orphan":"t"})",
                         R"({"orphan":"T"})",
                         R"({"orphan":1})",
                         R"({"orphan":"1"})"})
    EXPECT_EQ(acl.why(no), Why::parameter_denied) << no;
  for (const char* yes : {R"({"policies":["dev","administrator"]})", R"({"orphan":0})", R"({"ttl":"1"})"})
    EXPECT_EQ(acl.why(yes), Why::granted) << yes;
}

TEST(Acl, ParametersOfMergedRules) {
  const Compiled acl{
      R"(path "x" { capabilities=["update"] allowed_parameters={ "a"=["1"] "b"=["1"] } required_parameters=["a"] })",
      R"(path "x" { capabilities=["update"] allowed_parameters={ "a"=["2"] "b"=[] "c"=[] } required_parameters=["c"] })"};
  EXPECT_EQ(acl.why(R"({"a":"2","b":"9","c":1})"), Why::granted);
  EXPECT_EQ(acl.why(R"({"a":"1","c":1})"), Why::granted);
  EXPECT_EQ(acl.why(R"({"a":"3","c":1})"), Why::parameter_not_allowed);
  EXPECT_EQ(acl.why(R"({"a":"1"})"), Why::parameter_required);
  // The rule without a list does not lift the list of the other.
  const Compiled open{R"(path "x" { capabilities=["update"] })",
                      R"(path "x" { capabilities=["update"] allowed_parameters={ "a"=[] } })"};
  EXPECT_FALSE(open.with(R"({"z":1})").allowed);
  const Compiled deny{R"(path "x" { capabilities=["update"] required_parameters=["q"] })",
                      R"(path "x" { capabilities=["deny"] })"};
  EXPECT_EQ(deny.why("{}"), Why::denied);
}

// GH-3518 of OpenBao: limit=0 or a negative one skips the cap.
TEST(Acl, B20_PagesAreCapped) {
  const Compiled acl{R"(path "x/" { capabilities=["list"] pagination_limit=10 })",
                     R"(path "x/" { capabilities=["scan"] pagination_limit=20 })"};
  const auto with = [&](const char* limit) {
    const std::pair<std::string_view, std::string_view> query[] = {{"limit", limit}};
    return acl->decide({.operation = list, .path = "x/", .parameters = {{}, query}});
  };
  EXPECT_EQ(acl->decide({.operation = list, .path = "x/"}).page_limit, 10);
  EXPECT_TRUE(with("10").allowed);
  EXPECT_EQ(with("10").page_limit, std::nullopt);
  EXPECT_EQ(with("0").page_limit, 10);
  EXPECT_EQ(with("max").page_limit, 10);
  EXPECT_EQ(with("").page_limit, 10);
  for (const char* no : {"11", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
                         "x", " 5", "0x5", "5.0"})
    EXPECT_EQ(with(no).why, Why::page_too_large) << no;
  const Compiled required{
      R"(path "x/" { capabilities=["list"] pagination_limit=10 required_parameters=["limit"] })"};
  EXPECT_FALSE(required->decide({.operation = list, .path = "x/"}).allowed);
  const Compiled open{R"(path "x/" { capabilities=["list"] })"};
  const std::pair<std::string_view, std::string_view> most[] = {{"limit", "max"}};
  EXPECT_EQ(open->decide({.operation = list, .path = "x/", .parameters = {{}, most}}).page_limit, 0);
}

// ---- Advisories

// CVE-2025-5999, CVE-2025-64761: the second line, where policies become rights.
TEST(Acl, B01_ANameThatIsNotCanonicalIsRefused) {
  for (const char* name : {"ROOT", "root ", "Root", "ro\u200bot", "\uff52oot", "Dev", ""}) {
    const Policy policy{.name = name, .namespace_path = {}, .rules = {}};
    const Policy* set[] = {&policy};
    EXPECT_FALSE(Acl::compile(set)) << name;
  }
}

// The canonical path is the only spelling the evaluator accepts; a trick that reaches it matches no grant.
TEST(Acl, B06_PathTricksMatchOnlyWhatTheySay) {
  const Compiled acl{
      R"(path "a/b/*" { capabilities=["delete"] } path "a/c/secret" { capabilities=["deny"] })"};
  for (const char* trick : {"a/b/../c", "a/b/%2e%2e/c", "a/b/..%2fc", "a/b/%252e%252e/c", "a/b/./c", "a/b//c",
                            "a/b/x\\..\\c", "a/b/\xc0\xae"}) {
    const auto path = Path::from_url(trick);
    if (path) {
      EXPECT_TRUE(path->text().starts_with("a/b/")) << trick;
      EXPECT_EQ(path->text().find(".."), std::string_view::npos) << trick;
    }
  }
  EXPECT_FALSE(Path::from_url("a/b/%2e%2e/c"));
  EXPECT_FALSE(acl.allows(remove, "a/B/x"));
  EXPECT_FALSE(acl.allows(remove, "a"));
  EXPECT_FALSE(acl.allows(remove, "a/b"));
}

// CVE-2026-63131: the trailing slash of a list was dropped before the more specific deny was looked for.
TEST(Acl, B07_ADenyBelowTheFolderHoldsForListAndScan) {
  const Compiled acl{
      R"(path "foo/metadata/*" { capabilities=["list","scan","read"] } path "foo/metadata/private/*" { capabilities=["deny"] })"};
  EXPECT_TRUE(acl.allows(list, "foo/metadata/public/"));
  EXPECT_FALSE(acl.allows(list, "foo/metadata/private/"));
  EXPECT_FALSE(acl.allows(scan, "foo/metadata/private/"));
  EXPECT_FALSE(acl.allows(list, "foo/metadata/private/deeper/"));
  EXPECT_FALSE(acl.allows(read, "foo/metadata/private/x"));
}

// OpenBao GHSA-59w7: what people may name must not become a pattern.
TEST(Acl, B08_TemplateValuesAreOneSegmentOrTheRuleIsDropped) {
  struct Name final : TemplateValues {
    std::string name;
    std::optional<std::string> value(std::string_view expression) const override {
      if (expression != "identity.entity.name") return std::nullopt;
      return name;
    }
  };
  const auto reads = [](std::string name, std::string_view path) {
    Name n;
    n.name = std::move(name);
    const Compiled acl(
        {R"(path "kv/{{ identity.entity.name }}/x" { capabilities=["read"] } path "kv/{{identity.entity.id}}" { capabilities=["read"] })"},
        {.templates = &n});
    return acl.reads(path);
  };
  EXPECT_TRUE(reads("ann", "kv/ann/x"));
  EXPECT_FALSE(reads("ann", "kv/bob/x"));
  EXPECT_FALSE(reads("+", "kv/bob/x"));
  EXPECT_FALSE(reads("*", "kv/bob/x"));
  EXPECT_FALSE(reads("bob/x*", "kv/bob/x/x"));
  for (const char* name : {"", "a/b", "a,b", "{{", "a\nb", "..", "a*", "a+b"})
    EXPECT_FALSE(reads(name, fmt::format("kv/{}/x", name))) << name;
  const Compiled none{
      R"(path "kv/{{identity.entity.name}}/x" { capabilities=["read"] } path "kv/y" { capabilities=["read"] })"};
  EXPECT_FALSE(none.reads("kv/{{identity.entity.name}}/x"));
  EXPECT_TRUE(none.reads("kv/y"));
}

// CVE-2026-89322: the backend folds case and the ACL does not.
TEST(Acl, B09_DenyHoldsForEverySpellingOfAFoldingMount) {
  const Compiled acl(
      {R"(path "auth/u/users/*" { capabilities=["read"] } path "auth/u/users/Admin" { capabilities=["deny"] }
    path "auth/u/ROLE/+/X" { capabilities=["read"] } path "Auth/u/users/root" { capabilities=["read"] })"},
      {.fold_below = "auth/u/"});
  EXPECT_FALSE(acl.reads("auth/u/users/admin"));
  EXPECT_TRUE(acl.reads("auth/u/users/bob"));
  EXPECT_TRUE(acl.reads("auth/u/role/y/x"));
  const Compiled merged(
      {R"(path "m/role/app" { capabilities=["read"] })", R"(path "m/role/APP" { capabilities=["deny"] })"},
      {.fold_below = "m/"});
  EXPECT_FALSE(merged.reads("m/role/app"));
}

// Conjur 1.19.6: a grant and a revoke in one load; the order must not matter.
TEST(Acl, B19_DenyWinsInEveryOrder) {
  std::vector<std::string_view> texts{R"(path "x" { capabilities=["read"] })",
                                      R"(path "x" { capabilities=["deny"] })",
                                      R"(path "x" { capabilities=["update"] allowed_parameters={"a"=[]} })"};
  std::sort(texts.begin(), texts.end());
  do {
    const Compiled acl{texts[0], texts[1], texts[2]};
    EXPECT_THAT(acl->capabilities("x"), ElementsAre("deny"));
    EXPECT_FALSE(acl.reads("x"));
  } while (std::next_permutation(texts.begin(), texts.end()));
}

// ---- The rest

TEST(Acl, ExpiredRulesAreLeftOut) {
  const WallTime now = WallTime(Seconds(1'800'000'000));
  const std::string_view text =
      R"(path "x" { capabilities=["read"] expiration="2030-01-01T00:00:00Z" } path "y" { capabilities=["read"] expiration=1000 })";
  const Compiled acl({text}, {.now = now});
  EXPECT_TRUE(acl.reads("x"));
  EXPECT_FALSE(acl.reads("y"));
  ASSERT_TRUE(acl->valid_until());
  EXPECT_GT(*acl->valid_until(), now);
}

TEST(Acl, ReachesAMountWhenAnythingInItIsPermitted) {
  const Compiled acl{
      R"(path "a/b/c" { capabilities=["read"] } path "d/*" { capabilities=["deny"] } path "+/e/f" { capabilities=["read"] } path "d/e/f" { capabilities=["deny"] }
    path "g/+/h" { capabilities=["list"] } path "i/jj*" { capabilities=["list"] } path "z" { capabilities=[] })"};
  for (const char* yes : {"a/", "a/b/", "x/e/", "g/", "g/any/", "i/", "i/jjk/"})
    EXPECT_TRUE(acl->reaches(yes)) << yes;
  for (const char* no : {"d/x/", "b/c/", "z/y/", "i/k/", "h/g/"}) EXPECT_FALSE(acl->reaches(no)) << no;
}

TEST(Acl, TellsWhoGranted) {
  const Compiled acl{R"(path "x" { capabilities=["read"] })", R"(path "x" { capabilities=["update"] })",
                     R"(path "x" { capabilities=["read","list"] })"};
  const Decision d = acl->decide({.path = "x"});
  std::vector<std::string> names;
  d.each_granting(read, [&](const Contribution& c) { names.emplace_back(c.policy); });
  EXPECT_THAT(names, ElementsAre("p0", "p2"));
}

TEST(Acl, ExplainsItself) {
  const Compiled acl{
      R"(path "kv/data/app/*" { capabilities=["read"] } path "kv/data/app/deny" { capabilities=["deny"] })"};
  Explanation e = acl->explain({.operation = update, .path = "kv/data/app/x"});
  EXPECT_EQ(e.verdict, R"(the rule for "kv/data/app/*" decides and does not grant update)");
  EXPECT_THAT(e.policies, ElementsAre("p0"));
  EXPECT_EQ(e.remedy, R"(the capability update in the rule for "kv/data/app/*", or a more specific rule)");
  e = acl->explain({.operation = read, .path = "kv/data/other"});
  EXPECT_EQ(e.verdict, "no rule matches the path");
  EXPECT_EQ(e.nearest, "kv/data/app/*");
  EXPECT_EQ(e.remedy, R"(a rule for "kv/data/other" with the capability read)");
  e = acl->explain({.operation = read, .path = "kv/data/app/x"});
  EXPECT_EQ(e.deciding, "kv/data/app/*");
  EXPECT_TRUE(e.remedy.empty());
}

TEST(Acl, AnEmptyAclDeniesAll) {
  const Compiled acl{};
  EXPECT_FALSE(acl.reads("x"));
  EXPECT_FALSE(acl.reads(""));
  EXPECT_THAT(acl->capabilities("x"), ElementsAre("deny"));
  EXPECT_TRUE(acl.allows(help, "x"));
}

TEST(Acl, DefaultPolicyGivesWhatEveryTokenNeeds) {
  const Compiled acl{default_policy_text()};
  EXPECT_THAT(acl->capabilities("auth/token/lookup-self"), ElementsAre("read"));
  EXPECT_THAT(acl->capabilities("cubbyhole/x"), ElementsAre("create", "delete", "list", "read", "update"));
  EXPECT_THAT(acl->capabilities("secret/x"), ElementsAre("deny"));
  EXPECT_THAT(acl->capabilities("sys/tools/hash"), ElementsAre("update"));
  EXPECT_THAT(acl->capabilities("identity/oidc/provider/p/authorize"), ElementsAre("read", "update"));
}

}  // namespace
}  // namespace strongroom::identity
