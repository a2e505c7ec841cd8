#include "system/sys/wrapping.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
}  // namespace

struct Wrapping::Anything {
  schema::RawJson data;
  static constexpr auto fields() {
    return std::array{
        field<&Anything::data>("data", "The body is what is wrapped: an object.", schema::whole_body)};
  }
};
struct Wrapping::Named {
  std::optional<Secret> token;
  static constexpr auto fields() {
    return std::array{field<&Named::token>("token", "The wrapping token; the caller's own when absent.")};
  }
};
struct Wrapping::Shown {
  std::string creation_path;
  schema::Timestamp creation_time;
  Seconds creation_ttl{};
  static constexpr auto fields() {
    return std::array{
        field<&Shown::creation_path>("creation_path", "Path of the request whose reply is wrapped."),
        field<&Shown::creation_time>("creation_time", "When it was wrapped.", kPlain),
        field<&Shown::creation_ttl>("creation_ttl", "For how long, in seconds.")};
  }
};

namespace {
// In the body, or as the caller's own.
std::string_view named_token(const Prompt& p, const Wrapping::Named& in) {
  return in.token && !in.token->empty() ? in.token->reveal_text(Reveal::to_cipher) : p.presented;
}
}  // namespace

Result<schema::StoredJson> Wrapping::wrap(Prompt& p, const Anything& in) const {
  if (p.wrap_ttl.count() == 0)
    return fail(Code::invalid_argument,
                "endpoint requires response wrapping to be used: send X-Vault-Wrap-TTL with a duration");
  schema::StoredJson out;
  out.bytes = in.data.node.is_object() ? in.data.node.source() : std::string_view("{}");
  return out;
}

Result<Wrapping::Shown> Wrapping::lookup(Prompt& p, const Named& in) const {
  SR_LET(const auto found, wrapping_.find(p.txn, named_token(p, in), p.now));
  return Shown{found.reply.creation_path, {found.reply.creation_time}, found.reply.creation_ttl};
}

Result<std::optional<schema::StoredJson>> Wrapping::unwrap(Prompt& p, const Named& in) const {
  SR_LET(auto found, wrapping_.redeem(p.txn, named_token(p, in), p.now));
  if (p.wrap_ttl.count() > 0) {  // what was asked for wrapped does not leave in clear
    found.reply.creation_path = std::string(p.mount.path) + std::string(p.path);
    found.reply.creation_ttl = std::chrono::ceil<Seconds>(p.wrap_ttl);
    SR_LET(p.aside.wrap,
           wrapping_.wrap(p.txn, std::move(found.reply), std::string(p.caller.display_name), p.now));
    return std::optional<schema::StoredJson>();
  }
  // The reply goes out as it was; the log has its data as it has the data of any reply.
  p.aside.frame = engine::Frame::raw;
  if (found.reply.unrecorded) {
    p.aside.text = std::move(found.reply.envelope);
    return std::optional<schema::StoredJson>();
  }
  schema::StoredJson data;
  if (const auto doc = json::Doc::parse(view(found.reply.envelope), json::Limits::of_our_own()))
    if (const auto inner = doc->root().find("data"); inner && inner->is_object())
      data.bytes = inner->source();
  p.aside.text = std::move(found.reply.envelope);
  return std::optional(std::move(data));
}

Result<schema::Empty> Wrapping::rewrap(Prompt& p, const Named& in) const {
  SR_LET(auto found, wrapping_.redeem(p.txn, named_token(p, in), p.now));
  SR_LET(p.aside.wrap, wrapping_.wrap(p.txn, std::move(found.reply), found.display_name, p.now));
  return schema::Empty{};
}

namespace {
constexpr std::array kRoutes{
    route<&Wrapping::wrap>(Verb::write, "wrapping/wrap", "Wrap the given values in a response-wrapping token",
                           engine::guarded, "wrap"),
    route<&Wrapping::lookup>(Verb::write, "wrapping/lookup", "Show the properties of a wrapping token",
                             engine::open, "read-wrapping-properties"),
    route<&Wrapping::lookup>(Verb::read, "wrapping/lookup",
                             "Show the properties of the caller's wrapping token", engine::open,
                             "read-wrapping-properties2"),
    route<&Wrapping::unwrap>(Verb::write, "wrapping/unwrap", "Give what a wrapping token holds, once",
                             engine::guarded, "unwrap"),
    route<&Wrapping::rewrap>(Verb::write, "wrapping/rewrap", "Move what a wrapping token holds to a new one",
                             engine::guarded, "rewrap"),
};
}  // namespace
std::span<const engine::Route> Wrapping::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
