#include "crypto/tls_context.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace strongroom::crypto {
namespace {
template <auto free>
struct Freed {
  void operator()(auto* p) const noexcept { free(p); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

std::string library_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason != nullptr ? reason : "";
  ERR_clear_error();
  return text;
}
std::unexpected<Error> refused(std::string message) {
  return fail(Code::invalid_argument, std::move(message), library_reason());
}

// A file that a setting names: why it cannot be opened, or else what it should hold.
std::unexpected<Error> refused_file(std::string_view setting, const std::string& path,
                                    std::string_view not_as) {
  if (const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); !file)
    return refused(fmt::format("{}: cannot open {}: {}", setting, path, std::strerror(errno)));
  return refused(fmt::format("{}: {} {}", setting, path, not_as));
}

// Without this OpenSSL asks the terminal for the passphrase of an encrypted key.
int no_passphrase(char*, int, int, void*) { return -1; }

int version_number(TlsVersion v) { return v == TlsVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION; }

// In ALPN's own form, the preferred one first.
std::span<const unsigned char> names_of(TlsProtocols p) {
  static constexpr unsigned char kBoth[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  return p == TlsProtocols::http1 ? std::span(kBoth).subspan(3) : std::span(kBoth);
}

template <TlsProtocols ours>
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  const auto names = names_of(ours);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, names.data(), static_cast<unsigned>(names.size()), in,
                            in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void set_common(SSL_CTX* c) {
  SSL_CTX_set_default_passwd_cb(c, no_passphrase);
  // An idle connection holds no record buffer; text is wiped from OpenSSL's buffers once it was read.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                             SSL_OP_CLEANSE_PLAINTEXT);
}

// TLS 1.2 and 1.3 keep their suites in two lists.
Status set_suites(SSL_CTX* c, const std::vector<std::string>& names) {
  std::string before_13;
  std::string from_13;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_")) {
      from_13 += (from_13.empty() ? "" : ":") + name;
      continue;
    }
    std::string found = name;
    if (name.starts_with("TLS_")) {
      // Go leaves the hash out of the names of the ChaCha20 suites.
      found = OPENSSL_cipher_name(name.c_str());
      if (found == "(NONE)") found = OPENSSL_cipher_name((name + "_SHA256").c_str());
    }
    ContextPtr alone(SSL_CTX_new(TLS_server_method()));
    if (found.find_first_of(":,! @+") != std::string::npos || found == "(NONE)" || !alone ||
        SSL_CTX_set_cipher_list(alone.get(), found.c_str()) != 1)
      return refused("tls_cipher_suites: entry " + std::to_string(i + 1) + " is not a known cipher suite");
    before_13 += (before_13.empty() ? "" : ":") + found;
  }
  if (!before_13.empty() && SSL_CTX_set_cipher_list(c, before_13.c_str()) != 1)
    return refused("tls_cipher_suites: must name at least one usable cipher suite");
  if (!from_13.empty() && SSL_CTX_set_ciphersuites(c, from_13.c_str()) != 1)
    return refused("tls_cipher_suites: names an unknown TLS 1.3 cipher suite");
  return {};
}

int anything_goes(X509_STORE_CTX*, void*) { return 1; }

Status set_client_certificates(SSL_CTX* c, const TlsSettings& s) {
  if (s.client_certificates == ClientCertificates::not_asked) return {};
  constexpr unsigned char kContext[] = "strongroom";
  if (SSL_CTX_set_session_id_context(c, kContext, sizeof kContext - 1) != 1)
    return refused("client certificates are not available");
  SSL_CTX_set_verify_depth(c, 10);
  if (s.client_certificates == ClientCertificates::asked) {
    // Only possession of the key is proved here: which certificates mean something is for auth methods to
    // say.
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(c, anything_goes, nullptr);
    return {};
  }
  if (SSL_CTX_load_verify_file(c, s.client_ca_file.c_str()) != 1)
    return refused_file("tls_client_ca_file", s.client_ca_file, "cannot be read as PEM certificates");
  auto* names = SSL_load_client_CA_file(s.client_ca_file.c_str());
  if (names == nullptr) return refused_file("tls_client_ca_file", s.client_ca_file, "holds no certificate");
  SSL_CTX_set_client_CA_list(c, names);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}
}  // namespace

// The BIO under a filter: reads from what was offered, writes to `out` without limit, so nothing ever blocks.
struct TlsFilterBio {
  static int read(BIO* b, char* to, std::size_t room, std::size_t* got) {
    auto& in = static_cast<TlsFilter*>(BIO_get_data(b))->in_;
    BIO_clear_retry_flags(b);
    if (in.empty()) {
      BIO_set_retry_read(b);
      return 0;
    }
    *got = in.copy(to, room);
    in.remove_prefix(*got);
    return 1;
  }
  static int write(BIO* b, const char* from, std::size_t size, std::size_t* put) {
    static_cast<TlsFilter*>(BIO_get_data(b))->out_.append(from, size);
    *put = size;
    return 1;
  }
  static long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "filter");
      if (m == nullptr) std::abort();
      BIO_meth_set_read_ex(m, read);
      BIO_meth_set_write_ex(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsSettings& s) {
  ERR_clear_error();
  ContextPtr c(SSL_CTX_new(TLS_server_method()));
  if (!c) return fail(Code::internal, "TLS is not available", library_reason());
  set_common(c.get());
  if (s.least > s.most) return refused("tls_min_version: must not be above tls_max_version");
  if (SSL_CTX_set_min_proto_version(c.get(), version_number(s.least)) != 1 ||
      SSL_CTX_set_max_proto_version(c.get(), version_number(s.most)) != 1)
    return refused("tls_min_version: not available on this machine");
  // Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
  if (SSL_CTX_set_cipher_list(c.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return refused("tls_cipher_suites: no usable cipher suite on this machine");
  SR_TRY(set_suites(c.get(), s.cipher_suites));
  if (SSL_CTX_use_certificate_chain_file(c.get(), s.certificate_file.c_str()) != 1)
    return refused_file("tls_cert_file", s.certificate_file, "cannot be read as a PEM certificate chain");
  if (SSL_CTX_use_PrivateKey_file(c.get(), s.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return refused_file("tls_key_file", s.key_file,
                        "cannot be read as the PEM private key of the certificate, without passphrase");
  if (SSL_CTX_check_private_key(c.get()) != 1)
    return refused_file("tls_key_file", s.key_file, "does not belong to the certificate");
  SR_TRY(set_client_certificates(c.get(), s));
  // Tickets carry a session, sealed under a key that lives as long as this context; no cache, no lock.
  SSL_CTX_set_session_cache_mode(c.get(), SSL_SESS_CACHE_OFF);
  // A resumed session would skip the check of a certificate that must be checked.
  const bool tickets = s.client_certificates != ClientCertificates::required;
  SSL_CTX_set_num_tickets(c.get(), tickets ? 1 : 0);
  if (!tickets) SSL_CTX_set_options(c.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_alpn_select_cb(c.get(),
                             s.protocols == TlsProtocols::http1
                                 ? choose_protocol<TlsProtocols::http1>
                                 : choose_protocol<TlsProtocols::http2_then_http1>,
                             nullptr);
  return std::shared_ptr<const TlsContext>(new TlsContext(c.release(), Side::server));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(std::string_view ca_pem,
                                                             TlsProtocols protocols) {
  ERR_clear_error();
  ContextPtr c(SSL_CTX_new(TLS_client_method()));
  BioPtr text(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  if (!c || !text) return fail(Code::internal, "TLS is not available", library_reason());
  set_common(c.get());
  if (SSL_CTX_set_min_proto_version(c.get(), TLS1_2_VERSION) != 1) return refused("TLS 1.2 is not available");
  int found = 0;
  for (CertificatePtr x(PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)); x;
       x.reset(PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr))) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(c.get()), x.get()) != 1)
      return refused("ca: holds a certificate that cannot be used");
    ++found;
  }
  if (found == 0) return refused("ca: holds no PEM certificate");
  ERR_clear_error();
  SSL_CTX_set_verify(c.get(), SSL_VERIFY_PEER, nullptr);
  const auto names = names_of(protocols);
  if (SSL_CTX_set_alpn_protos(c.get(), names.data(), static_cast<unsigned>(names.size())) != 0)
    return refused("ALPN is not available");
  return std::shared_ptr<const TlsContext>(new TlsContext(c.release(), Side::client));
}

TlsFilter::TlsFilter(const TlsContext& context, SecretText& out)
    : out_(out), ssl_(SSL_new(context.context_)) {
  BIO* b = ssl_ != nullptr ? BIO_new(TlsFilterBio::method()) : nullptr;
  if (b == nullptr) std::abort();  // out of memory
  BIO_set_data(b, this);
  BIO_set_init(b, 1);
  SSL_set_bio(ssl_, b, b);
  if (context.side_ == TlsContext::Side::server)
    SSL_set_accept_state(ssl_);
  else
    SSL_set_connect_state(ssl_);
}

TlsFilter::~TlsFilter() { SSL_free(ssl_); }

std::size_t TlsFilter::read(std::span<char> into) {
  if (state_ != State::open) return 0;
  ERR_clear_error();
  std::size_t got = 0;
  if (SSL_read_ex(ssl_, into.data(), into.size(), &got) == 1) return got;
  switch (SSL_get_error(ssl_, 0)) {
    case SSL_ERROR_WANT_READ:
      break;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::closed;
      break;
    default:
      state_ = State::failed;
      break;
  }
  ERR_clear_error();
  return 0;
}

bool TlsFilter::established() const noexcept { return SSL_is_init_finished(ssl_) == 1; }
std::string_view TlsFilter::version() const noexcept { return SSL_get_version(ssl_); }
std::string_view TlsFilter::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}
bool TlsFilter::resumed() const noexcept { return SSL_session_reused(ssl_) == 1; }

bool TlsFilter::send(std::string_view text) {
  if (state_ == State::failed || !established()) return false;
  if (text.empty()) return true;
  ERR_clear_error();
  std::size_t put = 0;
  const bool sent = SSL_write_ex(ssl_, text.data(), text.size(), &put) == 1 && put == text.size();
  ERR_clear_error();
  return sent;
}

void TlsFilter::close() {
  if (state_ == State::failed || !established()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

void TlsFilter::start() {
  ERR_clear_error();
  SSL_do_handshake(ssl_);
  ERR_clear_error();
}

std::vector<std::byte> TlsFilter::peer_certificate() const {
  const X509* x = SSL_get0_peer_certificate(ssl_);
  const int size = x != nullptr ? i2d_X509(x, nullptr) : 0;
  std::vector<std::byte> out(static_cast<std::size_t>(size > 0 ? size : 0));
  if (auto* at = reinterpret_cast<unsigned char*>(out.data()); !out.empty()) i2d_X509(x, &at);
  return out;
}

namespace {
bool add_extension(X509* x, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> e(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return e && X509_add_ext(x, e.get(), -1) == 1;
}
bool is_address(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}
std::string_view written(BIO* b) {
  char* at = nullptr;
  const long size = BIO_get_mem_data(b, &at);
  return {at, static_cast<std::size_t>(size)};
}
}  // namespace

Result<SelfSigned> self_signed_certificate(std::span<const std::string> names, int days) {
  if (names.empty() || days <= 0) return fail(Code::invalid_argument, "names: at least one is needed");
  std::string alternatives;
  for (const auto& name : names) {
    if (name.empty() || name.find_first_of(",\n= \\") != std::string::npos ||
        (name.find(':') != std::string::npos && !is_address(name)))
      return fail(Code::invalid_argument, "names: must be DNS names or IP addresses");
    alternatives += std::string(alternatives.empty() ? "" : ",") + (is_address(name) ? "IP:" : "DNS:") + name;
  }
  ERR_clear_error();
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr x(X509_new());
  unsigned char serial[16];
  if (!key || !x || RAND_bytes(serial, sizeof serial) != 1)
    return fail(Code::internal, "no key", library_reason());
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3f) | 0x40);  // positive and of fixed length
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  const auto* common_name = reinterpret_cast<const unsigned char*>(names.front().c_str());
  X509_NAME* subject = X509_get_subject_name(x.get());
  const bool made =
      number && X509_set_version(x.get(), 2) == 1 &&
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x.get())) != nullptr &&
      X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(x.get()), days, 0, nullptr) != nullptr &&
      X509_set_pubkey(x.get(), key.get()) == 1 &&
      X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, common_name, -1, -1, 0) == 1 &&
      X509_set_issuer_name(x.get(), subject) == 1 &&
      add_extension(x.get(), NID_basic_constraints, "critical,CA:TRUE") &&
      add_extension(x.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
      add_extension(x.get(), NID_ext_key_usage, "serverAuth") &&
      add_extension(x.get(), NID_subject_alt_name, alternatives) &&
      X509_sign(x.get(), key.get(), EVP_sha256()) > 0;
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const BioPtr key_text(BIO_new(BIO_s_secmem()));
  if (!made || !certificate_text || !key_text || PEM_write_bio_X509(certificate_text.get(), x.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(Code::internal, "the certificate could not be made", library_reason());
  SelfSigned out;
  out.certificate_pem = written(certificate_text.get());
  out.key_pem = SecretText(written(key_text.get()));
  return out;
}

}  // namespace strongroom::crypto
