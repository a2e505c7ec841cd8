#include "crypto/secure_memory.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  crypto::Key a, b;
  (void)(static_cast<bool>(a) == static_cast<bool>(b));
#else
  crypto::Key a, b;
  (void)(a == b);
#endif
}
