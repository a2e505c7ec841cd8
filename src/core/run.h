// Core::Run: one pass of a request through the pipeline, on one snapshot: route, token, policy, handler,
// record. Private to core.cc. One thread; dies with the pass.
#pragma once
#include <fmt/format.h>

#include "base/time.h"
#include "core/core.h"
#include "core/redaction.h"
#include "core/storage.h"
#include "core/texts.h"
#include "engine/help.h"

namespace strongroom::core {

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

inline identity::Operation acl_operation(engine::Operation op) {
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
    case engine::Operation::scan:
      return identity::Operation::scan;
    case engine::Operation::help:
      return identity::Operation::help;
  }
  return identity::Operation::read;
}
inline engine::Operation plain_operation(engine::Verb v) {
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
    case engine::Verb::scan:
      return engine::Operation::scan;
  }
  return engine::Operation::read;
}

struct Core::Asker {
  std::shared_ptr<const identity::TokenRecord> record;
  audit::Actor actor;
};

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
      if (run_.too_long_for_a_loop()) return;
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

  // Hashing a large answer for the record would keep the loop's other clients waiting. Only what is read can
  // simply be read again.
  bool too_long_for_a_loop() const noexcept {
    constexpr std::size_t kShort = 64 * 1024;
    return where_ == Where::loop && r_.call.verb != engine::Verb::write &&
           r_.call.verb != engine::Verb::patch && r_.call.verb != engine::Verb::erase &&
           out_.reply.data.size() > kShort;
  }

  void base_record() {
    auto& record = out_.record.emplace();
    record.time = r_.time;
    record.request_id = r_.call.id;
    record.operation = engine::name(plain_operation(r_.call.verb));
    record.path = r_.call.path.text();
    record.remote_address = r_.peer.address;
    record.remote_port = r_.peer.port;
    if (r_.call.wrap_ttl.count() > 0) record.wrap_ttl = std::chrono::ceil<Seconds>(r_.call.wrap_ttl).count();
    const std::lock_guard guard(core_.keys_mutex_);
    audit_key_ = core_.audit_key_;
  }

  Status serve() {
    const auto path = r_.call.path.text();
    if (path.starts_with("sys/") && !r_.call.help) {
      auto early = match(core_.sys_->routes({}), r_.call.verb, path.substr(4), input_);
      if (early.route != nullptr && ((early.route->flags & engine::sealed_ok) != 0 || opened(*early.route)))
        return lifecycle_route(*early.route);
      input_.path.clear();
      const bool listing = r_.call.verb == engine::Verb::list || r_.call.verb == engine::Verb::scan;
      if (early.route == nullptr && is_lifecycle(path.substr(4, path.size() - 4 - (listing ? 1 : 0))))
        return fail(Code::unsupported, "");
      if (core_.sealed() && path == "sys/seal" && r_.call.verb == engine::Verb::write) {
        out_.record.reset();
        return {};  // it is
      }
    }
    if (core_.sealed()) {
      out_.record.reset();  // a flood of these tells nothing
      return fail(Code::sealed, kSealed);
    }
    if (!core_.healthy()) {
      // Whether the last commit is there will be known after a restart: until then even a read could be
      // wrong.
      out_.record.reset();
      return fail(
          Code::unavailable,
          "the outcome of a commit is unknown and the store could not be reopened: restart the server");
    }
    if (!r_.call.namespace_path.empty() && r_.call.namespace_path != "root" &&
        r_.call.namespace_path != "root/")
      return fail(Code::not_found, "namespace not found");
    if (r_.call.help) return help(path);
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

    SR_TRY(find_mount(path));
    engine::Match found;
    if (mounted_ != nullptr) {
      out_.reply.mount_type = mounted_->view.type;
      found = match(mounted_->routes, r_.call.verb, inside_, input_);
    }
    if (found.route != nullptr && (found.route->flags & engine::shut) != 0 && r_.gate != Request::Gate::open)
      return fail(Code::unsupported, "unsupported operation");
    is_open_ = found.route != nullptr && needs_no_token(*found.route);
    if (auto known = identify(); !known && !is_open_) return known;
    if (found.route == nullptr) {
      out_.record->request = redacted(nullptr);
      SR_TRY(authorise(plain_operation(r_.call.verb), identity::Sudo::not_needed));
      if (mounted_ == nullptr) return no_route(path);
      if (found.path_known) return fail(Code::unsupported, engine::kUnsupportedOperation);
      return fail(Code::not_found, engine::kUnsupportedPath);
    }
    return dispatch(*found.route);
  }

  // Answered like health where the listener says so: without a token, in every state, without a record.
  bool opened(const engine::Route& route) const {
    return r_.gate == Request::Gate::open && (route.flags & engine::by_listener) != 0;
  }

  // The mount of the path, if there is one, and what the record says of it.
  Status find_mount(std::string_view path) {
    SR_LET(router_, core_.router(txn_));
    record_headers();
    mounted_ = router_->find(path);
    if (mounted_ == nullptr && !path.ends_with('/')) mounted_ = router_->exact(std::string(path) + "/");
    if (mounted_ == nullptr) return {};
    if (path.size() > mounted_->entry.path.size()) inside_ = path.substr(mounted_->entry.path.size());
    out_.record->mount = {mounted_->entry.path, mounted_->view.type, mounted_->view.accessor,
                          mounted_->view.clazz == engine::Class::auth ? "auth" : "secret"};
    return {};
  }
  static std::unexpected<Error> no_route(std::string_view path) {
    return fail(Code::not_found, fmt::format("no handler for route \"{}\". route entry not found.", path));
  }

  // Any token may ask what a path is; open paths need none. Only a token learns which mounts there are.
  Status help(std::string_view path) {
    if (auto room = core_.parts_.log.admission(); !room) {
      out_.record.reset();
      return room;
    }
    out_.record->operation = engine::name(engine::Operation::help);
    SR_TRY(find_mount(path));
    bool open = false;
    if (mounted_ != nullptr) {
      for (const auto& r : mounted_->routes)
        open |= (r.flags & engine::open) != 0 && engine::serves(r, inside_);
    }
    if (auto known = identify(); !known && !open) return known;
    if (asker_) SR_TRY(authorise(engine::Operation::help, identity::Sudo::not_needed));
    if (mounted_ == nullptr) return no_route(path);
    auto page = engine::help_page(*mounted_->engine, mounted_->view, mounted_->routes, inside_,
                                  core_.settings_.version);
    if (!page) return fail(Code::not_found, engine::kUnsupportedPath);
    out_.reply.data = *std::move(page);
    out_.reply.has_data = true;
    out_.reply.aside.frame = engine::Frame::raw;
    return {};
  }

  // Those that operators asked for, as name -> list.
  void record_headers() {
    if (r_.headers == nullptr || !audit_key_ || router_->audited_headers().empty()) return;
    auto& headers = out_.record->headers;
    audit::tree::Writer tree(headers);
    for (const auto& h : router_->audited_headers()) {
      const auto values = r_.headers->all(h.name);
      if (values.empty()) continue;
      if (headers.empty()) tree.begin_map();
      tree.key(h.name);
      tree.begin_array();
      for (const auto v : values)
        if (h.hashed || always_hashed(h.name) || !valid_utf8(v))
          tree.mac(audit_key_->mac(v));
        else
          tree.text(v);
      tree.end_array();
    }
    if (!headers.empty()) tree.end_map();
  }

  static bool needs_no_token(const engine::Route& route) {
    return (route.flags & (engine::open | engine::shut)) != 0;
  }
  static bool is_lifecycle(std::string_view path) {
    for (const std::string_view p :
         {"init", "unseal", "seal", "seal-status", "health", "leader", "step-down"})
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
    if ((route.flags & engine::unlogged) != 0 || opened(route)) {
      out_.record.reset();
      core_.floods_.health_asked();
    }
    if (route.blocking && where_ == Where::loop) return fail(Code::needs_worker, "");
    out_.reply.mount_type = "system";
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
    const bool sealed = core_.sealed();
    SR_LET([[maybe_unused]] const auto gave, route.invoke(route.owner(*core_.sys_), waiting, input_, render));
    changed_nothing_ = r_.call.path.text() == "sys/unseal" && core_.sealed() == sealed;
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
    auto presented = view(r_.credential.token);
    if (presented.empty()) return fail(Code::unauthenticated, kDenied);
    // Who has nothing but a wrapping token in a JWT unwraps it with that.
    Secret inner;
    if (Wrapping::is_jwt(presented) && r_.call.path.text().starts_with("sys/wrapping/")) {
      if (auto opened = core_.wrapping_.out_of_jwt(txn_, presented, core_.server_time())) {
        inner = *std::move(opened);
        presented = inner.reveal_text(Reveal::to_cipher);
      }
    }
    SR_LET(auto record, core_.tokens_.find(txn_, presented, core_.server_time()));
    if (!record) {
      if (audit_key_) out_.record->presented_token = audit_key_->mac(presented);
      return fail(Code::unauthenticated, kDenied);
    }
    if (!record->admits(r_.peer.address)) {
      // Nothing of it is used up: somebody else may be trying it.
      out_.record->actor = core_.asker(record, presented)->actor;
      out_.record->actor->verdict = audit::Actor::Verdict::refused;
      out_.record->presented_token = out_.record->actor->client_token;
      return fail(Code::unauthenticated, kDenied);
    }
    asker_ = core_.asker(record, presented);
    out_.record->actor = asker_->actor;
    out_.record->actor->verdict = audit::Actor::Verdict::refused;
    out_.record->presented_token = asker_->actor.client_token;
    SR_LET(acl_, core_.policies_.acl(txn_, record->policies, core_.server_time()));
    return {};
  }

  // `flags` of the route: which other spellings of the path are the same to its handler.
  Status authorise(engine::Operation op, identity::Sudo sudo, unsigned flags = 0) {
    if (!asker_) return fail(Code::unauthenticated, kDenied);
    identity::Check check;
    check.operation = acl_operation(op);
    check.path = r_.call.path.text();
    check.parameters = {input_.body, input_.query};
    check.sudo = sudo;
    if (r_.call.wrap_ttl.count() > 0) check.wrap_ttl = r_.call.wrap_ttl;
    decision_ = acl_->decide(check);
    // Unless a rule is for this very path, the rule for the other spelling decides, too.
    if ((flags & engine::slashes) != 0 && decision_.allowed && decision_.rule != nullptr &&
        decision_.rule->pattern != check.path) {
      const bool slash = check.path.ends_with('/');
      other_path_ =
          slash ? std::string(check.path.substr(0, check.path.size() - 1)) : std::string(check.path) + "/";
      check.path = other_path_;
      auto other = acl_->decide(check);
      const bool counts = other.rule != nullptr && (slash || other.rule->pattern == other_path_);
      if (counts && !other.allowed) decision_ = other;
      check.path = r_.call.path.text();
    }
    if (decision_.allowed && (flags & engine::folds) != 0) {
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
    // It may take its time, and wait for commits: neither loop nor committer can.
    if (route.blocking && where_ != Where::worker) return fail(Code::needs_worker, "");
    out_.record->request = redacted(route.in);
    caller_.root = acl_ && acl_->is_root();
    if (asker_) {
      caller_.kind = asker_->record->batch ? engine::Caller::Kind::batch : engine::Caller::Kind::service;
      caller_.token = asker_->record->number;
      caller_.display_name = asker_->record->display_name;
      caller_.policies = asker_->record->policies;
    }
    MountStorage storage(txn_, core_.parts_.barrier, mounted_->entry.number);
    engine::Prompt prompt{
        storage,
        txn_,
        mounted_->view,
        caller_,
        core_.server_time(),
        core_.parts_.env.random,
        out_.reply.aside,
        plain_operation(r_.call.verb),
        inside_,
        view(r_.credential.token),
        r_.peer.address,
        r_.call.wrap_ttl,
        {&core_.parts_.env.clock, r_.arrived + r_.patience.value_or(core_.settings_.max_request_duration)}};
    if (r_.call.verb == engine::Verb::write) {
      if (route.exists != nullptr) {
        SR_LET(const bool there, route.exists(route.owner(*mounted_->engine), prompt, input_));
        if (!there) prompt.operation = engine::Operation::create;
      }
      out_.record->operation = engine::name(prompt.operation);
    }
    if (!needs_no_token(route)) {
      SR_TRY(
          authorise(prompt.operation,
                    (route.flags & engine::sudo) != 0 ? identity::Sudo::needed : identity::Sudo::not_needed,
                    route.flags));
      caller_.sudo = decision_.root || decision_.has_sudo;
    } else {
      if (!out_.record->actor) out_.record->actor.emplace();  // nobody, who may
      out_.record->actor->verdict = audit::Actor::Verdict::allowed;
    }
    if (r_.call.verb == engine::Verb::write && r_.call.path.ends_with_slash())
      return fail(Code::invalid_argument, "cannot write to a path ending in '/'");
    by_operator_ = (route.flags & engine::sudo) != 0;
    // What such a handler does is done when it returns, and could not be refused any more.
    if (reserve_only_ && route.blocking && !by_operator_) return fail(Code::no_space, kNoSpace);
    if ((route.flags & engine::acts) != 0) SR_TRY(prepare_to_act());
    Rendered render(*this);
    Result<engine::Route::Gave> gave = engine::Route::Gave::nothing;
    if (route.blocking) {
      engine::Blocking waiting(prompt);
      gave = route.invoke(route.owner(*mounted_->engine), waiting, input_, render);
    } else {
      gave = route.invoke(route.owner(*mounted_->engine), prompt, input_, render);
    }
    if (!gave) return std::unexpected(std::move(gave).error());
    if (too_long_for_a_loop()) return fail(Code::needs_worker, "");
    if (*gave == engine::Route::Gave::nothing &&
        (r_.call.verb == engine::Verb::read || r_.call.verb == engine::Verb::list ||
         r_.call.verb == engine::Verb::scan) &&
        out_.reply.aside.frame == engine::Frame::envelope && out_.reply.aside.warnings.empty())
      return fail(Code::not_found, "");
    warn_of_parameters(route, *gave);
    if (out_.reply.aside.frame == engine::Frame::missing) log_as_raw_body();
    SR_TRY(wrap_reply(route));
    auto& record = *out_.record;
    record.warnings = out_.reply.aside.warnings;
    if (out_.reply.aside.lease_duration.count() != 0) record.lease = "";
    if (out_.reply.aside.auth && audit_key_) record.issued = issued(*out_.reply.aside.auth);
    if (out_.reply.aside.wrap && audit_key_) record.wrapped = wrapped(*out_.reply.aside.wrap);
    return {};
  }
  // What such a handler does is durable when it returns. So the token's use is spent before, in a commit of
  // its own, and nothing that is left for this transaction depends on what it has read: it cannot lose a race
  // and have the request run again.
  Status prepare_to_act() {
    if (spends_a_use()) {
      // In the committer: however many use this token, nobody is faster.
      const auto spend = [this](const store::Snapshot& newest) -> Result<store::Transaction> {
        store::Txn txn(newest, core_.parts_.barrier);
        SR_LET(const auto record,
               core_.tokens_.find_by_number(txn, asker_->record->number, core_.server_time()));
        if (!record) return fail(Code::unauthenticated, kDenied);
        SR_TRY(spend_use(txn, *record));
        return core_.own(txn, "spend-use", 1);
      };
      SR_LET([[maybe_unused]] const auto spent, core_.committer_->commit_inside(spend));
    }
    acting_ = true;
    return {};
  }
  bool spends_a_use() const noexcept { return asker_ && !is_open_ && asker_->record->num_uses > 0; }
  // What was sent and had no effect. Only an answer that has a body has a place for warnings.
  void warn_of_parameters(const engine::Route& route, engine::Route::Gave gave) {
    auto& aside = out_.reply.aside;
    const bool has_body = gave == engine::Route::Gave::data || aside.auth || !aside.warnings.empty();
    if (!has_body || aside.frame == engine::Frame::missing) return;
    if (const auto unknown = schema::unknown_names(route.in->fields(), input_); !unknown.empty())
      aside.warnings.push_back(
          fmt::format("Endpoint ignored these unrecognized parameters: [{}]", fmt::join(unknown, " ")));
    if (!input_.body.is_object() || takes_whole_body(route)) return;
    std::vector<std::string_view> replaced;
    for (const auto& [name, value] : input_.path)
      if (input_.body.find(name)) replaced.push_back(name);
    if (!replaced.empty())
      aside.warnings.push_back(
          fmt::format("Endpoint replaced the value of these parameters with the values captured from the "
                      "endpoint's path: [{}]",
                      fmt::join(replaced, " ")));
  }
  static bool takes_whole_body(const engine::Route& route) {
    return std::ranges::any_of(route.in->fields(),
                               [](const auto& f) { return (f.flags & schema::whole_body) != 0; });
  }
  // Puts the reply into a cubbyhole and leaves the token of that in its place. Not what is empty, and not
  // what is no envelope.
  Status wrap_reply(const engine::Route& route) {
    auto& reply = out_.reply;
    auto& aside = reply.aside;
    if (r_.call.wrap_ttl.count() <= 0 || r_.envelope == nullptr || aside.wrap) return {};
    if (aside.frame == engine::Frame::bare || aside.frame == engine::Frame::raw ||
        aside.frame == engine::Frame::empty_missing)
      return {};
    if (!reply.has_data && !aside.auth && aside.warnings.empty()) return {};
    // Of strangers nothing is kept in the store, and what open paths tell everybody need not be hidden.
    if (!asker_ && !aside.auth) return {};
    identity::WrappedReply kept;
    kept.creation_path = r_.call.path.text();
    kept.creation_ttl = std::chrono::ceil<Seconds>(r_.call.wrap_ttl);
    kept.unrecorded = route.out->kind == schema::Kind::record &&
                      std::ranges::any_of(route.out->fields(), [](const schema::Field& f) {
                        return (f.flags & schema::unrecorded) != 0;
                      });
    kept.envelope = r_.envelope(r_, reply);
    SR_LET(auto wrapped,
           core_.wrapping_.wrap(
               txn_, std::move(kept), caller_.known() ? std::string(caller_.display_name) : std::string(),
               core_.server_time(), r_.call.wrap_as_jwt ? Wrapping::Form::jwt : Wrapping::Form::plain,
               aside.auth ? aside.auth->accessor : std::string()));
    aside = {};
    aside.wrap = std::move(wrapped);
    reply.data.clear();
    reply.has_data = false;
    out_.record->response.clear();
    return {};
  }
  audit::Actor issued(const engine::Issued& a) const {
    audit::Actor actor;
    actor.client_token = audit_key_->mac(a.client_token.reveal_text(Reveal::to_cipher));
    if (!a.accessor.empty()) actor.accessor = audit_key_->mac(a.accessor);
    actor.display_name = a.display_name;
    actor.policies = a.policies;
    actor.token_policies = a.token_policies;
    actor.token_type = a.token_type;
    actor.token_ttl = a.lease_duration.count();
    actor.remaining_uses = a.num_uses;
    for (const auto& [k, v] : a.metadata) actor.metadata.emplace_back(k, v);
    return actor;
  }

  audit::Wrapped wrapped(const engine::Wrapped& w) const {
    audit::Wrapped out;
    out.token = audit_key_->mac(w.token.reveal_text(Reveal::to_cipher));
    out.accessor = audit_key_->mac(w.accessor);
    out.ttl = w.ttl.count();
    out.creation_time = rfc3339(w.creation_time);
    out.creation_path = w.creation_path;
    if (!w.wrapped_accessor.empty()) out.wrapped_accessor = audit_key_->mac(w.wrapped_accessor);
    return out;
  }

  void refuse(Error error) {
    txn_.drop_writes();
    out_.reply.data.clear();
    out_.reply.has_data = false;
    // A token that a failed request made is gone with its writes; one that needs none must not leave.
    out_.reply.aside.auth.reset();
    out_.reply.aside.wrap.reset();
    out_.reply.aside.text.clear();
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
      out_.record->wrapped.reset();
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
      return error.message.empty() ? std::string() : engine::kUnsupportedPath;
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
    if (out_.record && !asker_ && !txn_.dirty() &&
        (out_.reply.error || out_.reply.aside.for_anybody || changed_nothing_)) {
      const auto kind = out_.reply.error ? Floods::Kind::refused : Floods::Kind::answered;
      if (core_.floods_.one(kind, r_.peer.address, core_.parts_.env.clock.ticks()) == Floods::Gets::count)
        out_.record.reset();
    }
    if (spends_a_use() && !acting_) spend_use();
    if (txn_.dirty()) out_.txn = txn_.take();
    if (out_.txn && acting_) out_.txn->reads.clear();
    constexpr std::size_t kSurelyFits = 16 * 1024;
    if (out_.record && audit_key_ &&
        out_.record->request.size() + out_.record->response.size() + out_.record->headers.size() >
            kSurelyFits)
      audit_key_->bound(*out_.record);
  }
  void spend_use() {
    // As the handler left it: it may have renewed or revoked this very token.
    auto now = core_.tokens_.reload(txn_, asker_->record->number);
    if (!now) return refuse(std::move(now).error());
    if (!*now) return;
    if (auto spent = spend_use(txn_, **now); !spent) refuse(std::move(spent).error());
  }
  Status spend_use(store::Txn& txn, identity::TokenRecord record) {
    if (record.num_uses <= 1) {
      SR_TRY(core_.tokens_.revoke(txn, record));
      out_.record->actor->remaining_uses = -1;
      return {};
    }
    --record.num_uses;
    out_.record->actor->remaining_uses = record.num_uses;
    core_.tokens_.save(txn, record);
    return {};
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
  std::string page_limit_, folded_path_, other_path_;
  bool acting_ = false;           // the handler does what cannot be undone, and may
  bool is_open_ = false;          // the route needs no token; one that was sent spends no use
  bool changed_nothing_ = false;  // a key share that did not unseal
  bool reserve_only_ = false;     // the disk is nearly full
  bool by_operator_ = false;      // the route asks for sudo, and the caller has it
};

}  // namespace strongroom::core
