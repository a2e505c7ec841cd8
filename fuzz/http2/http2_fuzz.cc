// Feeds Http2 with arbitrary bytes in arbitrary pieces, behind a good preface. The input is a list of steps:
// a byte that says how long the next piece is (0 to 199), or what else happens (200 and up). From 220 on a
// step writes a frame whose length is right, so that frames are reached easily.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http/session.h"

namespace {
using namespace strongroom;
using namespace strongroom::wire::http;

void check(bool holds) {
  if (!holds) std::abort();
}

std::size_t look_at(const HttpRequest& r) {
  std::size_t sum = r.method().size() + r.target().size() + r.body.size();
  for (std::size_t i = 0; i < r.field_count(); ++i) sum += r.field(i).name.size() + r.field(i).value.size();
  check(!r.method().empty() && !r.target().empty() && !r.header("host").empty());
  check(r.method() != "CONNECT" && r.stream % 2 == 1);
  return sum;
}

struct Input {
  std::string_view rest;
  std::uint8_t byte() {
    if (rest.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    return b;
  }
  std::string piece(std::size_t n) {  // its own memory: overruns show
    std::string out(rest.substr(0, n));
    rest.remove_prefix(out.size());
    return out;
  }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Input in{{reinterpret_cast<const char*>(bytes), size}};
  const std::uint8_t options = in.byte();
  Limits limits;
  limits.head = 600;
  limits.fields = 12;
  limits.body = 200'000;
  limits.streams = 5;
  const HeadRule rule = [&](HttpRequest& head) -> HeadVerdict {
    check(head.body.empty());
    if (head.has_header("x-refuse")) return {0, 400, "refused by rule"};
    return {head.has_header("x-vault-token") ? limits.body : 50, 0, {}};
  };
  SessionShare share;
  share.fixed_lines = fixed_reply_lines(std::chrono::sys_seconds(Seconds(784111777)));
  share.now = MonoTime(Seconds(1000));
  const SessionOrigin origin{limits, rule, {"192.0.2.1", 1}, 0};
  Http2 session(share, origin);
  session.received((options & 1) != 0
                       ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                       : std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  std::vector<std::unique_ptr<HttpRequest>> held;
  const auto answer = [&](std::size_t at) {
    HttpReply reply;
    reply.status = (options & 2) != 0 ? 204 : 200;
    reply.body = SecretText(held[at]->body);
    reply.headers.emplace_back("X-Target", std::string(held[at]->target()));
    const std::uint32_t stream = held[at]->stream;
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    check(session.awaits(stream));
    session.answer(stream, std::move(reply));
    check(!session.awaits(stream));
  };
  while (!in.rest.empty()) {
    const std::uint8_t step = in.byte();
    if (step < 200) {
      session.received(in.piece(step));
    } else if (step < 205) {
      if (!held.empty()) answer(step % held.size());
    } else if (step < 208) {
      SecretText out;
      session.pull(out, step == 205 ? 100 : 64 * 1024);
      check(out.size() <= 64 * 1024 + 20'000);
    } else if (step < 210) {
      share.now += Seconds(step == 208 ? 1 : 31);
      session.expire();
    } else if (step == 210) {
      session.wind_down();
    } else if (step == 211) {
      session.all_gone();
    } else if (step < 220) {
      // Bytes of a body, many of them.
      const std::size_t n = std::size_t{in.byte()} * 64;
      std::string frame{static_cast<char>(n >> 16),
                        static_cast<char>(n >> 8),
                        static_cast<char>(n),
                        0,
                        0,
                        0,
                        0,
                        0,
                        static_cast<char>(2 * (step - 212) + 1)};
      session.received(frame.append(n, 'x'));
    } else {
      const std::size_t n = in.byte();
      const std::string flags = in.piece(1);
      const std::string payload = in.piece(n);
      const auto type = static_cast<char>((step - 220) % 12);
      std::string frame{0, 0, static_cast<char>(payload.size()), type};
      frame += flags.empty() ? std::string(1, '\5') : flags;
      const bool whole = type == 4 || type == 6 || type == 7;
      frame += std::string{0, 0, 0, whole ? '\0' : static_cast<char>(2 * ((step - 220) / 12) + 1)};
      session.received(frame += payload);
    }
    while (auto r = session.next()) {
      look_at(*r);
      check(r->body.size() <= limits.body && r->head_size() <= limits.head);
      held.push_back(std::move(r));
      check(held.size() <= limits.streams);
      if ((options & 4) != 0) answer(held.size() - 1);
    }
    for (const std::uint32_t stream : session.take_gone()) {
      check(session.awaits(stream));
      if ((options & 8) == 0 || !session.forget(stream)) continue;
      std::erase_if(held, [&](const auto& r) { return r->stream == stream; });
    }
    check(session.awaits_any() == !held.empty());
    (void)session.phase();
  }
  while (!held.empty()) answer(0);
  check(!session.awaits_any());
  SecretText out;
  session.pull(out, 1024 * 1024);
  (void)session.over();
  return 0;
}
