#include "apps/server/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "apps/server/assembly.h"
#include "apps/server/config.h"
#include "apps/server/dev.h"
#include "apps/server/options.h"
#include "crypto/secure_memory.h"
#include "wire/http/sd_notify.h"

namespace strongroom::apps::server {
namespace {

int refuse(const Error& e) {
  fmt::print(stderr, "strongroom server: {}\n", e.message);
  if (!e.detail.empty()) fmt::print(stderr, "  ({})\n", e.detail);
  return 1;
}

Status write_pid(const std::string& path) {
  if (path.empty()) return {};
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const auto text = fmt::format("{}\n", ::getpid());
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(Code::invalid_argument, "pid_file: cannot be written");
  return {};
}

Result<strongroom::server::Config> configuration(const Options& o) {
  namespace cfg = strongroom::server;
  cfg::Config config;
  if (!o.configs.empty()) {
    if (!o.dev) return cfg::load_config(o.configs);
    SR_LET(config, cfg::load_config(o.configs));
  }
  if (o.dev) {
    config.unsafe_allow_api_audit_creation = true;
    if (!config.storage) {
      config.storage.emplace();
      config.storage->kind = cfg::StorageConfig::Kind::memory;
      config.storage->type = "inmem";
    }
    cfg::ListenerConfig l;
    l.address = o.dev_listen_address.empty() ? "127.0.0.1:8200" : o.dev_listen_address;
    l.open_rekey = l.open_generate_root = true;
    config.listeners.insert(config.listeners.begin(), l);
  }
  return config;
}

}  // namespace

int run(int argc, char** argv) {
  auto options = parse_options(argc, argv);
  if (!options) return refuse(options.error());
  if (options->help) {
    std::fputs(kServerHelp, stdout);
    return 0;
  }
  if (!options->dev && options->configs.empty())
    return refuse({Code::invalid_argument,
                   "give -config=FILE, or -dev for a first look; see strongroom server -help",
                   {},
                   "",
                   0});
  auto config = configuration(*options);
  if (!config) return refuse(config.error());
  if (!options->log_level.empty()) config->log.level = options->log_level;
  if (!options->log_format.empty())
    config->log.format = options->log_format == "json" ? strongroom::server::LogConfig::Format::json
                                                       : strongroom::server::LogConfig::Format::text;
  if (!options->log_file.empty()) config->log.file = options->log_file;
  const auto level = Log::parse_level(config->log.level);
  if (!level)
    return refuse(
        {Code::invalid_argument, "log_level: must be trace, debug, info, warn or error", {}, "", 0});

  ::umask(077);
  crypto::forbid_core_dumps();
  // Before any thread: only sigtimedwait below takes these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for a valid signal

  ReopenableLog lines(config->log.file, Log::Level::trace,
                      config->log.format == strongroom::server::LogConfig::Format::json
                          ? DescriptorLog::Format::json
                          : DescriptorLog::Format::text);
  if (auto opened = lines.reopen(); !opened) return refuse(opened.error());
  LogFollowers followers;
  NamedLog log("server", lines, *level, &followers);
  for (const auto& r : config->remarks)
    r.kind == strongroom::server::Remark::Kind::warning ? log.warn(r.to_string()) : log.info(r.to_string());
  if (options->test_only) {
    if (auto readable = Assembly::check_files(*config); !readable) return refuse(readable.error());
    fmt::print("The configuration is valid.\n");
    return 0;
  }

  DevTls dev_tls;
  if (options->dev && options->dev_tls) {
    if (auto made = dev_tls.make(options->dev_tls_cert_dir, config->listeners.front().address); !made)
      return refuse(made.error());
    config->listeners.front().tls = dev_tls.files();
  }
  auto assembly = Assembly::build(*config, log, lines, followers);
  if (!assembly) return refuse(assembly.error());
  auto& server = **assembly;
  if (options->dev) {
    if (auto ready = prepare_dev(server, *options, dev_tls); !ready) return refuse(ready.error());
  }
  if (auto written = write_pid(config->pid_file); !written) return refuse(written.error());
  server.serve();
  std::ignore = wire::http::sd_notify("READY=1");
  log.info("serving", {{"version", SR_VERSION}, {"listeners", server.addresses()}});
  if (const auto state = server.core().seal_state(); !state.initialised)
    log.info("not initialised yet; strongroom operator init does that");
  else if (state.sealed)
    log.info("sealed; strongroom operator unseal takes the key shares",
             {{"threshold", std::to_string(state.config.threshold)}});

  for (;;) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGHUP) {
      std::ignore = wire::http::sd_notify("RELOADING=1");
      if (auto reopened = lines.reopen(); !reopened) log.error(reopened.error().message);
      server.reload();
      std::ignore = wire::http::sd_notify("READY=1");
      continue;
    }
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  std::ignore = wire::http::sd_notify("STOPPING=1");
  log.info("draining");
  server.stop();
  if (!config->pid_file.empty()) ::unlink(config->pid_file.c_str());
  log.info("stopped");
  return 0;
}

}  // namespace strongroom::apps::server
