#include "testkit/sim_directory.h"

#include <algorithm>

namespace strongroom::testkit {

class SimDirectory::File final : public audit::DiskFile {
 public:
  File(store::SimDisk& disk, std::shared_ptr<Open> open, std::shared_ptr<std::string> path)
      : disk_(disk), open_(std::move(open)), path_(std::move(path)) {}
  Result<std::string> read(std::uint64_t offset, std::size_t most) const override {
    return disk_.read(path(), offset, most);
  }
  Status write(std::uint64_t offset, std::string_view bytes) override {
    return disk_.pwrite(path(), offset, bytes);
  }
  Status sync() override { return disk_.fsync(path()); }
  Status truncate(std::uint64_t size) override { return disk_.truncate(path(), size); }
  Result<std::uint64_t> size() const override { return disk_.size(path()); }

 private:
  std::string path() const {
    const std::lock_guard guard(open_->mutex);
    return *path_;
  }
  store::SimDisk& disk_;
  const std::shared_ptr<Open> open_;
  const std::shared_ptr<std::string> path_;
};

Result<std::unique_ptr<audit::DiskFile>> SimDirectory::open(std::string_view name, Mode mode) {
  const auto path = full(name);
  if (!disk_.exists(path)) {
    if (disk_.crashed()) return fail(Code::unavailable, "the disk has lost power");
    if (mode != Mode::create) return fail(Code::not_found, "no such file");
    SR_TRY(disk_.create(path));
  }
  auto shared = std::make_shared<std::string>(path);
  {
    const std::lock_guard guard(open_->mutex);
    std::erase_if(open_->paths, [](const auto& p) { return p.expired(); });
    open_->paths.push_back(shared);
  }
  return std::make_unique<File>(disk_, open_, std::move(shared));
}

Result<std::vector<std::string>> SimDirectory::names() const {
  if (disk_.crashed()) return fail(Code::unavailable, "the disk has lost power");
  auto names = disk_.list("audit/");
  for (auto& name : names) name.erase(0, 6);
  return names;
}

Status SimDirectory::rename(std::string_view from, std::string_view to) {
  const auto old = full(from);
  SR_TRY(disk_.rename(old, full(to)));
  const std::lock_guard guard(open_->mutex);
  for (const auto& weak : open_->paths)
    if (const auto path = weak.lock(); path && *path == old) *path = full(to);
  return {};
}

}  // namespace strongroom::testkit
