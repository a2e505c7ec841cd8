// What a policy decision costs: the default policy and one of about a hundred rules, for a path that each
// kind of rule decides.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>

#include "identity/acl.h"

namespace {
using namespace strongroom::identity;

Policy parsed(std::string_view text) {
  auto policy = parse_policy("p", text);
  if (!policy) std::abort();
  return *std::move(policy);
}

std::string many_rules() {
  std::string text =
      R"(path "secret/data/app/*" { capabilities = ["read"] } path "secret/+/team/+/config" { capabilities = ["read"] })";
  for (int i = 0; i < 50; ++i)
    text += fmt::format(
        R"(path "kv{0}/data/x*" {{ capabilities = ["read"] }} path "kv{0}/metadata/y" {{ capabilities = ["list"] }})",
        i);
  return text;
}

Acl compiled(const Policy& a, const Policy& b) {
  const Policy* set[] = {&a, &b};
  auto acl = Acl::compile(set);
  if (!acl) std::abort();
  return *std::move(acl);
}

void decide(benchmark::State& state, std::string_view path) {
  const Policy standard = parsed(default_policy_text());
  const Policy own = parsed(many_rules());
  const Acl acl = compiled(standard, own);
  for (auto _ : state) benchmark::DoNotOptimize(acl.decide({.path = path}));
}
BENCHMARK_CAPTURE(decide, exact, "auth/token/lookup-self");
BENCHMARK_CAPTURE(decide, prefix, "secret/data/app/db/password");
BENCHMARK_CAPTURE(decide, wildcard, "secret/data/team/blue/config");
BENCHMARK_CAPTURE(decide, no_rule, "other/data/team/blue/config");

void compile(benchmark::State& state) {
  const Policy standard = parsed(default_policy_text());
  const Policy own = parsed(many_rules());
  for (auto _ : state) benchmark::DoNotOptimize(compiled(standard, own));
}
BENCHMARK(compile);

void parse_default(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parsed(default_policy_text()));
}
BENCHMARK(parse_default);

}  // namespace
