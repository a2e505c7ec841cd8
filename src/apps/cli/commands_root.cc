// operator generate-root: a new root token, made by the holders of the unseal key's shares.
// Vault API: /sys/generate-root/attempt and /update; OpenBao's authenticated form is
// /sys/generate-root-token.
#include <fmt/format.h>

#include <array>

#include "apps/cli/pgp_keys.h"
#include "apps/cli/session.h"
#include "crypto/random.h"

namespace strongroom::apps::cli {
namespace {

constexpr Shape kStatus[] = {{"nonce"},
                             {"started", Shape::truth},
                             {"progress", Shape::number},
                             {"required", Shape::number},
                             {"complete", Shape::truth},
                             {"encoded_token"},
                             {"encoded_root_token"},
                             {"pgp_fingerprint"},
                             {"otp"},
                             {"otp_length", Shape::number}};
constexpr std::int64_t kUsualLength = 26;  // of a token, when the server does not tell

// The authenticated paths first; servers that lack them, or a caller without a token, get the others.
Result<Answer> ask_root(Session& s, std::string_view method, std::string_view part, const SecretText& body,
                        std::string_view doing) {
  const auto request = [&](std::string_view base) {
    return client::Request{
        .method = std::string(method), .path = fmt::format("{}/{}", base, part), .body = body};
  };
  if (s.flags.on("recovery-token")) return s.demand(request("sys/generate-recovery-token"), doing);
  SR_LET(Answer a, s.ask(request("sys/generate-root-token"), doing));
  if (a.ok()) return a;
  // Who needs a root token most has none, or one that has ended: then the form without a token, where it is
  // open.
  if (a.status != 403 && a.status != 404 && a.status != 405) return s.refusal(a, doing);
  SR_LET(Answer b, s.ask(request("sys/generate-root"), doing));
  if (b.ok()) return b;
  if (b.status != 404 && b.status != 405) return s.refusal(b, doing);
  Error closed = s.refusal(a, doing).error();
  if (a.status == 403)
    closed.message +=
        "\n\nWithout a token the server must be asked where a listener allows it: "
        "disable_unauthed_generate_root_endpoints = false in its configuration.";
  return std::unexpected(std::move(closed));
}

Result<Answer> root_status(Session& s) {
  return ask_root(s, "GET", "attempt", {}, "Error getting root generation status");
}

std::string_view yes(bool b) { return b ? "true" : "false"; }

int print_status(Session& s, json::Node status) {
  if (s.format() != Format::table) {
    s.print_json(view(shaped(status, kStatus)));
    return 0;
  }
  const auto number = [&](std::string_view name) { return member_number(status, name).value_or(0); };
  Table t;
  t.add({"Nonce", member_text(status, "nonce")});
  t.add({"Started", yes(member_truth(status, "started"))});
  t.add({"Progress", fmt::format("{}/{}", number("progress"), number("required"))});
  t.add({"Complete", yes(member_truth(status, "complete"))});
  if (const auto v = member_text(status, "pgp_fingerprint"); !v.empty()) t.add({"PGP Fingerprint", v});
  if (const auto v = member_text(status, "encoded_token"); !v.empty())
    t.add({"Encoded Token", v});
  else if (const auto root = member_text(status, "encoded_root_token"); !root.empty())
    t.add({"Encoded Root Token", root});
  if (const auto v = member_text(status, "otp"); !v.empty()) {
    s.console.error_line(wrapped_lines(
        "A One-Time-Password has been generated for you and is shown in the OTP field. You will "
        "need this value to decode the resulting root token, so keep it safe."));
    t.add({"OTP", v});
  }
  if (number("otp_length") != 0) t.add({"OTP Length", fmt::format("{}", number("otp_length"))});
  s.print_text(t.text());
  return 0;
}

// Letters and digits, each as likely as any other.
SecretText random_text(std::size_t length) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  crypto::SystemRandom random;
  SecretText out;
  std::array<std::byte, 1> one;
  while (out.size() < length) {
    random.fill(one);
    const auto v = std::to_integer<unsigned>(one[0]);
    if (v < 4 * alphabet.size()) out.push_back(alphabet[v % alphabet.size()]);
  }
  return out;
}

Result<int> generate_otp(Session& s) {
  SR_LET(const Answer a, root_status(s));
  auto length = member_number(a.payload(), "otp_length").value_or(0);
  if (length <= 0 || length > 1000) length = kUsualLength;
  const SecretText otp = random_text(static_cast<std::size_t>(length));
  if (s.format() == Format::table) {
    s.print_text(otp);
    if (s.console.out_is_terminal()) s.console.out("\n");
    return 0;
  }
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("otp"), w.string(view(otp));
  w.key("otp_length"), w.integer(length);
  w.end_object();
  s.print_json(view(out));
  return 0;
}

// The first line of `input`, which loses it.
SecretText take_line(SecretText& input) {
  const auto end = view(input).find('\n');
  SecretText line = secret_text(trimmed(view(input).substr(0, end)));
  input.erase(0, end == std::string_view::npos ? input.size() : end + 1);
  return line;
}

Result<int> decode(Session& s) {
  SecretText encoded = secret_text(s.flags.text("decode").value_or(""));
  SecretText otp = secret_text(s.flags.text("otp").value_or(""));
  if (encoded.empty())
    return fail(Code::invalid_argument, "Missing encoded value: use -decode=<string> to supply it");
  SecretText input;
  if (encoded == "-" || otp == "-") {
    SR_LET(input, s.console.read_input());
  }
  if (encoded == "-") encoded = take_line(input);
  if (otp == "-") {
    otp = take_line(input);
  } else if (otp.empty()) {
    if (!s.may_ask())
      return fail(Code::invalid_argument,
                  "Missing otp: use -otp to supply it; -otp=- reads it from standard "
                  "input, after the line of -decode=-");
    SR_LET(otp, s.console.ask_hidden("OTP (will be hidden): "));
    otp = secret_text(trimmed(view(otp)));
  }
  if (encoded.empty())
    return fail(Code::invalid_argument,
                "Missing encoded value. When using -decode=\"-\" value must be passed via stdin.");
  const auto bytes = from_base64(view(encoded));
  if (!bytes)
    return fail(Code::invalid_argument, "Error decoding root token: the encoded token is not base64");
  if (bytes->size() != otp.size())
    return fail(
        Code::invalid_argument,
        fmt::format("Error decoding root token: the OTP has {} characters and the token {}; the OTP is "
                    "the one that -init printed",
                    otp.size(), bytes->size()));
  SecretText token;
  for (std::size_t i = 0; i < otp.size(); ++i)
    token.push_back(
        static_cast<char>(static_cast<unsigned char>(otp[i]) ^ std::to_integer<unsigned char>((*bytes)[i])));
  for (const char c : token)
    if (c < 0x21 || c > 0x7e)
      return fail(Code::invalid_argument, "Error decoding root token: the OTP does not belong to this token");
  if (s.format() == Format::table) {
    s.print_text(token);
    if (s.console.out_is_terminal()) s.console.out("\n");
    return 0;
  }
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("token"), w.string(view(token));
  w.end_object();
  s.print_json(view(out));
  return 0;
}

Result<int> init(Session& s) {
  const auto pgp = s.flags.text("pgp-key");
  SecretText otp = secret_text(s.flags.text("otp").value_or(""));
  if (!otp.empty() && pgp)
    return fail(Code::invalid_argument, "Error initializing: cannot specify both -otp and -pgp-key");
  if (otp == "-") {
    SR_LET(otp, s.console.read_input());
    otp = secret_text(trimmed(view(otp)));
  } else if (!otp.empty()) {
    s.warn_typed("The one-time password");
  }
  std::string key;
  if (pgp) {
    SR_LET(key, pgp_key(*pgp));
  }
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("otp"), w.string(view(otp));
  w.key("pgp_key"), w.string(key);
  w.end_object();
  SR_LET(const Answer a, ask_root(s, "PUT", "attempt", body, "Error initializing root generation"));
  return print_status(s, a.payload());
}

Result<int> provide(Session& s) {
  SR_LET(const Answer before, root_status(s));
  const json::Node now = before.payload();
  if (!member_truth(now, "started"))
    return fail(
        Code::failed_precondition,
        wrapped_lines("No root generation is in progress. Start a root generation by running "
                      "\"strongroom operator generate-root -init\".") +
            "\n" +
            wrapped_lines(fmt::format("If starting root generation using the OTP method and generating "
                                      "your own OTP, the length of the OTP string needs to be {} "
                                      "characters in length.",
                                      member_number(now, "otp_length").value_or(kUsualLength))));
  std::string nonce(s.flags.text("nonce").value_or(""));
  if (s.args().empty()) {
    nonce = member_text(now, "nonce");
    if (s.flags.on("non-interactive"))
      return fail(Code::failed_precondition,
                  "Refusing to read from stdin with -non-interactive specified; give "
                  "- as the argument and the key on standard input, with -nonce");
    s.console.error_line("Operation nonce: " + nonce);
  } else if (nonce.empty()) {
    return fail(Code::invalid_argument,
                "Missing nonce value: specify it via the -nonce flag. strongroom operator "
                "generate-root -status shows it");
  }
  SR_LET(const SecretText key, s.secret_argument(s.args().empty() ? std::nullopt : std::optional(s.arg(0)),
                                                 "An unseal key", "Unseal Key (will be hidden): "));
  SecretText body;
  json::Writer w(body);
  w.begin_object();
  w.key("key"), w.string(view(key));
  w.key("nonce"), w.string(nonce);
  w.end_object();
  SR_LET(const Answer a, ask_root(s, "PUT", "update", body, "Error posting unseal key"));
  return print_status(s, a.payload());
}

Result<int> generate_root(Session& s) {
  if (s.flags.on("generate-otp")) return generate_otp(s);
  if (s.flags.given("decode")) return decode(s);
  if (s.flags.on("cancel")) {
    SR_LET([[maybe_unused]] const Answer a,
           ask_root(s, "DELETE", "attempt", {}, "Error canceling root token generation"));
    s.console.line("Success! Root token generation canceled (if it was started)");
    return 0;
  }
  if (s.flags.on("init")) return init(s);
  if (s.flags.on("status")) {
    SR_LET(const Answer a, root_status(s));
    return print_status(s, a.payload());
  }
  return provide(s);
}

constexpr Flag kFlags[] = {
    {"init", Takes::nothing, "Begin. Prints a one-time password and a nonce; keep the password to yourself."},
    {"cancel", Takes::nothing, "Forget the shares that were given so far."},
    {"status", Takes::nothing, "Show how many shares were given."},
    {"nonce", Takes::text, "The nonce that -init printed; not needed when the share is typed at the prompt."},
    {"decode", Takes::text,
     "Decode this encoded token with the one-time password. - reads it from standard input."},
    {"otp", Takes::text,
     "The one-time password: of -init, if the server is not to make one, and of -decode. - reads it from "
     "standard input; without it -decode asks for it."},
    {"generate-otp", Takes::nothing, "Print a one-time password fit for -init -otp."},
    {"pgp-key", Takes::text,
     "With -init: file with a public PGP key that the token is encrypted for, in place of a one-time "
     "password."},
    {"recovery-token", Takes::nothing, "Make a token for a server in recovery mode instead."}};

constexpr Command kCommands[] = {
    {"operator generate-root", "[KEY]", "Make a root token with the unseal key's shares",
     "Begin with -init. Then each holder gives one share: without KEY it is asked for and not shown; - reads "
     "it "
     "from standard input, and then -nonce is needed. The last one prints the token in a form that -decode "
     "makes readable. Revoke the token as soon as it has served its purpose.",
     "strongroom operator generate-root -init\nstrongroom operator generate-root -status\n"
     "strongroom operator generate-root -cancel\nstrongroom operator generate-root -generate-otp",
     kHttp | kFormat, kFlags, 0, 1, &generate_root},
};

}  // namespace

std::span<const Command> root_commands() { return kCommands; }

}  // namespace strongroom::apps::cli
