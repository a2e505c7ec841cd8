#include "crypto/secure_memory.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  crypto::Key a;
  crypto::Key b = a.clone();
#else
  crypto::Key a;
  crypto::Key b = a;
#endif
}
