// The key-value engine. The mount's option `version` chooses: "2" keeps versions of each secret, "1" (the
// default) is one object per path. Payloads are the caller's bytes and never pass a number type.
#pragma once
#include "engine/engine.h"
#include "engines/kv/types.h"
#include "secret/object.h"

namespace strongroom::engines::kv {

// No state; handlers run on any thread.
class Kv final : public engine::Engine {
 public:
  std::string_view type() const noexcept override { return "kv"; }
  std::string_view about() const noexcept override {
    return "Keeps secrets that people and programs put there: names with JSON below them, encrypted at rest. "
           "Version 2 keeps older versions of a secret, so that a change can be undone; version 1 keeps the "
           "newest alone.";
  }
  std::span<const engine::Route> routes(const engine::MountView&) const override;
  Status mount_options(std::map<std::string, std::string>&) const override;

  // Version 2
  Result<std::optional<DataGiven>> read_data(engine::Prompt&, const DataRead&) const;
  Result<VersionGiven> write_data(engine::Prompt&, const DataWrite&) const;
  Result<std::optional<VersionGiven>> patch_data(engine::Prompt&, const DataPatch&) const;
  Result<schema::Empty> delete_newest(engine::Prompt&, const PathOnly&) const;
  Result<schema::Empty> delete_versions(engine::Prompt&, const VersionsAsked&) const;
  Result<schema::Empty> undelete_versions(engine::Prompt&, const VersionsAsked&) const;
  Result<schema::Empty> destroy_versions(engine::Prompt&, const VersionsAsked&) const;
  Result<std::optional<SubkeysGiven>> read_subkeys(engine::Prompt&, const SubkeysAsked&) const;
  Result<std::optional<MetadataGiven>> read_metadata(engine::Prompt&, const PathOnly&) const;
  Result<schema::Empty> write_metadata(engine::Prompt&, const MetadataWrite&) const;
  Result<schema::Empty> patch_metadata(engine::Prompt&, const MetadataWrite&) const;
  Result<schema::Empty> erase_metadata(engine::Prompt&, const PathOnly&) const;
  Result<std::optional<ListGiven>> list_metadata(engine::Prompt&, const ListAsked&) const;
  Result<std::optional<DetailedGiven>> list_detailed(engine::Blocking&, const ListAsked&) const;
  Result<ScanGiven> scan_metadata(engine::Blocking&, const ListAsked&) const;
  Result<DetailedScanGiven> scan_detailed(engine::Blocking&, const ListAsked&) const;
  Result<ConfigGiven> read_config(engine::Prompt&, const schema::Empty&) const;
  Result<schema::Empty> write_config(engine::Prompt&, const ConfigWrite&) const;
  Result<schema::Empty> stray(engine::Prompt&, const PathOnly&) const;

  // Version 1
  Result<std::optional<schema::StoredJson>> read_plain(engine::Prompt&, const PathOnly&) const;
  Result<schema::Empty> write_plain(engine::Prompt&, const PlainWrite&) const;
  Result<schema::Empty> erase_plain(engine::Prompt&, const PathOnly&) const;
  Result<std::optional<ListGiven>> list_plain(engine::Prompt&, const PlainListAsked&) const;
  Result<ScanGiven> scan_plain(engine::Blocking&, const PlainListAsked&) const;
};

}  // namespace strongroom::engines::kv
