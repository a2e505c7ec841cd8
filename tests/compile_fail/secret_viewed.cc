#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a;
  std::string_view v = a.reveal_text(Reveal::to_caller);
  (void)v;
#else
  Secret a;
  std::string_view v = a;
  (void)v;
#endif
}
