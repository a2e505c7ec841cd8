#include "system/sys/settings.h"

#include <algorithm>

#include "base/pack.h"
#include "core/cross_origin.h"
#include "core/request_headers.h"
#include "core/texts.h"
#include "identity/policy.h"

namespace strongroom::system::sys {
namespace {
using engine::Prompt;
using engine::route;
using engine::Verb;
using schema::field;
constexpr std::uint8_t kPlain = schema::plain;
std::unexpected<Error> bad(const char* text) { return fail(Code::invalid_argument, text); }
}  // namespace

// ------------------------------------------------------------------ cors

struct BrowserSettings::Rules {
  bool enabled = false;
  std::optional<std::vector<std::string>> allowed_origins, allowed_headers;
  std::optional<bool> allow_credentials;
  static constexpr auto fields() {
    constexpr auto omit = schema::omit_empty | kPlain;
    return std::array{
        field<&Rules::enabled>("enabled", "Whether pages of other origins may call the server."),
        field<&Rules::allowed_origins>("allowed_origins", "Origins of such pages, or *.", omit),
        field<&Rules::allowed_headers>("allowed_headers", "Headers that such pages may send.", omit),
        field<&Rules::allow_credentials>(
            "allow_credentials", "Whether browsers may use the client's certificate for them.", omit)};
  }
};
struct BrowserSettings::RulesWrite {
  std::optional<bool> enable;
  schema::CommaList allowed_origins, allowed_headers;
  bool allow_credentials = false;
  static constexpr auto fields() {
    return std::array{
        field<&RulesWrite::enable>("enable", "false turns cross-origin requests off."),
        field<&RulesWrite::allowed_origins>(
            "allowed_origins", "Origins that may call, as scheme://host:port, or * alone.", kPlain),
        field<&RulesWrite::allowed_headers>("allowed_headers",
                                            "Headers they may send beside those of the API.", kPlain),
        field<&RulesWrite::allow_credentials>(
            "allow_credentials",
            "Whether browsers may use the client's certificate for them; not together with *.")};
  }
};

Result<BrowserSettings::Rules> BrowserSettings::read_cors(Prompt& p, const schema::Empty&) const {
  p.aside.frame = engine::Frame::merged;
  SR_LET(const auto stored, p.txn.get(core::cross_origin_key()));
  Rules out;
  if (!stored) return out;
  SR_LET(auto rules, core::unpack_cross_origin(view(*stored)));
  out.enabled = true;
  out.allowed_headers = core::allowed_headers(rules);
  out.allowed_origins = std::move(rules.origins);
  out.allow_credentials = rules.credentials;
  return out;
}

Result<schema::Empty> BrowserSettings::write_cors(Prompt& p, const RulesWrite& in) const {
  if (in.enable && !*in.enable) return erase_cors(p, {});
  core::CrossOrigin rules{in.allowed_origins.items, in.allowed_headers.items, in.allow_credentials};
  SR_TRY(core::check(rules));
  p.txn.put(core::cross_origin_key(), core::pack(rules));
  return schema::Empty{};
}

Result<schema::Empty> BrowserSettings::erase_cors(Prompt& p, const schema::Empty&) const {
  p.txn.erase(core::cross_origin_key());
  return schema::Empty{};
}

// ------------------------------------------------------------------ headers of a web interface

namespace {
constexpr std::size_t kMostHeaders = 100;
constexpr std::size_t kMostValue = 4096;

std::string headers_prefix() { return core::setting("ui-header/"); }

// As headers are usually written: X-Custom-Header.
std::string titled(std::string_view name) {
  std::string out = identity::ascii_lower(name);
  bool first = true;
  for (char& c : out) {
    if (first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    first = c == '-';
  }
  return out;
}
}  // namespace

struct BrowserSettings::Header {
  std::string header;
  static constexpr auto fields() {
    return std::array{field<&Header::header>("header", "Name of the header.", schema::in_path | kPlain)};
  }
};
struct BrowserSettings::HeaderQuery {
  std::string header;
  bool multivalue = false;
  static constexpr auto fields() {
    return std::array{
        field<&HeaderQuery::header>("header", "Name of the header.", schema::in_path | kPlain),
        field<&HeaderQuery::multivalue>("multivalue", "Shows every value as a list, not the first alone.")};
  }
};
struct BrowserSettings::HeaderWrite {
  std::string header;
  std::vector<std::string> values;
  bool multivalue = false;
  static constexpr auto fields() {
    return std::array{
        field<&HeaderWrite::header>("header", "Name of the header.", schema::in_path | kPlain),
        field<&HeaderWrite::values>("values", "Its values."),
        field<&HeaderWrite::multivalue>("multivalue", "Kept for old clients; every value is kept.")};
  }
};
struct BrowserSettings::HeaderJson {
  std::optional<std::string> value;
  std::optional<std::vector<std::string>> values;
  static constexpr auto fields() {
    return std::array{field<&HeaderJson::value>("value", "The first value.", schema::omit_empty),
                      field<&HeaderJson::values>("values", "Every value, when asked for with multivalue.",
                                                 schema::omit_empty)};
  }
};
struct BrowserSettings::Names {
  std::vector<std::string> keys;
  static constexpr auto fields() {
    return std::array{field<&Names::keys>("keys", "Names of the headers that are set.", kPlain)};
  }
};

Result<std::optional<BrowserSettings::Names>> BrowserSettings::list_headers(Prompt& p,
                                                                            const schema::Empty&) const {
  Names out;
  const auto prefix = headers_prefix();
  SR_TRY(p.txn.scan_keys(prefix, store::after_prefix(prefix), [&](std::string_view key) {
    out.keys.push_back(titled(key.substr(prefix.size())));
    return true;
  }));
  if (out.keys.empty()) return std::nullopt;
  return out;
}

Result<std::optional<BrowserSettings::HeaderJson>> BrowserSettings::read_header(Prompt& p,
                                                                                const HeaderQuery& in) const {
  SR_LET(const auto stored, p.txn.get(headers_prefix() + identity::ascii_lower(in.header)));
  if (!stored) return std::nullopt;
  Unpacker packed(view(*stored));
  if (packed.number() != 1) return fail(Code::corrupt, "a setting of a newer version", "ui-header");
  auto values = packed.texts();
  SR_TRY(packed.done("ui-header"));
  HeaderJson out;
  if (in.multivalue)
    out.values = std::move(values);
  else if (!values.empty())
    out.value = std::move(values.front());
  return out;
}

Result<schema::Empty> BrowserSettings::write_header(Prompt& p, const HeaderWrite& in) const {
  if (!core::is_header_name(in.header)) return bad("header: must be the name of a header, at most 128 bytes");
  const auto name = identity::ascii_lower(in.header);
  if (name.starts_with("x-vault")) return bad("X-Vault headers cannot be set");
  if (in.values.empty()) return bad("header and values must be specified");
  for (const auto& v : in.values)
    if (v.empty() || v.size() > kMostValue ||
        std::ranges::any_of(v, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      return bad("values: must be texts of 1 to 4096 bytes without control characters");
  if (in.values.size() > kMostHeaders) return bad("values: at most 100");
  std::size_t count = 0;
  const auto prefix = headers_prefix();
  SR_TRY(p.txn.scan_keys(prefix, store::after_prefix(prefix),
                         [&](std::string_view) { return ++count < kMostHeaders; }));
  if (count >= kMostHeaders) return bad("header: at most 100 can be set");
  SecretText packed;
  Packer(packed).number(1).texts(in.values);
  p.txn.put(prefix + name, std::move(packed));
  p.aside.status = 200;
  return schema::Empty{};
}

Result<schema::Empty> BrowserSettings::erase_header(Prompt& p, const Header& in) const {
  if (core::is_header_name(in.header)) p.txn.erase(headers_prefix() + identity::ascii_lower(in.header));
  return schema::Empty{};
}

namespace {
using B = BrowserSettings;
constexpr std::array kRoutes{
    route<&B::read_cors>(Verb::read, "config/cors", "Read which pages of other origins may call",
                         engine::sudo, "cors-read-configuration"),
    route<&B::write_cors>(Verb::write, "config/cors", "Let pages of other origins call", engine::sudo,
                          "cors-configure"),
    route<&B::erase_cors>(Verb::erase, "config/cors", "Let no page of another origin call", engine::sudo,
                          "cors-delete-configuration"),
    route<&B::list_headers>(Verb::list, "config/ui/headers", "List the headers of the web interface",
                            engine::sudo, "ui-headers-list"),
    route<&B::read_header>(Verb::read, "config/ui/headers/{header}", "Read a header of the web interface",
                           engine::sudo, "ui-headers-read-configuration"),
    route<&B::write_header>(Verb::write, "config/ui/headers/{header}",
                            "Set a header of the web interface; kept until there is one", engine::sudo,
                            "ui-headers-configure"),
    route<&B::erase_header>(Verb::erase, "config/ui/headers/{header}", "Remove a header of the web interface",
                            engine::sudo, "ui-headers-delete-configuration"),
};
}  // namespace
std::span<const engine::Route> BrowserSettings::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
