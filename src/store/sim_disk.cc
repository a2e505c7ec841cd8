#include "store/sim_disk.h"

#include <algorithm>
#include <random>

namespace strongroom::store {
namespace {

auto powerless() { return fail(Code::unavailable, "the disk has lost power"); }

}  // namespace

Status SimDisk::begin() {
  if (crashed_) return powerless();
  if (operations_ >= crash_at_) crashing_ = true;
  ++operations_;
  return {};
}

Result<SimDisk::File*> SimDisk::open(std::string_view path) {
  const auto it = names_.find(path);
  if (it == names_.end()) return fail(Code::not_found, "no such file");
  return &files_[it->second];
}

void SimDisk::apply_whole(std::string& content, const Change& change) {
  if (!change.bytes) {
    content.resize(change.offset);
    return;
  }
  const std::uint64_t end = change.offset + change.bytes->size();
  if (content.size() < end) content.resize(end);
  content.replace(change.offset, change.bytes->size(), *change.bytes);
}

void SimDisk::split(const Change& change, std::vector<Change>& out) const {
  if (!change.bytes) {
    out.push_back(change);
    return;
  }
  std::uint64_t at = change.offset;
  std::string_view rest = *change.bytes;
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, sector_ - at % sector_);
    out.push_back({std::string(piece), at});
    at += piece.size();
    rest.remove_prefix(piece.size());
  }
}

Status SimDisk::change(File& file, Change change) {
  const std::uint64_t end = change.offset + (change.bytes ? change.bytes->size() : 0);
  if (end > file.now.size() && used_locked() + (end - file.now.size()) > capacity_) {
    return fail(Code::no_space, "the disk is full");
  }
  apply_whole(file.now, change);
  file.unsynced.push_back(std::move(change));
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  return {};
}

Status SimDisk::create(std::string_view path) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  if (names_.contains(path)) return fail(Code::conflict, "the file exists");
  files_[next_];
  names_.emplace(path, next_);
  unsynced_names_.push_back({NameChange::Kind::create, std::string(path), std::to_string(next_)});
  ++next_;
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  return {};
}

Status SimDisk::append(std::string_view path, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  SR_LET(File * file, open(path));
  return change(*file, {std::string(bytes), file->now.size()});
}

Status SimDisk::pwrite(std::string_view path, std::uint64_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  SR_LET(File * file, open(path));
  return change(*file, {std::string(bytes), offset});
}

Status SimDisk::truncate(std::string_view path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  SR_LET(File * file, open(path));
  return change(*file, {std::nullopt, size});
}

Status SimDisk::fsync(std::string_view path) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  SR_LET(File * file, open(path));
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  if (syncs_++ >= fail_sync_at_) {
    fail_sync_at_ = UINT64_MAX;
    for (Change& c : file->unsynced) split(c, file->doubtful);
    file->unsynced.clear();
    return fail(Code::outcome_unknown, "fsync failed");
  }
  // Doubtful bytes stay in doubt unless their sector was dirtied again, which writes all of it. Truncations
  // in doubt are settled: the journal keeps sizes in order.
  std::erase_if(file->doubtful, [&](const Change& d) {
    const bool again =
        !d.bytes || std::any_of(file->unsynced.begin(), file->unsynced.end(), [&](const Change& c) {
          if (!c.bytes) return d.offset >= c.offset;
          return c.offset / sector_ <= d.offset / sector_ &&
                 d.offset / sector_ <= (c.offset + c.bytes->size()) / sector_;
        });
    if (again) apply_whole(file->durable, d);
    return again;
  });
  for (const Change& c : file->unsynced) apply_whole(file->durable, c);
  file->unsynced.clear();
  return {};
}

Result<std::string> SimDisk::read(std::string_view path, std::uint64_t offset, std::uint64_t most) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return powerless();
  const auto it = names_.find(path);
  if (it == names_.end()) return fail(Code::not_found, "no such file");
  const std::string& content = files_.at(it->second).now;
  if (offset >= content.size()) return std::string();
  return content.substr(offset, most);
}

Result<std::uint64_t> SimDisk::size(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return powerless();
  const auto it = names_.find(path);
  if (it == names_.end()) return fail(Code::not_found, "no such file");
  return files_.at(it->second).now.size();
}

bool SimDisk::exists(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  return !crashed_ && names_.contains(path);
}

Status SimDisk::remove(std::string_view path) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  const auto it = names_.find(path);
  if (it == names_.end()) return fail(Code::not_found, "no such file");
  names_.erase(it);
  unsynced_names_.push_back({NameChange::Kind::remove, std::string(path), {}});
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  return {};
}

Status SimDisk::rename(std::string_view from, std::string_view to) {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  const auto it = names_.find(from);
  if (it == names_.end()) return fail(Code::not_found, "no such file");
  const Number number = it->second;
  names_.erase(it);
  names_.insert_or_assign(std::string(to), number);
  unsynced_names_.push_back({NameChange::Kind::rename, std::string(from), std::string(to)});
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  return {};
}

Status SimDisk::sync_directory() {
  const std::lock_guard lock(mutex_);
  SR_TRY(begin());
  if (crashing_) {
    crashed_ = true;
    return powerless();
  }
  durable_names_ = names_;
  unsynced_names_.clear();
  return {};
}

std::vector<std::string> SimDisk::list(std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  if (crashed_) return out;
  for (auto it = names_.lower_bound(prefix); it != names_.end() && it->first.starts_with(prefix); ++it) {
    out.push_back(it->first);
  }
  return out;
}

void SimDisk::crash_after(std::uint64_t operations) {
  const std::lock_guard lock(mutex_);
  crash_at_ = operations_ + operations;
}

void SimDisk::crash() {
  const std::lock_guard lock(mutex_);
  crashed_ = true;
}

void SimDisk::restart(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 dice(seed);
  const auto lost_name = dice() % (unsynced_names_.size() + 1);
  for (std::size_t i = 0; i < lost_name; ++i) {
    const NameChange& c = unsynced_names_[i];
    switch (c.kind) {
      case NameChange::Kind::create:
        durable_names_.insert_or_assign(c.path, std::stoull(c.to));
        break;
      case NameChange::Kind::remove:
        durable_names_.erase(c.path);
        break;
      case NameChange::Kind::rename: {
        const auto it = durable_names_.find(c.path);
        const Number number = it->second;
        durable_names_.erase(it);
        durable_names_.insert_or_assign(c.to, number);
        break;
      }
    }
  }
  unsynced_names_.clear();
  names_ = durable_names_;
  for (auto& [number, file] : files_) {
    // How kind this power cut is to this file: all, nothing, or a mixture.
    const auto mood = dice() % 4;
    const auto survives = [&] {
      switch (mood) {
        case 0:
          return false;
        case 1:
          return true;
        default:
          return dice() % 2 == 0;
      }
    };
    std::string& content = file.durable;
    std::vector<Change> open = std::move(file.doubtful);
    for (const Change& c : file.unsynced) split(c, open);
    for (const Change& c : open) {
      if (survives()) apply_whole(content, c);
    }
    file.doubtful.clear();
    file.unsynced.clear();
    file.now = content;
  }
  std::erase_if(files_, [&](const auto& f) {
    return std::none_of(names_.begin(), names_.end(), [&](const auto& n) { return n.second == f.first; });
  });
  crash_at_ = UINT64_MAX;
  fail_sync_at_ = UINT64_MAX;
  crashing_ = false;
  crashed_ = false;
}

bool SimDisk::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

std::uint64_t SimDisk::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void SimDisk::fail_sync_after(std::uint64_t syncs) {
  const std::lock_guard lock(mutex_);
  fail_sync_at_ = syncs_ + syncs;
}

void SimDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::uint64_t SimDisk::used() const {
  const std::lock_guard lock(mutex_);
  return used_locked();
}

std::uint64_t SimDisk::room() const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t used = used_locked();
  return used < capacity_ ? capacity_ - used : 0;
}

std::uint64_t SimDisk::used_locked() const {
  std::uint64_t sum = 0;
  for (const auto& [name, number] : names_) sum += files_.at(number).now.size();
  return sum;
}

void SimDisk::flip(std::string_view path, std::uint64_t bit) {
  const std::lock_guard lock(mutex_);
  const auto it = names_.find(path);
  if (it == names_.end()) return;
  File& file = files_[it->second];
  for (std::string* content : {&file.now, &file.durable}) {
    if (bit / 8 < content->size())
      (*content)[bit / 8] = static_cast<char>((*content)[bit / 8] ^ (1 << bit % 8));
  }
}

void SimDisk::set_sector(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  sector_ = bytes;
}

}  // namespace strongroom::store
