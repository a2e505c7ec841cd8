// `server -dev`: initialises, unseals, mounts secret/, and prints the banner that tools parse.
#pragma once
#include <string>

#include "apps/server/config.h"
#include "apps/server/options.h"

namespace strongroom::apps::server {

class Assembly;

// A certificate of its own for -dev-tls. Files vanish with the directory when it was made here.
class DevTls {
 public:
  ~DevTls();
  Status make(const std::string& directory, const std::string& address);
  strongroom::server::TlsFiles files() const;
  const std::string& ca_file() const noexcept { return ca_file_; }

 private:
  std::string directory_;
  bool temporary_ = false;
  std::string ca_file_;
};

Status prepare_dev(Assembly&, const Options&, const DevTls&);

}  // namespace strongroom::apps::server
