// Api: a generic client of the HTTP API (path, verb, JSON). It knows no route and no command. Tokens travel
// in a header only: never in a URL, an argument list or a log; buffers that held secrets are wiped.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"

namespace strongroom::client {

enum class Verify : std::uint8_t { certificate, nothing };  // nothing: -tls-skip-verify
enum class Redirects : std::uint8_t { one, none };

struct TlsOptions {
  std::string ca_file;                         // PEM bundle; wins over ca_path
  std::string ca_path;                         // directory of PEM files
  std::string ca_pem;                          // the bundle itself; wins over both
  std::string client_cert;                     // PEM file
  std::string client_key;                      // PEM file
  SecretText client_cert_pem, client_key_pem;  // the PEM itself; win over the files
  std::string server_name;  // for SNI and the check of the name, instead of the address's host
  Verify verify = Verify::certificate;
};

struct Options {
  std::string address = "https://127.0.0.1:8200";  // http://, https:// or unix:///path
  TlsOptions tls;
  SecretText token;
  std::string name_space;
  std::string wrap_ttl;                                     // asked for on every request, if any
  std::vector<std::pair<std::string, SecretText>> headers;  // added to every request
  Seconds timeout{60};
  unsigned retries = 2;  // of 412, 429 and 5xx but 501, and of lost connections
  // Before the first retry; doubled for the next. A Retry-After of the server counts instead, up to the
  // timeout.
  Nanoseconds pause{std::chrono::milliseconds(500)};
  Nanoseconds gap{0};  // between the starts of two requests at least, to spare the server
  Redirects redirects = Redirects::one;
  std::string proxy;  // empty: as the environment says
};

enum class Wrap : std::uint8_t { as_configured, never };
enum class Flow : std::uint8_t { go_on, stop };

struct Request {
  // GET PUT POST PATCH DELETE, or LIST and SCAN (sent as GET ?list=true and ?scan=true)
  std::string method;
  std::string path{};  // below /v1/, not encoded
  std::vector<std::pair<std::string, std::string>> query{};
  SecretText body{};  // JSON; empty: none
  Wrap wrap = Wrap::as_configured;
  std::string wrap_ttl{};  // unless the options name another
};

struct Reply {
  int status = 0;
  std::string method;  // as sent
  std::string url;     // as sent, for messages
  SecretText body;
  bool ok() const noexcept { return status >= 200 && status < 300; }
};

// One thread at a time.
class Api {
 public:
  // Reads certificates and checks the address. Code::invalid_argument says which option is wrong.
  static Result<Api> open(Options);
  Api(Api&&) noexcept;
  Api& operator=(Api&&) noexcept;
  ~Api();

  // Any status is a reply. Code::unavailable: no reply came; the message names the URL and the reason.
  Result<Reply> send(const Request&);
  // A reply without end, handed on as it comes, and nothing (an empty text) now and then while none comes,
  // until the taker says stop. Without retries, redirects and the timeout. The reply's body is what came
  // with a status that is no success.
  Result<Reply> stream(const Request&, const std::function<Flow(std::string_view)>& take);
  const Options& options() const noexcept;
  void set_token(SecretText);

  // "https://host/v1/path?query" of a request, as it would be sent.
  std::string url_of(const Request&) const;

 private:
  struct State;
  explicit Api(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

// A path with everything percent-encoded that a URL path cannot hold; slashes stay.
std::string encode_path(std::string_view);
std::string encode_query(std::string_view);
// The method on the wire: LIST and SCAN are GET.
std::string_view wire_method(std::string_view method) noexcept;

}  // namespace strongroom::client
