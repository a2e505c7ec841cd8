#include "audit/verify.h"

#include <gtest/gtest.h>

#include <map>

#include "audit/log.h"
#include "audit/segment.h"
#include "audit/test_fixture.h"
#include "audit/test_sim.h"

namespace strongroom::audit {
namespace {

using Kind = Finding::Kind;
using Files = std::map<std::string, std::string>;

struct FrameAt {
  std::string file;
  std::uint64_t segment;
  std::uint64_t record;
  std::uint64_t sequence;
  std::size_t offset;
  std::size_t size;
};

// A log of three starts with several segments and checkpoints, and what it said at its ends.
class Verify : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    store::SimDisk disk;
    for (std::uint64_t round = 0; round < 3; ++round) {
      auto log = open(disk);
      ASSERT_TRUE(test::put(*log, test::small(round * 100)));
      ASSERT_TRUE(log->unseal(keys(), test::kStoreId));
      for (std::uint64_t i = 1; i < 8; ++i) {
        ASSERT_TRUE(test::put(*log, test::small(round * 100 + i)));
        if (i % 3 == 0) {
          ASSERT_TRUE(log->sign_now());
        }
      }
      log->seal();
      ASSERT_TRUE(test::put(*log, test::small(round * 100 + 8)));  // unsigned until the next unseal
      key_ = log->verifier_key();
      if (round == 1) early_ = log->newest_checkpoint().text;
      if (round == 1) early_files_ = contents(disk);
      late_ = log->newest_checkpoint().text;
    }
    files_ = contents(disk);
    for (const auto& [name, bytes] : files_) {
      const auto parsed = parse_segment_name(name);
      if (!parsed || parsed->kind != FileKind::log) continue;
      const auto header = parse_header(FileKind::log, std::string_view(bytes).substr(0, kHeaderSize));
      ASSERT_TRUE(header);
      std::uint64_t record = 0;
      for (std::size_t at = kHeaderSize; at < bytes.size(); ++record) {
        const FrameResult r = parse_frame(std::string_view(bytes).substr(at), parsed->segment, at);
        ASSERT_EQ(r.fault, FrameEnd::none);
        frames_.push_back({name, parsed->segment, record, header->first + record, at, r.frame.size()});
        at += r.frame.size();
      }
    }
    signed_ = parse_checkpoint(late_)->size;
    ASSERT_EQ(frames_.size(), 27u);
    ASSERT_EQ(signed_, 26u);
    ASSERT_GE(frames_.back().segment, 6u);
  }

  static const test::FixedKeys& keys() {
    static const test::FixedKeys k;
    return k;
  }
  static std::unique_ptr<Log> open(store::SimDisk& disk) {
    static test::World world;
    auto log = Log::open_on(std::make_unique<test::SimDirectory>(disk), test::tiny(), world.env);
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  static Files contents(store::SimDisk& disk) {
    Files f;
    for (const std::string& name : disk.list("")) f[name] = *disk.read(name);
    return f;
  }

  static VerifyReport check(const Files& files, const VerifyOptions& options = {}) {
    const auto disk = memory_disk();
    for (const auto& [name, bytes] : files)
      EXPECT_TRUE((*disk->open(name, Disk::Mode::create))->write(0, bytes));
    auto report = verify(*disk, key_, options);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *std::move(report) : VerifyReport{};
  }
  static std::string told(const VerifyReport& r) {
    std::string out;
    for (const Finding& f : r.findings) out += std::string(name(f.kind)) + ": " + f.text + "\n";
    return out;
  }
  static bool places(const VerifyReport& r, const FrameAt& at) {
    return std::ranges::any_of(r.findings, [&](const Finding& f) {
      return f.segment == at.segment && f.record == at.record && f.sequence == at.sequence;
    });
  }
  static void recompute(Files& files, const FrameAt& at) {
    std::string& bytes = files[at.file];
    const std::uint32_t crc = frame_crc(
        at.segment, at.offset, std::string_view(bytes).substr(at.offset + kFrameHead, at.size - kFrameHead));
    std::string be;
    put_u32(be, crc);
    bytes.replace(at.offset + 4, 4, be);
  }

  static inline Files files_, early_files_;
  static inline std::vector<FrameAt> frames_;
  static inline std::string key_, early_, late_;
  static inline std::uint64_t signed_ = 0;
};

TEST_F(Verify, FindsASoundLogSound) {
  const VerifyReport r = check(files_, {late_, early_});
  EXPECT_TRUE(r.sound()) << told(r);
  EXPECT_EQ(r.records, 27u);
  EXPECT_EQ(r.signed_records, 26u);
  EXPECT_EQ(r.newest, late_);
  EXPECT_TRUE(r.tail.empty());
}

TEST_F(Verify, NeedsTheRightKey) {
  const auto disk = memory_disk();
  for (const auto& [name, bytes] : files_)
    ASSERT_TRUE((*disk->open(name, Disk::Mode::create))->write(0, bytes));
  EXPECT_EQ(verify(*disk, "nonsense").error().code, Code::invalid_argument);
  VerifierKey other = *VerifierKey::parse(key_);
  other.key[0] ^= std::byte{1};
  const auto r = verify(*disk, other.text());
  ASSERT_TRUE(r);
  EXPECT_FALSE(r->sound());
  EXPECT_EQ(verify(*memory_disk(), key_).error().code, Code::not_found);
}

TEST_F(Verify, FindsAndPlacesAnyChangedRecord) {
  for (const FrameAt& at : frames_)
    for (const bool fix_checksum : {false, true}) {
      Files f = files_;
      f[at.file][at.offset + at.size - 1] ^= 1;
      if (fix_checksum) recompute(f, at);
      const VerifyReport r = check(f);
      if (at.sequence >= signed_) continue;  // promised only up to the last checkpoint
      EXPECT_TRUE(places(r, at)) << at.file << " record " << at.record << "\n" << told(r);
      EXPECT_EQ(r.findings.size(), 1u) << told(r);
    }
}

TEST_F(Verify, FindsEveryFlippedByteOfEveryFile) {
  for (const auto& [name, bytes] : files_) {
    if (name == kNextName) continue;
    for (std::size_t i = 0; i < bytes.size(); i += i < 48 ? 1 : 5) {
      if (name == frames_.back().file && i >= frames_.back().offset) break;  // the unsigned tail
      Files f = files_;
      f[name][i] = static_cast<char>(f[name][i] ^ 0x10);
      const VerifyReport r = check(f);
      ASSERT_FALSE(r.sound()) << name << " byte " << i;
    }
  }
}

TEST_F(Verify, FindsChangedRecordsWhoseHashesWereChangedToo) {
  for (const FrameAt& at : frames_) {
    if (at.sequence >= signed_) continue;
    Files f = files_;
    f[at.file][at.offset + at.size - 1] ^= 1;
    recompute(f, at);
    const Hash leaf =
        leaf_hash(std::string_view(f[at.file]).substr(at.offset + kFrameHead, at.size - kFrameHead));
    f[segment_name(at.segment, FileKind::leaves)].replace(kHeaderSize + at.record * 32, 32,
                                                          as_text(View(leaf)));
    const VerifyReport r = check(f);
    ASSERT_EQ(r.findings.size(), 1u) << told(r);
    EXPECT_EQ(r.findings[0].kind, Kind::unplaced);
    EXPECT_LE(*r.findings[0].sequence, at.sequence);
    EXPECT_GE(*r.findings[0].last, at.sequence);
  }
}

TEST_F(Verify, FindsAndPlacesRemovedRecords) {
  for (const FrameAt& at : frames_)
    for (const bool fix_checksums : {false, true}) {
      if (at.sequence >= signed_) continue;
      Files f = files_;
      f[at.file].erase(at.offset, at.size);
      if (fix_checksums)
        for (const FrameAt& later : frames_)
          if (later.segment == at.segment && later.record > at.record) {
            FrameAt moved = later;
            moved.offset -= at.size;
            recompute(f, moved);
          }
      const VerifyReport r = check(f);
      EXPECT_TRUE(places(r, at)) << at.file << " record " << at.record << "\n" << told(r);
    }
}

TEST_F(Verify, FindsAndPlacesSwappedRecords) {
  for (std::size_t i = 0; i + 1 < frames_.size(); ++i) {
    const FrameAt& a = frames_[i];
    const FrameAt& b = frames_[i + 1];
    if (a.segment != b.segment || a.size != b.size || b.sequence >= signed_) continue;
    Files f = files_;
    std::string& bytes = f[a.file];
    const std::string first = bytes.substr(a.offset, a.size);
    bytes.replace(a.offset, a.size, bytes.substr(b.offset, b.size));
    bytes.replace(b.offset, b.size, first);
    recompute(f, a);
    recompute(f, b);
    const VerifyReport r = check(f);
    EXPECT_TRUE(places(r, a)) << told(r);
    EXPECT_TRUE(places(r, b)) << told(r);
  }
}

TEST_F(Verify, FindsInsertedAndRepeatedRecords) {
  for (const FrameAt& at : frames_) {
    if (at.sequence >= signed_) continue;
    Files f = files_;
    f[at.file].insert(at.offset, f[at.file].substr(at.offset, at.size));
    const VerifyReport r = check(f);
    EXPECT_TRUE(!r.sound() || !r.tail.empty()) << at.file << " record " << at.record;
  }
}

TEST_F(Verify, FindsMissingFiles) {
  for (const auto& [name, bytes] : files_) {
    const auto parsed = parse_segment_name(name);
    if (!parsed) continue;
    Files f = files_;
    f.erase(name);
    const VerifyReport r = check(f);
    const bool last = parsed->segment == frames_.back().segment;
    if (parsed->kind == FileKind::log && !last) {  // still checked by its hashes, but nobody archived it
      ASSERT_EQ(r.findings.size(), 1u) << name << told(r);
      EXPECT_EQ(r.findings[0].kind, Kind::removed) << name;
      EXPECT_EQ(r.findings[0].segment, parsed->segment) << name;
      EXPECT_GT(r.archived_records, 0u) << name;
    } else if (parsed->kind == FileKind::checkpoints) {
      EXPECT_TRUE(r.sound()) << told(r);  // later checkpoints cover it all
    } else {
      EXPECT_FALSE(r.sound()) << name;
    }
    f.erase(segment_name(parsed->segment, FileKind::log));
    f.erase(segment_name(parsed->segment, FileKind::leaves));
    if (!last) {
      EXPECT_EQ(check(f).findings.at(0).kind, Kind::segment_missing) << name;
    }
  }
}

TEST_F(Verify, FindsACutTailAnOlderCopyAndAForkByACheckpointFromOutside) {
  // The last segments taken away together with their checkpoints: an honest earlier log, but for the outside.
  Files cut = files_;
  const std::uint64_t last = frames_.back().segment;
  for (const FileKind kind : {FileKind::log, FileKind::leaves, FileKind::checkpoints})
    for (std::uint64_t n = last - 1; n <= last; ++n) cut.erase(segment_name(n, kind));
  EXPECT_TRUE(check(cut).sound()) << told(check(cut));
  const VerifyReport shorter = check(cut, {late_, {}});
  ASSERT_EQ(shorter.findings.size(), 1u) << told(shorter);
  EXPECT_EQ(shorter.findings[0].kind, Kind::cut);

  EXPECT_TRUE(check(early_files_).sound());
  EXPECT_EQ(check(early_files_, {late_, {}}).findings.at(0).kind, Kind::cut);

  // The same server going on from the older copy: signed by the same key, but other records.
  store::SimDisk disk;
  for (const auto& [name, bytes] : early_files_) {
    ASSERT_TRUE(disk.create(name));
    ASSERT_TRUE(disk.pwrite(name, 0, bytes));
  }
  {
    auto log = open(disk);
    ASSERT_TRUE(log->unseal(keys(), test::kStoreId));
    for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(test::put(*log, test::small(900 + i)));
  }
  const Files fork = contents(disk);
  EXPECT_TRUE(check(fork).sound()) << told(check(fork));
  const VerifyReport forked = check(fork, {late_, {}});
  ASSERT_EQ(forked.findings.size(), 1u) << told(forked);
  EXPECT_EQ(forked.findings[0].kind, Kind::fork);
  EXPECT_TRUE(check(fork, {early_, {}}).sound());
}

TEST_F(Verify, StartsFromACheckpointUsingTheStoredHashes) {
  const std::uint64_t from = parse_checkpoint(early_)->size;
  for (const FrameAt& at : frames_) {
    Files f = files_;
    f[at.file][at.offset + at.size - 1] ^= 1;
    if (at.sequence >= signed_) continue;
    const VerifyReport r = check(f, {{}, early_});
    if (at.sequence >= from) {
      EXPECT_TRUE(places(r, at)) << told(r);
    }
    if (at.segment < 2) {  // not read
      EXPECT_TRUE(r.sound()) << told(r);
    }
  }
  Files f = files_;
  f[segment_name(1, FileKind::leaves)][kHeaderSize] ^= 1;
  EXPECT_FALSE(check(f, {{}, early_}).sound());
}

TEST_F(Verify, RefusesANoteOfAnotherLog) {
  const auto disk = memory_disk();
  ASSERT_TRUE(disk->open(kKeyName, Disk::Mode::create));
  std::string forged = late_;
  forged[forged.size() - 10] ^= 1;
  EXPECT_EQ(verify(*disk, key_, {forged, {}}).error().code, Code::invalid_argument);
  EXPECT_EQ(verify(*disk, key_, {{}, "nonsense"}).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace strongroom::audit
