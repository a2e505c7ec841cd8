#include "crypto/random.h"

#include <pthread.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "crypto/must.h"

namespace strongroom::crypto {
namespace {

void from_kernel(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    must(n > 0, "no random bytes from the system");
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

std::atomic<unsigned> forks{0};

unsigned generation() noexcept {
  static const bool registered = [] {
    must(pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); }) == 0,
         "fork handler");
    return true;
  }();
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}

struct Buffer {
  std::array<std::byte, 512> bytes;
  std::size_t left = 0;  // the last `left` bytes are unused
  unsigned generation = 0;

  void forget() noexcept {
    explicit_bzero(bytes.data(), bytes.size());
    left = 0;
  }
  ~Buffer() { forget(); }
};

Buffer& buffer() noexcept {
  thread_local Buffer b;
  return b;
}
}  // namespace

void SystemRandom::fill(std::span<std::byte> out) noexcept {
  Buffer& b = buffer();
  if (out.size() > b.bytes.size() / 4) return from_kernel(out);
  if (const unsigned now = generation(); b.generation != now) {
    b.forget();
    b.generation = now;
  }
  if (b.left < out.size()) {
    from_kernel(b.bytes);
    b.left = b.bytes.size();
  }
  std::byte* const from = b.bytes.data() + (b.bytes.size() - b.left);
  std::memcpy(out.data(), from, out.size());
  explicit_bzero(from, out.size());
  b.left -= out.size();
}

void SystemRandom::forget() noexcept { buffer().forget(); }

}  // namespace strongroom::crypto
