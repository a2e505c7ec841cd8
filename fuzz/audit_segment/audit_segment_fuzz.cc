// The audit log's parsers. The first byte chooses: a record, a tree, a frame, a note, a verifier key, a
// directory of files as they are, or edits of a sound directory (so that checksums and signatures hold where
// the edits leave them alone, or are made to hold again).
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "audit/checkpoint.h"
#include "audit/cursor.h"
#include "audit/log.h"
#include "audit/recovery.h"
#include "audit/segment.h"
#include "audit/test_fixture.h"
#include "audit/tree.h"
#include "audit/verify.h"

using namespace strongroom;
using namespace strongroom::audit;

namespace {

using Files = std::map<std::string, std::string>;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Sound {
  Files files;
  std::string key;
  std::string note;
};

// Keeps the bytes of a memory disk that a Log owns.
class Shared final : public Disk {
 public:
  explicit Shared(Disk& disk) : disk_(disk) {}
  Result<std::unique_ptr<DiskFile>> open(std::string_view name, Mode mode) override {
    return disk_.open(name, mode);
  }
  Result<std::vector<std::string>> names() const override { return disk_.names(); }
  Status rename(std::string_view from, std::string_view to) override { return disk_.rename(from, to); }
  Status remove(std::string_view name) override { return disk_.remove(name); }
  Status sync_names() override { return {}; }
  std::uint64_t free_bytes() const noexcept override { return UINT64_MAX; }

 private:
  Disk& disk_;
};

const Sound& sound() {
  static const Sound made = [] {
    Sound s;
    const auto disk = memory_disk();
    test::World world;
    const test::FixedKeys keys;
    for (std::uint64_t round = 0; round < 2; ++round) {
      auto log = audit::Log::open_on(std::make_unique<Shared>(*disk), test::tiny(), world.env);
      require(log.has_value() && test::put(**log, test::small(round)) &&
              (*log)->unseal(keys, test::kStoreId));
      for (std::uint64_t i = 1; i < 9; ++i) require(test::put(**log, test::small(i, i)).has_value());
      (*log)->seal();
      require(test::put(**log, test::small(9)).has_value());
      s.key = (*log)->verifier_key();
      s.note = (*log)->newest_checkpoint().text;
    }
    const std::vector<std::string> names = *disk->names();
    for (const std::string& name : names) s.files[name] = **read_small(*disk, name);
    return s;
  }();
  return made;
}

void examine(const Files& files, bool untouched) {
  const auto disk = memory_disk();
  for (const auto& [name, bytes] : files)
    require((*disk->open(name, Disk::Mode::create))->write(0, bytes).has_value());
  const test::FixedKeys keys;
  for (const VerifyOptions& options :
       {VerifyOptions{}, VerifyOptions{sound().note, {}}, VerifyOptions{{}, sound().note}}) {
    const auto report = verify(*disk, sound().key, options);
    if (untouched) require(report && report->sound());
  }
  RecordCursor cursor(
      *disk,
      [&](std::uint64_t n) -> Result<RecordCursor::Keys> {
        return RecordCursor::Keys{*keys.segment_key(n), test::kStoreId};
      },
      [] { return RecordCursor::kWhateverIsThere; });
  const auto read = cursor.read(0, 1000);
  if (untouched) require(read && read->size() == 20);
  const auto found = recover(*disk);
  if (untouched) require(found && found->frontier.size() == 20);
}

void directory(std::string_view in) {
  Files files;
  while (in.size() >= 4) {
    const auto segment = static_cast<std::uint8_t>(in[1]) % 4u + 1;
    const auto kind = static_cast<FileKind>(static_cast<std::uint8_t>(in[0]) % 3);
    const std::size_t size = std::min<std::size_t>(get_be(in.substr(2, 2)), in.size() - 4);
    files[segment_name(segment, kind)] = in.substr(4, size);
    in.remove_prefix(4 + size);
  }
  examine(files, false);
}

void edits(std::string_view in) {
  Files files = sound().files;
  const bool untouched = in.size() < 5;
  for (; in.size() >= 5; in.remove_prefix(5)) {
    auto at = files.begin();
    std::advance(at, static_cast<std::uint8_t>(in[0]) % files.size());
    std::string& bytes = at->second;
    if (bytes.empty()) continue;
    const std::size_t place = get_be(in.substr(1, 2)) % bytes.size();
    const auto count = static_cast<std::uint8_t>(in[3]);
    switch (static_cast<std::uint8_t>(in[4]) % 8) {
      case 0:
        bytes[place] = static_cast<char>(bytes[place] ^ count);
        break;
      case 1:
        bytes.erase(place, count);
        break;
      case 2:
        bytes.insert(place, bytes.substr(place, count));
        break;
      case 3:
        bytes.resize(place);
        break;
      case 4:
        bytes.append(count, in[3]);
        break;
      case 5:
        if (files.size() > 2) files.erase(at);
        break;
      case 6: {  // checksums of a segment made right again
        const auto name = parse_segment_name(at->first);
        if (!name || name->kind != FileKind::log) break;
        for (std::size_t o = kHeaderSize; o + kFrameHead < bytes.size();) {
          const std::size_t size = get_be(std::string_view(bytes).substr(o, 4));
          if (size == 0 || o + kFrameHead + size > bytes.size()) break;
          std::string frame = bytes.substr(o, kFrameHead + size);
          finish_frame(frame, 0, name->segment, o);
          bytes.replace(o, frame.size(), frame);
          o += frame.size();
        }
        break;
      }
      default: {
        auto other = files.begin();
        std::advance(other, count % files.size());
        std::swap(bytes, other->second);
      }
    }
  }
  examine(files, untouched);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: {
      const auto record = decode(in);
      if (record) require(encode(*record) == in);
      break;
    }
    case 1: {
      const bool good = tree::validate(in).has_value();
      const std::uint64_t members = tree::members(in);
      if (good) require(members <= in.size() || in.starts_with('\xc6'));
      break;
    }
    case 2: {
      const FrameResult r = parse_frame(in, 1, kHeaderSize);
      if (r.fault == FrameEnd::none) require(r.frame.size() <= in.size());
      (void)parse_header(FileKind::log, in.substr(0, kHeaderSize)).has_value();
      (void)parse_segment_name(in);
      break;
    }
    case 3: {
      const auto key = VerifierKey::parse(sound().key);
      const auto claim = verify_checkpoint(in, *key);
      if (claim) require(claim->origin == key->origin);
      break;
    }
    case 4: {
      const auto key = VerifierKey::parse(in);
      if (key) require(key->text().size() <= in.size());
      break;
    }
    case 5:
      directory(in);
      break;
    default:
      edits(in);
  }
  return 0;
}
