// A bounded pool of threads. Jobs of the interactive lane go first; a full lane refuses.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/env.h"

namespace strongroom::core {

class WorkerPool final : public Workers {
 public:
  explicit WorkerPool(std::size_t threads, std::size_t most_waiting = 4096);
  ~WorkerPool() override;  // finishes what runs, destroys what waits
  Status submit(Lane, Job) override;
  struct Load {
    std::size_t threads = 0, busy = 0, interactive = 0, background = 0;  // the last two wait
  };
  Load load() const;

 private:
  void run();
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> interactive_;  // under mutex_
  std::deque<Job> background_;   // under mutex_
  bool stopping_ = false;        // under mutex_
  std::size_t busy_ = 0;         // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace strongroom::core
