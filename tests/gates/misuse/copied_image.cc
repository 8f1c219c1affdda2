// Sessions keep a pointer to their image, and a copy could be closed while they use it.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::Image&, lfm2::Image&);
