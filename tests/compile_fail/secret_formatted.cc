#include <fmt/format.h>

#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a;
  (void)fmt::format("{}", a.size());
#else
  Secret a;
  (void)fmt::format("{}", a);
#endif
}
