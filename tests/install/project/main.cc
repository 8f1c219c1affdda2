// The first step of a user's program: includes the library and prints its version.
#include <cstdio>

#include "lfm2.h"

int main() {
  lfm2::Status status;
  std::printf("lfm2 %s\n", LFM2_VERSION_STRING);
  return status.ok() ? 0 : 1;
}
