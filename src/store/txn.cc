#include "store/txn.h"

#include <algorithm>

namespace strongroom::store {

bool erases_only(const Transaction& txn) noexcept {
  return !txn.empty() &&
         std::all_of(txn.puts.begin(), txn.puts.end(), [](const Put& p) { return !p.value; }) &&
         std::all_of(txn.edits.begin(), txn.edits.end(),
                     [](const LateEdit& e) { return e.op == LateEdit::Op::unlink; });
}

Result<std::optional<SecretText>> Txn::get(std::string_view key) {
  if (!puts_.empty()) {
    if (const auto own = puts_.find(key); own != puts_.end()) return own->second;
  }
  joined(key);
  auto stored = snapshot_.get(key);
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return std::optional<SecretText>();
  auto plain = cipher_.open(key, **stored);
  if (!plain) return std::unexpected(std::move(plain).error());
  return std::optional<SecretText>(*std::move(plain));
}

Result<std::optional<Revision>> Txn::revision_of(std::string_view key) {
  joined(key);
  auto stored = snapshot_.get(key);
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return std::optional<Revision>();
  SR_LET(const Revision revision, cipher_.revision_of(**stored));
  return std::optional<Revision>(revision);
}

void Txn::joined(std::string_view key) {
  // A handler often asks for one key twice in a row: its value and its revision.
  if (!reads_.empty() && reads_.back().last.empty() && reads_.back().first == key) return;
  reads_.push_back({Key(key), {}});
}

// Merges own writes over the snapshot's rows. `visit` may write to this transaction: what it writes behind
// the cursor is not visited, what it writes ahead is.
Status Txn::merge(std::string_view first, std::string_view last, const Row& row) {
  auto own = puts_.lower_bound(first);
  std::size_t known = puts_.size();
  Key at;  // the last key visited
  bool stopped = false;
  std::optional<Error> error;
  const auto emit = [&](std::string_view key, std::optional<std::string_view> stored,
                        const std::optional<SecretText>* mine) {
    at.assign(key);
    Result<bool> more = row(key, stored, mine);
    if (!more) {
      error = std::move(more).error();
      return false;
    }
    if (puts_.size() != known) {
      known = puts_.size();
      own = puts_.upper_bound(std::string_view(at));
    }
    stopped = !*more;
    return *more;
  };
  // Own writes below `bound`; false ends the scan.
  const auto own_below = [&](std::string_view bound) {
    while (own != puts_.end() && own->first < bound) {
      const auto mine = own++;
      if (mine->second && !emit(mine->first, std::nullopt, &mine->second)) return false;
    }
    return true;
  };
  const Status scanned = snapshot_.scan(first, last, [&](std::string_view key, std::string_view stored) {
    if (!own_below(key)) return false;
    if (own != puts_.end() && own->first == key) {
      const auto mine = own++;
      return !mine->second || emit(mine->first, std::nullopt, &mine->second);
    }
    return emit(key, stored, nullptr);
  });
  if (scanned && !stopped && !error) static_cast<void>(own_below(last));
  // Stopped early, only what was seen was read.
  Key end = stopped ? at + '\0' : Key(last);
  if (first < end) reads_.push_back({Key(first), std::move(end)});
  if (error) return std::unexpected(*std::move(error));
  return scanned;
}

Status Txn::scan(std::string_view first, std::string_view last, const Visit& visit) {
  return merge(first, last,
               [&](std::string_view key, std::optional<std::string_view> stored,
                   const std::optional<SecretText>* mine) -> Result<bool> {
                 if (mine != nullptr) {
                   // The visitor may overwrite what it is shown.
                   const SecretText value = **mine;  // NOLINT(performance-unnecessary-copy-initialization)
                   return visit(key, value);
                 }
                 auto plain = cipher_.open(key, *stored);
                 if (!plain) return std::unexpected(std::move(plain).error());
                 return visit(key, *plain);
               });
}

Status Txn::scan_keys(std::string_view first, std::string_view last,
                      const std::function<bool(std::string_view)>& visit) {
  return merge(first, last,
               [&](std::string_view key, std::optional<std::string_view>,
                   const std::optional<SecretText>*) -> Result<bool> { return visit(key); });
}

void Txn::put(Key key, SecretText value) { puts_.insert_or_assign(std::move(key), std::move(value)); }

void Txn::erase(Key key) { puts_.insert_or_assign(std::move(key), std::nullopt); }

void Txn::edit(LateEdit edit) { edits_.push_back(std::move(edit)); }

void Txn::drop_writes() {
  for (auto& [key, value] : puts_) {
    if (value) wipe(*value);
  }
  puts_.clear();
  edits_.clear();
}

Transaction Txn::take() {
  Transaction out;
  out.snapshot = snapshot_.revision();
  out.reads = std::move(reads_);
  out.puts.reserve(puts_.size());
  while (!puts_.empty()) {
    auto node = puts_.extract(puts_.begin());
    out.puts.push_back({std::move(node.key()), std::move(node.mapped())});
  }
  out.edits = std::move(edits_);
  reads_.clear();
  edits_.clear();
  return out;
}

}  // namespace strongroom::store
