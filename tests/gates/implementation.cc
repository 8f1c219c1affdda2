// The one file with the definitions, including those of the interface for C, in a program whose files all define
// LFM2_SEPARATE_COMPILATION.
#define LFM2_IMPLEMENTATION
#define LFM2_C_IMPLEMENTATION
#include "lfm2.h"
#include "lfm2_c.h"
