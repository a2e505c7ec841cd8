#include <unordered_set>

#include "base/secret.h"

using namespace strongroom;

void snippet() {
#ifdef CONTROL
  std::unordered_set<std::size_t> s;
  s.insert(Secret().size());
#else
  std::unordered_set<Secret> s;
  s.insert(Secret());
#endif
}
