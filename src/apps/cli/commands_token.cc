// login, token and print: who the caller is.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/session.h"

namespace strongroom::apps::cli {
namespace {

SecretText object_of(std::string_view key, std::string_view value) {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key(key), w.string(value);
  w.end_object();
  return out;
}

// A token given as an argument: - is standard input, anything else draws the warning.
Result<SecretText> token_argument(Session& s, std::string_view argument) {
  if (argument == "-") {
    SR_LET(const SecretText text, s.console.read_input());
    return secret_text(trimmed(view(text)));
  }
  s.warn_typed("A token");
  return secret_text(argument);
}

// lookup-self's data as the `auth` member of a reply, as the login methods give it.
SecretText login_json(json::Node data, std::string_view token) {
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("auth");
  w.begin_object();
  w.key("client_token"), w.string(token);
  w.key("accessor"), w.string(member_text(data, "accessor"));
  w.key("policies");
  w.begin_array();
  std::vector<std::string_view> all;
  for (const std::string_view name : {"policies", "identity_policies"})
    for (const json::Node n : member(data, name))
      if (std::find(all.begin(), all.end(), n.text()) == all.end()) all.push_back(n.text());
  for (const std::string_view p : all) w.string(p);
  w.end_array();
  w.key("token_policies"), append_sorted(w, member(data, "policies"));
  w.key("identity_policies"), append_sorted(w, member(data, "identity_policies"));
  w.key("metadata"), append_sorted(w, member(data, "meta"));
  w.key("lease_duration"), w.integer(member_number(data, "ttl").value_or(0));
  w.key("renewable"), w.boolean(member_truth(data, "renewable"));
  w.end_object();
  w.end_object();
  return out;
}

Result<SecretText> token_to_log_in(Session& s) {
  SecretText token;
  if (s.args().empty()) {
    if (!s.may_ask())
      return fail(Code::failed_precondition,
                  "There is no terminal to ask for the token. Give - as the argument and the token on "
                  "standard input.");
    SR_LET(token, s.console.ask_hidden("Token (will be hidden): "));
  } else if (s.arg(0) == "-") {
    SR_LET(token, s.console.read_input());
  } else {
    std::string_view typed = s.arg(0);
    if (typed.starts_with("token=")) typed.remove_prefix(6);
    if (typed == "-") {
      SR_LET(token, s.console.read_input());
    } else if (typed.starts_with('@')) {
      SR_LET(token, read_secret_file(std::string(typed.substr(1))));
    } else {
      s.warn_typed("A token");
      token = secret_text(typed);
    }
  }
  token = secret_text(trimmed(view(token)));
  if (token.empty()) return fail(Code::invalid_argument, "A token is needed to log in, and none was given");
  if (view(token).find_first_of("\r\n") != std::string_view::npos)
    return fail(Code::invalid_argument, "A token is one line, and several were given");
  return token;
}

Result<int> login(Session& s) {
  const auto method = s.flags.text("method").value_or("token");
  if (method != "token")
    return fail(
        Code::unsupported,
        fmt::format("Unknown auth method: {}. Use \"token\"; for other methods write to their login path "
                    "and log in with the token they give",
                    method));
  if (s.args().size() > 1)
    return fail(Code::invalid_argument,
                fmt::format("Too many arguments (expected 0-1, got {})", s.args().size()));
  SR_LET(const SecretText token, token_to_log_in(s));
  const bool only_token = s.flags.on("token-only");
  SR_LET(client::Api * api, s.api());
  api->set_token(secret_text(view(token)));
  SR_LET(const Answer a,
         s.demand({.method = "GET", .path = "auth/token/lookup-self", .wrap = client::Wrap::never},
                  "Error authenticating: error looking up token"));
  const bool keep = !s.flags.on("no-store") && !only_token;
  if (keep) {
    SR_TRY(s.store_token(view(token)));
  }
  if (only_token) {
    SecretText quoted;
    json::append_quoted(quoted, view(token));
    SR_LET(const json::Doc doc, json::Doc::parse(view(quoted), reply_limits()));
    s.print_value(value_text(doc.root(), s.format()));
    return 0;
  }
  Answer shown;
  shown.status = 200;
  shown.text = std::make_unique<SecretText>(login_json(a.data(), view(token)));
  SR_LET(shown.doc, json::Doc::parse(view(*shown.text), reply_limits()));
  if (s.flags.on("no-print")) return 0;
  if (s.field() || s.format() != Format::table) return s.print(shown);
  if (!keep)
    s.console.error_line(
        "The token was not stored in token helper. Set the STRONGROOM_TOKEN environment\n"
        "variable to the token below for each command.\n");
  s.console.line(
      keep ? "Success! You are now authenticated. The token information displayed below is\n"
             "already stored in the token helper. You do NOT need to run \"strongroom login\" again.\n"
             "Future requests will automatically use this token.\n"
           : "Success! You are now authenticated.\n");
  if (keep && s.console.setting("TOKEN"))
    s.console.error_line(
        "WARNING! The environment variable STRONGROOM_TOKEN, BAO_TOKEN or VAULT_TOKEN is set. It takes "
        "precedence over the token "
        "that was stored. Unset it to use the stored one.");
  return s.print(shown);
}

Result<int> create(Session& s) {
  const Flags& f = s.flags;
  std::string path = "auth/token/create";
  if (const auto role = f.text("role"))
    path += "/" + clean_path(*role);
  else if (f.on("orphan"))
    path += "-orphan";
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  if (const auto v = f.text("id")) w.key("id"), w.string(*v);
  if (f.given("policy")) {
    w.key("policies");
    w.begin_array();
    for (const std::string_view p : f.texts("policy")) w.string(p);
    w.end_array();
  }
  if (f.given("metadata")) {
    w.key("meta");
    w.begin_object();
    for (const auto& [k, v] : f.pairs("metadata")) w.key(k), w.string(v);
    w.end_object();
  }
  for (const auto& [flag, name] : {std::pair{"ttl", "ttl"}, std::pair{"explicit-max-ttl", "explicit_max_ttl"},
                                   std::pair{"period", "period"}})
    if (const auto v = f.duration(flag)) w.key(name), w.string(*v);
  if (const auto v = f.text("display-name")) w.key("display_name"), w.string(*v);
  if (const auto v = f.number("use-limit")) w.key("num_uses"), w.integer(*v);
  if (const auto v = f.choice("renewable")) w.key("renewable"), w.boolean(*v);
  if (f.on("no-default-policy")) w.key("no_default_policy"), w.boolean(true);
  if (const auto v = f.text("type")) w.key("type"), w.string(*v);
  if (const auto v = f.text("entity-alias")) w.key("entity_alias"), w.string(*v);
  w.end_object();
  if (f.given("id")) s.warn_typed("A token");
  SR_LET(const Answer a,
         s.demand({.method = "POST", .path = path, .body = std::move(body)}, "Error creating token"));
  return s.print(a);
}

Result<int> lookup(Session& s) {
  constexpr std::string_view doing = "Error looking up token";
  if (s.flags.on("accessor")) {
    if (s.args().size() != 1)
      return fail(Code::invalid_argument, "Not enough arguments with -accessor (expected 1, got 0)");
    SR_LET(const Answer a, s.demand({.method = "POST",
                                     .path = "auth/token/lookup-accessor",
                                     .body = object_of("accessor", s.arg(0))},
                                    doing));
    return s.print(a);
  }
  if (s.args().empty()) {
    SR_LET(const Answer a, s.demand({.method = "GET", .path = "auth/token/lookup-self"}, doing));
    return s.print(a);
  }
  SR_LET(const SecretText token, token_argument(s, s.arg(0)));
  SR_LET(const Answer a,
         s.demand({.method = "POST", .path = "auth/token/lookup", .body = object_of("token", view(token))},
                  doing));
  return s.print(a);
}

Result<int> renew(Session& s) {
  constexpr std::string_view doing = "Error renewing token";
  const std::int64_t increment = s.flags.seconds("increment").value_or(0);
  const auto body = [&](std::string_view key, std::string_view value) {
    SecretText out;
    json::Writer w(out);
    w.begin_object();
    if (!key.empty()) w.key(key), w.string(value);
    w.key("increment"), w.integer(increment);
    w.end_object();
    return out;
  };
  client::Request r{.method = "PUT"};
  if (s.flags.on("accessor")) {
    if (s.args().size() != 1)
      return fail(Code::invalid_argument, "Not enough arguments with -accessor (expected 1, got 0)");
    r.path = "auth/token/renew-accessor";
    r.body = body("accessor", s.arg(0));
  } else if (s.args().empty()) {
    r.path = "auth/token/renew-self";
    r.body = body("", "");
  } else {
    SR_LET(const SecretText token, token_argument(s, s.arg(0)));
    r.path = "auth/token/renew";
    r.body = body("token", view(token));
  }
  SR_LET(const Answer a, s.demand(std::move(r), doing));
  return s.print(a);
}

Result<int> revoke(Session& s) {
  constexpr std::string_view doing = "Error revoking token";
  const bool self = s.flags.on("self");
  const bool accessor = s.flags.on("accessor");
  const auto mode = s.flags.text("mode").value_or("");
  const std::size_t given = s.args().size();
  if (!self && given == 0)
    return fail(Code::invalid_argument,
                fmt::format("Not enough arguments (expected 1 or -self, got {})", given));
  if (self && given > 0)
    return fail(Code::invalid_argument,
                fmt::format("Too many arguments with -self (expected 0, got {})", given));
  if (!mode.empty() && mode != "orphan" && mode != "path")
    return fail(Code::invalid_argument, fmt::format("Invalid mode: {}. Use orphan or path", mode));
  if (self && accessor) return fail(Code::invalid_argument, "Cannot use -self with -accessor!");
  if (self && !mode.empty()) return fail(Code::invalid_argument, "Cannot use -self with -mode!");
  if (accessor && !mode.empty())
    return fail(Code::invalid_argument, fmt::format("Cannot use -accessor with -mode={}!", mode));
  client::Request r{.method = "PUT"};
  if (self) {
    r.path = "auth/token/revoke-self";
  } else if (mode == "path") {
    r.path = "sys/leases/revoke-prefix/" + clean_path(s.arg(0));
  } else if (accessor) {
    r.path = "auth/token/revoke-accessor";
    r.body = object_of("accessor", s.arg(0));
  } else {
    SR_LET(const SecretText token, token_argument(s, s.arg(0)));
    r.path = mode == "orphan" ? "auth/token/revoke-orphan" : "auth/token/revoke";
    r.body = object_of("token", view(token));
  }
  SR_LET([[maybe_unused]] const Answer a, s.demand(std::move(r), doing));
  s.console.line("Success! Revoked token (if it existed)");
  return 0;
}

Result<int> capabilities(Session& s) {
  const bool accessor = s.flags.on("accessor");
  if (accessor && s.args().size() != 2)
    return fail(Code::invalid_argument, "-accessor takes two arguments: ACCESSOR PATH");
  const bool self = s.args().size() == 1;
  const std::string path = clean_path(s.args().back());
  SecretText subject;
  if (self) {
    SR_LET(subject, s.token());
  } else if (accessor) {
    subject = secret_text(s.arg(0));
  } else {
    SR_LET(subject, token_argument(s, s.arg(0)));
  }
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key(accessor ? "accessor" : "token"), w.string(view(subject));
  w.key("path"), w.string(path);
  w.end_object();
  SR_LET(const Answer a, s.demand({.method = "POST",
                                   .path = self       ? "sys/capabilities-self"
                                           : accessor ? "sys/capabilities-accessor"
                                                      : "sys/capabilities",
                                   .body = std::move(body)},
                                  "Error listing capabilities"));
  const json::Node top = a.data().is_object() ? a.data() : a.body();
  json::Node list = member(top, path);
  if (list.is_null()) list = member(top, "capabilities");
  std::vector<std::string_view> names;
  for (const json::Node n : list) names.push_back(n.text());
  std::sort(names.begin(), names.end());
  if (s.format() == Format::table) {
    std::string line;
    for (const std::string_view n : names) line.append(line.empty() ? "" : ", ").append(n);
    s.console.line(line);
    return 0;
  }
  SecretText out;
  json::Writer o(out);
  o.begin_array();
  for (const std::string_view n : names) o.string(n);
  o.end_array();
  s.print_json(view(out));
  return 0;
}

Result<int> print_token(Session& s) {
  SR_LET(const SecretText token, s.token());
  s.print_text(token);
  s.console.out("\n");
  return 0;
}

constexpr Flag kLogin[] = {{"method", Takes::text, "How to log in. So far: token."},
                           {"no-store", Takes::nothing, "Do not write the token to the token file."},
                           {"no-print", Takes::nothing, "Print nothing."},
                           {"token-only", Takes::nothing, "Print the token alone and store nothing."},
                           {"path", Takes::text, "Where the auth method is mounted."}};
constexpr Flag kCreate[] = {
    {"id", Takes::text, "The token itself, instead of one that is made; only for root."},
    {"policy", Takes::texts, "A policy of the token. May be repeated."},
    {"ttl", Takes::duration, "How long it lives unless renewed."},
    {"explicit-max-ttl", Takes::duration, "How long it lives at most."},
    {"period", Takes::duration, "Each renewal gives this time; it may be renewed for ever."},
    {"renewable", Takes::nothing, "=false: it cannot be renewed."},
    {"orphan", Takes::nothing, "It outlives the token that makes it."},
    {"no-default-policy", Takes::nothing, "Without the policy \"default\"."},
    {"use-limit", Takes::number, "It may be used so many times."},
    {"display-name", Takes::text, "A name for the audit log."},
    {"metadata", Takes::pairs, "A note KEY=VALUE. May be repeated."},
    {"role", Takes::text, "Make it by this token role."},
    {"type", Takes::text, "service or batch."},
    {"entity-alias", Takes::text, "Entity alias, with -role."}};
constexpr Flag kAccessor[] = {{"accessor", Takes::nothing, "The argument is an accessor, not a token."}};
constexpr Flag kRenew[] = {{"accessor", Takes::nothing, "The argument is an accessor, not a token."},
                           {"increment", Takes::duration, "Ask for this time.", {}, "i"}};
constexpr Flag kRevoke[] = {
    {"accessor", Takes::nothing, "The argument is an accessor, not a token."},
    {"self", Takes::nothing, "Revoke the token that asks."},
    {"mode", Takes::text, "orphan: its children stay; path: revoke all leases below the path."}};

constexpr Command kCommands[] = {
    {"login", "[TOKEN]", "Check a token and keep it for later commands",
     "Without TOKEN it is asked for and not shown; - reads it from standard input. It is kept in "
     "~/.vault-token, readable by you alone.",
     "strongroom login\nstrongroom login - < token.txt", kHttp | kFormat | kField, kLogin, 0, kAny, &login},
    {"token create", "", "Make a token",
     "It becomes a child of the token that asks and dies with it, unless -orphan is given.",
     "strongroom token create -policy=default -ttl=1h\nstrongroom token create -policy=default -field=token",
     kHttp | kFormat | kField, kCreate, 0, 0, &create},
    {"token lookup", "[TOKEN]", "Show a token's properties",
     "Without TOKEN: of the token that asks; - reads it from standard input.", "strongroom token lookup",
     kHttp | kFormat | kField, kAccessor, 0, 1, &lookup},
    {"token renew", "[TOKEN]", "Prolong a token",
     "Without TOKEN: the token that asks; - reads it from standard input.",
     "strongroom token renew -increment=30m - < token.txt", kHttp | kFormat | kField, kRenew, 0, 1, &renew},
    {"token revoke", "[TOKEN]", "Revoke a token and its children", "- reads the token from standard input.",
     "strongroom token revoke - < token.txt", kHttp, kRevoke, 0, 1, &revoke},
    {"token capabilities", "[TOKEN] PATH", "Show what a token may do at a path",
     "Without TOKEN: the token that asks; - reads it from standard input.",
     "strongroom token capabilities secret/data/app", kHttp | kFormat, kAccessor, 1, 2, &capabilities},
    {"print token",
     "",
     "Print the token that commands use",
     "",
     "strongroom print token",
     0,
     {},
     0,
     0,
     &print_token},
};

}  // namespace

std::span<const Command> token_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
