#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a;
  (void)(a.reveal_text(Reveal::to_caller) == "x");
#else
  Secret a;
  (void)(a == "x");
#endif
}
