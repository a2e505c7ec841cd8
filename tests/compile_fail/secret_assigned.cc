#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a, b;
  b = std::move(a);
#else
  Secret a, b;
  b = a;
#endif
}
