// status and operator: the state of the server, its initialisation and its seal.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/pgp_keys.h"
#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

// Order and names of the client library's seal status; "?" marks texts that are left out when empty.
constexpr std::pair<std::string_view, char> kStatusFields[] = {{"type", 't'},
                                                               {"initialized", 'b'},
                                                               {"sealed", 'b'},
                                                               {"t", 'n'},
                                                               {"n", 'n'},
                                                               {"progress", 'n'},
                                                               {"nonce", 't'},
                                                               {"version", 't'},
                                                               {"commit_date", 't'},
                                                               {"migration", 'b'},
                                                               {"cluster_name", '?'},
                                                               {"cluster_id", '?'},
                                                               {"recovery_seal", 'b'},
                                                               {"storage_type", '?'},
                                                               {"build_date", 't'}};
constexpr std::string_view kLeaderFields[] = {
    "is_self",           "active_time", "leader_address", "leader_cluster_address", "raft_committed_index",
    "raft_applied_index"};

std::string_view yes(bool b) { return b ? "true" : "false"; }

int print_status(Session& s, json::Node seal, json::Node leader, std::string_view audit_key) {
  const bool ha = member_truth(leader, "ha_enabled");
  SecretText all;
  json::Writer w(all);
  w.begin_object();
  for (const auto& [name, kind] : kStatusFields) {
    const json::Node n = member(seal, name);
    if (kind == '?' && member_text(seal, name).empty()) continue;
    w.key(name);
    if (!n.is_null())
      append_sorted(w, n);
    else
      w.raw(kind == 'b' ? "false" : kind == 'n' ? "0" : "\"\"");
  }
  if (!audit_key.empty()) w.key("audit_verifier_key"), w.string(audit_key);
  w.key("ha_enabled"), w.boolean(ha);
  for (const std::string_view name : kLeaderFields) {
    const json::Node n = member(leader, name);
    if (!ha || n.is_null()) continue;
    w.key(name);
    append_sorted(w, n);
  }
  w.end_object();
  auto doc = json::Doc::parse(view(all), reply_limits());
  if (!doc) return 1;
  if (const auto name = s.field()) return s.print_field(doc->root(), *name);
  if (s.format() != Format::table) {
    s.print_json(view(all));
    return 0;
  }
  Table t{"Key", "Value"};
  const bool sealed = member_truth(seal, "sealed");
  const bool recovery = member_truth(seal, "recovery_seal");
  const auto number = [&](std::string_view name) {
    return fmt::format("{}", member_number(seal, name).value_or(0));
  };
  t.add({recovery ? "Recovery Seal Type" : "Seal Type", member_text(seal, "type")});
  t.add({"Initialized", yes(member_truth(seal, "initialized"))});
  t.add({"Sealed", yes(sealed)});
  t.add({recovery ? "Total Recovery Shares" : "Total Shares", number("n")});
  t.add({"Threshold", number("t")});
  if (sealed) {
    t.add({"Unseal Progress", number("progress") + "/" + number("t")});
    t.add({"Unseal Nonce", member_text(seal, "nonce")});
  }
  if (member_truth(seal, "migration")) t.add({"Seal Migration in Progress", "true"});
  t.add({"Version", member_text(seal, "version")});
  if (const auto v = member_text(seal, "commit_date"); !v.empty()) t.add({"Commit Date", v});
  if (const auto v = member_text(seal, "build_date"); !v.empty()) t.add({"Build Date", v});
  t.add({"Storage Type", member_text(seal, "storage_type")});
  if (const auto v = member_text(seal, "cluster_name"); !v.empty()) {
    t.add({"Cluster Name", v});
    t.add({"Cluster ID", member_text(seal, "cluster_id")});
  }
  t.add({"HA Enabled", yes(ha)});
  if (ha) {
    const auto address = member_text(leader, "leader_address");
    const auto cluster = member_text(leader, "leader_cluster_address");
    const bool self = member_truth(leader, "is_self");
    t.add({"HA Cluster", cluster.empty() ? "n/a" : cluster});
    t.add({"HA Mode", sealed ? "sealed" : self ? "active" : "standby"});
    if (self) t.add({"Active Since", member_text(leader, "active_time")});
    if (!self) t.add({"Active Node Address", address.empty() ? "<none>" : address});
    if (const auto v = member_number(leader, "raft_committed_index"))
      t.add({"Raft Committed Index", fmt::format("{}", *v)});
    if (const auto v = member_number(leader, "raft_applied_index"))
      t.add({"Raft Applied Index", fmt::format("{}", *v)});
  }
  if (!audit_key.empty()) t.add({"Audit Verifier Key", audit_key});
  s.print_text(t.text());
  return 0;
}

// The state of the seal with what two more questions tell: the leader, and the key of the audit log, which
// other servers (they have a date of their build) do not have and are not asked for.
int print_with_leader(Session& s, json::Node seal) {
  std::string key;
  if (!member_truth(seal, "sealed") && member_text(seal, "commit_date").empty() &&
      member_text(seal, "build_date").empty()) {
    const auto a = s.ask_first({.method = "GET", .path = "sys/internal/audit/key"}, "");
    if (a && a->ok()) key = member_text(a->data(), "verifier_key");
  }
  const auto leader = s.ask_first({.method = "GET", .path = "sys/leader"}, "");
  return print_status(s, seal, leader && leader->ok() ? leader->body() : json::Node{}, key);
}

Result<int> status(Session& s) {
  // Whatever goes wrong here is 1: 2 says that the server is sealed.
  auto a = s.demand({.method = "GET", .path = "sys/seal-status"}, "Error checking seal status");
  if (!a) {
    if (s.shown()) return 0;
    return fail(Code::failed_precondition, a.error().message);
  }
  const int printed = print_with_leader(s, a->body());
  if (printed != 0) return printed;
  return member_truth(a->body(), "sealed") ? 2 : 0;
}

// The members a script reads, named as Vault's command names them.
SecretText init_json(json::Node reply, std::int64_t threshold) {
  const auto keys = static_cast<std::int64_t>(member(reply, "keys").size());
  const json::Node recovery = member(reply, "recovery_keys");
  const auto recovered = static_cast<std::int64_t>(recovery.size());
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("unseal_keys_b64"), append_sorted(w, member(reply, "keys_base64"));
  w.key("unseal_keys_hex"), append_sorted(w, member(reply, "keys"));
  w.key("unseal_shares"), w.integer(recovered == 0 ? keys : 1);
  w.key("unseal_threshold"), w.integer(recovered != 0 ? 1 : keys == 0 ? 0 : threshold);
  w.key("recovery_keys_b64"), append_sorted(w, member(reply, "recovery_keys_base64"));
  w.key("recovery_keys_hex"), append_sorted(w, recovery);
  w.key("recovery_keys_shares"), w.integer(recovered);
  w.key("recovery_keys_threshold"), w.integer(recovered == 0 ? 0 : threshold);
  w.key("root_token"), append_sorted(w, member(reply, "root_token"));
  constexpr std::string_view known[] = {"keys", "keys_base64", "recovery_keys", "recovery_keys_base64",
                                        "root_token"};
  for (const json::Node n : reply)
    if (std::find(std::begin(known), std::end(known), n.key()) == std::end(known))
      w.key(n.key()), append_sorted(w, n);
  w.end_object();
  return out;
}

Result<int> init(Session& s) {
  if (s.flags.on("status")) {
    auto a = s.demand({.method = "GET", .path = "sys/init"}, "Error checking initialization status");
    if (!a) {
      if (s.shown()) return 0;
      return fail(Code::failed_precondition, a.error().message);
    }
    const bool done = member_truth(a->body(), "initialized");
    if (s.format() != Format::table)
      s.print_json(fmt::format("{{\"Initialized\":{}}}", done));
    else
      s.console.line(done ? "Strongroom is initialized" : "Strongroom is not initialized");
    return done ? 0 : 2;
  }
  const auto seal = s.ask_first({.method = "GET", .path = "sys/seal-status"}, "Error initializing");
  if (!seal) return std::unexpected(seal.error());
  // A seal that opens by itself has recovery keys (some have none) in place of key shares.
  const bool recovery_seal = member_truth(seal->body(), "recovery_seal");
  const bool automatic = recovery_seal || (seal->ok() && member_text(seal->body(), "type") != "shamir");
  const auto number = [&](std::string_view name, std::int64_t otherwise) {
    return s.flags.number(name).value_or(otherwise);
  };
  const std::int64_t shares = automatic ? number("recovery-shares", 5) : number("key-shares", 5);
  const std::int64_t threshold = automatic ? number("recovery-threshold", 3) : number("key-threshold", 3);
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  const auto add = [&](std::string_view flag, std::string_view name, bool always, std::int64_t otherwise) {
    if (always || s.flags.given(flag)) w.key(name), w.integer(number(flag, otherwise));
  };
  add("key-shares", "secret_shares", !automatic, 5);
  add("key-threshold", "secret_threshold", !automatic, 3);
  add("recovery-shares", "recovery_shares", recovery_seal, 5);
  add("recovery-threshold", "recovery_threshold", recovery_seal, 3);
  for (const auto& [flag, name] :
       {std::pair{"pgp-keys", "pgp_keys"}, std::pair{"recovery-pgp-keys", "recovery_pgp_keys"}}) {
    const auto files = s.flags.text(flag);
    if (!files) continue;
    SR_LET(const auto keys, pgp_keys(*files));
    w.key(name);
    w.begin_array();
    for (const std::string& k : keys) w.string(k);
    w.end_array();
  }
  if (const auto file = s.flags.text("root-token-pgp-key")) {
    SR_LET(const std::string key, pgp_key(*file));
    w.key("root_token_pgp_key"), w.string(key);
  }
  w.end_object();
  SR_LET(const Answer a,
         s.demand({.method = "PUT", .path = "sys/init", .body = std::move(body)}, "Error initializing"));
  const json::Node reply = a.body();
  if (s.format() != Format::table) {
    s.print_json(view(init_json(reply, threshold)));
    return 0;
  }
  const json::Node keys = member(reply, "keys_base64");
  const json::Node recovery = member(reply, "recovery_keys_base64");
  SecretText out;
  std::size_t i = 0;
  for (const json::Node k : keys)
    out.append(fmt::format("Unseal Key {}: ", ++i)).append(k.text()).append("\n");
  i = 0;
  for (const json::Node k : recovery)
    out.append(fmt::format("Recovery Key {}: ", ++i)).append(k.text()).append("\n");
  out.append("\nInitial Root Token: ").append(member_text(reply, "root_token")).append("\n");
  if (const auto key = member_text(reply, "audit_verifier_key"); !key.empty())
    out.append("\nAudit Verifier Key: ").append(key).append("\n");
  if (keys.size() != 0)
    out.append(
        fmt::format("\nStrongroom initialized with {} key shares and a key threshold of {}. Please securely\n"
                    "distribute the key shares printed above. When Strongroom is re-sealed,\n"
                    "restarted, or stopped, you must supply at least {} of these keys to unseal it\n"
                    "before it can start servicing requests.\n\n"
                    "Strongroom does not store the generated root key. Without at least {} keys to\n"
                    "reconstruct the root key, it will remain permanently sealed!\n",
                    shares, threshold, threshold, threshold));
  else if (recovery.size() != 0)
    out.append(fmt::format(
        "\nStrongroom initialized with {} recovery shares and a recovery threshold of {}. Please securely\n"
        "distribute the recovery keys printed above. The seal unseals by itself.\n",
        shares, threshold));
  else
    out.append("\nStrongroom is initialized. Its seal opens by itself: there are no key shares to keep.\n");
  s.print_text(out);
  return 0;
}

Result<int> unseal(Session& s) {
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  if (s.flags.on("reset")) {
    w.key("reset"), w.boolean(true);
  } else {
    SecretText key;
    if (s.args().empty() || s.arg(0) == "-") {
      if (s.args().empty() && s.may_ask()) {
        SR_LET(key, s.console.ask_hidden("Unseal Key (will be hidden): "));
      } else if (s.args().empty()) {
        return fail(Code::failed_precondition,
                    "There is no terminal to ask for the unseal key. Give - as the argument and the key on "
                    "standard input, "
                    "or run the command on a terminal.");
      } else {
        SR_LET(key, s.console.read_input());
      }
    } else {
      s.warn_typed("An unseal key");
      key = secret_text(s.arg(0));
    }
    if (trimmed(view(key)).empty())
      return fail(Code::failed_precondition, "A share of the unseal key is needed, and none was given");
    w.key("key"), w.string(trimmed(view(key)));
    if (s.flags.on("migrate")) w.key("migrate"), w.boolean(true);
  }
  w.end_object();
  SR_LET(const Answer a,
         s.demand({.method = "PUT", .path = "sys/unseal", .body = std::move(body)}, "Error unsealing"));
  return print_with_leader(s, a.body());
}

Result<int> seal(Session& s) {
  SR_LET([[maybe_unused]] const Answer a, s.demand({.method = "PUT", .path = "sys/seal"}, "Error sealing"));
  s.console.line("Success! Strongroom is sealed.");
  return 0;
}

constexpr Flag kInit[] = {
    {"status", Takes::nothing, "Only say whether the server is initialized: exit code 0 yes, 2 no."},
    {"key-shares", Takes::number, "Key shares to make. Default 5.", {}, "n"},
    {"key-threshold", Takes::number, "Shares that together unseal. Default 3.", {}, "t"},
    {"recovery-shares", Takes::number,
     "With a seal that unseals by itself: recovery keys to make. Default 5."},
    {"recovery-threshold", Takes::number, "Recovery keys that are needed together. Default 3."},
    {"pgp-keys", Takes::text,
     "Files with the public PGP key of each holder, with commas between. Each share is encrypted for its "
     "holder."},
    {"recovery-pgp-keys", Takes::text, "The same for recovery keys."},
    {"root-token-pgp-key", Takes::text,
     "File with the public PGP key that the root token is encrypted for."}};
constexpr Flag kUnseal[] = {{"reset", Takes::nothing, "Forget the shares that were given so far."},
                            {"migrate", Takes::nothing, "The share is for a change of the seal."}};

constexpr Command kCommands[] = {
    {"status",
     "",
     "Show whether the server is sealed",
     "The exit code is 0 unsealed, 1 error, 2 sealed.",
     "strongroom status\nstrongroom status -format=json",
     kHttp | kFormat | kField,
     {},
     0,
     0,
     &status},
    {"operator init", "", "Initialize a new server",
     "Prints the unseal keys and the first root token, once. Give each key to another person.",
     "strongroom operator init -key-shares=3 -key-threshold=2", kHttp | kFormat, kInit, 0, 0, &init},
    {"operator unseal", "[KEY]", "Give one share of the unseal key",
     "Without KEY it is asked for and not shown; - reads it from standard input.",
     "strongroom operator unseal\nstrongroom operator unseal - < share.txt", kHttp | kFormat, kUnseal, 0, 1,
     &unseal},
    {"operator seal",
     "",
     "Seal the server",
     "Nothing can be read until enough shares are given again.",
     "strongroom operator seal",
     kHttp,
     {},
     0,
     0,
     &seal},
};

}  // namespace

std::span<const Command> server_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
