// Session: what one command has in its hands: its flags and arguments, the console, and the server's API,
// opened when it is first needed with the address, TLS settings and token of flags, environment and token
// file.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/cli/command.h"
#include "apps/cli/console.h"
#include "apps/cli/key_values.h"
#include "apps/cli/output.h"
#include "base/text.h"
#include "client/api.h"
#include "schema/json.h"

namespace strongroom::apps::cli {

// A reply with its JSON read. The document lies in `text`, so an Answer may move.
struct Answer {
  int status = 0;
  std::string method, url;
  std::unique_ptr<SecretText> text;
  std::optional<json::Doc> doc;
  bool has_body() const noexcept { return doc.has_value(); }
  // A server answers some questions at the top of the body and some below "data"; this is where the answer
  // is.
  json::Node payload() const { return data().is_object() ? data() : body(); }
  json::Node body() const { return doc ? doc->root() : json::Node{}; }
  json::Node data() const;
  bool ok() const noexcept { return status >= 200 && status < 300; }
};

// What a command is answered when it fails is an Error: Code::invalid_argument, failed_precondition and
// unsupported end it with exit code 1 (a local mistake), all others with 2.
class Session {
 public:
  Session(const Command& c, Flags f, Console& k) : command(c), flags(std::move(f)), console(k) {}

  const Command& command;
  const Flags flags;
  Console& console;

  std::span<const std::string_view> args() const { return flags.rest(); }
  std::string_view arg(std::size_t i) const { return flags.rest()[i]; }
  Format format() const noexcept { return format_; }
  std::optional<std::string_view> field() const { return flags.text("field"); }
  Status settle_format();

  Result<client::Api*> api();
  Result<client::Api> open_api() const;  // another one, for a thread of its own
  // The answer whatever its status. Errors are transport errors, prefixed with `doing` ("Error reading
  // secret/a").
  Result<Answer> ask(client::Request, std::string_view doing);
  // For questions a command asks before its own request: not shown by -output-curl-string.
  Result<Answer> ask_first(client::Request, std::string_view doing);
  // ask(), and any status but 2xx is an error.
  Result<Answer> demand(client::Request, std::string_view doing);
  // A GET that may find nothing: 404 without data is nothing.
  Result<std::optional<Answer>> look(client::Request, std::string_view doing);
  std::unexpected<Error> refusal(const Answer&, std::string_view doing) const;

  // -output-curl-string or -output-policy printed instead of asking, or a wrapped reply was printed instead
  // of what the command makes of a reply. shown_code() is then the exit status.
  bool shown() const noexcept { return shown_; }
  int shown_code() const noexcept { return shown_code_; }

  // Prints a reply in the chosen format, or the field that was asked for; 0, or 1 when the field is missing.
  int print(const Answer&);
  int print_field(json::Node holder, std::string_view name);
  void print_json(std::string_view json);  // as JSON or YAML
  void print_text(const SecretText&);
  void print_value(const SecretText&);  // alone, with a line break only on a terminal

  // "No value found at PATH" and the reason, if the server gave one; the exit status.
  int nothing_at(std::string_view path);

  std::string address() const;       // of the server, as chosen
  Result<SecretText> token() const;  // empty: none
  Status store_token(std::string_view token) const;
  void warn_typed(std::string_view what);
  bool may_ask() const { return console.can_ask() && !flags.on("non-interactive"); }
  // A secret that a command needs: given as an argument (warned of; - is standard input) or asked for.
  Result<SecretText> secret_argument(std::optional<std::string_view> argument, std::string_view what,
                                     std::string_view prompt);
  Omitted omitted() const { return may_ask() ? Omitted::ask : Omitted::refuse; }

 private:
  Result<Answer> send(const client::Request&, std::string_view doing);
  void show(const client::Request&);

  Format format_ = Format::table;
  std::optional<client::Api> api_;
  bool shown_ = false;
  int shown_code_ = 0;
  std::string reason_;  // of the last answer 404
};

// LIST or SCAN of a path with -after and -limit, printed; 2 when there is nothing.
Result<int> list_at(Session&, const std::string& path, std::string_view method = "LIST");
int print_list(Session&, const Answer&);  // its keys
// A JSON text as if the server had answered it, for print().
Result<Answer> made_answer(SecretText json);

// Without spaces and slashes around it.
std::string clean_path(std::string_view);
SecretText secret_text(std::string_view);
std::string_view member_text(json::Node, std::string_view name);
std::optional<std::int64_t> member_number(json::Node, std::string_view name);
bool member_truth(json::Node, std::string_view name);
json::Node member(json::Node, std::string_view name);  // null when absent
bool is_true(std::string_view);                        // as a setting of the environment: 1, t, true ...

}  // namespace strongroom::apps::cli
