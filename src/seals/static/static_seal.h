// StaticSeal: wraps the root key under a key from the configuration, for servers that must start without an
// operator. As safe as the place of that key.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/seal.h"
#include "base/env.h"
#include "crypto/secure_memory.h"

namespace strongroom::seals::static_key {

struct StaticKey {
  std::string id;  // names the key in the store; 1 to 255 bytes
  crypto::Key key;
};

// As in the stanza: seal "static" { current_key_id = "1", current_key = "file:///path" }. The source is
// file:///absolute/path, env://NAME, or the key itself; a key is 32 raw bytes (files only), or 32 bytes in
// hexadecimal or base64. Code::invalid_argument says what is wrong and never what was read.
Result<StaticKey> read_static_key(std::string_view id, std::string_view source);

class StaticSeal final : public barrier::Seal {
 public:
  static constexpr std::string_view kType = "static";

  // The previous key opens a store that was wrapped before the current one was introduced.
  StaticSeal(Random& random, StaticKey current, std::optional<StaticKey> previous = std::nullopt)
      : random_(random), current_(std::move(current)), previous_(std::move(previous)) {}

  std::unique_ptr<barrier::Seal> another() const override;
  Opening opening() const noexcept override { return Opening::unattended; }
  barrier::SealConfig config() const override { return {std::string(kType), 0, 0}; }
  Result<std::vector<Secret>> deal(const barrier::SealConfig&) override { return std::vector<Secret>{}; }
  Status expect(const barrier::SealConfig&) override;
  Result<Progress> add_share(const Secret& share) override;
  Progress progress() const override { return {0, {}, true}; }
  void reset() noexcept override {}
  Result<std::string> wrap(const Secret& root_key) override;
  Result<Secret> unwrap(std::string_view wrapped) override;
  // Whether the root key is wrapped under the previous key, so that Barrier::reseal is due.
  bool outdated(std::string_view wrapped) const noexcept override;

 private:
  Random& random_;
  StaticKey current_;
  std::optional<StaticKey> previous_;
};

}  // namespace strongroom::seals::static_key
