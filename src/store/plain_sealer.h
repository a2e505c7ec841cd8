// PlainSealer: a Sealer and Cipher without any cryptography, for tests of what lies above and below the
// barrier. Stores in the clear: never linked into the product.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "store/sealer.h"
#include "store/tables.h"

namespace strongroom::store {

// The outbox key of a revision: table ‖ revision (8 bytes, big-endian).
inline Key outbox_key(Revision revision) {
  Key key = table_key(Table::outbox);
  put_u64(key, revision);
  return key;
}

// A value is stored as revision (8 bytes, big-endian) ‖ plaintext, a record under outbox_key(revision) in the
// same form, a linked path as an empty value under directory table ‖ mount ‖ space ‖ path (no parents).
class PlainSealer final : public Sealer, public Cipher {
 public:
  static Key edit_key(std::uint32_t mount, std::uint8_t space, std::string_view path) {
    Key key = table_key(Table::directory);
    put_u32(key, mount);
    key.push_back(static_cast<char>(space));
    key += path;
    return key;
  }

  Result<SecretText> open(std::string_view key, std::string_view stored) const override {
    if (stored.size() < 8) return fail(Code::corrupt, "a record does not verify", to_hex(as_view(key)));
    return SecretText(stored.substr(8));
  }
  Result<Revision> revision_of(std::string_view stored) const override {
    if (stored.size() < 8) return fail(Code::corrupt, "a record does not verify");
    return get_be(stored.substr(0, 8));
  }
  Status seal(const Snapshot&, std::span<const Draft> drafts, std::vector<Write>& out) override {
    for (const Draft& draft : drafts) {
      for (const Put& put : draft.puts) {
        if (put.value) {
          out.push_back({put.key, stored(draft.revision, view(*put.value))});
        } else {
          out.push_back({put.key, std::nullopt});
        }
      }
      for (const LateEdit& edit : draft.edits) {
        const Key key = edit_key(edit.mount, edit.space, view(edit.path));
        if (edit.op == LateEdit::Op::link) {
          out.push_back({key, stored(draft.revision, "")});
        } else {
          out.push_back({key, std::nullopt});
        }
      }
      if (!draft.record.empty())
        out.push_back({outbox_key(draft.revision), stored(draft.revision, draft.record)});
    }
    return {};
  }
  void settled(Fate) noexcept override {}

 private:
  static std::string stored(Revision revision, std::string_view plain) {
    std::string out;
    out.reserve(8 + plain.size());
    put_u64(out, revision);
    out += plain;
    return out;
  }
};

}  // namespace strongroom::store
