#include "system/sys/ceremonies.h"

#include <fmt/format.h>

#include "base/time.h"
#include "system/sys/key_shares.h"

namespace strongroom::system::sys {
namespace {
using engine::Blocking;
using engine::Frame;
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
using Core = core::Ceremonies;
constexpr std::uint8_t kPlain = schema::plain;
constexpr unsigned kUnrecorded = schema::unrecorded | schema::sensitive;
}  // namespace

struct Ceremonies::Share {
  std::optional<Secret> key;
  std::string nonce;
  static constexpr auto fields() {
    return std::array{field<&Share::key>("key", "One key share, hexadecimal or base64.", kUnrecorded),
                      field<&Share::nonce>("nonce", "Names the attempt that the share is for.")};
  }
  Result<Secret> share() const {
    if (!key || key->empty()) return bad("'key' must be specified in request body as JSON");
    return decode_share(*key);
  }
};

// ------------------------------------------------------------------ a root token

struct Ceremonies::RootWish {
  std::optional<Secret> otp;
  std::string pgp_key;
  static constexpr auto fields() {
    return std::array{
        field<&RootWish::otp>("otp", "Encodes the token: as many characters as otp_length. Made when absent.",
                              schema::sensitive),
        field<&RootWish::pgp_key>("pgp_key", "Encrypts the token instead, base64.")};
  }
};
struct Ceremonies::RootState {
  std::string nonce;
  bool started = false;
  std::int64_t progress = 0, required = 0;
  bool complete = false;
  std::string encoded_token, encoded_root_token, pgp_fingerprint;
  Secret otp;
  std::int64_t otp_length = 0;
  static constexpr auto fields() {
    return std::array{
        field<&RootState::nonce>("nonce", "Names this attempt; each share comes with it."),
        field<&RootState::started>("started", "Whether an attempt is in progress."),
        field<&RootState::progress>("progress", "Shares given so far."),
        field<&RootState::required>("required", "Shares needed."),
        field<&RootState::complete>("complete", "Whether the token was made."),
        field<&RootState::encoded_token>("encoded_token", "The token under the OTP, base64, or encrypted."),
        field<&RootState::encoded_root_token>("encoded_root_token", "The same, for old clients."),
        field<&RootState::pgp_fingerprint>("pgp_fingerprint", "Of the PGP key.", kPlain),
        field<&RootState::otp>("otp", "The OTP, in the reply that begins the attempt.", schema::sensitive),
        field<&RootState::otp_length>("otp_length", "How long an OTP must be.")};
  }
  static RootState of(Core::RootState s) {
    RootState r;
    r.nonce = std::move(s.nonce);
    r.started = s.started;
    r.progress = s.progress;
    r.required = s.required;
    r.complete = s.complete;
    r.encoded_token = r.encoded_root_token = std::move(s.encoded_token);
    r.pgp_fingerprint = std::move(s.pgp_fingerprint);
    r.otp = std::move(s.otp);
    r.otp_length = static_cast<std::int64_t>(s.otp_length);
    return r;
  }
};

template <Frame F>
Result<Ceremonies::RootState> Ceremonies::root_state(Blocking& p, const schema::Empty&) const {
  p.aside.frame = F;
  SR_LET(auto state, core_.root_state());
  return RootState::of(std::move(state));
}
template <Frame F>
Result<Ceremonies::RootState> Ceremonies::begin_root(Blocking& p, const RootWish& in) const {
  p.aside.frame = F;
  Core::RootWish wish;
  if (in.otp && !in.otp->empty()) wish.otp = in.otp->clone();
  wish.pgp_key = in.pgp_key;
  SR_LET(auto state, core_.begin_root(wish));
  return RootState::of(std::move(state));
}
template <Frame F>
Result<Ceremonies::RootState> Ceremonies::give_root(Blocking& p, const Share& in) const {
  p.aside.frame = F;
  SR_LET(const auto share, in.share());
  SR_LET(auto state, core_.give_root(share, in.nonce));
  return RootState::of(std::move(state));
}
Result<schema::Empty> Ceremonies::cancel_root(Blocking&, const schema::Empty&) const {
  core_.cancel_root();
  return schema::Empty{};
}

// ------------------------------------------------------------------ new shares

struct Ceremonies::RekeyWish {
  std::int64_t secret_shares = 0, secret_threshold = 0;
  std::vector<std::string> pgp_keys;
  bool backup = false, require_verification = false;
  static constexpr auto fields() {
    return std::array{
        field<&RekeyWish::secret_shares>("secret_shares", "Number of new key shares, 1 to 255."),
        field<&RekeyWish::secret_threshold>(
            "secret_threshold", "How many of them are needed; at least 2 when there are several."),
        field<&RekeyWish::pgp_keys>("pgp_keys", "Encrypt the new shares, one key for each, base64."),
        field<&RekeyWish::backup>("backup", "Keep the encrypted shares in the store, too.")
            .starts_as("false"),
        field<&RekeyWish::require_verification>(
            "require_verification", "The new shares are in force only once they have been given back.")
            .starts_as("false")};
  }
};
struct Ceremonies::RekeyState {
  std::optional<std::string> nonce;
  std::optional<bool> started, complete;
  std::optional<std::int64_t> t, n, progress, required;
  std::optional<std::vector<Secret>> keys, keys_base64;
  std::optional<std::vector<std::string>> pgp_fingerprints;
  bool backup = false, verification_required = false;
  std::optional<std::string> verification_nonce;
  static constexpr auto fields() {
    constexpr unsigned kIf = schema::omit_empty;
    return std::array{
        field<&RekeyState::nonce>("nonce", "Names this attempt; each share comes with it.", kIf),
        field<&RekeyState::started>("started", "Whether an attempt is in progress.", kIf),
        field<&RekeyState::complete>("complete", "Whether the new shares were made.", kIf),
        field<&RekeyState::t>("t", "New shares that will be needed.", kIf),
        field<&RekeyState::n>("n", "New shares there will be.", kIf),
        field<&RekeyState::progress>("progress", "Shares given so far.", kIf),
        field<&RekeyState::required>("required", "Shares needed.", kIf),
        field<&RekeyState::keys>("keys", "The new shares in hexadecimal.", kIf | kUnrecorded),
        field<&RekeyState::keys_base64>("keys_base64", "The same in base64.", kIf | kUnrecorded),
        field<&RekeyState::pgp_fingerprints>("pgp_fingerprints", "Of the PGP keys, in their order.", kPlain),
        field<&RekeyState::backup>("backup", "Whether the encrypted shares are kept in the store."),
        field<&RekeyState::verification_required>("verification_required",
                                                  "Whether the new shares must be given back first."),
        field<&RekeyState::verification_nonce>("verification_nonce", "Names the verification.", kIf)};
  }
  // The bare form has each field in each reply; the other leaves out what means nothing.
  static RekeyState of(Core::RekeyState s, Frame frame) {
    const bool bare = frame == Frame::bare;
    RekeyState r;
    if (bare || s.started) r.nonce = s.nonce;
    if (s.complete) {
      r.complete = true;
      auto texts = encode_shares(s.keys);
      r.keys = std::move(texts.hex);
      r.keys_base64 = std::move(texts.base64);
    } else {
      r.started = s.started;
      r.t = s.t;
      r.n = s.n;
      r.required = s.required;
      if (bare || s.started) r.progress = s.progress;
    }
    if (!s.pgp_fingerprints.empty()) r.pgp_fingerprints = std::move(s.pgp_fingerprints);
    r.backup = s.backup;
    r.verification_required = s.verification_required;
    if (!s.verification_nonce.empty() || (!bare && s.started)) r.verification_nonce = s.verification_nonce;
    return r;
  }
};
struct Ceremonies::VerifyState {
  std::string nonce;
  std::optional<bool> started, complete;
  std::optional<std::int64_t> t, n, progress;
  static constexpr auto fields() {
    constexpr unsigned kIf = schema::omit_empty;
    return std::array{
        field<&VerifyState::nonce>("nonce", "Names the verification; each new share comes with it."),
        field<&VerifyState::started>("started", "Whether new shares wait for it.", kIf),
        field<&VerifyState::t>("t", "New shares needed.", kIf),
        field<&VerifyState::n>("n", "New shares there are.", kIf),
        field<&VerifyState::progress>("progress", "New shares given back so far.", kIf),
        field<&VerifyState::complete>("complete", "Whether the new shares are in force.", kIf)};
  }
  static VerifyState of(Core::VerifyState s) {
    VerifyState r;
    r.nonce = std::move(s.nonce);
    if (s.complete) {
      r.complete = true;
      return r;
    }
    r.started = s.started;
    r.t = s.t;
    r.n = s.n;
    r.progress = s.progress;
    return r;
  }
};

template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::RekeyState> Ceremonies::rekey_state(Blocking& p, const schema::Empty&) const {
  p.aside.frame = F;
  SR_LET(auto state, core_.rekey_state(H));
  return RekeyState::of(std::move(state), F);
}
template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::RekeyState> Ceremonies::begin_rekey(Blocking& p, const RekeyWish& in) const {
  p.aside.frame = F;
  SR_LET(auto state, core_.begin_rekey(H, {in.secret_shares, in.secret_threshold, in.pgp_keys, in.backup,
                                           in.require_verification}));
  return RekeyState::of(std::move(state), F);
}
template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::RekeyState> Ceremonies::give_rekey(Blocking& p, const Share& in) const {
  p.aside.frame = F;
  SR_LET(const auto share, in.share());
  SR_LET(auto state, core_.give_rekey(H, share, in.nonce));
  return RekeyState::of(std::move(state), F);
}
template <Ceremonies::Holders H>
Result<schema::Empty> Ceremonies::cancel_rekey(Blocking&, const schema::Empty&) const {
  core_.cancel_rekey(H);
  return schema::Empty{};
}
template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::VerifyState> Ceremonies::verify_state(Blocking& p, const schema::Empty&) const {
  p.aside.frame = F;
  SR_LET(auto state, core_.verify_state(H));
  return VerifyState::of(std::move(state));
}
template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::VerifyState> Ceremonies::give_verify(Blocking& p, const Share& in) const {
  p.aside.frame = F;
  SR_LET(const auto share, in.share());
  SR_LET(auto state, core_.give_verify(H, share, in.nonce));
  return VerifyState::of(std::move(state));
}
template <Ceremonies::Holders H, Frame F>
Result<Ceremonies::VerifyState> Ceremonies::restart_verify(Blocking& p, const schema::Empty&) const {
  p.aside.frame = F;
  SR_LET(auto state, core_.restart_verify(H));
  return VerifyState::of(std::move(state));
}

struct Ceremonies::Backup {
  std::string nonce;
  std::map<std::string, std::vector<std::string>> keys, keys_base64;
  static constexpr auto fields() {
    return std::array{
        field<&Backup::nonce>("nonce", "Of the attempt that made them."),
        field<&Backup::keys>("keys", "Encrypted shares by the fingerprint of their PGP key, hexadecimal."),
        field<&Backup::keys_base64>("keys_base64", "The same in base64.")};
  }
};
template <Ceremonies::Holders H>
Result<Ceremonies::Backup> Ceremonies::backup(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto kept, core_.backup(p.txn, H));
  if (!kept) return fail(Code::failed_precondition, "no backed-up keys found");
  p.aside.frame = Frame::merged;
  Backup out;
  out.nonce = kept->nonce;
  for (const auto& [fingerprint, share] : kept->keys) {
    out.keys[fingerprint].push_back(to_hex(as_view(std::string_view(share))));
    out.keys_base64[fingerprint].push_back(to_base64(as_view(std::string_view(share))));
  }
  return out;
}
template <Ceremonies::Holders H>
Result<schema::Empty> Ceremonies::forget_backup(Prompt& p, const schema::Empty&) const {
  SR_TRY(core_.forget_backup(p.txn, H));
  return schema::Empty{};
}

// ------------------------------------------------------------------ keys that encrypt

struct Ceremonies::KeyStatus {
  std::int64_t term = 0;
  schema::Timestamp install_time;
  std::int64_t encryptions = 0;
  static constexpr auto fields() {
    return std::array{
        field<&KeyStatus::term>("term", "Number of the newest key."),
        field<&KeyStatus::install_time>("install_time", "Since when it encrypts."),
        field<&KeyStatus::encryptions>("encryptions", "About how many records it has encrypted.")};
  }
};
struct Ceremonies::RotateConfig {
  std::int64_t max_operations = 0;
  bool enabled = true;
  schema::StoredJson interval;
  static constexpr auto fields() {
    return std::array{
        field<&RotateConfig::enabled>("enabled", "Whether keys are rotated automatically."),
        field<&RotateConfig::interval>("interval", "Rotate after this time; 0: never by time.", kPlain),
        field<&RotateConfig::max_operations>("max_operations", "Rotate after this many encryptions.")};
  }
};
struct Ceremonies::RotateWish {
  std::optional<std::int64_t> max_operations;
  std::optional<Seconds> interval;
  std::optional<bool> enabled;
  static constexpr auto fields() {
    return std::array{
        field<&RotateWish::max_operations>("max_operations",
                                           "Rotate after this many encryptions, 1000000 to 3865470566."),
        field<&RotateWish::interval>("interval", "Rotate after this time, at least 24h; 0: never by time."),
        field<&RotateWish::enabled>("enabled", "Whether keys are rotated automatically.")};
  }
};

Result<Ceremonies::KeyStatus> Ceremonies::key_status(Prompt& p, const schema::Empty&) const {
  p.aside.frame = Frame::merged;
  SR_LET(const auto state, core_.key_state(p.txn));
  return KeyStatus{state.term, {state.installed}, static_cast<std::int64_t>(state.encryptions)};
}
Result<schema::Empty> Ceremonies::rotate(Blocking&, const schema::Empty&) const {
  SR_TRY(core_.rotate_keyring());
  return schema::Empty{};
}
Result<schema::Empty> Ceremonies::rotate_root(Blocking&, const schema::Empty&) const {
  SR_TRY(core_.rotate_root());
  return schema::Empty{};
}
Result<Ceremonies::RotateConfig> Ceremonies::rotate_config(Prompt& p, const schema::Empty&) const {
  SR_LET(const auto config, core_.rotate_config(p.txn));
  RotateConfig out{config.max_operations, config.enabled, {}};
  out.interval.bytes = config.interval == Seconds{} ? "0" : "\"" + go_duration(config.interval) + "\"";
  return out;
}
Result<schema::Empty> Ceremonies::set_rotate_config(Prompt& p, const RotateWish& in) const {
  SR_LET(auto config, core_.rotate_config(p.txn));
  config.max_operations = in.max_operations.value_or(config.max_operations);
  config.interval = in.interval.value_or(config.interval);
  config.enabled = in.enabled.value_or(config.enabled);
  SR_TRY(core_.set_rotate_config(p.txn, config));
  return schema::Empty{};
}

// ------------------------------------------------------------------ the rest

struct Ceremonies::Encoded {
  Secret encoded_token, otp;
  static constexpr auto fields() {
    return std::array{field<&Encoded::encoded_token>("encoded_token", "As generate-root gave it, base64."),
                      field<&Encoded::otp>("otp", "The OTP of that attempt.")};
  }
};
struct Ceremonies::Decoded {
  Secret token;
  static constexpr auto fields() { return std::array{field<&Decoded::token>("token", "The token.")}; }
};

Result<Ceremonies::Decoded> Ceremonies::decode_token(Prompt& p, const Encoded& in) const {
  p.aside.for_anybody = true;  // the caller had both halves
  if (in.encoded_token.empty() || in.otp.empty()) return bad("provided 'encoded_token' or 'otp' is empty");
  auto raw = from_base64(in.encoded_token.reveal_text(Reveal::to_cipher));
  if (!raw) return bad("encoded_token: is not base64");
  const auto otp = in.otp.reveal(Reveal::to_cipher);
  const bool fits = raw->size() == otp.size();
  for (std::size_t i = 0; fits && i < raw->size(); ++i) (*raw)[i] ^= otp[i];
  Decoded out;
  if (fits) out.token = Secret::copy_of(View(*raw));
  wipe(*raw);
  if (!fits) return bad("otp: is not as long as the encoded token");
  // What is no text is no token, and no text for JSON either.
  for (const char c : out.token.reveal_text(Reveal::to_cipher))
    if (c < 0x20 || c > 0x7e) return bad("otp: is not the one that this token was encoded with");
  return out;
}

// There is nobody to take over.
Result<schema::Empty> Ceremonies::step_down(Prompt&, const schema::Empty&) const { return schema::Empty{}; }

namespace {
using C = Ceremonies;
constexpr auto kUnseal = C::Holders::unseal;
constexpr auto kRecovery = C::Holders::recovery;
constexpr auto kBare = Frame::bare;
constexpr auto kWrapped = Frame::envelope;
constexpr unsigned kPort = engine::shut;
constexpr unsigned kPortActs = engine::shut | engine::acts;

constexpr std::array kRoutes{
    // A root token. Two names of one thing: without a token where the listener opens it, and with one.
    route<&C::root_state<kBare>>(Verb::read, "generate-root/attempt", "Progress of generating a root token",
                                 kPort, "root-token-generation-read-progress"),
    route<&C::begin_root<kBare>>(Verb::write, "generate-root/attempt", "Begin to generate a root token",
                                 kPortActs, "root-token-generation-initialize"),
    route<&C::cancel_root>(Verb::erase, "generate-root/attempt", "Cancel the attempt", kPortActs,
                           "root-token-generation-cancel"),
    route<&C::root_state<kBare>>(Verb::read, "generate-root", "Progress of generating a root token", kPort,
                                 "root-token-generation-read-progress2"),
    route<&C::begin_root<kBare>>(Verb::write, "generate-root", "Begin to generate a root token", kPortActs,
                                 "root-token-generation-initialize-2"),
    route<&C::cancel_root>(Verb::erase, "generate-root", "Cancel the attempt", kPortActs,
                           "root-token-generation-cancel-2"),
    route<&C::give_root<kBare>>(Verb::write, "generate-root/update", "Give a key share for a root token",
                                kPortActs, "root-token-generation-update"),
    route<&C::root_state<kWrapped>>(Verb::read, "generate-root-token/attempt",
                                    "Progress of generating a root token", engine::guarded,
                                    "generate-root-token-read"),
    route<&C::begin_root<kWrapped>>(Verb::write, "generate-root-token/attempt",
                                    "Begin to generate a root token", engine::acts, "generate-root-token"),
    route<&C::cancel_root>(Verb::erase, "generate-root-token/attempt", "Cancel the attempt", engine::acts,
                           "generate-root-token-cancel"),
    route<&C::give_root<kWrapped>>(Verb::write, "generate-root-token/update",
                                   "Give a key share for a root token", engine::acts,
                                   "update-generation-attempt-root-token"),
    route<&C::decode_token>(Verb::write, "decode-token", "Decode a generated root token with its OTP",
                            engine::open, "decode-root-token"),

    // New shares.
    route<&C::rekey_state<kUnseal, kBare>>(Verb::read, "rekey/init", "Progress of making new key shares",
                                           kPort, "rekey-attempt-read-progress"),
    route<&C::begin_rekey<kUnseal, kBare>>(Verb::write, "rekey/init", "Begin to make new key shares",
                                           kPortActs, "rekey-attempt-initialize"),
    route<&C::cancel_rekey<kUnseal>>(Verb::erase, "rekey/init", "Cancel the attempt", kPortActs,
                                     "rekey-attempt-cancel"),
    route<&C::give_rekey<kUnseal, kBare>>(Verb::write, "rekey/update", "Give an old key share", kPortActs,
                                          "rekey-attempt-update"),
    route<&C::verify_state<kUnseal, kBare>>(Verb::read, "rekey/verify",
                                            "Progress of verifying the new shares", kPort,
                                            "rekey-verification-read-progress"),
    route<&C::give_verify<kUnseal, kBare>>(Verb::write, "rekey/verify", "Give a new key share back",
                                           kPortActs, "rekey-verification-update"),
    route<&C::restart_verify<kUnseal, kBare>>(Verb::erase, "rekey/verify",
                                              "Verify from the first share again", kPortActs,
                                              "rekey-verification-cancel"),
    route<&C::backup<kUnseal>>(Verb::read, "rekey/backup", "The encrypted shares that are kept",
                               engine::guarded, "rekey-read-backup-key"),
    route<&C::forget_backup<kUnseal>>(Verb::erase, "rekey/backup", "Forget the shares that are kept",
                                      engine::guarded, "rekey-delete-backup-key"),
    route<&C::backup<kRecovery>>(Verb::read, "rekey/recovery-key-backup",
                                 "The encrypted recovery shares that are kept", engine::guarded,
                                 "rekey-read-backup-recovery-key"),
    route<&C::forget_backup<kRecovery>>(Verb::erase, "rekey/recovery-key-backup",
                                        "Forget the recovery shares that are kept", engine::guarded,
                                        "rekey-delete-backup-recovery-key"),
    route<&C::rekey_state<kRecovery, kBare>>(Verb::read, "rekey-recovery-key/init",
                                             "Progress of making new recovery shares", kPort),
    route<&C::begin_rekey<kRecovery, kBare>>(Verb::write, "rekey-recovery-key/init",
                                             "Begin to make new recovery shares", kPortActs),
    route<&C::cancel_rekey<kRecovery>>(Verb::erase, "rekey-recovery-key/init", "Cancel the attempt",
                                       kPortActs),
    route<&C::give_rekey<kRecovery, kBare>>(Verb::write, "rekey-recovery-key/update",
                                            "Give an old recovery share", kPortActs),
    route<&C::verify_state<kRecovery, kBare>>(Verb::read, "rekey-recovery-key/verify",
                                              "Progress of verifying the new recovery shares", kPort),
    route<&C::give_verify<kRecovery, kBare>>(Verb::write, "rekey-recovery-key/verify",
                                             "Give a new recovery share back", kPortActs),
    route<&C::restart_verify<kRecovery, kBare>>(Verb::erase, "rekey-recovery-key/verify",
                                                "Verify from the first share again", kPortActs),

    // The same with a token.
    route<&C::rekey_state<kUnseal, kWrapped>>(Verb::read, "rotate/root/init",
                                              "Progress of making new key shares", engine::guarded,
                                              "rotate-attempt-read-progress"),
    route<&C::begin_rekey<kUnseal, kWrapped>>(Verb::write, "rotate/root/init", "Begin to make new key shares",
                                              engine::acts, "rotate-attempt-initialize"),
    route<&C::cancel_rekey<kUnseal>>(Verb::erase, "rotate/root/init", "Cancel the attempt", engine::acts,
                                     "rotate-attempt-cancel"),
    route<&C::give_rekey<kUnseal, kWrapped>>(Verb::write, "rotate/root/update", "Give an old key share",
                                             engine::acts, "rotate-attempt-update"),
    route<&C::verify_state<kUnseal, kWrapped>>(Verb::read, "rotate/root/verify",
                                               "Progress of verifying the new shares", engine::guarded,
                                               "rotate-verification-read-progress"),
    route<&C::give_verify<kUnseal, kWrapped>>(Verb::write, "rotate/root/verify", "Give a new key share back",
                                              engine::acts, "rotate-verification-update"),
    route<&C::restart_verify<kUnseal, kWrapped>>(Verb::erase, "rotate/root/verify",
                                                 "Verify from the first share again", engine::acts,
                                                 "rotate-verification-cancel"),
    route<&C::backup<kUnseal>>(Verb::read, "rotate/root/backup", "The encrypted shares that are kept",
                               engine::guarded, "rotate-read-backup-key"),
    route<&C::forget_backup<kUnseal>>(Verb::erase, "rotate/root/backup", "Forget the shares that are kept",
                                      engine::guarded, "rotate-delete-backup-key"),
    route<&C::rekey_state<kRecovery, kWrapped>>(Verb::read, "rotate/recovery/init",
                                                "Progress of making new recovery shares", engine::guarded,
                                                "rotate-attempt-read-rotate-recovery-init"),
    route<&C::begin_rekey<kRecovery, kWrapped>>(Verb::write, "rotate/recovery/init",
                                                "Begin to make new recovery shares", engine::acts,
                                                "rotate-attempt-initialize-rotate-recovery-init"),
    route<&C::cancel_rekey<kRecovery>>(Verb::erase, "rotate/recovery/init", "Cancel the attempt",
                                       engine::acts, "rotate-attempt-cancel-rotate-recovery-init"),
    route<&C::give_rekey<kRecovery, kWrapped>>(Verb::write, "rotate/recovery/update",
                                               "Give an old recovery share", engine::acts,
                                               "rotate-attempt-update-rotate-recovery-update"),
    route<&C::verify_state<kRecovery, kWrapped>>(
        Verb::read, "rotate/recovery/verify", "Progress of verifying the new recovery shares",
        engine::guarded, "rotate-verification-read-rotate-recovery-verify"),
    route<&C::give_verify<kRecovery, kWrapped>>(Verb::write, "rotate/recovery/verify",
                                                "Give a new recovery share back", engine::acts,
                                                "rotate-verification-update-rotate-recovery-verify"),
    route<&C::restart_verify<kRecovery, kWrapped>>(Verb::erase, "rotate/recovery/verify",
                                                   "Verify from the first share again", engine::acts,
                                                   "rotate-verification-cancel-rotate-recovery-verify"),
    route<&C::backup<kRecovery>>(Verb::read, "rotate/recovery/backup",
                                 "The encrypted recovery shares that are kept", engine::guarded,
                                 "rotate-read-rotate-recovery-backup"),
    route<&C::forget_backup<kRecovery>>(Verb::erase, "rotate/recovery/backup",
                                        "Forget the recovery shares that are kept", engine::guarded,
                                        "rotate-delete-rotate-recovery-backup"),

    // Keys that encrypt.
    route<&C::key_status>(Verb::read, "key-status", "The key that encrypts now", engine::guarded,
                          "status-encryption-key"),
    route<&C::rotate>(Verb::write, "rotate", "Encrypt with a new key from now on",
                      engine::sudo | engine::acts, "rotate-encryption-key"),
    route<&C::rotate>(Verb::write, "rotate/keyring", "Encrypt with a new key from now on",
                      engine::sudo | engine::acts, "rotate-rotate-keyring"),
    route<&C::rotate_root>(Verb::write, "rotate/root", "A new root key, where the server unseals by itself",
                           engine::sudo | engine::acts, "root-key-rotate"),
    route<&C::rotate_config>(Verb::read, "rotate/config", "When keys are rotated automatically",
                             engine::guarded, "read-encryption-key-config"),
    route<&C::set_rotate_config>(Verb::write, "rotate/config", "Say when keys are rotated automatically",
                                 engine::guarded, "configure-encryption-key-config"),
    route<&C::rotate_config>(Verb::read, "rotate/keyring/config", "When keys are rotated automatically",
                             engine::guarded, "read-rotate-keyring-config"),
    route<&C::set_rotate_config>(Verb::write, "rotate/keyring/config",
                                 "Say when keys are rotated automatically", engine::guarded,
                                 "configure-rotate-keyring-config"),
    route<&C::step_down>(Verb::write, "step-down", "Give up the lead of the cluster", engine::sudo,
                         "step-down-leader"),
};
}  // namespace
std::span<const engine::Route> Ceremonies::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
