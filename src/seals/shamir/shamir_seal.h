// ShamirSeal: a wrapping key that exists only as shares in the hands of operators (docs/formats/seals.md).
// Gathers shares, rebuilds the key for one unwrap, and never says which of the shares was wrong.
#pragma once
#include <string>
#include <vector>

#include "barrier/seal.h"
#include "base/env.h"
#include "crypto/secure_memory.h"

namespace strongroom::seals::shamir {

class ShamirSeal final : public barrier::Seal {
 public:
  static constexpr std::string_view kType = "shamir";

  explicit ShamirSeal(Random& random) : random_(random) {}

  std::unique_ptr<barrier::Seal> another() const override { return std::make_unique<ShamirSeal>(random_); }
  Opening opening() const noexcept override { return Opening::by_shares; }
  barrier::SealConfig config() const override { return config_; }
  Result<std::vector<Secret>> deal(const barrier::SealConfig&) override;
  Status expect(const barrier::SealConfig&) override;
  // A share is 33 bytes, or 32 when there is only one. Code::failed_precondition when enough are there, or
  // before expect() or deal().
  Result<Progress> add_share(const Secret& share) override;
  Progress progress() const override;
  void reset() noexcept override;
  // With the key that deal() made, until reset().
  Result<std::string> wrap(const Secret& root_key) override;
  // Uses up the shares, whether they were right or not.
  Result<Secret> unwrap(std::string_view wrapped) override;

 private:
  Result<crypto::Key> gathered_key();
  void forget_shares() noexcept;

  Random& random_;
  barrier::SealConfig config_{std::string(kType), 0, 0};
  crypto::Key dealt_;
  std::vector<Secret> shares_;
  std::string nonce_;
};

}  // namespace strongroom::seals::shamir
