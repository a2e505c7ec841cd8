// Fills the next segment with zeros ahead of its use, in small steps on its own thread, as a sync over zeroed
// blocks is the cheapest there is. Never holds up the log: what is not filled in time is appended.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "audit/disk.h"

namespace strongroom::audit {

class Filler {
 public:
  // Fills up to `bytes`, while the disk keeps more than `reserve` free. A step of 0 does nothing at all.
  Filler(Disk&, std::uint64_t bytes, std::size_t step, std::uint64_t reserve);
  ~Filler();
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  void start();  // next.log is free to be made
  void stop();   // returns when it is not touched any more, filled or not

 private:
  void run();

  Disk& disk_;
  const std::uint64_t bytes_;
  const std::size_t step_;
  const std::uint64_t reserve_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool busy_ = false;
  bool ending_ = false;
  std::thread thread_;  // last: runs only when all else is there
};

}  // namespace strongroom::audit
