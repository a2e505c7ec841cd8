#include "core/worker_pool.h"

namespace strongroom::core {

WorkerPool::WorkerPool(std::size_t threads, std::size_t most_waiting) : most_(most_waiting) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& t : threads_) t.join();
}

Status WorkerPool::submit(Lane lane, Job job) {
  {
    const std::lock_guard guard(mutex_);
    auto& queue = lane == Lane::interactive ? interactive_ : background_;
    if (stopping_ || queue.size() >= most_) return fail(Code::unavailable, "the server is busy; try again");
    queue.push_back(std::move(job));
  }
  ready_.notify_one();
  return {};
}

WorkerPool::Load WorkerPool::load() const {
  const std::lock_guard guard(mutex_);
  return {threads_.size(), busy_, interactive_.size(), background_.size()};
}

void WorkerPool::run() {
  for (bool first = true;; first = false) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!first) --busy_;
      ready_.wait(lock, [&] { return stopping_ || !interactive_.empty() || !background_.empty(); });
      if (stopping_) return;
      auto& queue = interactive_.empty() ? background_ : interactive_;
      ++busy_;
      job = std::move(queue.front());
      queue.pop_front();
    }
    job();
  }
}

}  // namespace strongroom::core
