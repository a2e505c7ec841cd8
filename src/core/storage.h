// MountStorage: engine::Storage over one transaction and the barrier's names.
#pragma once
#include "barrier/barrier.h"
#include "engine/storage.h"
#include "store/tables.h"
#include "store/txn.h"

namespace strongroom::core {

class MountStorage final : public engine::Storage {
 public:
  MountStorage(store::Txn& txn, const barrier::Barrier& barrier, std::uint32_t mount)
      : txn_(txn), barrier_(barrier), mount_(mount) {}
  Result<engine::Node> node(std::uint8_t space, std::string_view path) const override {
    SR_LET(auto key, barrier_.node(mount_, space, path));
    return engine::Node{std::move(key.bytes), std::string(path), space};
  }
  Result<std::optional<SecretText>> get(const engine::Node& n, std::string_view suffix) override {
    return txn_.get(n.key + std::string(suffix));
  }
  void put(const engine::Node& n, std::string_view suffix, SecretText value) override {
    txn_.put(n.key + std::string(suffix), std::move(value));
  }
  void erase(const engine::Node& n, std::string_view suffix) override {
    txn_.erase(n.key + std::string(suffix));
  }
  Status scan(const engine::Node& n, std::string_view first, const Visit& visit) override {
    return txn_.scan(n.key + std::string(first), store::after_prefix(n.key),
                     [&](std::string_view key, const SecretText& value) {
                       return visit(key.substr(n.key.size()), value);
                     });
  }
  void list_as(const engine::Node& n, Listed listed) override {
    txn_.edit({listed == Listed::yes ? store::LateEdit::Op::link : store::LateEdit::Op::unlink, mount_,
               n.space, SecretText(n.path)});
  }
  Result<engine::Page> list(std::uint8_t space, std::string_view dir, std::string_view after,
                            std::size_t most) override {
    SR_LET(auto listing,
           barrier_.list(txn_.snapshot(), mount_, space, dir, after, most == 0 ? ~std::size_t{0} : most));
    return engine::Page{std::move(listing.names), listing.more};
  }

 private:
  store::Txn& txn_;
  const barrier::Barrier& barrier_;
  const std::uint32_t mount_;
};

}  // namespace strongroom::core
