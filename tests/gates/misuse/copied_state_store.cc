// Two stores on one device would each treat the other's newest state as free space.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::StateStore&, lfm2::StateStore&);
