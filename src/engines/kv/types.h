// What the routes of KV take and give. Field names and shapes are Vault's API of KV versions 1 and 2.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/edit.h"
#include "schema/field.h"
#include "secret/record.h"

namespace strongroom::engines::kv {

// Version numbers: [1,2], ["1",2], "1,2" or one number.
struct SeqList {
  std::vector<secret::Seq> seqs;
};
// Names of a directory, without a copy.
struct Names {
  std::vector<SecretText> names;
};

constexpr std::string_view kPathHelp = "Path of the secret inside the mount.";
constexpr std::string_view kVersionHelp = "Version to read; 0 or absent: the newest.";
constexpr std::string_view kCasRequiredHelp = "Whether a write of data must give options.cas.";
constexpr std::string_view kMaxVersionsHelp =
    "Versions to keep, 0 to 100000. 0: as the mount says, and 10 if it says nothing. The larger of the "
    "secret's and the mount's number holds.";
constexpr std::string_view kDeleteAfterHelp =
    "How long after it is written a version is deleted, such as \"90m\". 0: never by itself. The shorter of "
    "the "
    "secret's and the mount's time holds.";
constexpr std::string_view kMetadataCasRequiredHelp = "Whether a change of metadata must give metadata_cas.";

struct PathOnly {
  std::string path;
  static constexpr auto fields() {
    return std::array{schema::field<&PathOnly::path>("path", kPathHelp, schema::in_path)};
  }
};

struct DataRead {
  std::string path;
  std::optional<std::int64_t> version;
  static constexpr auto fields() {
    return std::array{schema::field<&DataRead::path>("path", kPathHelp, schema::in_path),
                      schema::field<&DataRead::version>("version", kVersionHelp)};
  }
};

struct WriteOptions {
  schema::Edit<std::int64_t> cas;
  static constexpr auto fields() {
    return std::array{schema::field<&WriteOptions::cas>(
        "cas", "Check-and-set: the number of the newest version; 0: the secret must have none yet.")};
  }
};
struct DataWrite {
  std::string path;
  schema::RawJson data;
  WriteOptions options;
  static constexpr auto fields() {
    return std::array{schema::field<&DataWrite::path>("path", kPathHelp, schema::in_path),
                      schema::field<&DataWrite::data>("data", "The secret: an object. Kept byte for byte.",
                                                      schema::required),
                      schema::field<&DataWrite::options>("options", "Conditions of the write.")};
  }
};
struct DataPatch : DataWrite {
  static constexpr auto fields() {
    return std::array{
        schema::field<&DataWrite::path>("path", kPathHelp, schema::in_path),
        schema::field<&DataWrite::data>("data", "Changes as in RFC 7396: null removes a key, objects merge.",
                                        schema::required),
        schema::field<&DataWrite::options>("options", "Conditions of the write.")};
  }
};

struct VersionGiven {
  schema::Timestamp created_time;
  std::optional<secret::Custom> custom_metadata;
  schema::Timestamp deletion_time;
  bool destroyed = false;
  std::int64_t version = 0;
  static constexpr auto fields() {
    return std::array{
        schema::field<&VersionGiven::created_time>("created_time", "When the version was written."),
        schema::field<&VersionGiven::custom_metadata>("custom_metadata", "The secret's own labels, or null."),
        schema::field<&VersionGiven::deletion_time>(
            "deletion_time", "When the version was or will be deleted; empty: neither."),
        schema::field<&VersionGiven::destroyed>("destroyed", "Whether the payload is gone for good."),
        schema::field<&VersionGiven::version>("version", "The version's number.")};
  }
};
struct DataGiven {
  schema::StoredJson data;
  VersionGiven metadata;
  static constexpr auto fields() {
    return std::array{
        schema::field<&DataGiven::data>("data", "The secret as it was written; null: deleted or destroyed."),
        schema::field<&DataGiven::metadata>("metadata", "About this version.")};
  }
};

struct VersionsAsked {
  std::string path;
  SeqList versions;
  static constexpr auto fields() {
    return std::array{
        schema::field<&VersionsAsked::path>("path", kPathHelp, schema::in_path),
        schema::field<&VersionsAsked::versions>(
            "versions", "Numbers of the versions: a list, or text with commas.", schema::required)};
  }
};

struct SubkeysAsked {
  std::string path;
  std::optional<std::int64_t> version;
  std::int64_t depth = 0;
  static constexpr auto fields() {
    return std::array{
        schema::field<&SubkeysAsked::path>("path", kPathHelp, schema::in_path),
        schema::field<&SubkeysAsked::version>("version", kVersionHelp),
        schema::field<&SubkeysAsked::depth>("depth", "How many levels of keys to show; 0: all.")};
  }
};
struct SubkeysGiven {
  VersionGiven metadata;
  schema::StoredJson subkeys;
  static constexpr auto fields() {
    return std::array{
        schema::field<&SubkeysGiven::metadata>("metadata", "About this version."),
        schema::field<&SubkeysGiven::subkeys>("subkeys", "The keys of the secret, with null for values.")};
  }
};

// Names and values of custom metadata; a null value removes the name in a patch.
using CustomEdit = std::map<std::string, std::optional<std::string>>;

struct MetadataWrite {
  std::string path;
  schema::Edit<std::int64_t> max_versions;
  schema::Edit<bool> cas_required;
  schema::Edit<Seconds> delete_version_after;
  schema::Edit<bool> metadata_cas_required;
  schema::Edit<std::int64_t> metadata_cas;
  schema::Edit<CustomEdit> custom_metadata;
  bool changes_something() const noexcept {
    return max_versions.given() || cas_required.given() || delete_version_after.given() ||
           metadata_cas_required.given() || custom_metadata.given();
  }
  static constexpr auto fields() {
    using M = MetadataWrite;
    return std::array{
        schema::field<&M::path>("path", kPathHelp, schema::in_path),
        schema::field<&M::max_versions>("max_versions", kMaxVersionsHelp),
        schema::field<&M::cas_required>("cas_required", kCasRequiredHelp),
        schema::field<&M::delete_version_after>("delete_version_after", kDeleteAfterHelp),
        schema::field<&M::metadata_cas_required>("metadata_cas_required", kMetadataCasRequiredHelp),
        schema::field<&M::metadata_cas>(
            "metadata_cas",
            "Check-and-set: the secret's current_metadata_version; 0: no metadata was written yet."),
        schema::field<&M::custom_metadata>(
            "custom_metadata",
            "Labels of your own: at most 64, names of 1 to 128 bytes, values of 1 to 512 bytes, printable.")};
  }
};

struct VersionLine {
  schema::Timestamp created_time;
  schema::Timestamp deletion_time;
  bool destroyed = false;
  static constexpr auto fields() {
    return std::array{
        schema::field<&VersionLine::created_time>("created_time", "When the version was written."),
        schema::field<&VersionLine::deletion_time>(
            "deletion_time", "When the version was or will be deleted; empty: neither."),
        schema::field<&VersionLine::destroyed>("destroyed", "Whether the payload is gone for good.")};
  }
};
struct MetadataGiven {
  bool cas_required = false;
  schema::Timestamp created_time;
  std::int64_t current_metadata_version = 0;
  std::int64_t current_version = 0;
  std::optional<secret::Custom> custom_metadata;
  std::string delete_version_after;
  std::int64_t max_versions = 0;
  bool metadata_cas_required = false;
  std::int64_t oldest_version = 0;
  schema::Timestamp updated_time;
  std::map<std::string, VersionLine> versions;
  static constexpr auto fields() {
    using M = MetadataGiven;
    return std::array{
        schema::field<&M::cas_required>("cas_required", kCasRequiredHelp),
        schema::field<&M::created_time>("created_time", "When the secret was created."),
        schema::field<&M::current_metadata_version>("current_metadata_version",
                                                    "How often the metadata was written."),
        schema::field<&M::current_version>("current_version", "The newest version; 0: none yet."),
        schema::field<&M::custom_metadata>("custom_metadata", "The secret's own labels, or null."),
        schema::field<&M::delete_version_after>("delete_version_after", kDeleteAfterHelp, schema::plain),
        schema::field<&M::max_versions>("max_versions", kMaxVersionsHelp),
        schema::field<&M::metadata_cas_required>("metadata_cas_required", kMetadataCasRequiredHelp),
        schema::field<&M::oldest_version>("oldest_version", "Versions before this one are gone."),
        schema::field<&M::updated_time>("updated_time", "When data or metadata was last written."),
        schema::field<&M::versions>("versions", "The versions that are kept, by number.")};
  }
};

struct ConfigWrite {
  schema::Edit<std::int64_t> max_versions;
  schema::Edit<bool> cas_required;
  schema::Edit<Seconds> delete_version_after;
  schema::Edit<bool> metadata_cas_required;
  bool changes_something() const noexcept {
    return max_versions.given() || cas_required.given() || delete_version_after.given() ||
           metadata_cas_required.given();
  }
  static constexpr auto fields() {
    using C = ConfigWrite;
    return std::array{
        schema::field<&C::max_versions>("max_versions", "Versions to keep of every secret. 0: 10."),
        schema::field<&C::cas_required>("cas_required", kCasRequiredHelp),
        schema::field<&C::delete_version_after>("delete_version_after", kDeleteAfterHelp),
        schema::field<&C::metadata_cas_required>("metadata_cas_required", kMetadataCasRequiredHelp)};
  }
};
struct ConfigGiven {
  bool cas_required = false;
  std::string delete_version_after;
  std::int64_t max_versions = 0;
  bool metadata_cas_required = false;
  static constexpr auto fields() {
    using C = ConfigGiven;
    return std::array{
        schema::field<&C::cas_required>("cas_required", kCasRequiredHelp),
        schema::field<&C::delete_version_after>("delete_version_after", kDeleteAfterHelp, schema::plain),
        schema::field<&C::max_versions>("max_versions", "Versions to keep of every secret. 0: 10."),
        schema::field<&C::metadata_cas_required>("metadata_cas_required", kMetadataCasRequiredHelp)};
  }
};

struct ListAsked {
  std::string path;
  std::string after;
  std::int64_t limit = 0;
  static constexpr auto fields() {
    return std::array{schema::field<&ListAsked::path>("path", "Folder to list.", schema::in_path),
                      schema::field<&ListAsked::after>("after", "Start after this name; it need not exist."),
                      schema::field<&ListAsked::limit>("limit", "At most this many names; 0 or less: all.")};
  }
};
struct ListGiven {
  Names keys;
  static constexpr auto fields() {
    return std::array{
        schema::field<&ListGiven::keys>("keys", "Names in byte order; folders end in a slash.")};
  }
};
// Metadata by name; folders have none.
struct KeyNotes {
  std::vector<std::pair<std::string, std::optional<MetadataGiven>>> by_name;
};
struct DetailedGiven {
  KeyNotes key_info;
  Names keys;
  static constexpr auto fields() {
    return std::array{
        schema::field<&DetailedGiven::key_info>("key_info", "Each name's metadata."),
        schema::field<&DetailedGiven::keys>("keys", "Names in byte order; folders end in a slash.")};
  }
};

// SCAN: all names below a folder; an empty folder has none, which is no error.
struct ScanGiven {
  std::optional<Names> keys;
  static constexpr auto fields() {
    return std::array{schema::field<&ScanGiven::keys>("keys", "Names below the folder, in byte order.",
                                                      schema::omit_empty)};
  }
};
struct DetailedScanGiven {
  std::optional<KeyNotes> key_info;
  std::optional<Names> keys;
  static constexpr auto fields() {
    return std::array{
        schema::field<&DetailedScanGiven::key_info>("key_info", "Each name's metadata.", schema::omit_empty),
        schema::field<&DetailedScanGiven::keys>("keys", "Names below the folder, in byte order.",
                                                schema::omit_empty)};
  }
};

// Version 1 knows no pages; it takes the parameters to say that it ignores them.
struct PlainListAsked {
  std::string path;
  std::optional<schema::RawJson> after;
  std::optional<schema::RawJson> limit;
  static constexpr auto fields() {
    return std::array{schema::field<&PlainListAsked::path>("path", "Folder to list.", schema::in_path),
                      schema::field<&PlainListAsked::after>("after", "Ignored, with a warning."),
                      schema::field<&PlainListAsked::limit>("limit", "Ignored, with a warning.")};
  }
};
struct PlainWrite {
  std::string path;
  schema::RawJson data;
  static constexpr auto fields() {
    return std::array{schema::field<&PlainWrite::path>("path", kPathHelp, schema::in_path),
                      schema::field<&PlainWrite::data>("data",
                                                       "The body is the secret: an object with at least one "
                                                       "member. A member `ttl` tells readers how long to "
                                                       "keep it.",
                                                       schema::whole_body)};
  }
};

}  // namespace strongroom::engines::kv

namespace strongroom::schema {
template <>
struct Type<engines::kv::SeqList> {
  static constexpr Kind kind = Kind::list;
  static constexpr const Codec* item = &CodecOf<std::int64_t>::value;
  static constexpr auto fields = &no_fields;
  static Status load(const json::Node&, engines::kv::SeqList&);
  static void save(const engines::kv::SeqList&, Sink&);
};
template <>
struct Type<engines::kv::Names> {
  static constexpr Kind kind = Kind::list;
  static constexpr const Codec* item = &CodecOf<std::string>::value;
  static constexpr auto fields = &no_fields;
  static Status load(const json::Node&, engines::kv::Names&);
  static void save(const engines::kv::Names&, Sink&);
};
template <>
struct Type<engines::kv::KeyNotes> {
  static constexpr Kind kind = Kind::map;
  static constexpr const Codec* item = &CodecOf<engines::kv::MetadataGiven>::value;
  static constexpr auto fields = &no_fields;
  static Status load(const json::Node&, engines::kv::KeyNotes&);
  static void save(const engines::kv::KeyNotes&, Sink&);
};
}  // namespace strongroom::schema
