#include "audit/filler.h"

#include <string>

#include "audit/segment.h"

namespace strongroom::audit {
namespace {
constexpr int kStepsPerSync = 8;
}

Filler::Filler(Disk& disk, std::uint64_t bytes, std::size_t step, std::uint64_t reserve)
    : disk_(disk), bytes_(bytes), step_(step), reserve_(reserve) {
  if (step_ != 0) thread_ = std::thread([this] { run(); });
}

Filler::~Filler() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    wanted_ = false;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Filler::start() {
  if (step_ == 0) return;
  {
    const std::scoped_lock lock(mutex_);
    wanted_ = true;
  }
  wake_.notify_all();
}

void Filler::stop() {
  std::unique_lock lock(mutex_);
  wanted_ = false;
  wake_.wait(lock, [this] { return !busy_; });
}

void Filler::run() {
  const std::string zeros(step_, '\0');
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return wanted_ || ending_; });
    if (ending_) return;
    busy_ = true;
    lock.unlock();
    std::unique_ptr<DiskFile> file;
    std::uint64_t at = 0;
    int steps = 0;
    bool going = false;
    if (auto opened = disk_.open(kNextName, Disk::Mode::create)) {
      file = *std::move(opened);
      const auto size = file->size();
      going = size.has_value();
      if (going) at = *size;  // of an earlier run: zeros too
    }
    while (going && at < bytes_) {
      if (disk_.free_bytes() < reserve_ + step_ || !file->write(at, zeros)) break;
      at += step_;
      // Syncing now and then keeps the log's own syncs from waiting for a heap of zeros.
      if (++steps % kStepsPerSync == 0 && !file->sync()) break;
      lock.lock();
      going = wanted_;
      lock.unlock();
    }
    if (file && steps % kStepsPerSync != 0) (void)file->sync().has_value();
    file.reset();
    lock.lock();
    wanted_ = false;
    busy_ = false;
    wake_.notify_all();
  }
}

}  // namespace strongroom::audit
