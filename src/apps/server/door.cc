#include "apps/server/door.h"

#include <unistd.h>

#include <array>
#include <charconv>

#include "wire/vault/cors.h"
#include "wire/vault/vault.h"

namespace strongroom::apps::server {
namespace {

wire::http::HttpReply to_http(wire::vault::Outbound&& out) {
  wire::http::HttpReply reply;
  reply.status = out.status;
  reply.body = std::move(out.body);
  reply.content_type = std::move(out.content_type);
  reply.headers = std::move(out.headers);
  reply.feed = std::move(out.feed);
  return reply;
}

std::string_view presented(const wire::http::HttpRequest& head) {
  if (const auto token = head.header("X-Vault-Token"); !token.empty()) return token;
  const auto bearer = head.header("Authorization");
  return bearer.starts_with("Bearer ") ? bearer.substr(7) : std::string_view();
}

// "default", a class such as "2xx", or one status.
bool covers(std::string_view which, int status) {
  if (which == "default") return true;
  if (which.size() == 3 && which.ends_with("xx")) return which[0] - '0' == status / 100;
  return which == std::to_string(status);
}

}  // namespace

Door::Door(core::Core& core, Random& random, const Clock& clock, const strongroom::server::Config& config)
    : core_(core), random_(random), clock_(clock) {
  std::array<char, 256> host{};
  const bool named =
      config.enable_response_header_hostname && ::gethostname(host.data(), host.size() - 1) == 0;
  for (const auto& l : config.listeners) {
    Port p;
    p.json.depth = l.max_json_depth.value_or(p.json.depth);
    p.json.string = l.max_json_string.value_or(p.json.string);
    p.json.members = l.max_json_members.value_or(p.json.members);
    p.json.elements = l.max_json_elements.value_or(p.json.elements);
    p.headers = l.headers;
    if (named) p.headers.push_back({"default", "X-Vault-Hostname", host.data()});
    p.patience = l.max_request_duration;
    p.open_metrics = l.open_metrics;
    p.open_in_flight = l.open_in_flight;
    if (l.cors) p.cross_origin = std::make_shared<const core::CrossOrigin>(*l.cors);
    p.open_rekey = l.open_rekey || config.open_rekey;
    p.open_generate_root = l.open_generate_root || config.open_generate_root;
    ports_.push_back(std::move(p));
  }
}

void Door::release(wire::http::Loop& loop, wire::http::Ticket ticket, const Port& port,
                   wire::vault::Outbound&& out) const {
  for (const auto& h : port.headers)
    if (covers(h.status, out.status)) out.headers.emplace_back(h.name, h.value);
  std::vector<wire::http::Release> one;
  one.push_back({ticket, to_http(std::move(out))});
  loop.release(std::move(one));
}

bool Door::opens(const Port& port, std::string_view path) {
  return (port.open_metrics && path == "sys/metrics") ||
         (port.open_in_flight && path == "sys/in-flight-req") ||
         (port.open_rekey && path.starts_with("sys/rekey")) ||
         (port.open_generate_root && path.starts_with("sys/generate-root"));
}

std::optional<wire::vault::Outbound> Door::judge_origin(const wire::http::HttpRequest& head, const Port& port,
                                                        Headers& headers) const {
  const auto origin = head.header("Origin");
  if (origin.empty()) return std::nullopt;
  const auto rules = port.cross_origin ? port.cross_origin : core_.cross_origin();
  if (!rules) return std::nullopt;
  auto verdict =
      wire::vault::judge_origin(*rules, origin, head.method(), head.header("Access-Control-Request-Method"));
  headers = std::move(verdict.headers);
  return std::move(verdict.answer);
}

std::size_t Door::body_limit(const wire::http::HttpRequest& head) const {
  std::size_t announced = ~std::size_t{0};  // chunked: anything
  if (const auto length = head.header("Content-Length"); !length.empty())
    std::from_chars(length.data(), length.data() + length.size(), announced);
  if (announced <= wire::vault::kMostUnauthenticatedBody) return ~std::size_t{0};
  return core_.knows(presented(head)) ? ~std::size_t{0} : wire::vault::kMostUnauthenticatedBody;
}

void Door::take(wire::http::Loop& loop, std::vector<wire::http::Arrival> arrivals) {
  core::Core::Turn turn(core_);
  for (auto& a : arrivals) {
    auto& http = *a.request;
    const Port& port = ports_[http.listener];
    Headers of_origin;
    if (auto answer = judge_origin(http, port, of_origin)) {
      refused_.add();
      release(loop, a.ticket, port, *std::move(answer));
      continue;
    }
    wire::vault::Inbound in;
    in.json = port.json;
    in.method = http.method();
    in.target = http.target();
    in.token = http.header("X-Vault-Token");
    in.authorization = http.header("Authorization");
    in.name_space = http.header("X-Vault-Namespace");
    in.wrap_ttl = http.header("X-Vault-Wrap-TTL");
    in.wrap_format = http.header("X-Vault-Wrap-Format");
    in.content_type = http.header("Content-Type");
    in.body = std::move(http.body);
    auto decoded = wire::vault::decode(std::move(in), random_);
    if (auto* out = std::get_if<wire::vault::Outbound>(&decoded)) {
      refused_.add();
      out->headers.insert(out->headers.end(), of_origin.begin(), of_origin.end());
      release(loop, a.ticket, port, std::move(*out));
      continue;
    }
    auto& request = std::get<std::unique_ptr<core::Request>>(decoded);
    request->peer = {http.peer.address, http.peer.port};
    request->time = core_.server_time();
    request->arrived = clock_.ticks();
    request->patience = port.patience;
    if (opens(port, request->call.path.text())) request->gate = core::Request::Gate::open;
    request->headers = std::move(a.request);
    turn.serve(std::move(request), [this, &loop, &port, ticket = a.ticket, of_origin = std::move(of_origin)](
                                       std::unique_ptr<core::Request> r, const core::Reply& reply) {
      auto out = wire::vault::encode(*r, reply);
      out.headers.insert(out.headers.end(), of_origin.begin(), of_origin.end());
      release(loop, ticket, port, std::move(out));
    });
  }
}

}  // namespace strongroom::apps::server
