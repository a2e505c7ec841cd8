// RouteFuzzer: random requests made of the route tables, against a server in this process. Valid ones, broken
// types, edge numbers, unicode, huge bodies, wrong verbs, foreign tokens, wrap TTLs, namespaces, passing
// time; whatever comes, no internal error, no secret in a log, and nothing for a token without policies.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "testkit/test_server.h"

namespace strongroom::testkit {

class RouteFuzzer {
 public:
  // Every decision is read off the tape; behind its end dice take over whose seed is the tape. So a fuzzer
  // can shape a run, and eight bytes of a seed are a whole one.
  explicit RouteFuzzer(std::string_view tape);
  static std::string tape_of(std::uint64_t seed);
  // What was wrong, with the newest requests; empty when nothing was.
  std::string run();
  std::size_t requests() const noexcept { return requests_; }
  std::size_t served() const noexcept { return served_; }  // answered 2xx

 private:
  std::uint64_t below(std::uint64_t n);
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  const std::string& any(const std::vector<std::string>& of) { return of[below(of.size())]; }

  void set_up();
  void step();
  Ask request();
  std::string path(const std::string& mount, std::string_view pattern);
  std::string segment();
  std::string value(const schema::Codec&, std::string_view name, bool may_mark, int depth);
  std::string nasty();
  std::string text();
  std::string members(std::span<const schema::Field>, bool may_mark, int depth);
  std::string query(std::span<const schema::Field>);
  void learn(const Answer&);
  void judge(const Ask&, const Answer&);
  void final_checks();
  void complain(const std::string& what);

  std::string_view tape_;
  std::size_t at_ = 0;
  SeededRandom dice_;
  std::unique_ptr<TestServer> server_;
  std::vector<TestServer::Table> tables_;
  const engine::Route* route_ = nullptr;  // of the request that is being made
  std::vector<std::string> tokens_, names_, words_;
  std::string powerless_;
  unsigned no_token_ = 0;  // the flags of routes that need no token
  bool polite_ = false;    // this run is mostly right; the others mostly wrong
  std::deque<std::string> trace_;
  std::string wrong_;
  std::size_t requests_ = 0;
  std::size_t served_ = 0;
};

}  // namespace strongroom::testkit
