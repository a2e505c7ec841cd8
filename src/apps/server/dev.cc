#include "apps/server/dev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "apps/server/assembly.h"
#include "crypto/tls_context.h"
#include "schema/json.h"

namespace strongroom::apps::server {
namespace {

Status write_file(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(Code::invalid_argument, path + ": cannot be written");
  return {};
}

// One request through the whole pipeline, as a client would make it.
Result<core::Reply> ask(Assembly& server, std::string_view token, engine::Verb verb, std::string_view path,
                        std::string_view body) {
  auto request = std::make_unique<core::Request>();
  SR_LET(request->call.path, Path::from_text(path));
  request->call.verb = verb;
  server.random().fill(request->call.id);
  request->call.body = body;
  if (!body.empty()) {
    SR_LET(auto doc, json::Doc::parse(view(request->call.body)));
    request->call.json.emplace(std::move(doc));
  }
  request->credential.token = token;
  request->time = server.core().server_time();
  std::promise<core::Reply> answer;
  auto ready = answer.get_future();
  // The turn hands its transactions over when it ends.
  core::Core::Turn(server.core())
      .serve(std::move(request),
             [&](std::unique_ptr<core::Request>, core::Reply reply) { answer.set_value(std::move(reply)); });
  auto reply = ready.get();
  if (reply.error) return std::unexpected(*reply.error);
  return reply;
}

}  // namespace

DevTls::~DevTls() {
  std::error_code ignored;
  if (temporary_) std::filesystem::remove_all(directory_, ignored);
}

Status DevTls::make(const std::string& directory, const std::string& address) {
  directory_ = directory;
  if (directory_.empty()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "strongroom-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(Code::invalid_argument, "-dev-tls: no temporary directory can be made");
    directory_ = pattern;
    temporary_ = true;
  } else {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
  }
  const auto host = address.substr(0, address.rfind(':'));
  const std::vector<std::string> names{"localhost", "127.0.0.1", host};
  SR_LET(const auto made, crypto::self_signed_certificate(names, 30));
  ca_file_ = directory_ + "/vault-ca.pem";
  SR_TRY(write_file(ca_file_, made.certificate_pem));
  SR_TRY(write_file(directory_ + "/vault-cert.pem", made.certificate_pem));
  return write_file(directory_ + "/vault-key.pem", view(made.key_pem));
}

strongroom::server::TlsFiles DevTls::files() const {
  strongroom::server::TlsFiles f;
  f.certificate_file = directory_ + "/vault-cert.pem";
  f.key_file = directory_ + "/vault-key.pem";
  return f;
}

Status prepare_dev(Assembly& server, const Options& options, const DevTls& tls) {
  auto& core = server.core();
  std::string unseal_key;
  std::string root;
  if (!core.seal_state().initialised) {
    core::InitWish wish;
    wish.seal = {"shamir", 1, 1};
    SR_LET(auto founded, core.init(wish));
    SR_TRY(core.unseal_with(founded.shares.front()));
    unseal_key = to_base64(founded.shares.front().reveal(Reveal::to_person));
    root = founded.root_token.reveal_text(Reveal::to_person);
    SR_LET([[maybe_unused]] const auto mounted,
           ask(server, root, engine::Verb::write, "sys/mounts/secret",
               options.dev_kv_v1
                   ? R"({"type":"kv","description":"key/value secret storage","options":{"version":"1"}})"
                   : R"({"type":"kv","description":"key/value secret storage","options":{"version":"2"}})"));
    if (!options.dev_root_token_id.empty()) {
      SecretText body;
      json::Writer w(body);
      w.begin_object();
      w.key("id");
      w.string(options.dev_root_token_id);
      w.key("policies");
      w.begin_array();
      w.string("root");
      w.end_array();
      w.key("no_parent");
      w.boolean(true);
      w.end_object();
      SR_LET([[maybe_unused]] const auto made,
             ask(server, root, engine::Verb::write, "auth/token/create", view(body)));
      SR_LET([[maybe_unused]] const auto revoked,
             ask(server, root, engine::Verb::write, "auth/token/revoke-self", {}));
      root = options.dev_root_token_id;
    }
  }
  if (!options.dev_no_store_token && !root.empty())
    if (const char* home = std::getenv("HOME")) SR_TRY(write_file(std::string(home) + "/.vault-token", root));

  const auto scheme = options.dev_tls ? "https" : "http";
  const auto first = server.addresses().substr(0, server.addresses().find(','));
  fmt::print(
      "==> Strongroom server configuration:\n\n"
      "                 Storage: inmem\n"
      "                Listener: {} ({})\n"
      "                 Version: Strongroom v{}\n\n"
      "==> Strongroom server started! Log data will stream in below:\n\n"
      "WARNING! dev mode is enabled! In this mode, Strongroom runs entirely in-memory\n"
      "and starts unsealed with a single unseal key. The root token is already\n"
      "authenticated to the CLI, so you can immediately begin using it.\n\n"
      "You may need to set the following environment variables:\n\n"
      "    $ export VAULT_ADDR='{}://{}'\n",
      first, options.dev_tls ? "tls" : "tcp, tls disabled", SR_VERSION, scheme, first);
  if (options.dev_tls) fmt::print("    $ export VAULT_CACERT='{}'\n", tls.ca_file());
  fmt::print(
      "\nThe unseal key and root token are displayed below in case you want to\n"
      "seal/unseal the server or re-authenticate.\n\n"
      "Unseal Key: {}\nRoot Token: {}\n\n"
      "Development mode should NOT be used in production installations!\n\n",
      unseal_key, root);
  std::fflush(stdout);
  wipe(root);
  wipe(unseal_key);
  return {};
}

}  // namespace strongroom::apps::server
