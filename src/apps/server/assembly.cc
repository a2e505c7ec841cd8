#include "apps/server/assembly.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

#include "apps/server/audit_lines.h"
#include "apps/server/sanitized.h"
#include "seals/shamir/shamir_seal.h"
#include "seals/static/static_seal.h"
#include "store/memory_store.h"
#include "stores/embedded/embedded_store.h"

namespace strongroom::apps::server {
namespace {

using strongroom::server::Config;
using strongroom::server::ListenerConfig;

Seconds seconds(Nanoseconds d) { return std::chrono::ceil<Seconds>(d); }

// The cores this process may use, not those the machine has.
unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1u, static_cast<unsigned>(CPU_COUNT(&set)));
}

struct StaticKeys {
  seals::static_key::StaticKey current;
  std::optional<seals::static_key::StaticKey> previous;
};

Result<StaticKeys> static_keys(const strongroom::server::SealConfig& c) {
  SR_LET(auto current, seals::static_key::read_static_key(c.current_key_id, c.current_key));
  std::optional<seals::static_key::StaticKey> previous;
  if (!c.previous_key_id.empty()) {
    SR_LET(auto key, seals::static_key::read_static_key(c.previous_key_id, c.previous_key));
    previous = std::move(key);
  }
  return StaticKeys{std::move(current), std::move(previous)};
}

// How many connections there may be at a time: as many descriptors as the process may have, less what its own
// files need. Otherwise strangers could keep it from its log and its certificates.
std::size_t room_for_connections() {
  constexpr rlim_t kMost = 1 << 20;
  constexpr rlim_t kOurs = 256;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kOurs;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit all{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &all) == 0) limit = all;
  }
  const auto files = std::min(limit.rlim_cur, kMost);
  return files - std::min(kOurs, files / 2);
}

wire::http::ListenerSettings settings_of(const ListenerConfig& c) {
  wire::http::ListenerSettings s;
  s.kind = c.kind == ListenerConfig::Kind::tcp ? wire::http::ListenerSettings::Kind::tcp
                                               : wire::http::ListenerSettings::Kind::unix_socket;
  s.address = c.address;
  if (c.tls) {
    auto& t = s.tls.emplace();
    t.certificate_file = c.tls->certificate_file;
    t.key_file = c.tls->key_file;
    if (c.tls->tls13_only) t.least = crypto::TlsVersion::tls13;
    if (c.tls->tls12_only) t.most = crypto::TlsVersion::tls12;
    t.cipher_suites = c.tls->cipher_suites;
    using Ask = crypto::ClientCertificates;
    t.client_certificates = c.tls->require_client_certs   ? Ask::required
                            : c.tls->disable_client_certs ? Ask::not_asked
                                                          : Ask::asked;
    t.client_ca_file = c.tls->client_ca_file;
    if (c.http2) t.protocols = crypto::TlsProtocols::http2_then_http1;
  }
  if (c.socket_mode) s.socket_mode = static_cast<mode_t>(*c.socket_mode);
  s.socket_user = c.socket_user;
  s.socket_group = c.socket_group;
  s.forwarded_for = {c.forwarded_for_addresses, c.forwarded_for_hop_skips, c.forwarded_for_reject_not_present,
                     c.forwarded_for_reject_not_authorized};
  using Behavior = wire::http::ProxyHeaderSettings::Behavior;
  s.proxy_header.behavior = c.proxy_protocol_behavior == "use_always"          ? Behavior::use_always
                            : c.proxy_protocol_behavior == "allow_authorized"  ? Behavior::allow_authorized
                            : c.proxy_protocol_behavior == "deny_unauthorized" ? Behavior::deny_unauthorized
                                                                               : Behavior::off;
  s.proxy_header.authorized_addrs = c.proxy_protocol_addresses;
  s.limits.connections = c.max_connections;
  s.limits.connections_of_client = c.max_connections_per_client;
  s.limits.streams = c.http2_streams;
  s.limits.body = c.max_request_size;
  s.limits.idle = seconds(c.idle_timeout);
  s.limits.receive_head = seconds(c.read_header_timeout);
  s.limits.receive_body = seconds(c.read_timeout);
  if (c.write_timeout.count() != 0) s.limits.send = seconds(c.write_timeout);
  return s;
}

}  // namespace

Status ReopenableLog::reopen() {
  const std::lock_guard guard(mutex_);
  if (path_.empty()) {
    lines_ = std::make_unique<DescriptorLog>(STDERR_FILENO, least_, format_);
    return {};
  }
  Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return fail(Code::invalid_argument, "log_file: cannot be opened for writing");
  file_ = std::move(file);
  lines_ = std::make_unique<DescriptorLog>(file_.get(), least_, format_);
  return {};
}

void ReopenableLog::write(Level level, std::string_view message,
                          std::initializer_list<FieldValue> fields) noexcept {
  const std::lock_guard guard(mutex_);
  if (lines_) lines_->write(level, message, fields);
}

Assembly::Assembly(const Config& config, NamedLog& server, Log& lines, LogFollowers& followers)
    : config_(config),
      log_(server),
      followers_(followers),
      core_log_("core", lines, server.level(), &followers),
      storage_log_("storage", lines, server.level(), &followers),
      audit_log_("audit", lines, server.level(), &followers),
      workers_(4),
      env_{clock_, random_, workers_, core_log_},
      audit_env_{clock_, random_, workers_, audit_log_} {}

Result<std::unique_ptr<Assembly>> Assembly::build(const Config& config, NamedLog& server, Log& lines,
                                                  LogFollowers& followers) {
  std::unique_ptr<Assembly> a(new Assembly(config, server, lines, followers));
  SR_TRY(a->open_listeners());  // a taken port fails before anything is written
  SR_TRY(a->open_store());
  SR_TRY(a->open_seal());
  SR_TRY(a->open_log());
  SR_TRY(a->open_devices());
  a->build_core();
  SR_TRY(a->core_->start());
  return a;
}

Assembly::~Assembly() { stop(); }

Status Assembly::open_store() {
  using Kind = strongroom::server::StorageConfig::Kind;
  if (config_.storage->kind == Kind::memory) {
    store_ = std::make_unique<store::MemoryStore>();
    return {};
  }
  stores::EmbeddedOptions options;
  options.path = config_.storage->path;
  if (config_.storage->map_bytes != 0) options.map_bytes = config_.storage->map_bytes;
  SR_LET(store_, stores::EmbeddedStore::open(options, storage_log_));
  return {};
}

Status Assembly::open_seal() {
  const auto& c = config_.seal;
  if (c.kind == strongroom::server::SealConfig::Kind::shamir) {
    seal_ = std::make_unique<seals::shamir::ShamirSeal>(random_);
  } else {
    SR_LET(auto keys, static_keys(c));
    seal_ = std::make_unique<seals::static_key::StaticSeal>(random_, std::move(keys.current),
                                                            std::move(keys.previous));
    recovery_ = std::make_unique<seals::shamir::ShamirSeal>(random_);
  }
  barrier_ = std::make_unique<barrier::Barrier>(random_);
  return {};
}

Status Assembly::check_files(const strongroom::server::Config& c) {
  for (const ListenerConfig& l : c.listeners)
    if (const auto settings = settings_of(l); settings.tls)
      if (auto loaded = crypto::TlsContext::server(*settings.tls); !loaded) {
        Error e = std::move(loaded).error();
        e.message = fmt::format("{}, line {}: {}", l.file, l.line, e.message);
        return std::unexpected(std::move(e));
      }
  if (c.seal.kind == strongroom::server::SealConfig::Kind::static_key)
    if (auto keys = static_keys(c.seal); !keys) return std::unexpected(std::move(keys).error());
  return {};
}

Status Assembly::open_log() {
  audit::LogLimits limits;
  if (config_.audit_log.segment_bytes != 0) limits.segment_bytes = config_.audit_log.segment_bytes;
  if (config_.audit_log.reserve_bytes != 0) limits.reserve_bytes = config_.audit_log.reserve_bytes;
  if (config_.storage->kind != strongroom::server::StorageConfig::Kind::memory ||
      !config_.audit_log.path.empty())
    audit_path_ = config_.audit_log.path.empty() ? std::filesystem::path(config_.storage->path) / "audit"
                                                 : std::filesystem::path(config_.audit_log.path);
  SR_LET(audit_, audit::Log::open(audit_path_, limits, audit_env_));
  return {};
}

Status Assembly::open_devices() {
  Devices::Rules rules;
  rules.api = config_.unsafe_allow_api_audit_creation ? Devices::Api::open : Devices::Api::closed;
  rules.directory = config_.audit_device_directory;
  if (!audit_path_.empty()) rules.positions = audit_path_ / "sinks";
  devices_ = std::make_unique<Devices>(std::move(rules), *audit_, audit_env_);
  return devices_->open_configured(config_.audit_files);
}

Status Assembly::open_listeners() {
  std::uint32_t number = 0;
  for (const auto& c : config_.listeners) {
    SR_LET(auto listener, wire::http::Listener::open(settings_of(c), number++));
    listeners_.push_back(std::move(listener));
  }
  return {};
}

void Assembly::build_core() {
  core::Settings settings;
  settings.default_lease_ttl = seconds(config_.default_lease_ttl);
  settings.max_lease_ttl = seconds(config_.max_lease_ttl);
  settings.max_request_duration = config_.default_max_request_duration;
  settings.cluster_name = config_.cluster_name;
  settings.storage_type = config_.storage->type;
  settings.version = SR_VERSION;
  core_ = std::make_unique<core::Core>(
      core::Core::Parts{env_, *store_, *barrier_, *seal_, *audit_, recovery_.get()}, settings);
  token_ = std::make_unique<system::token::Token>(core_->tokens(), core_->policies());
  const core::Router::Engines kinds{{"kv", &kv_}};
  system::sys::Surroundings around;
  around.version = SR_VERSION;
  around.describe = [this](metrics::Registry& all) { describe(all); };
  around.api_address = config_.api_addr;
  around.sanitized_config = sanitized(config_);
  around.logs = {&core_log_, &storage_log_, &audit_log_, &log_};
  around.followers = &followers_;
  for (const auto& [type, engine] : kinds)
    (engine->clazz() == engine::Class::auth ? around.built.auth : around.built.secret).push_back(type);
  areas_ = system::sys::make_areas(*core_, around);
  sys_ = std::make_unique<system::sys::Sys>(
      system::sys::Sys::Parts{*core_,
                              *core_,
                              *core_,
                              *core_,
                              core_->policies(),
                              core_->tokens(),
                              SR_VERSION,
                              {"kv"},
                              [this](std::string_view, std::map<std::string, std::string>& options) {
                                return kv_.mount_options(options);
                              },
                              system::sys::borrowed(areas_)});
  cubbyhole_ = std::make_unique<system::cubbyhole::Cubbyhole>(core_->cubbyholes(), core_->tokens());
  core_->install({*sys_, *token_, *cubbyhole_}, kinds);
  core_->set_audit_devices(*devices_);
  core_->set_audit_files(
      {[this](std::uint64_t after, std::size_t most) { return audit_lines(*audit_, after, most); },
       [this](std::uint64_t before, std::string_view destination) -> Result<std::uint64_t> {
         // Sequence numbers that people see start at 1.
         audit::Retention wish;
         wish.before = before - 1;
         wish.destination = std::string(destination);
         return archive(wish);
       }});
  door_ = std::make_unique<Door>(*core_, random_, clock_, config_);
}

void Assembly::describe(metrics::Registry& all) {
  using metrics::Kind;
  using metrics::Sample;
  edge_.describe(all);
  all.number(Kind::gauge, "strongroom_http_connections", "Open connections.", [this] {
    std::size_t open = 0;
    for (const auto& loop : loops_) open += loop->connections();
    return static_cast<double>(open);
  });
  all.number(
      Kind::counter, "strongroom_http_refused_total",
      "Requests that were answered before the core saw them: malformed, redirected, of a foreign origin.",
      [this] { return static_cast<double>(door_->refused()); });
  all.add({"strongroom_workers", "Threads for requests that may wait.", Kind::gauge, {"state"}, {}, [this] {
             const auto load = workers_.load();
             return std::vector<Sample>{{{{"state", "busy"}}, static_cast<double>(load.busy)},
                                        {{{"state", "idle"}}, static_cast<double>(load.threads - load.busy)}};
           }});
  all.add({"strongroom_worker_queue",
           "Requests and jobs that wait for a worker.",
           Kind::gauge,
           {"lane"},
           {},
           [this] {
             const auto load = workers_.load();
             return std::vector<Sample>{{{{"lane", "interactive"}}, static_cast<double>(load.interactive)},
                                        {{{"lane", "background"}}, static_cast<double>(load.background)}};
           }});
  auto* const embedded = dynamic_cast<stores::EmbeddedStore*>(store_.get());
  const auto usage = [embedded](auto member) {
    return [embedded, member] {
      const auto used = embedded == nullptr ? Result<stores::EmbeddedStore::Usage>() : embedded->usage();
      return used ? static_cast<double>((*used).*member) : 0.0;
    };
  };
  using Usage = stores::EmbeddedStore::Usage;
  all.number(Kind::gauge, "strongroom_store_file_bytes",
             "Size of the store's file, free pages included; 0 in memory.", usage(&Usage::file_bytes));
  all.number(Kind::gauge, "strongroom_store_entries", "Records in the store; 0 in memory.",
             usage(&Usage::entries));
  all.number(Kind::gauge, "strongroom_store_most_bytes", "What the store's file can grow to; 0 in memory.",
             usage(&Usage::map_bytes));
}

Result<std::uint64_t> Assembly::archive(audit::Retention wish) {
  if (audit_path_.empty()) return fail(Code::unsupported, "this server keeps its audit log in memory");
  if (!wish.destination.empty() && !wish.destination.is_absolute())
    return fail(Code::invalid_argument, "destination: must be an absolute path");
  const std::lock_guard guard(archiving_);
  wish.exported = std::min(wish.exported, devices_->acknowledged());
  SR_LET(const auto signing_key, core_->signing_key());
  SR_LET(const auto by, audit::Archivist::of(core_->verifier_key(), signing_key));
  SR_LET(const auto done, audit::archive(audit_path_, wish, by));
  return done.segments.size();
}

// Bodies older than the configured time go; their hashes stay.
void Assembly::retain() {
  // While sealed it is not known which devices there are.
  if (!config_.audit_log.retention || audit_path_.empty() || core_->sealed()) return;
  audit::Retention wish;
  wish.older_than = clock_.now() - *config_.audit_log.retention;
  const auto done = archive(wish);
  if (!done) log_.error("old audit records were not removed", {{"reason", done.error().message}});
  if (!done || *done == 0) return;
  log_.info("old audit records were removed", {{"segments", std::to_string(*done)}});
  // What the server does by itself is on record, too.
  audit::Record record;
  record.what = audit::What::server;
  record.time = core_->server_time();
  record.operation = "retention";
  record.count = *done;
  audit_->append(std::move(record), {});
}

void Assembly::serve() {
  wire::http::Loop::Settings settings;
  settings.batch = [this](wire::http::Loop& loop, std::vector<wire::http::Arrival> arrivals) {
    door_->take(loop, std::move(arrivals));
    crypto::SystemRandom::forget();  // a clone of a running machine repeats at most one turn
  };
  settings.meters = &edge_;
  settings.body_limit = [this](const wire::http::HttpRequest& head) { return door_->body_limit(head); };
  const auto cores = usable_cores();
  settings.connections = std::clamp<std::size_t>(room_for_connections() / cores, 1, settings.connections);
  for (unsigned i = 0; i < cores; ++i) {
    auto loop = wire::http::Loop::open(settings, listeners_, clock_);
    if (!loop) {
      log_.error(loop.error().message);
      continue;
    }
    loops_.push_back(*std::move(loop));
  }
  for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
  threads_.emplace_back([this] { housekeeping(); });
}

void Assembly::housekeeping() {
  MonoTime next_retention{};
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::seconds(1));
    if (stopping_) return;
    lock.unlock();
    core_->tick();
    if (const auto now = clock_.ticks(); now >= next_retention) {
      next_retention = now + std::chrono::hours(1);
      retain();
    }
    lock.lock();
  }
}

void Assembly::reload() {
  for (auto& l : listeners_)
    if (auto done = l->reload(); !done)
      log_.error("certificate not reloaded; the old one stays in use", {{"reason", done.error().message}});
  devices_->reopen();
  log_.info("reloaded");
}

void Assembly::stop() {
  {
    const std::lock_guard guard(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  wake_.notify_all();
  for (auto& l : loops_) l->drain();
  for (auto& t : threads_) t.join();
  threads_.clear();
  if (core_) {
    core_->drain();
    std::ignore = core_->seal_now();
  }
}

std::string Assembly::addresses() const {
  std::string out;
  for (const auto& l : listeners_) {
    if (!out.empty()) out += ", ";
    out += l->address();
  }
  return out;
}

}  // namespace strongroom::apps::server
