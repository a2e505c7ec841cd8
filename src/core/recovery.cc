#include "core/recovery.h"

#include <array>

#include "base/pack.h"
#include "core/texts.h"

namespace strongroom::core::recovery {
namespace {
constexpr std::uint64_t kFormat = 1;

struct Kept {
  barrier::SealConfig config;
  std::string proof;  // random bytes, wrapped by the key
};

Result<std::optional<Kept>> read(store::Txn& txn) {
  SR_LET(const auto stored, txn.get(setting("recovery")));
  if (!stored) return std::nullopt;
  Unpacker u(view(*stored));
  if (u.number() != kFormat) return fail(Code::corrupt, "a stored record is damaged", "recovery format");
  Kept k;
  k.config.type = u.text();
  k.config.shares = static_cast<std::uint32_t>(u.number());
  k.config.threshold = static_cast<std::uint32_t>(u.number());
  k.proof = u.text();
  SR_TRY(u.done("recovery"));
  return k;
}

Result<Kept> must_read(store::Txn& txn) {
  SR_LET(auto kept, read(txn));
  if (!kept) return fail(Code::failed_precondition, "this server was initialised without recovery keys");
  return *std::move(kept);
}
}  // namespace

Result<std::optional<barrier::SealConfig>> config(store::Txn& txn) {
  SR_LET(const auto kept, read(txn));
  if (!kept) return std::nullopt;
  return kept->config;
}

Status store(store::Txn& txn, barrier::Seal& dealt, Random& random) {
  std::array<std::byte, 32> probe{};
  random.fill(probe);
  SR_LET(const auto proof, dealt.wrap(Secret::copy_of(View(probe))));
  const auto config = dealt.config();
  SecretText out;
  Packer(out).number(kFormat).text(config.type).number(config.shares).number(config.threshold).text(proof);
  txn.put(setting("recovery"), std::move(out));
  return {};
}

Status expect(store::Txn& txn, barrier::Seal& quorum) {
  SR_LET(const auto kept, must_read(txn));
  return quorum.expect(kept.config);
}

Status check(store::Txn& txn, barrier::Seal& quorum) {
  SR_LET(const auto kept, must_read(txn));
  const auto opened = quorum.unwrap(kept.proof);
  quorum.reset();
  if (opened) return {};
  if (opened.error().code != Code::invalid_argument) return std::unexpected(opened.error());
  return fail(Code::invalid_argument, "these are not the recovery keys of this server");
}

}  // namespace strongroom::core::recovery
