// A folder of files as one .tar.gz: POSIX ustar in gzip (RFC 1952), compressed by RFC 1951's fixed codes,
// which is enough for text that repeats itself. Pure functions.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace strongroom::apps::cli {

struct ArchiveFile {
  std::string name;  // below the folder
  SecretText content;
};

// Files belong to their owner alone; all have the same time (seconds since 1970).
std::string tar_gz(std::string_view folder, std::span<const ArchiveFile>, std::int64_t time);
std::string gzip(std::string_view);

}  // namespace strongroom::apps::cli
