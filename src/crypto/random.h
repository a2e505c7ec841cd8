// SystemRandom: the kernel's random bytes through a small buffer per thread, so that short draws cost no
// system call. Bytes leave the buffer once. A forked child never sees its parent's buffer. Aborts when the
// kernel fails.
#pragma once
#include <span>

#include "base/env.h"

namespace strongroom::crypto {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) noexcept override;
  // Wipes the calling thread's buffer. Loops call it at the end of a turn, so that a clone of a running
  // virtual machine cannot repeat bytes for longer than one turn.
  static void forget() noexcept;
};

}  // namespace strongroom::crypto
