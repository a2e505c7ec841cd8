// Drives a Kv mount in tests as the front door would: finds the route, runs the exists hook and the handler,
// and turns the outcome into Vault's status. A request that fails leaves no trace. Test code only.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "engines/kv/kv.h"
#include "secret/fake_storage.h"

namespace strongroom::engines::kv {

class NoSnapshot final : public store::Snapshot {
 public:
  store::Revision revision() const noexcept override { return 0; }
  Result<std::optional<std::string_view>> get(std::string_view) const override { return std::nullopt; }
  Status scan(std::string_view, std::string_view, const Visit&) const override { return {}; }
};
class NoCipher final : public store::Cipher {
 public:
  Result<SecretText> open(std::string_view, std::string_view) const override { return SecretText(); }
  Result<store::Revision> revision_of(std::string_view) const override { return store::Revision{0}; }
};
class NoRandom final : public Random {
 public:
  void fill(std::span<std::byte>) noexcept override {}
};

struct Reply {
  int status = 0;
  std::string data;   // JSON; empty: none
  std::string error;  // message
  engine::Aside aside;
  bool created = false;
};

class Driver {
 public:
  explicit Driver(std::string version) {
    mount_.options["version"] = std::move(version);
    mount_.default_lease_ttl = Seconds{2764800};
  }

  void turn_to(std::string version) { mount_.options["version"] = std::move(version); }

  WallTime now{std::chrono::seconds{1'800'000'000}};
  secret::FakeStorage storage;

  using Query = std::vector<std::pair<std::string, std::string>>;
  Reply call(engine::Verb verb, std::string_view path, std::string_view body = {}, const Query& query = {}) {
    now += std::chrono::milliseconds{1};
    Reply out;
    schema::Input in;
    std::optional<json::Doc> doc;
    if (!body.empty()) {
      auto parsed = json::Doc::parse(body);
      if (!parsed || (!parsed->root().is_object() && !parsed->root().is_null()))
        return refused(400, "body: JSON");
      doc = *std::move(parsed);
      in.body = doc->root();
    }
    for (const auto& [k, v] : query) in.query.emplace_back(k, v);
    const auto found = engine::match(kv_.routes(mount_), verb, path, in);
    if (found.route == nullptr) return refused(found.path_known ? 405 : 404, "unsupported");
    store::Txn txn(snapshot_, cipher_);
    engine::Prompt prompt{storage, txn, mount_, caller_, now, random_, out.aside, plain(verb), path};
    if (found.route->exists != nullptr) {
      const auto there = found.route->exists(kv_, prompt, in);
      if (!there) return refused(500, there.error().message);
      if (!*there) prompt.operation = engine::Operation::create;
    }
    out.created = prompt.operation == engine::Operation::create;
    if (verb == engine::Verb::write && path.ends_with('/')) return refused(400, "cannot write");
    Writes render(out.data);
    engine::Blocking waits(prompt);
    const auto gave = found.route->invoke(kv_, found.route->blocking ? waits : prompt, in, render);
    if (!gave) {
      out.error = gave.error().message;
      out.status = status_of(gave.error().code);
      return failed(std::move(out));
    }
    if (*gave == engine::Route::Gave::data)
      for (auto& name : schema::unknown_names(found.route->in->fields(), in))
        out.aside.warnings.push_back(name);
    const bool reads = verb == engine::Verb::read || verb == engine::Verb::list;
    const bool empty = *gave == engine::Route::Gave::nothing && out.aside.warnings.empty();
    if (out.aside.frame == engine::Frame::missing || out.aside.frame == engine::Frame::empty_missing)
      out.status = 404;
    else
      out.status = !empty ? 200 : reads ? 404 : 204;
    storage.commit();
    return out;
  }
  Reply read(std::string_view path, const Query& q = {}) { return call(engine::Verb::read, path, {}, q); }
  Reply write(std::string_view path, std::string_view body) { return call(engine::Verb::write, path, body); }
  Reply patch(std::string_view path, std::string_view body) { return call(engine::Verb::patch, path, body); }
  Reply erase(std::string_view path) { return call(engine::Verb::erase, path); }
  Reply list(std::string_view path, const Query& q = {}) { return call(engine::Verb::list, path, {}, q); }

 private:
  struct Writes final : engine::Render {
    explicit Writes(std::string& o) : out(o) {}
    void data(const schema::Codec& codec, const void* object) override {
      SecretText text;
      schema::JsonSink sink(text);
      codec.save(object, sink);
      out = view(text);
    }
    std::string& out;
  };
  static engine::Operation plain(engine::Verb v) {
    static constexpr std::array ops{engine::Operation::read, engine::Operation::list,
                                    engine::Operation::update, engine::Operation::patch,
                                    engine::Operation::erase};
    return ops[static_cast<std::size_t>(v)];
  }
  static int status_of(Code c) {
    switch (c) {
      case Code::invalid_argument:
      case Code::conflict:
      case Code::failed_precondition:
        return 400;
      case Code::not_found:
        return 404;
      case Code::unsupported:
        return 405;
      case Code::too_large:
        return 413;
      default:
        return 500;
    }
  }
  Reply refused(int status, std::string error) {
    Reply reply;
    reply.status = status;
    reply.error = std::move(error);
    return failed(std::move(reply));
  }
  Reply failed(Reply reply) {
    storage.rollback();
    return reply;
  }

  Kv kv_;
  engine::MountView mount_;
  engine::Caller caller_;
  NoSnapshot snapshot_;
  NoCipher cipher_;
  NoRandom random_;
};

}  // namespace strongroom::engines::kv
