#include "identity/cubbyholes.h"

#include <set>

#include "base/pack.h"
#include "store/tables.h"

namespace strongroom::identity {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kUnrecorded = 2;  // the same of a wrapped reply with key shares
constexpr std::size_t kNameBytes = 16;

std::string of_token(std::uint64_t token) {
  auto k = store::table_key(store::Table::cubbyhole);
  put_u64(k, token);
  return k;
}

struct Record {
  std::string path;
  SecretText payload;
};
SecretText pack(std::string_view path, std::string_view payload) {
  SecretText out;
  Packer(out).number(kFormat).text(path).text(payload);
  return out;
}
Result<Record> unpack(std::string_view stored) {
  Unpacker u(stored);
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "cubbyhole format");
  Record r;
  r.path = u.text();
  r.payload = u.text();
  SR_TRY(u.done("cubbyhole"));
  return r;
}

}  // namespace

void Cubbyholes::open(const Secret& names_key) {
  auto made = std::make_shared<const crypto::Hmac>(names_key);
  const std::lock_guard guard(mutex_);
  names_ = std::move(made);
}
void Cubbyholes::close() noexcept {
  const std::lock_guard guard(mutex_);
  names_.reset();
}

Result<std::string> Cubbyholes::key(std::uint64_t token, std::string_view path) const {
  std::shared_ptr<const crypto::Hmac> names;
  {
    const std::lock_guard guard(mutex_);
    names = names_;
  }
  if (!names) return fail(Code::sealed, "Vault is sealed");
  auto k = of_token(token);
  const auto mac = names->mac({as_view(k), as_view(path)});
  k.append(as_text(mac).substr(0, kNameBytes));
  return k;
}

Result<std::optional<SecretText>> Cubbyholes::get(store::Txn& txn, std::uint64_t token,
                                                  std::string_view path) const {
  SR_LET(const auto at, key(token, path));
  SR_LET(const auto stored, txn.get(at));
  if (!stored) return std::nullopt;
  SR_LET(auto record, unpack(view(*stored)));
  return std::optional<SecretText>(std::move(record.payload));
}

Status Cubbyholes::put(store::Txn& txn, std::uint64_t token, std::string_view path,
                       std::string_view payload) const {
  SR_LET(auto at, key(token, path));
  SR_LET(const auto there, txn.revision_of(at));
  if (!there) {
    std::size_t count = 0;
    const auto all = of_token(token);
    SR_TRY(txn.scan_keys(all, store::after_prefix(all),
                         [&](std::string_view) { return ++count < kMostRecords; }));
    if (count >= kMostRecords)
      return fail(Code::invalid_argument, "a cubbyhole holds at most 1000 records: delete some first");
  }
  txn.put(std::move(at), pack(path, payload));
  return {};
}

Status Cubbyholes::erase(store::Txn& txn, std::uint64_t token, std::string_view path) const {
  SR_LET(auto at, key(token, path));
  SR_LET(const auto there, txn.revision_of(at));
  if (there) txn.erase(std::move(at));
  return {};
}

Result<std::vector<std::string>> Cubbyholes::list(store::Txn& txn, std::uint64_t token,
                                                  std::string_view folder) const {
  std::set<std::string, std::less<>> names;
  Status bad;
  const auto all = of_token(token);
  SR_TRY(txn.scan(all, store::after_prefix(all), [&](std::string_view at, const SecretText& stored) {
    if (at.size() == all.size()) return true;  // the wrapped reply
    auto record = unpack(view(stored));
    if (!record) {
      bad = std::unexpected(std::move(record).error());
      return false;
    }
    if (!record->path.starts_with(folder)) return true;
    auto name = std::string_view(record->path).substr(folder.size());
    if (const auto slash = name.find('/'); slash != name.npos) name = name.substr(0, slash + 1);
    names.emplace(name);
    return true;
  }));
  if (!bad) return std::unexpected(std::move(bad).error());
  return std::vector<std::string>(names.begin(), names.end());
}

void Cubbyholes::put_reply(store::Txn& txn, std::uint64_t token, const WrappedReply& w) const {
  SecretText out;
  Packer(out)
      .number(w.unrecorded ? kUnrecorded : kFormat)
      .text(w.creation_path)
      .signed_number(w.creation_time.time_since_epoch().count())
      .signed_number(w.creation_ttl.count())
      .text(view(w.envelope));
  txn.put(of_token(token), std::move(out));
}

Result<std::optional<WrappedReply>> Cubbyholes::reply(store::Txn& txn, std::uint64_t token) const {
  SR_LET(const auto stored, txn.get(of_token(token)));
  if (!stored) return std::nullopt;
  Unpacker u(view(*stored));
  const auto format = u.number();
  if (format != kFormat && format != kUnrecorded)
    return fail(Code::corrupt, "a stored record is damaged", "wrapped reply format");
  WrappedReply w;
  w.unrecorded = format == kUnrecorded;
  w.creation_path = u.text();
  w.creation_time = WallTime(Nanoseconds(u.signed_number()));
  w.creation_ttl = Seconds(u.signed_number());
  w.envelope = u.text();
  SR_TRY(u.done("wrapped reply"));
  return std::optional<WrappedReply>(std::move(w));
}

Status Cubbyholes::erase_all(store::Txn& txn, std::uint64_t token) const {
  const auto all = of_token(token);
  std::vector<std::string> keys;
  SR_TRY(txn.scan_keys(all, store::after_prefix(all), [&](std::string_view at) {
    keys.emplace_back(at);
    return true;
  }));
  for (auto& k : keys) txn.erase(std::move(k));
  return {};
}

}  // namespace strongroom::identity
