// The one file of a program that has the definitions, where all define LFM2_SEPARATE_COMPILATION.
#define LFM2_IMPLEMENTATION
#include "lfm2.h"
