#include "store/memory_store.h"

#include "store/conformance.h"

namespace strongroom::store::conformance {

class MemoryBackend {
 public:
  static constexpr bool kDurable = false;
  Store& store() { return store_; }
  void restart() {}

 private:
  MemoryStore store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreConformance, MemoryBackend);

}  // namespace strongroom::store::conformance
