#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a;
  (void)a.reveal(Reveal::to_caller);
#else
  Secret a;
  (void)a.reveal();
#endif
}
