#include "apps/cli/pgp_keys.h"

#include <fmt/format.h>

#include "apps/cli/session.h"
#include "base/bytes.h"

namespace strongroom::apps::cli {
namespace {

// RFC 9580 section 6.2: headers, an empty line, base64, a checksum that begins with "=", the tail line.
std::string without_armour(std::string_view text) {
  std::string out;
  bool body = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.starts_with("-----BEGIN PGP")) continue;
    if (line.starts_with("-----END PGP") || (body && line.starts_with('='))) break;
    if (line.empty())
      body = true;
    else if (body)
      out += line;
  }
  return out;
}

}  // namespace

Result<std::string> pgp_key(std::string_view file) {
  file = trimmed(file);
  if (file.starts_with("keybase:"))
    return fail(Code::unsupported,
                "keys are not fetched from keybase; save the public key to a file and name that");
  if (file.starts_with('@')) file.remove_prefix(1);
  if (file.empty()) return fail(Code::invalid_argument, "the name of a PGP key file is empty");
  SR_LET(const SecretText content, read_secret_file(std::string(file)));
  const std::string_view text = trimmed(view(content));
  if (text.find("-----BEGIN PGP PRIVATE") != std::string_view::npos)
    return fail(Code::invalid_argument,
                fmt::format("{} holds a private key; export the public key instead (gpg --export)", file));
  std::string key;
  if (text.starts_with("-----BEGIN PGP")) {
    key = without_armour(text);
  } else if (from_base64(text)) {
    key = text;
  } else {
    key = to_base64(as_view(view(content)));
  }
  const auto bytes = from_base64(key);
  // Every packet begins with a byte whose highest bit is set.
  if (!bytes || bytes->empty() || (bytes->front() & std::byte{0x80}) == std::byte{0})
    return fail(Code::invalid_argument, fmt::format("{} is not an OpenPGP public key", file));
  return key;
}

Result<std::vector<std::string>> pgp_keys(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto comma = list.find(',');
    SR_LET(std::string key, pgp_key(list.substr(0, comma)));
    out.push_back(std::move(key));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return out;
}

}  // namespace strongroom::apps::cli
