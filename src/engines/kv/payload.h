// What the engine does to a caller's JSON: merge patches and the skeleton of keys. Both work on tokens:
// values that stay keep their bytes, numbers never become numbers.
#pragma once
#include "base/secret.h"
#include "schema/json.h"

namespace strongroom::engines::kv {

// RFC 7396: `patch` (an object) applied to `target` (an object, or null). Members keep the target's order,
// new ones follow in the patch's order.
SecretText merge_patch(const json::Node& target, const json::Node& patch);

// The keys of an object with every value that is not an object replaced by null, as are empty objects and
// those below `depth` levels (0: no limit).
SecretText subkeys(const json::Node& object, std::size_t depth);

}  // namespace strongroom::engines::kv
