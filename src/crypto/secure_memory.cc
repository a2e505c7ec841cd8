#include "crypto/secure_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "crypto/must.h"

namespace strongroom::crypto {
namespace {

// Slots of one key each, on pages of their own. Pages are never returned: a server's keys are few.
class KeyPages {
 public:
  std::byte* take() noexcept {
    const std::scoped_lock lock(mutex_);
    if (free_ == nullptr) grow();
    Slot* const s = free_;
    free_ = s->next;
    std::memset(static_cast<void*>(s), 0, sizeof(Slot));
    return reinterpret_cast<std::byte*>(s);
  }
  void give(std::byte* p) noexcept {
    explicit_bzero(p, Key::kSize);
    const std::scoped_lock lock(mutex_);
    auto* const s = reinterpret_cast<Slot*>(p);
    s->next = free_;
    free_ = s;
  }
  bool locked() const noexcept { return locked_.load(std::memory_order_relaxed); }

 private:
  union Slot {
    Slot* next;
    std::byte bytes[Key::kSize];
  };

  void grow() noexcept {
    constexpr std::size_t kSize = 16 * 1024;
    void* const p = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED, "no memory for keys");
    if (mlock(p, kSize) != 0) locked_.store(false, std::memory_order_relaxed);
    (void)madvise(p, kSize, MADV_DONTDUMP);
    auto* const slots = static_cast<Slot*>(p);
    for (std::size_t i = 0; i < kSize / sizeof(Slot); ++i) {
      slots[i].next = free_;
      free_ = &slots[i];
    }
  }

  std::mutex mutex_;
  Slot* free_ = nullptr;  // guarded by mutex_
  std::atomic<bool> locked_{true};
};

KeyPages& pages() noexcept {
  static KeyPages* const p = new KeyPages;  // outlives every key, so never destroyed
  return *p;
}
}  // namespace

bool forbid_core_dumps() noexcept {
  const rlimit none{0, 0};
  const bool limit = setrlimit(RLIMIT_CORE, &none) == 0;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limit;
}

Key Key::copy_of(View bytes) {
  must(bytes.size() == kSize, "a key must be 32 bytes");
  Key k;
  k.bytes_ = pages().take();
  std::memcpy(k.bytes_, bytes.data(), kSize);
  return k;
}

Key Key::random(Random& random) {
  Key k;
  k.bytes_ = pages().take();
  random.fill({k.bytes_, kSize});
  return k;
}

Key::~Key() {
  if (bytes_ != nullptr) pages().give(bytes_);
}

bool key_pages_locked() noexcept { return pages().locked(); }

}  // namespace strongroom::crypto
