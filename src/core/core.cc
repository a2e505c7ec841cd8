#include "core/core.h"

#include <fmt/format.h>

#include <future>

#include "core/run.h"

namespace strongroom::core {
namespace {

constexpr unsigned kMostAttempts = 8;
constexpr std::size_t kWorkerBody = 1u << 20;
constexpr std::size_t kWorkerValues = 4096;  // about 4 ms
constexpr std::size_t kMostAskers = 8192;

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

}  // namespace

struct Core::Flight {
  std::unique_ptr<Request> request;
  Done done;
  Outcome outcome;
  // Whether it may need keys until its record is written: sealing waits for these.
  enum class Needs : std::uint8_t { nothing, keys } needs = Needs::nothing;
  MonoTime handed_over{};  // to the committer or the log

  // For in_flight(), by Core::flights_mutex_. A copy: the request belongs to one thread at a time.
  Flight* before = nullptr;
  Flight* after = nullptr;
  struct Shown {
    std::array<std::byte, 16> id{};
    WallTime started{};
    engine::Verb verb = engine::Verb::read;
    std::uint16_t port = 0;
    std::uint8_t address_size = 0, path_size = 0;
    std::array<char, 46> address;
    std::array<char, 128> path;
  } shown;
  void show() noexcept {
    const auto& r = *request;
    shown.id = r.call.id;
    shown.started = r.time;
    shown.verb = r.call.verb;
    shown.port = r.peer.port;
    const auto path = r.call.path.text();
    auto size = path.copy(shown.path.data(), shown.path.size());
    const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    while (size < path.size() && size > 0 && !begins(path[size])) --size;  // no half characters
    shown.path_size = static_cast<std::uint8_t>(size);
    shown.address_size =
        static_cast<std::uint8_t>(r.peer.address.copy(shown.address.data(), shown.address.size()));
  }
};

// ------------------------------------------------------------------ serving

Core::Core(Parts parts, Settings settings)
    : parts_(parts),
      settings_(std::move(settings)),
      wrapping_(tokens_, cubbyholes_, parts.env.random),
      ceremonies_({parts.env, parts.barrier, parts.seal, tokens_, *this, parts.recovery}),
      floods_(settings_.refusals) {}
Core::~Core() {
  committer_.reset();
  // The log borrows the keys from here until it is sealed.
  if (!sealed()) close_keys();
}

void Core::install(const Fixed& fixed, Router::Engines kinds) {
  sys_ = &fixed.sys;
  token_engine_ = &fixed.token;
  cubbyhole_engine_ = &fixed.cubbyhole;
  kinds_ = std::move(kinds);
  std::vector<std::string> types;
  for (const auto* fixed_engine : {sys_, token_engine_, cubbyhole_engine_})
    types.emplace_back(fixed_engine->type());
  for (const auto& [type, engine] : kinds_) types.push_back(type);
  meters_.know(std::move(types));
}

const store::Snapshot* Core::Turn::snapshot() {
  if (!snapshot_ && !core_.sealed())
    if (auto s = core_.parts_.store.snapshot()) snapshot_ = *std::move(s);
  return snapshot_.get();
}

void Core::Turn::serve(std::unique_ptr<Request> request, Done done) {
  auto flight = std::make_unique<Flight>();
  flight->request = std::move(request);
  if (flight->request->arrived == MonoTime{}) flight->request->arrived = core_.parts_.env.clock.ticks();
  flight->done = std::move(done);
  flight->show();
  {
    const std::lock_guard guard(core_.flights_mutex_);
    if (!core_.draining_) {
      ++core_.flights_;
      flight->after = core_.first_;
      if (core_.first_ != nullptr) core_.first_->before = flight.get();
      core_.first_ = flight.get();
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
  const auto& call = flight->request->call;
  if (call.body.size() > kWorkerBody || (call.json && call.json->size() > kWorkerValues) ||
      !core_.parts_.store.traits().local_reads)
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
  flight->handed_over = parts_.env.clock.ticks();
  auto* raw = flight.release();
  store::Committer::Answer settle = [this, raw](Result<store::Committed> c) {
    std::unique_ptr<Flight> f(raw);
    if (c) {
      meters_.commit_wait.observe(
          static_cast<std::uint64_t>((parts_.env.clock.ticks() - f->handed_over).count()));
      return answer(std::move(f));
    }
    if (c.error().code == Code::conflict) return rerun(std::move(f));
    commit_failed(std::move(f), c.error());
  };
  if (turn != nullptr)
    turn->ready_.push_back({std::move(txn), std::move(settle)});
  else
    committer_->submit(std::move(txn), std::move(settle));
}

// The request that sealed the server: its record is the last one under a key. On a worker.
void Core::close_then_answer(std::unique_ptr<Flight> flight) {
  auto& o = flight->outcome;
  if (o.txn) {  // a use of its token
    o.txn->record = audit::encode(*o.record);
    const auto done = committer_->commit(std::move(*o.txn));
    if (done || done.error().code == Code::outcome_unknown) o.record.reset();  // it went with it, or may have
  }
  if (o.record) {
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
  meters_.conflicts.add();
  if (++flight->request->attempt < kMostAttempts) return serve_on_worker(std::move(flight));
  auto* raw = flight.release();
  committer_->submit_inside(
      [this, raw](const store::Snapshot& newest) -> Result<store::Transaction> {
        raw->outcome = run(*raw->request, &newest, Where::committer);
        auto& o = raw->outcome;
        if (o.reply.error && o.reply.error->code == Code::needs_worker) return fail(Code::conflict, "");
        if (!o.record) return fail(Code::unavailable, "try again");
        store::Transaction t = o.txn ? std::move(*o.txn) : store::Transaction{};
        o.txn.reset();
        t.record = audit::encode(*o.record);
        return t;
      },
      [this, raw](Result<store::Committed> c) {
        std::unique_ptr<Flight> f(raw);
        if (c) return answer(std::move(f));
        commit_failed(std::move(f), c.error());
      });
}

void Core::commit_failed(std::unique_ptr<Flight> flight, const Error& why) {
  meters_.commit_failures.add();
  auto& o = flight->outcome;
  o.reply = {};
  o.reply.error = lost(why);
  if (!o.record) return answer(std::move(flight));
  o.record->outcome = name(why.code);
  o.record->error = o.reply.error->message;
  // Of an unknown outcome nothing is claimed: if it is there, recovery writes its record.
  if (why.code != Code::outcome_unknown) o.record->mark = audit::Mark::not_applied;
  log_then_answer(std::move(flight));
}

void Core::log_then_answer(std::unique_ptr<Flight> flight) {
  auto record = std::move(*flight->outcome.record);
  flight->handed_over = parts_.env.clock.ticks();
  record.response_time = flight->handed_over - flight->request->arrived;
  auto* raw = flight.release();
  parts_.log.append(std::move(record), [this, raw](Status durable) {
    std::unique_ptr<Flight> f(raw);
    if (durable) {
      meters_.audit_wait.observe(
          static_cast<std::uint64_t>((parts_.env.clock.ticks() - f->handed_over).count()));
    } else {
      meters_.audit_failures.add();
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
  if (const auto& reply = flight->outcome.reply; reply.aside.feed && !reply.error)
    watch(reply.aside.feed, flight->request->credential);
  meters_.answered(*flight->request, flight->outcome.reply,
                   parts_.env.clock.ticks() - flight->request->arrived);
  flight->done(std::move(flight->request), std::move(flight->outcome.reply));
  const auto needs = flight->needs;
  // What may refer to others ends before drain() can: the rest of the flight is its own.
  flight->done = nullptr;
  flight->outcome = {};
  const std::lock_guard guard(flights_mutex_);
  (flight->before != nullptr ? flight->before->after : first_) = flight->after;
  if (flight->after != nullptr) flight->after->before = flight->before;
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

void Core::watch(const std::shared_ptr<Feed>& feed, const Credential& credential) {
  const std::lock_guard guard(watched_mutex_);
  watched_.push_back({feed, credential.token});
}

void Core::end_feeds() {
  const std::lock_guard guard(watched_mutex_);
  std::erase_if(watched_, [&](const Watched& w) {
    const auto feed = w.feed.lock();
    if (!feed) return true;
    if (knows(view(w.token))) return false;
    feed->end();
    return true;
  });
}

void Core::drain() {
  std::unique_lock lock(flights_mutex_);
  draining_ = true;
  flights_done_.wait(lock, [&] { return flights_ == 0; });
}

bool Core::healthy() const noexcept { return !committer_ || committer_->healthy(); }

std::shared_ptr<const Core::Asker> Core::asker(std::shared_ptr<const identity::TokenRecord> record,
                                               std::string_view presented) {
  if (!record->batch) {
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
    if (!record->batch) a.accessor = key->mac(tokens_.accessor_of(record->number));
  }
  a.display_name = record->display_name;
  a.policies = record->policies;
  a.token_policies = record->policies;
  a.token_type = record->batch ? "batch" : "service";
  a.issue_time = rfc3339(std::chrono::floor<Seconds>(record->created));
  a.token_ttl = record->creation_ttl.count();
  a.remaining_uses = record->num_uses;
  for (const auto& [k, v] : record->meta) a.metadata.emplace_back(k, v);
  if (record->batch) return made;  // it has no number to be found by
  const std::lock_guard guard(askers_mutex_);
  if (askers_.size() >= kMostAskers) askers_.clear();
  askers_[record->number] = made;
  return made;
}

// ------------------------------------------------------------------ the log and the outbox

void Core::committed(std::span<const store::Draft> drafts) noexcept {
  static const std::string cross_origin = cross_origin_key();
  static const std::string tokens = store::table_key(store::Table::token);
  meters_.committed(drafts.size());
  bool devices_changed = false;
  for (const auto& d : drafts) {
    for (const auto& p : d.puts) {
      if (p.key == cross_origin) std::ignore = publish_cross_origin(p.value);
      devices_changed |= p.key == audit_devices_key_;
      if (!p.value && p.key.starts_with(tokens)) meters_.tokens_removed.add();
    }
    if (d.record.empty()) continue;
    auto record = audit::decode(d.record);
    if (!record) continue;  // it stays in the outbox and is found at the next start
    record->revision = d.revision;
    if (record->time != WallTime{})
      record->response_time = std::max(Nanoseconds{}, parts_.env.clock.now() - record->time);
    parts_.log.append(*std::move(record), [](Status) {});
  }
  erase_outbox();
  if (devices_changed) apply_audit_devices_soon();
}

void Core::apply_audit_devices_soon() noexcept {
  audit_devices_due_ = true;
  {
    const std::lock_guard guard(flights_mutex_);
    if (draining_) return;
    ++flights_;  // drain() waits for it
  }
  const auto landed = [this] {
    const std::lock_guard guard(flights_mutex_);
    if (--flights_ == 0) flights_done_.notify_all();
  };
  const auto accepted = parts_.env.workers.submit(Lane::interactive, [this, landed] {
    apply_audit_devices();
    landed();
  });
  if (!accepted) landed();
}

void Core::apply_audit_devices() {
  // Who comes while another is at it leaves it due.
  const std::unique_lock lock(audit_devices_mutex_, std::try_to_lock);
  if (!lock || sealed()) return;
  if (!audit_devices_due_.exchange(false)) return;
  const auto snapshot = parts_.store.snapshot();
  if (!snapshot) return audit_devices_due_.store(true);
  store::Txn txn(**snapshot, parts_.barrier);
  const auto devices = core::audit_devices(txn);
  if (!devices || audit_devices_->apply(*devices) != AuditDevices::Applied::all) audit_devices_due_ = true;
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
                "the store is older than its audit log: it was rolled back or replaced; put back store and "
                "log of one "
                "backup together",
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
                "the audit log is older than its store: it was rolled back, cut or replaced; put back store "
                "and log of "
                "one backup together",
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

Result<std::unique_ptr<store::Snapshot>> Core::newest_state() {
  if (sealed()) return fail(Code::sealed, kSealed);
  return parts_.store.snapshot();
}

Status Core::commit_event(store::Txn& txn, std::string event, std::uint64_t count) {
  return commit_own(txn, std::move(event), count);
}

store::Transaction Core::own(store::Txn& txn, std::string event, std::uint64_t count) const {
  audit::Record record;
  record.what = audit::What::server;
  record.time = server_time();
  record.operation = std::move(event);
  record.count = count;
  auto t = txn.take();
  t.record = audit::encode(record);
  return t;
}

Status Core::commit_own(store::Txn& txn, std::string event, std::uint64_t count) {
  SR_LET([[maybe_unused]] const auto done, committer_->commit(own(txn, std::move(event), count)));
  return {};
}

Result<Secret> Core::segment_key(std::uint64_t segment) const {
  return parts_.barrier.audit_segment_key(segment);
}
Result<Secret> Core::signing_key() const {
  return parts_.barrier.purpose_key(barrier::Barrier::Purpose::checkpoint_signing);
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

std::vector<Traffic::InFlight> Core::in_flight() const {
  std::vector<InFlight> out;
  const std::lock_guard guard(flights_mutex_);
  out.reserve(flights_);
  for (const auto* f = first_; f != nullptr; f = f->after) {
    const auto& s = f->shown;
    out.push_back({s.id, s.started, s.verb, std::string(s.address.data(), s.address_size), s.port,
                   std::string(s.path.data(), s.path_size)});
  }
  return out;
}

void Core::describe(metrics::Registry& all) const {
  using metrics::Kind;
  const auto cluster = [this](double value) {
    return [this, value] {
      const auto state = seal_state();
      return std::vector<metrics::Sample>{{{{"cluster", state.cluster_name}}, state.sealed ? 0 : value}};
    };
  };
  all.number(Kind::gauge, "strongroom_unsealed", "1 when the server is unsealed, else 0.",
             [this] { return sealed() ? 0.0 : 1.0; });
  all.number(Kind::gauge, "strongroom_initialized", "1 when the store is initialised, else 0.",
             [this] { return seal_state().initialised ? 1.0 : 0.0; });
  all.number(Kind::gauge, "strongroom_store_revision",
             "Newest durable revision of the store; 0 while it cannot be read.", [this] {
               const auto snapshot = parts_.store.snapshot();
               return snapshot ? static_cast<double>((*snapshot)->revision()) : 0.0;
             });
  all.number(Kind::gauge, "strongroom_requests_in_flight", "Requests that have not been answered yet.",
             [this] {
               const std::lock_guard guard(flights_mutex_);
               return static_cast<double>(flights_);
             });
  meters_.describe(all);
  parts_.log.describe(all);
  all.add({"vault_core_unsealed",
           "1 when the server is unsealed, else 0.",
           Kind::gauge,
           {"cluster"},
           "vault.core.unsealed",
           cluster(1)});
  all.add({"vault_core_active",
           "1 when the server is unsealed: there is one node.",
           Kind::gauge,
           {"cluster"},
           "vault.core.active",
           cluster(1)});
  all.number(
      Kind::gauge, "vault_core_in_flight_requests", "Requests that have not been answered yet.",
      [this] {
        const std::lock_guard guard(flights_mutex_);
        return static_cast<double>(flights_);
      },
      "vault.core.in_flight_requests");
}

std::shared_ptr<const CrossOrigin> Core::cross_origin() const {
  const std::lock_guard guard(cross_origin_mutex_);
  return cross_origin_;
}

Status Core::publish_cross_origin(const std::optional<SecretText>& stored) {
  std::shared_ptr<const CrossOrigin> now;
  if (stored) {
    SR_LET(auto read, unpack_cross_origin(view(*stored)));
    now = std::make_shared<const CrossOrigin>(std::move(read));
  }
  const std::lock_guard guard(cross_origin_mutex_);
  cross_origin_ = std::move(now);
  return {};
}

Result<std::string> Core::audit_hash(std::string_view text) const {
  std::shared_ptr<const audit::Redactor> key;
  {
    const std::lock_guard guard(keys_mutex_);
    key = audit_key_;
  }
  if (!key) return fail(Code::sealed, kSealed);
  return audit::display(key->mac(text));
}

std::string Core::checkpoint() const { return parts_.log.newest_checkpoint().text; }

}  // namespace strongroom::core
