// Public keys of OpenPGP as the server wants them: base64 of the key itself. Reads files, armoured or not;
// asks no one on the network.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace strongroom::apps::cli {

// "a.asc,@b.pgp": a list of files. Code::invalid_argument names the file and what is wrong.
Result<std::vector<std::string>> pgp_keys(std::string_view list);
Result<std::string> pgp_key(std::string_view file);

}  // namespace strongroom::apps::cli
