#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a, b;
  (void)(a.size() == b.size());
#else
  Secret a, b;
  (void)(a == b);
#endif
}
