// Recovery keys of a server that unseals by itself: shares of a random key that opens nothing and permits
// what needs a quorum (a root token, new recovery keys). The store keeps how many shares there are and a
// value that proves the key, under the barrier; never the key. The arithmetic of shares is the seal's that is
// passed in.
#pragma once
#include <optional>

#include "barrier/seal.h"
#include "base/env.h"
#include "base/error.h"
#include "store/txn.h"

namespace strongroom::core::recovery {

// Shares and threshold; nothing when the server was initialised without recovery keys.
Result<std::optional<barrier::SealConfig>> config(store::Txn&);
// Keeps what proves the key that `dealt` has just dealt: in place of the one before, in force when the
// transaction is.
Status store(store::Txn&, barrier::Seal& dealt, Random&);
// Tells an empty seal what shares to gather. Code::failed_precondition without recovery keys.
Status expect(store::Txn&, barrier::Seal& quorum);
// Whether the shares that `quorum` has gathered are those of the key in force; uses them up, right or wrong.
// Code::invalid_argument when they are not, and never which. In constant time: a tag of an AEAD is compared.
Status check(store::Txn&, barrier::Seal& quorum);

}  // namespace strongroom::core::recovery
