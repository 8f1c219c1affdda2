// The second translation unit with the whole library in it.
#define LFM2_GATE_FUNCTION UseEverythingAgain
#include "tests/gates/everything.cc"
