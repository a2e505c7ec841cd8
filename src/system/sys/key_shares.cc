#include "system/sys/key_shares.h"

#include "base/bytes.h"

namespace strongroom::system::sys {

Result<Secret> decode_share(const Secret& key) {
  const auto text = key.reveal_text(Reveal::to_cipher);
  auto raw = from_hex(text);
  if (!raw || raw->size() < 16) raw = from_base64(text);
  if (!raw) return fail(Code::invalid_argument, "'key' must be a valid hex or base64 string");
  auto share = Secret::copy_of(View(*raw));
  wipe(*raw);
  if (share.size() > 33)
    return fail(Code::invalid_argument, "invalid key: key is longer than maximum 33 bytes");
  return share;
}

ShareTexts encode_shares(const std::vector<Secret>& shares) {
  ShareTexts out;
  for (const auto& s : shares) {
    auto text = to_hex(s.reveal(Reveal::to_caller));
    out.hex.push_back(Secret::copy_of(std::string_view(text)));
    wipe(text);
    text = to_base64(s.reveal(Reveal::to_caller));
    out.base64.push_back(Secret::copy_of(std::string_view(text)));
    wipe(text);
  }
  return out;
}

}  // namespace strongroom::system::sys
