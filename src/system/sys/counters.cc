#include "system/sys/counters.h"

#include "store/tables.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;

struct Total {
  std::int64_t total = 0;
  static constexpr auto fields() { return std::array{field<&Total::total>("total", "How many there are.")}; }
};
struct TokenCounts {
  Total service_tokens;
  static constexpr auto fields() {
    return std::array{field<&TokenCounts::service_tokens>(
        "service_tokens", "Tokens with a record, the expired included until they are swept.")};
  }
};
struct EntityCounts {
  Total entities;
  static constexpr auto fields() {
    return std::array{field<&EntityCounts::entities>("entities", "Entities.")};
  }
};
}  // namespace

struct Counters::Tokens {
  TokenCounts counters;
  static constexpr auto fields() {
    return std::array{field<&Tokens::counters>("counters", "Counts by kind.")};
  }
};
struct Counters::Entities {
  EntityCounts counters;
  static constexpr auto fields() {
    return std::array{field<&Entities::counters>("counters", "Counts by kind.")};
  }
};

Result<Counters::Tokens> Counters::tokens(engine::Blocking& p, const schema::Empty&) const {
  Tokens out;
  // Not through the transaction: a count needs no read set.
  const auto table = store::table_key(store::Table::token);
  SR_TRY(p.txn.snapshot().scan(table, store::after_prefix(table), [&](std::string_view, std::string_view) {
    ++out.counters.service_tokens.total;
    return true;
  }));
  return out;
}

Result<Counters::Entities> Counters::entities(Prompt&, const schema::Empty&) const { return Entities{}; }

Result<schema::Empty> Counters::requests(Prompt&, const schema::Empty&) const {
  return fail(Code::not_found, "The functionality has been removed on this path");
}
Result<schema::Empty> Counters::replication(Prompt&, const schema::Empty&) const {
  return fail(Code::not_found, "unsupported path");
}

namespace {
using C = Counters;
constexpr std::array kRoutes{
    route<&C::tokens>(Verb::read, "internal/counters/tokens", "How many tokens there are", engine::guarded,
                      "internal-count-tokens"),
    route<&C::entities>(Verb::read, "internal/counters/entities", "How many entities there are",
                        engine::guarded, "internal-count-entities"),
    route<&C::requests>(Verb::read, "internal/counters/requests", "Removed: see sys/metrics",
                        engine::unlisted, "internal-count-requests"),
    route<&C::replication>(Verb::read, "replication/status", "There is no replication",
                           engine::open | engine::unlisted),
};
}  // namespace
std::span<const engine::Route> Counters::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
