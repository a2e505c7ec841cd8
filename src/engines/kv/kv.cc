#include "engines/kv/kv.h"

#include <algorithm>

#include "engines/kv/steps.h"

namespace strongroom::engines::kv {
namespace {
using engine::route;
using engine::Verb;

// Whether a write creates, for the policy. Looks at the path alone: what else is wrong with the request is
// told to those who may write.
Result<bool> secret_exists(const engine::Engine&, engine::Prompt& p, const schema::Input& in) {
  const std::string_view path = in.path.empty() ? std::string_view() : in.path.front().second;
  if (!names_secret(path)) return true;
  SR_LET(const auto node, p.storage.node(kSecrets, path));
  SR_LET(const auto record, p.storage.get(node, {}));
  return record.has_value();
}
template <auto H>
constexpr engine::Route creating(std::string_view pattern, std::string_view summary) {
  auto r = route<H>(Verb::write, pattern, summary);
  r.exists = &secret_exists;
  return r;
}

constexpr std::array kVersioned{
    route<&Kv::read_data>(Verb::read, "data/{path...}", "Read a secret"),
    creating<&Kv::write_data>("data/{path...}", "Write a new version of a secret"),
    route<&Kv::patch_data>(Verb::patch, "data/{path...}", "Merge changes into a new version of a secret"),
    route<&Kv::delete_newest>(Verb::erase, "data/{path...}",
                              "Delete the newest version; it can be undeleted"),
    route<&Kv::delete_versions>(Verb::write, "delete/{path...}", "Delete versions; they can be undeleted"),
    route<&Kv::undelete_versions>(Verb::write, "undelete/{path...}", "Bring deleted versions back"),
    route<&Kv::destroy_versions>(Verb::write, "destroy/{path...}", "Remove the data of versions for good"),
    route<&Kv::read_metadata>(Verb::read, "metadata/{path...}", "Read a secret's settings and versions"),
    creating<&Kv::write_metadata>("metadata/{path...}", "Change a secret's settings"),
    route<&Kv::patch_metadata>(Verb::patch, "metadata/{path...}", "Change some of a secret's settings"),
    route<&Kv::erase_metadata>(Verb::erase, "metadata/{path...}", "Remove a secret with all its versions"),
    route<&Kv::list_metadata>(Verb::list, "metadata/{path...}", "List secrets"),
    route<&Kv::list_metadata>(Verb::list, "metadata", "List secrets"),
    route<&Kv::list_detailed>(Verb::list, "detailed-metadata/{path...}", "List secrets with their metadata",
                              engine::guarded, "kv-scan-detailed-metadata-path"),
    route<&Kv::list_detailed>(Verb::list, "detailed-metadata", "List secrets with their metadata"),
    route<&Kv::scan_metadata>(Verb::scan, "metadata/{path...}", "List all secrets below a folder"),
    route<&Kv::scan_metadata>(Verb::scan, "metadata", "List all secrets"),
    route<&Kv::scan_detailed>(Verb::scan, "detailed-metadata/{path...}",
                              "List all secrets below a folder with their metadata"),
    route<&Kv::scan_detailed>(Verb::scan, "detailed-metadata", "List all secrets with their metadata"),
    route<&Kv::read_subkeys>(Verb::read, "subkeys/{path...}", "Read the keys of a secret without values"),
    route<&Kv::read_config>(Verb::read, "config", "Read the settings of the mount"),
    route<&Kv::write_config>(Verb::write, "config", "Change the settings of the mount"),
    route<&Kv::stray>(Verb::read, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
    route<&Kv::stray>(Verb::write, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
    route<&Kv::stray>(Verb::patch, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
    route<&Kv::stray>(Verb::erase, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
    route<&Kv::stray>(Verb::list, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
    route<&Kv::stray>(Verb::scan, "{path...}", "Tell how secrets of version 2 are addressed",
                      engine::unlisted),
};

constexpr std::array kPlain{
    route<&Kv::read_plain>(Verb::read, "{path...}", "Read a secret"),
    creating<&Kv::write_plain>("{path...}", "Write a secret, in place of what was there"),
    route<&Kv::erase_plain>(Verb::erase, "{path...}", "Remove a secret"),
    route<&Kv::list_plain>(Verb::list, "{path...}", "List secrets"),
    route<&Kv::scan_plain>(Verb::scan, "{path...}", "List all secrets below a folder"),
};

constexpr std::array<std::string_view, 7> kAreas{"data",     "delete",  "undelete",         "destroy",
                                                 "metadata", "subkeys", "detailed-metadata"};

std::string_view word(engine::Operation op) {
  switch (op) {
    case engine::Operation::list:
      return "list";
    case engine::Operation::create:
    case engine::Operation::update:
      return "put";
    case engine::Operation::patch:
      return "patch";
    case engine::Operation::erase:
      return "delete";
    default:
      return "get";
  }
}
}  // namespace

std::span<const engine::Route> Kv::routes(const engine::MountView& mount) const {
  const auto version = mount.options.find("version");
  if (version != mount.options.end() && version->second == "2") return kVersioned;
  return kPlain;
}

Status Kv::mount_options(std::map<std::string, std::string>& options) const {
  const auto version = options.find("version");
  if (version == options.end() || version->second == "1" || version->second == "2") return {};
  return fail(Code::invalid_argument, "options.version: must be \"1\" or \"2\"");
}

// Whatever no other route takes: paths of version 1 sent to version 2, mostly by clients that guessed wrong.
Result<schema::Empty> Kv::stray(engine::Prompt& p, const PathOnly& in) const {
  const auto slash = in.path.find('/');
  const auto area = std::string_view(in.path).substr(0, slash);
  const bool known = std::ranges::find(kAreas, area) != kAreas.end();
  if (in.path == "config" || (known && slash != in.path.npos))
    return fail(Code::unsupported, engine::kUnsupportedOperation);
  p.aside.frame = engine::Frame::missing;
  if (known)
    p.aside.warnings.emplace_back("Non-listing operations on the root of a K/V v2 mount are not supported.");
  else
    p.aside.warnings.push_back(
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints "
        "to "
        "use. On the command line, use 'kv " +
        std::string(word(p.operation)) + "' for this operation.");
  return schema::Empty{};
}

}  // namespace strongroom::engines::kv
