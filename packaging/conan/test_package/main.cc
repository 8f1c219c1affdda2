// A user's first program: includes the library and prints its version.
#include <cstdio>

#include "lfm2.h"

int main() {
  lfm2::Status status;
  std::printf("lfm2 %s, %zu bytes for LFM2-8B-A1B\n", LFM2_VERSION_STRING,
              lfm2::ArenaBytes(lfm2::kLfm2_8B_A1B, lfm2::SessionOptions()));
  return status.ok() ? 0 : 1;
}
