// A versioned secret: one node of a mount's storage with metadata and payloads. The four APIs are views of
// it: Vault's current version, AWSCURRENT, Azure's current and GCP's latest are the newest version here.
// Lives inside one request, on one thread; borrows the storage. It decides no policy.
#pragma once
#include <optional>
#include <span>

#include "engine/storage.h"
#include "secret/record.h"

namespace strongroom::secret {

constexpr std::uint32_t kDefaultVersions = 10;

// One version with its payload, for reading: two gets and nothing else.
struct Opened {
  Version version;
  Custom custom;
  State state = State::live;
  SecretText payload;  // empty unless live
};
// Seq 0 is the current version. Nothing: no such secret or version.
Result<std::optional<Opened>> read(engine::Storage&, const engine::Node&, Seq, WallTime now);

class Object {
 public:
  // A secret that does not exist opens too: empty, until save().
  static Result<Object> open(engine::Storage&, engine::Node);

  bool exists() const noexcept { return exists_; }
  const Metadata& metadata() const noexcept { return metadata_; }
  Metadata& edit() noexcept { return metadata_; }  // settings and custom metadata
  const Version* current() const noexcept {
    return metadata_.versions.empty() ? nullptr : &metadata_.versions.back();
  }
  Result<SecretText> payload(Seq);  // Code::corrupt if it is not there

  // Writes the next version and trims the oldest as the mount and the secret say.
  const Version& add(const Rules&, WallTime now, SecretText payload);
  // Each tells whether anything changed; versions that are not there are passed over.
  bool soft_delete(std::span<const Seq>, WallTime now);
  bool undelete(std::span<const Seq>);
  bool destroy(std::span<const Seq>);
  // Puts the metadata; enters a new secret into its directory.
  void save();
  // Erases everything of the secret.
  void remove();

 private:
  Object(engine::Storage& storage, engine::Node node) : storage_(&storage), node_(std::move(node)) {}
  engine::Storage* storage_;
  engine::Node node_;
  Metadata metadata_;
  bool exists_ = false;
  std::optional<SecretText> carried_;  // payload of a plain secret, which becomes version 1 when it is saved
};

}  // namespace strongroom::secret
