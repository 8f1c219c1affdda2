// Two conversations in one session would continue from each other's text.
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
// Refused: deleted|private
#define LFM2_SEPARATE_COMPILATION
#include "lfm2.h"

#include "tests/gates/misuse/copies.h"

template bool Copy(lfm2::Conversation&, lfm2::Conversation&);
