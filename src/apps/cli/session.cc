#include "apps/cli/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/cli/token_helper.h"
#include "base/time.h"

namespace strongroom::apps::cli {
namespace {

// Paths whose every use needs the sudo capability (Vault API: root-protected paths), for -output-policy. A
// path that ends with "/" stands for all below it.
constexpr std::string_view kSudo[] = {"auth/token/accessors",
                                      "pki/root",
                                      "pki/root/sign-self-issued",
                                      "sys/audit",
                                      "sys/audit/",
                                      "sys/auth/",
                                      "sys/config/auditing/request-headers",
                                      "sys/config/auditing/request-headers/",
                                      "sys/config/cors",
                                      "sys/config/ui/headers",
                                      "sys/config/ui/headers/",
                                      "sys/internal/audit/",
                                      "sys/internal/inspect/request",
                                      "sys/internal/inspect/router/",
                                      "sys/internal/store/",
                                      "sys/leases",
                                      "sys/leases/lookup/",
                                      "sys/leases/revoke-force/",
                                      "sys/leases/revoke-prefix/",
                                      "sys/plugins/catalog/",
                                      "sys/raw",
                                      "sys/raw/",
                                      "sys/remount",
                                      "sys/revoke-force/",
                                      "sys/revoke-prefix/",
                                      "sys/rotate",
                                      "sys/rotate/keyring",
                                      "sys/rotate/root"};

bool needs_sudo(std::string_view path) {
  for (const std::string_view p : kSudo)
    if (p.ends_with('/') ? path.size() > p.size() && path.starts_with(p) : path == p) return true;
  return false;
}

bool truth_of(const std::optional<std::string>& v) { return v && is_true(*v); }

std::string shell_quoted(std::string_view s) {
  std::string out = "'";
  for (const char c : s) {
    if (c == '\'')
      out += "'\\''";
    else
      out.push_back(c);
  }
  return out + "'";
}

}  // namespace

bool is_true(std::string_view v) { return parse_bool(v).value_or(false); }

std::string clean_path(std::string_view s) {
  s = trimmed(s);
  while (s.starts_with('/')) s.remove_prefix(1);
  while (s.ends_with('/')) s.remove_suffix(1);
  return std::string(s);
}

SecretText secret_text(std::string_view s) { return {s.begin(), s.end()}; }
json::Node member(json::Node n, std::string_view name) {
  const auto found = n.find(name);
  return found ? *found : json::Node{};
}
std::string_view member_text(json::Node n, std::string_view name) {
  const json::Node m = member(n, name);
  return m.is_string() ? m.text() : std::string_view{};
}
std::optional<std::int64_t> member_number(json::Node n, std::string_view name) {
  return member(n, name).integer();
}
bool member_truth(json::Node n, std::string_view name) {
  const json::Node m = member(n, name);
  return m.kind() == json::Kind::boolean && m.boolean();
}
json::Node Answer::data() const { return member(body(), "data"); }

Status Session::settle_format() {
  const bool has_format = (command.shared & kFormat) != 0;
  std::string chosen;
  if (const auto v = flags.text("format"))
    chosen = *v;
  else if (has_format)
    chosen = console.setting("FORMAT").value_or("");
  const auto parsed = parse_format(chosen);
  if (!parsed)
    return fail(Code::invalid_argument,
                fmt::format("Invalid output format: {}. Use table, json, yaml or raw", chosen));
  if (*parsed == Format::raw && command.name != "read")
    return fail(Code::invalid_argument, "This command does not support the -format=raw option.");
  format_ = *parsed;
  return {};
}

std::string Session::address() const {
  std::string out = client::Options{}.address;
  for (const auto& [flag, variable] :
       {std::pair{"address", "ADDR"}, std::pair{"agent-address", "AGENT_ADDR"}}) {
    if (const auto v = flags.text(flag)) {
      if (!v->empty()) out = *v;
    } else if (auto set = console.setting(variable); set && !set->empty()) {
      out = std::move(*set);
    }
  }
  return out;
}

Result<SecretText> Session::token() const {
  if (auto v = console.setting("TOKEN"); v && !trimmed(*v).empty()) {
    SecretText t = secret_text(trimmed(*v));
    wipe(*v);
    return t;
  }
  SR_LET(const TokenKeeper keeper, TokenKeeper::open(console, address()));
  return keeper.get();
}

Status Session::store_token(std::string_view token) const {
  SR_LET(const TokenKeeper keeper, TokenKeeper::open(console, address()));
  return keeper.store(token);
}

Result<SecretText> Session::secret_argument(std::optional<std::string_view> argument, std::string_view what,
                                            std::string_view prompt) {
  SecretText given;
  if (argument && *argument == "-") {
    SR_LET(given, console.read_input());
  } else if (argument && !argument->empty()) {
    warn_typed(what);
    given = secret_text(*argument);
  } else if (may_ask()) {
    SR_LET(given, console.ask_hidden(prompt));
  } else {
    return fail(
        Code::failed_precondition,
        fmt::format("{} is needed, and there is no terminal to ask for it. Give - as the argument and "
                    "it on standard input, or run the command on a terminal.",
                    what));
  }
  return secret_text(trimmed(view(given)));
}

int Session::nothing_at(std::string_view path) {
  console.error_line(fmt::format("No value found at {}", path));
  if (!reason_.empty()) console.error_line("\nThe server gave this reason:\n\n" + reason_);
  return 2;
}

void Session::warn_typed(std::string_view what) {
  console.err(fmt::format(
      "WARNING! {} stood on the command line, where the shell's history and other users of this machine can "
      "see it.\nNext time give it by standard input (-), from a file (@FILE) or at the prompt.\n",
      what));
}

Result<client::Api*> Session::api() {
  if (api_) return &*api_;
  SR_LET(client::Api opened, open_api());
  api_.emplace(std::move(opened));
  return &*api_;
}

Result<client::Api> Session::open_api() const {
  client::Options o;
  const auto setting = [&](std::string_view flag, std::string_view variable) -> std::string {
    if (const auto v = flags.text(flag)) return std::string(*v);
    return console.setting(variable).value_or("");
  };
  o.address = address();
  o.tls.ca_file = setting("ca-cert", "CACERT");
  o.tls.ca_path = setting("ca-path", "CAPATH");
  if (!flags.given("ca-cert")) o.tls.ca_pem = console.setting("CACERT_BYTES").value_or("");
  o.tls.client_cert = setting("client-cert", "CLIENT_CERT");
  o.tls.client_key = setting("client-key", "CLIENT_KEY");
  const auto pem = [&](std::string_view flag, std::string_view variable, SecretText& out) {
    if (flags.given(flag)) return;
    if (auto v = console.setting(variable)) {
      out = secret_text(*v);
      wipe(*v);
    }
  };
  pem("client-cert", "CLIENT_CERT_BYTES", o.tls.client_cert_pem);
  pem("client-key", "CLIENT_KEY_BYTES", o.tls.client_key_pem);
  o.tls.server_name = setting("tls-server-name", "TLS_SERVER_NAME");
  if (flags.choice("tls-skip-verify").value_or(truth_of(console.setting("SKIP_VERIFY"))))
    o.tls.verify = client::Verify::nothing;
  if (flags.choice("disable-redirects").value_or(truth_of(console.setting("DISABLE_REDIRECTS"))))
    o.redirects = client::Redirects::none;
  o.name_space = clean_path(setting("namespace", "NAMESPACE"));
  o.wrap_ttl = flags.duration("wrap-ttl").value_or("");
  if (o.wrap_ttl.empty()) o.wrap_ttl = console.setting("WRAP_TTL").value_or("");
  o.proxy = console.setting("PROXY_ADDR").value_or("");
  if (o.proxy.empty()) o.proxy = console.setting("HTTP_PROXY").value_or("");
  o.retries = 0;
  if (const auto v = console.setting("MAX_RETRIES"); v && !v->empty()) {
    const auto [end, error] = std::from_chars(v->data(), v->data() + v->size(), o.retries);
    if (error != std::errc{} || end != v->data() + v->size() || o.retries > 100)
      return fail(Code::invalid_argument, "the variable MAX_RETRIES must be a whole number up to 100");
  }
  if (const auto v = console.setting("RATE_LIMIT"); v && !v->empty()) {
    double rate = 0;
    const std::string_view number = std::string_view(*v).substr(0, v->find(':'));
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rate);
    if (error != std::errc{} || end != number.data() + number.size() || rate <= 0)
      return fail(Code::invalid_argument, "the variable RATE_LIMIT must be requests a second, for example 5");
    o.gap = Nanoseconds(static_cast<std::int64_t>(1e9 / rate));
  }
  if (const auto v = console.setting("CLIENT_TIMEOUT"); v && !v->empty()) {
    const auto d = parse_duration(*v);
    if (!d || d->count() <= 0)
      return fail(Code::invalid_argument, "the variable CLIENT_TIMEOUT must be a duration like 60s");
    o.timeout = std::max(Seconds(1), std::chrono::duration_cast<Seconds>(*d));
  }
  for (const auto& [name, value] : flags.pairs("header")) {
    std::string lower(name.substr(0, 8));
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (lower == "x-vault-")
      return fail(Code::invalid_argument,
                  "-header cannot set X-Vault- headers; they have flags of their own");
    o.headers.emplace_back(name, secret_text(value));
  }
  if (const auto v = setting("mfa", "MFA"); !v.empty()) o.headers.emplace_back("X-Vault-MFA", secret_text(v));
  if (flags.on("policy-override")) o.headers.emplace_back("X-Vault-Policy-Override", secret_text("true"));
  if (const auto v = flags.text("unlock-key")) o.headers.emplace_back("X-Vault-Unlock-Key", secret_text(*v));
  SR_LET(o.token, token());
  return client::Api::open(std::move(o));
}

void Session::show(const client::Request& r) {
  shown_ = true;
  const auto& api = *api_;
  const std::string_view method = client::wire_method(r.method);
  if (flags.on("output-policy")) {
    std::string capabilities = r.method == "LIST"   ? "\"list\""
                               : r.method == "SCAN" ? "\"scan\""
                               : method == "GET"    ? "\"read\""
                               : method == "DELETE" ? "\"delete\""
                               : method == "PATCH"  ? "\"patch\""
                                                    : "\"create\", \"update\"";
    if (needs_sudo(r.path)) capabilities += ", \"sudo\"";
    console.out(fmt::format("path \"{}\" {{\n  capabilities = [{}]\n}}\n", r.path, capabilities));
    return;
  }
  std::string out = "curl";
  if (method != "GET") out += fmt::format(" -X {}", method);
  const auto& o = api.options();
  if (o.tls.verify == client::Verify::nothing) out += " --insecure";
  if (!o.tls.ca_file.empty()) out += " --cacert " + shell_quoted(o.tls.ca_file);
  if (!o.tls.ca_path.empty()) out += " --capath " + shell_quoted(o.tls.ca_path);
  if (!o.tls.client_cert.empty())
    out += " --cert " + shell_quoted(o.tls.client_cert) + " --key " + shell_quoted(o.tls.client_key);
  if (o.address.starts_with("unix://")) out += " --unix-socket " + shell_quoted(o.address.substr(7));
  out += " -H \"X-Vault-Request: true\"";
  if (!o.token.empty()) out += " -H \"X-Vault-Token: $(strongroom print token)\"";
  if (!o.name_space.empty()) out += " -H " + shell_quoted("X-Vault-Namespace: " + o.name_space);
  if (!o.wrap_ttl.empty()) out += " -H " + shell_quoted("X-Vault-Wrap-TTL: " + o.wrap_ttl);
  for (const auto& [name, value] : o.headers)
    out += " -H " + shell_quoted(name + ": " + std::string(view(value)));
  if (method == "PATCH") out += " -H \"Content-Type: application/merge-patch+json\"";
  if (!r.body.empty()) out += " -d " + shell_quoted(view(r.body));
  console.out(out + " " + shell_quoted(api.url_of(r)) + "\n");
}

Result<Answer> Session::send(const client::Request& r, std::string_view doing) {
  auto opened = api();
  if (!opened) return std::unexpected(std::move(opened).error());
  auto reply = (*opened)->send(r);
  if (!reply) {
    Error e = std::move(reply).error();
    if (!doing.empty()) e.message = fmt::format("{}: {}", doing, e.message);
    return std::unexpected(std::move(e));
  }
  Answer a;
  a.status = reply->status;
  a.method = std::move(reply->method);
  a.url = std::move(reply->url);
  a.text = std::make_unique<SecretText>(std::move(reply->body));
  if (!a.text->empty()) {
    auto doc = json::Doc::parse(view(*a.text), reply_limits());
    if (doc)
      a.doc.emplace(*std::move(doc));
    else if (a.ok())
      return fail(
          Code::internal,
          fmt::format(
              "{}{}{} {} did not answer with JSON; is this the address of a Strongroom or Vault server?",
              doing, doing.empty() ? "" : ": ", a.method, a.url));
  }
  return a;
}

Result<Answer> Session::ask_first(client::Request r, std::string_view doing) {
  r.wrap = client::Wrap::never;
  return send(r, doing);
}

Result<Answer> Session::ask(client::Request r, std::string_view doing) {
  if (flags.on("output-curl-string") || flags.on("output-policy")) {
    auto opened = api();
    if (!opened) return std::unexpected(std::move(opened).error());
    show(r);
    return fail(Code::internal, "");  // shown() tells that this is no failure
  }
  SR_LET(Answer a, send(r, doing));
  if (a.ok() && member(a.body(), "wrap_info").is_object() && !a.data().is_object()) {
    shown_code_ = print(a);
    shown_ = true;
    return fail(Code::internal, "");
  }
  return a;
}

std::unexpected<Error> Session::refusal(const Answer& a, std::string_view doing) const {
  std::string text(doing);
  if (!text.empty()) text += ": ";
  text += "Error making API request.\n\n";
  if (!api_->options().name_space.empty())
    text += fmt::format("Namespace: {}/\n", api_->options().name_space);
  text += fmt::format("URL: {} {}\nCode: {}. ", a.method, a.url, a.status);
  const json::Node errors = member(a.body(), "errors");
  if (errors.is_array()) {
    text += "Errors:\n\n";
    bool first = true;
    for (const json::Node e : errors) {
      if (!first) text += "\n";
      first = false;
      text += fmt::format("* {}", e.text());
    }
  } else if (const std::string warnings = warnings_text(a.body()); !warnings.empty()) {
    text += "Errors:\n\n\n" + warnings;
  } else {
    text += "Raw Message:\n\n";
    text += view(*a.text);
  }
  std::string next;
  if (a.status == 503 && text.find("sealed") != std::string::npos)
    next = "\n\nUnseal the server first: strongroom operator unseal (a new server: strongroom operator init)";
  else if (a.status == 403 && api_->options().token.empty())
    next = "\n\nNo token was sent. Log in first: strongroom login";
  else if (a.status == 403 && a.url.find("/sys/internal/ui/mounts/") != std::string::npos)
    next =
        "\n\nIs an engine mounted at this path (strongroom secrets list), and is the token still good "
        "(strongroom token lookup)?";
  else if (a.status == 403 && doing.starts_with("Error authenticating"))
    next = "\n\nThe server does not know this token, or it has ended.";
  else if (a.status == 405 && a.url.find("/sys/rekey") != std::string::npos)
    next =
        "\n\nThis listener does not open this path. strongroom operator rotate-keys does the same with a "
        "token; "
        "or set disable_unauthed_rekey_endpoints = false in the listener's configuration.";
  else if (a.status == 404 && text.find("unsupported path") != std::string::npos)
    next = "\n\nThis server has no such path. strongroom path-help sys lists those it has.";
  else if (a.status == 400 && text.find("* Vault is not initialized") != std::string::npos)
    next = "\n\nInitialize the server first: strongroom operator init";
  else if (a.status == 400 && text.find("* the key shares do not open this store") != std::string::npos)
    next =
        "\n\nAt least one share was wrong or of another server. The count begins again: give all shares "
        "anew.";
  return fail(Code::unavailable, text + next);
}

Result<Answer> Session::demand(client::Request r, std::string_view doing) {
  SR_LET(Answer a, ask(std::move(r), doing));
  if (!a.ok()) return refusal(a, doing);
  return a;
}

Result<std::optional<Answer>> Session::look(client::Request r, std::string_view doing) {
  SR_LET(Answer a, ask(std::move(r), doing));
  if (a.status == 404) {
    reason_.clear();
    for (const json::Node e : member(a.body(), "errors"))
      reason_ += fmt::format("{}* {}", reason_.empty() ? "" : "\n", e.text());
    if (a.data().is_object() || member(a.body(), "warnings").size() != 0) return std::optional(std::move(a));
    return std::optional<Answer>{};
  }
  if (!a.ok()) return refusal(a, doing);
  return std::optional(std::move(a));
}

void Session::print_text(const SecretText& t) { console.out(view(t)); }

void Session::print_json(std::string_view source) {
  if (format_ == Format::yaml) {
    print_text(yaml_text(source));
    return;
  }
  print_text(indented_text(source));
  console.out("\n");
}

void Session::print_value(const SecretText& value) {
  print_text(value);
  if (console.out_is_terminal() && !view(value).ends_with('\n')) console.out("\n");
}

int Session::print_field(json::Node holder, std::string_view name) {
  const auto found = holder.find(name);
  if (!found || found->is_null()) {
    console.error_line(fmt::format("Field \"{}\" not present in secret", name));
    return 1;
  }
  print_value(value_text(*found, format_));
  return 0;
}

int Session::print(const Answer& a) {
  if (const auto name = field()) {
    const auto value = secret_field(a.body(), *name, format_);
    if (!value) {
      console.error_line(fmt::format("Field \"{}\" not present in secret", *name));
      return 1;
    }
    print_value(*value);
    return 0;
  }
  if (format_ == Format::raw) {
    print_text(*a.text);
    console.out("\n");
    return 0;
  }
  if (format_ != Format::table) {
    print_json(view(secret_json(a.body())));
    return 0;
  }
  console.err(warnings_text(a.body()));
  print_text(secret_table(a.body()));
  return 0;
}

Result<Answer> made_answer(SecretText json) {
  Answer a;
  a.status = 200;
  a.text = std::make_unique<SecretText>(std::move(json));
  SR_LET(a.doc, json::Doc::parse(view(*a.text), reply_limits()));
  return a;
}

}  // namespace strongroom::apps::cli
