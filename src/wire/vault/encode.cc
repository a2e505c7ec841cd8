#include "base/bytes.h"
#include "base/time.h"
#include "wire/vault/vault.h"

namespace strongroom::wire::vault {
namespace {

int status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::conflict:
    case Code::failed_precondition:
      return 400;
    case Code::unauthenticated:
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::unsupported:
      return 405;
    case Code::unsupported_media:
      return 415;
    case Code::too_large:
      return 413;
    case Code::quota_exceeded:
      return 429;
    case Code::sealed:
    case Code::not_leader:
    case Code::unavailable:
    case Code::no_space:
    case Code::fenced:
    case Code::outcome_unknown:
      return 503;
    case Code::deadline_exceeded:
      return 504;
    case Code::corrupt:
    case Code::needs_worker:
    case Code::internal:
      return 500;
  }
  return 500;
}

void write_uuid(json::Writer& w, View id) {
  static constexpr char hex[] = "0123456789abcdef";
  char text[36];
  std::size_t at = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = hex[std::to_integer<unsigned>(id[i]) >> 4];
    text[at++] = hex[std::to_integer<unsigned>(id[i]) & 15];
  }
  w.string({text, at});
}

void write_texts(json::Writer& w, const std::vector<std::string>& list) {
  w.begin_array();
  for (const auto& s : list) w.string(s);
  w.end_array();
}

void write_auth(json::Writer& w, const engine::Issued& a) {
  w.begin_object();
  w.key("client_token");
  w.string(a.client_token.reveal_text(Reveal::to_caller));
  w.key("accessor");
  w.string(a.accessor);
  w.key("policies");
  write_texts(w, a.policies);
  w.key("token_policies");
  write_texts(w, a.token_policies);
  w.key("metadata");
  if (a.has_metadata) {
    w.begin_object();
    for (const auto& [k, v] : a.metadata) {
      w.key(k);
      w.string(v);
    }
    w.end_object();
  } else {
    w.null();
  }
  w.key("lease_duration");
  w.integer(a.lease_duration.count());
  w.key("renewable");
  w.boolean(a.renewable);
  w.key("entity_id");
  w.string(a.entity_id);
  w.key("token_type");
  w.string(a.token_type);
  w.key("orphan");
  w.boolean(a.orphan);
  w.key("mfa_requirement");
  w.null();
  w.key("num_uses");
  w.integer(a.num_uses);
  w.end_object();
}

void write_wrap(json::Writer& w, const engine::Wrapped& info) {
  w.begin_object();
  w.key("token");
  w.string(info.token.reveal_text(Reveal::to_caller));
  w.key("accessor");
  w.string(info.accessor);
  w.key("ttl");
  w.integer(info.ttl.count());
  w.key("creation_time");
  w.string(rfc3339(info.creation_time));
  w.key("creation_path");
  w.string(info.creation_path);
  if (!info.wrapped_accessor.empty()) {
    w.key("wrapped_accessor");
    w.string(info.wrapped_accessor);
  }
  w.end_object();
}

enum class Members : std::uint8_t { usual, merged, kept };

void write_envelope(SecretText& body, const core::Request& request, const core::Reply& reply,
                    Members members) {
  json::Writer w(body);
  w.begin_object();
  if (members == Members::merged) {
    // The members of data, once more at the top: what old clients read.
    const auto inner = view(reply.data);
    if (inner.size() > 2) w.raw(inner.substr(1, inner.size() - 2));
  }
  w.key("request_id");
  // A wrapped reply tells nothing that leads to the request inside, as in Vault.
  reply.aside.wrap ? w.string("") : write_uuid(w, request.call.id);
  w.key("lease_id");
  w.string("");
  w.key("renewable");
  w.boolean(reply.aside.renewable);
  w.key("lease_duration");
  w.integer(reply.aside.lease_duration.count());
  w.key("data");
  reply.has_data ? w.raw(view(reply.data)) : w.null();
  w.key("wrap_info");
  reply.aside.wrap ? write_wrap(w, *reply.aside.wrap) : w.null();
  w.key("warnings");
  reply.aside.warnings.empty() ? w.null() : write_texts(w, reply.aside.warnings);
  w.key("auth");
  reply.aside.auth ? write_auth(w, *reply.aside.auth) : w.null();
  if (!reply.mount_type.empty() && members != Members::kept) {
    w.key("mount_type");
    w.string(reply.mount_type);
  }
  w.end_object();
  body += '\n';
}

}  // namespace

Outbound encode(const core::Request& request, const core::Reply& reply) {
  if (reply.error) return refusal(status_of(reply.error->code), reply.error->message);
  Outbound out;
  using engine::Frame;
  switch (reply.aside.frame) {
    case Frame::empty_missing:
      out.status = 404;
      return out;
    case Frame::bare:
      out.status = reply.aside.status != 0 ? reply.aside.status : reply.has_data ? 200 : 204;
      out.body = reply.data;
      if (reply.has_data) out.body += '\n';
      return out;
    case Frame::raw:
      out.status = reply.aside.status != 0 ? reply.aside.status : 200;
      out.body = reply.aside.text.empty() ? reply.data : reply.aside.text;
      out.content_type = reply.aside.content_type;
      out.feed = reply.aside.feed;
      if (out.body.empty() && !out.feed && out.status == 200) out.status = 204;
      return out;
    case Frame::missing:
      out.status = 404;
      break;
    default:
      break;
  }
  if (!reply.has_data && !reply.aside.auth && !reply.aside.wrap && reply.aside.warnings.empty() &&
      reply.aside.status != 200) {
    out.status = 204;
    return out;
  }
  if (reply.aside.frame == Frame::envelope && reply.aside.status != 0) out.status = reply.aside.status;
  out.body.reserve(reply.data.size() * (reply.aside.frame == Frame::merged ? 2 : 1) + 512);
  write_envelope(out.body, request, reply,
                 reply.aside.frame == Frame::merged && !reply.aside.wrap ? Members::merged : Members::usual);
  return out;
}

SecretText envelope(const core::Request& request, const core::Reply& reply) {
  SecretText out;
  out.reserve(reply.data.size() + 512);
  write_envelope(out, request, reply, Members::kept);
  out.pop_back();  // the line feed
  return out;
}

}  // namespace strongroom::wire::vault
