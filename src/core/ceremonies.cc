#include "core/ceremonies.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/pack.h"
#include "core/recovery.h"
#include "core/texts.h"
#include "crypto/equal.h"

namespace strongroom::core {
namespace {

// An attempt that nobody ends is forgotten; holders of shares may be far apart.
constexpr Nanoseconds kPatience = Seconds(24 * 3600);
// How long the answer to the last share can be had again.
constexpr Nanoseconds kAgain = Seconds(60);
constexpr double kFailuresPerSecond = 0.1;
constexpr std::uint64_t kSaveEvery = 100'000;  // encryptions
constexpr std::uint64_t kTermFormat = 1;
constexpr std::uint64_t kConfigFormat = 1;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && crypto::equal(as_view(a), as_view(b));
}

Secret random_otp(Random& random, std::size_t size) {
  static constexpr std::string_view k62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  SecretText text;
  text.reserve(size);
  while (text.size() < size) {
    std::array<std::byte, 64> some{};
    random.fill(some);
    for (const auto b : some)  // each character equally likely
      if (const auto v = std::to_integer<unsigned>(b) & 63; v < k62.size() && text.size() < size)
        text.push_back(k62[v]);
    explicit_bzero(some.data(), some.size());
  }
  auto otp = Secret::copy_of(view(text));
  return otp;
}

struct TermNote {
  std::uint32_t term = 0;
  WallTime installed{};
  std::uint64_t encryptions = 0;
};
SecretText pack(const TermNote& n) {
  SecretText out;
  Packer(out)
      .number(kTermFormat)
      .number(n.term)
      .signed_number(n.installed.time_since_epoch().count())
      .number(n.encryptions);
  return out;
}
Result<std::optional<TermNote>> read_note(store::Txn& txn) {
  SR_LET(const auto stored, txn.get(setting("key-term")));
  if (!stored) return std::nullopt;
  Unpacker u(view(*stored));
  if (u.number() != kTermFormat) return fail(Code::corrupt, "a stored record is damaged", "key-term format");
  TermNote n;
  n.term = static_cast<std::uint32_t>(u.number());
  n.installed = WallTime{Nanoseconds(u.signed_number())};
  n.encryptions = u.number();
  SR_TRY(u.done("key-term"));
  return n;
}

Ceremonies::RootState again(const Ceremonies::RootState& s) {
  Ceremonies::RootState copy;
  copy.started = s.started;
  copy.complete = s.complete;
  copy.nonce = s.nonce;
  copy.progress = s.progress;
  copy.required = s.required;
  copy.pgp_fingerprint = s.pgp_fingerprint;
  copy.encoded_token = s.encoded_token;
  return copy;
}
Ceremonies::RekeyState again(const Ceremonies::RekeyState& s) {
  Ceremonies::RekeyState copy;
  copy.started = s.started;
  copy.complete = s.complete;
  copy.nonce = s.nonce;
  copy.t = s.t;
  copy.n = s.n;
  copy.pgp_fingerprints = s.pgp_fingerprints;
  copy.backup = s.backup;
  copy.verification_required = s.verification_required;
  copy.verification_nonce = s.verification_nonce;
  for (const auto& k : s.keys) copy.keys.push_back(k.clone());
  return copy;
}

std::string backup_key(Ceremonies::Holders whose) {
  return setting(whose == Ceremonies::Holders::recovery ? "rekey-backup/recovery" : "rekey-backup/unseal");
}
std::string pack_backup(std::string_view nonce, const std::vector<std::string>& fingerprints,
                        const std::vector<Secret>& keys) {
  SecretText out;
  Packer p(out);
  p.number(1).text(nonce).number(keys.size());
  for (std::size_t k = 0; k < keys.size(); ++k)
    p.text(fingerprints[k]).text(keys[k].reveal_text(Reveal::to_cipher));
  return std::string(view(out));  // encrypted to their holders: no secret
}
}  // namespace

// ------------------------------------------------------------------ shares

Ceremonies::Holders Ceremonies::own() const noexcept {
  const bool by_itself =
      parts_.recovery != nullptr && parts_.seal.opening() == barrier::Seal::Opening::unattended;
  return by_itself ? Holders::recovery : Holders::unseal;
}
const barrier::Seal& Ceremonies::kind() const noexcept {
  return own() == Holders::recovery ? *parts_.recovery : parts_.seal;
}

Status Ceremonies::has_shares(Holders whose) const {
  if (whose == own() && whose == Holders::recovery) return {};
  if (whose == Holders::recovery)
    return fail(Code::failed_precondition,
                "recovery keys are not supported: this server has none that could be rekeyed");
  if (parts_.seal.opening() != barrier::Seal::Opening::by_shares)
    return fail(
        Code::failed_precondition,
        "this server unseals by itself and has no key shares that could permit this; its recovery keys are "
        "replaced at sys/rotate/recovery (operator rotate-keys -target=recovery)");
  return {};
}

Result<barrier::SealConfig> Ceremonies::in_force() const {
  SR_LET(const auto snapshot, parts_.grounds.newest_state());
  if (own() == Holders::unseal) return barrier::Barrier::seal_config(*snapshot);
  store::Txn txn(*snapshot, parts_.barrier);
  SR_LET(auto config, recovery::config(txn));
  if (!config)
    return fail(Code::failed_precondition,
                "this server was initialised without recovery keys that could permit this");
  return *std::move(config);
}

Result<std::unique_ptr<barrier::Seal>> Ceremonies::new_quorum() const {
  SR_LET(const auto config, in_force());
  auto quorum = kind().another();
  SR_TRY(quorum->expect(config));
  return quorum;
}

Status Ceremonies::may_fail() {
  const auto passed = std::chrono::duration<double>(now() - failures_at_).count();
  failures_at_ = now();
  failures_left_ = std::min(kMostFailures, failures_left_ + std::max(0.0, passed) * kFailuresPerSecond);
  if (failures_left_ >= 1) return {};
  return fail(Code::quota_exceeded, "too many wrong key shares; try again in a few seconds");
}

void Ceremonies::failed_once() { failures_left_ -= 1; }

Result<Ceremonies::Given> Ceremonies::give(barrier::Seal& quorum, const Secret& share) {
  SR_TRY(may_fail());
  auto progress = quorum.add_share(share);
  if (!progress) {
    failed_once();
    return std::unexpected(std::move(progress).error());
  }
  if (!progress->complete) return Given::more_needed;
  SR_LET(const auto snapshot, parts_.grounds.newest_state());
  store::Txn txn(*snapshot, parts_.barrier);
  const auto known =
      own() == Holders::recovery ? recovery::check(txn, quorum) : parts_.barrier.authorise(*snapshot, quorum);
  quorum.reset();
  if (known) return Given::complete;
  if (known.error().code != Code::invalid_argument) return std::unexpected(known.error());
  failed_once();
  return bad("the key shares given are not the shares of this store: begin again with the first share");
}

void Ceremonies::expire() {
  const auto at = now();
  if (root_ && at >= root_->deadline) root_.reset();
  if (rekey_ && at >= rekey_->deadline) rekey_.reset();
  if (root_answer_ && at >= root_answer_->until) root_answer_.reset();
  if (rekey_answer_ && at >= rekey_answer_->until) rekey_answer_.reset();
}

void Ceremonies::forget() noexcept {
  const std::lock_guard guard(mutex_);
  root_.reset();
  rekey_.reset();
  root_answer_.reset();
  rekey_answer_.reset();
}

// ------------------------------------------------------------------ a root token

Ceremonies::RootState Ceremonies::shown(const Root& r) const {
  RootState s;
  s.started = true;
  s.nonce = r.nonce;
  s.progress = r.quorum->progress().gathered;
  s.required = r.quorum->config().threshold;
  s.otp_length = identity::Tokens::id_size();
  if (!r.holder.empty()) s.pgp_fingerprint = r.holder.fingerprints().front();
  return s;
}

Result<Ceremonies::RootState> Ceremonies::root_state() {
  SR_TRY(has_shares(own()));
  const std::lock_guard guard(mutex_);
  expire();
  if (root_) return shown(*root_);
  SR_LET(const auto config, in_force());
  RootState s;
  s.required = config.threshold;
  s.otp_length = identity::Tokens::id_size();
  return s;
}

Result<Ceremonies::RootState> Ceremonies::begin_root(const RootWish& wish) {
  SR_TRY(has_shares(own()));
  if (wish.otp && wish.otp->size() != identity::Tokens::id_size())
    return bad("OTP string has incorrect length");
  if (wish.otp && !wish.pgp_key.empty()) return bad("one of otp and pgp_key, not both");
  std::vector<std::string> key;
  if (!wish.pgp_key.empty()) key.push_back(wish.pgp_key);
  SR_LET(auto holder, PgpRecipients::parse("pgp_key", key, parts_.grounds.server_time(), parts_.env.random));
  const std::lock_guard guard(mutex_);
  expire();
  if (root_) return bad("root generation already in progress for this namespace");
  SR_LET(auto quorum, new_quorum());
  Root r;
  r.nonce = uuid(parts_.env.random);
  r.quorum = std::move(quorum);
  r.holder = std::move(holder);
  if (r.holder.empty())
    r.otp = wish.otp ? wish.otp->clone() : random_otp(parts_.env.random, identity::Tokens::id_size());
  r.deadline = now() + kPatience;
  root_answer_.reset();
  root_ = std::move(r);
  auto state = shown(*root_);
  if (!wish.otp && root_->holder.empty()) state.otp = root_->otp.clone();
  return state;
}

Result<Ceremonies::RootState> Ceremonies::give_root(const Secret& share, std::string_view nonce) {
  SR_TRY(has_shares(own()));
  const std::lock_guard guard(mutex_);
  expire();
  if (!root_) {
    if (root_answer_ && same(root_answer_->state.nonce, nonce) &&
        crypto::equal(root_answer_->share.reveal(Reveal::to_cipher), share.reveal(Reveal::to_cipher)))
      return again(root_answer_->state);
    return bad("no root generation in progress");
  }
  if (!same(root_->nonce, nonce))
    return bad("incorrect nonce supplied; nonce for this root generation operation is \"" + root_->nonce +
               "\"");
  SR_LET(const auto given, give(*root_->quorum, share));
  if (given == Given::more_needed) return shown(*root_);
  SR_LET(auto state, finish_root());
  root_.reset();
  root_answer_ = {again(state), share.clone(), now() + kAgain};
  return state;
}

Result<Ceremonies::RootState> Ceremonies::finish_root() {
  SR_LET(const auto snapshot, parts_.grounds.newest_state());
  store::Txn txn(*snapshot, parts_.barrier);
  identity::NewToken wish(identity::Lifetime::forever());
  wish.policies = {"root"};
  wish.display_name = "root";
  wish.path = "auth/token/root";
  wish.renewable = false;
  SR_LET(const auto made, parts_.tokens.create(txn, wish, parts_.grounds.server_time(), parts_.env.random));
  RootState s = shown(*root_);
  s.complete = true;
  s.progress = s.required;
  s.otp_length = 0;
  if (!root_->holder.empty()) {
    SR_LET(const auto encrypted, root_->holder.encrypt_token(made.id, parts_.env.random));
    s.encoded_token = encrypted.reveal_text(Reveal::to_caller);
    SR_TRY(parts_.grounds.commit_event(txn, "generate-root", 1));
    return s;
  }
  const auto token = made.id.reveal(Reveal::to_caller);
  const auto otp = root_->otp.reveal(Reveal::to_cipher);
  std::vector<std::byte, WipingAllocator<std::byte>> mixed(token.begin(), token.end());
  for (std::size_t i = 0; i < mixed.size(); ++i) mixed[i] ^= otp[i];
  s.encoded_token = to_base64(View(mixed));
  while (s.encoded_token.ends_with('=')) s.encoded_token.pop_back();
  SR_TRY(parts_.grounds.commit_event(txn, "generate-root", 1));
  return s;
}

void Ceremonies::cancel_root() {
  const std::lock_guard guard(mutex_);
  root_.reset();
}

// ------------------------------------------------------------------ new shares

Result<Ceremonies::RekeyState> Ceremonies::shown(const Rekey& r) const {
  RekeyState s;
  s.started = true;
  s.nonce = r.nonce;
  s.t = r.wish.threshold;
  s.n = r.wish.shares;
  s.progress = r.quorum->progress().gathered;
  s.required = r.quorum->config().threshold;
  s.pgp_fingerprints = r.holders.fingerprints();
  s.backup = r.backup;
  s.verification_required = r.verify;
  s.verification_nonce = r.verification_nonce;
  return s;
}

Ceremonies::VerifyState Ceremonies::shown_verify(const Rekey& r) const {
  VerifyState s;
  s.t = r.wish.threshold;
  s.n = r.wish.shares;
  if (!r.proof) return s;
  s.started = true;
  s.nonce = r.verification_nonce;
  s.progress = r.proof->progress().gathered;
  return s;
}

Result<Ceremonies::RekeyState> Ceremonies::rekey_state(Holders whose) {
  SR_TRY(has_shares(whose));
  const std::lock_guard guard(mutex_);
  expire();
  if (rekey_) return shown(*rekey_);
  SR_LET(const auto config, in_force());
  RekeyState s;
  s.required = config.threshold;
  return s;
}

Result<Ceremonies::RekeyState> Ceremonies::begin_rekey(Holders whose, const RekeyWish& wish) {
  SR_TRY(has_shares(whose));
  constexpr std::string_view kWrong = "invalid rekey seal configuration: ";
  const auto wrong = [&](std::string_view rule) { return bad(std::string(kWrong) + std::string(rule)); };
  if (wish.backup && wish.pgp_keys.empty())
    return bad("cannot request a backup of the new keys without providing PGP keys for encryption");
  if (wish.shares < 1) return wrong("shares must be at least one");
  if (wish.shares > 255) return wrong("shares must be at most 255");
  if (wish.threshold < 1) return wrong("threshold must be at least one");
  if (wish.threshold > wish.shares) return wrong("threshold cannot be larger than shares");
  if (wish.shares > 1 && wish.threshold == 1)
    return wrong("threshold must be greater than one for multiple shares");
  if (!wish.pgp_keys.empty() && wish.pgp_keys.size() != static_cast<std::size_t>(wish.shares))
    return bad("incorrect number of PGP keys for rekey");
  SR_LET(auto holders,
         PgpRecipients::parse("pgp_keys", wish.pgp_keys, parts_.grounds.server_time(), parts_.env.random));
  const std::lock_guard guard(mutex_);
  expire();
  if (rekey_) return bad("rekey already in progress");
  SR_LET(auto quorum, new_quorum());
  Rekey r;
  r.nonce = uuid(parts_.env.random);
  r.wish = {quorum->config().type, static_cast<std::uint32_t>(wish.shares),
            static_cast<std::uint32_t>(wish.threshold)};
  r.holders = std::move(holders);
  r.verify = wish.verify;
  r.backup = wish.backup;
  r.quorum = std::move(quorum);
  r.deadline = now() + kPatience;
  rekey_answer_.reset();
  rekey_ = std::move(r);
  return shown(*rekey_);
}

Result<Ceremonies::RekeyState> Ceremonies::give_rekey(Holders whose, const Secret& share,
                                                      std::string_view nonce) {
  SR_TRY(has_shares(whose));
  const std::lock_guard guard(mutex_);
  expire();
  if (rekey_answer_ && same(rekey_answer_->state.nonce, nonce) &&
      crypto::equal(rekey_answer_->share.reveal(Reveal::to_cipher), share.reveal(Reveal::to_cipher)))
    return again(rekey_answer_->state);
  if (!rekey_) return bad("no barrier rekey in progress");
  if (!same(rekey_->nonce, nonce))
    return bad("incorrect nonce supplied; nonce for this rekey operation is \"" + rekey_->nonce + "\"");
  if (rekey_->fresh) return bad("the new shares have been handed out: verify them, or cancel");
  SR_LET(const auto given, give(*rekey_->quorum, share));
  if (given == Given::more_needed) return shown(*rekey_);
  SR_LET(auto state, finish_rekey());
  rekey_answer_ = {again(state), share.clone(), now() + kAgain};
  return state;
}

// The old shares are good. Without verification the new ones are in force when this returns.
Result<Ceremonies::RekeyState> Ceremonies::finish_rekey() {
  auto& r = *rekey_;
  auto fresh = kind().another();
  SR_LET(auto shares, fresh->deal(r.wish));
  SR_LET(auto state, shown(r));
  state.complete = true;
  state.progress = 0;
  SR_LET(state.keys, r.holders.encrypt_shares(std::move(shares), parts_.env.random));
  if (r.backup) r.to_keep = pack_backup(r.nonce, state.pgp_fingerprints, state.keys);
  if (!r.verify) {
    SR_TRY(put_in_force(*fresh));
    rekey_.reset();
    return state;
  }
  Bytes probe(32);
  parts_.env.random.fill(probe);
  SR_LET(r.wrapped_probe, fresh->wrap(Secret::copy_of(View(probe))));
  r.proof = kind().another();
  SR_TRY(r.proof->expect(r.wish));
  r.fresh = std::move(fresh);
  r.verification_nonce = uuid(parts_.env.random);
  state.verification_nonce = r.verification_nonce;
  return state;
}

// One commit: the format record that the new shares open, the keyring under a new root key, and the record of
// it. Before it is durable the old shares are good, afterwards the new ones.
Status Ceremonies::put_in_force(barrier::Seal& fresh) {
  if (own() == Holders::recovery) {
    SR_LET(const auto snapshot, parts_.grounds.newest_state());
    store::Txn txn(*snapshot, parts_.barrier);
    SR_TRY(recovery::store(txn, fresh, parts_.env.random));
    if (!rekey_->to_keep.empty()) txn.put(backup_key(Holders::recovery), SecretText(rekey_->to_keep));
    SR_TRY(parts_.grounds.commit_event(txn, "rekey-recovery", fresh.config().shares));
    parts_.grounds.resealed(fresh.config());
    return {};
  }
  SR_LET(auto writes, parts_.barrier.stage_root(fresh));
  if (!rekey_->to_keep.empty()) writes.push_back({backup_key(own()), rekey_->to_keep});
  SR_TRY(install(std::move(writes), "rekey", Term::stays));
  parts_.grounds.resealed(fresh.config());
  return {};
}

Result<std::optional<Ceremonies::Backup>> Ceremonies::backup(store::Txn& txn, Holders whose) const {
  SR_LET(const auto stored, txn.get(backup_key(whose)));
  if (!stored) return std::optional<Backup>();
  Unpacker u(view(*stored));
  if (u.number() != 1) return fail(Code::corrupt, "a stored record is damaged", "rekey backup format");
  Backup out;
  out.nonce = u.text();
  for (auto n = u.count(); n > 0; --n) {
    std::string fingerprint(u.text());
    out.keys.emplace_back(std::move(fingerprint), std::string(u.text()));
  }
  SR_TRY(u.done("rekey backup"));
  return std::optional(std::move(out));
}

Status Ceremonies::forget_backup(store::Txn& txn, Holders whose) const {
  SR_LET(const auto stored, txn.revision_of(backup_key(whose)));
  if (stored) txn.erase(backup_key(whose));
  return {};
}

void Ceremonies::cancel_rekey(Holders whose) {
  if (whose != own()) return;
  const std::lock_guard guard(mutex_);
  if (rekey_) rekey_answer_.reset();  // its new shares will never be in force
  rekey_.reset();
}

Result<Ceremonies::VerifyState> Ceremonies::verify_state(Holders whose) {
  SR_TRY(has_shares(whose));
  const std::lock_guard guard(mutex_);
  expire();
  if (!rekey_) return bad("no rekey configuration found");
  return shown_verify(*rekey_);
}

Result<Ceremonies::VerifyState> Ceremonies::give_verify(Holders whose, const Secret& share,
                                                        std::string_view nonce) {
  SR_TRY(has_shares(whose));
  const std::lock_guard guard(mutex_);
  expire();
  if (!rekey_) return bad("no rekey in progress");
  auto& r = *rekey_;
  if (!r.proof) return bad("no rekey verification in progress");
  if (!same(r.verification_nonce, nonce))
    return bad("incorrect nonce supplied; nonce for this verify operation is \"" + r.verification_nonce +
               "\"");
  SR_TRY(may_fail());
  const auto start_again = [&]() -> std::unexpected<Error> {
    failed_once();
    r.proof->reset();
    r.verification_nonce = uuid(parts_.env.random);
    return bad("rekey verification failed; incorrect key shares supplied");
  };
  const auto progress = r.proof->add_share(share);
  if (!progress && r.proof->progress().gathered != 0) return std::unexpected(progress.error());
  if (!progress) return start_again();  // not even of the right form
  if (!progress->complete) return shown_verify(r);
  if (const auto opened = r.proof->unwrap(r.wrapped_probe); !opened) return start_again();
  SR_TRY(put_in_force(*r.fresh));
  VerifyState s;
  s.complete = true;
  s.nonce = r.verification_nonce;
  rekey_.reset();
  rekey_answer_.reset();
  return s;
}

Result<Ceremonies::VerifyState> Ceremonies::restart_verify(Holders whose) {
  SR_TRY(has_shares(whose));
  const std::lock_guard guard(mutex_);
  expire();
  if (!rekey_) return bad("no rekey configuration found");
  if (rekey_->proof) {
    rekey_->proof->reset();
    rekey_->verification_nonce = uuid(parts_.env.random);
  }
  return shown_verify(*rekey_);
}

// ------------------------------------------------------------------ keys that encrypt

Status Ceremonies::install(std::vector<store::Write> writes, std::string event, Term term) {
  SR_LET(const auto snapshot, parts_.grounds.newest_state());
  store::Txn txn(*snapshot, parts_.barrier);
  for (auto& w : writes) txn.put(std::move(w.key), SecretText(*w.value));
  const auto next = parts_.barrier.term() + (term == Term::changes ? 1 : 0);
  if (term == Term::changes)
    txn.put(setting("key-term"), pack(TermNote{next, parts_.grounds.server_time(), 0}));
  SR_TRY(parts_.grounds.commit_event(txn, std::move(event), next));
  if (term == Term::changes) {
    earlier_ = 0;
    saved_ = 0;
  }
  return {};
}

Status Ceremonies::rotate_locked() {
  SR_LET(auto writes, parts_.barrier.stage_term());
  return install(std::move(writes), "rotate", Term::changes);
}

Status Ceremonies::rotate_keyring() {
  const std::lock_guard guard(mutex_);
  return rotate_locked();
}

Status Ceremonies::rotate_root() {
  if (parts_.seal.opening() != barrier::Seal::Opening::unattended)
    return fail(Code::failed_precondition,
                "the root key is wrapped by the unseal key, which is kept nowhere: rotate it with its shares "
                "through sys/rotate/root/init");
  const std::lock_guard guard(mutex_);
  const auto seal = parts_.seal.another();
  SR_LET(auto writes, parts_.barrier.stage_root(*seal));
  return install(std::move(writes), "rotate-root", Term::stays);
}

Result<Ceremonies::KeyState> Ceremonies::key_state(store::Txn& txn) const {
  SR_LET(const auto note, read_note(txn));
  KeyState s;
  s.term = parts_.barrier.term();
  if (note) s.installed = note->installed;
  s.encryptions = earlier_ + parts_.barrier.encryptions();
  return s;
}

Status Ceremonies::note_term(store::Txn& txn) {
  SR_LET(const auto note, read_note(txn));
  const bool known = note && note->term == parts_.barrier.term();
  if (!known)
    txn.put(setting("key-term"), pack(TermNote{parts_.barrier.term(), parts_.grounds.server_time(), 0}));
  const std::lock_guard guard(mutex_);
  earlier_ = known ? note->encryptions : 0;
  saved_ = 0;
  return {};
}

Result<Ceremonies::RotateConfig> Ceremonies::rotate_config(store::Txn& txn) const {
  SR_LET(const auto stored, txn.get(setting("rotate-config")));
  RotateConfig c;
  if (!stored) return c;
  Unpacker u(view(*stored));
  if (u.number() != kConfigFormat) return fail(Code::corrupt, "a stored record is damaged", "rotate-config");
  c.enabled = u.number() != 0;
  c.max_operations = u.signed_number();
  c.interval = Seconds(u.signed_number());
  SR_TRY(u.done("rotate-config"));
  return c;
}

Status Ceremonies::set_rotate_config(store::Txn& txn, const RotateConfig& c) const {
  if (c.max_operations < kLeastOperations || c.max_operations > kMostOperations)
    return bad("max_operations must be in the range [1000000,3865470566]");
  if (c.interval != Seconds{} && c.interval < kLeastInterval)
    return bad("interval must be greater or equal to 24h0m0s");
  SecretText out;
  Packer(out)
      .number(kConfigFormat)
      .number(c.enabled ? 1 : 0)
      .signed_number(c.max_operations)
      .signed_number(c.interval.count());
  txn.put(setting("rotate-config"), std::move(out));
  return {};
}

void Ceremonies::tick() {
  const std::lock_guard guard(mutex_);
  expire();
  const auto work = [&]() -> Status {
    SR_LET(const auto snapshot, parts_.grounds.newest_state());
    store::Txn txn(*snapshot, parts_.barrier);
    SR_LET(const auto config, rotate_config(txn));
    SR_LET(const auto state, key_state(txn));
    const bool often = state.encryptions >= static_cast<std::uint64_t>(config.max_operations);
    const bool old = config.interval != Seconds{} && state.installed != WallTime{} &&
                     parts_.grounds.server_time() - state.installed >= config.interval;
    if (config.enabled && (often || old)) return rotate_locked();
    if (const auto here = parts_.barrier.encryptions(); here >= saved_ + kSaveEvery) {
      store::Txn note(*snapshot, parts_.barrier);
      note.put(setting("key-term"), pack(TermNote{state.term, state.installed, state.encryptions}));
      SR_TRY(parts_.grounds.commit_event(note, "count-encryptions", state.encryptions));
      saved_ = here;
    }
    return {};
  };
  if (const auto done = work(); !done && done.error().code != Code::sealed)
    parts_.env.log.warn("the keys that encrypt were not rotated",
                        {{"code", std::string(name(done.error().code))}, {"detail", done.error().detail}});
}

}  // namespace strongroom::core
