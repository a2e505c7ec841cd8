// Engine: what a secrets engine, an auth method or a system area is to the core. A class with typed handlers
// and tables of routes; no state of its own beyond what its constructor was given (state is in the store).
// Handlers run on any thread, many at once.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "base/feed.h"
#include "engine/storage.h"
#include "schema/field.h"
#include "store/txn.h"

namespace strongroom::engine {

// Vault's words for a path that nothing serves, and for one that serves other verbs.
inline constexpr const char* kUnsupportedPath = "1 error occurred:\n\t* unsupported path\n\n";
inline constexpr const char* kUnsupportedOperation = "1 error occurred:\n\t* unsupported operation\n\n";

// What a route serves. A write is `create` or `update` for the policy, by the route's exists hook.
enum class Verb : std::uint8_t { read, list, write, patch, erase, scan };
enum class Operation : std::uint8_t { read, list, create, update, patch, erase, scan, help };
std::string_view name(Operation) noexcept;  // "read" ... "delete"

enum class Class : std::uint8_t { secret, auth };

// A mount as its engine sees it.
struct MountView {
  std::uint32_t number = 0;
  std::string path;  // "secret/", "auth/token/"
  std::string type;  // "kv"
  Class clazz = Class::secret;
  std::string accessor;
  std::string uuid;
  std::string description;
  std::map<std::string, std::string> options;
  Seconds default_lease_ttl{};  // effective
  Seconds max_lease_ttl{};      // effective
};

// Who asks: nobody on unauthenticated routes. A batch token has no record, so no number, no accessor and no
// cubbyhole; Tokens::find(txn, Prompt::presented, now) gives what it says of itself.
struct Caller {
  enum class Kind : std::uint8_t { nobody, service, batch };
  Kind kind = Kind::nobody;
  bool known() const noexcept { return kind != Kind::nobody; }
  std::uint64_t token = 0;  // number of a service token's record; 0 for the others
  std::string_view display_name;
  std::span<const std::string> policies;
  bool root = false;
  bool sudo = false;  // holds sudo on this very path
};

// What becomes "auth" in the reply: a token that was just made or renewed.
struct Issued {
  Secret client_token;
  std::string accessor;
  std::string display_name;
  std::vector<std::string> policies;
  std::vector<std::string> token_policies;
  std::map<std::string, std::string> metadata;
  bool has_metadata = false;  // null otherwise
  Seconds lease_duration{};
  bool renewable = false;
  std::string entity_id;
  std::string token_type = "service";
  bool orphan = false;
  std::int64_t num_uses = 0;
  WallTime issue_time{};
};

// What becomes "wrap_info" in the reply: a token whose cubbyhole holds the reply that was asked for.
struct Wrapped {
  Secret token;
  std::string accessor;
  Seconds ttl{};
  WallTime creation_time{};
  std::string creation_path;
  std::string wrapped_accessor;  // of the token inside, if there is one
};

// How the front door frames a reply.
enum class Frame : std::uint8_t {
  envelope,       // request_id, lease_id, data, ...
  bare,           // the data alone (sys/health, sys/init)
  missing,        // 404 with the envelope: a deleted version
  merged,         // the envelope with data's members repeated at the top (sys/mounts)
  empty_missing,  // 404 without a body (PATCH of nothing)
  raw,            // `text` as it is, else the data alone and without a final newline (sys/wrapping/unwrap)
};

// Everything of a reply that is not its data.
struct Aside {
  std::vector<std::string> warnings;
  std::optional<Issued> auth;
  std::optional<Wrapped> wrap;
  Seconds lease_duration{};
  bool renewable = false;
  Frame frame = Frame::envelope;
  int status = 0;            // 0: what the frame says (sys/health sets it)
  SecretText text;           // with Frame::raw: a body that is not JSON (sys/metrics)
  std::string content_type;  // of it; empty: application/json
  // With Frame::raw: the body goes on with what comes here. The core ends it when the token dies or it seals.
  std::shared_ptr<Feed> feed;
  // Nothing in the reply that a stranger may not have: of a flood of these by strangers most are only
  // counted.
  bool for_anybody = false;
};

// Until when a handler may work. What walks over many records asks every few hundred of them.
struct Deadline {
  const Clock* clock = nullptr;  // null: no deadline
  MonoTime at{};
  Status check() const {
    if (clock == nullptr || clock->ticks() <= at) return {};
    return fail(Code::deadline_exceeded,
                "the request took longer than max_request_duration: ask for less at a time");
  }
};

// What a prompt handler may use: memory, the snapshot, and the request's one transaction.
struct Prompt {
  Storage& storage;
  store::Txn& txn;
  const MountView& mount;
  const Caller& caller;
  WallTime now;
  Random& random;
  Aside& aside;
  Operation operation = Operation::read;
  std::string_view path = {};            // relative to the mount
  std::string_view presented = {};       // the token as the caller gave it: for replies that show it to them
  std::string_view remote_address = {};  // of the caller; empty on a Unix socket
  Nanoseconds wrap_ttl{};                // how long the reply is to be wrapped; zero: not at all
  Deadline deadline = {};
};
// What may wait: handlers that take this run on a worker, never on a loop. Their one transaction is committed
// when they return.
struct Blocking : Prompt {
  explicit Blocking(const Prompt& p) : Prompt(p) {}
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view type() const noexcept = 0;
  virtual Class clazz() const noexcept { return Class::secret; }
  virtual std::span<const struct Route> routes(const MountView&) const = 0;
  // A paragraph for people: what it is for.
  virtual std::string_view about() const noexcept { return {}; }
  // Checks and completes a new mount's options, or a tuned mount's.
  virtual Status mount_options(std::map<std::string, std::string>&) const { return {}; }
};

// Takes a handler's result while it lives: writes it as JSON and, redacted, for the audit log.
class Render {
 public:
  virtual ~Render() = default;
  virtual void data(const schema::Codec&, const void* object) = 0;
};

enum RouteFlag : std::uint16_t {
  guarded = 0,
  open = 1,           // needs no token
  sudo = 2,           // needs the sudo capability
  unlogged = 4,       // no audit record of its own (health checks)
  sealed_ok = 8,      // answers while sealed
  folds = 16,         // case in the path means nothing: the lowered path must be permitted, too
  unlisted = 32,      // only tells callers what they should have asked: left out of documents
  issues = 64,        // the reply carries a token ("auth")
  by_listener = 128,  // needs no token, sealed or not, where the listener says so (Request::gate)
  shut = 256,         // needs no token where the listener says so, and answers nobody where it does not
  acts = 1024,        // its handler, a blocking one, does what cannot be undone: never twice for one request
  slashes = 512,      // a slash at the end means nothing: what is refused without it is refused with it, too
};

struct Route {
  Verb verb;
  std::string_view pattern, summary;  // "data/{path...}", "config", "roles/{name}"
  const schema::Codec *in, *out;
  bool blocking;
  std::uint16_t flags;
  // nothing: it is not there (404 on reads, 204 on writes are the front door's matter).
  enum class Gave : std::uint8_t { data, nothing };
  Result<Gave> (*invoke)(const Engine&, Prompt&, const schema::Input&, Render&);
  Result<bool> (*exists)(const Engine&, Prompt&, const schema::Input&);  // null: every write is an update
  // Whose handler it is when several engines share one mount (the areas of sys/); null: the mount's engine.
  const Engine* area = nullptr;
  // The operation's id in OpenAPI, as Vault names it ("mounts-enable-secrets-engine"); empty: made of the
  // engine's type, the verb and the pattern.
  std::string_view id = {};
  const Engine& owner(const Engine& mounted) const noexcept { return area != nullptr ? *area : mounted; }
};

template <class>
struct Handler;
template <class E, class X, class I, class O>
struct Handler<Result<O> (E::*)(X&, const I&) const> {
  using Self = E;
  using Context = X;
  using In = I;
  using Out = O;
};
template <class T>
struct Given {
  using type = T;
};
template <class T>
struct Given<std::optional<T>> {
  using type = T;
};

// A handler returns Result<O>, Result<std::optional<O>> (nothing: 404 or 204) or Result<schema::Empty> (204).
template <auto H>
constexpr Route route(Verb verb, std::string_view pattern, std::string_view summary, unsigned flags = guarded,
                      std::string_view id = {}) {
  using D = Handler<decltype(H)>;
  using Out = typename Given<typename D::Out>::type;
  return {verb,
          pattern,
          summary,
          &schema::CodecOf<typename D::In>::value,
          &schema::CodecOf<Out>::value,
          std::is_same_v<typename D::Context, Blocking>,
          static_cast<std::uint16_t>(flags),
          [](const Engine& e, Prompt& p, const schema::Input& input, Render& render) -> Result<Route::Gave> {
            typename D::In in{};
            SR_TRY(schema::load_input(schema::Type<typename D::In>::fields(), input, &in));
            auto out = (static_cast<const typename D::Self&>(e).*H)(static_cast<typename D::Context&>(p), in);
            if (!out) return std::unexpected(std::move(out).error());
            if constexpr (std::is_same_v<Out, schema::Empty>) {
              return Route::Gave::nothing;
            } else if constexpr (!std::is_same_v<Out, typename D::Out>) {
              if (!*out) return Route::Gave::nothing;
              render.data(schema::CodecOf<Out>::value, &**out);
            } else {
              render.data(schema::CodecOf<Out>::value, &*out);
            }
            return Route::Gave::data;
          },
          nullptr,
          nullptr,
          id};
}
// The same with a hook that tells create from update: Result<bool> (E::*)(Prompt&, const In&) const.
template <auto H, auto X>
constexpr Route route_with_exists(Verb verb, std::string_view pattern, std::string_view summary,
                                  unsigned flags = guarded, std::string_view id = {}) {
  Route r = route<H>(verb, pattern, summary, flags, id);
  r.exists = [](const Engine& e, Prompt& p, const schema::Input& input) -> Result<bool> {
    using D = Handler<decltype(H)>;
    typename D::In in{};
    SR_TRY(schema::load_input(schema::Type<typename D::In>::fields(), input, &in));
    return (static_cast<const typename D::Self&>(e).*X)(p, in);
  };
  return r;
}

// Finds the route of a verb and path; captures go into `input.path`.
struct Match {
  const Route* route = nullptr;
  bool path_known = false;  // another verb has it: 405
};
Match match(std::span<const Route>, Verb, std::string_view path, schema::Input& input);
// Whether any verb would find the route at this path.
bool serves(const Route&, std::string_view path);

}  // namespace strongroom::engine
