#include "apps/server/door.h"

#include "wire/vault/vault.h"

namespace strongroom::apps::server {
namespace {

wire::http::HttpReply to_http(wire::vault::Outbound&& out) {
  wire::http::HttpReply reply;
  reply.status = out.status;
  reply.body = std::move(out.body);
  reply.headers = std::move(out.headers);
  return reply;
}

void release(wire::http::Loop& loop, wire::http::Ticket ticket, wire::vault::Outbound&& out) {
  std::vector<wire::http::Release> one;
  one.push_back({ticket, to_http(std::move(out))});
  loop.release(std::move(one));
}

}  // namespace

std::size_t Door::body_limit(const wire::http::HttpRequest& head) {
  const bool has_token = head.has_header("X-Vault-Token") || head.has_header("Authorization");
  return has_token ? ~std::size_t{0} : wire::vault::kMostUnauthenticatedBody;
}

void Door::take(wire::http::Loop& loop, std::vector<wire::http::Arrival> arrivals) {
  core::Core::Turn turn(core_);
  for (auto& a : arrivals) {
    auto& http = *a.request;
    wire::vault::Inbound in;
    in.method = http.method();
    in.target = http.target();
    in.token = http.header("X-Vault-Token");
    in.authorization = http.header("Authorization");
    in.name_space = http.header("X-Vault-Namespace");
    in.wrap_ttl = http.header("X-Vault-Wrap-TTL");
    in.content_type = http.header("Content-Type");
    in.body = std::move(http.body);
    auto decoded = wire::vault::decode(std::move(in), random_);
    if (auto* out = std::get_if<wire::vault::Outbound>(&decoded)) {
      release(loop, a.ticket, std::move(*out));
      continue;
    }
    auto& request = std::get<std::unique_ptr<core::Request>>(decoded);
    request->peer = {http.peer.address, http.peer.port};
    request->time = core_.server_time();
    request->arrived = clock_.ticks();
    turn.serve(std::move(request),
               [&loop, ticket = a.ticket](std::unique_ptr<core::Request> r, core::Reply reply) {
                 release(loop, ticket, wire::vault::encode(*r, reply));
               });
  }
}

}  // namespace strongroom::apps::server
