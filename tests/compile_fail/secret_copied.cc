#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a = Secret::copy_of("x");
  Secret b = a.clone();
#else
  Secret a = Secret::copy_of("x");
  Secret b = a;
#endif
}
