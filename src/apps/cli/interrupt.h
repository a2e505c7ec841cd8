// Interrupt: while one lives, Ctrl-C and SIGTERM end nothing; the command asks seen() and ends in good order.
// One at a time.
#pragma once
#include <csignal>

namespace strongroom::apps::cli {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();
  bool seen() const noexcept;

 private:
  struct sigaction old_int_{};
  struct sigaction old_term_{};
};

}  // namespace strongroom::apps::cli
