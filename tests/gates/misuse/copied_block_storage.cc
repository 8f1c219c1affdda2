// Images keep a pointer to their storage.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::BlockStorage&, lfm2::BlockStorage&);
