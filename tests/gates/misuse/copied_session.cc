// Two sessions in one arena would overwrite each other's state: ForkFrom makes a second one, in its own arena.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::Session&, lfm2::Session&);
