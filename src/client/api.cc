#include "client/api.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace strongroom::client {
namespace {

constexpr std::size_t kMostReply = std::size_t{1} << 30;

std::string encode(std::string_view text, std::string_view keep) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       keep.find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(hex[byte >> 4]);
    out.push_back(hex[byte & 15]);
  }
  return out;
}

Result<std::string> read_file(const std::string& path, std::string_view option) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad())
    return fail(Code::invalid_argument, fmt::format("cannot read {} of {}; check the path", path, option));
  return text;
}

Result<std::string> read_folder(const std::string& path) {
  std::string all;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    SR_LET(std::string one, read_file(it->path().string(), "-ca-path"));
    if (one.find("-----BEGIN CERTIFICATE-----") != std::string::npos) all += one + "\n";
  }
  if (error || all.empty())
    return fail(Code::invalid_argument,
                fmt::format("no PEM certificate found in {} of -ca-path; check the path", path));
  return all;
}

// The scheme, host and path prefix of an address.
struct Target {
  std::string base;    // scheme://authority and prefix, no trailing slash
  std::string socket;  // of unix://
  std::string scheme;
  std::string host;  // with brackets, without port
  std::string port;
};

Result<Target> parse_address(std::string_view address) {
  while (address.ends_with('/') && !address.ends_with("://")) address.remove_suffix(1);
  Target t;
  const auto colon = address.find("://");
  const auto bad = [](std::string_view why) {
    return fail(
        Code::invalid_argument,
        fmt::format("the address {}; give http://HOST:PORT, https://HOST:PORT or unix:///PATH with -address "
                    "or STRONGROOM_ADDR",
                    why));
  };
  if (colon == std::string_view::npos) return bad("has no scheme");
  t.scheme = address.substr(0, colon);
  std::string_view rest = address.substr(colon + 3);
  if (t.scheme == "unix") {
    if (!rest.starts_with('/')) return bad("must name an absolute socket path");
    t.socket = rest;
    t.base = "http://localhost";
    return t;
  }
  if (t.scheme != "http" && t.scheme != "https") return bad("has an unknown scheme");
  const auto slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  if (authority.empty()) return bad("has no host");
  if (authority.find('@') != std::string_view::npos) return bad("must not hold a user name");
  const auto bracket = authority.rfind(']');
  const auto last = authority.rfind(':');
  const bool has_port =
      last != std::string_view::npos && (bracket == std::string_view::npos || last > bracket);
  t.host = authority.substr(0, has_port ? last : authority.size());
  t.port = has_port ? std::string(authority.substr(last + 1)) : t.scheme == "https" ? "443" : "80";
  t.base = std::string(address);
  return t;
}

struct CurlFree {
  void operator()(CURL* c) const noexcept { curl_easy_cleanup(c); }
};

// A header list that wipes its lines: one of them holds the token.
class HeaderLines {
 public:
  HeaderLines() = default;
  HeaderLines(const HeaderLines&) = delete;
  HeaderLines& operator=(const HeaderLines&) = delete;
  ~HeaderLines() {
    for (curl_slist* l = list_; l != nullptr; l = l->next) explicit_bzero(l->data, std::strlen(l->data));
    curl_slist_free_all(list_);
  }
  void add(std::string_view name, std::string_view value) {
    SecretText line;
    line.reserve(name.size() + value.size() + 3);
    line.append(name);
    if (value.empty())
      line.push_back(';');  // libcurl's spelling of an empty header
    else
      line.append(": ").append(value);
    list_ = curl_slist_append(list_, line.c_str());
  }
  curl_slist* get() const noexcept { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

struct Sink {
  SecretText body;
  std::string location;
  std::optional<Seconds> retry_after;
  const std::function<Flow(std::string_view)>* take = nullptr;  // of a stream
  CURL* curl = nullptr;
  bool stopped = false;
};

std::size_t take_body(char* at, std::size_t size, std::size_t count, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  if (sink.take != nullptr) {
    long status = 0;
    curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      sink.stopped = (*sink.take)({at, size * count}) == Flow::stop;
      return sink.stopped ? 0 : size * count;
    }
  }
  if (sink.body.size() + size * count > kMostReply) return 0;
  sink.body.append(at, size * count);
  return size * count;
}

int take_pause(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& sink = *static_cast<Sink*>(user);
  sink.stopped = sink.stopped || (*sink.take)({}) == Flow::stop;
  return sink.stopped ? 1 : 0;
}

// The value of a header line if it has this name (in lower case).
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  const bool match = line.size() > name.size() && line[name.size()] == ':' &&
                     std::equal(name.begin(), name.end(), line.begin(),
                                [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
  if (!match) return std::nullopt;
  std::string_view value = line.substr(name.size() + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  return value;
}

std::size_t take_header(char* at, std::size_t size, std::size_t count, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  const std::string_view line(at, size * count);
  if (const auto v = value_of(line, "location")) sink.location = *v;
  if (const auto v = value_of(line, "retry-after")) {
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(v->data(), v->data() + v->size(), seconds);
    if (error == std::errc{} && end == v->data() + v->size() && seconds >= 0)
      sink.retry_after = Seconds(seconds);
  }
  return size * count;
}

bool worth_retrying(int status) noexcept {
  return status == 412 || status == 429 || (status >= 500 && status != 501);
}

bool is_header_text(std::string_view s) noexcept {
  return std::none_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

std::string encode_path(std::string_view path) { return encode(path, "-._~/!$&'()*+,;=:@"); }
std::string encode_query(std::string_view text) { return encode(text, "-._~"); }
std::string_view wire_method(std::string_view method) noexcept {
  return method == "LIST" || method == "SCAN" ? "GET" : method;
}

struct Api::State {
  Options options;
  Target target;
  std::string ca_pem;
  std::unique_ptr<CURL, CurlFree> curl;
  std::optional<std::chrono::steady_clock::time_point> last;  // start of the last request

  Result<Sink> once(const Request&, const std::string& url, int& status,
                    const std::function<Flow(std::string_view)>* take = nullptr);
  Status prepare(const std::string& url);
};

Api::Api(std::unique_ptr<State> state) : state_(std::move(state)) {}
Api::Api(Api&&) noexcept = default;
Api& Api::operator=(Api&&) noexcept = default;
Api::~Api() = default;
const Options& Api::options() const noexcept { return state_->options; }
void Api::set_token(SecretText token) { state_->options.token = std::move(token); }

Result<Api> Api::open(Options options) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (global != CURLE_OK) return fail(Code::internal, "the HTTP library could not start");
  auto state = std::make_unique<State>();
  SR_LET(state->target, parse_address(options.address));
  const TlsOptions& tls = options.tls;
  if (!tls.ca_pem.empty()) {
    state->ca_pem = tls.ca_pem;
  } else if (!tls.ca_file.empty()) {
    SR_LET(state->ca_pem, read_file(tls.ca_file, "-ca-cert"));
  } else if (!tls.ca_path.empty()) {
    SR_LET(state->ca_pem, read_folder(tls.ca_path));
  }
  if ((tls.client_cert.empty() && tls.client_cert_pem.empty()) !=
      (tls.client_key.empty() && tls.client_key_pem.empty()))
    return fail(Code::invalid_argument, "-client-cert and -client-key are needed together");
  if (!is_header_text(view(options.token)))
    return fail(Code::invalid_argument,
                "the token holds a control character; was a line break stored with it?");
  if (!is_header_text(options.name_space) || !is_header_text(options.wrap_ttl))
    return fail(Code::invalid_argument, "the namespace or the wrap TTL holds a control character");
  for (const auto& [name, value] : options.headers)
    if (name.empty() || !is_header_text(name) || !is_header_text(view(value)) ||
        name.find_first_of(" :") != std::string::npos)
      return fail(Code::invalid_argument, "a header must be NAME=VALUE without control characters");
  state->options = std::move(options);
  state->curl.reset(curl_easy_init());
  if (!state->curl) return fail(Code::internal, "the HTTP library could not start");
  return Api(std::move(state));
}

std::string Api::url_of(const Request& r) const {
  std::string url = state_->target.base + "/v1/" + encode_path(r.path);
  char join = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    url.push_back(join);
    url += encode_query(name) + "=" + encode_query(value);
    join = '&';
  };
  for (const auto& [name, value] : r.query) add(name, value);
  if (r.method == "LIST") add("list", "true");
  if (r.method == "SCAN") add("scan", "true");
  return url;
}

Status Api::State::prepare(const std::string& url) {
  CURL* c = curl.get();
  curl_easy_reset(c);
  const TlsOptions& tls = options.tls;
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count();
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(limit));
  if (!target.socket.empty() && url.starts_with(target.base))
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, target.socket.c_str());
  if (!options.proxy.empty()) curl_easy_setopt(c, CURLOPT_PROXY, options.proxy.c_str());
  if (!ca_pem.empty()) {
    curl_blob blob{ca_pem.data(), ca_pem.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(c, CURLOPT_CAPATH, nullptr);  // only the authorities that were named
  }
  const auto pem = [&](CURLoption option, const SecretText& text) {
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(c, option, &blob);
  };
  if (!tls.client_cert_pem.empty())
    pem(CURLOPT_SSLCERT_BLOB, tls.client_cert_pem);
  else if (!tls.client_cert.empty())
    curl_easy_setopt(c, CURLOPT_SSLCERT, tls.client_cert.c_str());
  if (!tls.client_key_pem.empty())
    pem(CURLOPT_SSLKEY_BLOB, tls.client_key_pem);
  else if (!tls.client_key.empty())
    curl_easy_setopt(c, CURLOPT_SSLKEY, tls.client_key.c_str());
  curl_easy_setopt(c, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (tls.verify == Verify::nothing) {
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return {};
}

Result<Sink> Api::State::once(const Request& r, const std::string& url, int& status,
                              const std::function<Flow(std::string_view)>* take) {
  if (last && options.gap.count() > 0) std::this_thread::sleep_until(*last + options.gap);
  last = std::chrono::steady_clock::now();
  SR_TRY(prepare(url));
  CURL* c = curl.get();
  HeaderLines headers;
  curl_slist* connect_to = nullptr;
  std::string renamed = url;
  // TLS to another name than the address's: the URL carries the name, the connection goes to the address.
  if (!options.tls.server_name.empty() && target.scheme == "https" && url.starts_with(target.base)) {
    const std::string authority = target.host + ":" + target.port;
    const std::string_view rest = std::string_view(url).substr(url.find('/', std::strlen("https://")));
    renamed = "https://" + options.tls.server_name + ":" + target.port + std::string(rest);
    connect_to = curl_slist_append(nullptr, ("::" + authority).c_str());
    curl_easy_setopt(c, CURLOPT_URL, renamed.c_str());
    curl_easy_setopt(c, CURLOPT_CONNECT_TO, connect_to);
    headers.add("Host", authority);
  }
  headers.add("X-Vault-Request", "true");
  if (!options.token.empty()) headers.add("X-Vault-Token", view(options.token));
  if (!options.name_space.empty()) headers.add("X-Vault-Namespace", options.name_space);
  const std::string& wrap_ttl = options.wrap_ttl.empty() ? r.wrap_ttl : options.wrap_ttl;
  if (!wrap_ttl.empty() && r.wrap == Wrap::as_configured) headers.add("X-Vault-Wrap-TTL", wrap_ttl);
  for (const auto& [name, value] : options.headers) headers.add(name, view(value));
  headers.add("User-Agent", "strongroom");
  const std::string_view method = wire_method(r.method);
  if (!r.body.empty()) {
    headers.add("Content-Type", method == "PATCH" ? "application/merge-patch+json" : "application/json");
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, r.body.data());
    headers.add("Expect", "");
  } else if (method == "PUT" || method == "POST" || method == "PATCH") {
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(0));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
  }
  const std::string method_text(method);
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method_text.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  Sink sink;
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &sink);
  if (take != nullptr) {
    sink.take = take;
    sink.curl = c;
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &take_pause);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, &sink);
  }
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  const CURLcode code = curl_easy_perform(c);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, nullptr);
  curl_slist_free_all(connect_to);
  if (code != CURLE_OK && !sink.stopped) {
    const std::string reason = why[0] != '\0' ? why : curl_easy_strerror(code);
    std::string next;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
      next = "Is the server running there? Set the address with -address or STRONGROOM_ADDR";
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
      next =
          "Name the server's authority with -ca-cert or STRONGROOM_CACERT, and its name with "
          "-tls-server-name if the certificate has another than the address";
    else if (code == CURLE_GOT_NOTHING || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_RECV_ERROR)
      next = target.scheme == "https" ? "Does the server speak TLS there? If not, use http:// in the address"
                                      : "Does the server want TLS? If so, use https:// in the address";
    return fail(Code::unavailable,
                fmt::format("{} {}: {}{}{}", method, target.socket.empty() ? url : "unix://" + target.socket,
                            reason, next.empty() ? "" : "\n", next));
  }
  long answer = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answer);
  status = static_cast<int>(answer);
  return sink;
}

Result<Reply> Api::send(const Request& r) {
  Reply reply;
  reply.method = wire_method(r.method);
  reply.url = url_of(r);
  bool redirected = false;
  Nanoseconds pause = state_->options.pause;
  for (unsigned tried = 0;;) {
    auto sink = state_->once(r, reply.url, reply.status);
    const bool again = !sink || worth_retrying(reply.status);
    if (again && tried < state_->options.retries) {
      ++tried;
      const bool told = sink && sink->retry_after && *sink->retry_after <= state_->options.timeout;
      std::this_thread::sleep_for(told ? Nanoseconds(*sink->retry_after) : pause);
      pause = std::min<Nanoseconds>(pause * 2, Seconds(30));
      continue;
    }
    if (!sink) return std::unexpected(std::move(sink).error());
    const bool moved =
        reply.status == 301 || reply.status == 302 || reply.status == 307 || reply.status == 308;
    if (moved && !redirected && state_->options.redirects == Redirects::one && !sink->location.empty()) {
      std::string to = sink->location;
      if (to.starts_with('/') && !to.starts_with("//")) {
        const std::string& from = state_->target.base;
        to = from.substr(0, from.find('/', from.find("://") + 3)) + to;
      }
      if (!to.starts_with("http://") && !to.starts_with("https://"))
        return fail(Code::unavailable, "the server redirects to an address this client does not follow");
      if (reply.url.starts_with("https://") && to.starts_with("http://"))
        return fail(Code::unavailable,
                    "the server redirects from TLS to plain HTTP; refused, it would show the token");
      redirected = true;
      reply.url = std::move(to);
      continue;
    }
    reply.body = std::move(sink->body);
    return reply;
  }
}

Result<Reply> Api::stream(const Request& r, const std::function<Flow(std::string_view)>& take) {
  Reply reply;
  reply.method = wire_method(r.method);
  reply.url = url_of(r);
  auto sink = state_->once(r, reply.url, reply.status, &take);
  if (!sink) return std::unexpected(std::move(sink).error());
  reply.body = std::move(sink->body);
  return reply;
}

}  // namespace strongroom::client
