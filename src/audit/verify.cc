#include "audit/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "audit/cursor.h"
#include "audit/merkle.h"
#include "audit/segment.h"

namespace strongroom::audit {
namespace {

using Kind = Finding::Kind;

// A root that someone vouches for from outside.
struct Expectation {
  Claim claim;
  const char* who;
  bool met = false;
};

// A record since the last root that fitted, with what its frame says about itself.
struct Seen {
  Hash leaf;
  std::uint64_t segment;
  std::uint64_t record;
  bool frame_sound;
};

// A record as the hash files know it.
struct Known {
  Hash leaf;
  std::uint64_t segment;
  std::uint64_t record;
};

// The hashes of a .leaves file.
struct Leaves {
  bool present = false;
  std::string bytes;  // without the header
  std::uint64_t count() const { return bytes.size() / sizeof(Hash); }
  Hash at(std::uint64_t i) const {
    Hash h;
    std::memcpy(h.data(), bytes.data() + i * sizeof(Hash), sizeof(Hash));
    return h;
  }
};

class Verifier {
 public:
  Verifier(Disk& disk, VerifierKey key) : disk_(disk), key_(std::move(key)) {}

  Result<VerifyReport> run(const VerifyOptions& options) {
    if (options.outside) SR_TRY(expect(*options.outside, "the checkpoint from outside"));
    if (options.since) {
      SR_TRY(expect(*options.since, "the checkpoint to start from"));
      since_ = expectations_.back().claim.size;
    }
    SR_TRY(list());
    SR_TRY(check_key());
    SR_TRY(read_marker());
    for (std::uint64_t n = 1; n <= last_; ++n) SR_TRY(segment(n));
    finish();
    return std::move(report_);
  }

 private:
  Status expect(std::string_view note, const char* who) {
    auto claim = verify_checkpoint(note, key_);
    if (!claim)
      return fail(Code::invalid_argument, fmt::format("{} does not verify: {}", who, claim.error().message));
    expectations_.push_back({*std::move(claim), who});
    if (expectations_.back().claim.size == 0) expectations_.back().met = true;
    return {};
  }

  Status list() {
    SR_LET(const std::vector<std::string> names, disk_.names());
    for (const std::string& name : names)
      if (const auto n = parse_segment_name(name)) {
        files_[n->segment].insert(n->kind);
        last_ = std::max(last_, n->segment);
      }
    if (last_ == 0) return fail(Code::not_found, "there is no audit log in this directory");
    report_.segments = last_;
    return {};
  }

  Status check_key() {
    SR_LET(const auto local, read_small(disk_, kKeyName));
    if (local && *local != key_.text() + "\n")
      find(Kind::key_changed, {}, "key.pub is not the key that was given");
    return {};
  }

  // What the server says it archived by itself.
  Status read_marker() {
    SR_LET(const auto note, read_small(disk_, kArchivedName));
    if (!note) return {};
    const auto first_kept = verify_archived(*note, key_);
    if (first_kept)
      archived_ = *first_kept;
    else
      find(Kind::checkpoint_changed, {},
           fmt::format("the marker of what was archived does not verify: {}", first_kept.error().message));
    return {};
  }

  struct Place {
    std::uint64_t segment = 0;
    std::optional<std::uint64_t> record, sequence, last;
  };
  void find(Kind kind, Place place, std::string text) {
    report_.findings.push_back(
        {kind, place.segment, place.record, place.sequence, place.last, std::move(text)});
  }

  Result<std::string> content(std::uint64_t n, FileKind kind) {
    SR_LET(const auto file, disk_.open(segment_name(n, kind), Disk::Mode::read_only));
    SR_LET(const std::uint64_t size, file->size());
    return file->read(0, static_cast<std::size_t>(size));
  }

  // ---- one segment

  Status segment(std::uint64_t n) {
    const auto& kinds = files_[n];
    const bool body = kinds.contains(FileKind::log);
    segment_ = n;
    // In the order in which a running server does not write them: what is read later covers what was read
    // first.
    std::string notes;
    if (kinds.contains(FileKind::checkpoints)) {
      SR_LET(notes, content(n, FileKind::checkpoints));
    }
    SR_TRY(load_leaves(n, kinds.contains(FileKind::leaves), body));
    if (!body && n == last_ && leaves_.present)
      find(Kind::segment_missing, {n, {}, next_sequence(), {}},
           fmt::format("the records of segment {} are missing", n));
    if (!body && !leaves_.present) {
      find(Kind::segment_missing, {n, {}, next_sequence(), {}}, fmt::format("segment {} is missing", n));
      lost_ = true;
      return {};
    }
    first_ = next_sequence();
    const bool before = !body || (leaves_.present && n < last_ && first_ + leaves_.count() <= since_);
    std::vector<CheckpointEntry> entries;
    if (!notes.empty() && first_ + leaves_.count() >= since_) entries = parse_notes(n, notes);
    if (before) return by_hashes(n, entries, body);
    return by_records(n, entries);
  }

  Status load_leaves(std::uint64_t n, bool present, bool body) {
    leaves_ = {};
    if (!present) {
      if (body && n < last_)
        find(Kind::hashes_changed, {n, {}, {}, {}}, fmt::format("the hashes of segment {} are missing", n));
      return {};
    }
    SR_LET(std::string bytes, content(n, FileKind::leaves));
    const auto header = parse_header(FileKind::leaves, std::string_view(bytes).substr(0, kHeaderSize));
    if (!header || header->segment != n || (!lost_ && header->first != next_sequence())) {
      find(Kind::hashes_changed, {n, {}, next_sequence(), {}},
           fmt::format("the header of segment {}'s hashes does not verify", n));
      if (bytes.size() < kHeaderSize) return {};
    }
    if (lost_ && header) sequence_if_lost_ = header->first;
    leaves_.present = true;
    leaves_.bytes = bytes.substr(kHeaderSize);
    return {};
  }

  std::vector<CheckpointEntry> parse_notes(std::uint64_t n, std::string_view bytes) {
    CheckpointFile file = parse_checkpoints(n, bytes);
    std::vector<CheckpointEntry> good;
    if (!file.sound || file.good != file.size)
      find(Kind::checkpoint_changed, {n, {}, {}, {}},
           fmt::format("the checkpoints of segment {} are damaged after entry {}", n, file.entries.size()));
    std::uint64_t size = signed_;
    for (CheckpointEntry& e : file.entries) {
      const auto claim = verify_checkpoint(e.note, key_);
      if (!claim || e.segment != n || e.size() < size) {
        find(Kind::checkpoint_changed, {n, {}, {}, {}},
             fmt::format("a checkpoint over {} records in segment {} does not verify: {}", e.size(), n,
                         claim ? "it does not fit" : claim.error().message));
        continue;
      }
      size = e.size();
      good.push_back(std::move(e));
    }
    return good;
  }

  // The records stay unread: their hashes stand for them.
  Status by_hashes(std::uint64_t n, const std::vector<CheckpointEntry>& entries, bool body) {
    if (!body) {
      report_.archived_records += leaves_.count();
      if (!lost_ && n != last_ && first_ + leaves_.count() > archived_)
        find(Kind::removed, {n, {}, first_, leaves_.count() == 0 ? first_ : first_ + leaves_.count() - 1},
             fmt::format(
                 "segment {}: the records of sequence {} to {} are missing, and the server did not archive "
                 "them; their hashes are here",
                 n, first_, first_ + std::max<std::uint64_t>(leaves_.count(), 1) - 1));
    }
    std::uint64_t at = 0;
    for (const CheckpointEntry& e : entries) {
      if (e.size() < first_ || e.size() - first_ > leaves_.count()) {
        find(Kind::hashes_changed, {n, {}, first_ + leaves_.count(), {}},
             fmt::format("segment {} has {} hashes, a checkpoint says more", n, leaves_.count()));
        accept(e);
        return {};
      }
      for (; first_ + at < e.size(); ++at) take(leaves_.at(at), n, at, true);
      check(e);
    }
    for (; at < leaves_.count(); ++at) take(leaves_.at(at), n, at, true);
    return {};
  }

  Status by_records(std::uint64_t n, const std::vector<CheckpointEntry>& entries) {
    SR_LET(const auto file, disk_.open(segment_name(n, FileKind::log), Disk::Mode::read_only));
    SR_LET(const std::uint64_t size, file->size());
    SR_LET(const std::string head, file->read(0, kHeaderSize));
    const auto header = parse_header(FileKind::log, head);
    if (!header && header.error().code == Code::failed_precondition) return std::unexpected(header.error());
    if (!header || header->segment != n || header->first != first_)
      find(Kind::frame_changed, {n, {}, first_, {}},
           fmt::format("the header of segment {} does not verify", n));

    const std::uint64_t needed =
        entries.empty() || entries.back().size() < first_ ? 0 : entries.back().size() - first_;
    if (n == last_ && leaves_.count() < needed)
      find(Kind::hashes_changed, {n, leaves_.count(), first_ + leaves_.count(), {}},
           fmt::format("segment {} has {} signed records and hashes of {}", n, needed, leaves_.count()));
    std::uint64_t offset = kHeaderSize;
    std::uint64_t index = 0;
    auto next = entries.begin();
    std::string buffer;
    std::uint64_t start = offset;
    while (true) {
      // Roots that are due here.
      while (next != entries.end() && next->offset <= offset) {
        if (next->offset < offset || next->size() != next_sequence() || offset > size) broken_ = true;
        check(*next);
        index = next->size() - first_;
        ++next;
      }
      if (broken_) {  // the rest cannot be told apart until the next checkpoint gives a place
        if (next == entries.end()) break;
        offset = next->offset;
        continue;
      }
      std::string_view window =
          std::string_view(buffer).substr(std::min<std::size_t>(buffer.size(), offset - start));
      if (window.size() < kFrameHead + kMostStored) {
        SR_LET(buffer, file->read(offset, 4u << 20));
        start = offset;
        window = buffer;
      }
      const FrameResult r = parse_frame(window, n, offset);
      if (r.fault == FrameEnd::none || r.fault == FrameEnd::bad_checksum || r.fault == FrameEnd::bad_flags) {
        const std::uint64_t end = offset + r.frame.size();
        const bool overshoots = next != entries.end() && end > next->offset;
        const bool in_tail = next == entries.end() && n == last_;
        if (!overshoots && (r.fault == FrameEnd::none || !in_tail)) {
          take(leaf_hash(r.frame.stored), n, index++, r.fault == FrameEnd::none);
          offset = end;
          continue;
        }
      }
      if (next != entries.end()) {  // a checkpoint says that there is more
        broken_ = true;
        continue;
      }
      end_of(n, r, window, offset, size);
      break;
    }
    std::uint64_t have = index;
    // What the hashes say about records that are not here.
    if (leaves_.present && n < last_ && leaves_.count() < have)
      find(Kind::hashes_changed, {n, leaves_.count(), first_ + leaves_.count(), {}},
           fmt::format("segment {} has {} records and hashes of {}", n, have, leaves_.count()));
    if (!lost_)
      for (; leaves_.present && have < leaves_.count(); ++have) store(leaves_.at(have), n, have);
    return {};
  }

  void end_of(std::uint64_t n, const FrameResult& r, std::string_view window, std::uint64_t offset,
              std::uint64_t size) {
    if (n < last_) {
      if (r.fault != FrameEnd::end_of_data || offset != size)
        find(Kind::frame_changed, {n, next_sequence() - first_, next_sequence(), {}},
             fmt::format("segment {}, record {} (sequence {}): not a record", n, next_sequence() - first_,
                         next_sequence()));
      return;
    }
    const bool zeros = window.find_first_not_of('\0') == std::string_view::npos;
    if (!zeros)
      report_.tail = fmt::format("segment {} has a torn record after sequence {}, never acknowledged", n,
                                 next_sequence());
  }

  // ---- the tree

  std::uint64_t next_sequence() const { return lost_ ? sequence_if_lost_ : by_file_.size(); }

  void take(const Hash& leaf, std::uint64_t segment, std::uint64_t record, bool frame_sound) {
    if (lost_) {
      ++sequence_if_lost_;
      return;
    }
    computed_.append(leaf);
    seen_.push_back({leaf, segment, record, frame_sound});
    // The hash file's opinion, for placing a change and for finding changes of the file itself. The newest
    // segment's file may lack the newest hashes; in others a record without a hash was inserted.
    if (leaves_.present && record < leaves_.count())
      store(leaves_.at(record), segment, record);
    else if (!leaves_.present || segment == last_)
      store(leaf, segment, record);
    meet(computed_);
  }
  void store(const Hash& hash, std::uint64_t segment, std::uint64_t record) {
    by_file_.append(hash);
    stored_.push_back({hash, segment, record});
  }

  void meet(const Frontier& frontier) {
    for (Expectation& e : expectations_) {
      if (e.met || e.claim.size != frontier.size()) continue;
      e.met = true;
      if (frontier.root() != e.claim.root)
        find(Kind::fork, {segment_, {}, 0, e.claim.size - 1},
             fmt::format("{} covers {} records, but not these: this log was changed, or is another", e.who,
                         e.claim.size));
    }
  }

  // The signed state is right; go on from it.
  void accept(const CheckpointEntry& e) {
    computed_ = by_file_ = signed_frontier_ = e.frontier;
    seen_.clear();
    stored_.clear();
    signed_ = e.size();
    report_.newest = e.note;
    lost_ = broken_ = false;
    for (Expectation& x : expectations_)  // beyond damage no own root is left to compare
      if (!x.met && x.claim.size <= e.size()) {
        x.met = true;
        if (x.claim.size == e.size() && x.claim.root != e.frontier.root())
          find(Kind::fork, {segment_, {}, 0, x.claim.size - 1},
               fmt::format("{} covers other records", x.who));
      }
  }

  void check(const CheckpointEntry& e) {
    if (lost_) return accept(e);
    const Hash root = e.frontier.root();
    if (!broken_ && computed_.size() == e.size() && computed_.root() == root) {
      for (std::size_t i = 0; i < seen_.size(); ++i) {
        const Place at{seen_[i].segment, seen_[i].record, signed_ + i, {}};
        if (i < stored_.size() && stored_[i].leaf != seen_[i].leaf)
          find(Kind::hashes_changed, at, describe(at, "its stored hash was changed"));
        if (!seen_[i].frame_sound) find(Kind::frame_changed, at, describe(at, "its checksum was changed"));
      }
    } else {
      complete_by_file(e);
      if (by_file_.size() == e.size() && by_file_.root() == root)
        place_changes();
      else
        find(Kind::unplaced, {e.segment, {}, signed_, e.size() == 0 ? 0 : e.size() - 1},
             fmt::format("segment {}: records of sequence {} to {} were changed, and their hashes too{}",
                         e.segment, signed_, e.size() - 1, suspects()));
    }
    accept(e);
  }

  // The hashes up to the checkpoint, also of records that could not be read.
  void complete_by_file(const CheckpointEntry& e) {
    while (leaves_.present && by_file_.size() < e.size() && by_file_.size() >= first_ &&
           by_file_.size() - first_ < leaves_.count()) {
      const std::uint64_t record = by_file_.size() - first_;
      store(leaves_.at(record), segment_, record);
    }
    // Records that were inserted: the file's opinion must not contain them.
    if (by_file_.size() <= e.size()) return;
    Frontier f = signed_frontier_;
    stored_.resize(static_cast<std::size_t>(e.size() - signed_));
    for (const Known& k : stored_) f.append(k.leaf);
    by_file_ = f;
  }

  static std::string describe(const Place& p, std::string_view what) {
    return fmt::format("segment {}, record {} (sequence {}): {}", p.segment, *p.record, *p.sequence, what);
  }

  Place place_of(std::size_t i) const {
    if (i < stored_.size()) return {stored_[i].segment, stored_[i].record, signed_ + i, {}};
    if (i < seen_.size()) return {seen_[i].segment, seen_[i].record, signed_ + i, {}};
    return {segment_, next_sequence() - first_, signed_ + i, {}};
  }

  // The stored hashes are the signed ones: every record that does not fit its hash is told.
  void place_changes() {
    std::size_t d = 0;
    const std::size_t both = std::min(seen_.size(), stored_.size());
    while (d < both && seen_[d].leaf == stored_[d].leaf) ++d;
    if (seen_.size() == stored_.size()) {
      for (; d < both; ++d)
        if (seen_[d].leaf != stored_[d].leaf) {
          const bool elsewhere =
              std::ranges::any_of(stored_, [&](const Known& k) { return k.leaf == seen_[d].leaf; });
          find(Kind::changed, place_of(d),
               describe(place_of(d), elsewhere ? "another record stands in its place" : "changed"));
        }
      return;
    }
    const Place at = place_of(d);
    if (seen_.size() + 1 == stored_.size() &&
        std::equal(seen_.begin() + static_cast<std::ptrdiff_t>(d), seen_.end(),
                   stored_.begin() + static_cast<std::ptrdiff_t>(d) + 1,
                   [](const Seen& s, const Known& k) { return s.leaf == k.leaf; }))
      return find(Kind::removed, at, describe(at, "removed"));
    find(seen_.size() < stored_.size() && d == seen_.size() ? Kind::removed : Kind::changed, at,
         describe(at, "changed or removed; what follows it cannot be read up to the next checkpoint"));
  }

  std::string suspects() const {
    std::string out;
    int told = 0;
    for (std::size_t i = 0; i < seen_.size() && told < 5; ++i) {
      if (seen_[i].frame_sound && i < stored_.size() && stored_[i].leaf == seen_[i].leaf) continue;
      out += fmt::format("{} {}", told++ == 0 ? "; suspicious: sequence" : ",", signed_ + i);
    }
    return out;
  }

  void finish() {
    report_.records = next_sequence();
    report_.signed_records = signed_;
    // No checkpoint covers these yet, but their hashes may be there.
    if (seen_.size() != stored_.size() ||
        !std::equal(seen_.begin(), seen_.end(), stored_.begin(),
                    [](const Seen& a, const Known& k) { return a.leaf == k.leaf; }))
      place_changes();
    for (const Expectation& e : expectations_)
      if (!e.met)
        find(Kind::cut, {last_, {}, report_.records, e.claim.size - 1},
             fmt::format("{} covers {} records, here are {}: the end was cut off, or this is an older copy",
                         e.who, e.claim.size, report_.records));
  }

  Disk& disk_;
  VerifierKey key_;
  VerifyReport report_;
  std::vector<Expectation> expectations_;
  std::uint64_t since_ = 0;
  std::map<std::uint64_t, std::set<FileKind>> files_;
  std::uint64_t last_ = 0;
  std::uint64_t archived_ = 0;  // bodies below this sequence may be missing

  std::uint64_t segment_ = 0;
  std::uint64_t first_ = 0;  // sequence of the segment's first record
  Leaves leaves_;
  Frontier computed_;  // over the records as they are
  Frontier by_file_;   // over the stored hashes
  Frontier signed_frontier_;
  std::uint64_t signed_ = 0;  // size of the last checkpoint
  std::vector<Seen> seen_;    // since then
  std::vector<Known> stored_;
  bool lost_ = false;    // no root can be computed before the next checkpoint
  bool broken_ = false;  // no frame can be found before the next checkpoint
  std::uint64_t sequence_if_lost_ = 0;
};

}  // namespace

std::string_view name(Finding::Kind kind) noexcept {
  switch (kind) {
    case Kind::changed:
      return "changed";
    case Kind::removed:
      return "removed";
    case Kind::unplaced:
      return "unplaced";
    case Kind::segment_missing:
      return "segment_missing";
    case Kind::frame_changed:
      return "frame_changed";
    case Kind::hashes_changed:
      return "hashes_changed";
    case Kind::checkpoint_changed:
      return "checkpoint_changed";
    case Kind::key_changed:
      return "key_changed";
    case Kind::cut:
      return "cut";
    case Kind::fork:
      break;
  }
  return "fork";
}

Result<VerifyReport> verify(Disk& disk, std::string_view verifier_key, const VerifyOptions& options) {
  SR_LET(VerifierKey key, VerifierKey::parse(verifier_key));
  return Verifier(disk, std::move(key)).run(options);
}

Result<VerifyReport> verify(const std::filesystem::path& directory, std::string_view verifier_key,
                            const VerifyOptions& options) {
  SR_LET(const auto disk, RealDisk::existing(directory));
  return verify(*disk, verifier_key, options);
}

}  // namespace strongroom::audit
