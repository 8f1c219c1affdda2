// The one file of a program that has the definitions, where all define LFM2_SEPARATE_COMPILATION: of the interface for
// C too.
#define LFM2_IMPLEMENTATION
#define LFM2_C_IMPLEMENTATION
#include "lfm2.h"
#include "lfm2_c.h"
