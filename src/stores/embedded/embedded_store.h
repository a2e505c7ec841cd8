// EmbeddedStore: the store on this machine's disk, in LMDB. One process, one directory
// (docs/formats/store.md). Never opened by anything but the server; never retries a failed sync.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/log.h"
#include "store/store.h"

namespace strongroom::stores {

struct EmbeddedOptions {
  std::filesystem::path path;              // created with mode 0700 when missing
  std::uint64_t map_bytes = 64ULL << 30;   // address space; the most the store can grow to
  std::uint64_t ballast_bytes = 8u << 20;  // kept so that a full disk can be erased from
};

// Values are views into the map: zero copies, valid until their snapshot dies. Snapshots may die on any
// thread, but all before the store. Snapshots from any thread, apply(), lead() and reopen() from one.
class EmbeddedStore final : public store::Store {
 public:
  // Code::failed_precondition: in use, foreign owner, newer format, not a store. The message says what to do.
  static Result<std::unique_ptr<EmbeddedStore>> open(EmbeddedOptions, Log&);
  ~EmbeddedStore() override;

  Result<std::unique_ptr<store::Snapshot>> snapshot() override;
  Status apply(const store::Group&, std::uint64_t epoch) override;
  Result<std::uint64_t> lead() override;
  Status reopen() override;
  store::Traits traits() const noexcept override { return {}; }

  struct Usage {
    std::uint64_t file_bytes = 0;  // in use by the data file, free pages included
    std::uint64_t entries = 0;
    std::uint64_t map_bytes = 0;
  };
  Result<Usage> usage();

 private:
  class Environment;
  class Reader;
  class View;
  explicit EmbeddedStore(std::unique_ptr<Environment>) noexcept;

  std::unique_ptr<Environment> environment_;
};

}  // namespace strongroom::stores
