#include "testkit/test_server.h"

#include <strings.h>

#include <cstdlib>
#include <future>

#include "schema/json.h"
#include "seals/shamir/shamir_seal.h"
#include "store/fault_store.h"
#include "store/memory_store.h"
#include "testkit/sim_directory.h"
#include "wire/vault/vault.h"

namespace strongroom::testkit {
namespace {

Answer of(wire::vault::Outbound&& out, const std::array<std::byte, 16>& id) {
  return {out.status, std::string(view(out.body)), std::move(out.headers), id, std::move(out.feed)};
}

std::optional<json::Node> walk(json::Node at, std::string_view path) {
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto step = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (at.is_array()) {
      auto index = std::strtoull(std::string(step).c_str(), nullptr, 10);
      std::optional<json::Node> found;
      for (const json::Node n : at)
        if (index-- == 0) {
          found = n;
          break;
        }
      if (!found) return std::nullopt;
      at = *found;
    } else {
      const auto found = at.is_object() ? at.find(step) : std::nullopt;
      if (!found) return std::nullopt;
      at = *found;
    }
  }
  return at;
}
std::string shown(const json::Node& n) { return std::string(n.is_string() ? n.text() : n.source()); }

class AskedHeaders final : public core::RequestHeaders {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  explicit AskedHeaders(Pairs pairs) : pairs_(std::move(pairs)) {}
  std::vector<std::string_view> all(std::string_view name) const override {
    std::vector<std::string_view> out;
    for (const auto& [n, v] : pairs_)
      if (n.size() == name.size() && strncasecmp(n.data(), name.data(), n.size()) == 0) out.emplace_back(v);
    return out;
  }

 private:
  const Pairs pairs_;
};

}  // namespace

std::vector<core::AuditDevice> TestDevices::configured() const {
  core::AuditDevice kit;
  kit.path = "kit/";
  kit.type = "file";
  kit.options["file_path"] = "discard";
  return {kit};
}
Status TestDevices::admits() const { return api_ == Api::open ? Status{} : core::NoAuditDevices().admits(); }
Status TestDevices::check(const core::AuditDevice& d) const {
  if (d.type != "file") return fail(Code::invalid_argument, "unknown backend type: file is the one there is");
  if (!d.options.contains("file_path")) return fail(Code::invalid_argument, "file_path is required");
  return {};
}
TestDevices::Applied TestDevices::apply(std::span<const core::AuditDevice> wanted) {
  const std::lock_guard guard(mutex_);
  running_.clear();
  waiting_.clear();
  for (const auto& w : wanted) {
    const auto path = w.options.find("file_path");
    const bool broken = path != w.options.end() && path->second == "broken" && !mends;
    (broken ? waiting_ : running_).push_back(w);
  }
  return waiting_.empty() ? Applied::all : Applied::some;
}
std::string TestDevices::trouble(std::string_view path) const {
  const std::lock_guard guard(mutex_);
  for (const auto& w : waiting_)
    if (w.path == path) return "cannot be opened";
  return {};
}
std::vector<core::AuditDevice> TestDevices::running() const {
  const std::lock_guard guard(mutex_);
  return running_;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* asked = std::getenv(name);
  return asked != nullptr ? std::strtoull(asked, nullptr, 10) : otherwise;
}

std::optional<std::string> Answer::find(std::string_view path) const {
  const auto doc = json::Doc::parse(body);
  if (!doc) return std::nullopt;
  const auto node = walk(doc->root(), path);
  if (!node) return std::nullopt;
  return shown(*node);
}

std::vector<std::string> Answer::texts(std::string_view path) const {
  std::vector<std::string> out;
  const auto doc = json::Doc::parse(body);
  if (!doc) return out;
  if (const auto node = walk(doc->root(), path); node && node->is_array())
    for (const json::Node n : *node) out.push_back(shown(n));
  return out;
}

TestServer::TestServer(Options options)
    : random(options.seed), disk(options.sector), options_(std::move(options)) {}
TestServer::~TestServer() { stop(); }

std::unique_ptr<TestServer> TestServer::ready(Options options) {
  auto server = std::make_unique<TestServer>(std::move(options));
  const auto must = [](bool good) {
    if (!good) std::abort();  // a test cannot go on without a server
  };
  must(server->start().has_value());
  must(server->init().status == 200);
  must(server->unseal().status == 200);
  must(server->root("POST", "sys/mounts/secret", R"({"type":"kv","options":{"version":"2"}})").ok());
  must(server->root("POST", "sys/mounts/kv", R"({"type":"kv","options":{"version":"1"}})").ok());
  return server;
}

Status TestServer::start() {
  auto p = std::make_unique<Process>();
  if (options_.storage == Storage::memory) {
    p->store = std::make_unique<store::MemoryStore>();
    SR_LET(p->audit, audit::Log::open({}, options_.log, env_));
  } else {
    SR_LET(p->store, store::FaultStore::open(disk));
    SR_LET(p->audit, audit::Log::open_on(std::make_unique<SimDirectory>(disk), options_.log, env_));
  }
  p->seal = std::make_unique<seals::shamir::ShamirSeal>(random);
  if (options_.seal) {
    p->recovery = std::move(p->seal);
    p->seal = options_.seal(random);
  }
  p->barrier = std::make_unique<barrier::Barrier>(random);
  auto settings = options_.core;
  settings.storage_type = "inmem";
  settings.version = "0.1.0";
  p->core = std::make_unique<core::Core>(
      core::Core::Parts{env_, *p->store, *p->barrier, *p->seal, *p->audit, p->recovery.get()}, settings);
  auto& core = *p->core;
  p->devices = std::make_unique<TestDevices>(options_.audit_api);
  core.set_audit_devices(*p->devices);
  p->token = std::make_unique<system::token::Token>(core.tokens(), core.policies());
  system::sys::Surroundings around;
  around.version = "0.1.0";
  around.sanitized_config = R"({"log_level":"info"})";
  around.logs = {&core_log_};
  around.followers = &followers_;
  around.built.secret = {"kv"};
  p->areas = system::sys::make_areas(core, around);
  auto kinds = options_.more_kinds;
  kinds.emplace("kv", &kv_);
  std::vector<std::string> kind_names;
  kind_names.reserve(kinds.size());
  for (const auto& [name, kind] : kinds) kind_names.push_back(name);
  p->sys = std::make_unique<system::sys::Sys>(
      system::sys::Sys::Parts{core, core, core, core, core.policies(), core.tokens(), "0.1.0", kind_names,
                              [this](std::string_view, std::map<std::string, std::string>& options) {
                                return kv_.mount_options(options);
                              },
                              system::sys::borrowed(p->areas)});
  p->cubbyhole = std::make_unique<system::cubbyhole::Cubbyhole>(core.cubbyholes(), core.tokens());
  core.install({*p->sys, *p->token, *p->cubbyhole}, std::move(kinds));
  if (auto started = core.start(); !started) {
    core.drain();
    p->core.reset();  // before what it stands on
    return started;
  }
  process_ = std::move(p);
  return {};
}

void TestServer::stop() {
  if (!process_) return;
  process_->core->drain();
  process_->core.reset();
  process_->audit.reset();
  process_.reset();
}

void TestServer::crash(std::uint64_t dice) {
  disk.crash();
  stop();
  disk.restart(dice);
}

void TestServer::submit(Ask ask, Heard heard) {
  wire::vault::Inbound in;
  const auto target = "/v1/" + ask.target;
  in.method = ask.method;
  in.target = target;
  in.token = ask.token;
  in.authorization = ask.authorization;
  in.name_space = ask.name_space;
  in.wrap_ttl = ask.wrap_ttl;
  in.wrap_format = ask.wrap_format;
  in.content_type = ask.content_type.empty() && ask.method == "PATCH" ? "application/merge-patch+json"
                                                                      : std::string_view(ask.content_type);
  in.body = SecretText(ask.body);
  auto decoded = wire::vault::decode(std::move(in), random);
  if (auto* out = std::get_if<wire::vault::Outbound>(&decoded)) return heard(of(std::move(*out), {}));
  auto& request = std::get<std::unique_ptr<core::Request>>(decoded);
  request->peer = {std::move(ask.address), 4711};
  request->time = core().server_time();
  request->arrived = clock.ticks();
  request->gate = ask.gate;
  if (!ask.token.empty()) ask.headers.emplace_back("X-Vault-Token", ask.token);
  if (!ask.authorization.empty()) ask.headers.emplace_back("Authorization", ask.authorization);
  request->headers = std::make_unique<AskedHeaders>(std::move(ask.headers));
  if (gate == core::Request::Gate::open) request->gate = gate;
  core::Core::Turn turn(core());
  turn.serve(std::move(request),
             [heard = std::move(heard)](std::unique_ptr<core::Request> r, core::Reply reply) {
               heard(of(wire::vault::encode(*r, reply), r->call.id));
             });
}

Answer TestServer::send(Ask ask) {
  std::promise<Answer> answer;
  auto ready = answer.get_future();
  submit(std::move(ask), [&](Answer a) { answer.set_value(std::move(a)); });
  return ready.get();
}

Answer TestServer::call(std::string method, std::string target, std::string body, std::string token) {
  Ask ask;
  ask.method = std::move(method);
  ask.target = std::move(target);
  ask.body = std::move(body);
  ask.token = std::move(token);
  return send(std::move(ask));
}

Answer TestServer::init() {
  const bool unattended = options_.seal != nullptr;
  const std::string kind = unattended ? "recovery" : "secret";
  auto a = call("PUT", "sys/init",
                "{\"" + kind + "_shares\":" + std::to_string(options_.shares) + ",\"" + kind +
                    "_threshold\":" + std::to_string(options_.threshold) + "}");
  if (a.ok()) {
    shares_ = a.texts(unattended ? "recovery_keys" : "keys");
    root_token_ = a.text("root_token");
  }
  return a;
}

Answer TestServer::unseal() {
  Answer last;
  for (std::uint32_t i = 0; i < options_.threshold && i < shares_.size(); ++i)
    last = call("PUT", "sys/unseal", "{\"key\":\"" + shares_[i] + "\"}");
  return last;
}

std::string TestServer::token_with(const std::string& policies_json, const std::string& more) {
  return root("POST", "auth/token/create",
              "{\"policies\":" + policies_json + (more.empty() ? "" : "," + more) + "}")
      .text("auth/client_token");
}

void TestServer::policy(const std::string& name, const std::string& hcl) {
  SecretText body = "{\"policy\":";
  json::append_quoted(body, hcl);
  body += '}';
  root("POST", "sys/policies/acl/" + name, std::string(view(body)));
}

std::vector<audit::StoredRecord> TestServer::records() {
  // A record of its own behind everything before it: when it is answered, they are durable.
  root("GET", "sys/mounts");
  std::vector<audit::StoredRecord> all;
  for (;;) {
    auto some = log().read(all.size(), 4096);
    if (!some || some->empty()) return all;
    std::move(some->begin(), some->end(), std::back_inserter(all));
  }
}

std::vector<TestServer::Table> TestServer::tables() const {
  engine::MountView v1;
  engine::MountView v2;
  v2.options["version"] = "2";
  return {{"sys/", process_->sys->routes({})},
          {"auth/token/", process_->token->routes({})},
          {"cubbyhole/", process_->cubbyhole->routes({})},
          {"kv/", kv_.routes(v1)},
          {"secret/", kv_.routes(v2)}};
}

}  // namespace strongroom::testkit
