// TestServer: a whole server in this process, over the Vault wire format but without sockets. What outlives a
// process (disk, clock, dice, key shares) lives here too, so that a test can crash it and start it again.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/log.h"
#include "barrier/barrier.h"
#include "core/core.h"
#include "engines/kv/kv.h"
#include "store/sim_disk.h"
#include "store/store.h"
#include "system/cubbyhole/cubbyhole.h"
#include "system/sys/areas.h"
#include "system/sys/sys.h"
#include "system/token/token.h"
#include "testkit/environment.h"

namespace strongroom::testkit {

// A request as a client would send it; `target` is all that follows /v1/, query included.
struct Ask {
  std::string method = "GET";
  std::string target;
  std::string body;
  std::string token;
  std::string authorization;
  std::string name_space;
  std::string wrap_ttl;
  std::string wrap_format;
  std::string content_type;
  core::Request::Gate gate = core::Request::Gate::guarded;   // as if the listener had opened the path
  std::vector<std::pair<std::string, std::string>> headers;  // others, for whoever looks at them
  std::string address = "10.1.2.3";                          // of the peer; empty: a Unix socket
};

struct Answer {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::array<std::byte, 16> id{};  // request_id; zeros when the front door refused it
  std::shared_ptr<Feed> feed;      // what the body goes on with

  bool ok() const noexcept { return status >= 200 && status < 300; }
  // A member by its path, "data/data/password" or "errors/0": strings decoded, the rest as written.
  std::optional<std::string> find(std::string_view path) const;
  std::string text(std::string_view path) const { return find(path).value_or(""); }
  std::vector<std::string> texts(std::string_view path) const;  // elements of an array
  std::string error() const { return text("errors/0"); }
};

// Audit devices that open whatever is not called "broken", and write nothing.
class TestDevices final : public core::AuditDevices {
 public:
  enum class Api : std::uint8_t { closed, open };
  explicit TestDevices(Api api) : api_(api) {}
  std::vector<core::AuditDevice> configured() const override;  // one, "kit/"
  Status admits() const override;
  Status check(const core::AuditDevice&) const override;
  Applied apply(std::span<const core::AuditDevice>) override;
  std::string trouble(std::string_view path) const override;

  std::vector<core::AuditDevice> running() const;
  bool mends = false;  // "broken" can be opened from now on

 private:
  const Api api_;
  mutable std::mutex mutex_;
  std::vector<core::AuditDevice> running_, waiting_;  // under mutex_
};

class TestServer {
 public:
  enum class Storage : std::uint8_t { simulated, memory };  // memory: gone at stop()
  struct Options {
    std::uint64_t seed = 1;
    Storage storage = Storage::simulated;
    std::size_t sector = 512;
    audit::LogLimits log{};
    core::Settings core{};
    std::uint32_t shares = 1;
    std::uint32_t threshold = 1;
    TestDevices::Api audit_api = TestDevices::Api::closed;
    // Empty: shares; else they are of the recovery key.
    std::function<std::unique_ptr<barrier::Seal>(Random&)> seal;
    core::Router::Engines more_kinds;  // can be mounted beside ours; outlive the server
    Options() {
      log.segment_bytes = 1u << 20;
      log.reserve_bytes = 0;
      log.fill_step = 0;
    }
  };
  explicit TestServer(Options options = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Starts, initialises, unseals, mounts KV version 2 at secret/ and version 1 at kv/.
  static std::unique_ptr<TestServer> ready(Options options = {});

  // ---- the process
  Status start();
  void stop();                     // in flight requests are answered; nothing is flushed on purpose
  void crash(std::uint64_t dice);  // power fails, unsynced writes are decided by dice; not started again
  Status restart() {
    stop();
    return start();
  }
  bool running() const noexcept { return process_ != nullptr; }

  // ---- requests; call() waits
  Answer init();    // keeps the shares and the root token
  Answer unseal();  // with the shares kept
  Answer call(std::string method, std::string target, std::string body = {}, std::string token = {});
  Answer root(std::string method, std::string target, std::string body = {}) {
    return call(std::move(method), std::move(target), std::move(body), root_token_);
  }
  Answer send(Ask);
  using Heard = std::function<void(Answer)>;  // any thread, once
  void submit(Ask, Heard);
  // A token with these policies, made by root.
  std::string token_with(const std::string& policies_json, const std::string& more = {});
  // Writes a policy; HCL.
  void policy(const std::string& name, const std::string& hcl);

  // ---- inside
  core::Core& core() noexcept { return *process_->core; }
  audit::Log& log() noexcept { return *process_->audit; }
  TestDevices& devices() noexcept { return *process_->devices; }
  store::Store& store() noexcept { return *process_->store; }
  barrier::Barrier& barrier() noexcept { return *process_->barrier; }
  std::vector<audit::StoredRecord> records();  // all of the audit log, durable and in order; unsealed only
  std::size_t worker_jobs() const noexcept { return workers_.jobs(); }  // so far
  const std::string& root_token() const noexcept { return root_token_; }
  const std::vector<std::string>& shares() const noexcept { return shares_; }
  // Every route of every engine, with the path it is mounted at.
  struct Table {
    std::string mount;
    std::span<const engine::Route> routes;
  };
  std::vector<Table> tables() const;

  ManualClock clock;
  SeededRandom random;
  KeptLog log_lines;
  store::SimDisk disk;
  core::Request::Gate gate = core::Request::Gate::guarded;  // as the listener has it, for every path

 private:
  struct Process {
    std::unique_ptr<store::Store> store;
    std::unique_ptr<barrier::Seal> seal;
    std::unique_ptr<barrier::Seal> recovery;  // with a static key
    std::unique_ptr<barrier::Barrier> barrier;
    std::unique_ptr<audit::Log> audit;
    std::unique_ptr<TestDevices> devices;
    std::unique_ptr<core::Core> core;
    std::unique_ptr<system::token::Token> token;
    system::sys::Areas areas;
    std::unique_ptr<system::cubbyhole::Cubbyhole> cubbyhole;
    std::unique_ptr<system::sys::Sys> sys;
  };
  const Options options_;
  InlineWorkers workers_;
  LogFollowers followers_;
  NamedLog core_log_{"core", log_lines, Log::Level::trace, &followers_};
  Env env_{clock, random, workers_, core_log_};
  engines::kv::Kv kv_;
  std::unique_ptr<Process> process_;
  std::vector<std::string> shares_;
  std::string root_token_;
};

}  // namespace strongroom::testkit
