#include "core/core.h"

#include <fmt/format.h>

#include <future>

#include "base/time.h"
#include "core/redaction.h"
#include "core/storage.h"
#include "crypto/secure_memory.h"
#include "store/tables.h"

namespace strongroom::core {
namespace {

constexpr unsigned kMostAttempts = 8;
constexpr std::size_t kWorkerBody = 1u << 20;
constexpr std::size_t kMostAskers = 8192;
const char* const kSealed = "Vault is sealed";
const char* const kNoSpace =
    "the disk is full: deletes work, everything else waits until an operator frees space on the disk";
const char* const kDenied = "permission denied";
const char* const kPolicyDenied = "1 error occurred:\n\t* permission denied\n\n";

// Stands for the store while it cannot be read.
class SealedSnapshot final : public store::Snapshot {
 public:
  store::Revision revision() const noexcept override { return 0; }
  Result<std::optional<std::string_view>> get(std::string_view) const override {
    return fail(Code::sealed, kSealed);
  }
  Status scan(std::string_view, std::string_view, const Visit&) const override {
    return fail(Code::sealed, kSealed);
  }
};

// The store as it will be once the founding writes are in it: everything of init becomes durable in one
// group.
class FoundingSnapshot final : public store::Snapshot {
 public:
  explicit FoundingSnapshot(const std::vector<store::Write>& writes) {
    for (const auto& w : writes)
      if (w.value) entries_[w.key] = *w.value;
  }
  store::Revision revision() const noexcept override { return 0; }
  Result<std::optional<std::string_view>> get(std::string_view key) const override {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return std::nullopt;
    return std::optional<std::string_view>(at->second);
  }
  Status scan(std::string_view first, std::string_view last, const Visit& visit) const override {
    for (auto at = entries_.lower_bound(first); at != entries_.end() && at->first < last; ++at)
      if (!visit(at->first, at->second)) break;
    return {};
  }

 private:
  std::map<std::string, std::string, std::less<>> entries_;
};

std::string setting(std::string_view name) {
  return store::table_key(store::Table::settings) + std::string(name);
}

identity::Operation acl_operation(engine::Operation op) {
  switch (op) {
    case engine::Operation::read:
      return identity::Operation::read;
    case engine::Operation::list:
      return identity::Operation::list;
    case engine::Operation::create:
      return identity::Operation::create;
    case engine::Operation::update:
      return identity::Operation::update;
    case engine::Operation::patch:
      return identity::Operation::patch;
    case engine::Operation::erase:
      return identity::Operation::remove;
  }
  return identity::Operation::read;
}
engine::Operation plain_operation(engine::Verb v) {
  switch (v) {
    case engine::Verb::read:
      return engine::Operation::read;
    case engine::Verb::list:
      return engine::Operation::list;
    case engine::Verb::write:
      return engine::Operation::update;
    case engine::Verb::patch:
      return engine::Operation::patch;
    case engine::Verb::erase:
      return engine::Operation::erase;
  }
  return engine::Operation::read;
}

Error lost(const Error& e) {
  switch (e.code) {
    case Code::no_space:
      return {Code::no_space, kNoSpace, e.detail, e.file, e.line};
    case Code::sealed:
      return {Code::sealed, kSealed, e.detail, e.file, e.line};
    case Code::conflict:
      return {Code::unavailable, "the request lost a race too often; try again", e.detail, e.file, e.line};
    default:
      return {Code::unavailable, "the change could not be made durable; its outcome is in the audit log",
              e.detail, e.file, e.line};
  }
}

std::string uuid(Random& random) {
  std::array<std::byte, 16> b{};
  random.fill(b);
  b[6] = (b[6] & std::byte{0x0f}) | std::byte{0x40};
  b[8] = (b[8] & std::byte{0x3f}) | std::byte{0x80};
  const auto h = to_hex(b);
  return fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4), h.substr(16, 4),
                     h.substr(20));
}
std::string hex8(Random& random) {
  std::array<std::byte, 4> b{};
  random.fill(b);
  return to_hex(b);
}

}  // namespace

// Holds life_ and publishes what changed when it ends.
class Core::Living {
 public:
  explicit Living(Core& core) : core_(core), lock_(core.life_) {}
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;
  ~Living() { core_.tell(); }

 private:
  Core& core_;
  std::lock_guard<std::mutex> lock_;
};

struct Core::Asker {
  std::shared_ptr<const identity::TokenRecord> record;
  audit::Actor actor;
};

struct Core::Flight {
  std::unique_ptr<Request> request;
  Done done;
  Outcome outcome;
  // Whether it may need keys until its record is written: sealing waits for these.
  enum class Needs : std::uint8_t { nothing, keys } needs = Needs::nothing;
};

// ------------------------------------------------------------------ one pass through the pipeline

class Core::Run {
 public:
  Run(Core& core, Request& r, const store::Snapshot* snapshot, Where where)
      : core_(core),
        r_(r),
        where_(where),
        snapshot_(snapshot != nullptr ? *snapshot : closed_),
        txn_(snapshot_, core.parts_.barrier) {}

  Outcome take() {
    base_record();
    if (auto done = serve(); !done) {
      if (done.error().code == Code::needs_worker) {
        out_.reply.error = std::move(done).error();
        return std::move(out_);
      }
      refuse(std::move(done).error());
    }
    settle();
    if (reserve_only_ && !may_use_reserve()) {
      out_ = {};
      out_.reply.error = Error{Code::no_space, kNoSpace, {}, __FILE__, __LINE__};
    }
    return std::move(out_);
  }

 private:
  // Deletes, and what operators do with sudo (seal, archive); nothing else, not even a refusal's record.
  bool may_use_reserve() const {
    if (out_.reply.error) return false;
    return by_operator_ || (out_.txn && store::erases_only(*out_.txn));
  }

  struct Rendered final : engine::Render {
    explicit Rendered(Run& run) : run_(run) {}
    void data(const schema::Codec& codec, const void* object) override {
      schema::JsonSink json(run_.out_.reply.data);
      codec.save(object, json);
      run_.out_.reply.has_data = true;
      if (run_.out_.record && run_.audit_key_) {
        AuditSink sink(run_.out_.record->response, *run_.audit_key_,
                       run_.mounted_ != nullptr
                           ? std::span<const std::string>(run_.mounted_->entry.audit_non_hmac_response_keys)
                           : std::span<const std::string>());
        codec.save(object, sink);
      }
    }
    Run& run_;
  };

  void base_record() {
    auto& record = out_.record.emplace();
    record.time = r_.time;
    record.request_id = r_.call.id;
    record.operation = engine::name(plain_operation(r_.call.verb));
    record.path = r_.call.path.text();
    record.remote_address = r_.peer.address;
    record.remote_port = r_.peer.port;
    const std::lock_guard guard(core_.keys_mutex_);
    audit_key_ = core_.audit_key_;
  }

  Status serve() {
    const auto path = r_.call.path.text();
    if (path.starts_with("sys/")) {
      auto early = match(core_.sys_->routes({}), r_.call.verb, path.substr(4), input_);
      if (early.route != nullptr && (early.route->flags & engine::sealed_ok) != 0)
        return lifecycle_route(*early.route);
      input_.path.clear();
      if (early.route == nullptr && early.path_known && is_lifecycle(path.substr(4)))
        return fail(Code::unsupported, "");
    }
    if (core_.sealed()) {
      out_.record.reset();  // a flood of these tells nothing
      return fail(Code::sealed, kSealed);
    }
    if (!r_.call.namespace_path.empty() && r_.call.namespace_path != "root" &&
        r_.call.namespace_path != "root/")
      return fail(Code::not_found, "namespace not found");
    if (auto room = core_.parts_.log.admission(); !room) {
      // What frees space may use what is kept for it; whether a request does is known once it has run.
      const bool may_free = r_.call.verb == engine::Verb::erase || r_.call.verb == engine::Verb::write;
      if (room.error().code != Code::no_space || !may_free) {
        out_.record.reset();  // the log has no room for a flood of these
        return room;
      }
      reserve_only_ = true;
    }
    input_.body = r_.call.json ? r_.call.json->root() : json::Node();
    input_.query = r_.call.query;

    SR_LET(router_, core_.router(txn_));
    mounted_ = router_->find(path);
    if (mounted_ == nullptr && !path.ends_with('/')) mounted_ = router_->exact(std::string(path) + "/");
    engine::Match found;
    if (mounted_ != nullptr) {
      const auto inside = path.size() > mounted_->entry.path.size() ? path.substr(mounted_->entry.path.size())
                                                                    : std::string_view();
      out_.record->mount = {mounted_->entry.path, mounted_->view.type, mounted_->view.accessor,
                            mounted_->view.clazz == engine::Class::auth ? "auth" : "secret"};
      out_.reply.mount_type = mounted_->view.type;
      found = match(mounted_->routes, r_.call.verb, inside, input_);
      inside_ = inside;
    }
    const bool open = found.route != nullptr && (found.route->flags & engine::open) != 0;
    if (auto known = identify(); !known && !open) return known;
    if (found.route == nullptr) {
      out_.record->request = redacted(nullptr);
      SR_TRY(authorise(plain_operation(r_.call.verb), identity::Sudo::not_needed));
      if (mounted_ == nullptr)
        return fail(Code::not_found,
                    fmt::format("no handler for route \"{}\". route entry not found.", path));
      if (found.path_known)
        return fail(Code::unsupported, "1 error occurred:\n\t* unsupported operation\n\n");
      return fail(Code::not_found, "1 error occurred:\n\t* unsupported path\n\n");
    }
    return dispatch(*found.route);
  }

  static bool is_lifecycle(std::string_view path) {
    for (const std::string_view p : {"init", "unseal", "seal", "seal-status", "health", "leader"})
      if (p == path) return true;
    return false;
  }

  audit::Tree redacted(const schema::Codec* codec) {
    if (!audit_key_) return {};
    return redact_input(codec, input_,
                        mounted_ != nullptr
                            ? std::span<const std::string>(mounted_->entry.audit_non_hmac_request_keys)
                            : std::span<const std::string>(),
                        *audit_key_);
  }

  // init, unseal, seal-status, health, leader: answered in every state of the server.
  Status lifecycle_route(const engine::Route& route) {
    if ((route.flags & engine::unlogged) != 0) out_.record.reset();
    if (route.blocking && where_ == Where::loop) return fail(Code::needs_worker, "");
    input_.body = r_.call.json ? r_.call.json->root() : json::Node();
    input_.query = r_.call.query;
    if (out_.record) {
      out_.record->what = audit::What::server;
      out_.record->operation = std::string(r_.call.path.text().substr(4));
    }
    // Parameters are key shares: never recorded, hashed or not.
    const engine::MountView nowhere;
    MountStorage storage(txn_, core_.parts_.barrier, 0);
    const engine::Caller nobody;
    engine::Prompt prompt{storage,
                          txn_,
                          nowhere,
                          nobody,
                          core_.server_time(),
                          core_.parts_.env.random,
                          out_.reply.aside,
                          plain_operation(r_.call.verb),
                          r_.call.path.text().substr(4)};
    engine::Blocking waiting(prompt);
    NoAudit render(out_.reply);
    SR_LET([[maybe_unused]] const auto gave, route.invoke(*core_.sys_, waiting, input_, render));
    return {};
  }
  struct NoAudit final : engine::Render {
    explicit NoAudit(Reply& reply) : reply_(reply) {}
    void data(const schema::Codec& codec, const void* object) override {
      schema::JsonSink json(reply_.data);
      codec.save(object, json);
      reply_.has_data = true;
    }
    Reply& reply_;
  };

  Status identify() {
    const auto presented = view(r_.credential.token);
    if (presented.empty()) return fail(Code::unauthenticated, kDenied);
    SR_LET(auto record, core_.tokens_.find(txn_, presented, core_.server_time()));
    if (!record) {
      if (audit_key_) out_.record->presented_token = audit_key_->mac(presented);
      return fail(Code::unauthenticated, kDenied);
    }
    asker_ = core_.asker(txn_, record, presented);
    out_.record->actor = asker_->actor;
    out_.record->actor->verdict = audit::Actor::Verdict::refused;
    out_.record->presented_token = asker_->actor.client_token;
    SR_LET(acl_, core_.policies_.acl(txn_, record->policies, core_.server_time()));
    return {};
  }

  enum class Folds : std::uint8_t { no, yes };
  Status authorise(engine::Operation op, identity::Sudo sudo, Folds folds = Folds::no) {
    if (!asker_) return fail(Code::unauthenticated, kDenied);
    identity::Check check;
    check.operation = acl_operation(op);
    check.path = r_.call.path.text();
    check.parameters = {input_.body, input_.query};
    check.sudo = sudo;
    decision_ = acl_->decide(check);
    if (decision_.allowed && folds == Folds::yes) {
      folded_path_ = identity::ascii_lower(check.path);
      if (folded_path_ != check.path) {
        check.path = folded_path_;
        decision_ = acl_->decide(check);
      }
    }
    if (!decision_.allowed) return fail(Code::permission_denied, kPolicyDenied);
    auto& actor = *out_.record->actor;
    actor.verdict = audit::Actor::Verdict::allowed;
    decision_.each_granting(check.operation, [&](const identity::Contribution& c) {
      actor.granting_policies.emplace_back(c.policy);
    });
    if (decision_.page_limit) {
      page_limit_ = std::to_string(*decision_.page_limit);
      std::erase_if(input_.query, [](const auto& q) { return q.first == "limit"; });
      input_.query.emplace_back("limit", page_limit_);
    }
    return {};
  }

  Status dispatch(const engine::Route& route) {
    if (route.blocking && where_ == Where::loop) return fail(Code::needs_worker, "");
    out_.record->request = redacted(route.in);
    caller_.root = acl_ && acl_->is_root();
    if (asker_) {
      caller_.token = asker_->record->number;
      caller_.display_name = asker_->record->display_name;
      caller_.policies = asker_->record->policies;
    }
    MountStorage storage(txn_, core_.parts_.barrier, mounted_->entry.number);
    engine::Prompt prompt{storage,
                          txn_,
                          mounted_->view,
                          caller_,
                          core_.server_time(),
                          core_.parts_.env.random,
                          out_.reply.aside,
                          plain_operation(r_.call.verb),
                          inside_,
                          view(r_.credential.token)};
    if (r_.call.verb == engine::Verb::write) {
      if (route.exists != nullptr) {
        SR_LET(const bool there, route.exists(*mounted_->engine, prompt, input_));
        if (!there) prompt.operation = engine::Operation::create;
      }
      out_.record->operation = engine::name(prompt.operation);
    }
    if ((route.flags & engine::open) == 0) {
      SR_TRY(
          authorise(prompt.operation,
                    (route.flags & engine::sudo) != 0 ? identity::Sudo::needed : identity::Sudo::not_needed,
                    (route.flags & engine::folds) != 0 ? Folds::yes : Folds::no));
      caller_.sudo = decision_.root || decision_.has_sudo;
    } else if (out_.record->actor) {
      out_.record->actor->verdict = audit::Actor::Verdict::allowed;
    }
    if (r_.call.verb == engine::Verb::write && r_.call.path.ends_with_slash())
      return fail(Code::invalid_argument, "cannot write to a path ending in '/'");
    by_operator_ = (route.flags & engine::sudo) != 0;
    Rendered render(*this);
    Result<engine::Route::Gave> gave = engine::Route::Gave::nothing;
    if (route.blocking) {
      engine::Blocking waiting(prompt);
      gave = route.invoke(*mounted_->engine, waiting, input_, render);
    } else {
      gave = route.invoke(*mounted_->engine, prompt, input_, render);
    }
    if (!gave) return std::unexpected(std::move(gave).error());
    if (*gave == engine::Route::Gave::nothing &&
        (r_.call.verb == engine::Verb::read || r_.call.verb == engine::Verb::list) &&
        out_.reply.aside.frame == engine::Frame::envelope && out_.reply.aside.warnings.empty())
      return fail(Code::not_found, "");
    if (*gave == engine::Route::Gave::data) {
      if (const auto unknown = schema::unknown_names(route.in->fields(), input_); !unknown.empty())
        out_.reply.aside.warnings.push_back(
            fmt::format("Endpoint ignored these unrecognized parameters: [{}]", fmt::join(unknown, " ")));
    }
    if (out_.reply.aside.frame == engine::Frame::missing) log_as_raw_body();
    auto& record = *out_.record;
    record.warnings = out_.reply.aside.warnings;
    if (out_.reply.aside.lease_duration.count() != 0) record.lease = "";
    if (out_.reply.aside.auth && audit_key_) record.issued = issued(*out_.reply.aside.auth);
    return {};
  }
  audit::Actor issued(const engine::Issued& a) const {
    audit::Actor actor;
    actor.client_token = audit_key_->mac(a.client_token.reveal_text(Reveal::to_cipher));
    actor.accessor = audit_key_->mac(a.accessor);
    actor.display_name = a.display_name;
    actor.policies = a.policies;
    actor.token_policies = a.token_policies;
    actor.token_type = a.token_type;
    actor.token_ttl = a.lease_duration.count();
    actor.remaining_uses = a.num_uses;
    for (const auto& [k, v] : a.metadata) actor.metadata.emplace_back(k, v);
    return actor;
  }

  void refuse(Error error) {
    txn_.drop_writes();
    out_.reply.data.clear();
    out_.reply.has_data = false;
    if (out_.record) {
      out_.record->outcome = name(error.code);
      out_.record->error = logged_text(error);
      out_.record->response.clear();
      if (audit_key_ && !error.message.empty()) {
        audit::tree::Writer tree(out_.record->response);
        tree.begin_map();
        tree.key("error");
        tree.mac(audit_key_->mac(error.message));
        tree.end_map();
      }
      out_.record->issued.reset();
    }
    if (error.code == Code::internal || error.code == Code::corrupt)
      core_.parts_.env.log.error("a request failed",
                                 {{"code", std::string(name(error.code))},
                                  {"detail", error.detail.empty() ? error.message : error.detail},
                                  {"at", fmt::format("{}:{}", error.file, error.line)}});
    out_.reply.error = std::move(error);
  }

  // In clear the log has the kind of error, as Vault's has; the text that the caller got is beside it as an
  // HMAC.
  std::string logged_text(const Error& error) const {
    if (error.code == Code::unauthenticated || error.code == Code::permission_denied ||
        error.code == Code::unsupported)
      return error.message.empty() ? "unsupported operation" : error.message;
    if (error.code == Code::not_found)
      return error.message.empty() ? std::string() : "1 error occurred:\n\t* unsupported path\n\n";
    if (error.code == Code::invalid_argument || error.code == Code::failed_precondition ||
        error.code == Code::conflict)
      return "1 error occurred:\n\t* invalid request\n\n";
    return error.message;
  }
  // A reply that is an HTTP error with data, as Vault logs it.
  void log_as_raw_body() {
    if (!out_.record || !audit_key_) return;
    auto& response = out_.record->response;
    response.clear();
    audit::tree::Writer tree(response);
    tree.begin_map();
    tree.key("http_content_type");
    tree.mac(audit_key_->mac("application/json"));
    tree.key("http_raw_body");
    tree.mac(audit_key_->mac(view(out_.reply.data)));
    tree.key("http_status_code");
    tree.integer(404);
    tree.end_map();
  }

  void settle() {
    if (asker_ && asker_->record->num_uses > 0) spend_use();
    if (txn_.dirty()) out_.txn = txn_.take();
    constexpr std::size_t kSurelyFits = 16 * 1024;
    if (out_.record && audit_key_ && out_.record->request.size() + out_.record->response.size() > kSurelyFits)
      audit_key_->bound(*out_.record);
  }
  void spend_use() {
    // As the handler left it: it may have renewed or revoked this very token.
    auto now = core_.tokens_.reload(txn_, asker_->record->number);
    if (!now || !*now) return;
    auto& record = **now;
    if (record.num_uses <= 1) {
      core_.tokens_.revoke(txn_, record);
      out_.record->actor->remaining_uses = -1;
      return;
    }
    --record.num_uses;
    out_.record->actor->remaining_uses = record.num_uses;
    core_.tokens_.save(txn_, record);
  }

  Core& core_;
  Request& r_;
  const Where where_;
  SealedSnapshot closed_;
  const store::Snapshot& snapshot_;
  store::Txn txn_;
  Outcome out_;
  schema::Input input_;
  std::shared_ptr<const audit::Redactor> audit_key_;
  std::shared_ptr<const Router> router_;
  const Mounted* mounted_ = nullptr;
  std::string_view inside_;
  std::shared_ptr<const Asker> asker_;
  std::shared_ptr<const identity::Acl> acl_;
  identity::Decision decision_;
  engine::Caller caller_;
  std::string page_limit_, folded_path_;
  bool reserve_only_ = false;  // the disk is nearly full
  bool by_operator_ = false;   // the route asks for sudo, and the caller has it
};

// ------------------------------------------------------------------ serving

Core::Core(Parts parts, Settings settings) : parts_(parts), settings_(std::move(settings)) {}
Core::~Core() {
  committer_.reset();
  // The log borrows the keys from here until it is sealed.
  if (!sealed()) close_keys();
}

void Core::install(const engine::Engine& sys, const engine::Engine& token, Router::Engines kinds) {
  sys_ = &sys;
  token_engine_ = &token;
  kinds_ = std::move(kinds);
}

const store::Snapshot* Core::Turn::snapshot() {
  if (!snapshot_ && !core_.sealed())
    if (auto s = core_.parts_.store.snapshot()) snapshot_ = *std::move(s);
  return snapshot_.get();
}

void Core::Turn::serve(std::unique_ptr<Request> request, Done done) {
  auto flight = std::make_unique<Flight>();
  flight->request = std::move(request);
  flight->done = std::move(done);
  {
    const std::lock_guard guard(core_.flights_mutex_);
    if (!core_.draining_) {
      ++core_.flights_;
      // Anybody may send these two: they must not hold up a seal.
      const auto path = flight->request->call.path.text();
      if (path != "sys/unseal" && path != "sys/init") {
        flight->needs = Flight::Needs::keys;
        ++core_.keyed_flights_;
      }
    } else {
      flight->outcome.reply.error =
          Error{Code::unavailable, "the server is shutting down", {}, __FILE__, __LINE__};
    }
  }
  if (flight->outcome.reply.error) {
    auto f = std::move(flight);
    return f->done(std::move(f->request), std::move(f->outcome.reply));
  }
  if (flight->request->call.body.size() > kWorkerBody || !core_.parts_.store.traits().local_reads)
    return core_.serve_on_worker(std::move(flight));
  flight->outcome = core_.run(*flight->request, snapshot(), Where::loop);
  if (flight->outcome.reply.error && flight->outcome.reply.error->code == Code::needs_worker)
    return core_.serve_on_worker(std::move(flight));
  core_.finish(std::move(flight), this);
}

Core::Outcome Core::run(Request& r, const store::Snapshot* snapshot, Where where) {
  try {
    return Run(*this, r, snapshot, where).take();
  } catch (const std::exception&) {
    // No text of an exception leaves: it may quote input.
    parts_.env.log.error("an exception ended a request", {});
    Outcome o;
    o.reply.error = Error{Code::internal, "internal error", {}, __FILE__, __LINE__};
    auto& record = o.record.emplace();
    record.time = r.time;
    record.request_id = r.call.id;
    record.path = r.call.path.text();
    record.outcome = name(Code::internal);
    return o;
  }
}

void Core::serve_on_worker(std::unique_ptr<Flight> flight) {
  auto* raw = flight.release();
  const auto accepted = parts_.env.workers.submit(Lane::interactive, [this, raw] {
    std::unique_ptr<Flight> f(raw);
    if (parts_.env.clock.ticks() - f->request->arrived >
        f->request->patience.value_or(settings_.max_request_duration)) {
      f->outcome = {};
      f->outcome.reply.error = Error{Code::deadline_exceeded,
                                     "the request waited too long for a worker; try again",
                                     {},
                                     __FILE__,
                                     __LINE__};
      return answer(std::move(f));
    }
    std::unique_ptr<store::Snapshot> snapshot;
    if (!sealed())
      if (auto s = parts_.store.snapshot()) snapshot = *std::move(s);
    f->outcome = run(*f->request, snapshot.get(), Where::worker);
    snapshot.reset();
    finish(std::move(f));
  });
  if (!accepted) {
    std::unique_ptr<Flight> f(raw);
    f->outcome = {};
    f->outcome.reply.error = accepted.error();
    answer(std::move(f));
  }
}

Core::Turn::~Turn() {
  snapshot_.reset();
  if (!ready_.empty()) core_.committer_->submit_all(std::move(ready_));
}

void Core::finish(std::unique_ptr<Flight> flight, Turn* turn) {
  auto& o = flight->outcome;
  if (closing_.load() == std::this_thread::get_id()) {
    closing_ = std::thread::id();
    return close_then_answer(std::move(flight));
  }
  if (!o.txn) {
    if (!o.record) return answer(std::move(flight));
    return log_then_answer(std::move(flight));
  }
  o.txn->record = audit::encode(*o.record);
  auto txn = std::move(*o.txn);
  o.txn.reset();
  auto* raw = flight.release();
  store::Committer::Answer settle = [this, raw](Result<store::Committed> c) {
    std::unique_ptr<Flight> f(raw);
    if (c) return answer(std::move(f));
    if (c.error().code == Code::conflict) return rerun(std::move(f));
    f->outcome.reply = {};
    f->outcome.reply.error = lost(c.error());
    f->outcome.record->outcome = name(c.error().code);
    f->outcome.record->error = f->outcome.reply.error->message;
    // Of an unknown outcome nothing is claimed: if it is there, recovery writes its record.
    if (c.error().code != Code::outcome_unknown) f->outcome.record->mark = audit::Mark::not_applied;
    log_then_answer(std::move(f));
  };
  if (turn != nullptr)
    turn->ready_.push_back({std::move(txn), std::move(settle)});
  else
    committer_->submit(std::move(txn), std::move(settle));
}

// The request that sealed the server: its record is the last one under a key. On a worker.
void Core::close_then_answer(std::unique_ptr<Flight> flight) {
  auto& o = flight->outcome;
  if (o.txn) {
    o.txn->record = audit::encode(*o.record);
    std::ignore = committer_->commit(std::move(*o.txn));  // a use of its token
  } else if (o.record) {
    o.record->response_time = parts_.env.clock.ticks() - flight->request->arrived;
    std::ignore = append_and_wait(std::move(*o.record));
  }
  {
    const std::lock_guard guard(life_);
    close_keys();
    sealing_ = false;
  }
  answer(std::move(flight));
}

void Core::rerun(std::unique_ptr<Flight> flight) {
  if (++flight->request->attempt < kMostAttempts) return serve_on_worker(std::move(flight));
  auto* raw = flight.release();
  committer_->submit_inside(
      [this, raw](const store::Snapshot& newest) -> Result<store::Transaction> {
        raw->outcome = run(*raw->request, &newest, Where::committer);
        auto& o = raw->outcome;
        if (!o.record) return fail(Code::unavailable, "try again");
        store::Transaction t = o.txn ? std::move(*o.txn) : store::Transaction{};
        o.txn.reset();
        t.record = audit::encode(*o.record);
        return t;
      },
      [this, raw](Result<store::Committed> c) {
        std::unique_ptr<Flight> f(raw);
        if (c) return answer(std::move(f));
        f->outcome.reply = {};
        f->outcome.reply.error = lost(c.error());
        if (!f->outcome.record) return answer(std::move(f));
        f->outcome.record->outcome = name(c.error().code);
        // Of an unknown outcome nothing is claimed: if it is there, recovery writes its record.
        if (c.error().code != Code::outcome_unknown) f->outcome.record->mark = audit::Mark::not_applied;
        log_then_answer(std::move(f));
      });
}

void Core::log_then_answer(std::unique_ptr<Flight> flight) {
  auto record = std::move(*flight->outcome.record);
  record.response_time = parts_.env.clock.ticks() - flight->request->arrived;
  auto* raw = flight.release();
  parts_.log.append(std::move(record), [this, raw](Status durable) {
    std::unique_ptr<Flight> f(raw);
    if (!durable) {
      f->outcome.reply = {};
      f->outcome.reply.error =
          Error{durable.error().code == Code::no_space ? Code::no_space : Code::unavailable,
                "the audit log cannot take a record; nothing is answered without one",
                {},
                __FILE__,
                __LINE__};
    }
    answer(std::move(f));
  });
}

void Core::answer(std::unique_ptr<Flight> flight) {
  flight->done(std::move(flight->request), std::move(flight->outcome.reply));
  const auto needs = flight->needs;
  flight.reset();
  const std::lock_guard guard(flights_mutex_);
  --flights_;
  if (needs == Flight::Needs::keys) --keyed_flights_;
  if (flights_ == 0 || keyed_flights_ <= 1) flights_done_.notify_all();
}

bool Core::knows(std::string_view presented) const {
  if (sealed()) return false;
  const auto snapshot = parts_.store.snapshot();
  if (!snapshot) return false;
  store::Txn txn(**snapshot, parts_.barrier);
  const auto found = tokens_.find(txn, presented, server_time());
  return found && *found;
}

void Core::drain() {
  std::unique_lock lock(flights_mutex_);
  draining_ = true;
  flights_done_.wait(lock, [&] { return flights_ == 0; });
}

bool Core::healthy() const noexcept { return !committer_ || committer_->healthy(); }

std::shared_ptr<const Core::Asker> Core::asker(store::Txn&,
                                               std::shared_ptr<const identity::TokenRecord> record,
                                               std::string_view presented) {
  {
    const std::lock_guard guard(askers_mutex_);
    if (const auto hit = askers_.find(record->number); hit != askers_.end() && hit->second->record == record)
      return hit->second;
  }
  auto made = std::make_shared<Asker>();
  made->record = record;
  auto& a = made->actor;
  std::shared_ptr<const audit::Redactor> key;
  {
    const std::lock_guard guard(keys_mutex_);
    key = audit_key_;
  }
  if (key) {
    a.client_token = key->mac(presented);
    a.accessor = key->mac(tokens_.accessor_of(record->number));
  }
  a.display_name = record->display_name;
  a.policies = record->policies;
  a.token_policies = record->policies;
  a.token_type = "service";
  a.issue_time = rfc3339(std::chrono::floor<Seconds>(record->created));
  a.token_ttl = record->creation_ttl.count();
  a.remaining_uses = record->num_uses;
  for (const auto& [k, v] : record->meta) a.metadata.emplace_back(k, v);
  const std::lock_guard guard(askers_mutex_);
  if (askers_.size() >= kMostAskers) askers_.clear();
  askers_[record->number] = made;
  return made;
}

// ------------------------------------------------------------------ the log and the outbox

void Core::committed(std::span<const store::Draft> drafts) noexcept {
  for (const auto& d : drafts) {
    if (d.record.empty()) continue;
    auto record = audit::decode(d.record);
    if (!record) continue;  // it stays in the outbox and is found at the next start
    record->revision = d.revision;
    if (record->time != WallTime{})
      record->response_time = std::max(Nanoseconds{}, parts_.env.clock.now() - record->time);
    parts_.log.append(*std::move(record), [](Status) {});
  }
  erase_outbox();
}

void Core::erase_outbox() {
  // Entries whose records the log has: erased with the next group, at most a few thousand at once.
  const auto durable = parts_.log.durable_revision();
  auto from = outbox_erased_.load();
  if (durable <= from || !committer_) return;
  const auto to = std::min(durable, from + 4096);
  std::vector<store::Write> writes;
  writes.reserve(to - from);
  for (auto r = from + 1; r <= to; ++r) {
    auto k = store::table_key(store::Table::outbox);
    put_u64(k, r);
    writes.push_back({std::move(k), std::nullopt});
  }
  outbox_erased_ = to;
  committer_->housekeeping(std::move(writes));
}

Status Core::append_and_wait(audit::Record record) {
  using namespace std::chrono_literals;
  auto durable = std::make_shared<std::promise<Status>>();
  auto ready = durable->get_future();
  parts_.log.append(std::move(record), [durable](Status s) { durable->set_value(std::move(s)); });
  // On a full disk the record of a transaction waits for space, but unsealing does not: it holds up health.
  for (int tenths = 1; ready.wait_for(100ms) != std::future_status::ready; ++tenths)
    if (auto room = parts_.log.admission(); (!room && tenths >= 10) || tenths >= 600)
      return fail(room ? Code::unavailable : room.error().code, "the audit log cannot take a record");
  return ready.get();
}

Status Core::recover_outbox() {
  SR_LET(const auto snapshot, parts_.store.snapshot());
  const auto have = parts_.log.durable_revision();
  if (have > snapshot->revision())
    return fail(Code::failed_precondition,
                "the store is older than its audit log: it was rolled back or replaced",
                fmt::format("log {} store {}", have, snapshot->revision()));
  const auto first = store::table_key(store::Table::outbox);
  std::vector<audit::Record> missing;
  std::optional<std::uint64_t> lowest;
  Status bad;
  SR_TRY(
      snapshot->scan(first, store::after_prefix(first), [&](std::string_view key, std::string_view stored) {
        const auto revision = get_be(key.substr(4));
        if (!lowest) lowest = revision;
        if (revision <= have) return true;
        auto opened = parts_.barrier.open(key, stored);
        auto record =
            opened ? audit::decode(view(*opened)) : Result<audit::Record>(std::unexpected(opened.error()));
        if (!record) {
          bad = std::unexpected(std::move(record).error());
          return false;
        }
        record->revision = revision;
        record->mark = audit::Mark::recovered;
        missing.push_back(*std::move(record));
        return true;
      }));
  if (!bad) return bad;
  // Entries are erased only when the log has their records: one that is in neither was in the log once.
  if (have + missing.size() != snapshot->revision())
    return fail(Code::failed_precondition,
                "the audit log is older than its store: it was rolled back, cut or replaced",
                fmt::format("log {} outbox {} store {}", have, missing.size(), snapshot->revision()));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (i + 1 == missing.size()) {
      SR_TRY(append_and_wait(std::move(missing[i])));
    } else {
      parts_.log.append(std::move(missing[i]), [](Status) {});
    }
  }
  outbox_erased_ = lowest ? *lowest - 1 : snapshot->revision();
  return {};
}

Status Core::commit_own(store::Txn& txn, std::string event, std::uint64_t count) {
  audit::Record record;
  record.what = audit::What::server;
  record.time = server_time();
  record.operation = std::move(event);
  record.count = count;
  auto t = txn.take();
  t.record = audit::encode(record);
  SR_LET([[maybe_unused]] const auto done, committer_->commit(std::move(t)));
  return {};
}

Result<Secret> Core::segment_key(std::uint64_t segment) const {
  return parts_.barrier.audit_segment_key(segment);
}
Result<Secret> Core::signing_key() const {
  return parts_.barrier.purpose_key(barrier::Barrier::Purpose::checkpoint_signing);
}

// ------------------------------------------------------------------ life

Status Core::start() {
  const Living living(*this);
  SR_LET(const auto snapshot, parts_.store.snapshot());
  SR_LET(auto id, barrier::Barrier::store_id(*snapshot));
  if (!id) return {};
  initialised_ = true;
  store_id_ = *std::move(id);
  SR_LET(const auto config, barrier::Barrier::seal_config(*snapshot));
  SR_TRY(parts_.seal.expect(config));
  if (parts_.seal.opening() != barrier::Seal::Opening::unattended) return {};
  SR_TRY(parts_.barrier.unseal(*snapshot, parts_.seal));
  return open_after_unseal(*snapshot);
}

void Core::tell() {
  Told now{initialised_, parts_.seal.config(), parts_.seal.progress()};
  const std::lock_guard guard(told_mutex_);
  told_ = std::move(now);
}

SealState Core::seal_state() const {
  SealState s;
  {
    const std::lock_guard guard(told_mutex_);
    s.initialised = told_.initialised;
    s.config = told_.config;
    s.progress = told_.progress;
  }
  s.sealed = sealed();
  s.storage_type = settings_.storage_type;
  if (!s.sealed) {
    const std::lock_guard guard(keys_mutex_);
    s.cluster_name = cluster_name_;
    s.cluster_id = cluster_id_;
  }
  return s;
}

Result<Founded> Core::init(const barrier::SealConfig& wish) {
  const Living living(*this);
  if (initialised_) return fail(Code::failed_precondition, "Vault is already initialized");
  Founded founded;
  SR_LET(founded.shares, parts_.seal.deal(wish));
  SR_LET(auto founding, parts_.barrier.found(parts_.seal));
  const auto undo = [this](Error e) {
    tokens_.close();
    parts_.barrier.seal_keys();
    parts_.seal.reset();
    return std::unexpected(std::move(e));
  };
  const FoundingSnapshot empty(founding.writes);
  for (std::size_t i = 0; i < founded.shares.size() && i < parts_.seal.config().threshold; ++i)
    if (auto given = parts_.seal.add_share(founded.shares[i]); !given) return undo(std::move(given).error());
  if (auto opened = parts_.barrier.unseal(empty, parts_.seal); !opened)
    return undo(std::move(opened).error());
  using P = barrier::Barrier::Purpose;
  SR_LET(const auto hash, parts_.barrier.purpose_key(P::token_hash));
  SR_LET(const auto locator, parts_.barrier.purpose_key(P::token_locator));
  SR_LET(const auto accessor, parts_.barrier.purpose_key(P::accessor_locator));
  SR_TRY(tokens_.open(hash, locator, accessor, 0));

  store::Txn txn(empty, parts_.barrier);
  auto& random = parts_.env.random;
  const auto now = server_time();
  policies_.put(txn, {"default", std::string(identity::default_policy_text()), now, 1, false});
  policies_.put(txn,
                {"response-wrapping", std::string(identity::response_wrapping_policy_text()), now, 1, false});
  txn.put(mount_epoch_key(), SecretText("m"));
  txn.put(setting("cluster-id"), SecretText(uuid(random)));
  txn.put(setting("cluster-name"),
          SecretText(settings_.cluster_name.empty() ? "strongroom-cluster-" + hex8(random)
                                                    : settings_.cluster_name));
  txn.put(setting("fixed-accessors"), SecretText(hex8(random) + hex8(random)));
  identity::NewToken root;
  root.policies = {"root"};
  root.display_name = "root";
  root.path = "auth/token/root";
  root.renewable = false;
  auto made = tokens_.create(txn, root, now, random);
  if (!made) return undo(std::move(made).error());
  founded.root_token = std::move(made->id);

  audit::Record record;
  record.what = audit::What::server;
  record.time = now;
  record.operation = "init";
  auto t = txn.take();
  t.record = audit::encode(record);
  store::Draft draft{1, t.puts, t.edits, t.record};
  store::Group group;
  group.first = group.last = draft.revision;
  group.writes = std::move(founding.writes);
  if (auto sealed = parts_.barrier.seal(empty, std::span(&draft, 1), group.writes); !sealed)
    return undo(std::move(sealed).error());
  auto epoch = parts_.store.lead();
  if (!epoch) return undo(std::move(epoch).error());
  if (auto applied = parts_.store.apply(group, *epoch); !applied) {
    parts_.barrier.settled(store::Sealer::Fate::dropped);
    return undo(std::move(applied).error());
  }
  parts_.barrier.settled(store::Sealer::Fate::applied);
  initialised_ = true;
  store_id_ = founding.store_id;
  const auto config = parts_.seal.config();
  undo({});
  SR_TRY(parts_.seal.expect(config));
  if (parts_.seal.opening() == barrier::Seal::Opening::unattended) {
    SR_LET(const auto newest, parts_.store.snapshot());
    SR_TRY(parts_.barrier.unseal(*newest, parts_.seal));
    SR_TRY(open_after_unseal(*newest));
    founded.verifier_key = verifier_key();
  }
  return founded;
}

Status Core::unseal_with(const Secret& share) {
  // Not to wait for it: the workers are needed by what ends before the keys go.
  if (sealing_) return fail(Code::unavailable, "the server is being sealed; try again");
  const Living living(*this);
  if (!initialised_) return fail(Code::failed_precondition, "Vault is not initialized");
  if (!sealed()) return {};
  SR_LET(const auto progress, parts_.seal.add_share(share));
  if (!progress.complete) return {};
  SR_LET(const auto snapshot, parts_.store.snapshot());
  if (auto opened = parts_.barrier.unseal(*snapshot, parts_.seal); !opened) {
    parts_.seal.reset();
    return opened;
  }
  auto opened = open_after_unseal(*snapshot);
  if (!opened) close_keys();
  return opened;
}

void Core::unseal_reset() {
  const Living living(*this);
  parts_.seal.reset();
}

Status Core::open_after_unseal(const store::Snapshot& snapshot) {
  parts_.seal.reset();  // shares and wrapping key are done with
  using P = barrier::Barrier::Purpose;
  SR_LET(const auto audit_key, parts_.barrier.purpose_key(P::audit_hmac));
  SR_LET(const auto hash, parts_.barrier.purpose_key(P::token_hash));
  SR_LET(const auto locator, parts_.barrier.purpose_key(P::token_locator));
  SR_LET(const auto accessor, parts_.barrier.purpose_key(P::accessor_locator));
  SR_TRY(parts_.log.unseal(*this, store_id_));
  SR_TRY(recover_outbox());
  if (!committer_)
    committer_ = std::make_unique<store::Committer>(parts_.store, parts_.barrier, *this, parts_.env.log,
                                                    settings_.commits);

  store::Txn txn(snapshot, parts_.barrier);
  SR_LET(const auto mark, txn.get(setting("time-mark")));
  if (mark && mark->size() == 8) {
    const auto stored = static_cast<std::int64_t>(get_be(view(*mark)));
    if (stored > time_mark_) time_mark_ = stored;
  }
  SR_LET(const auto block, txn.get(setting("token-block")));
  const std::uint64_t next = block && block->size() == 8 ? get_be(view(*block)) + 1 : 1;
  std::string text;
  put_u64(text, next);
  txn.put(setting("token-block"), SecretText(text));
  text.clear();
  put_u64(text, static_cast<std::uint64_t>(server_time().time_since_epoch().count()));
  txn.put(setting("time-mark"), SecretText(text));
  SR_LET(const auto name, txn.get(setting("cluster-name")));
  SR_LET(const auto id, txn.get(setting("cluster-id")));
  SR_LET(const auto accessors, txn.get(setting("fixed-accessors")));
  SR_TRY(commit_own(txn, "unseal", 0));
  SR_TRY(tokens_.open(hash, locator, accessor, next));
  {
    const std::lock_guard guard(keys_mutex_);
    audit_key_ = std::make_shared<const audit::Redactor>(audit_key);
    cluster_name_ = name ? view(*name) : std::string_view();
    cluster_id_ = id ? view(*id) : std::string_view();
    verifier_key_ = parts_.log.verifier_key();
    fixed_.clear();
    const auto hex = accessors ? std::string(view(*accessors)) : std::string(16, '0');
    for (const auto& [path, type, engine, clazz, accessor_hex, about] :
         {std::tuple{"sys/", "system", sys_, engine::Class::secret, hex.substr(0, 8),
                     "system endpoints used for control, policy and debugging"},
          std::tuple{"auth/token/", "token", token_engine_, engine::Class::auth, hex.substr(8),
                     "token based credentials"}}) {
      Mounted m;
      m.entry.path = m.view.path = path;
      m.entry.type = m.view.type = type;
      m.entry.accessor = m.view.accessor =
          (clazz == engine::Class::auth ? "auth_" : "") + std::string(type) + "_" + accessor_hex;
      m.entry.description = m.view.description = about;
      m.entry.uuid = m.view.uuid = cluster_id_;
      m.view.clazz = clazz;
      m.engine = engine;
      m.routes = engine->routes(m.view);
      fixed_.push_back(std::move(m));
    }
  }
  SR_TRY(check_foundations());
  sealed_.store(false, std::memory_order_release);
  if (!crypto::key_pages_locked())
    parts_.env.log.warn("keys are not locked in memory: raise the limit on locked memory (RLIMIT_MEMLOCK)");
  parts_.env.log.info("unsealed", {{"revision", std::to_string(committer_->newest())}});
  return {};
}

// Every mount and policy must open and parse before anybody is let in: a lost or damaged one is found here,
// not when it would have decided.
Status Core::check_foundations() {
  SR_LET(const auto snapshot, parts_.store.snapshot());
  store::Txn txn(*snapshot, parts_.barrier);
  SR_LET([[maybe_unused]] const auto routes, router(txn));
  SR_LET(const auto names, policies_.names(txn));
  for (const auto& n : names) {
    if (n == "root") continue;
    SR_LET(const auto entry, policies_.get(txn, n));
    if (!entry) return fail(Code::corrupt, "a policy is listed but missing", n);
    SR_LET([[maybe_unused]] const auto parsed, identity::parse_policy(n, entry->text));
  }
  return {};
}

void Core::close_keys() noexcept {
  sealed_.store(true, std::memory_order_release);
  tokens_.close();
  policies_.forget();
  {
    const std::lock_guard guard(askers_mutex_);
    askers_.clear();
  }
  {
    const std::lock_guard guard(router_mutex_);
    router_.reset();
    open_mounts_.clear();
  }
  {
    const std::lock_guard guard(keys_mutex_);
    audit_key_.reset();
  }
  parts_.log.seal();
  parts_.barrier.seal_keys();
  parts_.seal.reset();
}

Status Core::seal_now() {
  if (sealed() || sealing_.exchange(true)) return {};
  const Living living(*this);
  if (sealed()) {
    sealing_ = false;
    return {};
  }
  sealed_.store(true, std::memory_order_release);
  bool asked = false;
  {
    // What is in flight ends first, so that its record is written under a key. One of them asked for this.
    std::unique_lock lock(flights_mutex_);
    flights_done_.wait_for(lock, std::chrono::seconds(10), [&] { return keyed_flights_ <= 1; });
    asked = keyed_flights_ != 0;
  }
  if (asked) {
    closing_ = std::this_thread::get_id();  // the keys go when its own record is written
  } else {
    close_keys();
    sealing_ = false;
  }
  parts_.env.log.info("sealed", {});
  return {};
}

std::string Core::verifier_key() const {
  const std::lock_guard guard(keys_mutex_);
  return verifier_key_;
}

WallTime Core::server_time() const {
  // The mark follows in steps, so that the loops do not fight for it: a step back shows as one step at most.
  constexpr std::int64_t kStep = 10'000'000;
  const auto now = parts_.env.clock.now().time_since_epoch().count();
  auto mark = time_mark_.load(std::memory_order_relaxed);
  while (now - mark >= kStep && !time_mark_.compare_exchange_weak(mark, now, std::memory_order_relaxed)) {
  }
  return WallTime{Nanoseconds(std::max(now, mark))};
}

// ------------------------------------------------------------------ mounts

Result<std::shared_ptr<const Router>> Core::router(store::Txn& txn) {
  SR_LET(const auto epoch, txn.revision_of(mount_epoch_key()));
  {
    const std::lock_guard guard(router_mutex_);
    if (router_ && router_->epoch() == epoch.value_or(0)) return router_;
  }
  std::vector<Mounted> fixed;
  {
    const std::lock_guard guard(keys_mutex_);
    fixed = fixed_;
  }
  SR_LET(auto made, Router::load(txn, fixed, kinds_, settings_.default_lease_ttl, settings_.max_lease_ttl));
  const std::lock_guard guard(router_mutex_);
  for (const auto& [path, m] : made->all())
    if (m->entry.number >= store::kFirstMount && !open_mounts_.contains(m->entry.number)) {
      SR_TRY(parts_.barrier.open_mount(m->entry.number, m->entry.wrapped_keys));
      open_mounts_.insert(m->entry.number);
    }
  if (!router_ || router_->epoch() < made->epoch()) router_ = made;
  return made;
}

Status Core::enable(store::Txn& txn, MountEntry entry) {
  auto& random = parts_.env.random;
  SR_LET(const auto stored, txn.get(setting("mount-number")));
  entry.number = stored && stored->size() == 8 ? static_cast<std::uint32_t>(get_be(view(*stored))) + 1
                                               : store::kFirstMount;
  std::string text;
  put_u64(text, entry.number);
  txn.put(setting("mount-number"), SecretText(text));
  entry.accessor = entry.type + "_" + hex8(random);
  entry.uuid = uuid(random);
  SR_LET(entry.wrapped_keys, parts_.barrier.new_mount_keys(entry.number));
  return change(txn, entry);
}

Status Core::change(store::Txn& txn, const MountEntry& entry) {
  txn.put(mount_key(entry.number), pack(entry));
  txn.put(mount_epoch_key(), SecretText("m"));
  return {};
}

Status Core::disable(store::Txn& txn, const Mounted& mounted) {
  auto entry = mounted.entry;
  entry.deleting = true;
  return change(txn, entry);
}

// ------------------------------------------------------------------ housekeeping

void Core::tick() {
  if (sealed()) return;
  constexpr std::size_t kBatch = 1000;
  const auto once = [&](auto&& work) {
    auto snapshot = parts_.store.snapshot();
    if (!snapshot) return false;
    store::Txn txn(**snapshot, parts_.barrier);
    const auto result = work(txn);
    if (!result && result.error().code != Code::conflict && result.error().code != Code::sealed)
      parts_.env.log.warn("housekeeping failed", {{"code", std::string(name(result.error().code))},
                                                  {"detail", result.error().detail}});
    return result && *result;
  };
  using Swept = identity::Tokens::Swept;
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    std::vector<std::uint64_t> expired;
    SR_LET(const auto swept, tokens_.expire(txn, server_time(), kBatch, expired));
    if (txn.dirty()) SR_TRY(commit_own(txn, "expire", expired.size()));
    return swept == Swept::more;
  })) {
  }
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    SR_LET(const auto swept, tokens_.sweep(txn, kBatch));
    if (txn.dirty()) SR_TRY(commit_own(txn, "sweep", 0));
    return swept == Swept::more;
  })) {
  }
  // Unmounted ranges: records, then directory chunks, then the entry with its keys. A crash goes on here.
  while (!sealed() && once([&](store::Txn& txn) -> Result<bool> {
    std::optional<std::uint32_t> gone;
    const auto table = store::table_key(store::Table::mount);
    Status bad;
    SR_TRY(txn.scan(table, store::after_prefix(table), [&](std::string_view key, const SecretText& value) {
      const auto number = static_cast<std::uint32_t>(get_be(key.substr(4)));
      auto entry = unpack_mount(number, view(value));
      if (!entry) {
        bad = std::unexpected(std::move(entry).error());
        return false;
      }
      if (entry->deleting) gone = number;
      return !gone;
    }));
    if (!bad) return std::unexpected(std::move(bad).error());
    if (!gone) return false;
    std::size_t left = kBatch;
    for (const auto& prefix :
         {store::table_key(*gone), store::table_key(store::Table::directory) + store::table_key(*gone)}) {
      std::vector<std::string> keys;
      SR_TRY(txn.scan_keys(prefix, store::after_prefix(prefix), [&](std::string_view key) {
        keys.emplace_back(key);
        return keys.size() < left;
      }));
      left -= keys.size();
      for (auto& k : keys) txn.erase(std::move(k));
      if (left == 0) break;
    }
    if (left != 0) txn.erase(mount_key(*gone));
    SR_TRY(commit_own(txn, "erase-unmounted", kBatch - left));
    if (left != 0) {
      const std::lock_guard guard(router_mutex_);
      open_mounts_.erase(*gone);
      parts_.barrier.close_mount(*gone);
    }
    return true;
  })) {
  }
}

// ------------------------------------------------------------------ for operators

Result<std::shared_ptr<const identity::Acl>> Core::acl_of(store::Txn& txn,
                                                          const std::vector<std::string>& policies) {
  return policies_.acl(txn, policies, server_time());
}

Result<Records::StoreReport> Core::verify_store() {
  SR_LET(const auto snapshot, parts_.store.snapshot());
  StoreReport report;
  report.revision = snapshot->revision();
  SR_TRY(parts_.barrier.verify(*snapshot, report.findings));
  report.verified = report.findings.empty();
  return report;
}

Result<std::vector<SecretText>> Core::audit_lines(std::uint64_t after, std::size_t most) {
  if (!audit_files_.lines) return fail(Code::unsupported, "this server does not offer it");
  return audit_files_.lines(after, most);
}

Result<std::uint64_t> Core::archive_audit(std::uint64_t before, std::string_view destination) {
  if (!audit_files_.archive) return fail(Code::unsupported, "this server does not offer it");
  return audit_files_.archive(before, destination);
}

std::string Core::checkpoint() const { return parts_.log.newest_checkpoint().text; }

}  // namespace strongroom::core
