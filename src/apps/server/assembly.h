// Assembly: every object of a running server, built from the configuration in one place and destroyed in
// reverse order. Nothing else in the product constructs a concrete store, seal or engine.
#pragma once
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/server/audit_devices.h"
#include "apps/server/config.h"
#include "apps/server/door.h"
#include "audit/archive.h"
#include "audit/log.h"
#include "barrier/barrier.h"
#include "core/core.h"
#include "core/worker_pool.h"
#include "crypto/random.h"
#include "engines/kv/kv.h"
#include "store/store.h"
#include "system/cubbyhole/cubbyhole.h"
#include "system/sys/areas.h"
#include "system/sys/sys.h"
#include "system/token/token.h"
#include "wire/http/listener.h"
#include "wire/http/loop.h"

#define SR_VERSION "0.1.0"

namespace strongroom::apps::server {

// A server log whose file can be rotated: SIGHUP opens it anew.
class ReopenableLog final : public Log {
 public:
  ReopenableLog(std::string path, Level least, DescriptorLog::Format format)
      : path_(std::move(path)), least_(least), format_(format) {}
  Status reopen();
  void write(Level, std::string_view message, std::initializer_list<FieldValue> fields) noexcept override;

 private:
  const std::string path_;  // empty: stderr
  const Level least_;
  const DescriptorLog::Format format_;
  std::mutex mutex_;
  Fd file_;                               // under mutex_
  std::unique_ptr<DescriptorLog> lines_;  // under mutex_
};

class Assembly {
 public:
  // `server` is for what the server itself has to say; the logs of its parts write to `lines` and
  // `followers`.
  static Result<std::unique_ptr<Assembly>> build(const strongroom::server::Config&, NamedLog& server,
                                                 Log& lines, LogFollowers& followers);
  ~Assembly();
  // Whether the certificates and keys that the configuration names can be used; opens nothing else.
  static Status check_files(const strongroom::server::Config&);

  void serve();   // starts loops and housekeeping
  void reload();  // certificates, audit files
  void stop();    // drains, seals, joins
  core::Core& core() noexcept { return *core_; }
  Random& random() noexcept { return random_; }
  const store::Store& store() const noexcept { return *store_; }
  std::string addresses() const;

 private:
  Assembly(const strongroom::server::Config&, NamedLog& server, Log& lines, LogFollowers& followers);
  Status open_store();
  Status open_seal();
  Status open_log();
  Status open_devices();
  Status open_listeners();
  void build_core();
  void describe(metrics::Registry&);
  void housekeeping();
  Result<std::uint64_t> archive(audit::Retention);  // how many segments
  void retain();

  const strongroom::server::Config config_;
  std::filesystem::path audit_path_;  // empty: in memory
  NamedLog& log_;
  LogFollowers& followers_;
  NamedLog core_log_, storage_log_, audit_log_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  core::WorkerPool workers_;
  Env env_, audit_env_;
  wire::http::Meters edge_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<barrier::Seal> seal_;
  std::unique_ptr<barrier::Seal> recovery_;  // with a seal that opens by itself
  std::unique_ptr<barrier::Barrier> barrier_;
  std::unique_ptr<audit::Log> audit_;
  std::unique_ptr<Devices> devices_;
  std::unique_ptr<core::Core> core_;
  engines::kv::Kv kv_;
  std::unique_ptr<system::token::Token> token_;
  system::sys::Areas areas_;
  std::unique_ptr<system::cubbyhole::Cubbyhole> cubbyhole_;
  std::unique_ptr<system::sys::Sys> sys_;
  std::unique_ptr<Door> door_;
  std::vector<std::unique_ptr<wire::http::Listener>> listeners_;
  std::vector<std::unique_ptr<wire::http::Loop>> loops_;
  std::vector<std::thread> threads_;
  std::mutex archiving_;  // one at a time: by the hour, or asked for
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // under mutex_
};

}  // namespace strongroom::apps::server
