// A program that ignores a failed call would continue with half a model.
// Refused: unused-result
#include "lfm2/base/status.h"

lfm2::Status Open();

void Use() {
#ifdef LFM2_MISUSE
  Open();
#else
  static_cast<void>(Open().ok());
#endif
}
