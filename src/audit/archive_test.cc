#include "audit/archive.h"

#include <gtest/gtest.h>

#include "audit/log.h"
#include "audit/segment.h"
#include "audit/show.h"
#include "audit/test_fixture.h"
#include "audit/verify.h"

namespace strongroom::audit {
namespace {

class Archive : public testing::Test {
 protected:
  Archive() : directory_(folder_.path() / "audit"), destination_(folder_.path() / "old") {
    log_ = open();
    EXPECT_TRUE(log_->unseal(keys_, test::kStoreId));
    for (std::uint64_t i = 0; i < 40; ++i) EXPECT_TRUE(test::put(*log_, test::small(i, i + 1)));
    EXPECT_TRUE(log_->sign_now());
  }
  std::unique_ptr<Log> open() {
    auto log = Log::open(directory_, test::tiny(), world_.env);
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  Archivist by() const { return *Archivist::of(log_->verifier_key(), *keys_.signing_key()); }
  test::World world_;
  test::Folder folder_;
  test::FixedKeys keys_;
  std::filesystem::path directory_, destination_;
  std::unique_ptr<Log> log_;
};

TEST_F(Archive, MovesBodiesAndStillVerifies) {
  const auto done = archive(directory_, {.before = 20, .older_than = {}, .destination = destination_}, by());
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_GE(done->segments.size(), 3u);
  EXPECT_LE(done->first_kept, 20u);
  EXPECT_GT(done->first_kept, 10u);
  for (const std::uint64_t n : done->segments) {
    EXPECT_FALSE(std::filesystem::exists(directory_ / segment_name(n, FileKind::log)));
    EXPECT_TRUE(std::filesystem::exists(destination_ / segment_name(n, FileKind::log)));
  }
  const auto report = verify(directory_, log_->verifier_key());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->sound()) << report->findings[0].text;
  EXPECT_EQ(report->archived_records, done->first_kept);
  EXPECT_EQ(report->records, 40u);
  // The server goes on, reads what is left, and starts again.
  ASSERT_TRUE(test::put(*log_, test::small(40, 41)));
  const auto left = log_->read(0, 100);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_EQ(left->front().sequence, done->first_kept);
  log_.reset();
  log_ = open();
  ASSERT_TRUE(log_->unseal(keys_, test::kStoreId));
  EXPECT_EQ(log_->size(), 41u);
  EXPECT_EQ(log_->durable_revision(), 41u);
}

TEST_F(Archive, FindsAChangedHashOfAnArchivedRecord) {
  const auto done = archive(directory_, {.before = 20, .older_than = {}, .destination = {}}, by());
  ASSERT_TRUE(done);
  const auto disk = RealDisk::existing(directory_);
  const auto file = (*disk)->open(segment_name(2, FileKind::leaves), Disk::Mode::existing);
  ASSERT_TRUE((*file)->write(kHeaderSize + 5, "x"));
  const auto report = verify(directory_, log_->verifier_key());
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->sound());
}

TEST_F(Archive, FindsABodyThatSomebodyTookAwayThoughItsHashesAreThere) {
  const auto done = archive(directory_, {.before = 20, .older_than = {}, .destination = {}}, by());
  ASSERT_TRUE(done);
  const auto next = done->segments.back() + 2;  // one that is not the newest
  ASSERT_TRUE(verify(directory_, log_->verifier_key())->sound());
  std::filesystem::remove(directory_ / segment_name(next, FileKind::log));
  auto report = verify(directory_, log_->verifier_key());
  ASSERT_TRUE(report);
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->findings[0].kind, Finding::Kind::removed);
  EXPECT_EQ(report->findings[0].segment, next);
  // Nor does a marker help that the server did not sign.
  const auto disk = RealDisk::existing(directory_);
  const test::FixedKeys others('x');
  const crypto::Ed25519Key key(*others.signing_key());
  auto forged = by().verifier;
  forged.key = key.public_key();
  ASSERT_TRUE(replace_file(**disk, std::string(kArchivedName), sign_archived(forged, key, 40)));
  report = verify(directory_, log_->verifier_key());
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->sound());
  EXPECT_GE(report->findings.size(), 3u) << "the marker, and every body that it would have covered";
}

TEST_F(Archive, AMarkerIsNoCheckpointNorACheckpointAMarker) {
  const auto a = by();
  const auto marker = sign_archived(a.verifier, a.key, 7);
  EXPECT_EQ(*verify_archived(marker, a.verifier), 7u);
  EXPECT_FALSE(verify_checkpoint(marker, a.verifier));
  EXPECT_FALSE(verify_archived(log_->newest_checkpoint().text, a.verifier));
  for (std::size_t i = 0; i < marker.size(); ++i) {
    auto changed = marker;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto read = verify_archived(changed, a.verifier);
    EXPECT_FALSE(read && *read != 7u) << i;
  }
}

TEST_F(Archive, NeverPassesAnExporterNorWhatIsUnsigned) {
  const auto done = archive(directory_, {.older_than = {}, .exported = 7, .destination = destination_}, by());
  ASSERT_TRUE(done);
  EXPECT_LE(done->first_kept, 7u);
  log_->seal();
  for (std::uint64_t i = 40; i < 60; ++i) ASSERT_TRUE(test::put(*log_, test::small(i)));
  const auto all = archive(directory_, {.older_than = {}, .destination = destination_}, by());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_LE(all->first_kept, 40u);
  EXPECT_TRUE(verify(directory_, log_->verifier_key())->sound());
}

TEST_F(Archive, KeepsWhatIsNotOldEnough) {
  const auto done =
      archive(directory_, {.older_than = WallTime(Seconds(1000)), .destination = destination_}, by());
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->segments.empty());
}

TEST_F(Archive, RefusesToMoveADamagedBody) {
  const auto disk = RealDisk::existing(directory_);
  const auto file = (*disk)->open(segment_name(1, FileKind::log), Disk::Mode::existing);
  ASSERT_TRUE((*file)->write(kHeaderSize + kFrameHead + 3, "x"));
  EXPECT_EQ(
      archive(directory_, {.before = 20, .older_than = {}, .destination = destination_}, by()).error().code,
      Code::corrupt);
}

TEST_F(Archive, RecordsAreReadWithoutAServer) {
  log_.reset();
  const auto some = read_records(directory_, keys_, test::kStoreId, 35, 100);
  ASSERT_TRUE(some) << some.error().message;
  ASSERT_EQ(some->size(), 5u);
  EXPECT_EQ(some->back().record.path, "p/39");
  EXPECT_EQ(read_records(directory_, test::FixedKeys('x'), test::kStoreId, 0, 1).error().code, Code::corrupt);
}

}  // namespace
}  // namespace strongroom::audit
