// operator rekey and rotate-keys: new shares of the unseal or recovery key, made by the holders of the old.
// The same steps by two sets of paths: rekey asks sys/rekey, rotate-keys the authenticated sys/rotate.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/pgp_keys.h"
#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

constexpr Shape kStatus[] = {{"complete", Shape::truth, Shape::present},
                             {"keys", Shape::list, Shape::present},
                             {"keys_base64", Shape::list, Shape::present},
                             {"nonce"},
                             {"started", Shape::truth},
                             {"t", Shape::number},
                             {"n", Shape::number},
                             {"progress", Shape::number},
                             {"required", Shape::number},
                             {"pgp_fingerprints", Shape::list},
                             {"backup", Shape::truth},
                             {"verification_required", Shape::truth},
                             {"verification_nonce"}};
constexpr Shape kUpdate[] = {{"nonce"},
                             {"complete", Shape::truth},
                             {"keys", Shape::list},
                             {"keys_base64", Shape::list},
                             {"pgp_fingerprints", Shape::list},
                             {"backup", Shape::truth},
                             {"verification_required", Shape::truth},
                             {"verification_nonce", Shape::text, Shape::present}};
constexpr Shape kVerification[] = {{"nonce"},
                                   {"started", Shape::truth},
                                   {"t", Shape::number},
                                   {"n", Shape::number},
                                   {"progress", Shape::number}};

// What the two commands say and whom they ask.
struct Ways {
  std::string_view command, doing;
  std::string_view status;  // what reading the status is called in an error
  std::string_view canceled, past, nonce, verified;
  std::string_view init_verb;
  std::string_view barrier, recovery, barrier_backup, recovery_backup;
};
constexpr Ways kRekey{.command = "rekey",
                      .doing = "rekey",
                      .status = "rekey",
                      .canceled = "rekeying",
                      .past = "rekeyed",
                      .nonce = "Rekey operation nonce",
                      .verified =
                          "Rekey verification successful. The rekey operation is complete and the new "
                          "keys are now active.",
                      .init_verb = "PUT",
                      .barrier = "sys/rekey",
                      .recovery = "sys/rekey-recovery-key",
                      .barrier_backup = "sys/rekey/backup",
                      .recovery_backup = "sys/rekey/recovery-key-backup"};
constexpr Ways kRotate{
    .command = "rotate-keys",
    .doing = "rotation",
    .status = "rotate",
    .canceled = "rotation",
    .past = "rotated",
    .nonce = "rotation nonce",
    .verified = "Rotation verification successful. The rotation is complete and the new keys are now active.",
    .init_verb = "POST",
    .barrier = "sys/rotate/root",
    .recovery = "sys/rotate/recovery",
    .barrier_backup = "sys/rotate/root/backup",
    .recovery_backup = "sys/rotate/recovery/backup"};

std::string_view yes(bool b) { return b ? "true" : "false"; }

class Renewal {
 public:
  Renewal(Session& s, const Ways& ways) : s_(s), ways_(ways), verify_(s.flags.on("verify")) {}

  Result<int> run() {
    std::string target(trimmed(s_.flags.text("target").value_or("barrier")));
    std::transform(target.begin(), target.end(), target.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (target != "barrier" && target != "recovery" && target != "hsm")
      return fail(Code::invalid_argument, fmt::format("Unknown target: {}. Use barrier or recovery", target));
    recovery_ = target != "barrier";
    if (s_.flags.on("backup-delete")) return backup_delete();
    if (s_.flags.on("backup-retrieve")) return backup_retrieve();
    if (s_.flags.on("cancel")) return cancel();
    if (s_.flags.on("init")) return init();
    if (s_.flags.on("status")) return status();
    return provide();
  }

 private:
  std::string path(std::string_view part) const {
    return fmt::format("{}/{}", recovery_ ? ways_.recovery : ways_.barrier, part);
  }
  std::string backup() const { return std::string(recovery_ ? ways_.recovery_backup : ways_.barrier_backup); }
  std::string_view key_type() const { return recovery_ ? "recovery" : "unseal"; }
  void say(std::string_view text) { s_.console.line(wrapped_lines(text)); }
  void warn(std::string_view text) { s_.console.error_line(wrapped_lines(text)); }

  Result<int> init() {
    std::vector<std::string> pgp;
    if (const auto v = s_.flags.text("pgp-keys")) {
      SR_LET(pgp, pgp_keys(*v));
    }
    SecretText body;
    json::Writer w(body);
    w.begin_object();
    w.key("secret_shares"), w.integer(s_.flags.number("key-shares").value_or(5));
    w.key("secret_threshold"), w.integer(s_.flags.number("key-threshold").value_or(3));
    w.key("pgp_keys");
    if (pgp.empty()) {
      w.null();
    } else {
      w.begin_array();
      for (const std::string& k : pgp) w.string(k);
      w.end_array();
    }
    w.key("backup"), w.boolean(s_.flags.on("backup"));
    w.key("require_verification"), w.boolean(verify_);
    w.end_object();
    SR_LET(const Answer a,
           s_.demand({.method = std::string(ways_.init_verb), .path = path("init"), .body = std::move(body)},
                     fmt::format("Error initializing {}", ways_.doing)));
    const json::Node status = a.payload();
    const bool complete = member_truth(status, "complete");
    if (s_.format() != Format::table) return print_status(status);
    const auto n = member_number(status, "n").value_or(0), t = member_number(status, "t").value_or(0);
    if (!complete && n == 0 && t == 0) {
      s_.console.line("\nRotating barrier root key using recovery shares.\n");
      return print_status(status);
    }
    warn_of_loss(complete, !pgp.empty());
    if (!complete) return print_status(status);
    s_.console.line("");
    print_keys(status);
    return print_outcome(status, n, t);
  }

  void warn_of_loss(bool complete, bool pgp) {
    const std::string again = complete ? "rerunning this operation and re-initializing"
                                       : "canceling this operation and re-initializing";
    if (!pgp)
      warn(fmt::format(
          "WARNING! If you lose the keys{}, there is no recovery. Consider {} with the -pgp-keys "
          "flag to protect the returned {} keys along with -backup to allow recovery of the "
          "encrypted keys in case of emergency. You can delete the {} keys later using the "
          "-backup-delete flag.",
          complete ? "" : " after they are returned", again, key_type(), complete ? "backed up" : "stored"));
    else if (!s_.flags.on("backup"))
      warn(
          fmt::format("WARNING! The resulting {} keys are encrypted with PGP keys, and no backup of them is "
                      "kept. If you lose the encrypted keys you will not be able to recover them. Consider "
                      "{} with -backup. You can delete the backed up keys later using the -backup-delete "
                      "flag.",
                      key_type(), again));
    else
      return;
    s_.console.line("");
  }

  Result<int> cancel() {
    SR_LET([[maybe_unused]] const Answer a,
           s_.demand({.method = "DELETE", .path = path(verify_ ? "verify" : "init")},
                     fmt::format("Error canceling {}", ways_.doing)));
    s_.console.line(fmt::format("Success! Canceled {} (if it was started)", ways_.canceled));
    return 0;
  }

  Result<int> status() {
    SR_LET(const Answer a, s_.demand({.method = "GET", .path = path(verify_ ? "verify" : "init")},
                                     fmt::format("Error reading {} status", ways_.status)));
    return print_status(a.payload());
  }

  int print_status(json::Node status) {
    if (s_.format() != Format::table) {
      s_.print_json(view(verify_in(status) ? shaped(status, kVerification) : shaped(status, kStatus)));
      return 0;
    }
    const auto number = [&](std::string_view name) { return member_number(status, name).value_or(0); };
    Table t{"Key", "Value"};
    if (verify_in(status)) {
      t.add({"Started", yes(member_truth(status, "started"))});
      t.add({"New Shares", fmt::format("{}", number("n"))});
      t.add({"New Threshold", fmt::format("{}", number("t"))});
      t.add({"Verification Nonce", member_text(status, "nonce")});
      t.add({"Verification Progress", fmt::format("{}/{}", number("progress"), number("t"))});
      s_.print_text(t.text());
      return 0;
    }
    const bool started = member_truth(status, "started");
    t.add({"Nonce", member_text(status, "nonce")});
    t.add({"Started", yes(started)});
    if (started) {
      const auto progress = number("progress"), required = number("required");
      t.add({"Progress", fmt::format("{}/{}{}", progress, required,
                                     progress == required ? " (verification in progress)" : "")});
      if (number("n") > 0) t.add({"New Shares", fmt::format("{}", number("n"))});
      if (number("t") > 0) t.add({"New Threshold", fmt::format("{}", number("t"))});
      t.add({"Verification Required", yes(member_truth(status, "verification_required"))});
      if (const auto v = member_text(status, "verification_nonce"); !v.empty())
        t.add({"Verification Nonce", v});
    }
    if (const json::Node f = member(status, "pgp_fingerprints"); f.size() != 0) {
      t.add({"PGP Fingerprints", view(go_text(f))});
      t.add({"Backup", yes(member_truth(status, "backup"))});
    }
    s_.print_text(t.text());
    return 0;
  }
  // The status of a verification has no count of shares that are required.
  bool verify_in(json::Node status) const { return verify_ && !status.find("required"); }

  Result<int> provide() {
    SR_LET(const Answer before, s_.demand({.method = "GET", .path = path(verify_ ? "verify" : "init")},
                                          fmt::format("Error getting {} status", ways_.doing)));
    const json::Node now = before.payload();
    if (!member_truth(now, "started"))
      return fail(
          Code::failed_precondition,
          wrapped_lines(fmt::format("No {0} is in progress. Start a {0} process by running \"strongroom "
                                    "operator {1} -init\".",
                                    ways_.doing, ways_.command)));
    std::string nonce(s_.flags.text("nonce").value_or(""));
    if (s_.args().empty()) {
      nonce = member_text(now, "nonce");
      if (s_.flags.on("non-interactive"))
        return fail(Code::failed_precondition,
                    "Refusing to read from stdin with -non-interactive specified; "
                    "give - as the argument and the key on standard input, with "
                    "-nonce");
      s_.console.error_line(fmt::format("{}: {}", ways_.nonce, nonce));
    } else if (nonce.empty()) {
      return fail(Code::invalid_argument, fmt::format("Missing nonce value: specify it via the -nonce flag. "
                                                      "strongroom operator {} -status shows it",
                                                      ways_.command));
    }
    SR_LET(const SecretText key,
           s_.secret_argument(s_.args().empty() ? std::nullopt : std::optional(s_.arg(0)),
                              recovery_ ? "A recovery key" : "An unseal key",
                              fmt::format("{} Key (will be hidden): ", recovery_ ? "Recovery" : "Unseal")));
    SecretText body;
    json::Writer w(body);
    w.begin_object();
    w.key("key"), w.string(view(key));
    w.key("nonce"), w.string(nonce);
    w.end_object();
    SR_LET(const Answer a,
           s_.demand({.method = "PUT", .path = path(verify_ ? "verify" : "update"), .body = std::move(body)},
                     "Error posting unseal key"));
    const json::Node reply = a.payload();
    if (!member_truth(reply, "complete")) return status();
    if (verify_) {
      say(ways_.verified);
      return 0;
    }
    if (s_.format() != Format::table) {
      s_.print_json(view(shaped(reply, kUpdate)));
      return 0;
    }
    s_.console.line("");
    print_keys(reply);
    verification_required_ = member_truth(now, "verification_required");
    return print_outcome(reply, member_number(now, "n").value_or(0), member_number(now, "t").value_or(0));
  }

  void print_keys(json::Node reply) {
    const json::Node hex = member(reply, "keys"), base64 = member(reply, "keys_base64");
    const json::Node keys = base64.size() == hex.size() ? base64 : hex;
    std::vector<std::string_view> fingerprints;
    for (const json::Node f : member(reply, "pgp_fingerprints")) fingerprints.push_back(f.text());
    SecretText out;
    std::size_t i = 0;
    for (const json::Node k : keys) {
      out.append(i < fingerprints.size()
                     ? fmt::format("Key {} fingerprint: {}; value: ", i + 1, fingerprints[i])
                     : fmt::format("Key {}: ", i + 1));
      out.append(k.text()).append("\n");
      ++i;
    }
    s_.print_text(out);
  }

  Result<int> print_outcome(json::Node reply, std::int64_t n, std::int64_t t) {
    if (member(reply, "keys").size() == 0) {
      s_.console.line("\nBarrier root key rotated using recovery keys.");
      return 0;
    }
    if (const auto nonce = member_text(reply, "nonce"); !nonce.empty())
      s_.console.line(fmt::format("\nOperation nonce: {}", nonce));
    if (member(reply, "pgp_fingerprints").size() != 0 && member_truth(reply, "backup")) {
      s_.console.line("");
      say(fmt::format(
          "The encrypted {0} keys are backed up to \"core/{0}-keys-backup\" in the storage backend. "
          "Remove these keys at any time using \"strongroom operator {1} -backup-delete{2}\". "
          "Strongroom does not automatically remove these keys.",
          key_type(), ways_.command, recovery_ ? " -target=recovery" : ""));
    }
    s_.console.line("");
    if (!verification_required_) {
      say(fmt::format(
          "Strongroom {} keys {} to {} key shares and a key threshold of {}. Please securely "
          "distribute the key shares printed above.{}",
          key_type(), ways_.past, n, t,
          recovery_ ? ""
                    : fmt::format(" When Strongroom is re-sealed, restarted, or stopped, you must "
                                  "supply at least {} of these keys to unseal it before it can "
                                  "start servicing requests.",
                                  t)));
      return 0;
    }
    say(fmt::format(
        "Strongroom has created a new {} key, split into {} key shares and a key threshold of {}. "
        "These will not be active until after verification is complete. Please securely distribute "
        "the key shares printed above.{}",
        key_type(), n, t,
        recovery_ ? ""
                  : fmt::format(" When Strongroom is re-sealed, restarted, or stopped, you must "
                                "supply at least {} of these keys to unseal it before it can start "
                                "servicing requests.",
                                t)));
    s_.console.line("");
    warn(
        fmt::format("Again, these key shares are _not_ valid until verification is performed. Do not lose or "
                    "discard your current key shares until after verification is complete or you will be "
                    "unable to {} Strongroom. If you cancel the {} process or seal Strongroom before "
                    "verification is complete the new shares will be discarded and the current shares will "
                    "remain valid.",
                    recovery_ ? "authenticate with" : "unseal", ways_.doing));
    s_.console.line("");
    warn(fmt::format(
        "Verify the new shares with strongroom operator {} -verify. The current verification status, "
        "including initial nonce, is shown below.",
        ways_.command));
    s_.console.line("");
    verify_ = true;
    return status();
  }

  Result<int> backup_retrieve() {
    SR_LET(const Answer a, s_.demand({.method = "GET", .path = backup()},
                                     fmt::format("Error retrieving {} backed up keys", ways_.doing)));
    constexpr Shape shape[] = {{"keys", Shape::list}, {"keys_base64", Shape::list}, {"nonce"}};
    SecretText reply;
    json::Writer w(reply);
    w.begin_object();
    w.key("data"), w.raw(view(shaped(a.payload(), shape)));
    w.end_object();
    SR_LET(const Answer shown, made_answer(std::move(reply)));
    return s_.print(shown);
  }

  Result<int> backup_delete() {
    SR_LET([[maybe_unused]] const Answer a,
           s_.demand({.method = "DELETE", .path = backup()},
                     fmt::format("Error deleting {} backed up keys", ways_.doing)));
    s_.console.line("Success! Deleted backed up keys (if they existed)");
    return 0;
  }

  Session& s_;
  const Ways& ways_;
  bool verify_;
  bool recovery_ = false;
  bool verification_required_ = false;
};

Result<int> rekey(Session& s) { return Renewal(s, kRekey).run(); }
Result<int> rotate_keys(Session& s) { return Renewal(s, kRotate).run(); }

constexpr Flag kFlags[] = {
    {"init", Takes::nothing, "Begin. Prints a nonce that every share must come with."},
    {"cancel", Takes::nothing, "Forget what was given so far; with -verify only of the verification."},
    {"status", Takes::nothing, "Show how many shares were given."},
    {"key-shares", Takes::number, "With -init: new shares to make. Default 5.", {}, "n"},
    {"key-threshold", Takes::number, "With -init: new shares that are needed together. Default 3.", {}, "t"},
    {"nonce", Takes::text, "The nonce that -init printed; not needed when the share is typed at the prompt."},
    {"target", Takes::text, "barrier: the unseal key; recovery: the recovery key. Default barrier."},
    {"verify", Takes::nothing,
     "With -init: the new shares count only when they were given back. Else: give a new share, or act on the "
     "verification."},
    {"pgp-keys", Takes::text,
     "With -init: files with the public PGP key of each holder, with commas between. Each share is encrypted "
     "for its holder."},
    {"backup", Takes::nothing, "With -init and -pgp-keys: the server keeps the encrypted shares too."},
    {"backup-retrieve", Takes::nothing, "Print the encrypted shares that the server keeps."},
    {"backup-delete", Takes::nothing, "Remove them from the server."}};

constexpr Command kCommands[] = {
    {"operator rekey", "[KEY]", "Make new unseal keys by sys/rekey",
     "Without a flag it takes one of the present shares: it is asked for and not shown, or - reads it from "
     "standard input. operator rotate-keys does the same with a token; servers refuse sys/rekey unless their "
     "configuration allows it.",
     "strongroom operator rekey -init -key-shares=3 -key-threshold=2\nstrongroom operator rekey -status\n"
     "strongroom operator rekey -cancel",
     kHttp | kFormat, kFlags, 0, 1, &rekey},
    {"operator rotate-keys", "[KEY]", "Make new unseal or recovery keys",
     "Begin with -init. Then each holder gives one of the present shares: without KEY it is asked for and "
     "not "
     "shown; - reads it from standard input, and then -nonce is needed. The last one prints the new shares.",
     "strongroom operator rotate-keys -init -key-shares=3 -key-threshold=2\nstrongroom operator rotate-keys "
     "-status\nstrongroom operator rotate-keys -cancel",
     kHttp | kFormat, kFlags, 0, 1, &rotate_keys},
};

}  // namespace

std::span<const Command> key_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
