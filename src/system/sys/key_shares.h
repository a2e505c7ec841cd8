// Key shares on the wire: hexadecimal or base64 in, both of them out.
#pragma once
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace strongroom::system::sys {

// Code::invalid_argument when it is neither, or longer than a share can be.
Result<Secret> decode_share(const Secret& text);

struct ShareTexts {
  std::vector<Secret> hex, base64;
};
ShareTexts encode_shares(const std::vector<Secret>& shares);

}  // namespace strongroom::system::sys
