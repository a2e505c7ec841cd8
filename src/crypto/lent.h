// Lent: contexts that cost more to make than to use, a few per key, borrowed for one operation. Makes keyed
// objects const and callable from any thread without a lock; dies (and wipes its contexts) with its key.
#pragma once
#include <array>
#include <atomic>
#include <memory>

namespace strongroom::crypto {

// A small number of the calling thread, for spreading threads over slots.
inline unsigned thread_number() noexcept {
  static std::atomic<unsigned> next{0};
  thread_local const unsigned mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

template <class T>
class Lent {
 public:
  static constexpr unsigned kSlots = 4;
  Lent() = default;
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  // Calls `use(T&)`; `make()` returns a new unique_ptr<T>.
  template <class Make, class Use>
  decltype(auto) with(const Make& make, const Use& use) const {
    const unsigned first = thread_number();
    for (unsigned i = 0; i < kSlots; ++i) {
      Slot& slot = slots_[(first + i) % kSlots];
      if (slot.taken.test_and_set(std::memory_order_acquire)) continue;
      const Release release{slot};
      if (!slot.context) slot.context = make();
      return use(*slot.context);
    }
    const std::unique_ptr<T> extra = make();
    return use(*extra);
  }

 private:
  struct Slot {
    std::atomic_flag taken;
    std::unique_ptr<T> context;
  };
  struct Release {
    Slot& slot;
    ~Release() { slot.taken.clear(std::memory_order_release); }
  };
  mutable std::array<Slot, kSlots> slots_;
};

}  // namespace strongroom::crypto
