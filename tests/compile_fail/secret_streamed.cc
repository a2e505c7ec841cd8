#include <iostream>

#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  Secret a;
  std::cout << a.size();
#else
  Secret a;
  std::cout << a;
#endif
}
