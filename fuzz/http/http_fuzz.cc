// Feeds a plain Session with arbitrary bytes in arbitrary pieces. The input is a list of steps: a byte that
// says how long the piece is (0 to 239), or what else happens (240 and up), then the piece.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/http/session.h"

namespace {
using namespace strongroom;
using namespace strongroom::wire::http;

void check(bool holds) {
  if (!holds) std::abort();
}

// Everything a hook could look at.
std::size_t look_at(const HttpRequest& r) {
  std::size_t sum = r.method().size() + r.target().size() + r.body.size();
  for (std::size_t i = 0; i < r.field_count(); ++i) sum += r.field(i).name.size() + r.field(i).value.size();
  sum += r.all("x-forwarded-for").size() + r.header("host").size();
  check(!r.method().empty() && !r.target().empty());
  return sum;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  std::string_view in(reinterpret_cast<const char*>(bytes), size);
  const auto options = static_cast<std::uint8_t>(in.front());
  in.remove_prefix(1);
  Limits limits;
  limits.head = 600;
  limits.fields = 12;
  limits.body = 500;
  const HeadRule rule = [&](HttpRequest& head) -> HeadVerdict {
    check(head.body.empty());
    if (head.has_header("x-refuse")) return {0, 400, "refused by rule"};
    return {head.has_header("x-vault-token") ? limits.body : 50, 0, {}};
  };
  SessionShare share;
  share.fixed_lines = fixed_reply_lines(std::chrono::sys_seconds(Seconds(784111777)));
  Session session(share, {limits, rule, {"192.0.2.1", 1}, 0}, nullptr);
  std::unique_ptr<HttpRequest> request;
  const auto answer = [&](Session::Keep keep) {
    HttpReply reply;
    reply.status = (options & 2) != 0 ? 204 : 200;
    reply.body = SecretText(request->body);
    reply.headers.emplace_back("X-Target", std::string(request->target()));
    request.reset();
    session.answer(reply, keep);
  };
  const auto settle = [&] {
    if (auto r = session.next()) {
      check(request == nullptr && session.in_flight());
      look_at(*r);
      check(r->body.size() <= limits.body && r->head_size() <= limits.head);
      request = std::move(r);
    }
    if (request && (options & 1) != 0) answer(Session::Keep::as_asked);
    check(session.in_flight() == (request != nullptr));
    (void)session.phase();
  };
  while (!in.empty() && session.wants_bytes()) {
    const auto step = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    if (step < 240) {
      const std::string piece(in.substr(0, step));  // its own memory: overruns show
      in.remove_prefix(piece.size());
      session.received(piece);
    } else if (step < 244) {
      if (request) answer(step == 240 ? Session::Keep::no : Session::Keep::as_asked);
    } else if (step < 248) {
      session.sent(std::min<std::size_t>(session.unsent().size(), step == 244 ? 7 : SIZE_MAX));
    } else if (step == 248) {
      session.received_eof();
    } else {
      // A long piece of the rest.
      const std::string piece(in.substr(0, std::size_t{step} * 8 - 1700));
      in.remove_prefix(piece.size());
      session.received(piece);
    }
    settle();
  }
  for (int i = 0; i < 1000 && request; ++i) {
    answer(Session::Keep::as_asked);
    settle();
  }
  session.sent(session.unsent().size());
  return 0;
}
